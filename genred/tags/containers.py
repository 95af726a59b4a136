"""The places of tags and audio in a file: the layout of every container that genred writes to.

A container is told by content, never by name. Nothing here reads what a tag says, or changes a file; offsets are bytes
from the start. A layout that doesn't add up raises `ValueError`: genred doesn't write to a file that it can't follow.
"""

import struct
from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO, NamedTuple

from genred.tags import frames

MATROSKA = bytes.fromhex("1a45dfa3")
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


class Kind(StrEnum):
    """A container, under the name that a person would use."""

    MPEG = "MPEG audio"
    ADTS = "AAC"
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
    MATROSKA = "Matroska"


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


class CutShort(ValueError):
    """A file ends before its audio does."""


class Span(NamedTuple):
    start: int
    end: int


class Form(StrEnum):
    """A tag in front of a plain stream or behind it, by its name."""

    ID3V2 = "ID3v2"
    APE = "APEv2"
    ID3V1 = "ID3v1"


class Tag(NamedTuple):
    """A tag in front of a plain stream or behind it, and the bytes that it takes."""

    form: Form
    span: Span


class Ends(NamedTuple):
    """The tags around a plain stream, in the order of the file; `audio` is all that is no tag."""

    front: tuple[Tag, ...]
    audio: Span
    back: tuple[Tag, ...]

    @property
    def id3v2(self) -> Span:
        """The ID3v2 tag at the start of the file; empty where there is none."""
        return self.front[0].span if self.front and self.front[0].form is Form.ID3V2 else Span(0, 0)

    @property
    def ape(self) -> Span | None:
        """The APEv2 tag that readers find, which is the last one."""
        return next((tag.span for tag in reversed(self.front + self.back) if tag.form is Form.APE), None)

    @property
    def id3v1(self) -> Span | None:
        return next((tag.span for tag in self.back if tag.form is Form.ID3V1), None)


class Chunk(NamedTuple):
    """A RIFF, IFF or DSDIFF chunk: its name, where its header and its data start, and the size of the data."""

    name: bytes
    start: int
    data: int
    size: int
    end: int  # padding byte included


class Iff(NamedTuple):
    """The way in which a family of chunked files writes its sizes."""

    size: struct.Struct
    form: int  # bytes from the start of the file to the first chunk


UNSAID = 0xFFFFFFFF  # in place of a size
RIFF = Iff(struct.Struct("<I"), 12)
AIFF = Iff(struct.Struct(">I"), 12)
DSDIFF = Iff(struct.Struct(">Q"), 16)
IFF = {Kind.WAVE: RIFF, Kind.AIFF: AIFF, Kind.DSDIFF: DSDIFF}


def sniff(file: BinaryIO) -> Kind | None:
    """Return the container of an open file; None if the file looks like none that genred knows."""
    head = read_at(file, 0, 16)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
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
    if head.startswith(MATROSKA):
        return Kind.MATROSKA
    tags = front_tags(file)
    start = tags[-1].span.end if tags else 0
    head = read_at(file, start, 4)
    for magic, kind in STREAMS.items():
        if head.startswith(magic):
            return kind
    codec = frames.codec(file, start, lambda: ends(file).audio.end)
    return {None: None, "mpeg": Kind.MPEG, "adts": Kind.ADTS}[codec]


def size_of(file: BinaryIO) -> int:
    return file.seek(0, 2)


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Read up to `size` bytes; fewer at the end of the file."""
    file.seek(offset)
    return file.read(size)


def need_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Read exactly `size` bytes."""
    if size > size_of(file) - offset:
        raise ValueError("it ends early")
    return read_at(file, offset, size)


