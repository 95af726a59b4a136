"""Bare frames of MPEG audio and AAC, which don't start with a word of their own."""

from collections.abc import Callable
from typing import BinaryIO, Literal

SEARCHED = 1 << 20  # bytes of junk tolerated before the first frame
LONGEST_REST = 1 << 12  # of a frame that a recording of a stream begins with
OTHER_CONTAINERS = (b"riff", b"rifx", b"rf64", b"caff", b"form", b".snd", b"oggs", b"flv\1", b"nsvf", b"nsvs")

Codec = Literal["mpeg", "adts"]


def codec(file: BinaryIO, start: int, end: Callable[[], int]) -> Codec | None:
    """Tell MPEG audio and AAC by two frames that follow each other, or by one frame that nothing follows.

    Behind a tag, junk is skipped, as players do. Without a tag, the file may be another container that holds such
    frames and that a tag in front would ruin, so only zeros are skipped, and the rest of a frame with which a recording
    of a stream begins.

    Parameters
    ----------
    file
        An open file.
    start
        The offset at which the tags in front of the audio end.
    end
        Returns the offset at which the audio ends.
    """
    file.seek(start)
    data = file.read(SEARCHED)
    zeros = 0 if start else len(data) - len(data.lstrip(b"\0"))
    at = data.find(b"\xff", zeros)
    while 0 <= at <= len(data) - 4:
        for name, frame_length in LENGTHS.items():
            length = frame_length(data[at : at + 6])
            if length and (at + length + 1 >= len(data) or frame_length(data[at + length : at + length + 6])):
                if start or at == zeros or (at < LONGEST_REST and _is_all_there_is(file, at, end(), frame_length)):
                    return name
                break
        at = data.find(b"\xff", at + 1) if start or at < LONGEST_REST else -1
    return None


def _is_all_there_is(file: BinaryIO, at: int, end: int, frame_length: Callable[[bytes], int]) -> bool:
    """Return whether there are only frames between two offsets; the last frame may be cut short."""
    file.seek(0)
    if file.read(4).lower() in OTHER_CONTAINERS:
        return False
    while at < end:
        file.seek(at)
        length = frame_length(file.read(6))
        if not length:
            return end - at < 6
        at += length
    return True


def adts_frame_length(head: bytes) -> int:
    """Return the size of the AAC frame with this header (ISO 13818-7, 6.2); 0 if there is no such frame."""
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


def mpeg_frame_length(head: bytes) -> int:
    """Return the size of the MPEG audio frame with this header (ISO 11172-3, 2.4.1.3); 0 if none, or of free format."""
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


LENGTHS: dict[Codec, Callable[[bytes], int]] = {"mpeg": mpeg_frame_length, "adts": adts_frame_length}
