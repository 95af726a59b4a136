"""What `genred history` prints: for people, spreadsheets and scripts."""

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from genred.cli import history as printing
from genred.history.history import History
from genred.history.records import Outcome, Record
from tests.command import Genred
from tests.recipes import eventful

SONG = Path("/music/Nina Simone/Pastel Blues (remastered, 2005) [flac]/10 Sinnerman, or how it all began.flac")
RECORDS = [
    Record(SONG, Outcome.TAGGED, "Blues 0.70, 0.52 needed", "Blues", 0.7, (), ("Blues",), "m", run=12, id=4),
    Record(
        SONG.with_name("作曲家 [live].mp3"),
        Outcome.KEPT,
        'it "has" a genre, already: Soul',
        previous=("Soul",),
        run=12,
        id=3,
    ),
    Record(Path("/music/x\n" + 90 * "y" + ".mp3"), Outcome.FAILED, "no audio in it", run=1, id=2),
    Record(Path("/m/z.ogg"), Outcome.TAGGED, "a person set it", "Zydeco", written=("Zydeco",), run=1, id=1),
]
TIMES = ["2026-11-22T23:30:00.000Z", "2026-11-22T22:30:00.000Z", "2026-11-22T22:00:00.000Z", "2025-01-01T12:00:00.000Z"]


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Record]]:
    """Some of last year and some around midnight, an hour east of Greenwich."""
    monkeypatch.setenv("TZ", "UTC-1")
    time.tzset()
    yield [replace(record, at=at) for record, at in zip(RECORDS, TIMES, strict=True)]
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("width", [60, 80, 99, 100, 120, 200])
def test_a_table_fits_its_terminal(
    records: list[Record], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Days and times are those of here, the end of each name is there, brackets are no markup, reasons are whole."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert printing.print_table(records) == 4
    out = capsys.readouterr().out
    assert max(map(cell_len, out.splitlines())) <= width
    assert [line for line in out.splitlines() if line[-4:] in ("2026", "2025")] == [
        "Mon 23 Nov 2026",
        "Sun 22 Nov 2026",
        "Wed 01 Jan 2025",
    ]
    assert "00:30  run 12" in out
    for said in ("gan.flac", "[live].mp3", "yyyy.mp3", "Blues 0.70", "Zydeco"):
        assert said in out
    words = " ".join(out.split())
    for reason in ("a person set it", "no audio in it", *(['it "has" a genre, already: Soul'] if width < 100 else [])):
        assert reason in words
    assert "\x1b" not in out


def test_csv_is_the_view(records: list[Record], capsys: pytest.CaptureFixture[str]) -> None:
    """RFC 4180: a header, CRLF, quoted where need be; the same values as `--json`, lists as JSON."""
    assert printing.print_csv(records) == 4
    out = capsys.readouterr().out
    assert printing.print_json(records) == 4
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert out.count("\r\n") == out.count("\n") == 5
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    for row, said in zip(rows, objects, strict=True):
        assert list(row) == list(said)
        assert (row["at"], row["path"], row["reason"]) == (said["at"], said["path"], said["reason"])
        assert [json.loads(row[name]) for name in ("previous", "written")] == [said["previous"], said["written"]]
        assert row["confidence"] == ("" if said["confidence"] is None else str(said["confidence"]))


def test_lines_for_a_pipe_are_in_utc(records: list[Record], capsys: pytest.CaptureFixture[str]) -> None:
    """Six fields, whatever is in a name."""
    assert printing.print_lines(records) == 4
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [len(fields) for fields in lines] == [6] * 4
    assert lines[0][:4] == ["2026-11-22T23:30:00.000Z", "tagged", "Blues", "0.70"]


def test_what_is_not_there_is_said_on_stderr(home: Path) -> None:
    """And is no error; two forms at once are one."""
    file = home / "state" / "genred" / "history.db"
    eventful(file)

    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "genred", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)

    found = ask("history", "--genre", "jazz", "--outcome", "tagged", "--until", "2999-01-01", "--json")
    assert [json.loads(line)["genre"] for line in found.stdout.splitlines()] == ["Jazz", "Jazz"]
    nothing = ask("history", "--genre", "Zydeco")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "genred: nothing in the history matches\n"
    both = ask("stats", "--json", "--csv")
    assert both.returncode == 2
    assert "not both" in both.stderr


def test_history_finds_by_age(genred: Genred, home: Path) -> None:
    """`--since 1h` is an hour back from now."""
    history = History.open(home / "state" / "genred" / "history.db")
    history.start_run("scan", "0")
    history.record(Record(Path("/music/x.mp3"), Outcome.FAILED, "damaged"))
    history.close()
    assert len(genred("history", "--json", "--since", "1h").json) == 1
    assert genred("history", "--json", "--since", "2999-01-01").json == []
    assert next(iter(genred("history").out.split("\t"))).endswith("Z")


@pytest.mark.parametrize("words", [("history", "--limit"), ("history", "--run"), ("undo", "--last"), ("undo", "--run")])
def test_a_number_that_nothing_can_have_is_a_mistake(genred: Genred, words: tuple[str, str]) -> None:
    """SQLite counts to 2**63 - 1."""
    assert genred(*words, str(2**63)).code == 2
    assert genred(*words, "0").code == 2
