"""genred's tree of genres: well-formed, as wide as the lists that people tag by, and right."""

from collections import Counter
from pathlib import Path

import pytest
from mutagen.id3 import TCON

from genred.genres import Way, built_in, family, key
from genred.genres.tree import Node, Tree
from genred.model.installed import BUILTIN_GENRES

TREE = built_in()
HEARD = (*BUILTIN_GENRES, "Folk", "Latin", "Pop", "Punk", "R&B", "Reggae")
"""The genres of the built-in table; the last six are never answered."""

DRAWN = Tree.parse("""
# comments and empty lines are left out

Rock
  = Rock Music, Rockmusik
  Metal
    = Heavy Metal
    ~ * Metal, Metal *
    Death Metal
      ~ Brutal Death Metal
  Punk
Electronic
  Rave Punk
    < Punk, Rock
""")


def test_a_tree_is_read_from_indented_text() -> None:
    """What is indented is a kind of what stands above; signs say what else a genre is called, and is a kind of."""
    assert list(DRAWN.nodes) == ["Rock", "Metal", "Death Metal", "Punk", "Electronic", "Rave Punk"]
    assert DRAWN.nodes["Metal"] == Node("Metal", ("Rock",), ("Heavy Metal",), ("* Metal", "Metal *"))
    assert DRAWN.nodes["Rave Punk"].parents == ("Electronic", "Punk", "Rock")
    assert DRAWN.broad == ("Rock", "Electronic")
    assert DRAWN.children("Rock") == ("Metal", "Punk")


@pytest.mark.parametrize(
    ("name", "genre", "way"),
    [
        ("rock", "Rock", Way.NAME),
        ("ROCK-MUSIK", "Rock", Way.SPELLING),
        ("Heavy Metal Music", "Metal", Way.SPELLING),
        ("brutal death-metal", "Death Metal", Way.KIND),
        ("Swedish Metal", "Metal", Way.WORDS),
        ("Metal for Cats", "Metal", Way.WORDS),
        ("Metallic", None, None),
        ("Nonmetal", None, None),
    ],
)
def test_a_name_lands_on_a_genre_for_a_reason(name: str, genre: str | None, way: Way | None) -> None:
    """Words count whole, and the name of a kind comes before its words."""
    landing = DRAWN.land(name)
    assert (landing and landing.genre, landing and landing.way) == (genre, way)


def test_what_has_no_line_of_its_own_is_a_kind_of_where_it_lands() -> None:
    """It keeps its name: fine words are not made coarse."""
    assert DRAWN.canonical("brutal deathmetal") == "Brutal Death Metal"
    assert DRAWN.ancestors("Brutal Death Metal") == ("Death Metal", "Metal", "Rock")
    assert DRAWN.canonical(" Swedish Metal ") == "Swedish Metal"
    assert DRAWN.line("Swedish Metal") == ("Swedish Metal", "Metal", "Rock")


def test_the_way_up_takes_every_parent_the_nearest_first() -> None:
    """The line is that of the main parents alone."""
    assert DRAWN.ancestors("Rave Punk") == ("Electronic", "Punk", "Rock")
    assert DRAWN.line("Rave Punk") == ("Rave Punk", "Electronic")
    assert DRAWN.nearest("Death Metal", {"Rock", "Metal"}) == "Metal"
    assert DRAWN.nearest("Death Metal", {"Punk"}) is None
    assert DRAWN.common(["Death Metal", "Punk"]) == "Rock"
    assert DRAWN.common(["Death Metal", "Metal"]) == "Metal"
    assert DRAWN.common(["Metal", "Electronic"]) is None


def test_a_tree_that_goes_in_circles_ends_all_the_same() -> None:
    """A person's own file may say that two genres are kinds of each other."""
    circle = Tree([Node("A", ("B",)), Node("B", ("A",))])
    assert circle.ancestors("A") == ("B",)
    assert circle.line("A") == ("A", "B")


def test_no_name_stands_twice_in_the_tree() -> None:
    """Else it would land by chance."""
    places: dict[tuple[bool, bool, str], str] = {}
    twice = []
    for node in TREE.nodes.values():
        for word in (node.name, *node.spellings, *node.kinds):
            place = word.startswith("* "), word.endswith(" *"), key(word)
            if place in places:
                twice.append(f"{word} of {node.name}, and of {places[place]}")
            places[place] = node.name
    assert not twice


