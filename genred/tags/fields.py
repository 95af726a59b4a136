"""The genre field in the raw bytes of a tag, and not one byte more.

A tag library reads a tag into objects and writes those objects back, and on the way frames it doesn't know, a second
picture of the same name, an odd encoding or the tag's version get lost. Here the field is replaced in the bytes
themselves, whatever else they hold. In `genred.tags`, other people's code reads the bytes back, which is what makes the
check worth something.

A tag that doesn't parse raises `ValueError`.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genred.tags.containers import from_syncsafe, id3v2_size

PADDING = 1024  # bytes added when a tag has to grow, so that the next change is a small one


@dataclass(frozen=True, slots=True)
class Id3:
    """An ID3v2 tag taken apart: frames as raw bytes, header included, and what lies behind the frames."""

    major: int
    flags: int
    frames: list[tuple[bytes, bytes]]  # name, raw bytes
    junk: bytes  # behind the frames, and no padding
    size: int  # of the whole tag in the file


def parse_id3(tag: bytes) -> Id3:
    """Take an ID3v2 tag (2.2, 2.3 or 2.4) apart without its extended header, whose checksum would be wrong."""
    size = id3v2_size(tag)
    if not size or len(tag) < size:
        raise ValueError("its ID3v2 tag is cut short")
    major, flags = tag[3], tag[5]
    if major < 2 or (major == 2 and flags & 0x40):
        raise ValueError("its ID3v2 tag is of a version nobody reads")
    body = tag[10 : 10 + from_syncsafe(tag[6:10])]
    if flags & 0x80 and major < 4:
        body = body.replace(b"\xff\x00", b"\xff")
    if flags & 0x40 and not body[:4].isalnum():  # some tags claim an extended header and have none
        (extended,) = struct.unpack_from(">I", body)
        body = body[from_syncsafe(body[:4]) :] if major == 4 else body[4 + extended :]
    walks = [_frames(body, major, bits) for bits in ((7, 8) if major == 4 else (8,))]
    frames = max(walks, key=len)  # iTunes once wrote plain sizes into ID3v2.4; the first wins a tie
    rest = body[sum(len(raw) for _, raw in frames) :]
    return Id3(major, flags, frames, rest.rstrip(b"\0"), size)


def _frames(body: bytes, major: int, bits: int) -> list[tuple[bytes, bytes]]:
    width, head = (3, 6) if major == 2 else (4, 10)
    found = []
    at = 0
    while at + head < len(body):
        name, raw_size = body[at : at + width], body[at + width : at + 2 * width]
        if not (name.isalnum() and name.upper() == name) or (bits == 7 and max(raw_size) > 127):
            break
        size = from_syncsafe(raw_size) if bits == 7 else int.from_bytes(raw_size, "big")
        if at + head + size > len(body):
            break
        found.append((name, body[at : at + head + size]))
        at += head + size
    return found


def new_id3(major: int, frames: Iterable[tuple[bytes, bytes]] = ()) -> Id3:
    """Return an ID3v2 tag that isn't in the file yet."""
    return Id3(major, 0, list(frames), b"", 0)


def set_id3(tag: Id3, genres: Sequence[str], separator: str, *, at_the_end: bool = False) -> bytes:
    """Return the tag with these genres, as long as it was if they fit; user-defined "genre" frames get them too."""
    name = b"TCO" if tag.major == 2 else b"TCON"
    frames = replaced(tag.frames, name, [(name, text_frame(tag.major, name, genres, separator))] if genres else [])
    kept: list[tuple[bytes, bytes]] = []
    for key, raw in frames:
        label = user_label(tag.major, raw)
        if label is None or not names_genre(label):
            kept.append((key, raw))
        elif genres:
            kept.append((key, text_frame(tag.major, key, genres, separator, label + "\0")))
    return render_id3(tag, kept, at_the_end=at_the_end)


