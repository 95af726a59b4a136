"""What watching and looking through a library costs, beside `find` in the same run.

    python -m benchmarks.watching [--folder /somewhere] burst [--files 100000]
    python -m benchmarks.watching [--folder /somewhere] reconcile [--files 100000 1000000] [--times 5]
    python -m benchmarks.watching [--folder /somewhere] ignore [--files 100000] [--times 5]
    python -m benchmarks.watching [--folder /somewhere] idle [--files 100000] [--seconds 120]

`burst` makes files faster than the kernel can tell of them, and counts what was told and what was found. `reconcile`
compares a library of known files, ten to a folder, with the history, as at every start and on the timer, and has find
print the same names, sizes and times; medians in seconds. Memory is the peak of this process. `ignore` walks through
such a library with no patterns, with some in `watch.ignore`, and with a .ndignore in every album; medians of processor
time. `idle` runs the service
over a library in which nothing happens, beside a process that only sleeps a second at a time.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import psutil

from benchmarks.memory import start
from genred.config import Watch
from genred.fs.files import Stamp
from genred.history.history import History
from genred.watching.hints import Hints
from genred.watching.walk import Found, WatchOptions, walk
from genred.watching.watcher import Watcher

OPTIONS = WatchOptions(
    extensions=frozenset({".mp3"}), settle_seconds=1.0, album_seconds=0.0, ignore_files=Watch().ignore_files
)
PATTERNS = ("Audiobooks/", "*.live.mp3", "/*/Live/")

_MAKE = """
import os, sys
folder, count, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for n in range(count):
    if n % each == 0:
        os.makedirs(inner := f"{folder}/artist {n // each // 10}/album {n // each}", exist_ok=True)
    with open(f"{inner}/{n % each:02d} - A song of some length.mp3", "wb") as file:
        file.write(b"audio")
"""


def burst(folder: Path, count: int) -> None:
    """Files made while watched: how many the kernel told of, how many were found, how often."""
    told = 0

    def meet(root: Path, going_on: object) -> list[Path]:
        hints: Hints = watcher._roots[0].hints
        changed = hints.changed

        def counted(path: Path, *, folder: bool = False) -> None:
            nonlocal told
            told += 1
            changed(path, folder=folder)

        hints.changed = counted  # type: ignore[method-assign] # to look over its shoulder
        return []

    seen: Counter[Path] = Counter()

    def unknown(pairs: Iterable[Found]) -> Iterator[tuple[Path, Stamp]]:
        return ((Path(path), stamp) for path, stamp in pairs if Path(path) not in seen)

    stop = threading.Event()
    watcher = Watcher([folder], OPTIONS, unknown, meet)
    maker: subprocess.Popen[bytes] | None = None
    made = 0.0
    began = last = time.monotonic()
    for batch in watcher.batches(stop):
        if watcher.ready and maker is None:
            began = time.monotonic()
            maker = subprocess.Popen([sys.executable, "-c", _MAKE, folder, str(count), str(count)])
        if maker is not None and not made and maker.poll() is not None:
            made = time.monotonic() - began
        seen.update(batch)
        last = time.monotonic() if batch else last
        if made and ((len(seen) >= count and time.monotonic() - last > 5) or time.monotonic() - last > 120):
            stop.set()
    print(
        f"{count} files made in {made:.1f} s: {told} events told of, {len(seen)} files found in {last - began:.1f} s,"
    )
    print(f"{sum(times > 1 for times in seen.values())} of them more than once; peak {peak()} MB")


def reconcile(folder: Path, count: int, times: int) -> None:
    """A library that is known: the time to see that nothing is new, and find's."""
    music = folder / str(count)
    subprocess.run([sys.executable, "-c", _MAKE, music, str(count), "10"], check=True)
    history = History.open(folder / f"{count}.db")
    noted = note(history, music)
    assert noted == count
    ours: list[float] = []
    finds: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(["find", music, "-printf", "%p %s %T@\\n"], stdout=subprocess.DEVNULL, check=True)
        finds.append(time.perf_counter() - began)
        began = time.perf_counter()
        assert list(history.files.unknown(walk(music, OPTIONS))) == []
        ours.append(time.perf_counter() - began)
    history.close()
    median, beside = statistics.median(ours), statistics.median(finds)
    print(f"{count:9d} {median:8.2f} {beside:8.2f} {median / beside:8.1f} {peak():8d}")


