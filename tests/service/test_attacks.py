"""What can be done to a running service from outside: a process of its own here, with real workers and a real lock.

Nothing of it may show a traceback, and nothing may be written to music without a way back on disk.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from genred import tags
from tests.makeaudio import make
from tests.service.running import Service

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return make(tmp_path / "ready.flac", 4.0, noise=0.03)


@pytest.fixture(autouse=True)
def no_traceback(service: Service) -> Iterator[None]:
    yield
    assert "Traceback" not in service.logged()


def genred(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genred", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert "Traceback" not in done.stderr
    return done


def database(service: Service) -> Path:
    return service.lock.with_name("history.db")


@pytest.mark.slow
def test_a_killed_worker_costs_nobody_their_tag(service: Service, song: Path) -> None:
    """However often the out-of-memory killer comes: files are tried twice, and the pool is full again."""
    service.start()
    for number in range(12):
        shutil.copy(song, service.music / f"{number}.flac")
    for number in range(1, 4):
        service.wait_for(number * 3)
        for pid in service.workers():
            os.kill(pid, signal.SIGKILL)
    outcomes = Counter(record.outcome.value for record in service.wait_for(12))
    assert outcomes["tagged"] >= 9
    assert service.stop() == 0


@pytest.mark.slow
def test_hundreds_of_damaged_files_among_good_ones(service: Service, song: Path) -> None:
    """Each is told once and left as it is; each good one is tagged."""
    service.start()
    content = song.read_bytes()
    bad = {}
    for number in range(200):
        path = service.music / f"bad {number}.{('flac', 'mp3', 'm4a', 'ogg')[number % 4]}"
        start, length = number * 37 % 500, 1 + number % 60
        path.write_bytes(content[:start] + bytes(length) + content[start + length * (number % 3) : 100 * (number + 1)])
        bad[path] = path.read_bytes()
    good = [Path(shutil.copy(song, service.music / f"good {number}.flac")) for number in range(20)]
    service.wait_for(len(bad) + len(good))
    assert all(tags.read_genres(path) == ["Classical"] for path in good)
    assert len(service.records()) == len(bad) + len(good)
    untagged = [record.path for record in service.records() if not record.written]
    assert all(path.read_bytes() == bad[path] for path in untagged)
    assert service.stop() == 0


@pytest.mark.slow
def test_a_history_that_another_program_holds(service: Service, song: Path) -> None:
    """A writer that keeps the database for a while, a backup perhaps, doesn't end the service; it goes on then."""
    service.start()
    with closing(sqlite3.connect(database(service), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        shutil.copy(song, service.music / "song.flac")
        with pytest.raises(subprocess.TimeoutExpired):
            service.process.wait(20)
        assert service.records() == []
        other.execute("ROLLBACK")
    (record,) = service.wait_for(1)
    assert record.written == ("Classical",)
    assert service.stop() == 0


def test_a_history_that_is_gone_or_cannot_be_written(service: Service, song: Path) -> None:
    """Without a way back on disk nothing is tagged: the service ends with a message and exit code 10."""
    service.start()
    shutil.rmtree(service.lock.parent)
    tagged = Path(shutil.copy(song, service.music / "song.flac"))
    assert service.process.wait() == 10
    assert tagged.read_bytes() == song.read_bytes()
    assert "genred: " in service.logged()


@pytest.mark.slow
def test_commands_beside_a_running_service(service: Service, song: Path) -> None:
    """set, undo, status and a rehearsal do their part; a scan that wants other settings is told that it can't be."""
    service.start()
    paths = [Path(shutil.copy(song, service.music / f"{number}.flac")) for number in range(3)]
    service.wait_for(3)
    assert genred("set", "Zydeco", paths[0]).returncode == 0
    assert genred("undo", paths[1]).returncode == 0
    assert genred("undo", "-n", paths[2]).returncode == 0
    assert genred("status").returncode == 0
    assert genred("scan", service.music).returncode == 11
    assert genred("run", service.music).returncode == 11
    late = Path(shutil.copy(song, service.music / "late.flac"))
    service.until(lambda: tags.read_genres(late) == ["Classical"])
    assert [tags.read_genres(path) for path in paths] == [["Zydeco"], [], ["Classical"]]
    assert Counter(record.outcome.value for record in service.records()) == {"tagged": 5, "undone": 1}
    assert service.stop() == 0