def is_genre_frame(major: int, raw: bytes) -> bool:
    """Return whether a raw ID3v2 frame is about the genre."""
    label = user_label(major, raw)
    return raw.startswith(b"TCO\0" if major == 2 else b"TCON") or (label is not None and names_genre(label))


def user_label(major: int, raw: bytes) -> str | None:
    """Return the name of a user-defined text frame; None for any other frame, and for one that is packed."""
    head = 6 if major == 2 else 10
    if raw[: 3 if major == 2 else 4] not in (b"TXX", b"TXXX") or len(raw) <= head or (major > 2 and raw[9]):
        return None
    encoding = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}.get(raw[head])
    if encoding is None:
        return None
    return raw[head + 1 :].decode(encoding, "replace").partition("\0")[0].strip("\ufeff")


def names_genre(label: str) -> bool:
    """Return whether the name of a user-defined field says that the field is about the genre."""
    return label.casefold().rpartition("::")[2].strip() == "genre"


def render_id3(tag: Id3, frames: Iterable[tuple[bytes, bytes]], *, at_the_end: bool = False) -> bytes:
    """Return the bytes of a tag: with padding before the audio; at the end with a footer, by which readers find it."""
    body = b"".join(raw for _, raw in frames) + tag.junk
    unsynchronised = bool(tag.flags & 0x80) and tag.major < 4
    if unsynchronised:
        body = _unsynchronise(body)
    room = len(body) if at_the_end else tag.size - 10
    if len(body) > room:
        room = len(body) + PADDING
    # Before the audio nobody needs a footer, which would be a second header to keep true.
    size = bytes(room >> shift & 0x7F for shift in (21, 14, 7, 0))
    header = bytes([tag.major, 0, tag.flags & 0xA0 | 0x10 * at_the_end]) + size
    return b"ID3" + header + body.ljust(room, b"\0") + (b"3DI" + header if at_the_end else b"")


def text_frame(major: int, name: bytes, values: Sequence[str], separator: str, label: str = "") -> bytes:
    """Return a text frame: many values if the version has lists (2.4), else one text joined by the separator."""
    text = "\0".join(values) if major == 4 else separator.join(values)
    try:
        data = b"\0" + (label + text).encode("latin-1")
    except UnicodeEncodeError:
        utf16 = b"".join(part.encode("utf-16") for part in (label, text) if part)
        data = b"\3" + (label + text).encode() if major == 4 else b"\1" + utf16
    if major == 2:
        return name + len(data).to_bytes(3, "big") + data
    if major == 3:
        return name + len(data).to_bytes(4, "big") + b"\0\0" + data
    return name + bytes(len(data) >> shift & 0x7F for shift in (21, 14, 7, 0)) + b"\0\0" + data


def _unsynchronise(body: bytes) -> bytes:
    """Put a zero after every 0xFF that a reader could take for the start of an MPEG frame (ID3v2.3, section 5)."""
    return re.sub(rb"\xff(?=[\xe0-\xff\x00]|\Z)", b"\xff\x00", body)


