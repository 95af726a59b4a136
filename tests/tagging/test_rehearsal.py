"""A rehearsal answers from tags that are noted nowhere what the real run answers from those that it noted."""

from dataclasses import replace

import pytest

from genred.history.history import History
from genred.history.library import Album, Library
from genred.history.records import Author
from genred.names import Labels
from genred.tagging.rehearsal import Rehearsed
from tests.tagging.test_evidence import track

TRACKS = [
    *(track(f"a/{n}", "Jazz", Labels("Ann", "", "First")) for n in range(3)),
    track("a/4", "Blues,Jazz", Labels("Ann feat. Bob", "Ann", "First")),
    track("b/1", "Kids", Labels("Bob", "Ann", "Second")),
    track("c/1", "Pop", Labels("Ann", "Various Artists", "Hits")),
    track("c/2", "Rock", Labels("Cid", "Various Artists", "Hits")),
    *(track(f"d/{n}", "Folk", Labels("Dan")) for n in range(2)),
    track("e/1", "Punk", Labels("Ann", "", "Third"), Author.GENRED),
    track("f/1", "", Labels("Ann", "", "Fourth")),
]


def plain(albums: list[Album]) -> list[tuple[str, str, dict[tuple[str, ...], int]]]:
    return sorted((album.artist, album.album, dict(album.tracks)) for album in albums)


@pytest.mark.parametrize("noted", [0, 2, len(TRACKS)])
def test_it_answers_as_the_library_does_that_notes_all(history: History, noted: int) -> None:
    """Whatever part of it was noted before, and whatever of that is read again."""
    history.library.note_all(TRACKS[:noted])
    rehearsed = Rehearsed(history.library)
    for each in TRACKS:
        rehearsed.add(each)
    artists = ["ann", "bob", "cid", "dan", "nobody"]
    by_artist, shares, albums = rehearsed.by_artist(artists), rehearsed.shares(), rehearsed.artists(9)
    assert rehearsed.shares() is shares
    history.library.note_all(TRACKS)
    assert {artist: plain(found) for artist, found in by_artist.items()} == {
        artist: plain(found) for artist, found in history.library.by_artist(artists).items()
    }
    if noted != 2:  # of an album that is noted in part, each part counts for one
        noted_all = [album for of in history.library.artists(9) for album in of]
        assert plain([album for of in albums for album in of]) == plain(noted_all)
        assert shares == pytest.approx(dict(Library(history.reading, history.writing).shares()))


def test_what_a_person_did_not_say_is_not_counted(history: History) -> None:
    """A genre of genred's, no genre, or tags that were not read."""
    rehearsed = Rehearsed(history.library)
    for each in (*TRACKS[-2:], replace(TRACKS[0], labels=None)):
        rehearsed.add(each)
    assert (rehearsed.by_artist(["ann"]), rehearsed.shares(), rehearsed.artists(9)) == ({"ann": []}, {}, [])
