"""Replace a file without risk: the transaction, its questions to the kernel, and the undo record."""