def replaced(
    items: Iterable[tuple[bytes, bytes]], name: bytes, new: list[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """Replace all items that bear a name by new ones, in the place of the first such item, else at the end."""
    out: list[tuple[bytes, bytes]] = []
    place: int | None = None
    for key, raw in items:
        if key == name:
            place = len(out) if place is None else place
        else:
            out.append((key, raw))
    at = len(out) if place is None else place
    return [*out[:at], *new, *out[at:]]


def set_vorbis(comment: bytes, genres: Sequence[str]) -> tuple[bytes, bytes]:
    """Return a Vorbis comment with these genres, and what lay behind the comment (framing bit, padding)."""
    vendor, entries, rest = parse_vorbis(comment)
    new = [(b"GENRE", b"GENRE=" + genre.encode()) for genre in genres]
    keyed = [(entry.partition(b"=")[0].upper(), entry) for entry in entries]
    fields = [raw for _, raw in replaced(keyed, b"GENRE", new)]
    parts = [_sized(vendor), struct.pack("<I", len(fields)), *map(_sized, fields)]
    return b"".join(parts), rest


def parse_vorbis(comment: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Return the vendor of a Vorbis comment, its entries ("KEY=value") and what lies behind the comment."""
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        if size > len(comment) - at:
            raise ValueError("its Vorbis comment is cut short")
        at += size
        return comment[at - size : at]

    def number() -> int:
        return int.from_bytes(take(4), "little")

    vendor = take(number())
    entries = [take(number()) for _ in range(number())]
    return vendor, entries, comment[at:]


def _sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def set_ape(tag: bytes, genres: Sequence[str]) -> bytes:
    """Return an APEv2 tag with these genres, header and footer as they were; a new tag if `tag` is empty."""
    foot = tag[-32:] or struct.pack("<8s4I8x", b"APETAGEX", 2000, 32, 0, 1 << 31)
    magic, version, _, _, flags, reserved = struct.unpack("<8s4I8s", foot)
    value = "\0".join(genres).encode()
    items = [(key.upper(), raw) for key, raw in parse_ape(tag)]
    new = [(b"GENRE", struct.pack("<2I", len(value), 0) + b"Genre\0" + value)] if genres else []
    if version < 2000 and not value.isascii():
        raise ValueError("its APEv1 tag holds no letters beyond ASCII")
    if version < 2000 and len(genres) > 1:
        raise ValueError("its APEv1 tag holds one genre only")
    fields = replaced(items, b"GENRE", new)
    body = b"".join(raw for _, raw in fields)
    rest = version, len(body) + 32, len(fields)
    header = struct.pack("<8s4I8s", magic, *rest, flags | 1 << 29, reserved) if flags & 1 << 31 else b""
    return header + body + struct.pack("<8s4I8s", magic, *rest, flags, reserved)


def parse_ape(tag: bytes) -> list[tuple[bytes, bytes]]:
    """Return the items of an APEv2 tag: key, and raw bytes."""
    if not tag:
        return []
    count, flags = struct.unpack_from("<2I", tag, len(tag) - 16)
    body = tag[32 if flags & 1 << 31 else 0 : -32]
    items = []
    at = 0
    for _ in range(count):
        (size,) = struct.unpack_from("<I", body, at)
        stop = body.index(b"\0", at + 8)
        if stop + 1 + size > len(body):
            raise ValueError("its APEv2 tag is cut short")
        items.append((body[at + 8 : stop], body[at : stop + 1 + size]))
        at = stop + 1 + size
    if at != len(body):
        raise ValueError("its APEv2 tag holds more than it says")
    return items


def set_ilst(children: Iterable[tuple[bytes, bytes]], genres: Sequence[str]) -> bytes:
    """Return the bytes of an MP4 item list with these genres: numeric genres go, free-form ones get the same values."""
    datas = (struct.pack(">I4sII", 16 + len(g), b"data", 1, 0) + g for g in map(str.encode, genres))
    data = b"".join(datas)
    new = [(b"\xa9gen", struct.pack(">I4s", 8 + len(data), b"\xa9gen") + data)] if genres else []
    renamed = ((b"\xa9gen" if name == b"gnre" else name, raw) for name, raw in children)
    out = []
    for _, raw in replaced(renamed, b"\xa9gen", new):
        start = free_form_genre(raw)
        if start is None:
            out.append(raw)
        elif genres:
            out.append(struct.pack(">I", start + len(data)) + raw[4:start] + data)
    return b"".join(out)


def free_form_genre(raw: bytes) -> int | None:
    """Return the offset of the data in a raw free-form atom that is named "genre"; None for any other atom."""
    at = 8
    named = False
    while raw[4:8] == b"----" and at + 8 <= len(raw):
        size, name = struct.unpack_from(">I4s", raw, at)
        if name == b"data":
            return at if named else None
        named = named or (name == b"name" and names_genre(raw[at + 12 : at + size].decode("utf-8", "replace")))
        at += max(size, 8)
    return None
