import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred import genres


@pytest.mark.parametrize(
    ("spelling", "genre"),
    [
        ("hiphop", "Hip-Hop"),
        ("Hip Hop", "Hip-Hop"),
        ("RAP/HIP-HOP", "Hip-Hop"),
        ("soul_rnb", "R&B"),
        ("R&B", "R&B"),
        ("r'n'b", "R&B"),
        ("rock and roll", "Rock & Roll"),
        ("Rock 'n' Roll", "Rock & Roll"),
        (" Zydeco ", "Zydeco"),
        (" Blurgh ", "Blurgh"),
    ],
)
def test_spellings_of_one_genre_mean_it(spelling: str, genre: str) -> None:
    """A person may write a genre as they like; one that the tree doesn't know stays itself."""
    assert genres.canonical(spelling) == genre


def test_a_name_of_pictures_is_a_persons_word() -> None:
    """Nobody's ripper writes a guitar; signs that punctuate say nothing."""
    assert genres.key("🎸") == genres.key(" 🎸 ") != genres.key("🎻")
    assert not genres.is_generic("🎸")
    assert genres.is_generic("***")


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


@pytest.mark.usefixtures("own_no_genre")
def test_more_words_may_say_nothing() -> None:
    """Alone, or joined with others that say nothing; other words say what they said."""
    genres.count_as_no_genre(["My Music", "Podcast"])
    assert all(map(genres.is_generic, ("my music", "Unknown", "Other; MY-MUSIC")))
    assert not any(map(genres.is_generic, ("Rock", "Rock; Podcast")))
    genres.count_as_no_genre([])
    assert not genres.is_generic("Podcast")
