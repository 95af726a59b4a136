"""Songs, and what a person's programs do to them: everything through mutagen and PyAV, nothing through genred."""

import io
from hashlib import md5
from pathlib import Path
from typing import Any

import av
import mutagen
from mutagen import id3
from mutagen.apev2 import APEv2
from mutagen.asf import ASFTags
from mutagen.mp4 import MP4Tags

from tests.makeaudio import make, suffix

KINDS = ("mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff", "wma", "wv")
_FRAMES: dict[str, type[id3.TextFrame]] = {"album": id3.TALB, "artist": id3.TPE1, "genre": id3.TCON, "title": id3.TIT2}
_MP4 = {"album": "\xa9alb", "artist": "\xa9ART", "genre": "\xa9gen", "title": "\xa9nam"}
_ASF = {"album": "WM/AlbumTitle", "artist": "Author", "genre": "WM/Genre", "title": "Title"}


class Studio:
    """Makes songs: one recording of each kind, under many names."""

    def __init__(self, folder: Path) -> None:
        self._recordings = {
            kind: make(folder / f"recording{suffix(kind)}", 0.15, kind=kind, noise=0.1).read_bytes() for kind in KINDS
        }

    def song(self, number: int, genre: str | None) -> tuple[str, bytes]:
        """Suffix and content of a song that says its number as its artist."""
        kind = KINDS[number % len(KINDS)]
        return suffix(kind), labelled(self._recordings[kind], artist=f"song {number}", genre=genre)


def labelled(content: bytes, **fields: str | None) -> bytes:
    file = io.BytesIO(content)
    label(file, **fields)
    return file.getvalue()


def label(file: Path | io.BytesIO, **fields: str | None) -> None:
    """Set fields, or remove those that are None, as a tag editor does: load, change, save in place."""
    song: Any = mutagen.File(file)
    if song.tags is None:
        song.add_tags()
    for field, value in fields.items():
        _set(song.tags, field, value)
    if isinstance(file, io.BytesIO):
        file.seek(0)
    song.save(file)


def _set(tags: Any, field: str, value: str | None) -> None:
    if isinstance(tags, id3.ID3):
        tags.delall(_FRAMES[field].__name__)
        if value is not None:
            tags.add(_FRAMES[field](encoding=3, text=[value]))
        return
    names = _MP4 if isinstance(tags, MP4Tags) else _ASF if isinstance(tags, ASFTags) else {}
    name = names.get(field, field)
    if value is not None:
        tags[name] = value if isinstance(tags, APEv2) else [value]
    elif name in tags:
        del tags[name]


def genres(content: bytes) -> tuple[str, ...]:
    """The genres in a file, read with mutagen alone."""
    song: Any = mutagen.File(io.BytesIO(content))
    if song is None or song.tags is None:
        return ()
    tags = song.tags
    if isinstance(tags, id3.ID3):
        return tuple(name for frame in tags.getall("TCON") for name in frame.genres)
    name = _MP4["genre"] if isinstance(tags, MP4Tags) else _ASF["genre"] if isinstance(tags, ASFTags) else "genre"
    return tuple(map(str, tags.get(name, [])))


def sound(content: bytes) -> str:
    """A hash of the packets of audio in a file, as FFmpeg finds them."""
    found = md5(usedforsecurity=False)
    with av.open(io.BytesIO(content), "r") as song:
        for packet in song.demux(audio=0):
            found.update(bytes(packet))
    return found.hexdigest()
