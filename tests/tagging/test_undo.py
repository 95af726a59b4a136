"""`genred undo`: what it finds, what it puts back, and what it says where it can't."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from mutagen import flac

from genred import tags
from genred.config import Config
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.journal import Begun, Journal
from genred.history.records import Outcome, Query, Record
from genred.saving import transaction
from genred.tagging import undo
from genred.tagging.tagger import Tagger
from tests.command import Genred
from tests.fakes import FakeAnalyser, decisions, hearing, sure
from tests.makeaudio import make


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    """The history that the commands use."""
    history = History.open(home / "state" / "genred" / "history.db")
    history.start_run("scan", "0")
    yield history
    history.close()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    for name in ("a.flac", "b.mp3", "album/c.ogg"):
        make(folder / name, 0.2)
    return folder


def digests(folder: Path) -> dict[Path, str]:
    return {path: sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def tag(history: History, folder: Path, genre: str = "Jazz") -> list[Record]:
    """What a scan does, with an analyser that hears one genre in everything."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    analyser = FakeAnalyser({path.name: sure(genre) for path in paths})
    return decisions(Tagger(Config(), history, analyser).process(paths))


def test_a_folder_means_all_below_it(history: History, genred: Genred, music: Path) -> None:
    """Each file below is what it was, nothing beside it is touched, and the next scan leaves them alone."""
    before = digests(music)
    tag(history, music)
    assert genred("undo", music / "album")[0] == 0
    assert digests(music / "album") == {music / "album/c.ogg": before[music / "album/c.ogg"]}
    assert tags.read_genres(music / "a.flac") == ["Jazz"]
    assert genred("undo", music)[0] == 0
    assert digests(music) == before
    assert tag(history, music) == []


def test_what_is_left_alone_since_comes_back_too(history: History, genred: Genred, music: Path) -> None:
    """A file that says that a folder is no music doesn't hide what genred wrote there."""
    before = digests(music)
    tag(history, music)
    (music / "album/.nomedia").touch()
    assert genred("scan", "-n", music)[0] == 0
    assert genred("undo", music / "album")[0] == 0
    (music / "album/.nomedia").unlink()
    assert digests(music / "album") == {music / "album/c.ogg": before[music / "album/c.ogg"]}


@pytest.mark.parametrize("which", [("--last", "3"), ("--run", "1"), ("--since", "1h"), ("--since", "2020-01-01")])
def test_runs_numbers_and_times(history: History, genred: Genred, music: Path, which: tuple[str, str]) -> None:
    """All that one run wrote, the last few, or all since: put back, and said one line each."""
    before = digests(music)
    tag(history, music)
    code, out, _ = genred("undo", *which)
    assert (code, len(out.splitlines())) == (0, 3)
    assert digests(music) == before
    assert genred("undo", "--since", "2999-01-01")[2] == "genred: nothing to undo there\n"


def test_the_last_is_the_latest(history: History, genred: Genred, music: Path) -> None:
    """One means one, and the next time the one before it."""
    tag(history, music)
    genred("undo", "--last", "1")
    assert [tags.read_genres(music / name) for name in ("a.flac", "album/c.ogg", "b.mp3")] == [["Jazz"], ["Jazz"], []]
    genred("undo", "--last", "1")
    assert [tags.read_genres(music / name) for name in ("a.flac", "album/c.ogg")] == [["Jazz"], []]


def test_two_writes_of_one_file_come_back_in_order(history: History, genred: Genred, music: Path) -> None:
    """What was there before the first, by way of what was there before the second; rehearsed first."""
    song = music / "a.flac"
    before = song.read_bytes()
    for genre in ("Jazz", "Polka"):
        Tagger(Config(), history, FakeAnalyser()).set_genre(song, genre)
    code, out, err = genred("undo", "-n", song)
    assert (code, len(out.splitlines()), err) == (0, 2, "2 files looked at (dry run)\n")
    assert tags.read_genres(song) == ["Polka"]
    assert genred("undo", song)[0] == 0
    assert song.read_bytes() == before


