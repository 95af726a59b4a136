"""A music library that people and programs work on, and what must be true of each file in it.

The library is the only one that moves, makes and removes files; genred only ever writes a genre into one. So where
each file is, and what it holds but for that genre, is known at every moment.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from genred.genres import is_generic
from genred.model.prediction import Prediction
from tests.soak.music import Studio, genres, label, labelled
from tests.soak.process import GENRES, Clock, verdict

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

T = TypeVar("T")

SUFFIXES = (".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wav", ".aiff", ".wma", ".wv")
ODD = (
    os.fsdecode(b"caf\xe9 \xff"),
    "line\nbreak\r\x1b[31m",
    "\u202e\u05e9\u05d9\u05e8 right to left",
    "\U0001f3b5 emoji \u200d\U0001f469",
    "-n --json '\"$(true)`",
    "%s {0} \\x00",
    "e\u0301 and \u00e9",
    " ",
)
FULL = 300  # files; with more than that they are rather deleted than added


class NothingThereError(LookupError):
    """There is no file or folder to do it to."""


class Chance(random.Random):
    """Where everything random comes from."""

    def choice(self, seq: "SupportsLenAndGetItem[T]") -> T:
        if not len(seq):
            raise NothingThereError
        return super().choice(seq)


@dataclass(eq=False)
class File:
    """What one inode holds, as far as people and their programs made it so.

    ``layers`` are its contents, the latest last; under it those that `undo` can bring back. Only the latest is
    compared, and only where genred has nothing to write.
    """

    song: int | None
    layers: list[bytes]
    person: bool = False
    by_genred: bool = False
    """The genre in ``content`` is genred's: a person saved it with something else."""
    answers: dict[int, bool] = field(default_factory=dict)
    """Hashes of contents that carry genred's genre, and whether they are just as genred left them."""
    backlog: bool = False
    readonly: bool = False
    unnoticed: bool = True
    """Changed since genred was last seen to be at rest."""
    astray: bool = False
    """Renamed since then."""
    uncertain: str = ""
    """Why genred can't be expected to know what a person meant."""
    edits: list[tuple[float, float]] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)
    """What happened to it, for the report."""

    @property
    def content(self) -> bytes:
        return self.layers[-1]

    def is_answered(self, content: bytes) -> bool:
        """Return whether the genre in a content of this file is genred's, and nobody confirmed it."""
        return content != self.content or hash(content) in self.answers

    @property
    def wanted_genre(self) -> str | None:
        """What genred ought to write into it, None where it ought to leave it as it is."""
        if self.song is None or self.person or self.backlog:
            return None
        answer = verdict(self.song)
        if not isinstance(answer, Prediction) or not all(map(is_generic, genres(self.content))):
            return None
        return answer.genre


