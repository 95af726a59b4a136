"""The artist and the album that a file's tags name, taken from the tags that were parsed for the genre."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mutagen import apev2, asf, id3
from mutagen._vorbis import VCommentDict

from genred.names import Labels

LONGEST = 300
"""Characters of a name that are kept."""

Texts = Mapping[str, Sequence[str]]
"""The texts of a tag that genred takes apart itself, by the name of the field."""

_KEYS: tuple[tuple[type, dict[str, tuple[str, ...]]], ...] = (
    (
        id3.ID3Tags,
        {
            "artist": ("TPE1",),
            "album_artist": ("TPE2", "TXXX:ALBUM ARTIST", "TXXX:ALBUMARTIST"),
            "album": ("TALB",),
            "compilation": ("TCMP", "TXXX:COMPILATION"),
        },
    ),
    (
        apev2.APEv2,
        {
            "artist": ("Artist",),
            "album_artist": ("Album Artist", "AlbumArtist"),
            "album": ("Album",),
            "compilation": ("Compilation",),
        },
    ),
    (
        asf.ASFTags,
        {
            "artist": ("Author",),
            "album_artist": ("WM/AlbumArtist",),
            "album": ("WM/AlbumTitle",),
            "compilation": ("WM/IsCompilation",),
        },
    ),
    (
        VCommentDict,
        {
            "artist": ("artist",),
            "album_artist": ("albumartist", "album artist", "album_artist"),
            "album": ("album",),
            "compilation": ("compilation",),
        },
    ),
)

_TEXTS = {
    "artist": ("artist", "©art", "iart"),
    "album_artist": ("albumartist", "album_artist", "aart"),
    "album": ("album", "©alb", "iprd"),
    "compilation": ("compilation", "cpil"),
}
"""The fields of Matroska, MP4's item list, RIFF INFO and ID3v1, in small letters."""


def labels_of(tags: Iterable[Any]) -> Labels:
    """Return the labels that some parsed tags of one file name; a field that the first lacks is taken from the next.

    Parameters
    ----------
    tags
        Tags as mutagen has them, or `Texts`, in the order in which readers prefer them.
    """
    found = {"artist": "", "album_artist": "", "album": "", "compilation": ""}
    for tag in tags:
        keys = next((keys for kind, keys in _KEYS if isinstance(tag, kind)), _TEXTS)
        for field, text in found.items():
            found[field] = text or next(filter(None, (_first(tag, key) for key in keys[field])), "")
    is_set = found.pop("compilation").casefold() in ("1", "true", "yes")
    return Labels(**found, compilation=is_set)


def _first(tag: Any, key: str) -> str:
    """Return the first text of a field that says something, fit to be kept."""
    found = tag.get(key)
    values = getattr(found, "text", found)  # a frame of ID3 has its texts there
    texts = map(str, values) if isinstance(values, Iterable) and not isinstance(values, str | bytes) else ()
    text = next((stripped for text in texts if (stripped := text.strip(" \0\n\r\t"))), "")
    return text[:LONGEST].encode("utf-8", "replace").decode()
