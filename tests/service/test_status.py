"""What the genred at work says of itself, and who can read it when."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
from pathlib import Path

import pytest

from genred.errors import HistoryError
from genred.fs.locks import held, last_life, locked, show_life
from genred.history.records import Outcome, Record
from genred.service import status
from genred.service.status import POST_SECONDS, Board, Hearing, Last, Status, Watched, ask, how_to_stop, lock_of
from tests.command import Genred

TAGGED = Record(
    Path("/music/a\n.mp3"),
    Outcome.TAGGED,
    "sure",
    genre="Rock",
    confidence=0.9,
    written=("Rock", "Pop"),
    at="2026-11-22T08:17:17.402Z",
)
FULL = Status(
    "run",
    pid=77,
    version="1.2",
    since="2026-11-22T08:00:00.000Z",
    state="watching",
    model="builtin-1",
    roots=[Watched("/music", "watched"), Watched("/nas", "offline", ["Host is down"])],
    queued=3,
    known=12345,
    unread=2345,
    done={"tagged": 4, "failed": 1},
    last=Last("2026-11-22T08:17:17.402Z", "/music/a.mp3", "tagged", "Rock", 0.9, "sure"),
    mistakes=["c.toml:2: tags.mode: must be one of keep, merge"],
    cluster=Hearing("tcp://desk:8786", 8),
    trouble="history.db: database or disk is full",
    at="2026-11-22T08:17:18.000Z",
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "run.lock"


@pytest.fixture
def board(lock: Path) -> Iterator[Board]:
    """The board of a process at work (this one), with its status full."""
    with locked(lock) as fd, Board(fd, "run", Clock()) as board:
        board.status = replace(FULL, done=dict(FULL.done))
        board.post(at_once=True)
        yield board


def test_who_asks_learns_what_was_posted(board: Board, lock: Path) -> None:
    """All of it, while the lock is held."""
    at_work, said = ask(lock)
    assert at_work
    assert said == board.status
    assert said == replace(FULL, at=said.at)


def test_a_decision_is_counted_and_named(board: Board) -> None:
    """Its name is fit for reading."""
    board.status.count(TAGGED)
    assert board.status.done == {"tagged": 5, "failed": 1}
    last = Last("2026-11-22T08:17:17.402Z", r"/music/a\n.mp3", "tagged", "Rock, Pop", 0.9, "sure")
    assert board.status.last == last


def test_a_line_says_what_matters() -> None:
    """Folders, queue, known files, the last decision, and what is wrong."""
    assert FULL.line() == (
        "watching 2 roots, 3 queued, 12,345 known, last: tagged /music/a.mp3; "
        "tags of 2,345 to be read; "
        "tcp://desk:8786 hears 8 files at once; "
        "history.db: database or disk is full; "
        "not reloaded: c.toml:2: tags.mode: must be one of keep, merge; /nas: offline: Host is down"
    )


@pytest.mark.parametrize(
    ("at_once", "said"),
    [(0, "is away, and this machine hears alone"), (1, "hears 1 file at once"), (8, "hears 8 files at once")],
)
def test_a_line_says_whether_a_cluster_hears(at_once: int, said: str) -> None:
    """Only where one is configured."""
    assert f"; tcp://desk:8786 {said}; " in replace(FULL, cluster=Hearing("tcp://desk:8786", at_once)).line()
    assert "hear" not in replace(FULL, cluster=None).line()


def test_it_is_written_seldom_and_only_when_it_changed(lock: Path) -> None:
    """Every two seconds at most; what hasn't changed costs the disk nothing."""
    clock = Clock()
    with locked(lock) as fd, Board(fd, "run", clock) as board:
        written = lock.stat().st_mtime_ns

        def touched() -> bool:
            """Whether it was written since it was last asked."""
            nonlocal written
            before, written = written, lock.stat().st_mtime_ns
            return written != before

        os.utime(lock, ns=(0, 0))
        written = 0
        board.status.queued = 1
        board.post()
        assert not touched()
        clock.now += POST_SECONDS
        board.post()
        assert touched()
        os.utime(lock, ns=(0, 0))
        written = 0
        clock.now += POST_SECONDS
        board.post()
        assert not touched()


