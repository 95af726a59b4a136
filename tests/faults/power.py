"""Cut the power at every moment of a save, and of an undo, on a disk that loses all it may lose; needs strace.

    python -m tests.faults.power [--seconds 0.2] [mp3 flac ...]

A save is traced once, with all it writes. The trace is replayed into a model of a disk: what a file held when it was
last synced is safe, as are the names in a folder when that was last synced; of what came later any beginning of the
changes of names may be there, and of the data nothing, everything, zeros, or some sectors. Each such disk, after each
call of the trace, is laid out anew, SQLite's files among it, and genred is started on it. That the model understood the
trace is checked at the end: with nothing lost it is the disk that the save left, to the byte.

Prints one JSON object of counts, and ends with 1 if there is a disk on which a file was damaged, or a way back lost.
"""

import argparse
import json
import os
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.faults.kills import BAD, GENRES, Bench
from tests.makeaudio import KINDS

SECTOR = 512
UNKNOWN = ("writev", "pwritev", "sendfile", "truncate", "fallocate", "renameat", "link", "unlinkat")  # to the model
Contents = dict[Path, bytes]


@dataclass
class File:
    """What is in a file now, what surely survives, and the changes in between: an offset and data, or a length."""

    now: bytes = b""
    safe: bytes = b""
    changes: list[tuple[int, bytes | None]] = field(default_factory=list)

    def change(self, at: int, data: bytes | None) -> None:
        self.now = changed(self.now, at, data)
        self.changes.append((at, data))

    def sync(self) -> None:
        self.safe, self.changes = self.now, []

    def after(self, loss: str, chance: random.Random) -> bytes:
        """What is in it after a power cut."""
        if loss == "nothing" or not self.changes:
            return self.now
        if loss == "everything":
            return self.safe
        content = self.safe
        for at, data in self.changes:
            if data is None:
                content = changed(content, at, None)
            elif loss == "zeros":
                content = changed(content, at, bytes(len(data)))
            elif chance.random() < 0.5:
                content = changed(content, at, data[: chance.randrange(len(data) // SECTOR + 2) * SECTOR])
        return content


def changed(content: bytes, at: int, data: bytes | None) -> bytes:
    if data is None:
        return content[:at].ljust(at, b"\0")
    return content[:at].ljust(at, b"\0") + data + content[at + len(data) :]


Names = dict[Path, File]


class Disk:
    """The folders of a bench, name by name, and what is not safe yet."""

    def __init__(self, contents: Contents, folders: list[Path]) -> None:
        self.names: Names = {path: File(data, data) for path, data in contents.items()}
        self.safe: dict[Path, list[Names]] = {folder: [self._in(folder)] for folder in folders}

    def _in(self, folder: Path) -> Names:
        return {path: file for path, file in self.names.items() if path.parent == folder}

    def rename(self, changes: dict[Path, File | None]) -> None:
        """Names change at once; each state of a folder since it was synced may be the one that survives."""
        for path, file in changes.items():
            if file is None:
                del self.names[path]
            else:
                self.names[path] = file
        for folder in {path.parent for path in changes}:
            self.safe[folder].append(self._in(folder))

    def sync(self, path: Path) -> None:
        if path in self.safe:
            self.safe[path] = self.safe[path][-1:]
        else:
            self.names[path].sync()

    def contents(self) -> Contents:
        return {path: file.now for path, file in self.names.items()}

    def after_a_power_cut(self, chance: random.Random) -> Iterator[Contents]:
        """All that may be left; with torn writes a few of the many."""
        states: list[Names] = [{}]
        for survivors in self.safe.values():
            states = [state | names for state in states for names in survivors]
        for state in states:
            for loss in ("nothing", "everything", "zeros", "torn", "torn"):
                yield {path: file.after(loss, chance) for path, file in state.items()}


class Replay:
    """Applies the calls of a trace (strace -y -xx) to a disk."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.open: dict[int, File] = {}
        self.at: dict[int, int] = {}
        self.calls: dict[str, Callable[[list[bytes], int], bool]] = {
            "openat": self._open,
            "read": lambda arguments, size: bool(self._read(handle(arguments[0])[0], size)) and False,
            "lseek": self._seek,
            "write": lambda arguments, size: self._write(handle(arguments[0])[0], arguments[1][:size]),
            "pwrite64": lambda arguments, size: self._write(handle(arguments[0])[0], arguments[1][:size], arguments[3]),
            "ftruncate": self._truncate,
            "copy_file_range": self._copy,
            "ioctl": self._clone,
            "fsync": self._sync,
            "fdatasync": self._sync,
            "renameat2": self._exchange,
            "rename": self._rename,
            "unlink": self._unlink,
            "mmap": self._map,
        }

    def apply(self, line: str) -> bool:
        """Apply one line; whether it changed the disk."""
        found = re.match(r"(\w+)\((.*)\)\s+= (-?(?:0x)?[0-9a-f]+)", line)
        if found is None or found[3].startswith("-"):
            return False
        arguments = [decoded(text) for text in re.split(r", (?![^<]*>)", found[2])]
        return self.calls[found[1]](arguments, int(found[3], 0))

    def _open(self, arguments: list[bytes], fd: int) -> bool:
        path, flags = named(arguments[1]), arguments[2]
        self.open.pop(fd, None)
        if path.parent not in self.disk.safe or path.name.endswith("-shm"):  # SQLite makes that one anew
            return False
        made = path not in self.disk.names and b"O_CREAT" in flags
        if made:
            self.disk.rename({path: File()})
        if path in self.disk.names:
            self.open[fd], self.at[fd] = self.disk.names[path], 0
            if b"O_TRUNC" in flags:
                self.open[fd].change(0, None)
        return made or b"O_TRUNC" in flags

    def _seek(self, arguments: list[bytes], to: int) -> bool:
        self.at[handle(arguments[0])[0]] = to
        return False

    def _read(self, fd: int, size: int) -> bytes:
        if fd not in self.open:
            return b""
        self.at[fd] += size
        return self.open[fd].now[self.at[fd] - size : self.at[fd]]

    def _write(self, fd: int, data: bytes, at: bytes | None = None) -> bool:
        if fd not in self.open or not data:
            return False
        self.open[fd].change(self.at[fd] if at is None else int(at), data)
        self.at[fd] += len(data) if at is None else 0
        return True

    def _truncate(self, arguments: list[bytes], _: int) -> bool:
        fd = handle(arguments[0])[0]
        if fd in self.open:
            self.open[fd].change(int(arguments[1]), None)
        return fd in self.open

    def _copy(self, arguments: list[bytes], size: int) -> bool:
        return self._write(handle(arguments[2])[0], self._read(handle(arguments[0])[0], size))

    def _clone(self, arguments: list[bytes], _: int) -> bool:
        if b"FICLONE" not in arguments[1]:
            return False
        return self._write(handle(arguments[0])[0], self.open[int(arguments[2].split(b"<")[0])].now, b"0")

    def _sync(self, arguments: list[bytes], _: int) -> bool:
        path = handle(arguments[0])[1]
        if path in self.disk.safe or path in self.disk.names:
            self.disk.sync(path)
        return True

    def _exchange(self, arguments: list[bytes], _: int) -> bool:
        one, other = named(arguments[1]), named(arguments[3])
        assert b"RENAME_EXCHANGE" in arguments[4]
        self.disk.rename({one: self.disk.names[other], other: self.disk.names[one]})
        return True

    def _rename(self, arguments: list[bytes], _: int) -> bool:
        one, other = named(arguments[0]), named(arguments[1])
        self.disk.rename({other: self.disk.names[one], one: None})
        return True

    def _unlink(self, arguments: list[bytes], _: int) -> bool:
        path = named(arguments[0])
        if path not in self.disk.names:
            return False
        self.disk.rename({path: None})
        return True

    def _map(self, arguments: list[bytes], _: int) -> bool:
        """What is written through memory would be missed here: only SQLite's index of its log is."""
        shared = b"MAP_SHARED" in arguments[3] and b"PROT_WRITE" in arguments[2]
        assert not shared or b"MAP_ANON" in arguments[3] or handle(arguments[4])[1].name.endswith("-shm")
        return False


def decoded(text: str) -> bytes:
    """An argument: a string as its bytes, anything else as it is printed."""
    if text.startswith('"'):
        return bytes.fromhex(text.strip('".').replace("\\x", ""))
    return text.encode()


def named(text: bytes) -> Path:
    return Path(os.fsdecode(text))


def handle(argument: bytes) -> tuple[int, Path]:
    """A file descriptor and its path, as strace -y prints them."""
    found = re.match(rb"(\d+)<(.*)>", argument)
    if found is None:
        return -1, Path()
    hexed = found[2].startswith(b"\\x")
    return int(found[1]), named(bytes.fromhex(found[2].decode().replace("\\x", "")) if hexed else found[2])


def held(bench: Bench) -> Contents:
    """All that is in the folders of a bench but SQLite's shared memory."""
    files = [*bench.music.iterdir(), *bench.state.iterdir()]
    return {path: path.read_bytes() for path in files if path.is_file() and not path.name.endswith("-shm")}


def lay_out(bench: Bench, contents: Contents) -> None:
    for path in [*bench.music.iterdir(), *bench.state.iterdir()]:
        if path.is_file():
            path.unlink()
    for path, content in contents.items():
        path.write_bytes(content)


def cut(bench: Bench, act: Callable[[], None], check: Callable[[], None]) -> None:
    """Trace what `act` does, then check what a power cut may leave at every moment of it."""
    log = bench.state.parent / "trace"
    before = held(bench)
    replay = Replay(Disk(before, [bench.music, bench.state]))
    calls = ",".join([*replay.calls, *UNKNOWN])
    bench.traced(["-y", "-xx", "-s", "100000000", "-e", f"trace={calls}", "-o", str(log)], act)
    after = held(bench)
    chance = random.Random(0)
    seen: set[bytes] = set()
    for line in log.read_text().splitlines():
        if not replay.apply(line):
            continue
        bench.counts["moments"] += 1
        for contents in replay.disk.after_a_power_cut(chance):
            digest = sha256(repr(sorted(contents.items())).encode()).digest()
            if digest not in seen:
                seen.add(digest)
                lay_out(bench, contents)
                check()
    assert replay.disk.contents() == after, "the model lost track of what was done"
    lay_out(bench, after)


def run(folder: Path, kinds: list[str], seconds: float) -> Counter[str]:
    """For each kind a short genre, a long one that moves the audio, and the way back."""
    counts: Counter[str] = Counter()
    for kind in kinds:
        bench = Bench(folder / kind, kind, seconds)
        was = now = bench.path.read_bytes()
        for genre in GENRES:
            was, now = now, _cut_save(bench, genre)
        cut(bench, bench.undo, lambda bench=bench, now=now, was=was: bench.check_undo(now, was, "disks"))  # type: ignore[misc]  # mypy can't infer a lambda with defaults
        counts.update(bench.counts)
    return counts


def _cut_save(bench: Bench, genre: str) -> bytes:
    before = bench.path.read_bytes()
    cut(bench, lambda: bench.save(genre), lambda: bench.check(before, genre, "disks"))
    return bench.path.read_bytes()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("kinds", nargs="*", default=[kind for kind in KINDS if kind != "mka"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), options.kinds, options.seconds)
    print(json.dumps(counts, sort_keys=True))
    return int(any(counts[bad] for bad in BAD))


if __name__ == "__main__":
    sys.exit(main())
