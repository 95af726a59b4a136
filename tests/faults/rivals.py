"""Somebody else at work on a file while it is being saved: at a random moment, thousands of times.

    python -m tests.faults.rivals [--turns 400] [--seed 0] [mp3 flac ...]

Whatever they did must be there afterwards. Prints one JSON object of counts, and ends with 1 if it isn't.
"""

import argparse
import json
import os
import random
import select
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from genred.history.history import History
from genred.history.journal import Journal
from genred.saving import transaction
from tests.faults.kills import BAD, ENDS, GENRES, Bench

THEIRS = b"somebody else's"


def overwrite(path: Path) -> bool:
    """Open, wait a little, write, close: as an editor in place does."""
    with path.open("r+b", buffering=0) as file:
        select.select([], [], [], 0.002)
        file.truncate(0)
        file.write(THEIRS)
    return path.read_bytes() == THEIRS


def rename_over(path: Path) -> bool:
    other = path.with_name("theirs")
    other.write_bytes(THEIRS)
    other.rename(path)
    return True


def delete(path: Path) -> bool:
    path.unlink()
    return True


def move(path: Path) -> bool:
    path.rename(path.with_name("moved"))
    return True


def is_theirs(bench: Bench) -> bool:
    return bench.path.read_bytes() == THEIRS


def is_gone(bench: Bench) -> bool:
    return not bench.path.exists()


def is_moved(bench: Bench) -> bool:
    return is_gone(bench) and (bench.music / "moved").stat().st_size > len(THEIRS)


RIVALS: dict[Callable[[Path], bool], Callable[[Bench], bool]] = {
    overwrite: is_theirs,
    rename_over: is_theirs,
    delete: is_gone,
    move: is_moved,
}


def turn(bench: Bench, rival: Callable[[Path], bool], moment: float, genre: str) -> None:
    content = bench.path.read_bytes()
    child, writer = bench.spawn(lambda: bench.save(genre))
    os.write(writer, b"!")
    select.select([], [], [], moment)
    rival(bench.path)
    _, status = os.waitpid(child, 0)
    os.close(writer)
    bench.counts[ENDS[os.waitstatus_to_exitcode(status)]] += 1
    bench.counts[f"{rival.__name__}"] += 1
    bench.counts["damaged"] += not RIVALS[rival](bench)
    history = History.open(bench.database)
    transaction.recover(Journal(history))
    bench.counts["unresolved"] += len(Journal(history).unfinished())
    history.close()
    bench.counts["damaged"] += not RIVALS[rival](bench)
    bench.counts["temporaries left"] += any(path.name.endswith(".tmp") for path in bench.music.iterdir())
    for path in bench.music.iterdir():
        path.unlink()
    bench.path.write_bytes(content)


def run(folder: Path, kinds: list[str], turns: int, seed: int) -> Counter[str]:
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    for kind in kinds:
        bench = Bench(folder / kind, kind, 0.5)
        span = max(bench.time_of_a_save() for _ in range(3)) * 1.1
        for number in range(turns // len(kinds)):
            turn(bench, list(RIVALS)[number % len(RIVALS)], chance.uniform(0, span), GENRES[number // 4 % 2])
        counts.update(bench.counts)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("kinds", nargs="*", default=["mp3", "flac", "m4a", "ogg"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), options.kinds, options.turns, options.seed)
    print(json.dumps(counts, sort_keys=True))
    return int(any(counts[bad] for bad in BAD) or counts["failed otherwise"] > 0)


if __name__ == "__main__":
    sys.exit(main())
