"""Kill a save at any moment, thousands of times, or let the kernel refuse a call, and look at what is left.

    python -m tests.faults.kills [--kills 1000] [--seconds 3] [--folder /somewhere] [--seed 0]
    python -m tests.faults.kills --every-call      # killed at every system call of a save; needs strace
    python -m tests.faults.kills --every-error     # each call that writes refused, for each reason; needs strace

Prints one JSON object of counts, and ends with 1 if a single file was damaged, a single way back lost, or a single
temporary left.
"""

import argparse
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from genred.config import Tags
from genred.errors import FileError, HistoryError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Query, Record
from genred.saving import transaction
from genred.tags import edit_clone, read_genres
from genred.tags.payload import payload_hash
from tests.makeaudio import KINDS, make, suffix

WRITING = (
    "write", "pwrite64", "copy_file_range", "ftruncate", "fsync", "fdatasync", "openat", "renameat2", "unlink",
    "utimensat", "fchmod",
)  # fmt: skip
ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EROFS", "EFBIG")
GENRES = ("Jazz", "Progressive Psychedelic Space Rock and " * 60 + "Roll")
BAD = ("damaged", "lost undo", "unresolved", "temporaries left")
ENDS = {
    -signal.SIGKILL: "killed",
    0: "was done",
    3: "refused in words",
    4: "no history, no save",
    1: "failed otherwise",
}


