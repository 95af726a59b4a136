"""Save on a file system that is full, or nearly: run inside a mount namespace of its own.

    unshare --map-root-user --mount python -m tests.faults.full_disk
    unshare --mount python -m tests.faults.full_disk btrfs     # or xfs: needs root, mkfs and a loop device

Prints one JSON object of counts, and ends with 1 if any file was harmed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Record
from genred.saving import kernel, transaction
from genred.tags import edit_clone
from tests.makeaudio import make, suffix

KINDS = ("mp3", "flac", "m4a", "ogg", "wav", "wv")
GENRES = ("Jazz", "Progressive Psychedelic Space Rock and Roll " * 200)


def mount(kind: str, home: Path) -> Path:
    """A small file system that only this namespace sees."""
    folder = home / "full"
    folder.mkdir()
    if kind == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "genred", folder], check=True)
        return folder
    image = home / "image"
    with open(image, "wb") as out:
        out.truncate(320 << 20)
    subprocess.run([f"mkfs.{kind}", "-q", image], stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    fill(folder / "most", 8 << 20)  # of which btrfs keeps some for itself
    return folder


def fill(filler: Path, free: int) -> None:
    """Write until no byte more fits, then give back about so many."""
    with suppress(OSError), open(filler, "wb", buffering=0) as out:
        for size in (1 << 20, 4096):
            with suppress(OSError):
                while True:
                    out.write(bytes(size))
                    os.fsync(out.fileno())
    os.truncate(filler, max(filler.stat().st_size - free, 0))
    os.sync()


def save_in(folder: Path, history: History, source: Path, free: int, genre: str) -> str:
    """One save with so many bytes free; what became of it."""
    song, filler = folder / source.name, folder / "filler"
    for path in set(folder.iterdir()) - {folder / "most"}:
        path.unlink()
    os.sync()
    shutil.copyfile(source, song)
    fill(filler, free)
    there = set(folder.iterdir())
    before = song.read_bytes()

    def edit(temp: Path) -> None:
        edit_clone(song, temp, [genre])

    draft = Record(song, Outcome.TAGGED, "a fault test", written=(genre,))
    try:
        transaction.replace(draft, stamp_of(song), edit, Journal(history), Tags())
    except FileError as error:
        said = "refused" if error.transient and "space" in error.reason else f"odd: {error.reason}"
        harmed = song.read_bytes() != before
    else:
        said, harmed = "saved", False
    harmed |= set(folder.iterdir()) != there
    harmed |= bool(Journal(history).unfinished())
    return "harmed" if harmed else said


def main() -> int:
    # What is free is found out by writing: the check beforehand is what is being doubted here.
    kernel.MARGIN = -(1 << 62)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as home:
        history = History.open(Path(home) / "history.db")
        history.start_run("scan", "0")
        folder = mount((sys.argv[1:] or ["tmpfs"])[0], Path(home))
        for kind in KINDS:
            source = make(Path(home) / (kind + suffix(kind)), 2.0, kind=kind, noise=0.05)
            whole = source.stat().st_size
            for part in range(14):
                for genre in GENRES:
                    counts[save_in(folder, history, source, whole * part // 10, genre)] += 1
        history.close()
        subprocess.run(["umount", folder], check=True)
    print(json.dumps(counts, sort_keys=True))
    return int(bool(counts["harmed"]) or any(key.startswith("odd") for key in counts))


if __name__ == "__main__":
    sys.exit(main())
