"""How many tracks the one writer takes: all that genred does with a track beside hearing it.

    python -m benchmarks.writing [--tracks 48] [--times 5] [--song FILE...] [--folder /somewhere]

Two workers read tags, judge and edit; the main process decides, saves and records, as in `genred scan`. Hearing takes
no time. Milliseconds for each track, on the clock, and of a processor in the main process and in all of home, workers
included, beside mutagen's save in place with an fsync and a bare commit of SQLite for each track; once with `tags.mode
= "off"`, and once with a tag written. Medians of turns.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.saving import by_mutagen
from benchmarks.service import environment
from genred.analysis import worker
from genred.analysis.analyser import Analyser
from genred.analysis.cluster import Cluster
from genred.config import Cluster as Settings
from genred.config import Config
from genred.history.history import History
from genred.history.records import Record
from genred.model.evidence import Owner
from genred.model.prediction import Prediction
from genred.tagging.tagger import Tagger
from tests.fakes import sure
from tests.makeaudio import make
from tests.soak.music import label

WORKERS = 2
# It steps back for nobody, so that turns are alike; and it answers about everything, so that a tag is written.
CONFIG = Config().with_changes("service", workers=WORKERS, nice=0).with_changes("model", min_confidence=0.001)


def without_genre(songs: Sequence[Path], folder: Path) -> list[Path]:
    """Return copies of songs of one album that say no genre; without songs, four minutes of a tone in noise."""
    folder.mkdir()
    if not songs:
        return [make(folder / "0.mp3", 240.0, noise=0.1)]
    copies = [Path(shutil.copyfile(song, folder / f"{n}{song.suffix}")) for n, song in enumerate(songs)]
    for copy in copies:
        label(copy, genre=None, artist="Ann", album="First")
    return copies


def fill(music: Path, songs: Sequence[Path], count: int) -> list[Path]:
    """Make a folder of copies anew, twelve to an album."""
    shutil.rmtree(music, ignore_errors=True)
    paths = []
    for number, song in enumerate(islice(cycle(songs), count)):
        path = music / f"{number // 12:03}" / f"{number % 12:02}{song.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        paths.append(Path(shutil.copyfile(song, path)))
    os.sync()
    return paths


class Sure(Analyser):
    """Judges as ever, and answers Jazz, so that a tag is written."""

    def judge(self, vectors: Sequence[bytes], owners: Sequence[Owner]) -> list[Prediction]:
        """Judge, and have an answer to everything."""
        return [sure("Jazz") for _ in super().judge(vectors, owners)]


class Instant(Cluster):
    """Hears everything in no time, and the same in everything."""

    def __init__(self, vector: bytes) -> None:
        super().__init__(Settings("tcp://nowhere:8786"), CONFIG.service, needed=True)
        self._vector = vector

    @property
    def at_once(self) -> int:
        return WORKERS

    def is_there(self) -> bool:
        return True

    def hear(self, path: Path, decode: object) -> Generator[Future[Any], None, bytes]:
        """Return the same as ever."""
        yield from ()
        return self._vector


def tree(pid: int) -> float:
    """Return the seconds of a processor that a process and all below it have spent."""
    process = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:4]) for each in (process, *process.children(recursive=True)))


class Written(NamedTuple):
    """Seconds for each track."""

    clock: float
    main: float
    """Of a processor, in the main process."""
    home: float
    """Of a processor, with the workers."""
    floor: float
    """By the baseline, on the clock."""


def written(songs: Sequence[Path], folder: Path, tracks: int, times: int, mode: str) -> Written:
    """Return what the writer takes: medians of turns, the first not counted."""
    vector = worker.hear(songs[0])
    config = CONFIG.with_changes("tags", mode=mode)
    rows = []
    with Sure.of(config, cluster=Instant(vector)) as analyser:
        analyser.warm_up()
        for turn in range(times + 1):
            paths = fill(folder / "written", songs, tracks)
            history = History.open(folder / f"{mode} {turn}.db")
            history.start_run("scan", "0")
            began, own, home = time.perf_counter(), time.process_time(), tree(os.getpid())
            tagger = Tagger(config, history, analyser, backlog=True)
            for _ in tagger.read_tags(paths):
                pass
            news = list(tagger.process(paths))
            seconds, own = time.perf_counter() - began, time.process_time() - own
            home = tree(os.getpid()) - home
            history.close()
            tagged = sum(isinstance(each, Record) and each.outcome == "tagged" for each in news)
            if tagged != (0 if mode == "off" else tracks):
                raise SystemExit(f"{tagged} of {tracks} were tagged: {news}")
            rows.append((seconds, own, home, bare(fill(folder / "written", songs, tracks), folder / "bare.db", vector)))
    return Written(*(statistics.median(column) / tracks for column in zip(*rows[1:], strict=True)))


def bare(paths: Sequence[Path], database: Path, vector: bytes) -> float:
    """Return the seconds of mutagen's save and an fsync, and of a commit of one vector, for each file."""
    database.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE t (path TEXT, vector BLOB)")
        began = time.perf_counter()
        for path in paths:
            by_mutagen(path, sync=True)
            with db:
                db.execute("INSERT INTO t VALUES (?, ?)", (str(path), vector))
        return time.perf_counter() - began


def compared(songs: Sequence[Path], home: Path, tracks: int, times: int) -> dict[str, Written]:
    """Print a row for each case, and return them by what is done."""
    print("ms a track            on the clock   main process   all of home   of mutagen, fsync and commit")
    found = {}
    for mode, name in (("keep", "a tag written"), ("off", "nothing written")):
        it = found[name] = written(songs, home, tracks, times, mode)
        ratio = it.clock / it.floor
        print(
            f"{name:<22}{1e3 * it.clock:12.1f}{1e3 * it.main:15.1f}{1e3 * it.home:14.1f}{ratio:17.1f} times", flush=True
        )
    return found


def options(about: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=48)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--song", type=Path, nargs="+", default=[], help="music to copy; else it is synthesized")
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary folder by default")
    return parser.parse_args()


def main() -> None:
    asked = options(__doc__)
    with tempfile.TemporaryDirectory(dir=asked.folder) as home:
        os.environ.update(environment(Path(home)))
        print(f"load {os.getloadavg()[0]:.1f}", flush=True)
        compared(without_genre(asked.song, Path(home, "songs")), Path(home), asked.tracks, asked.times)


if __name__ == "__main__":
    main()
