"""A fingerprint of the audio in a file, tags left out: equal before and after a save, or the save is thrown away.

The audio is read without the library that reads and writes tags: a mistake there must not hide itself here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from genred.errors import FileError, TagError
from genred.fs.files import open_regular
from genred.tags.containers import (
    IFF,
    Chunk,
    CutShort,
    Kind,
    Span,
    atoms,
    chunks,
    ends,
    iff_end,
    need_at,
    read_at,
    size_of,
    sniff,
)

BLOCK = 1 << 20
READ_ONLY = "genred reads the tags of Matroska files and doesn't write them"
ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")


def payload_hash(path: Path) -> bytes:
    """Return the BLAKE2b hash of the audio, in bounded memory.

    The hash covers: plain streams between their tags; STREAMINFO and the frames of FLAC; every packet of every Ogg
    stream but its comments, with granule positions and the order of pages; MP4 samples, found as a player finds them,
    through the chunk offsets; the ASF data object and its indices; all of RIFF, AIFF, DSF and DSDIFF but tag chunks.

    Raises
    ------
    TagError
        If the layout can't be followed to the end.
    """
    with open_regular(path) as file:
        try:
            kind = sniff(file)
            if kind is None:
                raise TagError(path, "genred knows no tags for this kind of file")
            if kind is Kind.MATROSKA:
                raise TagError(path, READ_ONLY)
            return _hash(file, kind)
        except FileError:
            raise
        except CutShort as error:
            raise TagError(path, str(error)) from error
        except (ValueError, IndexError, KeyError, struct.error, OverflowError, RecursionError) as error:
            raise TagError(path, f"its audio can't be found ({str(error) or type(error).__name__})") from error
        except OSError as error:
            raise TagError(path, f"its audio can't be read: {error.strerror}", transient=True) from error


def _hash(file: BinaryIO, kind: Kind) -> bytes:
    digest = blake2b(digest_size=32)
    for part in _parts(file, kind):
        if isinstance(part, Span):
            digest.update(struct.pack("<Q", part.end - part.start))
            _feed(digest, file, part)
        else:
            digest.update(part)
    return digest.digest()


def _feed(digest: blake2b, file: BinaryIO, span: Span) -> None:
    file.seek(span.start)
    left = span.end - span.start
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            raise ValueError("it ends early")
        digest.update(block)
        left -= len(block)


def _parts(file: BinaryIO, kind: Kind) -> Iterator[Span | bytes]:
    match kind:
        case Kind.OGG:
            yield from _ogg(file)
        case Kind.FLAC:
            yield from _flac(file)
        case Kind.MP4:
            yield from _mp4(file)
        case Kind.ASF:
            yield _asf(file)
        case Kind.WAVE | Kind.AIFF | Kind.DSDIFF:
            yield from _iff(file, kind)
        case Kind.DSF:
            (pointer,) = struct.unpack("<Q", need_at(file, 20, 8))
            yield Span(28, pointer or size_of(file))
        case _:
            yield ends(file).audio


def _flac(file: BinaryIO) -> Iterator[Span]:
    whole = ends(file).audio
    at = whole.start + 4
    yield Span(at + 4, at + 38)
    last = False
    while not last:
        head = need_at(file, at, 4)
        last = head[0] >= 0x80
        at += 4 + int.from_bytes(head[1:], "big")
    if at > whole.end:
        raise ValueError("its metadata are longer than the file")
    yield Span(at, whole.end)


def _iff(file: BinaryIO, kind: Kind) -> Iterator[Span]:
    end = iff_end(file, IFF[kind])
    yield Span(IFF[kind].form - 4, IFF[kind].form)
    for chunk in chunks(file, IFF[kind], end):
        tagged = chunk.name.lower() == b"id3 " or (chunk.name == b"LIST" and read_at(file, chunk.data, 4) == b"INFO")
        if chunk.name == b"ds64":
            yield Span(chunk.data + 8, chunk.data + chunk.size)  # the size of the whole file comes before that
        elif not tagged:
            yield Span(chunk.start, chunk.data + chunk.size)
    yield Span(end, size_of(file))


def _asf(file: BinaryIO) -> Span:
    """Return the span from the data object, which follows the header, to the end: data, then indices."""
    (size,) = struct.unpack("<Q", need_at(file, 16, 8))
    if need_at(file, size, 16) != ASF_DATA:
        raise ValueError("no data follow its header")
    return Span(size, size_of(file))


def _mp4(file: BinaryIO) -> Iterator[Span | bytes]:
    """Yield all media data, and the place in them at which each chunk of each track begins.

    The index of a fragmented file is not followed: such a file must keep its fragments where they are.
    """
    end = size_of(file)
    tops = list(atoms(file, 0, end))
    media = [atom for atom in tops if atom.name == b"mdat"]
    for moov in (atom for atom in tops if atom.name == b"moov"):
        for stbl in _below(file, moov, (b"trak", b"mdia", b"minf", b"stbl")):
            for table in atoms(file, stbl.data, stbl.end):
                if table.name in (b"stco", b"co64"):
                    yield from (struct.pack("<2Q", *_place(offset, media, end)) for offset in _offsets(file, table))
                else:
                    yield Span(table.start, table.end)
    for atom in tops:
        if atom.name == b"moof":
            yield struct.pack("<Q", atom.start)
        if atom.name in (b"moof", b"mdat"):
            yield Span(atom.data, atom.end)


def _below(file: BinaryIO, atom: Chunk, names: tuple[bytes, ...]) -> Iterator[Chunk]:
    for child in atoms(file, atom.data, atom.end):
        if child.name == names[0]:
            yield from _below(file, child, names[1:]) if names[1:] else (child,)


def _offsets(file: BinaryIO, table: Chunk) -> tuple[int, ...]:
    (count,) = struct.unpack(">I", need_at(file, table.data + 4, 4))
    width, code = (4, "I") if table.name == b"stco" else (8, "Q")
    return struct.unpack(f">{count}{code}", need_at(file, table.data + 8, count * width))


def _place(offset: int, media: list[Chunk], end: int) -> tuple[int, int]:
    """Return the number of the media data that hold a chunk, and its place there, or behind the end of a cut file."""
    for index, mdat in enumerate(media):
        if mdat.data <= offset <= mdat.end:
            return index, offset - mdat.data
    if offset > end:
        return len(media), offset - end
    raise ValueError("its chunk offsets point outside of its audio")


OGG_COMMENTS = (b"\x01vorbis", b"OpusHead", b"Speex   ", b"\x80theora", b"\x7fFLAC")  # their second packet is one


@dataclass(slots=True)
class _Stream:
    """One logical Ogg stream, as far as it was read."""

    sequence: int
    packets: int = 0  # finished so far
    commented: bool = False
    digest: blake2b = field(default_factory=lambda: blake2b(digest_size=32))


def _ogg(file: BinaryIO) -> Iterator[Span | bytes]:
    """Yield a digest for each logical stream, in order of appearance; before them, a last page that is cut short."""
    streams: list[_Stream] = []
    current: dict[int, _Stream] = {}
    at, end = 0, size_of(file)
    while at < end:
        head = read_at(file, at, 27 + 255)
        if head[:5] != b"OggS\0":
            raise ValueError("something lies between its Ogg pages")
        lacing = head[27 : 27 + head[26]] if len(head) >= 27 else b""
        stop = at + 27 + len(lacing) + sum(lacing)
        if len(head) < 27 or stop > end:
            yield Span(at, end)
            break
        flags, granule, serial, sequence = struct.unpack_from("<BqII", head, 5)
        body = read_at(file, at + 27 + len(lacing), sum(lacing))
        if flags & 2:
            current[serial] = _Stream(sequence, commented=body.startswith(OGG_COMMENTS))
            streams.append(current[serial])
        _page(current[serial], flags, granule, sequence, lacing, body)
        at = stop
    for stream in streams:
        yield stream.digest.digest()


def _page(stream: _Stream, flags: int, granule: int, sequence: int, lacing: bytes, body: bytes) -> None:
    digest = stream.digest
    place = 0
    for segment in lacing:
        if not (stream.packets == 1 and stream.commented):
            digest.update(body[place : place + segment])
            if segment < 255:
                digest.update(b"end of packet")
        place += segment
        stream.packets += segment < 255
    if stream.packets > 3:  # behind the headers, whose pages may be cut anew
        gap = sequence - stream.sequence
        digest.update(struct.pack("<qqB", granule, gap, flags & 4))
    stream.sequence = sequence