def test_a_sign_of_life_is_seen_and_costs_the_disk_nothing(lock: Path) -> None:
    """Also while nothing changes; the newest one counts, and none outlives the one who gave it."""
    clock = Clock()
    with locked(lock) as fd, Board(fd, "run", clock) as board, lock.open("rb") as asking:
        written = lock.read_bytes(), lock.stat()
        assert last_life(asking.fileno()) == 1000
        clock.now += 7.5
        board.beat()
        assert last_life(asking.fileno()) == 1007
        assert (lock.read_bytes(), lock.stat()) == written
        assert ask(lock)[1] == board.status
        before = datetime.now(UTC)
        show_life(fd, int(time.monotonic()))
        alive = datetime.fromisoformat(ask(lock)[1].alive or "")  # type: ignore[union-attr]  # somebody is at work
        assert timedelta(seconds=-1) < before - alive < timedelta(seconds=60)
    with lock.open("rb") as asking:
        assert last_life(asking.fileno()) is None
    assert ask(lock)[1].alive is None  # type: ignore[union-attr]  # somebody was


def test_a_shorter_status_leaves_no_rest_of_a_longer_one(board: Board, lock: Path) -> None:
    """The file is as long as what was written last."""
    board.status.mistakes = []
    board.post(at_once=True)
    assert json.loads(lock.read_bytes())["mistakes"] == []


