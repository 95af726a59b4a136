"""What a history of a million files costs: its size, memory, starts, questions, VACUUM, and backups beside a service.

    python -m benchmarks.million [--size 1000000] [--new 1200 4800] [--times 5] [--folder /somewhere]

The history has everything in it: for each file a decision, its labels, a vector (random, so that nothing compresses),
and for each tag write its undo record. The files are there, too: empty, but of the size and time that the history
knows. *size*: bytes by table, each with its indexes. *start*: the scan of known files beside `find`, the service until
it is ready, and both again for a history that knows nothing; memory is the peak of the main process. *scan of new
files*: through the tagger, with a stand-in for the ears, at two sizes. *question*: whole commands, and the recipes of
docs/history.md, beside reading the log once. *copy*: backups, each on the disk at its end, and how long a commit takes
that another process makes every tenth of a second meanwhile. A million take 35 GB and, on a slow disk, an hour.
"""

import argparse
import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import psutil

from benchmarks import memory, web
from benchmarks.history import CACHE_KB, fetch, start
from benchmarks.watching import OPTIONS
from genred.analysis import Analysis, Ask
from genred.config import Config
from genred.errors import FileError
from genred.fs.mounts import file_system, read_mounts
from genred.history.history import History
from genred.model.evidence import Owner
from genred.model.prediction import Prediction
from genred.names import Labels
from genred.service.scan import undone
from genred.sound import FEATURE_VERSION
from genred.sound.features import FEATURE_NAMES
from genred.tagging.tagger import Tagger
from tests.fakes import UNSURE, FakeAnalyser
from tests.recipes import recipes

GENRED = (sys.executable, "-m", "genred")
VECTOR = 4 * len(FEATURE_NAMES)
PORTION = 20_000
COMMANDS = ("--version", "status", "stats", "history --limit 30", "history --outcome failed --limit 30", "genres")
ONCE = "SELECT count(*) FROM records WHERE reason > ''"

_WRITER = """
import sys, time
from pathlib import Path
from genred.history.history import History
from genred.history.records import Outcome, Record
history = History.open(Path(sys.argv[1]))
history.start_run("run", "0")
while True:
    began = time.perf_counter()
    history.record(Record(Path("/srv/music/new.mp3"), Outcome.KEPT, "it has a genre already: Soul"))
    print(1000 * (time.perf_counter() - began), flush=True)
    time.sleep(0.1)
"""