def test_a_rehearsal_changes_nothing_and_finds_conflicts(history: History, genred: Genred, music: Path) -> None:
    """`-n` says what would be put back and what would not."""
    tag(history, music)
    tags.write_genres(music / "a.flac", ["Polka"])
    before = digests(music)
    code, out, err = genred("undo", "-n", music)
    assert (code, len(out.splitlines())) == (3, 2)
    assert "its genre was changed to Polka since genred wrote it" in err
    assert digests(music) == before
    assert len(Journal(history).undoable(Query())) == 3


def test_a_persons_genre_is_left(history: History, genred: Genred, music: Path) -> None:
    """Changed or removed by somebody since, it stays, and the command says why."""
    tag(history, music)
    tags.write_genres(music / "a.flac", ["Polka"])
    tags.write_genres(music / "b.mp3", [])
    before = digests(music)
    code, _, err = genred("undo", music / "a.flac", music / "b.mp3")
    assert code == 3
    assert "changed to Polka" in err
    assert "removed since genred wrote it" in err
    assert digests(music) == before


def test_another_field_edited_since_stays(history: History, genred: Genred, music: Path) -> None:
    """Where somebody corrected the title, the genre is what it was and the title theirs."""
    song = music / "a.flac"
    tag(history, music)
    theirs = flac.FLAC(song)
    theirs["title"] = "Corrected"
    theirs.save()
    code, out, _ = genred("undo", song)
    assert code == 0
    assert "what else was changed in the file since stays" in out
    assert dict(flac.FLAC(song)) == {"title": ["Corrected"]} | {
        key: value for key, value in flac.FLAC(song).items() if key == "encoder"
    }
    assert tag(history, music) == []
    assert genred("undo", song)[0] == 3


@pytest.mark.parametrize("seen", [True, False], ids=["scanned since", "not scanned since"])
def test_a_renamed_file_is_found(history: History, genred: Genred, music: Path, seen: bool) -> None:
    """Under its new name, by the folder it is in now, by its run; whether or not a scan has seen the new name."""
    before = digests(music)
    tag(history, music)
    moves = {"a.flac": "elsewhere/z.flac", "b.mp3": "y.mp3", "album/c.ogg": "album/x.ogg"}
    (music / "elsewhere").mkdir()
    for then, now in moves.items():
        (music / then).rename(music / now)
    if seen:
        assert tag(history, music) == []
    code, out, err = genred("undo", music / "elsewhere" / "z.flac")
    assert (code, err) == (0, "")
    assert "z.flac" in out
    assert genred("undo", music / "album")[0] == 0
    assert genred("undo", "--run", "1")[0] == 0
    assert digests(music) == {music / now: before[music / then] for then, now in moves.items()}
    assert tag(history, music) == []


def test_a_renamed_folder_is_found(history: History, genred: Genred, music: Path) -> None:
    """By its old name in the history, by its new one on the disk."""
    before = (music / "album" / "c.ogg").read_bytes()
    tag(history, music)
    (music / "album").rename(music / "Album (1999)")
    assert genred("undo", music / "album")[0] == 0
    assert (music / "Album (1999)" / "c.ogg").read_bytes() == before


def test_each_of_two_files_that_had_one_name_comes_back(history: History, genred: Genred, music: Path) -> None:
    """Track 1 of one disc was moved away before that of the next one came: asked for one, the other stays."""
    before = (music / "a.flac").read_bytes()
    tag(history, music)
    (music / "first.flac").hardlink_to(music / "a.flac")
    (music / "a.flac").unlink()
    assert tag(history, music) == []
    (music / "a.flac").write_bytes(before)
    assert [record.path.name for record in tag(history, music)] == ["a.flac"]
    tagged = (music / "a.flac").read_bytes()
    assert genred("undo", music / "first.flac")[0] == 0
    assert (music / "first.flac").read_bytes() == before
    assert (music / "a.flac").read_bytes() == tagged
    assert genred("undo", music)[0] == 0
    assert (music / "a.flac").read_bytes() == before


