"""The loop, and what it tells: systemd, the status file, the logs."""
