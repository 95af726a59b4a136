"""A day in the life of the service, in minutes: see `python -m tests.soak --help`."""