# The peak of a new process is no less than that of the process it is forked from: here, of a small one.
_SPENT = """
import os, resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


class Ears(FakeAnalyser):
    """Opens no file, is sure of nothing, and keeps nothing in mind."""

    def analyse(
        self, paths: Iterable[Path], ask: Ask, known: Callable[[Path], bytes | None] = lambda path: None
    ) -> Iterator[tuple[Path, Analysis | FileError]]:
        for path in paths:
            labels = Labels(path.parts[-3], "", path.parts[-2])
            heard = None if ask is Ask.TAGS else (self.feature_version, bytes(VECTOR))
            yield path, Analysis((), labels, UNSURE if heard else None, heard)

    def judge(self, vectors: Sequence[bytes], owners: Sequence[Owner]) -> list[Prediction]:
        return [UNSURE] * len(vectors)


def fill(path: Path, music: Path, size: int) -> None:
    """Make the history and its files; they have no bytes on the disk."""
    began = time.perf_counter()
    web.history(path, size, music)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in (f"cache_size = -{CACHE_KB}", "journal_mode = OFF", "synchronous = OFF"):
            db.execute(f"PRAGMA {pragma}")
        for first in range(0, size, PORTION):
            some = "INSERT INTO features SELECT id, ?, randomblob(?) FROM files WHERE id > ? AND id <= ?"
            db.execute(some, (FEATURE_VERSION, VECTOR, first, first + PORTION))
        rows = db.execute("SELECT CAST(path AS TEXT), size, mtime_ns FROM files ORDER BY path").fetchall()
        db.execute("BEGIN")
        for name, length, mtime in rows:
            db.execute("UPDATE files SET dev = ?, ino = ?, ctime_ns = ? WHERE path = ?", make_file(name, length, mtime))
        db.execute("COMMIT")
    subprocess.run(["sync", path], check=True)
    history = History.open(path)
    history.remember(music, file_system(music, read_mounts()))
    history.close()
    print(f"{size:,} files, made in {time.perf_counter() - began:,.0f} s", flush=True)


def make_file(name: str, length: int, mtime: int) -> tuple[int, int, int, bytes]:
    """Make a file; return what the history is to know of it."""
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as file:
        file.truncate(length)
    os.utime(name, ns=(mtime, mtime))
    st = os.stat(name)
    return st.st_dev, st.st_ino, st.st_ctime_ns, os.fsencode(name)


def sizes(path: Path, size: int) -> None:
    print(f"\n{'size':<34}{'MB':>10}{'bytes a file':>14}{'of the vector':>15}")
    with contextlib.closing(sqlite3.connect(path)) as db:
        table_of = dict(db.execute("SELECT name, tbl_name FROM sqlite_master"))
        try:  # dbstat's own sums (aggregate = TRUE) wrap around at 2 GB
            trees = db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        except sqlite3.OperationalError as error:
            print(f"by table: {error}")
            trees = []
    taken: Counter[str] = Counter()
    for name, size_of_tree in trees:
        table = table_of.get(name, name)
        taken[table if table == name else f"{table}, indexes"] += size_of_tree
    for name, size_of_all in taken.most_common():
        row(name, size_of_all, size)
    row("all", path.stat().st_size, size)


def row(name: str, taken: int, size: int) -> None:
    print(f"{name:<34}{taken / 1e6:>10,.1f}{taken / size:>14,.0f}{taken / size / VECTOR:>15.2f}", flush=True)


def spent(command: list[str | Path], path: Path) -> tuple[float, float, float]:
    """Run a command over a history; return seconds, seconds of a processor, and MB at most."""
    environment = os.environ | {"GENRED_HISTORY_URL": f"sqlite:///{path}"}
    told = subprocess.run([sys.executable, "-c", _SPENT, *command], env=environment, check=True, capture_output=True)
    seconds, processor, most = map(float, told.stdout.split())
    return seconds, processor, most / 1024


def most_of(pid: int | str) -> float:
    """Return the MB that a process had at most."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def service(music: Path, path: Path, home: Path) -> Iterator[tuple[float, float, float]]:
    """Yield seconds, seconds of a processor, and MB of the main process at most: when it is ready, when it rests."""
    home.mkdir()
    os.environ |= {"GENRED_HISTORY_URL": f"sqlite:///{path}", "GENRED_EVIDENCE_LIBRARY": "false"}
    began = time.perf_counter()
    process = memory.start(music, home)
    try:
        main = psutil.Process(process.pid)
        yield time.perf_counter() - began, used(main), most_of(process.pid)
        rests = 0
        while rests < 5:
            before = used(main)
            time.sleep(1)
            rests = rests + 1 if used(main) - before < 0.05 else 0
        yield time.perf_counter() - began - rests, used(main), most_of(process.pid)
    finally:
        process.terminate()
        process.wait()
        del os.environ["GENRED_HISTORY_URL"], os.environ["GENRED_EVIDENCE_LIBRARY"]


def used(process: psutil.Process) -> float:
    user, system, *_ = process.cpu_times()
    return float(user + system)


def starts(path: Path, music: Path, folder: Path) -> None:
    ours: list[str | Path] = [*GENRED, "scan", music]
    print(f"\n{'start':<46}{'s':>8}{'of find':>9}{'cpu s':>8}{'MB':>6}")
    find = spent(["find", music, "-printf", "%p %s %T@\\n"], path)
    found = {"find, printing names, sizes and times": find, "genred scan, all is known": spent(ours, path)}
    for name, taken in found.items():
        print_start(name, taken, find[0])
    for name, database in (("all is known", path), ("nothing is known", folder / "new.db")):
        for state, taken in zip(("ready", "at rest"), service(music, database, folder / name), strict=True):
            print_start(f"genred run, {name}: {state}", taken, find[0])


def print_start(name: str, taken: tuple[float, float, float], floor: float) -> None:
    seconds, processor, most = taken
    print(f"{name:<46}{seconds:>8.1f}{seconds / floor:>9.1f}{processor:>8.1f}{most:>6.0f}", flush=True)


