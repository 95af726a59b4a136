"""Ask the kernel about a path: its stamp, its mount, the locks on it."""
