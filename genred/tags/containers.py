"""Where the tags lie in a file, and where the audio: the layout of every container genred writes to.

Told by content, never by name. Nothing here reads what a tag says or changes a file; offsets are bytes from the start.
A layout that doesn't add up raises `ValueError`: a file nobody understands is a file nobody writes to.
"""

import struct
from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO, NamedTuple

ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
SEARCHED_FOR_FRAMES = 1 << 20  # bytes of junk tolerated before the first MPEG frame


class Kind(StrEnum):
    """A container, by what a person would call it."""

    MPEG = "MPEG audio"
    TTA = "True Audio"
    FLAC = "FLAC"
    OGG = "Ogg"
    MP4 = "MP4"
    ASF = "Windows Media"
    WAVE = "WAV"
    AIFF = "AIFF"
    DSF = "DSF"
    DSDIFF = "DSDIFF"
    APE = "Monkey's Audio"
    MUSEPACK = "Musepack"
    WAVPACK = "WavPack"
    OPTIMFROG = "OptimFROG"
    TAK = "TAK"


# Streams that an ID3v2 tag may precede, and APEv2 and ID3v1 tags follow.
STREAMS = {
    b"fLaC": Kind.FLAC,
    b"TTA1": Kind.TTA,
    b"TTA2": Kind.TTA,
    b"MAC ": Kind.APE,
    b"MACF": Kind.APE,
    b"MP+": Kind.MUSEPACK,
    b"MPCK": Kind.MUSEPACK,
    b"wvpk": Kind.WAVPACK,
    b"OFR ": Kind.OPTIMFROG,
    b"tBaK": Kind.TAK,
}


class Span(NamedTuple):
    start: int
    end: int


class Ends(NamedTuple):
    """What surrounds a plain stream: `audio` is all that is no tag."""

    id3v2: Span
    audio: Span
    ape: Span | None
    id3v1: Span | None


class Chunk(NamedTuple):
    """A RIFF, IFF or DSDIFF chunk: its name, where its header and its data start, how long the data are."""

    name: bytes
    start: int
    data: int
    size: int
    end: int  # padding byte included


class Iff(NamedTuple):
    """How a family of chunked files writes its sizes."""

    size: struct.Struct
    form: int  # bytes from the start of the file to the first chunk


RIFF = Iff(struct.Struct("<I"), 12)
AIFF = Iff(struct.Struct(">I"), 12)
DSDIFF = Iff(struct.Struct(">Q"), 16)
IFF = {Kind.WAVE: RIFF, Kind.AIFF: AIFF, Kind.DSDIFF: DSDIFF}


def sniff(file: BinaryIO) -> Kind | None:
    """The container of an open file, or None when genred knows none that it looks like."""
    head = read_at(file, 0, 16)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Kind.WAVE
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Kind.AIFF
    if head[:4] == b"FRM8" and head[12:16] == b"DSD ":
        return Kind.DSDIFF
    for magic, kind in ((b"OggS", Kind.OGG), (b"DSD ", Kind.DSF), (ASF_HEADER, Kind.ASF)):
        if head.startswith(magic):
            return kind
    if head[4:8] == b"ftyp":
        return Kind.MP4
    start = id3v2_size(head)
    head = read_at(file, start, 4)
    for magic, kind in STREAMS.items():
        if head.startswith(magic):
            return kind
    return Kind.MPEG if _finds_mpeg(file, start) else None


def size_of(file: BinaryIO) -> int:
    return file.seek(0, 2)


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Up to `size` bytes; fewer at the end of the file."""
    file.seek(offset)
    return file.read(size)


def need_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Exactly `size` bytes."""
    if size > size_of(file) - offset:
        raise ValueError("it ends early")
    return read_at(file, offset, size)


def id3v2_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that starts with `head` (10 or more bytes), header and footer included; 0 if none does."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] > 4 or max(head[6:10]) > 127:
        return 0
    return 10 + from_syncsafe(head[6:10]) + (10 if head[3] == 4 and head[5] & 0x10 else 0)


