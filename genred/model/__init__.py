"""A vector becomes a prediction: the classifier, its evaluation, and models as files."""
