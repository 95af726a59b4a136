"""A file is looked into by a child process, under limits."""
