"""The picture of an album, in the tags of a file or beside it in its folder, as bytes that nobody looks into here.

A picture is told by its first bytes, never by what a tag or a name says of it: JPEG, PNG or WebP, and nothing else.
"""

import os
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mutagen import MutagenError, apev2, asf, flac, id3
from mutagen._vorbis import VCommentDict

from genred.errors import FileError
from genred.fs.files import open_regular
from genred.tags.containers import Kind
from genred.tags.places import places_in
from genred.tags.readers import load

LARGEST = 8 * 2**20
"""Bytes of a picture that is looked at: scans for print are larger, and of no use on a page."""

FRONT = 3
"""The number for a front cover in ID3, FLAC and Windows Media."""

_NAMES = ("cover", "folder", "front", "album", "albumart")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class Picture(NamedTuple):
    """A picture in a tag."""

    use: int
    """What it shows, in the numbers of ID3; `FRONT` is the front cover."""
    data: bytes


def in_tags(file: BinaryIO, kind: Kind) -> bytes | None:
    """Return the picture in a file's tags, a front cover before others; None where there is none to show."""
    parsed: list[Any] = []
    if kind in (Kind.FLAC, Kind.MP4):
        parsed.append(load(file, kind))
    elif kind is not Kind.MATROSKA:
        places_in(file, kind, parsed)
    fit = [picture for picture in _pictures(parsed) if is_picture(picture.data)]
    return min(fit, key=lambda picture: picture.use != FRONT).data if fit else None


def in_folder(folder: Path) -> bytes | None:
    """Return the picture that lies beside the music of a folder under one of the usual names; None without one."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _rank(entry.name) is not None]
    except OSError:
        return None
    for name in sorted(names, key=lambda name: (_rank(name), name)):
        with suppress(FileError, OSError), open_regular(folder / name) as file:
            data = file.read(LARGEST + 1)
            if is_picture(data):
                return data
    return None


def is_picture(data: bytes) -> bool:
    """Return whether bytes begin as a JPEG, PNG or WebP picture does, and are not too many."""
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return len(data) <= LARGEST and (is_webp or data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")))


def _rank(name: str) -> int | None:
    """Return how early a file of this name is taken for the picture of its folder; None: never."""
    stem, suffix = os.path.splitext(name.casefold())
    return _NAMES.index(stem) if suffix in _SUFFIXES and stem in _NAMES else None


def _pictures(parsed: Iterable[Any]) -> Iterator[Picture]:
    """Yield the pictures of parsed tags, in the order in which readers prefer the tags."""
    for tags in parsed:
        if isinstance(tags, flac.FLAC):
            yield from (Picture(picture.type, picture.data) for picture in tags.pictures)
            tags = tags.tags  # some programs put the picture into the comment even there
        if isinstance(tags, id3.ID3Tags):
            yield from (Picture(frame.type, frame.data) for frame in tags.getall("APIC"))
        elif isinstance(tags, apev2.APEv2):
            yield from _of_ape(tags)
        elif isinstance(tags, asf.ASFTags):
            yield from _of_asf(tags)
        elif isinstance(tags, VCommentDict):
            yield from _of_comment(tags)
        elif hasattr(tags, "tags"):  # MP4
            yield from (Picture(FRONT, bytes(data)) for data in (tags.tags or {}).get("covr", ()))


def _of_ape(tags: apev2.APEv2) -> Iterator[Picture]:
    for key, value in tags.items():
        if key.casefold().startswith("cover art") and isinstance(value, apev2.APEBinaryValue):
            yield Picture(FRONT if "front" in key.casefold() else 0, bytes(value).partition(b"\0")[2])


def _of_asf(tags: asf.ASFTags) -> Iterator[Picture]:
    """Read WM/Picture: what it shows (1 byte), its size (4), MIME type and description (UTF-16, ended by 0), itself."""
    for attribute in tags.get("WM/Picture", ()):
        raw = bytes(attribute.value)
        size = int.from_bytes(raw[1:5], "little")
        if len(raw) > 5 and 0 < size <= len(raw) - 5:
            yield Picture(raw[0], raw[-size:])


def _of_comment(tags: VCommentDict) -> Iterator[Picture]:
    for text in tags.get("metadata_block_picture", ()):
        with suppress(Base64Error, MutagenError, ValueError):
            picture = flac.Picture(b64decode(text))
            yield Picture(picture.type, picture.data)
    for text in tags.get("coverart", ()):
        with suppress(Base64Error, ValueError):
            yield Picture(FRONT, b64decode(text))
