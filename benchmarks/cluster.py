"""What it costs to have a cluster hear, and what the machine at home is left with.

    python -m benchmarks.cluster [--tracks 48] [--times 5] [--song FILE...] [--folder /somewhere]

The same tracks are heard by two workers of this machine and by a Dask cluster of two on loopback, in turns, medians:
*pass* is `Analyser.analyse` of tracks without a genre, *scan* is `genred scan` into a fresh history, tags written,
less a scan of one track. Milliseconds of a processor for each track: at *home* (with its workers), in *Dask* (the
scheduler and its workers), and where it is *heard* (genred's workers below those of Dask). *blind* workers don't see
the files: home decodes, and sends excerpts. The *writer* is what `benchmarks.writing` measures. The last table is
arithmetic.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.service import GENRED, environment
from benchmarks.writing import CONFIG, WORKERS, Written, compared, fill, options, tree, without_genre
from genred.analysis import Ask, worker
from genred.analysis.analyser import Analyser
from genred.analysis.cluster import Cluster
from genred.config import Cluster as Settings
from genred.config import cache_dir
from genred.errors import FileError
from tests.clusters import LocalCluster

VARIABLES = {
    "GENRED_SERVICE_WORKERS": str(WORKERS),
    "GENRED_SERVICE_NICE": "0",
    "GENRED_MODEL_MIN_CONFIDENCE": "0.001",
}

# Run a command, and print the processor time of all its processes, those included that outlive it for a moment.
SPENT = """
import ctypes, os, resource, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    while True:
        os.wait()
