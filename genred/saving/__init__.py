"""A file is replaced and never put at risk: the transaction, what it asks of the kernel, the undo record."""
