"""What the kernel says of a path: its stamp, its mount, locks on it."""
