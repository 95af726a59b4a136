"""What becomes of a path: the decision, the write, its undo, the review and the explanation."""