def from_syncsafe(data: bytes) -> int:
    """Four bytes of seven bits (ID3v2.4, section 6.2)."""
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def ends(file: BinaryIO) -> Ends:
    """The tags before and after a plain stream: ID3v2, then audio, then APEv2, Lyrics3 and ID3v1 in any company."""
    start = id3v2_size(read_at(file, 0, 10))
    end = size_of(file)
    id3v1 = ape = None
    if end - start >= 128 and read_at(file, end - 128, 3) == b"TAG":
        id3v1 = Span(end - 128, end)
        end -= 128
    end = _before_lyrics3(file, start, end)
    foot = read_at(file, end - 32, 32) if end - start >= 32 else b""
    if foot[:8] == b"APETAGEX":
        size, _, flags = struct.unpack_from("<3I", foot, 12)
        size += 32 if flags & 1 << 31 else 0
        if not 32 <= size <= end - start:
            raise ValueError("its APEv2 tag claims to be longer than the file")
        ape = Span(end - size, end)
        end = _before_lyrics3(file, start, ape.start)
    if end < start:
        raise ValueError("its ID3v2 tag claims to be longer than the file")
    return Ends(Span(0, start), Span(start, end), ape, id3v1)


def chunks(file: BinaryIO, iff: Iff, end: int | None = None, start: int | None = None) -> Iterator[Chunk]:
    """The chunks of a RIFF, AIFF or DSDIFF file, in order; the last may promise more than there is."""
    at = iff.form if start is None else start
    end = size_of(file) if end is None else end
    head = 4 + iff.size.size
    while at + head <= end:
        raw = need_at(file, at, head)
        (size,) = iff.size.unpack_from(raw, 4)
        stop = at + head + size
        if stop > end:
            raise ValueError("a chunk is longer than the file")
        yield Chunk(raw[:4], at, at + head, size, min(stop + size % 2, end))
        at = stop + size % 2


def iff_end(file: BinaryIO, iff: Iff) -> int:
    """Where the form of a RIFF, AIFF or DSDIFF file says it ends; never behind the end of the file."""
    (size,) = iff.size.unpack(need_at(file, 4, iff.size.size))
    return min(4 + iff.size.size + int(size), size_of(file))


def atoms(file: BinaryIO, start: int, end: int) -> Iterator[Chunk]:
    """The MP4 atoms between two offsets."""
    at = start
    while at + 8 <= end:
        size, name = struct.unpack(">I4s", need_at(file, at, 8))
        data = at + 8
        if size == 1:
            (size,) = struct.unpack(">Q", need_at(file, data, 8))
            data += 8
        elif size == 0:
            size = end - at
        if size < data - at or at + size > end:
            raise ValueError("an atom is longer than what holds it")
        yield Chunk(name, at, data, at + size - data, at + size)
        at += size


def _before_lyrics3(file: BinaryIO, start: int, end: int) -> int:
    """Where a Lyrics3v2 block that ends at `end` begins, else `end`."""
    foot = read_at(file, end - 15, 15) if end - start >= 15 else b""
    if foot[6:] != b"LYRICS200" or not foot[:6].isdigit():
        return end
    begin = end - 15 - int(foot[:6])
    return begin if begin >= start and read_at(file, begin, 11) == b"LYRICSBEGIN" else end


def _finds_mpeg(file: BinaryIO, start: int) -> bool:
    """Whether two MPEG audio frames follow each other, or one is all that is left.

    Behind an ID3v2 tag junk is skipped, as players do. Without one only zeros are: other containers hold MPEG frames
    too, and a tag in front of them would ruin them.
    """
    data = read_at(file, start, SEARCHED_FOR_FRAMES)
    at = data.find(b"\xff") if start else len(data) - len(data.lstrip(b"\0"))
    while 0 <= at <= len(data) - 4:
        length = mpeg_frame_length(data[at : at + 4])
        if length and (at + length + 1 >= len(data) or mpeg_frame_length(data[at + length : at + length + 4])):
            return True
        at = data.find(b"\xff", at + 1) if start else -1
    return False


def mpeg_frame_length(head: bytes) -> int:
    """Bytes in the MPEG audio frame with this header (ISO 11172-3, 2.4.1.3); 0 if it is none, or of free format."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, frequency, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or rate in (0, 15) or frequency == 3:
        return 0
    hertz = (44100, 48000, 32000)[frequency] >> (0 if version == 3 else 1 if version == 2 else 2)
    kbits = _BIT_RATES[version == 3][layer - 1][rate - 1]
    if layer == 1:
        return (12000 * kbits // hertz + padding) * 4
    slots = 72000 if layer == 3 and version != 3 else 144000
    return slots * kbits // hertz + padding


_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_BIT_RATES = {  # by "is MPEG 1", layer, index; kbit/s
    True: (
        tuple(range(32, 449, 32)),
        (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
        (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    ),
    False: ((32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256), _LOW, _LOW),
}
