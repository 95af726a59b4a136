"""`genred follow`, as a process of its own: what it prints and runs, how it ends, and what a kill costs."""

import json
import logging
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import click
import pytest

from genred.cli import cli
from genred.errors import ConfigError, HistoryError
from genred.history.history import History
from genred.history.records import Outcome, Record

Follow = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def log(home: Path) -> Iterator[History]:
    """The history that the command finds."""
    history = History.open(home / "state" / "genred" / "history.db")
    history.start_run("scan", "0")
    yield history
    history.close()


@pytest.fixture
def follow() -> Iterator[Follow]:
    """Start `genred follow`; what is at work still at the end is killed."""
    started = []

    def start(*words: str | Path, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "genred", "follow", *words]
        process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def decide(history: History, name: str, outcome: Outcome = Outcome.TAGGED) -> int:
    written = ("Jazz",) if outcome is Outcome.TAGGED else ()
    return history.record(Record(Path("/srv/music", name), outcome, "why", written=written)).id or 0


def test_a_script_reads_on_where_it_was(log: History, follow: Follow) -> None:
    """Filters, paths as another program knows them, and each line as soon as it is known; SIGTERM ends it well."""
    first = decide(log, "a/1.mp3")
    decide(log, "a/2.mp3")
    decide(log, "a/3.mp3", Outcome.FAILED)
    decide(log, "b/1.mp3")
    options = ["--outcome", "tagged", "--path", "/srv/music/a", "--map", "/srv/music", "/music"]
    process = follow("--json", "--after", str(first), *options)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["path"] == "/music/a/2.mp3"
    number = decide(log, "a/4.mp3")
    line = json.loads(process.stdout.readline())
    assert (line["id"], line["path"], line["written"]) == (number, "/music/a/4.mp3", ["Jazz"])
    process.send_signal(signal.SIGTERM)
    assert process.communicate() == ("", "")
    assert process.returncode == 0


def test_nobody_reads_any_more(log: History, follow: Follow) -> None:
    """It ends with what reads it, before there is anything else to print."""
    decide(log, "1.mp3")
    process = follow("--since", "1h")
    assert process.stdout is not None
    assert process.stdout.readline().split("\t")[1:3] == ["tagged", "Jazz"]
    process.stdout.close()
    assert process.wait() == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_a_person_sees_a_table(home: Path, follow: Follow) -> None:
    """On a terminal: it says that there is no history yet, then shows what happens; Ctrl-C ends it."""
    ours, theirs = pty.openpty()
    process = follow(stdout=theirs)
    os.close(theirs)
    assert process.stderr is not None
    assert "no history yet; it begins with `genred run`" in process.stderr.readline()
    history = History.open(home / "state" / "genred" / "history.db")
    history.start_run("scan", "0")
    decide(history, "1.mp3")
    shown = b""
    while b"1.mp3" not in shown:
        shown += os.read(ours, 1000)
    assert b"tagged" in shown
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    os.close(ours)
    history.close()


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
def test_a_kill_in_the_middle_of_a_batch_loses_nothing(log: History, follow: Follow, tmp_path: Path) -> None:
    """The command had begun: its batch comes again, with what came since; after it was taken, it comes no more."""
    place, told, gate = (tmp_path / name for name in ("place.json", "told", "gate"))
    os.mkfifo(gate)
    options = ["--batch", "0", "--state", place, "--after", "0"]
    first = [decide(log, f"{number}.mp3") for number in range(3)]
    process = follow(*options, "--exec", f"cat {gate}")
    with gate.open("w"):  # its command has begun
        process.kill()
        process.wait()
    assert not place.exists()
    first.append(decide(log, "late.mp3"))
    process = follow(*options, "--exec", f"jq -c .id >> {told}")
    assert process.stderr is not None
    assert "told 4 decisions, up to number 4" in process.stderr.readline()
    process.kill()
    process.wait()
    process = follow(*options, "--exec", f"jq -c .id >> {told}")
    last = decide(log, "next.mp3")
    assert process.stderr is not None
    assert f"told 1 decision, up to number {last}" in process.stderr.readline()
    assert told.read_text().split() == [str(number) for number in [*first, last]]
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0


@pytest.mark.slow
def test_a_command_that_is_at_work_may_end_it(log: History, follow: Follow, tmp_path: Path) -> None:
    """Who is stopped meanwhile waits for it, and notes what it took."""
    place, gate = tmp_path / "place.json", tmp_path / "gate"
    os.mkfifo(gate)
    process = follow("--batch", "0", "--state", place, "--after", "0", "--exec", f"cat {gate} >/dev/null")
    number = decide(log, "1.mp3")
    with gate.open("w"):
        process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert json.loads(place.read_text())["id"] == number


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hook", "mpd", "--exec", "true"], "--hook or --exec, not both"),
        (["--since", "1h", "--after", "1"], "--since or --after, not both"),
        (["--batch", "1"], "--batch goes with"),
        (["--state", "x"], "notes the last id, and goes on with --after"),
        (["--map", "/a", "/b"], "--map goes with"),
        (["--exec", ""], "an empty word is no command"),
        (["--json", "--map", "/a", ""], "an empty word is no path"),
        (["--after", "9" * 20], "is not in the range"),
        (["--hook", "winamp"], "'winamp' is not one of"),
    ],
)
def test_what_says_nothing_together_is_refused(words: list[str], message: str) -> None:
    """Before anything is waited for."""
    with pytest.raises(click.UsageError) as error:
        cli.main(["follow", *words], standalone_mode=False)
    assert message in error.value.format_message()


@pytest.mark.usefixtures("log")
def test_what_can_not_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that never was, and a bookmark that is none."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # what the command sets up is for it alone
    with pytest.raises(HistoryError, match="there is no decision 7 yet, the newest is 0"):
        cli.main(["follow", "--after", "7"], standalone_mode=False)
    (tmp_path / "place").write_text("nonsense")
    with pytest.raises(ConfigError, match="something else than a place in a history"):
        cli.main(["follow", "--hook", "mpd", "--state", str(tmp_path / "place")], standalone_mode=False)