class Bench:
    """A file, its history, and saves of it that are cut short."""

    def __init__(self, folder: Path, kind: str, seconds: float) -> None:
        self.music, self.state = folder / "music", folder / "state"
        self.music.mkdir(parents=True, exist_ok=True)
        self.path = make(self.music / (kind + suffix(kind)), seconds, kind=kind, noise=0.05)
        self.database = self.state / "history.db"
        with_run = History.open(self.database)
        with_run.start_run("scan", "0")
        with_run.close()
        self.sound = payload_hash(self.path)
        self.counts: Counter[str] = Counter()

    def save(self, genre: str) -> None:
        """One save, in this process."""
        history = History.open(self.database)
        history.start_run("scan", "0")
        draft = Record(self.path, Outcome.TAGGED, "a fault test", written=(genre,))

        def edit(temp: Path) -> None:
            edit_clone(self.path, temp, [genre])

        transaction.replace(draft, stamp_of(self.path), edit, Journal(history), Tags())
        history.close()

    def undo(self) -> None:
        """Take the last save back, in this process."""
        history = History.open(self.database)
        history.start_run("undo", "0")
        undo = Journal(history).undoable(Query(limit=1))[0]
        draft = Record(self.path, Outcome.UNDONE, "undo", undoes=undo.record.id)
        transaction.restore(undo, draft, Journal(history), Tags())
        history.close()

    def spawn(self, act: Callable[[], None]) -> tuple[int, int]:
        """A child that begins to act when a byte comes through its pipe: its process id, and the pipe."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(_exit_code(act))
        os.close(reader)
        return child, writer

    def time_of_a_save(self) -> float:
        start = time.monotonic()
        child, writer = self.spawn(lambda: self.save("Blues"))
        os.write(writer, b"!")
        os.close(writer)
        os.waitpid(child, 0)
        return time.monotonic() - start

    def kill_after(self, seconds: float, genre: str) -> None:
        before = self.path.read_bytes()
        child, writer = self.spawn(lambda: self.save(genre))
        os.write(writer, b"!")
        select.select([], [], [], seconds)
        os.kill(child, signal.SIGKILL)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        self.check(before, genre, ENDS[os.waitstatus_to_exitcode(status)])

    def check(self, before: bytes, genre: str, end: str) -> None:
        """Resolve the journal, and count what became of the file."""
        now = self.path.read_bytes()
        self.counts[end] += 1
        history = History.open(self.database)
        left = len(Journal(history).unfinished())
        self.counts["unfinished at the next start"] += left
        transaction.recover(Journal(history))
        self.counts["unresolved"] += len(Journal(history).unfinished())
        kept = now == self.path.read_bytes()
        self.counts["old" if now == before else "new"] += 1
        self.counts["damaged"] += not kept or not (now == before or self.is_whole(genre))
        if now != before:
            undone = Journal(history).undoable(Query(path=self.path, limit=1))
            undo = undone[0] if undone else None
            found = undo is not None and undo.before_sha256 == sha256(before).digest()
            self.counts["lost undo"] += not found
            if undo is not None and found:
                history.start_run("undo", "0")
                draft = Record(self.path, Outcome.UNDONE, "undo", undoes=undo.record.id)
                with suppress(FileError):
                    transaction.restore(undo, draft, Journal(history), Tags())
                self.counts["lost undo"] += self.path.read_bytes() != before
        self.counts["temporaries left"] += sum(p.name.endswith(".tmp") for p in self.path.parent.iterdir())
        history.close()

    def is_whole(self, genre: str) -> bool:
        try:
            return payload_hash(self.path) == self.sound and read_genres(self.path) == [genre]
        except FileError:
            return False

    def check_undo(self, tagged: bytes, original: bytes, end: str) -> None:
        """The same after an undo that was cut short: it is done and in the log, or can be done again."""
        now = self.path.read_bytes()
        self.counts[end] += 1
        history = History.open(self.database)
        self.counts["unfinished at the next start"] += len(Journal(history).unfinished())
        transaction.recover(Journal(history))
        self.counts["unresolved"] += len(Journal(history).unfinished())
        self.counts["old" if now == tagged else "new"] += 1
        self.counts["damaged"] += now not in (tagged, original) or now != self.path.read_bytes()
        undoable = [undo.before_sha256 for undo in Journal(history).undoable(Query())]
        self.counts["lost undo"] += (sha256(original).digest() in undoable) != (now == tagged)
        history.close()
        if now == tagged:
            with suppress(FileError):
                self.undo()
            self.counts["lost undo"] += self.path.read_bytes() != original
        self.counts["temporaries left"] += sum(p.name.endswith(".tmp") for p in self.path.parent.iterdir())

    def calls(self, genre: str) -> Counter[str]:
        """How often a save makes each system call."""
        log = self.database.with_suffix(".strace")
        self.traced(["-o", str(log)], lambda: self.save(genre))
        names = [line.split("(")[0].split()[-1] for line in log.read_text().splitlines() if "(" in line]
        return Counter(name for name in names if name.isidentifier() and name not in ("exit_group", "wait4"))

    def kill_at(self, call: str, number: int, genre: str) -> None:
        """Kill a save as it enters one system call for the n-th time."""
        before = self.path.read_bytes()
        inject = f"inject={call}:signal=KILL:when={number}"
        status = self.traced(["-o", "/dev/null", "-e", f"trace={call}", "-e", inject], lambda: self.save(genre))
        self.check(before, genre, ENDS[os.waitstatus_to_exitcode(status)])

    def fail_at(self, call: str, number: int, error: str, genre: str) -> None:
        """Let one system call fail for the n-th time it is made."""
        before = self.path.read_bytes()
        inject = f"inject={call}:error={error}:when={number}"
        status = self.traced(["-o", "/dev/null", "-e", f"trace={call}", "-e", inject], lambda: self.save(genre))
        self.check(before, genre, ENDS[os.waitstatus_to_exitcode(status)])

    def traced(self, options: list[str], act: Callable[[], None]) -> int:
        """Act in a child under strace, which is given the options; how it ended."""
        child, writer = self.spawn(act)
        tracer = subprocess.Popen(
            ["strace", "-p", str(child), *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert tracer.stderr is not None
        tracer.stderr.readline()  # "strace: Process ... attached"
        os.write(writer, b"!")
        os.close(writer)
        _, status = os.waitpid(child, 0)
        tracer.stderr.close()
        tracer.wait()
        return status


def _exit_code(act: Callable[[], None]) -> int:
    try:
        act()
    except FileError:
        return 3
    except HistoryError:
        return 4
    except BaseException:  # noqa: BLE001 - whatever it was is counted
        return 1
    return 0


def run(folder: Path, kinds: list[str], kills: int, seconds: float, seed: int) -> Counter[str]:
    """That many kills, spread over the kinds and over somewhat more than the time that a save takes."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    for number, kind in enumerate(kinds):
        bench = Bench(folder / kind, kind, seconds)
        span = max(bench.time_of_a_save() for _ in range(3)) * 1.1
        for turn in range(number, kills, len(kinds)):
            bench.kill_after(chance.uniform(0, span), GENRES[turn // len(kinds) % 2])
        counts.update(bench.counts)
    return counts


def step(folder: Path, kinds: list[str], seconds: float, errors: tuple[str, ...]) -> Counter[str]:
    """A fault at every system call of a save: a kill, or where there are errors, each of those at those that write."""
    counts: Counter[str] = Counter()
    for kind in kinds:
        bench = Bench(folder / kind, kind, seconds)
        bench.time_of_a_save()
        for call, times in sorted(bench.calls("Jazz").items()):
            for number in range(1, times + 1):
                genre = "Blues" if number % 2 else "Jazz"
                if not errors:
                    bench.kill_at(call, number, genre)
                for error in errors if call in WRITING else ():
                    bench.fail_at(call, number, error, genre)
        counts.update(bench.counts)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--every-call", action="store_true")
    parser.add_argument("--every-error", action="store_true")
    parser.add_argument("kinds", nargs="*", default=[kind for kind in KINDS if kind != "mka"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.every_call or options.every_error:
            counts = step(Path(folder), options.kinds, options.seconds, ERRORS if options.every_error else ())
        else:
            counts = run(Path(folder), options.kinds, options.kills, options.seconds, options.seed)
    print(json.dumps(counts, sort_keys=True))
    return int(any(counts[bad] for bad in BAD))


if __name__ == "__main__":
    sys.exit(main())
