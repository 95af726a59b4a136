"""A file becomes excerpts, and excerpts become a vector: pure, and the same whenever it is done again."""

SR = 22050
"""Sample rate in Hz. Old recordings and small files hold nothing above 11 kHz; the model must not hear which ones."""

FEATURE_VERSION = "2"
"""The version of the recipe: vectors of different versions can't be compared."""
