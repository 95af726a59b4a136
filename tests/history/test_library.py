"""The library in the history: folders, artists, shares of genres, and the files whose tags are still to be read."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from genred.fs.files import Stamp
from genred.history.history import History
from genred.history.library import HELD_SECONDS, Album, Indexed, Library
from genred.history.records import Author, Known, Outcome, Record, Standing
from genred.names import Labels

STAMP = Stamp(1, 1, 10, 10, 10)


def read(path: str, genres: str = "", labels: Labels | None = None, by: Author | None = Author.YOU) -> Indexed:
    """Return a file as its tags describe it, each with an inode of its own; genres are joined by a comma."""
    names = tuple(genres.split(",")) if genres else ()
    stamp = replace(STAMP, ino=abs(hash(path)) % 2**40)
    return Indexed(Path(os.fsdecode(path)), stamp, labels or Labels(), names, by if names else None)


def names(found: list[Indexed]) -> list[str]:
    return [file.path.name for file in found]


def rows(history: History, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(history.path)) as db:
        return db.execute(query).fetchall()


def test_a_folder_has_what_lies_directly_in_it(history: History, tmp_path: Path) -> None:
    """Not what lies deeper, not what lies in a folder of nearly the same name, and not what is gone."""
    inside = ["m/a/1.mp3", "m/a/b.mp3", "m/a/z\n.mp3", "m/a/\udcff.mp3"]
    others = ["m/a/b/1.mp3", "m/a/b/2.mp3", "m/a/b-c/1.mp3", "m/a.mp3", "m/a b/1.mp3", "m/a0/1.mp3"]
    paths = [tmp_path / name for name in inside + others]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    gone = tmp_path / "m/a/gone.mp3"
    history.library.note_all(read(str(path)) for path in [*paths, gone])
    (tmp_path / "m/a/unknown.mp3").touch()
    gone.with_name("link.mp3").symlink_to(paths[0])
    assert [file.path for file in history.library.folder(tmp_path / "m/a")] == sorted(
        (tmp_path / name for name in inside), key=os.fsencode
    )
    assert names(history.library.folder(tmp_path / "m/a/b")) == ["1.mp3", "2.mp3"]
    assert names(history.library.folder(tmp_path / "m")) == ["a.mp3"]
    assert history.library.folder(tmp_path / "none") == []


def test_a_folder_of_thousands_is_found(history: History, tmp_path: Path) -> None:
    """A question has no end of parameters."""
    paths = [tmp_path / f"{number:04}.mp3" for number in range(1100)]
    for path in paths:
        path.touch()
    history.library.note_all(read(str(path)) for path in paths)
    assert [file.path for file in history.library.folder(tmp_path)] == paths


def test_what_is_noted_is_what_is_known(history: History) -> None:
    """And a file that was heard says in which version."""
    labels = Labels("Ann", "The Anns", "First", compilation=True)
    history.library.note_all(
        [Indexed(Path("/m/1"), STAMP, labels, ("Jazz",), Author.YOU)], {Path("/m/1"): ("7", b"\0" * 8)}
    )
    (file,) = history.library.of([Path("/m/1"), Path("/m/2")])
    assert file == Indexed(Path("/m/1"), STAMP, labels, ("Jazz",), Author.YOU, Standing.UNDECIDED, None, "7")


def test_a_decision_brings_the_labels_that_were_read_and_keeps_them_where_none_were(history: History) -> None:
    """To undo or to decide anew reads no tags."""
    draft = Record(Path("/m/1"), Outcome.KEPT, "x", previous=("Jazz",), stamp=STAMP, labels=Labels("Ann", "", "First"))
    kept = history.record(draft)
    history.record(replace(draft, reason="again", labels=None))
    (file,) = history.library.of([draft.path])
    assert (file.labels, file.by, file.standing) == (Labels("Ann", "", "First"), Author.YOU, Standing.DONE)
    assert (file.record or 0) > (kept.id or 0) > 0


def test_labels_go_with_a_renamed_file_and_are_read_again_after_an_edit(history: History) -> None:
    """A folder that is renamed needs no reading; a file of the backlog that a person edits does."""
    labels = Labels("Ann", "", "First")
    history.library.note_all([Indexed(Path("/m/1"), STAMP, labels, ("Jazz",), Author.YOU, Standing.BACKLOG)])
    known = history.files.known(Path("/m/1"))
    assert isinstance(known, Known)
    history.files.refresh(known, Path("/n/1"), replace(STAMP, ctime_ns=20))
    assert [file.labels for file in history.library.of([Path("/n/1")])] == [labels]
    assert history.library.count_unread() == 0
    known = history.files.known(Path("/n/1"))
    assert isinstance(known, Known)
    history.files.refresh(known, Path("/n/1"), replace(STAMP, mtime_ns=20))
    assert names(history.library.unread(10)) == ["1"]
    assert history.library.count_unread() == 1


def test_a_second_name_of_a_file_has_its_labels(history: History) -> None:
    """A hard link is the same music."""
    history.library.note_all([Indexed(Path("/m/1"), STAMP, Labels("Ann", "", "First"), (), None)])
    known = history.files.known(Path("/m/1"))
    assert isinstance(known, Known)
    history.files.name_also(known, Path("/m/2"), STAMP)
    assert {file.labels for file in history.library.of([Path("/m/1"), Path("/m/2")])} == {Labels("Ann", "", "First")}


def test_other_music_on_a_new_disk_is_read(history: History) -> None:
    """Backlog holds for any file of the name; its labels are those of the former one."""
    history.library.note_all([Indexed(Path("/m/1"), STAMP, Labels("Ann", "", "First"), (), None, Standing.BACKLOG)])
    history.files.note_backlog([("/m/1", replace(STAMP, dev=2, size=11))], backlog=True)
    assert names(history.library.unread(10)) == ["1"]
    history.library.note_all([Indexed(Path("/m/1"), replace(STAMP, dev=2, size=11), Labels("Bob"), (), None)])
    history.files.note_backlog([("/m/1", replace(STAMP, dev=3, size=11))], backlog=True)
    assert history.library.unread(10) == []


def test_a_person_stays_the_one_who_decided_whatever_is_noted(history: History) -> None:
    """Also where the file is another one since."""
    theirs = Record(Path("/m/1"), Outcome.KEPT, "x", previous=("Jazz",), stamp=STAMP, standing=Standing.PERSON)
    history.record(theirs)
    history.library.note_all([Indexed(theirs.path, replace(STAMP, size=11, mtime_ns=99), Labels(), (), None)])
    (file,) = history.library.of([theirs.path])
    assert file.standing is Standing.PERSON


def test_reading_tags_leaves_the_standing_of_backlog_and_makes_a_changed_file_undecided(history: History) -> None:
    """What was there before genred stays none of its business, however well its tags are known."""
    history.files.note_backlog([("/m/old", STAMP)], backlog=True)
    done = Record(Path("/m/done"), Outcome.KEPT, "x", previous=("Jazz",), stamp=replace(STAMP, ino=2))
    history.record(done)
    history.library.note_all([replace(read("/m/old", "Jazz"), stamp=STAMP), read("/m/new")])
    assert done.stamp is not None
    history.library.note_all([Indexed(done.path, replace(done.stamp, mtime_ns=99), Labels(), (), None)])
    asked = [Path("/m", name) for name in ("old", "new", "done")]
    assert {file.path.name: file.standing for file in history.library.of(asked)} == {
        "old": Standing.BACKLOG,
        "new": Standing.UNDECIDED,
        "done": Standing.UNDECIDED,
    }


def test_of_an_artist_the_albums_are_told_that_a_person_gave_genres_to(history: History) -> None:
    """By the album's artist or the track's; what genred wrote is left out."""
    history.library.note_all(
        [
            read("/m/a/1", "Jazz", Labels("Ann", "", "First")),
            read("/m/a/2", "Jazz", Labels("Ann feat. Bob", "", "First (Disc 2)")),
            read("/m/a/3", "Blues,Jazz", Labels("Ann", "", "First")),
            read("/m/b/1", "Folk", Labels("Cid", "ANN", "Second")),
            read("/m/c/1", "Pop", Labels("Ann", "Various Artists", "Hits")),
            read("/m/d/1", "Rock", Labels("Ann", "", "Third"), Author.GENRED),
            read("/m/e/1", "", Labels("Ann", "", "Fourth")),
            read("/m/f/1", "Punk", Labels("Dan", "", "Fifth")),
        ]
    )
    found = history.library.by_artist(["ann", "nobody"])
    assert found["nobody"] == []
    assert sorted(found["ann"], key=lambda album: album.album) == [
        Album("ann", "first", {("Jazz",): 2, ("Blues", "Jazz"): 1}),
        Album("various artists", "hits", {("Pop",): 1}),
        Album("ann", "second", {("Folk",): 1}),
    ]


def test_of_an_artist_no_file_speaks_that_is_gone(history: History, tmp_path: Path) -> None:
    """Deleted alone, or with its album; a disk that is away has lost nothing."""
    dev = os.stat(tmp_path).st_dev
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1").touch()
    for name, genre, album in (("a/1", "Jazz", "First"), ("a/2", "Rock", "First"), ("b/1", "Folk", "Second")):
        file = read(str(tmp_path / name), genre, Labels("Ann", "", album))
        history.library.note_all([replace(file, stamp=replace(file.stamp, dev=dev))])
    history.library.note_all([read("/away/1", "Pop", Labels("Bob", "Ann", "Third"))])
    assert history.library.by_artist(["ann"]) == {
        "ann": [Album("ann", "first", {("Jazz",): 1}), Album("ann", "third", {("Pop",): 1})]
    }


def test_the_albums_of_the_first_artists_are_told_by_artist(history: History) -> None:
    """As many as are asked for, and then the rest of that artist's; compilations are no artist's."""
    history.library.note_all(
        [
            read("/m/a/1", "Jazz", Labels("Ann", "", "First")),
            read("/m/b/1", "Jazz", Labels("Ann", "", "Second")),
            read("/m/b/2", "Folk", Labels("Ann", "", "Second")),
            read("/m/c/1", "Rock", Labels("Bob", "", "Third")),
            read("/m/d/1", "Pop", Labels("Ann", "Various", "Hits")),
            read("/m/e/1", "Pop", Labels("Ann", "", "Own"), Author.GENRED),
            read("/m/f/1", "Pop", Labels("Ann")),
        ]
    )
    ann = [Album("ann", "first", {("Jazz",): 1}), Album("ann", "second", {("Folk",): 1, ("Jazz",): 1})]
    assert history.library.artists(1) == [ann]
    assert history.library.artists(9) == [ann, [Album("bob", "third", {("Rock",): 1})]]


def test_each_album_has_one_share_of_the_library(history: History) -> None:
    """An album of many tracks is one choice of its owner, a mixed one is several; without a name, a folder is one."""
    first = [read(f"/m/a/{n}", "Jazz", Labels("Ann", "", "First")) for n in range(3)]
    mixed = [read("/m/b/1", "Jazz", Labels("Bob", "", "Mixed")), read("/m/b/2", "Rock", Labels("Bob", "", "Mixed"))]
    bare = [read(f"/m/{folder}/{n}", "Kids") for folder in ("c", "d") for n in range(2)]
    own = [read("/m/e/1", "Pop", Labels("Eve", "", "Fifth"), Author.GENRED), read("/m/f/1", "", Labels("Eve"))]
    history.library.note_all(first + mixed + bare + own)
    assert history.library.shares() == {("Jazz",): 1.5, ("Rock",): 0.5, ("Kids",): 2.0}


def test_shares_are_counted_again_after_a_while(history: History) -> None:
    """A million files take a second."""
    now = [0.0]
    library = Library(history.reading, history.writing, lambda: now[0])
    library.note_all([read("/m/a/1", "Jazz")])
    assert library.shares() == {("Jazz",): 1}
    library.note_all([read("/m/b/1", "Rock")])
    assert library.shares() == {("Jazz",): 1}
    now[0] = HELD_SECONDS
    assert library.shares() == {("Jazz",): 1, ("Rock",): 1}


def test_unread_files_are_told_in_order_a_few_at_a_time(history: History) -> None:
    """So that reading them goes on where it was."""
    history.files.note_backlog([(f"/m/{n}", replace(STAMP, ino=n)) for n in range(5)], backlog=True)
    history.files.note_backlog([("/other/1", replace(STAMP, ino=9))], backlog=True)
    library = history.library
    assert names(library.unread(2, Path("/m"))) == ["0", "1"]
    assert names(library.unread(9, Path("/m"), Path("/m/1"))) == ["2", "3", "4"]
    assert library.count_unread() == 6
    library.note_labels({Path("/m/2"): Labels()})
    assert names(library.unread(9, Path("/m"), Path("/m/1"))) == ["3", "4"]
    assert library.count_unread() == 5


def test_what_the_files_have_now_is_shown_with_album_and_artist(history: History) -> None:
    """Also of files about which genred decided nothing; what is counted is what is shown."""
    history.library.note_all([read("/m/1", "Jazz", Labels("Ann", "The Anns", "First")), read("/m/2")])
    history.files.note_backlog([("/m/3", STAMP)], backlog=True)
    assert rows(history, 'SELECT path, genre, "by", at, album, artist FROM now ORDER BY path') == [
        ("/m/1", '["Jazz"]', "you", None, "First", "Ann"),
        ("/m/2", "[]", None, None, None, None),
    ]
    assert rows(history, "SELECT * FROM tally_now ORDER BY genre") == [('["Jazz"]', "you", 1), ("[]", "", 1)]


@pytest.mark.parametrize("evidence", ["mates", None])
def test_what_decided_is_a_column(history: History, evidence: str | None) -> None:
    """The view `history` is a contract, and so there is another one."""
    draft = Record(Path("/m/1"), Outcome.ABSTAINED, "x", "Jazz", 0.4, model="m", stamp=STAMP, evidence=evidence)
    record = history.record(draft)
    assert rows(history, "SELECT * FROM evidence") == [
        (record.id, record.at, "/m/1", "abstained", "Jazz", 0.4, evidence)
    ]
    assert "evidence" not in [name for _, name, *_ in rows(history, "PRAGMA table_info(history)")]