class Library:
    """Two roots, and a place outside of them on the same disk.

    Parameters
    ----------
    base
        An empty folder.
    chance
        Where everything random comes from.
    clock
        Moved on while something takes its time.
    """

    def __init__(self, base: Path, chance: Chance, clock: Clock) -> None:
        self.roots = (base / "music", base / "inbox")
        self.outside = base / "outside"
        for folder in (*self.roots, self.outside):
            folder.mkdir()
        (base / "studio").mkdir()
        self.files: dict[Path, File] = {}
        self.specials: dict[Path, int] = {}
        self.happening = "at the start"
        self._decided: set[Path] = set()
        self.causes: dict[Path, list[float]] = {}
        """When something happened to a path that is a reason to look at it."""
        self._studio = Studio(base / "studio")
        self._chance = chance
        self._clock = clock
        self._songs = 0
        self._names = 0

    # -- choosing ----------------------------------------------------------------------------------------------------

    def tops(self) -> list[Path]:
        return [top for top in (*self.roots, self.outside) if top.is_dir()]

    def folder(self, *, inside: bool = True) -> Path:
        tops = [root for root in self.roots if root.is_dir()] if inside else self.tops()
        top = self._chance.choice(tops)
        return self._chance.choice([top, *sorted(self._folders(top))])

    def _folders(self, top: Path) -> Iterator[Path]:
        for at, names, _ in os.walk(top):
            yield from (Path(at, name) for name in names if not name.endswith(SUFFIXES))

    def any_file(self, *, inside: bool = True, songs: bool = False) -> Path:
        paths = [path for path, file in self.files.items() if file.song is not None or not songs]
        if inside:
            paths = [path for path in paths if self.wanted(path)]
        return self._chance.choice(paths)

    def wanted(self, path: Path) -> bool:
        """Whether genred ought to look at a path."""
        root = next((root for root in self.roots if root in path.parents), None)
        return (
            root is not None
            and path.suffix.lower() in SUFFIXES
            and not any(part.startswith((".", "~")) or part == "@eaDir" for part in path.relative_to(root).parts)
        )

    def song(self, like: Path | None = None) -> tuple[int, str, bytes]:
        """A new one: number, suffix, content."""
        self._songs += 1
        genre = self._chance.choice([None, None, None, None, "Unknown", "Zydeco", self._chance.choice(GENRES)])
        suffix, content = self._studio.song(self._songs, genre)
        if like is not None and suffix != like.suffix.lower():
            return self.song(like)
        return self._songs, self._chance.choice([suffix, suffix, suffix.upper()]), content

    def name(self, folder: Path, suffix: str) -> Path:
        """A free name in a folder; plain, used before, or odd."""
        self._names += 1
        stem = f"{self._names:05}"
        match self._chance.randrange(10):
            case 0 | 1:
                stem = f"track {self._chance.randrange(12):02}"
            case 2:
                stem = self._chance.choice(ODD)
            case 3 if self._chance.random() < 0.5:
                stem = stem.ljust(255 - len(suffix), "x")
        path = folder / f"{stem}{suffix}"
        return folder / f"{self._names:05}{suffix}" if os.path.lexists(path) else path

    # -- keeping account ---------------------------------------------------------------------------------------------

    def put(self, path: Path, song: int | None, content: bytes) -> File:
        """Note that a path holds a new file."""
        self._leaves(path)
        self.files[path] = File(song, [content])
        self._takes(path)
        self.caused(path)
        return self.files[path]

    def caused(self, path: Path) -> None:
        self.causes.setdefault(path, []).append(time.time())
        self.files[path].trail.append(f"{time.time():.2f} {self.happening}")

    def _renamed(self, old: Path, new: Path) -> None:
        for path in [path for path in self.files if path == old or old in path.parents]:
            file = self.files.pop(path)
            to = new / path.relative_to(old)
            if file.unnoticed:
                file.uncertain = file.uncertain or "renamed before it was noticed"
            file.astray = True
            self._leaves(path, file)
            self.files[to] = file
            self._takes(to)
            self.caused(to)
        for path in [path for path in self.specials if path == old or old in path.parents]:
            self.specials[new / path.relative_to(old)] = self.specials.pop(path)

    def _leaves(self, path: Path, file: File | None = None) -> None:
        """A name is free again, and may stay in genred's memory as one about which a person decided."""
        file = file or self.files.get(path)
        if file is not None and file.person:
            self._decided.add(path)

    def _takes(self, path: Path) -> None:
        if path in self._decided:
            self.files[path].uncertain = "under a name about which a person decided"

    def _gone(self, path: Path) -> None:
        for lost in [lost for lost in self.files if lost == path or path in lost.parents]:
            self._leaves(lost)
            del self.files[lost]
        for lost in [lost for lost in self.specials if lost == path or path in lost.parents]:
            del self.specials[lost]

    def _changed(self, path: Path, content: bytes) -> None:
        """Note that a person left a file like this; what its other names show changed with it."""
        self.files[path].layers = [content]
        self._noticed_later(path)

    def _noticed_later(self, path: Path) -> None:
        file = self.files[path]
        file.unnoticed = True
        if file.astray:
            file.uncertain = file.uncertain or "renamed and changed at once"
        for name, other in self.files.items():
            if other is file:
                self.caused(name)

    # -- what happens to files ---------------------------------------------------------------------------------------

    def copied_in(self) -> None:
        song, suffix, content = self.song()
        path = self.name(self.folder(), suffix)
        path.write_bytes(content)
        self.put(path, song, content)

    def copied_slowly(self) -> None:
        """Open for writing all the time, while the clock runs."""
        song, suffix, content = self.song()
        path = self.name(self.folder(), suffix)
        with path.open("wb", buffering=0) as file:
            for piece in _pieces(content, self._chance.randrange(2, 6)):
                file.write(piece)
                self._clock.advance(self._chance.uniform(1, 20))
                time.sleep(0.02)
        self.put(path, song, content)

    def copied_in_appends(self) -> None:
        """Opened and closed for each piece, quicker than a file settles."""
        song, suffix, content = self.song()
        path = self.name(self.folder(), suffix)
        for piece in _pieces(content, self._chance.randrange(2, 6)):
            with path.open("ab") as file:
                file.write(piece)
            time.sleep(0.01)
        self.put(path, song, content)

    def written_twice(self) -> None:
        song, suffix, content = self.song()
        path = self.name(self.folder(), suffix)
        path.write_bytes(bytes(len(content)))
        with path.open("r+b") as file:
            file.write(content)
        self.put(path, song, content)

    def moved_in(self) -> None:
        song, suffix, content = self.song()
        away = self.outside / f"ready{suffix}"
        away.write_bytes(content)
        os.utime(away, (1e9 + self._songs, 1e9 + self._songs))
        path = self.name(self.folder(), suffix)
        away.rename(path)
        self.put(path, song, content)

    def downloaded(self) -> None:
        """A placeholder of no bytes under the final name, then the file moved over it."""
        song, suffix, content = self.song()
        path = self.name(self.folder(), suffix)
        path.touch()
        part = path.with_name(f"{song}.part")
        part.write_bytes(content[: len(content) // 2])
        self._clock.advance(self._chance.uniform(1, 20))
        time.sleep(0.02)
        part.write_bytes(content)
        part.rename(path)
        self.put(path, song, content)

    def synchronised(self) -> None:
        song, suffix, content = self.song()
        path = self.name(self.folder(), suffix)
        part = path.with_name(self._chance.choice([f".{song}.Xb31qz", f"{song}.part", f"~syncthing~{song}.tmp"]))
        part.write_bytes(content)
        part.rename(path)
        self.put(path, song, content)

    def linked_in(self) -> None:
        """A torrent client's file, linked into the library."""
        song, suffix, content = self.song()
        seed = self.outside / f"seed {song}{suffix}"
        seed.write_bytes(content)
        path = self.name(self.folder(), suffix)
        path.hardlink_to(seed)
        self.files[seed] = self.put(path, song, content)

    def linked_inside(self) -> None:
        path = self.any_file()
        name = self.name(self.folder(inside=False), path.suffix)
        name.hardlink_to(path)
        self.files[name] = file = self.files[path]
        if file.person or file.backlog or path.read_bytes() != file.content:
            file.uncertain = file.uncertain or "known under another of its names"
        self.caused(name)
        self.caused(path)  # a reason to try what could not be done before, or no more

    def copied(self) -> None:
        path = self.any_file(inside=False)
        name = self.name(self.folder(), path.suffix)
        content, original = path.read_bytes(), self.files[path]
        name.write_bytes(content)
        copy = self.put(name, original.song, content)
        # Nobody can tell where a copy comes from that is like nothing genred ever wrote.
        if content != original.content or original.answers.get(hash(content)):
            copy.answers[hash(content)] = True

    def renamed(self) -> None:
        path = self.any_file()
        name = self.name(path.parent, path.suffix)
        path.rename(name)
        self._renamed(path, name)

    def renumbered(self) -> None:
        """Each of some files in a folder takes the name of the next."""
        one = self.any_file()
        paths = sorted(path for path in self.files if path.parent == one.parent and path.suffix == one.suffix)[-4:]
        last = self.name(one.parent, one.suffix)
        for path, name in zip(reversed(paths), [last, *reversed(paths)], strict=False):
            path.rename(name)
            self._renamed(path, name)

    def moved(self) -> None:
        """To another folder or root, or out, or back in."""
        path = self.any_file(inside=False)
        name = self.name(self.folder(inside=self._chance.random() < 0.8), path.suffix)
        path.rename(name)
        self._renamed(path, name)

    def deleted(self) -> None:
        path = self.any_file(inside=False)
        path.unlink()
        self._leaves(path)
        file = self.files.pop(path)
        for name, other in self.files.items():
            if other is file:
                self.caused(name)

    def overwritten(self) -> None:
        """Another song in its place: by cp, or by mv."""
        path = self.any_file()
        song, suffix, content = self.song(like=path)
        if self._chance.random() < 0.5:
            new = self.outside / f"ready{suffix}"
            new.write_bytes(content)
            new.rename(path)
            self.put(path, song, content)
            return
        path.chmod(0o644)
        path.write_bytes(content)
        file = self.files[path]
        file.song, file.readonly, file.by_genred = song, False, False
        self._changed(path, content)

    def placed_over(self) -> None:
        """One file of the library renamed to the name of another."""
        path, name = self.any_file(), self.any_file()
        if self.files[path] is not self.files[name] and path.suffix.lower() == name.suffix.lower():
            path.rename(name)
            self._gone(name)
            self._renamed(path, name)

    # -- what persons do ---------------------------------------------------------------------------------------------

    def person_sets_genre(self) -> None:
        self._edited(genre=self._chance.choice(["Zydeco", "Klezmer", *GENRES]))

    def person_removes_genre(self) -> None:
        self._edited(genre=None)

    def person_sets_title(self) -> None:
        self._edited(title=f"Title {self._chance.random()}")

    def _edited(self, **fields: str | None) -> None:
        """As tag editors do: some in place, some by a copy that is moved over it."""
        path = self.any_file(songs=True)
        file = self.files[path]
        began = time.time()
        before = path.read_bytes()
        by_genred = genres(before) != genres(file.content)
        if self._chance.random() < 0.5:
            path.chmod(0o644)
            file.readonly = False
            label(path, **fields)
        else:
            copy = path.with_name(f"~{self._names}.tmp")
            copy.write_bytes(labelled(before, **fields))
            copy.rename(path)
            file = self.files[path] = replace(file, layers=[], backlog=False, readonly=False, edits=[])
        content = path.read_bytes()
        file.by_genred |= by_genred
        answered = by_genred or hash(before) in file.answers
        if "genre" in fields:
            file.person |= file.by_genred
            file.by_genred = False
            file.answers.pop(hash(content), None)
        elif answered:
            file.answers[hash(content)] = False
        file.edits.append((began, time.time()))
        self._changed(path, content)

    def touched(self) -> None:
        path = self.any_file()
        moment = time.time() + self._chance.choice([0, 0, -1e6, 86400])
        os.utime(path, (moment, moment))
        self._noticed_later(path)

    def locked(self) -> None:
        path = self.any_file()
        path.chmod(0o444)
        self.files[path].readonly = True

    def unlocked(self) -> None:
        path = self._chance.choice([path for path, file in self.files.items() if file.readonly])
        path.chmod(0o600)
        self.files[path].readonly = False
        self.caused(path)

    # -- folders -----------------------------------------------------------------------------------------------------

    def folder_made(self) -> None:
        with suppress(FileExistsError):
            (self.folder() / self._chance.choice([*ODD, *(f"album {n}" for n in range(30)), "@eaDir"])).mkdir()

    def folder_moved_in(self) -> None:
        album = self.outside / f"album {self._songs}"
        for disc in (album, album / "disc 2"):
            disc.mkdir()
            for _ in range(self._chance.randrange(4)):
                song, suffix, content = self.song()
                path = self.name(disc, suffix)
                path.write_bytes(content)
                self.put(path, song, content)
        new = self.folder() / album.name
        album.rename(new)
        self._renamed(album, new)
        for path in self.files:
            if new in path.parents:
                self.files[path].uncertain = ""

    def folder_renamed(self) -> None:
        folder = self._subfolder()
        new = self.folder(inside=self._chance.random() < 0.9) / f"moved {self._names}"
        self._names += 1
        if folder not in (new, *new.parents):
            folder.rename(new)
            self._renamed(folder, new)

    def folder_deleted(self) -> None:
        folder = self._subfolder()
        if sum(folder in path.parents for path in self.files) < 20:
            shutil.rmtree(folder)
            self._gone(folder)

    def _subfolder(self) -> Path:
        return self._chance.choice(sorted(folder for top in self.tops() for folder in self._folders(top)))

    def root_goes_and_comes_back(self) -> None:
        root = self._chance.choice(self.roots)
        away = root.with_name("away")
        root.rename(away)
        self._wait(60)
        away.rename(root)
        self._wait(30)

    def _wait(self, seconds: float) -> None:
        for _ in range(10):
            self._clock.advance(seconds / 10)
            time.sleep(0.02)

    def clock_jumps(self) -> None:
        self._clock.advance(3600 * self._chance.uniform(0.1, 2))

    # -- what is no music --------------------------------------------------------------------------------------------

    def broken(self) -> None:
        content = self._chance.choice([b"", b"no music", self._chance.randbytes(5000)])
        path = self.name(self.folder(), self._chance.choice(SUFFIXES))
        path.write_bytes(content)
        self.put(path, None, content)

    def special(self) -> None:
        path = self.name(self.folder(), ".mp3")
        match self._chance.randrange(5):
            case 0:
                os.mkfifo(path)
            case 1:
                path.symlink_to(path)
            case 2:
                path.symlink_to(self.any_file(inside=False))
            case 3:
                path.symlink_to("/dev/zero")
            case _:
                path.mkdir()
        self.specials[path] = os.lstat(path).st_mode

    def operations(self) -> dict[str, tuple[Callable[[], None], float]]:
        """Everything that can happen, by name, and how often it does."""
        more, less = (1.0, 2.0) if len(self.files) < FULL else (0.3, 6.0)
        arriving = (
            self.copied_in, self.copied_slowly, self.copied_in_appends, self.written_twice, self.moved_in,
            self.downloaded, self.synchronised, self.copied,
        )  # fmt: skip
        often = (
            self.renamed, self.moved, self.person_sets_genre, self.person_removes_genre, self.person_sets_title,
            self.touched, self.unlocked,
        )  # fmt: skip
        seldom = (
            self.renumbered, self.overwritten, self.placed_over, self.locked, self.folder_made, self.folder_renamed,
            self.broken, self.linked_in, self.linked_inside,
        )  # fmt: skip
        rare = (self.folder_moved_in, self.folder_deleted, self.special)
        chances: dict[Callable[[], None], float] = {
            **dict.fromkeys(arriving, 2 * more),
            **dict.fromkeys(often, 1.5),
            **dict.fromkeys(seldom, 0.6),
            **dict.fromkeys(rare, 0.3),
            self.deleted: less,
            self.clock_jumps: 0.1,
            self.root_goes_and_comes_back: 0.05,
        }
        return {operation.__name__: (operation, weight) for operation, weight in chances.items()}


def _pieces(content: bytes, count: int) -> list[bytes]:
    step = len(content) // count + 1
    return [content[at : at + step] for at in range(0, len(content), step)]
