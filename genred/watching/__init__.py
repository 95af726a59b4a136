"""A path comes to rest: folders are watched, scanned and compared with the history."""
