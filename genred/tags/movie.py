"""The places of an MP4 file that name genres: iTunes' item list, QuickTime's keys, user data of phones and Windows."""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from mutagen.id3 import TCON

from genred.genres import Place
from genred.tags.containers import Chunk, atoms, read_at, size_of
from genred.tags.readers import place_of

LARGEST_VALUE = 1 << 16  # bytes read of what can only be a text


def places_in(file: BinaryIO, parsed: list[Any]) -> Iterator[Place]:
    """Find every place of an MP4 file that names a genre; the item list's own comes first, even if it is silent.

    Parameters
    ----------
    file
        The file.
    parsed
        Gets the texts of the item list that name artist and album.
    """
    texts: Texts = {}
    parsed.append(texts)
    tops = _tolerant(file, 0, size_of(file))
    found = [place for atom in tops if atom.name == b"moov" for place in _in_moov(file, atom, texts)]
    main = [genre for place in found if place.where == ITEM for genre in place.genres]
    yield Place(ITEM, tuple(main))
    yield from (place for place in found if place.where != ITEM)


ITEM = "MP4 ©gen"

Texts = dict[str, list[str]]
_LABELS = {b"\xa9ART": "©art", b"aART": "aart", b"\xa9alb": "©alb", b"cpil": "cpil"}


def _in_moov(file: BinaryIO, moov: Chunk, texts: Texts) -> Iterator[Place]:
    for atom in _tolerant(file, moov.data, moov.end):
        match atom.name:
            case b"udta":
                yield from _user_data(file, atom, texts)
            case b"meta":
                yield from _metadata(file, atom, texts)
            case b"trak":
                yield from _in_moov(file, atom, texts)


def _user_data(file: BinaryIO, udta: Chunk, texts: Texts) -> Iterator[Place]:
    for atom in _tolerant(file, udta.data, udta.end):
        match atom.name:
            case b"meta":
                yield from _metadata(file, atom, texts)
            case b"\xa9gen":  # QuickTime: texts, each with its length and language
                yield from _place("QuickTime user data ©gen", _quicktime_texts(_content(file, atom)))
            case b"gnre":  # 3GPP: version and flags, language, text
                yield from _place("3GPP user data gnre", [_text(_content(file, atom)[6:])])
            case b"Xtra":
                yield from _place("Windows Media Xtra WM/Genre", _xtra(_content(file, atom)))


def _metadata(file: BinaryIO, meta: Chunk, texts: Texts) -> Iterator[Place]:
    # In QuickTime "meta" is an atom like any other; in MP4 a version and flags come first in it.
    start = meta.data if read_at(file, meta.data + 4, 4) == b"hdlr" else meta.data + 4
    children = {atom.name: atom for atom in _tolerant(file, start, meta.end)}
    if b"ilst" not in children:
        return
    keys = _keys(_content(file, children[b"keys"])) if b"keys" in children else []
    for item in _tolerant(file, children[b"ilst"].data, children[b"ilst"].end):
        number = int.from_bytes(item.name, "big")
        if 0 < number <= len(keys):
            if keys[number - 1].casefold().rpartition(".")[2] == "genre":
                yield from _place(f"QuickTime key {keys[number - 1]}", _values(file, item))
        elif item.name in _LABELS:
            texts[_LABELS[item.name]] = ["1"] if item.name == b"cpil" and _is_set(file, item) else _values(file, item)
        elif item.name == b"\xa9gen":
            yield from _place(ITEM, _values(file, item))
        elif item.name == b"gnre":
            yield from _place("MP4 gnre", _numbers(file, item))
        elif item.name == b"----":
            named = {atom.name: _text(_content(file, atom)[4:]) for atom in _tolerant(file, item.data, item.end)}
            if named.get(b"name", "").casefold() == "genre":
                yield from _place(f"MP4 ----:{named.get(b'mean', '')}:{named[b'name']}", _values(file, item))


def _place(where: str, texts: list[str]) -> Iterator[Place]:
    place = place_of(where, texts)
    if place.genres:
        yield place


def _tolerant(file: BinaryIO, start: int, end: int) -> Iterator[Chunk]:
    """Walk atoms up to the first that doesn't add up, as other readers do."""
    try:
        yield from atoms(file, start, end)
    except ValueError:
        return


def _content(file: BinaryIO, atom: Chunk) -> bytes:
    return read_at(file, atom.data, min(atom.size, LARGEST_VALUE))


def _values(file: BinaryIO, item: Chunk) -> list[str]:
    return [_value(_content(file, atom)) for atom in _tolerant(file, item.data, item.end) if atom.name == b"data"]


def _value(data: bytes) -> str:
    """Read the text of a data atom, whose type, in front of a locale and the text, names the encoding."""
    kind, raw = int.from_bytes(data[1:4], "big"), data[8:]
    encoding = {2: "utf-16-be", 5: "utf-16-be", 3: "shift-jis"}.get(kind)
    return raw.decode(encoding, "replace").strip("\0\ufeff") if encoding else _text(raw)


def _numbers(file: BinaryIO, item: Chunk) -> list[str]:
    """Read genres of ID3v1's list, counted from one; zero stands for no genre."""
    datas = (_content(file, atom)[8:] for atom in _tolerant(file, item.data, item.end) if atom.name == b"data")
    numbers = (int.from_bytes(data, "big") for data in datas)
    return [TCON.GENRES[number - 1] for number in numbers if 0 < number <= len(TCON.GENRES)]


def _is_set(file: BinaryIO, item: Chunk) -> bool:
    datas = (_content(file, atom)[8:] for atom in _tolerant(file, item.data, item.end) if atom.name == b"data")
    return any(int.from_bytes(data, "big") for data in datas)


def _text(raw: bytes) -> str:
    if raw[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return raw.decode("utf-16", "replace").strip("\0")
    try:
        return raw.decode().strip("\0")
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip("\0")


def _quicktime_texts(raw: bytes) -> list[str]:
    texts = []
    at = 0
    while at + 4 < len(raw):
        (size,) = struct.unpack_from(">H", raw, at)
        texts.append(_text(raw[at + 4 : at + 4 + size]))
        at += 4 + size
    return texts


def _keys(raw: bytes) -> list[str]:
    names = []
    at = 8
    while at + 8 <= len(raw):
        size = max(8, int.from_bytes(raw[at : at + 4], "big"))
        names.append(_text(raw[at + 8 : at + size]))
        at += size
    return names


def _xtra(raw: bytes) -> list[str]:
    """Read WM/Genre from the atom that Windows adds to MP4 files: entries of a name and typed values."""
    texts = []
    at = 0
    while at + 12 <= len(raw):
        size, length = struct.unpack_from(">II", raw, at)
        name = raw[at + 8 : at + 8 + length]
        value = at + 12 + length
        if size < 12 + length or at + size > len(raw):
            break
        while name.lower() == b"wm/genre" and value + 6 <= at + size:
            width, kind = struct.unpack_from(">IH", raw, value)
            if width < 6:
                break
            if kind == 8:
                texts.append(raw[value + 6 : value + width].decode("utf-16-le", "replace").strip("\0"))
            value += width
        at += size
    return texts
