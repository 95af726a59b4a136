"""Labelled music becomes a model, and a report says how good it is."""