def test_nobody_and_the_dead_are_told_apart(lock: Path, tmp_path: Path) -> None:
    """Nobody ever, one that ended as it should, and one that was killed."""
    assert ask(tmp_path / "none") == (False, None)
    with locked(lock) as fd, Board(fd, "scan"):
        pass
    at_work, said = ask(lock)
    assert (at_work, said is not None and said.ended is not None) == (False, True)

    script = (
        "import os, sys; from pathlib import Path\n"
        "from genred.fs.locks import locked; from genred.service.status import Board\n"
        "with locked(Path(sys.argv[1])) as fd, Board(fd, 'run'): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, lock], check=False)
    at_work, said = ask(lock)
    assert (at_work, said and (said.command, said.ended)) == (False, ("run", None))


def test_a_status_caught_half_written_is_read_again(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What isn't whole yet is looked at once more, a moment later."""
    whole = json.dumps(asdict(FULL))
    lock.write_text(whole[:50])
    monkeypatch.setattr("genred.service.status.time.sleep", lambda _: lock.write_text(whole))
    assert ask(lock) == (False, FULL)


def test_what_another_version_wrote_is_understood(lock: Path) -> None:
    """New words are passed over, missing ones left empty."""
    said = asdict(FULL) | {"mood": "fine"}
    del said["known"]
    lock.write_text(json.dumps(said))
    assert ask(lock) == (False, replace(FULL, known=0))


def test_what_nobody_understands_is_nothing(lock: Path) -> None:
    """An empty file or somebody's words are no reason to fail."""
    lock.write_text("[1, 2")
    assert ask(lock) == (False, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_somebody_elses_service_is_told_so(lock: Path) -> None:
    """The status names files, and is for its owner."""
    lock.touch(0o000)
    with pytest.raises(HistoryError, match="ask as the user"):
        ask(lock)


def test_asking_keeps_nobody_from_starting(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds the lock taken by one that only looks, looks again."""
    lock.touch()
    with lock.open() as glance:
        flock(glance, LOCK_SH)
        monkeypatch.setattr("genred.fs.locks.time.sleep", lambda _: flock(glance, LOCK_UN))
        with locked(lock), lock.open() as other:
            assert held(other.fileno())
        assert not held(glance.fileno())
        flock(glance, LOCK_EX)


def test_who_holds_the_lock_is_named_with_how_to_stop_them(lock: Path) -> None:
    """A service that systemd started is stopped by systemd, any other by a signal; a scan is better waited for."""
    assert how_to_stop(lock) == "see `genred status`"
    with locked(lock) as fd, Board(fd, "run"):
        assert how_to_stop(lock) == f"to stop it: kill {os.getpid()}"
    with locked(lock) as fd, Board(fd, "scan"):
        assert how_to_stop(lock).startswith(f"it is `genred scan` (pid {os.getpid()}): wait for it")


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def place(home: Path) -> Path:
    """The lock file where the command looks for it."""
    lock = lock_of(home / "state" / "genred" / "history.db")
    lock.parent.mkdir(parents=True)
    return lock


def test_the_command_shows_it_to_a_person_and_to_a_script(genred: Genred, place: Path) -> None:
    """As text, and as one object that says whether somebody is at work."""
    place.write_text(json.dumps(asdict(FULL)))
    with locked(place):
        code, text, _ = genred("status")
        assert code == 0
        for part in (
            "genred run is at work",
            "builtin-1",
            "12,345",
            "4 tagged, 1 failed",
            "/music/a.mp3",
            "c.toml:2",
            "is full",
            "  cluster  tcp://desk:8786 hears 8 files at once",
        ):
            assert part in text
        assert max(map(len, text.splitlines())) <= 80
        code, text, _ = genred("status", "--json")
    assert (code, json.loads(text)["running"], text.count("\n")) == (0, True, 1)
    keys = {
        "command",
        "pid",
        "version",
        "since",
        "state",
        "model",
        "roots",
        "queued",
        "known",
        "unread",
        "done",
        "last",
    }
    assert set(json.loads(text)) == keys | {
        "running",
        "database",
        "mistakes",
        "cluster",
        "trouble",
        "at",
        "ended",
        "alive",
    }


def test_a_monitor_learns_who_is_gone_and_who_hangs(
    genred: Genred, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By exit code and a line; who shows none at all, as an older genred, is not taken to hang."""
    code, _, complaint = genred("status", "--check")
    assert (code, complaint) == (1, "genred: no genred is at work\n")
    place.write_text(json.dumps(asdict(FULL)))
    monkeypatch.setenv("GENRED_SERVICE_TIMEOUT_SECONDS", "0.1")
    with locked(place) as fd:
        assert genred("status", "--check")[0] == 0
        show_life(fd, max(1, int(time.monotonic()) - 5))
        assert genred("status", "--check")[0] == 0
        assert "no sign of life" not in genred("status")[1]
        monkeypatch.setattr(status, "SILENCE_SECONDS", 0.0)
        code, text, complaint = genred("status", "--check")
        assert (code, complaint[:34]) == (1, "genred: genred is at work, and has")
        assert "no sign of life since" in text
        assert genred("status")[0] == 0


def test_the_command_says_who_was_last(genred: Genred, place: Path) -> None:
    """Nobody at work is no mistake: exit 0, and how the last one ended."""
    assert genred("status")[:2] == (0, f"no genred is at work on {place.with_name('history.db')}\n")
    place.write_text(json.dumps(asdict(FULL)))
    assert "genred run, was cut short" in genred("status")[1]
    place.write_text(json.dumps(asdict(replace(FULL, ended=FULL.at))))
    assert "genred run, ended 2026-11-22" in genred("status")[1]
    assert json.loads(genred("status", "--json")[1])["running"] is False


def test_the_command_answers_in_spite_of_a_bad_configuration(genred: Genred, place: Path, tmp_path: Path) -> None:
    """Just then one asks; the mistakes are on stderr."""
    (tmp_path / "c.toml").write_text("[tags]\nmode = 'x'\n")
    code, text, complaints = genred("status", "--config", str(tmp_path / "c.toml"))
    assert (code, text[:20]) == (0, "no genred is at work")
    assert "c.toml:2: tags.mode" in complaints
