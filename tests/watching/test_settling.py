"""When a file counts as settled; the clock is a number and the file system a dictionary."""

import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred.fs.files import Stamp, stamp_of
from genred.watching.settling import EMPTY_SECONDS, Settler, SystemTime, at_rest

SONG = Path("/music/song.mp3")
SETTLE = 5.0


def stamp(version: int, size: int = 1000) -> Stamp:
    return Stamp(dev=1, ino=2, size=size, mtime_ns=version, ctime_ns=version)


class Disk(dict[Path, Stamp]):
    """A file system, and how often it was asked."""

    asked = 0

    def stamp_of(self, path: Path) -> Stamp | None:
        self.asked += 1
        return self.get(path)


def test_a_quiet_file_is_due_after_settling_and_once() -> None:
    """A file whose stamp stays the same is let go once, settle_seconds after it was first seen, and forgotten."""
    settler, disk = Settler(SETTLE), Disk({SONG: stamp(1)})
    settler.touched(SONG, 0)
    assert settler.due(0, disk.stamp_of) == []
    assert settler.next_due() == SETTLE
    assert settler.due(SETTLE - 0.1, disk.stamp_of) == []
    assert settler.due(SETTLE, disk.stamp_of) == [(SONG, stamp(1))]
    assert (settler.pending, settler.next_due()) == (0, None)
    assert settler.due(100, disk.stamp_of) == []


def test_a_change_starts_the_wait_again() -> None:
    """A file that is found changed when its time has come waits for as long again."""
    settler, disk = Settler(SETTLE), Disk({SONG: stamp(1)})
    settler.touched(SONG, 0)
    settler.due(0, disk.stamp_of)
    disk[SONG] = stamp(2)
    assert settler.due(5, disk.stamp_of) == []
    assert settler.due(9.9, disk.stamp_of) == []
    assert settler.due(10, disk.stamp_of) == [(SONG, stamp(2))]


def test_a_hint_makes_it_look_at_once() -> None:
    """A hint after a change counts from that change, so that a copied file doesn't wait twice."""
    settler, disk = Settler(SETTLE), Disk({SONG: stamp(1)})
    settler.touched(SONG, 0)
    settler.due(0, disk.stamp_of)
    disk[SONG] = stamp(2)
    settler.touched(SONG, 1)
    assert settler.next_due() == 1
    settler.due(1, disk.stamp_of)
    assert settler.due(6, disk.stamp_of) == [(SONG, stamp(2))]


def test_hints_without_a_change_do_not_delay() -> None:
    """Hints that never end keep no file waiting that doesn't change."""
    settler, disk = Settler(SETTLE), Disk({SONG: stamp(1)})
    due = []
    for now in range(6):
        settler.touched(SONG, now)
        due += settler.due(now, disk.stamp_of)
    assert due == [(SONG, stamp(1))]


def test_a_vanished_file_is_dropped() -> None:
    """A file that is gone when it is looked at is forgotten without a word."""
    settler, disk = Settler(SETTLE), Disk({SONG: stamp(1)})
    settler.touched(SONG, 0)
    settler.due(0, disk.stamp_of)
    disk.clear()
    assert settler.due(5, disk.stamp_of) == []
    assert settler.pending == 0
    settler.touched(SONG, 6)
    assert settler.due(6, disk.stamp_of) == []
    assert settler.pending == 0


def test_an_empty_file_waits_for_its_content_but_not_for_ever() -> None:
    """A browser's placeholder of no bytes is not let go while young; one that stays empty is, after a minute."""
    settler, disk = Settler(SETTLE), Disk({SONG: stamp(1, size=0)})
    settler.touched(SONG, 0)
    due = [now for now in range(200) if settler.due(now, disk.stamp_of)]
    assert due == [EMPTY_SECONDS]


def test_waiting_costs_one_look_per_period() -> None:
    """Files that wait are looked at when their time has come, not at every tick."""
    settler, disk = Settler(SETTLE), Disk({SONG.with_name(f"{n}.mp3"): stamp(1) for n in range(100)})
    for path in disk:
        settler.touched(path, 0)
    for tenth in range(60):
        settler.due(tenth / 10, disk.stamp_of)
    assert disk.asked == 200


