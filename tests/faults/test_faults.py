"""The fault suite in its short form; the long one is `python -m tests.faults --full` (or GENRED_FAULTS=1).

The benches fork and mount, which a test runner must not: they have processes of their own.
"""

import os
import random
import re
from pathlib import Path

import pytest

from tests.faults.__main__ import BAD, BENCHES, Bench
from tests.faults.power import Disk, Replay

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

LONG = bool(os.environ.get("GENRED_FAULTS"))


@pytest.mark.slow
@pytest.mark.parametrize("bench", [bench for bench in BENCHES if LONG or not bench.full_only], ids=lambda b: b.title)
def test_a_fault_does_no_harm(bench: Bench) -> None:
    """Whatever happens during a save, the file is the old or the new one, whole, and nothing is lost or left behind."""
    if why := bench.missing():
        pytest.skip(why)
    counts = bench.run()
    print(dict(counts))
    assert {name: counts[name] for name in BAD} == dict.fromkeys(BAD, 0)
    assert sum(counts.values()) >= 40


def test_the_model_of_a_disk_loses_what_it_may() -> None:
    """The power cuts are worth what the model is: it keeps what was synced and loses what was not."""
    folder = Path("/music")
    replay = Replay(Disk({folder / "song": b"old"}, [folder]))

    def hexed(line: str) -> str:
        return re.sub(r'"([^"]*)"', lambda m: '"' + "".join(f"\\x{ord(c):02x}" for c in m[1]) + '"', line)

    def left(*lines: str) -> set[tuple[tuple[str, bytes], ...]]:
        for line in lines:
            replay.apply(hexed(line))
        states = replay.disk.after_a_power_cut(random.Random(0))
        return {tuple(sorted((path.name, data) for path, data in state.items())) for state in states}

    new, old = ("song", b"new"), ("song", b"old")
    written = left(
        'openat(AT_FDCWD</>, "/music/temp", O_RDWR|O_CREAT|O_EXCL, 0600) = 3</music/temp>',
        'write(3</music/temp>, "new", 3) = 3',
    )
    assert written == {(old,), (old, ("temp", b"")), (old, ("temp", b"new")), (old, ("temp", b"\0\0\0"))}
    assert left("fsync(3</music/temp>) = 0") == {(old,), (old, ("temp", b"new"))}
    swap = 'renameat2(AT_FDCWD</>, "/music/temp", AT_FDCWD</>, "/music/song", RENAME_EXCHANGE) = 0'
    assert left(swap) == {(old,), (old, ("temp", b"new")), (new, ("temp", b"old"))}
    assert left("fsync(4</music>) = 0") == {(new, ("temp", b"old"))}
    assert left('unlink("/music/temp") = 0', "fsync(4</music>) = 0") == {(new,)}