def id3v2_size(head: bytes) -> int:
    """Return the size of the ID3v2 tag that begins with these ten bytes, header and footer included; 0 if none does."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] > 4 or max(head[6:10]) > 127:
        return 0
    return 10 + from_syncsafe(head[6:10]) + (10 if head[3] == 4 and head[5] & 0x10 else 0)


def from_syncsafe(data: bytes) -> int:
    """Return the number in four bytes of seven bits each (ID3v2.4, section 6.2)."""
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def ends(file: BinaryIO) -> Ends:
    """Find all tags before and after a plain stream; a Lyrics3 block among the tags is passed over.

    Some programs put a second tag before the one that they find, or behind it.
    """
    front = front_tags(file)
    start = front[-1].span.end if front else 0
    end = size_of(file)
    if end < start:
        raise ValueError(f"its {front[-1].form} tag claims to be longer than the file")
    back: list[Tag] = []
    while True:
        end = _before_lyrics3(file, start, end)
        tag = _tag_before(file, start, end, v1=not any(tag.form is Form.ID3V1 for tag in back))
        if tag is None:
            return Ends(front, Span(start, end), tuple(back))
        back.insert(0, tag)
        end = tag.span.start


def front_tags(file: BinaryIO) -> tuple[Tag, ...]:
    """Find the tags that a file starts with, one behind the other; the last may claim to be longer than the file."""
    tags: list[Tag] = []
    at, end = 0, size_of(file)
    while at < end:
        head = read_at(file, at, 32)
        form, size = Form.ID3V2, id3v2_size(head)
        if not size and at + 32 <= end and head[:8] == b"APETAGEX" and head[23] & 0xA0 == 0xA0:
            form, size = Form.APE, 32 + int.from_bytes(head[12:16], "little")
        if not size:
            break
        tags.append(Tag(form, Span(at, at + size)))
        at += size
    return tuple(tags)


def _tag_before(file: BinaryIO, start: int, end: int, *, v1: bool) -> Tag | None:
    """Find the tag that ends at `end`; None if there is none."""
    if v1 and end - start >= 128 and read_at(file, end - 128, 3) == b"TAG":
        return Tag(Form.ID3V1, Span(end - 128, end))
    foot = read_at(file, end - 32, 32) if end - start >= 32 else b""
    if foot[:8] == b"APETAGEX":
        size, _, flags = struct.unpack_from("<3I", foot, 12)
        size += 32 if flags & 1 << 31 else 0
        if not 32 <= size <= end - start:
            raise ValueError("its APEv2 tag claims to be longer than the file")
        return Tag(Form.APE, Span(end - size, end))
    if foot[22:25] == b"3DI" and foot[25] == 4 and max(foot[28:]) < 128:
        size = from_syncsafe(foot[28:]) + 20
        if size <= end - start and id3v2_size(read_at(file, end - size, 10)) == size:
            return Tag(Form.ID3V2, Span(end - size, end))
    return None


def chunks(file: BinaryIO, iff: Iff, end: int | None = None, start: int | None = None) -> Iterator[Chunk]:
    """Walk the chunks of a RIFF, AIFF or DSDIFF file in order; raise `ValueError` if one is too long for the file."""
    at = iff.form if start is None else start
    end = size_of(file) if end is None else end
    head = 4 + iff.size.size
    while at + head <= end:
        raw = need_at(file, at, head)
        (size,) = iff.size.unpack_from(raw, 4)
        if iff is RIFF and raw[:4] == b"data" and size == UNSAID:
            size = rf64_sizes(file)[1] if is_rf64(file) else end - at - head
        stop = at + head + size
        if stop > end and raw[:4] in (b"data", b"SSND"):
            there = end - at - head
            claim = f"it is cut short: its audio claims {size:,} bytes and there are {there:,}"
            raise CutShort(f"{claim}; a tag behind would be played")
        if stop > end:
            raise ValueError("a chunk is longer than the file")
        yield Chunk(raw[:4], at, at + head, size, min(stop + size % 2, end))
        at = stop + size % 2


def iff_end(file: BinaryIO, iff: Iff) -> int:
    """Return the end that the form of a RIFF, AIFF or DSDIFF file claims, but at most the end of the file."""
    (size,) = iff.size.unpack(need_at(file, 4, iff.size.size))
    if iff is RIFF and is_rf64(file):
        size, _ = rf64_sizes(file)
    return min(4 + iff.size.size + int(size), size_of(file))


def is_rf64(file: BinaryIO) -> bool:
    """Return whether a WAV file is of the kind for more than 4 GiB, which has a separate chunk for its sizes."""
    return read_at(file, 0, 4) == b"RF64"


def rf64_sizes(file: BinaryIO) -> tuple[int, int]:
    """Return the sizes of the form, as RIFF counts it, and of the audio, in bytes."""
    name, _, form, data = struct.unpack("<4sIQQ", need_at(file, RIFF.form, 24))
    if name != b"ds64":
        raise ValueError("its first chunk doesn't say how long it is")
    return form, data


def is_streamed(file: BinaryIO) -> bool:
    """Return whether a WAV file, like one written to a pipe, names no size of its audio, which ends with the file."""
    found = (c for c in chunks(file, RIFF) if c.name == b"data")
    audio = next(found, None)
    if audio is None or is_rf64(file):
        return False
    return need_at(file, audio.data - 4, 4) == UNSAID.to_bytes(4, "little")


def atoms(file: BinaryIO, start: int, end: int) -> Iterator[Chunk]:
    """Walk the MP4 atoms between two offsets."""
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
    """Return the start of the Lyrics3v2 block that ends at `end`; `end` itself if there is no such block."""
    foot = read_at(file, end - 15, 15) if end - start >= 15 else b""
    if foot[6:] != b"LYRICS200" or not foot[:6].isdigit():
        return end
    begin = end - 15 - int(foot[:6])
    return begin if begin >= start and read_at(file, begin, 11) == b"LYRICSBEGIN" else end
