"""Names of artists and albums, as people mean them."""

import unicodedata

import pytest

from genred.names import VARIOUS, Labels, album_key, is_various, name_key


@pytest.mark.parametrize(
    "same",
    [
        ("The Beatles", "Beatles, The", "THE BEATLES", "Beatles", " the  beatles "),
        ("Die Ärzte", "Ärzte, Die", unicodedata.normalize("NFD", "Die Ärzte"), "DIE ÄRZTE"),
        ("Simon & Garfunkel", "Simon and Garfunkel", "Simon + Garfunkel"),
        (
            "Beyoncé",
            "Beyonce",
            "BEYONCÉ",
            "Beyoncé feat. JAY-Z",
            "Beyoncé (ft. JAY-Z)",
            "Beyonce [featuring Jay-Z & Nas]",
        ),
        ("AC/DC", "ACDC", "ac/dc"),
        ("Guns N' Roses", "Guns N\u2019 Roses", "Guns N Roses"),
        ("Motörhead", "Motorhead"),
        ("Sigur Rós", "SIGUR ROS"),
        ("Кино", "КИНО"),
        ("Ｐｅｒｆｕｍｅ", "Perfume"),
        ("Miles Davis; John Coltrane", "Miles Davis", "Miles Davis\0Gil Evans"),
        ("Tyler, The Creator", "Tyler the Creator"),
        ("Earth, Wind & Fire", "Earth Wind and Fire"),
    ],
)
def test_spellings_of_one_name_have_one_key(same: tuple[str, ...]) -> None:
    """A player, a shop and a ripper write one artist in three ways."""
    assert {name_key(name) for name in same} == {name_key(same[0])}
    assert name_key(name_key(same[0])) == name_key(same[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Band", "The Bangles"),
        ("!!!", "+/-"),
        ("ガガ", "カカ"),
        ("Little Feat", "Little"),
        ("Featherstone", ""),
        ("Ben Folds Five", "Ben Folds"),
        ("Left", "Le"),
        ("かき", "がき"),
        ("कला", "कली"),
    ],
)
def test_names_of_two_artists_have_two_keys(one: str, other: str) -> None:
    """What is left out of a name must not be all that tells it from another."""
    assert name_key(one) != name_key(other)


def test_no_name_has_no_key_and_signs_are_one() -> None:
    """An empty key is nobody; a band that is called by signs is somebody."""
    assert (name_key(""), name_key("  "), name_key("\0")) == ("", "", "")
    assert name_key("!!!") == "!!!"


@pytest.mark.parametrize(
    "disc",
    ["(Disc 2)", "[CD 2]", "- Disc Two", "Disk 02", "CD1", "(disc 2: Twilight to Starlight)", "cd no. 2", ", Disc II"],
)
def test_the_discs_of_an_album_have_one_key(disc: str) -> None:
    """Rippers put the number of the disc into the name of the album."""
    assert album_key(f"Mellon Collie {disc}") == album_key("Mellon Collie") == "mellon collie"


@pytest.mark.parametrize("name", ["CD1", "Discovery", "Disco 2000", "Vol. 2", "Compact Disc"])
def test_an_album_that_is_called_like_a_disc_keeps_its_name(name: str) -> None:
    """A name that nothing would be left of, or that only begins alike."""
    assert album_key(name) == name_key(name) != ""


@pytest.mark.parametrize(
    "name", ["Various Artists", "VA", "V.A.", "various", "Verschiedene Interpreten", "Varios Artistas"]
)
def test_many_artists_are_recognised_by_the_words_for_them(name: str) -> None:
    """Programs have no other place to say so."""
    assert is_various(name)
    assert Labels("Ann", name, "Hits").album_artist_key == VARIOUS
    assert Labels("Ann", name, "Hits").artist_key == "ann"
    assert Labels("", name, "Hits").artist_key == ""


def test_the_artist_of_an_album_is_the_tracks_where_no_other_is_named() -> None:
    """And the album's stands in for the track's; a flag says that an album is by many."""
    assert Labels("Ann", "", "A").album_artist_key == "ann"
    assert Labels("", "The Anns", "A").artist_key == "anns"
    assert Labels("Ann", "", "A", compilation=True).album_artist_key == VARIOUS
    assert not is_various("")
