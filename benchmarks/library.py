"""What it costs to know the owner's library: reading tags, and asking what they say.

    python -m benchmarks.library read [--files 2000] [--workers 1 2]
    python -m benchmarks.library fill [--files 10000] [--known 100000] [--workers 2]
    python -m benchmarks.library ask [--files 100000 1000000] [--times 20]

*read*: files of four kinds, each with a picture of 400 kB, through the workers: milliseconds of a processor for one
file of each kind, in this process; files a second by number of workers, on the clock, and for each second that the
workers spent on a processor. *fill*: the same files, the pictures small, as backlog in a history that knows many
others: the background reading without its pauses, history included; and the seconds of the main process. *ask*:
milliseconds of a processor for each question to a history of rows that were made up, at several sizes in one run; bytes
of database a file, and the memory of the process.
"""

import argparse
import base64
import os
import random
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, cycle, islice
from pathlib import Path
from typing import TypeVar

import mutagen
import psutil
from mutagen import flac, id3, mp4

from genred import tags
from genred.analysis import Ask
from genred.analysis.analyser import Analyser
from genred.config import Config, Evidence
from genred.fs.files import Stamp, stamp_of
from genred.genres import Vocabulary
from genred.history.history import History
from genred.history.library import Indexed, Library
from genred.history.records import Author, Standing
from genred.names import Labels
from genred.tagging.catalogue import Cataloguer
from genred.tagging.evidence import Witness
from tests.makeaudio import make

T = TypeVar("T")

KINDS = ("mp3", "flac", "m4a", "ogg")
GENRES = ("Rock", "Pop", "Jazz", "Krautrock", "hip hop", "Rap", "Electronic", "House", "Klassik", "Kids", "Pop; Rock")
WORDS = ("Rock", "River", "Night", "Blue", "Stone", "Golden", "Winter", "Machine", "Heart", "Sister", "Radio", "Moon")