names = st.sampled_from([Path(f"/music/{name}.mp3") for name in "abc"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("hint"), names),
        st.tuples(st.just("appear"), names),
        st.tuples(st.just("write"), names),
        st.tuples(st.just("vanish"), names),
        st.tuples(st.just("ask"), st.integers(0, 8)),
    ),
    max_size=60,
)


@given(steps)
def test_it_keeps_its_promises_whatever_happens(script: list[tuple[str, Path | int]]) -> None:
    """Nothing is due before a period of quiet; what was hinted at and is there is due in the end, and once."""
    settler, disk = Settler(SETTLE), Disk()
    now, version = 0, 0
    changed: dict[Path, int] = {}
    expected: set[Path] = set()

    def ask() -> None:
        for path, seen in settler.due(now, disk.stamp_of):
            assert disk[path] == seen
            assert now - changed[path] >= SETTLE
            expected.remove(path)  # raises where a path is let go twice, or was never hinted at

    for verb, what in script:
        if isinstance(what, int):
            now += what
            ask()
        elif verb == "vanish":
            disk.pop(what, None)
        elif verb == "appear" or what in disk:
            if verb != "hint":  # writing goes unnoticed, appearing doesn't
                version += 1
                disk[what] = stamp(version)
                changed[what] = now
            if verb != "write":
                settler.touched(what, now)
                expected.add(what)
    for _ in range(2):  # what was looked at just before waits one period, what changed since waits another
        ask()
        now += int(SETTLE)
    ask()
    assert not expected & disk.keys()
    assert settler.pending == 0


@pytest.mark.parametrize("jump", [86_400, -86_400])
def test_what_was_written_before_the_clock_was_set_does_not_look_old(jump: float) -> None:
    """For a settling time the time goes on as it was, if that is earlier; from then on it is what the system says."""
    system = SystemTime(SETTLE)
    assert [system.at(now, 1e9 + now) for now in (0, 1, 2)] == [1e9, 1e9 + 1, 1e9 + 2]
    told = [system.at(now, 1e9 + now + jump) - 1e9 for now in (3, 5, 7.9)]
    assert told == pytest.approx([now + min(jump, 0) for now in (3, 5, 7.9)])
    assert system.at(8, 1e9 + 8 + jump) == pytest.approx(1e9 + 8 + jump)


def test_a_clock_that_is_drawn_to_the_right_time_is_followed() -> None:
    """Slow corrections, and a clock that was wrong for long, leave nothing behind."""
    system = SystemTime(SETTLE)
    for now in range(1000):
        told = system.at(now, 1e9 + 1.01 * now)
    assert told == pytest.approx(1e9 + 1.01 * 999, abs=0.2)


def test_a_file_somebody_writes_is_not_at_rest(tmp_path: Path) -> None:
    """A file that is open for writing isn't at rest however quiet it is, and is once it was closed."""
    path = tmp_path / "song.mp3"
    with path.open("wb") as writer:
        writer.write(b"half")
        writer.flush()
        if not _leases_work(path):
            pytest.skip("no leases on this file system, or for this user")
        assert not at_rest(path, stamp_of(path))
    assert at_rest(path, stamp_of(path))


def test_a_reader_does_not_matter(tmp_path: Path) -> None:
    """A player that has the file open doesn't keep it from being at rest."""
    path = tmp_path / "song.mp3"
    path.write_bytes(b"whole")
    with path.open("rb"):
        assert at_rest(path, stamp_of(path))


def test_what_changed_or_went_is_not_at_rest(tmp_path: Path) -> None:
    """A file that is no longer what had settled, or isn't there, is not at rest."""
    path = tmp_path / "song.mp3"
    path.write_bytes(b"first")
    settled = stamp_of(path)
    path.write_bytes(b"second")
    assert not at_rest(path, settled)
    path.unlink()
    assert not at_rest(path, settled)


def _leases_work(written: Path) -> bool:
    fd = os.open(written, os.O_RDONLY)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False
