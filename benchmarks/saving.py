"""What a safe save costs: time and bytes written, beside mutagen's own save in place, in the same run.

    python -m benchmarks.saving [--sizes 1 10 100] [--times 5] [--folder /somewhere] [mp3 flac ...]

Each save is the first one of a file without padding for its tag, which is the dear one: in most formats all behind the
tag moves. Times are medians in milliseconds; bytes are what the kernel counts for this process (/proc/self/io), the
history's among them. Mutagen doesn't wait for the disk; the third column is mutagen followed by an fsync. The last is
genred's time by that of mutagen with an fsync.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mutagen import File, id3

from genred.config import Tags
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Record
from genred.saving import transaction
from genred.tags import edit_clone
from tests.makeaudio import make

KINDS = ("mp3", "flac", "ogg", "m4a", "wav")
MB = 1_000_000


def grown(path: Path, size: int) -> Path:
    """The file with its audio repeated until it has that size; nobody will listen to it."""
    data = path.read_bytes()
    kind = path.suffix[1:]
    if kind == "m4a":
        at = data.index(b"mdat") - 4
        end = at + int.from_bytes(data[at : at + 4], "big")
        more = (data[at + 8 : end] * (size // (end - at) + 1))[: max(size - len(data), 0)]
        mdat = (end - at + len(more)).to_bytes(4, "big") + data[at + 4 : end] + more
        path.write_bytes(data[:at] + mdat + data[end:])
        return path
    pages = [at for at in range(len(data)) if data.startswith(b"OggS", at)] if kind == "ogg" else []
    start = pages[3] if pages else len(data) // 2
    data += data[start:] * ((size - len(data)) // (len(data) - start) + 1)
    if kind == "wav":
        data = (
            data[:4]
            + (len(data) - 8).to_bytes(4, "little")
            + data[8:40]
            + (len(data) - 44).to_bytes(4, "little")
            + data[44:]
        )
    path.write_bytes(data)
    return path


def bare(path: Path) -> Path:
    """The file without padding for its tag, and without a genre."""
    loaded = File(path)
    if path.suffix == ".mp3":
        id3.delete(path)
    elif path.suffix != ".wav":
        loaded["title"] = ["Song"]
        loaded.save(padding=lambda _: 0)
    return path


def by_mutagen(path: Path, *, sync: bool) -> None:
    loaded = File(path)
    if path.suffix in (".mp3", ".wav"):
        if loaded.tags is None:
            loaded.add_tags()
        loaded.tags.add(id3.TCON(encoding=3, text=["Jazz"]))
    else:
        loaded["\xa9gen" if path.suffix == ".m4a" else "genre"] = ["Jazz"]
    loaded.save()
    if sync:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def by_genred(path: Path, journal: Journal) -> None:
    draft = Record(path, Outcome.TAGGED, "a benchmark", written=("Jazz",))
    transaction.replace(draft, stamp_of(path), lambda clone: edit_clone(path, clone, ["Jazz"]), journal, Tags())


def written() -> int:
    lines = Path("/proc/self/io").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def measured(source: Path, save: Callable[[Path], None], times: int) -> tuple[float, float]:
    """Median milliseconds and megabytes written."""
    milliseconds, bytes_ = [], []
    for _ in range(times):
        path = Path(shutil.copy(source, source.with_name("song" + source.suffix)))
        os.sync()
        before, started = written(), time.perf_counter()
        save(path)
        milliseconds.append((time.perf_counter() - started) * 1000)
        bytes_.append((written() - before) / MB)
        path.unlink()
    return statistics.median(milliseconds), statistics.median(bytes_)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("kinds", nargs="*", default=KINDS)
    options = parser.parse_args()
    print("             genred            mutagen           mutagen+fsync")
    print("format   MB      ms  MB written     ms  MB written     ms  MB written   ratio")
    ratios = []
    with tempfile.TemporaryDirectory(dir=options.folder) as home:
        history = History.open(Path(home) / "state" / "history.db")
        history.start_run("scan", "0")
        journal = Journal(history)
        for kind in options.kinds:
            for size in options.sizes:
                source = bare(grown(make(Path(home) / f"source.{kind}", 2.0, noise=0.1), size * MB))
                ways: tuple[Callable[[Path], None], ...] = (
                    lambda path: by_genred(path, journal),
                    lambda path: by_mutagen(path, sync=False),
                    lambda path: by_mutagen(path, sync=True),
                )
                cells = [measured(source, way, options.times) for way in ways]
                ratios.append(cells[0][0] / cells[2][0])
                shown = "".join(f"{ms:8.0f}{mb:11.1f} " for ms, mb in cells)
                print(f"{kind:<6}{size:>5}{shown}{ratios[-1]:8.1f}", flush=True)
        history.close()
    print(f"median ratio {statistics.median(ratios):.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