def test_every_parent_is_a_genre_and_broad_ones_are_few() -> None:
    """People browse by two dozen; every other genre belongs to one of them."""
    assert {parent for node in TREE.nodes.values() for parent in node.parents} <= TREE.nodes.keys()
    assert 20 <= len(TREE.broad) <= 25
    assert {TREE.line(name)[-1] for name in TREE.nodes} == set(TREE.broad)
    wanted = {"Soundtrack", "World", "Ambient & New Age", "Funk & Soul", "Children's", "Spoken", "Religious", "Holiday"}
    assert wanted <= set(TREE.broad)


def share_that_lands(names: list[str]) -> float:
    return sum(TREE.land(name) is not None for name in names) / len(names)


def test_the_lists_that_people_tag_by_land_on_the_tree() -> None:
    """ID3's with Winamp's, and MusicBrainz'; `python -m benchmarks.genres` prints it, and beets' too."""
    musicbrainz = Path(__file__).with_name("musicbrainz.txt").read_text("utf-8").splitlines()[1:]
    assert len(TCON.GENRES) == 192
    assert share_that_lands(TCON.GENRES) >= 0.98
    assert len(musicbrainz) > 2000
    assert share_that_lands(musicbrainz) >= 0.98


@pytest.mark.parametrize(
    ("names", "genre"),
    [
        ("Gangsta; gangsta rap; Thug Rap", "Gangsta Rap"),
        ("Techno; Tekno; Free Tekno; Acid Techno", "Techno"),
        ("DnB; Drum'n'Bass; d&b; drum n bass; Liquid Funk", "Drum & Bass"),
        ("Goa; Psy-Trance; psychedelic trance", "Psytrance"),
        ("Chinese Classical; Beijing Opera; Chinese Music", "Chinese"),
        ("Football Chant", "Vocal"),
        ("Rock Opera", "Rock Opera"),
        ("Soap Opera Metal", "Metal"),
        ("Samba-Reggae", "Samba"),
        ("Witch House", "Witch House"),
        ("Melodic House; Warehouse House", "House"),
        ("Acid Jazz", "Acid Jazz"),
        ("Lovers Rock", "Lovers Rock"),
        ("Post-Rock; Post Rock", "Post-Rock"),
        ("Gamelan Gong Kebyar; Javanese Gamelan", "Gamelan"),
        ("Gregorian Chant; Znamenny Chant", "Chant"),
        ("OST; Original Soundtrack; Filmmusik", "Soundtrack"),
        ("Hörspiel; Audio Drama", "Audio Theatre"),
        ("Kindermusik; Kids", "Children's"),
        ("Weihnachten; Christmas Carols; Navidad", "Christmas"),
        ("K-Pop; kpop; Korean Pop", "K-Pop"),
        ("Baile Funk; Funk Carioca; Funk Mandelão", "Funk Carioca"),
        ("Bounce Beat", "Go-Go"),
        ("soul_rnb; R'n'B; Rhythm & Blues", "R&B"),
        ("Pop/Rock; pop rock", "Pop Rock"),
        ("Crossover Thrash; Bay Area Thrash Metal", "Thrash Metal"),
        ("Powwow Music", "Native American"),
        ("Jing Ping; Shanto; Chutney", "Caribbean"),
        ("Liquindi; Mohabelo", "African"),
        ("Candombe Beat", "Uruguayan"),
        ("Boedra", "South Asian"),
        ("Acoustic", "Singer-Songwriter"),
        ("Hymn", "Religious"),
        ("Jazz Metal", "Progressive Metal"),
    ],
)
def test_names_land_where_they_belong(names: str, genre: str) -> None:
    """Names that a rule of words, or a list, could easily put elsewhere."""
    assert {(landing := TREE.land(name)) and landing.genre for name in names.split("; ")} == {genre}


def test_what_the_built_in_model_tells_apart_has_the_families_that_were_measured() -> None:
    """Thresholds rest on them: Metal and Punk fall back to Rock, Disco to Pop, and nothing else anywhere."""
    families = Counter(family(genre) for genre in HEARD)
    assert {head: number for head, number in families.items() if number > 1} == {"Rock": 3, "Pop": 2}
    assert {genre for genre in HEARD if family(genre) != genre} == {"Metal", "Punk", "Disco"}


@pytest.mark.parametrize(
    ("name", "genre"),
    [("Techno", "Electronic"), ("Soul", "R&B"), ("Death Metal", "Metal"), ("Ska", "Reggae"), ("Dance", "Electronic")],
)
def test_finer_names_count_as_genres_of_the_built_in_model(name: str, genre: str) -> None:
    """So labelled music of any detail can judge it."""
    assert TREE.nearest(name, HEARD) == genre