def batched(found: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield some at a time, as itertools.batched does from Python 3.12 on."""
    rest = iter(found)
    while some := list(islice(rest, size)):
        yield some


def tagged(path: Path, picture: bytes) -> Path:
    """Make a file of ten seconds with artist, album, genre and a picture."""
    file = mutagen.File(make(path, 10.0))
    if file.tags is None:
        file.add_tags()
    match path.suffix:
        case ".mp3":
            for frame in (id3.TPE1(3, ["Ann"]), id3.TALB(3, ["First"]), id3.TCON(3, ["Jazz"])):
                file.tags.add(frame)
            file.tags.add(id3.APIC(3, "image/jpeg", 3, "", picture))
        case ".m4a":
            file.tags.update({"\xa9ART": ["Ann"], "\xa9alb": ["First"], "\xa9gen": ["Jazz"]})
            file.tags["covr"] = [mp4.MP4Cover(picture)]
        case _:
            file.tags.update({"artist": ["Ann"], "album": ["First"], "genre": ["Jazz"]})
            cover = flac.Picture()
            cover.data, cover.type, cover.mime = picture, 3, "image/jpeg"
            file.tags["metadata_block_picture"] = [base64.b64encode(cover.write()).decode()]
    file.save()
    return path


def library(folder: Path, size: int, picture: int) -> list[Path]:
    """Make a library of that many files, twelve to a folder."""
    originals = [tagged(folder / f"original.{kind}", os.urandom(picture)) for kind in KINDS]
    paths = []
    for number, original in zip(range(size), cycle(originals), strict=False):
        path = folder / f"{number // 12:06}" / f"{number % 12:02}{original.suffix}"
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(original, path)
        os.utime(path, ns=(number, 10**18 + number))
        paths.append(path)
    return paths


def processor_seconds() -> float:
    """Return the processor time of the processes that this one started."""
    return sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children(recursive=True))


def read(arguments: argparse.Namespace, folder: Path) -> None:
    paths = library(folder, arguments.files, 400_000)
    for kind in KINDS:
        some = [path for path in paths if path.suffix == f".{kind}"]
        began = time.process_time()
        for path in some:
            tags.read(path)
        print(f"{kind:>5}: {1000 * (time.process_time() - began) / len(some):.2f} ms")
    for workers in arguments.workers:
        with Analyser.of(Config().with_changes("service", workers=workers)) as analyser:
            list(analyser.analyse(paths[: 64 * workers], Ask.TAGS))  # what they import is not counted
            began, spent = time.perf_counter(), processor_seconds()
            done = sum(1 for _ in analyser.analyse(paths, Ask.TAGS))
            seconds, spent = time.perf_counter() - began, processor_seconds() - spent
        print(f"{workers} workers: {done / seconds:,.0f} files/s, {done / spent:,.0f} for each second of a processor")


def fill(arguments: argparse.Namespace, folder: Path) -> None:
    paths = library(folder / "music", arguments.files, 20_000)
    history = History.open(folder / "history.db")
    for some in batched(islice(rows(), arguments.known), 10_000):
        history.library.note_all(some)
    history.files.note_backlog([(str(path), stamp_of(path)) for path in paths], backlog=True)
    for workers in arguments.workers:
        with history.writing() as db:
            db.exec_driver_sql("UPDATE files SET album = NULL, genre = NULL WHERE standing = 'backlog'")
        with Analyser.of(Config().with_changes("service", workers=workers)) as analyser:
            list(analyser.analyse(paths[: 64 * workers], Ask.TAGS))
            cataloguer = Cataloguer(history, analyser, "; ")
            began, spent, own = time.perf_counter(), processor_seconds(), time.process_time()
            done = cataloguer.step([folder / "music"], 3600)
            seconds, spent, own = (
                time.perf_counter() - began,
                processor_seconds() - spent,
                time.process_time() - own,
            )
        print(f"{workers} workers: {done:,} of {arguments.files:,} in {seconds:.1f} s: {done / seconds:,.0f} files/s;")
        print(f"  of a processor {spent:.1f} s in the workers, {own:.1f} s in the main process")
    history.close()


def rows(music: Path = Path("/srv/music")) -> Iterator[Indexed]:
    """Yield made-up files: albums of twelve, artists of some, most with a person's genre."""
    rng = random.Random(0)
    for album in count():
        artist = f"{rng.choice(WORDS)} {rng.choice(WORDS)} {album // rng.choice((1, 2, 3, 5, 8, 20))}"
        genre, labels = rng.choice(GENRES), Labels(artist, "", f"{rng.choice(WORDS)} {album}")
        for number in range(12):
            path = music / artist / labels.album / f"{number:02} {rng.choice(WORDS)}.mp3"
            stamp = Stamp(1, 12 * album + number, rng.randrange(10**7), rng.randrange(10**18), 0)
            by = None if rng.random() < 0.1 else Author.GENRED if rng.random() < 0.2 else Author.YOU
            yield Indexed(path, stamp, labels, () if by is None else (genre,), by, Standing.DONE)


def ask(arguments: argparse.Namespace, folder: Path) -> None:
    music = folder / "music"
    table: dict[str, list[float]] = {}
    for size in arguments.files:
        file = folder / f"{size}.db"
        history = History.open(file)
        for some in batched(islice(rows(music), size), 10_000):
            history.library.note_all(some)
            for artist in {track.path.parts[-3] for track in some}:
                (music / artist).mkdir(exist_ok=True)
        history.close()
        history = History.open(file)
        for name, milliseconds in questions(history, music, size, arguments.times).items():
            table.setdefault(name, []).append(milliseconds)
        history.close()
        memory = psutil.Process().memory_info().rss
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{size:,} files: {file.stat().st_size / size:,.0f} bytes of database each; ", end="")
        print(f"{memory / 1e6:,.0f} MB after the questions, {most:,.0f} MB at most")
    for name, times in table.items():
        print(f"{name:<42}" + "".join(f"{milliseconds:>12.2f}" for milliseconds in times) + " ms")


def questions(history: History, music: Path, size: int, times: int) -> dict[str, float]:
    """Return the milliseconds of a processor for each question; only albums that are asked for are there."""
    rng = random.Random(1)
    wanted = {rng.randrange(size // 12) for _ in range(times)}
    albums = [some for number, some in enumerate(islice(batched(rows(music), 12), size // 12)) if number in wanted]
    for track in (track for album in albums for track in album):
        track.path.parent.mkdir(exist_ok=True)
        track.path.touch()
    fresh = Library(history.reading, history.writing, clock=count(step=10**6).__next__)
    witness = Witness(history.library, Vocabulary(), Evidence())
    witness.about(albums[0])
    asked: dict[str, Callable[[Sequence[Indexed]], object]] = {
        "folder": lambda album: history.library.folder(album[0].path.parent),
        "folder with a folder for each artist": lambda album: history.library.folder(music),
        "by_artist": lambda album: history.library.by_artist(artists(album)),
        "shares, held for ten minutes": lambda album: fresh.shares(),
        "unread, where all is read": lambda album: history.library.unread(64, music),
        "count_unread": lambda album: history.library.count_unread(),
        "what speaks for an album of twelve": lambda album: witness.about(album),
    }
    found = {}
    for name, question in asked.items():
        taken = []
        for album in albums if name != "shares, held for ten minutes" else albums[:3]:
            began = time.process_time()
            question(album)
            taken.append(1000 * (time.process_time() - began))
        found[name] = statistics.median(taken)
    return found


def artists(album: Sequence[Indexed]) -> set[str]:
    return {track.labels.artist_key for track in album if track.labels is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for command, files, nargs in ((read, 2000, None), (fill, 10_000, None), (ask, [100_000, 1_000_000], "+")):
        sub = commands.add_parser(command.__name__)
        sub.set_defaults(command=command)
        sub.add_argument("--files", type=int, default=files, nargs=nargs)
        sub.add_argument("--workers", type=int, nargs="+", default=[1, 2])
        sub.add_argument("--known", type=int, default=100_000)
        sub.add_argument("--times", type=int, default=20)
        sub.add_argument("--folder", type=Path, help="where the files go; a temporary folder by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="genred-library-", dir=arguments.folder) as folder:
        (Path(folder) / "music").mkdir()
        arguments.command(arguments, Path(folder))


if __name__ == "__main__":
    main()
