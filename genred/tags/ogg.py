"""The comments of all streams in an Ogg file, whether the streams run side by side or follow one another."""

import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from genred.tags.containers import read_at, size_of

# The start of a codec's first packet, the start of its comment packet, and the bytes in that before the comment.
CODECS = (
    (b"\x01vorbis", b"\x03vorbis", 7),
    (b"OpusHead", b"OpusTags", 8),
    (b"Speex   ", b"", 0),
    (b"\x80theora", b"\x81theora", 7),
    (b"\x7fFLAC", b"", 4),
)
TAIL = 1 << 16  # the largest page fits


class Page(NamedTuple):
    """A page: its stream; whether it begins a stream; its part of its first packet; whether that packet ends in it."""

    serial: int
    first: bool
    data: int
    size: int
    ends_packet: bool


def comments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the serial number and the comment of each stream that has one, in the order in which the comments end."""
    starts: dict[int, Any] = {}
    packets: defaultdict[int, bytearray] = defaultdict(bytearray)  # a picture is in a hundred pages
    streams: set[int] = set()
    last = _last_serial(file)
    for page in _pages(file):
        if page.first:
            head = read_at(file, page.data, 8)
            streams.add(page.serial)
            starts.update((page.serial, rest) for begin, *rest in CODECS if head.startswith(begin))
        elif page.serial in starts:
            packets[page.serial] += read_at(file, page.data, page.size)
            if page.ends_packet:
                start, skipped = starts.pop(page.serial)
                packet = packets.pop(page.serial)
                if packet.startswith(start):
                    yield page.serial, bytes(packet[skipped:])
        elif not starts and last in streams:
            return


def _pages(file: BinaryIO) -> Iterator[Page]:
    at, end = 0, size_of(file)
    while at < end:
        head = read_at(file, at, 27 + 255)
        if head[:5] != b"OggS\0" or len(head) < 27:
            return
        lacing = head[27 : 27 + head[26]]
        data = at + 27 + len(lacing)
        (serial,) = struct.unpack_from("<I", head, 14)
        full = len(lacing) - len(lacing.lstrip(b"\xff"))
        yield Page(serial, bool(head[5] & 2), data, sum(lacing[: full + 1]), full < len(lacing))
        at = data + sum(lacing)


def _last_serial(file: BinaryIO) -> int | None:
    """Return the serial number of the stream that a file's last page belongs to."""
    end = size_of(file)
    tail = read_at(file, max(0, end - TAIL), TAIL)
    at = tail.rfind(b"OggS\0")
    return int.from_bytes(tail[at + 14 : at + 18], "little") if 0 <= at <= len(tail) - 18 else None
