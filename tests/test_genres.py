import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred import genres
from genred.genres import Vocabulary


@pytest.mark.parametrize(
    ("spelling", "genre"),
    [
        ("hiphop", "Hip-Hop"),
        ("Hip Hop", "Hip-Hop"),
        ("RAP/HIP-HOP", "Hip-Hop"),
        ("soul_rnb", "R&B"),
        ("R&B", "R&B"),
        ("r'n'b", "R&B"),
        ("rock and roll", "Rock"),
        ("Rock & Roll", "Rock"),
        (" Zydeco ", "Zydeco"),
    ],
)
def test_spellings_of_one_genre_mean_it(spelling: str, genre: str) -> None:
    """A person may write a genre as they like; one the vocabulary doesn't know stays itself."""
    assert genres.canonical(spelling) == genre


SAYS_NOTHING = """
| |-|Unknown|other|MISC|genre|Unknown Genre|N/A|n/a|Unclassifiable|Default|Not Set|no genre|<none>|Other;Unknown
Unknown / Other|Unbekannt|Inconnu|Género desconocido|Sconosciuto|Desconhecido|Onbekend|Okänd|Nieznany|Neznámý
Неизвестно|Άγνωστο|不明|未知|알 수 없음|غير معروف|Bilinmiyor|GENRE INCONNU|sonstiges
"""


@pytest.mark.parametrize("name", re.split(r"[|\n]", SAYS_NOTHING))
def test_a_genre_that_says_nothing_counts_as_none(name: str) -> None:
    """What a ripper fills in is not a person's decision."""
    assert genres.is_generic(name)


@pytest.mark.parametrize(
    "name",
    ["Rock", "Otherworldly", "Genre-bending", "Miscreant", "Unknown; Jazz", "Other/Rock", "None More Black Metal"],
)
def test_a_genre_that_says_something_is_a_genre(name: str) -> None:
    """A person's words are never taken for nothing."""
    assert not genres.is_generic(name)


@given(st.text())
def test_canonical_is_idempotent(name: str) -> None:
    """A canonical name is its own canonical name."""
    once = genres.canonical(name)
    assert genres.canonical(once) == once


def test_every_parent_is_in_the_vocabulary() -> None:
    """Backing off never invents a genre."""
    for child, parent in genres.PARENT.items():
        assert genres.canonical(child) == child
        assert genres.canonical(parent) == parent


def test_a_user_has_words_of_their_own() -> None:
    """Aliases, whitelist and spelling work together, in any spelling."""
    mine = Vocabulary(aliases={"Tunes": "Pop"}, whitelist=["hip hop", "tunes"], spelling={"hiphop": "Rap"})
    assert mine.canonical("TUNES") == "Pop"
    assert mine.written("Hip-Hop") == "Rap"
    assert mine.allows("Pop")
    assert not mine.allows("Rock")