def ignore(folder: Path, count: int, times: int) -> None:
    """What it takes to look for what is to be left alone."""
    music = folder / f"ignore {count}"
    subprocess.run([sys.executable, "-c", _MAKE, music, str(count), "10"], check=True)
    bare, some = replace(OPTIONS, ignore_files=()), replace(OPTIONS, ignore=PATTERNS)
    for name, options in (("none", bare), ("files looked for", OPTIONS), ("three patterns", some)):
        print(f"{count:9d} {name:20} {walked(music, options, count, times):8.2f}")
    for album in music.glob("*/*"):
        (album / ".ndignore").write_text("*.live.mp3\ndemos/\n", "utf-8")
    print(f"{count:9d} {'a file in each album':20} {walked(music, OPTIONS, count, times):8.2f}")


def walked(music: Path, options: WatchOptions, count: int, times: int) -> float:
    spent: list[float] = []
    for _ in range(times):
        began = time.process_time()
        assert sum(1 for _ in walk(music, options)) == count
        spent.append(time.process_time() - began)
    return statistics.median(spent)


def idle(folder: Path, count: int, seconds: float) -> None:
    """What a service takes while nothing happens, in processor time and memory."""
    music, home = folder / "idle", folder / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-c", _MAKE, music, str(count), "10"], check=True)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(1)"])
    service = start(music, home)
    try:
        time.sleep(30)  # the first scan and the workers' start are over
        main, theirs = psutil.Process(service.pid), psutil.Process(sleeper.pid)
        ours = [main, *main.children(recursive=True)]
        before = [spent([main]), spent(ours), spent([theirs])]
        time.sleep(seconds)
        after = [spent([main]), spent(ours), spent([theirs])]
        alone, family, sleeping = (100 * (b - a) / seconds for a, b in zip(before, after, strict=True))
        print(
            f"{count} files, {seconds:.0f} s: main {alone:.3f} % of a processor and {main.memory_info().rss >> 20} MB, "
            f"with workers {family:.3f} %; a process that sleeps {sleeping:.3f} %"
        )
    finally:
        for process in (service, sleeper):
            process.terminate()
            process.wait()


def spent(processes: Iterable[psutil.Process]) -> float:
    """Seconds of processor time of all their threads; what the kernel counts in ticks is too coarse."""
    tasks = (task for p in processes for task in Path(f"/proc/{p.pid}/task").glob("*/schedstat"))
    return sum(int(task.read_text("utf-8").split()[0]) for task in tasks) / 1e9


def note(history: History, music: Path) -> int:
    found = walk(music, OPTIONS)
    total = 0
    while batch := list(islice(found, 500)):
        total += history.files.note_backlog(batch, backlog=True)
    return total


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where to make the files; a temporary folder if not given")
    parser.add_argument("what", choices=("burst", "reconcile", "ignore", "idle"))
    parser.add_argument("--files", type=int, nargs="+", default=[100_000])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=120)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        if args.what == "burst":
            for count in args.files:
                burst(Path(folder), count)
            return
        if args.what == "idle":
            for count in args.files:
                idle(Path(folder), count, args.seconds)
            return
        if args.what == "ignore":
            for count in args.files:
                ignore(Path(folder), count, args.times)
            return
        print("    files   genred     find    ratio  peak MB")
        for count in args.files:
            reconcile(Path(folder), count, args.times)


if __name__ == "__main__":
    main()
