"""What readers nobody here wrote say of a file's genre, as a table: format by reader.

    python -m tests.readers

A cell is what a reader shows of a file with one genre, and of one with two: "=" just that, as separate values where
there are two; "joined" both in one text; "one" only one of the two; "-" that it doesn't read the file, or no genre in
it, whoever wrote it. Readers that aren't installed are left out.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from genred.tags import write_genres
from tests.makeaudio import KINDS, make, suffix

TAGGED = [kind for kind in KINDS if kind != "mka"]  # Matroska is refused
ONE, TWO = ["Drum & Bass"], ["Drum & Bass", "Zeuhl"]


def output(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def ffprobe(path: Path) -> list[str]:
    shown = json.loads(
        output("ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "json", path)
    )
    stream = (shown.get("streams") or [{}])[0].get("tags", {})
    found = {key.lower(): value for key, value in (stream | shown["format"].get("tags", {})).items()}
    return [found["genre"]] if "genre" in found else []


def exiftool(path: Path) -> list[str]:
    return output("exiftool", "-a", "-s3", "-Genre", path).splitlines()


def exiftool_all(paths: Sequence[Path]) -> dict[Path, list[str]]:
    """To start takes it longer than to read hundreds of files."""
    command = ["exiftool", "-a", "-G4", "-j", "-sep", ", ", "-Genre", *map(str, paths)]
    shown = json.loads(
        subprocess.run(command, capture_output=True, check=False).stdout
    )  # ends with 1 if one is damaged
    return {Path(each.pop("SourceFile")): [str(genre) for genre in each.values()] for each in shown}


def mediainfo(path: Path) -> list[str]:
    shown = output("mediainfo", "--Inform=General;%Genre%", path).strip()
    return [shown] if shown else []


def kid3(path: Path) -> list[str]:
    shown = output("kid3-cli", "-c", "get genre", path).strip()
    return shown.split("|") if shown else []


def metaflac(path: Path) -> list[str]:
    return [line.partition("=")[2] for line in output("metaflac", "--show-tag=GENRE", path).splitlines()]


def opusinfo(path: Path) -> list[str]:
    return [
        line.partition("=")[2] for line in output("opusinfo", path).splitlines() if line.strip().startswith("GENRE")
    ]


def tinytag(path: Path) -> list[str]:
    from tinytag import TinyTag

    tag = TinyTag.get(path)
    return [*([tag.genre] if tag.genre else []), *tag.other.get("genre", [])]


def pytaglib(path: Path) -> list[str]:
    taglib = import_module("taglib")  # without type stubs
    with taglib.File(os.fspath(path)) as file:
        return list(file.tags.get("GENRE", []))


class Reader(NamedTuple):
    """A reader, what it takes to have it, the formats it doesn't read, and how it reads many files at once."""

    read: Callable[[Path], list[str]]
    module: str | None = None
    blind: tuple[str, ...] = ()
    read_all: Callable[[Sequence[Path]], dict[Path, list[str]]] | None = None

    @property
    def is_here(self) -> bool:
        return find_spec(self.module) is not None if self.module else shutil.which(self.name) is not None

    @property
    def name(self) -> str:
        return {"kid3": "kid3-cli"}.get(self.read.__name__, self.read.__name__)


READERS = (
    Reader(ffprobe),
    Reader(exiftool, blind=("wv",), read_all=exiftool_all),
    Reader(mediainfo, blind=("wv",)),
    Reader(kid3),
    Reader(pytaglib, "taglib"),
    Reader(tinytag, "tinytag", ("wv",)),
    Reader(metaflac, blind=tuple(kind for kind in TAGGED if kind != "flac")),
    Reader(opusinfo, blind=tuple(kind for kind in TAGGED if kind != "opus")),
)


def write(folder: Path, kind: str, genres: Sequence[str]) -> Path:
    """A new file that had another genre before."""
    path = make(folder / (kind + suffix(kind)), 0.3, kind=kind)
    write_genres(path, ["Blues"])
    write_genres(path, genres)
    return path


def verdict(shown: Sequence[str], genres: Sequence[str]) -> str:
    """What a reader shows, in a word; the text itself where it is something else."""
    if sorted(shown) == sorted(genres):
        return "="
    if all(genre in " ".join(shown) for genre in genres):
        return "joined"
    return "one" if len(shown) == 1 and shown[0] in genres else f"? {', '.join(shown)}"


def table() -> Iterator[list[str]]:
    readers = [reader for reader in READERS if reader.is_here]
    yield ["", *(reader.name for reader in readers)]
    with tempfile.TemporaryDirectory() as folder:
        for kind in TAGGED:
            row = [kind]
            for reader in readers:
                if kind in reader.blind:
                    row.append("-")
                    continue
                cells = [verdict(reader.read(write(Path(folder), kind, genres)), genres) for genres in (ONE, TWO)]
                row.append(" ".join(cells))
            yield row


if __name__ == "__main__":
    for row in table():
        print("".join(cell.ljust(11) for cell in row).rstrip())
