"""Kill the tagger in the middle of an album, after each of its steps, and start it again.

    python -m tests.faults.albums [--tracks 14]

A step is a transaction of the history, or the edit of a tag. The first track of the album was answered before the rest
came, so that its answer is corrected. Whatever the step, the next start makes one album of it: no track is lost, heard
twice, or left with another genre, and `undo` brings back every byte. Prints one JSON object of counts, and ends with 1
if that isn't so.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from genred.config import Config, Tags
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Query
from genred.saving import transaction
from genred.tagging import tagger
from genred.tagging.tagger import Tagger
from genred.tagging.undo import select, undo_write
from genred.tags import read_genres
from genred.tags.payload import payload_hash
from tests.fakes import AlbumEar, sure
from tests.makeaudio import make

BAD = ("mixed", "heard twice", "damaged", "lost undo", "temporaries left")


class Fate:
    """Counts the steps of a process, and ends it after one of them."""

    def __init__(self, last: int | None) -> None:
        self._left = last

    def step(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Mortal(History):
    """A history after whose transactions the process may be killed."""

    fate = Fate(None)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with super().writing() as db:
            yield db
        self.fate.step()


class Ear(AlbumEar):
    """Notes in a file what it hears, and may die in an edit."""

    def __init__(self, notes: Path, fate: Fate) -> None:
        hears = {f"{number:02}.flac": sure("Jazz") for number in range(2, 100)}
        super().__init__({"01.flac": sure("Blues", 0.6), **hears})
        self._notes = notes
        self._fate = fate

    def vector(self, path: Path) -> bytes:
        with self._notes.open("a") as notes:
            notes.write(path.name + "\n")
        return super().vector(path)

    def edit(self, path: Path, clone: Path, genres: Sequence[str], options: Tags) -> None:
        self._fate.step()
        super().edit(path, clone, genres, options)


class Bench:
    """An album that arrives, and what was there before."""

    def __init__(self, folder: Path, tracks: int) -> None:
        self.music = folder / "album"
        self.music.mkdir(parents=True)
        self._notes, self._database = folder / "heard", folder / "history.db"
        self._tracks = [make(self.music / f"{n:02}.flac", 0.1 + n / 50, noise=0.05) for n in range(1, tracks + 1)]
        self._before = {path: path.read_bytes() for path in self._tracks}
        self._sound = {path: payload_hash(path) for path in self._tracks}
        self._decide(self._tracks[:1], Fate(None))

    def _decide(self, paths: Sequence[Path], fate: Fate) -> None:
        history = Mortal.open(self._database)
        history.fate = fate
        history.start_run("run", "0")
        transaction.recover(Journal(history))
        new = [path for path, _ in history.files.unknown((path, stamp_of(path)) for path in paths)]
        for _ in Tagger(Config(), history, Ear(self._notes, fate)).process(new):
            pass
        history.close()

    def dies_after(self, step: int) -> bool:
        """Decide about all of it in a process that dies after a step; return False if it came to its end before."""
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                self._decide(self._tracks, Fate(step))
                os._exit(0)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code not in (0, -signal.SIGKILL):
            raise RuntimeError(f"it ended with {code}")
        return code != 0

    def look(self) -> Counter[str]:
        """Start again, and count what is wrong."""
        self._decide(self._tracks, Fate(None))
        heard = Counter(self._notes.read_text().split())
        counts = Counter(
            {
                "mixed": {tuple(read_genres(path)) for path in self._tracks} != {("Jazz",)},
                "heard twice": heard != Counter(path.name for path in self._tracks),
                "damaged": any(payload_hash(path) != sound for path, sound in self._sound.items()),
            }
        )
        history = History.open(self._database)
        history.start_run("undo", "0")
        undos, _ = select(history, [Query(path=self.music)])
        for undo in undos:
            undo_write(history, undo, Tags())
        history.close()
        counts["lost undo"] = any(_digest(path.read_bytes()) != _digest(b) for path, b in self._before.items())
        counts["temporaries left"] = len(list(self.music.iterdir())) != len(self._tracks)
        return Counter({name: int(count) for name, count in counts.items()})


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def run(folder: Path, tracks: int) -> Counter[str]:
    """Kill it after every step that there is, with several groups of tracks that are noted and saved together."""
    tagger.KEPT_AT_ONCE = transaction.TOGETHER = 2
    counts: Counter[str] = Counter(dict.fromkeys(BAD, 0))
    step, killed = 0, True
    while killed:
        step += 1
        bench = Bench(folder / str(step), tracks)
        killed = bench.dies_after(step)
        counts["killed"] += killed
        counts += bench.look()
    counts["harmed"] = sum(counts[name] for name in BAD)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tracks", type=int, default=14)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), options.tracks)
    print(json.dumps(counts, sort_keys=True))
    return int(counts["harmed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
