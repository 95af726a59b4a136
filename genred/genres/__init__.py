"""Genres: the tree, spellings, what the places of a file say together, and a user's own words."""

from genred.genres.places import ID3V1, Place, is_said, said
from genred.genres.spellings import is_generic, key
from genred.genres.tree import Landing, Tree, Way, built_in, canonical, family
from genred.genres.vocabulary import Vocabulary

__all__ = [
    "ID3V1",
    "Landing",
    "Place",
    "Tree",
    "Vocabulary",
    "Way",
    "built_in",
    "canonical",
    "family",
    "is_generic",
    "is_said",
    "key",
    "said",
]
