"""Put a changed tag back where the old one was: the file around the tag keeps its bytes, and sizes and offsets follow.

These functions are for a private copy: a process that dies half way leaves half a file.
"""

import struct
from typing import BinaryIO

from genred.tags.containers import (
    IFF,
    RIFF,
    UNSAID,
    Chunk,
    Kind,
    Span,
    chunks,
    iff_end,
    is_rf64,
    is_streamed,
    need_at,
    read_at,
    size_of,
)
from genred.tags.fields import PADDING, replaced

BLOCK = 1 << 20
FLAC_PADDING, FLAC_COMMENT = 1, 4


def splice(file: BinaryIO, span: Span, new: bytes) -> None:
    """Replace the bytes of `span`; the bytes behind the span move, block by block."""
    delta = len(new) - (span.end - span.start)
    end = size_of(file)
    starts = range(span.end, end, BLOCK)
    if delta:
        for at in starts if delta < 0 else reversed(starts):
            block = read_at(file, at, min(BLOCK, end - at))
            file.seek(at + delta)
            file.write(block)
    file.seek(span.start)
    file.write(new)
    if delta < 0:
        file.truncate(end + delta)


def flac_blocks(file: BinaryIO, start: int) -> tuple[list[tuple[int, bytes]], Span]:
    """Return the metadata blocks (type, content) of the FLAC stream at `start`, and their span behind "fLaC"."""
    blocks = []
    at = start + 4
    last = False
    while not last:
        head = need_at(file, at, 4)
        last, size = head[0] >= 0x80, int.from_bytes(head[1:], "big")
        blocks.append((head[0] & 0x7F, need_at(file, at + 4, size)))
        at += 4 + size
    sync = read_at(file, at, 2)
    if sync and (len(sync) < 2 or sync[0] != 0xFF or sync[1] & 0xFC != 0xF8):
        raise ValueError("its FLAC metadata blocks don't lead to the audio")
    if blocks[0][0] != 0:
        raise ValueError("its FLAC metadata don't start with STREAMINFO")
    return blocks, Span(start + 4, at)


def render_flac(blocks: list[tuple[int, bytes]], room: int) -> bytes:
    """Return the bytes of the blocks, as long as `room` if they fit: the last padding block shrinks or grows."""
    places = [i for i, (kind, _) in enumerate(blocks) if kind == FLAC_PADDING]
    rest = list(blocks)
    place = places[-1] if places else len(blocks)
    if places:
        del rest[place]
    free = room - sum(4 + len(data) for _, data in rest)
    if free:
        padding = min(free - 4 if free >= 4 else PADDING, 0xFFFFFF)
        rest.insert(place, (FLAC_PADDING, bytes(padding)))
    heads = [bytes([kind]) + len(data).to_bytes(3, "big") for kind, data in rest]
    heads[-1] = bytes([heads[-1][0] | 0x80]) + heads[-1][1:]
    return b"".join(head + data for head, (_, data) in zip(heads, rest, strict=True))


def id3_chunks(file: BinaryIO, kind: Kind) -> list[Chunk]:
    """Return the chunks of a WAV, AIFF or DSDIFF file that hold ID3v2 tags."""
    iff = IFF[kind]
    return [c for c in chunks(file, iff, iff_end(file, iff)) if c.name.lower() == b"id3 "]


def info_lists(file: BinaryIO) -> list[Chunk]:
    """Return the RIFF INFO lists of a WAV file."""
    found = [c for c in chunks(file, IFF[Kind.WAVE], iff_end(file, IFF[Kind.WAVE])) if c.name == b"LIST"]
    return [c for c in found if read_at(file, c.data, 4) == b"INFO"]


def info_items(file: BinaryIO, info: Chunk) -> list[tuple[bytes, bytes]]:
    """Return the items of a RIFF INFO list: name, raw bytes."""
    inside = chunks(file, IFF[Kind.WAVE], info.data + info.size, info.data + 4)
    return [(c.name, read_at(file, c.start, c.end - c.start)) for c in inside]


def put_chunk(file: BinaryIO, kind: Kind, old: Chunk | None, name: bytes, data: bytes) -> None:
    """Put a chunk in the place of the old one; if there is none, behind the last, or before audio of unknown length."""
    iff = IFF[kind]
    end = iff_end(file, iff)
    place = end
    streamed = kind is Kind.WAVE and is_streamed(file)
    if streamed:  # a player would play all that is behind the audio
        place = next(chunk.start for chunk in chunks(file, iff) if chunk.name == b"data")
    span = Span(old.start, old.end) if old else Span(place, place)
    odd = b"\0" if not old and place % 2 else b""
    raw = name + iff.size.pack(len(data)) + data + b"\0" * (len(data) % 2)
    splice(file, span, odd + raw)
    form = end - 4 - iff.size.size + len(odd) + len(raw) - (span.end - span.start)
    if streamed and need_at(file, 4, 4) == UNSAID.to_bytes(4, "little"):
        return
    if kind is Kind.WAVE and is_rf64(file):
        file.seek(RIFF.form + 8)
        file.write(struct.pack("<Q", form))
        return
    file.seek(4)
    file.write(iff.size.pack(form))


def set_info(file: BinaryIO, info: Chunk, genre: str) -> None:
    """Put a genre into a RIFF INFO list ("IGNR"); an empty genre removes the item."""
    text = genre.encode() + b"\0"
    raw = b"IGNR" + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2)
    kept = replaced(info_items(file, info), b"IGNR", [(b"IGNR", raw)] if genre else [])
    put_chunk(file, Kind.WAVE, info, b"LIST", b"INFO" + b"".join(raw for _, raw in kept))


def dsf_tag(file: BinaryIO) -> Span:
    """Return the span of the ID3v2 tag at the end of a DSF file; an empty span at the end if there is no tag."""
    total, pointer = struct.unpack("<QQ", need_at(file, 12, 16))
    end = size_of(file)
    if total != end or pointer > end:
        raise ValueError("its DSF header promises another size")
    return Span(pointer or end, end)


def put_dsf_tag(file: BinaryIO, span: Span, tag: bytes) -> None:
    splice(file, span, tag)
    sizes = struct.pack("<QQ", size_of(file), span.start)
    file.seek(12)
    file.write(sizes)
