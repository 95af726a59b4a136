"""Tags as bytes, to put where programs put them: in front of a stream, behind it, twice."""

import struct
from pathlib import Path


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3_frame(name: str, text: str, major: int = 3) -> bytes:
    body = b"\0" + text.encode("latin-1")
    if major == 2:
        return name.encode() + len(body).to_bytes(3, "big") + body
    size = synchsafe(len(body)) if major == 4 else struct.pack(">I", len(body))
    return name.encode() + size + b"\0\0" + body


def id3v2(*frames: bytes, major: int = 3, padding: int = 64) -> bytes:
    body = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([major, 0, 0]) + synchsafe(len(body)) + body


def id3v2_at_the_end(*frames: bytes) -> bytes:
    body = b"".join(frames)
    header = b"\4\0\x10" + synchsafe(len(body))
    return b"ID3" + header + body + b"3DI" + header


def id3v1(genre: int) -> bytes:
    texts = (b"Title", b"Artist", b"Album")
    return b"TAG" + b"".join(text.ljust(30, b"\0") for text in texts) + b"1999" + bytes(30) + bytes([genre])


def apev2(**items: str) -> bytes:
    values = [(key.encode(), value.encode()) for key, value in items.items()]
    body = b"".join(struct.pack("<2I", len(value), 0) + key + b"\0" + value for key, value in values)
    head, foot = (
        struct.pack("<8s4I8x", b"APETAGEX", 2000, len(body) + 32, len(items), flags)
        for flags in (1 << 31 | 1 << 29, 1 << 31)
    )
    return head + body + foot


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def info(**items: str) -> bytes:
    return chunk(
        b"LIST", b"INFO" + b"".join(chunk(key.encode(), value.encode() + b"\0") for key, value in items.items())
    )


def with_chunks(path: Path, *chunks: bytes) -> None:
    """Append RIFF chunks to a WAV file."""
    data = path.read_bytes() + b"".join(chunks)
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])


def atom(name: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", 8 + len(data)) + name + data


def mp4_value(value: bytes, kind: int = 1) -> bytes:
    return atom(b"data", struct.pack(">II", kind, 0), value)


def item_list(*items: bytes) -> bytes:
    """An MP4 `meta` atom as iTunes writes it."""
    handler = atom(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    return atom(b"meta", bytes(4), handler, atom(b"ilst", *items))


def keyed_list(**values: bytes) -> bytes:
    """An MP4 `meta` atom as QuickTime writes it."""
    keys = b"".join(atom(b"mdta", key.encode()) for key in values)
    items = (atom(struct.pack(">I", n), mp4_value(value)) for n, value in enumerate(values.values(), 1))
    handler = atom(b"hdlr", bytes(8), b"mdta", bytes(13))
    return atom(
        b"meta", bytes(4), handler, atom(b"keys", bytes(4), struct.pack(">I", len(values)), keys), atom(b"ilst", *items)
    )


def with_user_data(path: Path, *atoms: bytes, within: bytes = b"udta") -> None:
    """Put atoms into the last thing of an MP4 file, its `moov`, in place of what user data it has."""
    data = path.read_bytes()
    at = data.rindex(b"moov") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    assert at + size == len(data)
    body = data[at + 8 :]
    old = body.rfind(b"udta")
    if old >= 0:
        body = body[: old - 4]
    body += atom(b"udta", *atoms) if within == b"udta" else b"".join(atoms)
    path.write_bytes(data[:at] + atom(b"moov", body))
