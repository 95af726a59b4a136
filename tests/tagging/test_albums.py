"""Which tracks of a folder are an album; nothing here is a file."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genred.names import Labels, album_folder
from genred.tagging.albums import albums

FOLDER = Path("/music/Artist/Album")


def tracks(*labels: Labels, folder: Path = FOLDER) -> dict[Path, Labels]:
    return {folder / f"{number:02} track.mp3": each for number, each in enumerate(labels, 1)}


def sizes(found: dict[Path, Labels]) -> list[int]:
    return sorted(map(len, albums(found)))


def test_one_title_and_artist_are_an_album_on_all_of_its_discs() -> None:
    """However the title is spelt, and whatever guests are there."""
    found = tracks(Labels("Nick", album="Murder"), Labels("Nick feat. Kylie", album="MURDER"))
    found |= tracks(Labels("Nick", album="Murder (Disc 2)"), folder=FOLDER / "CD2")
    assert sizes(found) == [3]


def test_titles_that_are_not_the_same_are_albums_of_their_own() -> None:
    """An artist's folder, or an inbox, may hold several."""
    assert sizes(tracks(*[Labels("A", album="One")] * 3, *[Labels("A", album="Two")] * 2)) == [2, 3]


def test_one_title_by_two_artists_is_two_albums() -> None:
    """ "Greatest Hits" is what many call theirs."""
    hits = "Greatest Hits"
    assert sizes(tracks(*[Labels("Abba", "Abba", hits)] * 2, *[Labels("Queen", "Queen", hits)] * 3)) == [2, 3]
    assert sizes(tracks(*[Labels("Abba", album=hits)] * 2, *[Labels("Queen", album=hits)] * 2)) == [2, 2]


def test_an_album_with_many_guests_is_one_album_where_its_artist_is_named() -> None:
    """Duets are by two, and the album is by one."""
    assert sizes(tracks(*[Labels(f"Ray & {guest}", "Ray", "Duets") for guest in "ABCD"])) == [4]
    assert sizes(tracks(*[Labels("Ray", album="Duets")] * 3, Labels("Ray & Ann", album="Duets"))) == [4]


@pytest.mark.parametrize(
    "by_many",
    [Labels(album_artist="Various Artists"), Labels(compilation=True), Labels()],
    ids=["by its artist", "by its flag", "by its artists"],
)
def test_a_compilation_is_pooled_by_artist(by_many: Labels) -> None:
    """What holds for one says little of the others, and of a track without an artist nothing is known."""
    found = tracks(
        *(Labels(artist, by_many.album_artist, "Hits '84", by_many.compilation) for artist in ("A", "B", "C", "A", ""))
    )
    assert sizes(found) == [1, 1, 1, 2]


@pytest.mark.parametrize("count", [1, 2, 12, 300])
def test_without_labels_the_folder_is_the_album(count: int) -> None:
    """Even a box of hundreds, if its tracks are numbered."""
    assert sizes(tracks(*[Labels()] * count)) == [count]


@pytest.mark.parametrize("folder", ["Downloads", "INBOX", "singles", "Téléchargements", "My Music"])
def test_where_music_is_only_collected_there_is_no_album(folder: str) -> None:
    """Its tracks have nothing in common."""
    assert sizes(tracks(*[Labels()] * 5, folder=Path("/music", folder))) == [1] * 5
    assert sizes(tracks(*[Labels("A", album="One")] * 5, folder=Path("/music", folder))) == [5]


def test_hundreds_of_strangers_are_no_album() -> None:
    """By their number where nothing else is known, by their artists where these are."""
    strangers = {FOLDER / f"song {chr(97 + n // 26)}{chr(97 + n % 26)}.mp3": Labels() for n in range(200)}
    assert sizes(strangers) == [1] * 200
    assert sizes(tracks(*(Labels(f"Artist {n}") for n in range(200)))) == [1] * 200
    assert sizes(tracks(*(Labels(f"Artist {n}", album="Unknown Album") for n in range(20)))) == [1] * 20


def test_a_track_without_labels_joins_the_album_that_fills_its_folder() -> None:
    """As the one does that was ripped badly; where there are two albums nobody knows which."""
    album = [Labels("Miles", album="Blue")] * 11
    assert sizes(tracks(*album, Labels())) == [12]
    assert sizes(tracks(*album, Labels("Miles"))) == [12]
    assert sizes(tracks(*album, Labels("Dizzy"))) == [1, 11]
    assert sizes(tracks(*album, Labels("Miles", album="Live"), Labels())) == [1, 1, 11]


@pytest.mark.parametrize(
    ("folder", "disc"),
    [
        ("CD1", True), ("cd 02", True), ("Disc 2", True), ("Disk-3 - Live", True), ("DVD 1", True), ("Side A", True),
        ("Album", False), ("Disco 2000", False), ("CD", False), ("Discography", False), ("Side Effects", False),
        ("LP1", True), ("Sidewalks", False), ("1984", False),
    ],
)  # fmt: skip
def test_a_disc_lies_in_the_folder_of_its_album(folder: str, disc: bool) -> None:
    """By the name of its own folder."""
    assert album_folder(FOLDER / folder / "track.mp3") == (FOLDER if disc else FOLDER / folder)


names = st.sampled_from(["", "A", "a", "B", "C feat. A", "Various Artists"])
labels = st.builds(Labels, names, names, st.sampled_from(["", "One", "ONE", "Two", "Unknown Album"]), st.booleans())
paths = st.builds(
    lambda disc, name: FOLDER / disc / f"{name}.mp3",
    st.sampled_from(["", "CD1", "CD2"]),
    st.text("abc0123456789", min_size=1, max_size=3),
)
folders = st.dictionaries(paths, labels, max_size=30)


@given(folders)
def test_every_track_is_in_one_album(found: dict[Path, Labels]) -> None:
    """None is lost, and none is judged twice."""
    assert sorted(path for album in albums(found) for path in album) == sorted(found)


@given(folders, st.randoms())
def test_the_order_in_which_tracks_came_does_not_matter(found: dict[Path, Labels], chance: Random) -> None:
    """Or an album that arrives twice would be another one."""
    items = list(found.items())
    chance.shuffle(items)
    assert albums(dict(items)) == albums(found)


@given(folders)
@example(
    {
        FOLDER / "0.mp3": Labels("", "", "Unknown Album", compilation=True),
        FOLDER / "1.mp3": Labels("", "A", "One"),
        FOLDER / "2.mp3": Labels("", "", "One"),
    }
)
def test_no_album_has_two_titles_or_many_artists(found: dict[Path, Labels]) -> None:
    """Whatever else is in the folder."""
    for album in albums(found):
        known = {found[path].album_key for path in album} - {"", Labels(album="Unknown Album").album_key}
        assert len(known) <= 1
        if any(found[path].is_by_many and found[path].album for path in album) and known:
            assert len({found[path].artist_key for path in album if found[path].album_key in known}) == 1


@given(folders)
def test_what_is_by_one_artist_and_has_one_title_is_together(found: dict[Path, Labels]) -> None:
    """Where no other artist has that title."""
    one = {path: each for path, each in found.items() if (each.album_key, each.artist_key) == ("one", "a")}
    if {each.artist_key for each in found.values() if each.album_key == "one"} == {"a"} and not any(
        each.album_artist for each in one.values()
    ):
        assert any(one.keys() <= set(album) for album in albums(found))