def scan(music: Path, database: Path, count: int) -> None:
    """Print what the first scan of so many new files takes, of which nothing is known."""
    history = History.open(database)
    history.start_run("scan", "0")
    tagger = Tagger(Config(), history, Ears(), backlog=True, trials=True)
    folders = sorted(entry for entry in music.iterdir() if entry.is_dir())[: count // 120]
    before, began = most_of("self"), time.perf_counter()
    news = chain(tagger.read_tags(undone(history, folders, OPTIONS)), tagger.process(undone(history, folders, OPTIONS)))
    decided = sum(each is not None for each in news)
    seconds = time.perf_counter() - began
    taken = f"{seconds:.1f} s, {time.process_time():.1f} of a processor"
    most = f"{before:.0f} MB before, {most_of('self'):.0f} MB at most"
    print(f"{count:>7,} new files: {taken}, {most}; {decided:,} news", flush=True)


def questions(path: Path, times: int) -> None:
    print(f"\n{'command':<62}{'ms':>8}{'ratio':>8}{'MB':>6}")
    floor = start(path, COMMANDS[0], times)
    for command in COMMANDS:
        taken = start(path, command, times)
        most = spent([*GENRED, *command.split()], path)[2]
        print(f"{f'genred {command}':<62}{taken:>8.0f}{taken / floor:>8.1f}{most:>6.0f}", flush=True)
    print(f"\n{'recipe':<62}{'ms':>8}{'of the log':>11}")
    once = fetch(path, ONCE, times)
    for title, sql in (("reading the log once", ONCE), *recipes()):
        taken = fetch(path, sql, times)
        print(f"{title[:62]:<62}{taken:>8.1f}{taken / once:>11.3f}", flush=True)


def synced(command: list[str | Path], copy: Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["sync", copy], check=True)


def into(path: Path, copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("VACUUM INTO ?", (str(copy),))
    subprocess.run(["sync", copy], check=True)


def copies(path: Path, copy: Path) -> None:
    environment = os.environ | {"GENRED_HISTORY_URL": f"sqlite:///{path}"}
    ours: list[str | Path] = [*GENRED, "history", "--backup", copy]
    ways: dict[str, Callable[[], object]] = {
        "nothing": lambda: time.sleep(20),
        "cp (a service must not write)": lambda: synced(["cp", path, copy], copy),
        "sqlite3 .backup": lambda: synced(["timeout", str(2 * floor + 1), "sqlite3", path, f".backup '{copy}'"], copy),
        "VACUUM INTO": lambda: into(path, copy),
        "genred history --backup": lambda: subprocess.run(ours, env=environment, check=True, stdout=subprocess.DEVNULL),
    }
    print(f"\n{'copy':<34}{'s':>7}{'of cp':>7}{'MB':>9}{'commit, ms':>12}{'most':>8}{'WAL, MB':>9}")
    floor = 0.0
    for name, do in ways.items():
        copy.unlink(missing_ok=True)
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE, text=True, encoding="utf-8"
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            seconds, done = timed(do)
            writer.terminate()
            commits = [float(line) for line in writer.stdout][5:] or [float("nan")]
        floor = seconds if name.startswith("cp") else floor
        size = copy.stat().st_size / 1e6 if copy.exists() else 0
        wal = path.with_name(path.name + "-wal").stat().st_size / 1e6
        of_cp = f"{seconds / floor:>7.2f}" if floor else f"{'':>7}"
        told = f"{statistics.median(commits):>12.1f}{max(commits):>8.0f}{wal:>9.1f}"
        print(f"{name:<34}{seconds:>7.1f}{of_cp}{size:>9,.0f}{told}{'' if done else '  given up'}", flush=True)
    with contextlib.closing(sqlite3.connect(copy)) as db:
        for sql in ("PRAGMA quick_check", "VACUUM"):
            seconds, _ = timed(partial(db.execute, sql))
            size = copy.stat().st_size / 1e6
            print(f"{f'{sql}, of the backup':<34}{seconds:>7.1f}{seconds / floor:>7.2f}{size:>9,.0f}", flush=True)
    copy.unlink()


def timed(do: Callable[[], object]) -> tuple[float, bool]:
    """Return how many seconds something took, and whether it came to its end."""
    began = time.perf_counter()
    try:
        do()
    except subprocess.CalledProcessError:
        return time.perf_counter() - began, False
    return time.perf_counter() - began, True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--new", type=int, nargs="+", default=[1200, 4800])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary folder by default")
    parser.add_argument("--scan", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.scan:
        scan(arguments.folder / "music", arguments.folder / f"scan {arguments.scan}.db", arguments.scan)
        return
    with tempfile.TemporaryDirectory(prefix="genred-million-", dir=arguments.folder) as name:
        folder = Path(name)
        path, music = folder / "history.db", folder / "music"
        fill(path, music, arguments.size)
        sizes(path, arguments.size)
        copies(path, folder / "copy.db")
        starts(path, music, folder)
        print("\nscan of new files")
        for count in arguments.new:
            itself: list[str | Path] = [
                sys.executable,
                "-m",
                "benchmarks.million",
                "--folder",
                folder,
                "--scan",
                str(count),
            ]
            subprocess.run(itself, check=True)
        questions(path, arguments.times)


if __name__ == "__main__":
    main()
