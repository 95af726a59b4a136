"""Genres: the tree, spellings, what the places of a file say together, and a user's own words."""

from genred.genres.places import ID3V1, Place, is_said, said
from genred.genres.spellings import count_as_no_genre, is_generic, is_line, key, listed
from genred.genres.tree import Landing, Tree, Way, built_in, canonical, family, parts
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
    "count_as_no_genre",
    "family",
    "is_generic",
    "is_line",
    "is_said",
    "key",
    "listed",
    "parts",
    "said",
]
