"""The artist of a file, for training: no artist may be in the learning and the testing part at once."""

from typing import Any, BinaryIO

from mutagen import apev2, asf, id3, mp4

from genred.tags import matroska
from genred.tags.containers import Kind
from genred.tags.readers import load


def artist_in(file: BinaryIO, kind: Kind) -> str:
    """Return the album's artist, else the track's; empty if the tags name neither."""
    if kind is Kind.MATROSKA:
        return next(matroska.values(file, "artist"), "")
    tags: Any = _id3(file) if kind is Kind.ADTS else load(file, kind).tags
    match tags:
        case None:
            return ""
        case id3.ID3Tags():
            keys = ("TPE2", "TPE1")
        case mp4.MP4Tags():
            keys = ("aART", "\xa9ART")
        case apev2.APEv2():
            keys = ("Album Artist", "Artist")
        case asf.ASFTags():
            keys = ("WM/AlbumArtist", "Author")
        case _:
            keys = ("albumartist", "artist")
    for key in keys:
        values = tags.get(key) or []
        said = next((text for value in values if (text := str(value).strip())), "")
        if said:
            return said
    return ""


def _id3(file: BinaryIO) -> id3.ID3 | None:
    file.seek(0)
    try:
        return id3.ID3(file)
    except id3.ID3NoHeaderError:
        return None
