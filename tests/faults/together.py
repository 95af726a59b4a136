"""Save several files together, killed at random moments, or with somebody else at work on one of the files.

    python -m tests.faults.together [--turns 400] [--seed 0] [mp3 flac ...]
    python -m tests.faults.together --power [mp3 flac ...]      # power cuts as of tests.faults.power; needs strace

Every other turn is a kill. Whatever it is, each file is the old one or the new one, whole and with a way back, and what
somebody else did to one is there, and stops none of the others. Prints one JSON object of counts, and ends with 1 if
that isn't so.
"""

import argparse
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Record
from genred.saving import transaction
from genred.tags import edit_clone
from tests.faults.kills import BAD, ENDS, GENRES, Bench
from tests.faults.power import cut
from tests.faults.rivals import RIVALS

KINDS = ("mp3", "flac", "m4a", "ogg", "opus", "wav")


class Shelf:
    """Files of one folder, with one history."""

    def __init__(self, folder: Path, kinds: Sequence[str], seconds: float) -> None:
        self.benches = [Bench(folder, kind, seconds) for kind in kinds]
        self._before = {bench.path: bench.path.read_bytes() for bench in self.benches}

    def save(self, genre: str) -> None:
        """Save those that are there, in this process; fail as the first of them that failed."""
        history = History.open(self.benches[0].database)
        history.start_run("scan", "0")
        drafts = []
        for path in self._before:
            with suppress(FileError):
                stamp = stamp_of(path)
                drafts.append(Record(path, Outcome.TAGGED, "a fault test", written=(genre,), stamp=stamp))

        def edit(draft: Record, clone: Path) -> None:
            edit_clone(draft.path, clone, draft.written)

        became = transaction.replace_all(drafts, edit, Journal(history), Tags())
        history.close()
        for each in became:
            if isinstance(each, FileError):
                raise each

    def act(self, genre: str, seconds: float, disturb: Callable[[int], object]) -> str:
        """Begin to save in a child, and disturb it after some seconds; return how the child ended."""
        child, writer = self.benches[0].spawn(lambda: self.save(genre))
        os.write(writer, b"!")
        select.select([], [], [], seconds)
        disturb(child)
        _, status = os.waitpid(child, 0)
        os.close(writer)
        return ENDS[os.waitstatus_to_exitcode(status)]

    def time_of_a_save(self) -> float:
        start = time.monotonic()
        end = self.act(GENRES[0], 0.0, lambda child: None)
        seconds = time.monotonic() - start
        self.check(GENRES[0], end)
        return seconds

    def check(self, genre: str, end: str) -> None:
        """Count what became of each file, and put all of them back."""
        for bench in self.benches:
            bench.check(self._before[bench.path], genre, end)

    def rival(self, genre: str, seconds: float, chance: random.Random) -> None:
        """Have somebody else do something to one file meanwhile."""
        theirs = chance.choice(self.benches)
        does = chance.choice(list(RIVALS))
        end = self.act(genre, seconds, lambda child: does(theirs.path))
        theirs.counts[does.__name__] += 1
        theirs.counts["damaged"] += not RIVALS[does](theirs)
        for bench in self.benches:
            if bench is not theirs:
                bench.counts["stopped by another"] += bench.path.read_bytes() == self._before[bench.path]
                bench.check(self._before[bench.path], genre, end)
        theirs.counts["damaged"] += not RIVALS[does](theirs)
        for path in theirs.music.iterdir():
            theirs.counts["temporaries left"] += path.name.endswith(".tmp")
            if path not in self._before:
                path.unlink()
        theirs.path.write_bytes(self._before[theirs.path])


def run(folder: Path, kinds: Sequence[str], turns: int, seed: int) -> Counter[str]:
    chance = random.Random(seed)
    shelf = Shelf(folder, kinds, 0.5)
    span = max(shelf.time_of_a_save() for _ in range(3)) * 1.1
    for turn in range(turns):
        genre, moment = GENRES[turn // 2 % 2], chance.uniform(0, span)
        if turn % 2:
            shelf.rival(genre, moment, chance)
        else:
            shelf.check(genre, shelf.act(genre, moment, lambda child: os.kill(child, signal.SIGKILL)))
    return sum((bench.counts for bench in shelf.benches), Counter())


class InTurn:
    """Does what threads would do, one after the other in this thread, which is one of the orders that are possible."""

    def __init__(self, threads: int) -> None:
        self.map = map

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def cut_off(folder: Path, kinds: Sequence[str]) -> Counter[str]:
    """Cut the power at every moment; strace follows one thread."""
    transaction.ThreadPoolExecutor = InTurn  # type: ignore[assignment,attr-defined]  # it does all that is asked of it
    shelf = Shelf(folder, kinds, 0.2)
    for genre in GENRES:
        cut(shelf.benches[0], partial(shelf.save, genre), partial(shelf.check, genre, "disks"))
        shelf.check(genre, "was done")
    return sum((bench.counts for bench in shelf.benches), Counter())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--power", action="store_true")
    parser.add_argument("kinds", nargs="*", default=KINDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.power:
            counts = cut_off(Path(folder), options.kinds)
        else:
            counts = run(Path(folder), options.kinds, options.turns, options.seed)
    print(json.dumps(counts, sort_keys=True))
    harmed = any(counts[bad] for bad in (*BAD, "failed otherwise", "stopped by another"))
    return int(harmed)


if __name__ == "__main__":
    sys.exit(main())