def test_a_deleted_file_is_said_to_be_gone(history: History, genred: Genred, music: Path) -> None:
    """And the others are put back all the same."""
    tag(history, music)
    (music / "a.flac").unlink()
    code, out, err = genred("undo", music)
    assert (code, len(out.splitlines())) == (3, 2)
    assert "a.flac: no such file" in err


@pytest.mark.parametrize("days", [30, 0])
def test_an_undo_record_that_was_dropped_is_said_to_be(
    history: History, genred: Genred, music: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """Not "nothing to undo": what can't be put back any more is named, with the setting that dropped it."""
    monkeypatch.setenv("GENRED_HISTORY_RETENTION_DAYS", str(days))
    tag(history, music)
    history.forget_undo_records(-1)
    why = f"its undo record was dropped{' after 30 days' if days else ''} (history.retention_days)"
    for asked in ((music,), ("--run", "1"), ("--last", "3"), ("--since", "1h")):
        code, out, err = genred("undo", *asked)
        assert (code, out, err.count(why)) == (3, "", 3)
    (music / "a.flac").rename(music / "moved.flac")
    assert why in genred("undo", music / "moved.flac")[2]
    assert genred("undo", "--json", music)[1].count(why) == 3
    assert len(list(history.records(Query(outcomes=(Outcome.TAGGED,))))) == 3


def test_an_undo_cut_short_is_resolved_first(history: History, genred: Genred, music: Path) -> None:
    """What a crash left is out of the way before anything is compared."""
    song = music / "a.flac"
    tag(history, music)
    journal = Journal(history)
    temp = song.with_name(".genred-0123.tmp")
    journal.begin([Begun(song, temp, stamp_of(song), Record(song, Outcome.UNDONE, "cut short"))])
    temp.write_bytes(b"half")
    assert genred("undo", song)[0] == 0
    assert not temp.exists()


def test_a_librarys_worth_is_found_and_dropped_at_once(history: History) -> None:
    """A library's worth of undo records is found without reading them, and dropped in one statement."""
    with closing(sqlite3.connect(history.path)) as db, db:
        db.executemany(
            "INSERT INTO records (id, at, path, outcome, previous, written, run, reason)"
            " VALUES (?, ?, ?, 'tagged', '[]', '[]', 1, '')",
            ((n, f"{2020 + n // 10_001}-01-01T00:00:00.000Z", b"/music/%d.mp3" % n) for n in range(1, 20_001)),
        )
        db.executemany(
            "INSERT INTO writes (path, temp, dev, ino, size, mtime_ns, ctime_ns, delta, record)"
            " VALUES ('', '', 0, 0, 0, 0, 0, ?, ?)",
            ((bytes(300), n) for n in range(1, 20_001)),
        )
    db.close()
    days = (datetime.now(UTC) - datetime(2020, 7, 1, tzinfo=UTC)).days
    assert history.forget_undo_records(days) == 10_000
    found, dropped = undo.select(history, [Query()])
    assert (len(found), len(dropped)) == (10_000, 10_000)
    assert len(list(history.records(Query()))) == 20_000


def test_what_is_asked_composes(history: History, genred: Genred, music: Path) -> None:
    """As the filters of the history do: all must hold, and the number is that of all that match."""
    tag(history, music)
    assert len(genred("undo", "-n", "--last", "2", "--since", "1h")[1].splitlines()) == 2
    assert len(genred("undo", "-n", music / "album", music / "a.flac", "--run", "1")[1].splitlines()) == 2
    (last,) = genred("undo", "-n", music / "album", music / "a.flac", "--last", "1")[1].splitlines()
    assert "c.ogg" in last
    assert genred("undo", music, "--since", "2999-01-01")[0] == 3


def test_undo_needs_something_to_go_by(genred: Genred) -> None:
    """All that was ever written is asked for by `--since`, not by saying nothing."""
    code, _, err = genred("undo")
    assert (code, "--since" in err) == (2, True)


@pytest.mark.parametrize("asked", [("--run", "99"), ("--last", "1"), ("--since", "1h"), ("/nowhere/at/all",)])
def test_nothing_to_undo_is_one_rule(genred: Genred, asked: tuple[str, ...]) -> None:
    """Whatever was asked for isn't there: some of it failed, in words."""
    assert genred("undo", *asked) == (3, "", "genred: nothing to undo there\n")


def scan(history: History, folder: Path, genre: str) -> list[Record]:
    """What `genred scan` does, which looks at what was undone as a trial too."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    analyser = FakeAnalyser({path.name: sure(genre) for path in paths})
    there = history.files.unknown(((path, stamp_of(path)) for path in paths), backlog=True)
    tagger = Tagger(Config(), history, analyser, backlog=True, trials=True)
    return decisions(tagger.process(path for path, _ in list(there)))


@pytest.mark.parametrize("asked", [("--run", "1"), ("--last", "3"), ("--since", "1h"), ("music", "--for-now")])
def test_a_trial_that_is_undone_may_be_decided_again(
    history: History, genred: Genred, music: Path, asked: tuple[str, ...]
) -> None:
    """The service leaves the files alone, the next scan decides, and so does another model from memory."""
    tag(history, music)
    assert genred("undo", *(music if word == "music" else word for word in asked))[0] == 0
    assert tag(history, music) == []
    assert {file.previous for file in history.analysed("0")} == {()}
    assert [record.written for record in scan(history, music, "Rock")] == [("Rock",)] * 3


@pytest.mark.parametrize("asked", [("music",), ("--run", "1", "--for-good")])
def test_a_verdict_stands(history: History, genred: Genred, music: Path, asked: tuple[str, ...]) -> None:
    """Files that a person names, and all where they say so, are left alone by every scan and model."""
    tag(history, music)
    assert genred("undo", *(music if word == "music" else word for word in asked))[0] == 0
    assert scan(history, music, "Rock") == []
    assert list(history.analysed("0")) == []


def test_a_trial_goes_back_to_the_decision_before(history: History, genred: Genred, music: Path) -> None:
    """Of another model's answers that were undone, the first model's are in force again, and its doubts."""
    sure_of, unsure = music / "a.flac", music / "b.mp3"
    list(Tagger(Config(), history, FakeAnalyser({"a.flac": sure("Jazz")})).process([sure_of, unsure]))
    run = history.start_run("scan", "0")
    tagger = Tagger(Config(), history, FakeAnalyser())
    assert len(list(tagger.redecide(hearing("Rock")))) == 2
    assert genred("undo", "--run", str(run))[0] == 0
    assert {(file.path.name, file.outcome.value, file.there) for file in history.analysed("0")} == {
        ("a.flac", "tagged", ("Jazz",)),
        ("b.mp3", "abstained", ()),
    }
    assert history.files.genres_written(sure_of) == ("Jazz",)
    assert scan(history, music, "Metal")[0].path == music / "album" / "c.ogg"
    assert len(list(tagger.redecide(hearing("Folk")))) == 3


def test_a_persons_own_genre_undone_is_no_trial(history: History, genred: Genred, music: Path) -> None:
    """Taking one's own word back gives genred none."""
    Tagger(Config(), history, FakeAnalyser()).set_genre(music / "a.flac", "Polka")
    assert genred("undo", "--last", "1")[0] == 0
    assert [record.path.name for record in scan(history, music, "Rock")] == ["c.ogg", "b.mp3"]


def test_a_file_that_is_as_it_was_left_is_known(history: History, music: Path) -> None:
    """To the byte."""
    tag(history, music)
    undo = Journal(history).undoable(Query(path=music / "a.flac"))[0]
    assert transaction.is_as_left(undo)
    with (music / "a.flac").open("ab") as file:
        file.write(b"x")
    assert not transaction.is_as_left(undo)
