"""What `genred history --backup` prints, and what it refuses."""

import json
from pathlib import Path

import pytest

from genred.history.history import History
from genred.history.records import Outcome, Record
from tests.command import Genred


@pytest.fixture
def configured(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    """The history that the commands find, with two decisions about one file."""
    monkeypatch.setenv("GENRED_HISTORY_URL", f"sqlite:///{history.path}")
    for reason in ("no audio in it", "it has a genre already: Soul"):
        history.record(Record(Path("/m/song.mp3"), Outcome.KEPT, reason))
    return history


def test_one_line_says_what_was_copied(configured: History, genred: Genred, tmp_path: Path) -> None:
    """Rows, size and seconds on stdout; where stderr is no terminal, nothing is printed there."""
    target = tmp_path / "backup.db"
    done = genred("history", "--backup", target)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{target}: 2 decisions about 0 files, 0.2 MB in ")
    assert done.out.count("\n") == 1
    assert genred("-q", "history", "--backup", target) == (0, "", "")


def test_scripts_are_told_in_json(configured: History, genred: Genred, tmp_path: Path) -> None:
    """One object, whose keys stay."""
    target = tmp_path / "backup.db"
    (told,) = genred("history", "--backup", target, "--json").json
    assert told.keys() == {"path", "decisions", "files", "bytes", "seconds"}
    assert (told["path"], told["decisions"], told["bytes"]) == (str(target), 2, target.stat().st_size)


def test_who_asks_for_progress_is_told(
    configured: History, genred: Genred, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a scan, a program may read on stderr how far it is."""
    monkeypatch.setenv("GENRED_PROGRESS", "json")
    said = genred("history", "--backup", tmp_path / "backup.db").err
    assert all("step" in json.loads(line) for line in said.splitlines())


@pytest.mark.parametrize("other", [["--genre", "Rock"], ["--limit", "3"], ["--csv"], ["--datasette"], ["--path", "/m"]])
def test_all_of_the_history_is_copied_or_nothing(
    configured: History, genred: Genred, tmp_path: Path, other: list[str]
) -> None:
    """A filter beside it is a mistake: what a person would take for a part of the history would be all of it."""
    target = tmp_path / "backup.db"
    done = genred("history", "--backup", target, *other)
    assert done.code == 2
    assert "--backup takes all of the history" in done.err
    assert not target.exists()


def test_each_kind_of_trouble_has_its_exit_code(configured: History, genred: Genred, tmp_path: Path) -> None:
    """1 where the backup can't go there, 10 where there is no history, one line each."""
    text = tmp_path / "shopping.txt"
    text.write_text("milk", "utf-8")
    for target, told in ((tmp_path / "none" / "backup.db", "no such folder"), (text, "file is not a database")):
        done = genred("history", "--backup", target)
        assert (done.code, done.out) == (1, "")
        assert told in done.err
        assert done.err.count("\n") == 1
    assert text.read_text("utf-8") == "milk"


def test_without_a_history_nothing_is_copied(genred: Genred, tmp_path: Path) -> None:
    """There is nothing to keep yet."""
    done = genred("history", "--backup", tmp_path / "backup.db")
    assert done.code == 10
    assert "no history yet" in done.err
    assert list(tmp_path.iterdir()) == []
