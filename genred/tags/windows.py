"""The genre in the header of a Windows Media file, whose other objects and attributes stay byte for byte."""

import struct
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from genred.tags.fields import PADDING


def _guid(text: str) -> bytes:
    return UUID(text).bytes_le


HEADER_EXTENSION = _guid("5FBF03B5-A92E-11CF-8EE3-00C00C205365")
ATTRIBUTES = _guid("D2D0A440-E307-11D2-97F0-00A0C95EA850")  # "extended content description"
METADATA = _guid("C5F8CBEA-5BAF-4877-8467-AA8C44FA4CCA")
LIBRARY = _guid("44231C94-9498-49D1-A141-1D134E457054")
FILE_PROPERTIES = _guid("8CABDCA1-A947-11CF-8EE4-00C00C205365")
PADDING_OBJECT = _guid("1806D474-CADF-4509-A4BA-9AABCB96AAE8")

Objects = list[tuple[bytes, bytes]]


def is_genre(name: str) -> bool:
    """Return whether an attribute is about the genre."""
    return name.casefold() in ("wm/genre", "wm/genreid", "genre", "genreid")


def parse_header(raw: bytes) -> Objects:
    """Take a header apart; return the identifier and the bytes of each object."""
    size, count = struct.unpack_from("<QI", raw, 16)
    found = list(_objects(raw[30:size]))
    if size != len(raw) or len(found) != count:
        raise ValueError("its header doesn't add up")
    return found


def set_genres(raw: bytes, genres: Sequence[str], file_size: int) -> bytes:
    """Return a header with these genres, as long as it was if they fit.

    Parameters
    ----------
    raw
        The header.
    genres
        The genres; each gets an attribute.
    file_size
        The size of the file, which the header repeats.
    """
    objects = [(name, _without_genres(name, data)) for name, data in parse_header(raw)]
    new = [_attribute("WM/Genre", genre) for genre in genres]
    if new and ATTRIBUTES not in dict(objects):
        objects.append((ATTRIBUTES, _object(ATTRIBUTES, bytes(2))))
    objects = [(name, _with_attributes(data, new) if name == ATTRIBUTES else data) for name, data in objects]
    kept = [(name, data) for name, data in objects if name != PADDING_OBJECT]
    room = len(raw) - 30 - sum(len(data) for _, data in kept)
    if room:
        kept.append((PADDING_OBJECT, _object(PADDING_OBJECT, bytes(room - 24 if room >= 24 else PADDING))))
    size = 30 + sum(len(data) for _, data in kept)
    grown = file_size + size - len(raw)
    body = b"".join(_resized(data, file_size, grown) if name == FILE_PROPERTIES else data for name, data in kept)
    return raw[:16] + struct.pack("<QI", size, len(kept)) + raw[28:30] + body


def without_genres(raw: bytes) -> Objects:
    """Return the objects of a header that hold more than padding, each without its genres."""
    held = [(name, _without_genres(name, data)) for name, data in parse_header(raw) if name != PADDING_OBJECT]
    told = [(name, data[:40] + data[48:] if name == FILE_PROPERTIES else data) for name, data in held]
    return [(name, data) for name, data in told if data != _object(ATTRIBUTES, bytes(2))]


def _objects(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 24 <= len(raw):
        (size,) = struct.unpack_from("<Q", raw, at + 16)
        if not 24 <= size <= len(raw) - at:
            raise ValueError("an object of its header is longer than the header")
        yield raw[at : at + 16], raw[at : at + size]
        at += size
    if at != len(raw):
        raise ValueError("its header doesn't add up")


def _object(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<Q", 24 + len(data)) + data


def _without_genres(name: bytes, raw: bytes) -> bytes:
    if name == HEADER_EXTENSION:
        inner = b"".join(_without_genres(name, data) for name, data in _objects(raw[46:]))
        return _object(name, raw[24:42] + struct.pack("<I", len(inner)) + inner)
    if name not in (ATTRIBUTES, METADATA, LIBRARY):
        return raw
    entries = list(_attributes(raw) if name == ATTRIBUTES else _metadata(raw))
    kept = [data for label, data in entries if not is_genre(label)]
    return raw if len(kept) == len(entries) else _object(name, struct.pack("<H", len(kept)) + b"".join(kept))


def _with_attributes(raw: bytes, new: list[bytes]) -> bytes:
    entries = [data for _, data in _attributes(raw)] + new
    return _object(ATTRIBUTES, struct.pack("<H", len(entries)) + b"".join(entries))


def _attributes(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Walk attributes: length of the name, name, type, length of the value, value."""

    def end(at: int) -> tuple[int, bytes]:
        (length,) = struct.unpack_from("<H", raw, at)
        (size,) = struct.unpack_from("<H", raw, at + 4 + length)
        return at + 6 + length + size, raw[at + 2 : at + 2 + length]

    return _entries(raw, end)


def _metadata(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Walk metadata: language, stream, length of the name, type, length of the value, name, value."""

    def end(at: int) -> tuple[int, bytes]:
        length, _, size = struct.unpack_from("<HHI", raw, at + 4)
        return at + 12 + length + size, raw[at + 12 : at + 12 + length]

    return _entries(raw, end)


def _entries(raw: bytes, end: Callable[[int], tuple[int, bytes]]) -> Iterator[tuple[str, bytes]]:
    (count,) = struct.unpack_from("<H", raw, 24)
    at = 26
    for _ in range(count):
        stop, name = end(at)
        if stop > len(raw):
            raise ValueError("an attribute is longer than what holds it")
        yield name.decode("utf-16-le", "replace").strip("\0"), raw[at:stop]
        at = stop


def _attribute(name: str, value: str) -> bytes:
    label, text = (word.encode("utf-16-le") + b"\0\0" for word in (name, value))
    return struct.pack("<H", len(label)) + label + struct.pack("<HH", 0, len(text)) + text


def _resized(raw: bytes, old: int, new: int) -> bytes:
    """Return the file properties with the new size of the file, if they had the old size."""
    (said,) = struct.unpack_from("<Q", raw, 40)
    return raw[:40] + struct.pack("<Q", new) + raw[48:] if said == old else raw
