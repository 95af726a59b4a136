"""Who made the music in a file, for training: no artist may be in the learning and the testing part at once."""

from typing import Any, BinaryIO

from mutagen import apev2, asf, id3, mp4

from genred.tags.containers import Kind
from genred.tags.readers import load


def artist_in(file: BinaryIO, kind: Kind) -> str:
    """The album's artist, else the track's; empty where the tags don't say."""
    tags: Any = load(file, kind).tags
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