except ChildProcessError:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(spent.ru_utime + spent.ru_stime)
"""

ONE_GBIT = 125e6
"""Bytes a second."""
MILLION = 1_000_000
CORES = 4


class Spent(NamedTuple):
    """Seconds: on the clock, and of a processor."""

    clock: float
    home: float
    dask: float
    heard: float

    @property
    def processor(self) -> float:
        return self.home + self.dask + self.heard

    @property
    def alone(self) -> "Spent":
        """What home did, without the cluster that idles meanwhile."""
        return self._replace(dask=0.0, heard=0.0)

    def less(self, other: "Spent") -> "Spent":
        return Spent(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Meter:
    """Reads the processor time of home, and of a cluster that this process started."""

    def __init__(self, running: LocalCluster) -> None:
        self._dask = [running.scheduler.pid, *(process.pid for process in running.workers)]

    def read(self) -> Spent:
        there = sum(map(tree, self._dask))
        own = sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in self._dask)
        return Spent(time.perf_counter(), tree(os.getpid()) - there, own, there - own)

    def measured(self, do: Callable[[], object]) -> Spent:
        before = self.read()
        do()
        return self.read().less(before)


def bytes_read(do: Callable[[], object]) -> int:
    """Return how many bytes this process reads meanwhile."""

    def so_far() -> int:
        lines = Path("/proc/self/io").read_text("utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("rchar")).split()[1])

    before = so_far()
    do()
    return so_far() - before


class Sizes(NamedTuple):
    """Mean bytes for each track."""

    file: float
    read: float
    """Of the file, in order to hear it."""
    excerpts: float
    vector: float

    @classmethod
    def of(cls, songs: Sequence[Path]) -> "Sizes":
        rows = []
        for song in songs:
            excerpts = worker.decode(song)
            read = bytes_read(partial(worker.decode, song))
            vector = worker.describe(excerpts)
            rows.append((song.stat().st_size, read, sum(each.nbytes for each in excerpts), len(vector)))
        return cls(*map(statistics.mean, zip(*rows, strict=True)))


def passes(
    running: LocalCluster, meter: Meter, paths: Sequence[Path], nowhere: Path, times: int
) -> Iterator[tuple[str, Spent]]:
    """Yield what a pass costs by each way, in turns; the first turn is not counted."""
    music = str(paths[0].parents[1])
    clusters: dict[str, Mapping[str, str] | None] = {
        "local": None,
        "cluster, by name": {},
        "cluster, blind": {music: str(nowhere)},
    }
    with ExitStack() as stack:
        analysers: dict[str, Analyser] = {}
        for name, names in clusters.items():
            asked = None if names is None else Settings(running.address, names)
            cluster = Cluster(asked, CONFIG.service, needed=True) if asked else None
            analysers[name] = stack.enter_context(Analyser.of(CONFIG, cluster=cluster))
            analysers[name].warm_up()
        for turn in range(times + 1):
            for name, analyser in analysers.items():
                spent = meter.measured(partial(heard, analyser, paths))
                if turn:
                    yield f"pass, {name}", spent


def heard(analyser: Analyser, paths: Sequence[Path]) -> None:
    for path, found in analyser.analyse(paths, Ask.MISSING):
        if isinstance(found, FileError) or found.prediction is None:
            raise SystemExit(f"{path} was not heard: {found}")


def scans(
    running: LocalCluster, meter: Meter, songs: Sequence[Path], home: Path, tracks: int, times: int
) -> Iterator[tuple[str, Spent]]:
    """Yield what `genred scan` of so many tracks costs beyond that of one, in turns."""

    def scanned(count: int, *more: str) -> Spent:
        shutil.rmtree(home / "state", ignore_errors=True)
        fill(home / "music", songs, count)
        command = [sys.executable, "-c", SPENT, *GENRED, "scan", *more, str(home / "music")]
        variables = environment(home, **VARIABLES)
        before = meter.read()
        done = subprocess.run(command, env=variables, capture_output=True, encoding="utf-8", check=True)
        spent = meter.read().less(before)
        return spent._replace(home=float(done.stdout))

    for _ in range(times):
        for name, more in {"local": (), "cluster, by name": ("--scheduler", running.address)}.items():
            yield f"scan, {name}", scanned(tracks, *more).less(scanned(1, *more))


def show(found: Mapping[str, Sequence[Spent]], tracks: int) -> None:
    """Print a row for each way, with its ratio to the local one."""
    print("ms a track              clock   home   Dask  heard    all   ratio: processor, clock")
    for name, turns in found.items():
        base = found[f"{name.partition(',')[0]}, local"]
        over = tracks - 1 if name.startswith("scan") else tracks
        cells = [statistics.median(column) * 1000 / over for column in zip(*turns, strict=True)]
        every = statistics.median(turn.processor for turn in turns) * 1000 / over
        ratios = (
            statistics.median(mine.processor / its.processor for mine, its in zip(turns, base, strict=True)),
            statistics.median(mine.clock / its.clock for mine, its in zip(turns, base, strict=True)),
        )
        shown = "".join(f"{cell:7.0f}" for cell in (*cells, every))
        print(f"{name:<22}{shown}   {ratios[0]:10.2f} {ratios[1]:6.2f}", flush=True)


def on_paper(hear: float, writers: Mapping[str, Written], read: float) -> None:
    """Print how long a million tracks take, and what limits that.

    Parameters
    ----------
    hear
        Seconds of one core for each track, with what Dask takes for a track.
    writers
        What the one writer takes, by what it does with each track.
    read
        Bytes that workers read over the network.
    """
    for name, write in writers.items():
        print(f"\na million tracks, {name}: hours")
        for machines in (1, 4, 16):
            hearing, reading = hear / (machines * CORES), read / ONE_GBIT
            seconds = {"hearing": hearing, "the one writer": write.clock, "1 Gbit/s": reading}
            limit = max(seconds, key=lambda each: seconds[each])
            print(f"{machines:>4} machines of {CORES} cores {seconds[limit] * MILLION / 3600:6.1f}, limited by {limit}")
        waits_never = hear * CORES / write.home
        print(f"the writer of this machine ({os.cpu_count()} cores) keeps up with {hear / write.clock:.1f} cores,")
        print(
            f"one of {CORES} cores that waits for nothing with {waits_never:.1f}, 1 Gbit/s with {hear / reading:.1f};"
        )
        print(f"a core hears a track in {hear:.3f} s")


def main() -> None:
    asked = options(__doc__)
    with tempfile.TemporaryDirectory(dir=asked.folder) as scratch:
        home, logs = Path(scratch), Path(scratch, "logs")
        logs.mkdir()
        os.environ.update(environment(home))
        measure(without_genre(asked.song, home / "songs"), home, logs, asked.tracks, asked.times)


def measure(songs: Sequence[Path], home: Path, logs: Path, tracks: int, times: int) -> None:
    print(f"load {os.getloadavg()[0]:.1f} at the beginning", flush=True)
    with Analyser.of(CONFIG) as analyser:
        analyser.warm_up()  # has filters designed, and the model fitted
    sizes = Sizes.of(songs)
    found: dict[str, list[Spent]] = {}
    idle: list[float] = []
    with LocalCluster(logs, cache_dir().parent) as running:
        running.add(WORKERS, "--no-nanny")
        meter = Meter(running)
        paths = fill(home / "music", songs, tracks)
        heard_by = passes(running, meter, paths, home / "nowhere", times)
        for name, spent in chain(heard_by, scans(running, meter, songs, home, tracks, times)):
            if name == "pass, local":
                idle.append(spent.dask / spent.clock)
            found.setdefault(name, []).append(spent.alone if name.endswith("local") else spent)
    show(found, tracks)
    rate = statistics.median(idle)
    by_name = list(zip(found["pass, cluster, by name"], found["pass, local"], strict=True))
    lean = statistics.median((turn.processor - rate * turn.clock) / base.processor for turn, base in by_name)
    print(f"Dask with nothing to do: {100 * rate:.1f} % of a processor; by name, ratio without that: {lean:.2f}")
    print(
        f"\nkB a track: sent by name {sizes.vector / 1e3:.0f} (the vector), excerpts {sizes.excerpts / 1e3:,.0f},"
        f" the file {sizes.file / 1e3:,.0f}; read of the file {sizes.read / 1e3:,.0f}"
    )
    print("\nthe writer (benchmarks.writing)")
    writers = compared(songs, home, tracks, times)
    hear = statistics.median(turn.dask + turn.heard - rate * turn.clock for turn, _ in by_name) / tracks
    on_paper(hear, writers, sizes.read)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
