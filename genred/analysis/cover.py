"""The cover of an album, made anew as a small JPEG: no byte of a hostile picture gets to a browser."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import Interpolation

from genred import tags
from genred.errors import TagError
from genred.names import album_folder
from genred.tags import pictures

LONGEST = 480
"""Pixels of the longer side."""
_MOST_PIXELS = 40_000_000
_QUALITY = 4
"""FFmpeg's scale of JPEG: 2 is best, 31 is worst."""

_FORMATS = "jpeg_pipe,png_pipe,webp_pipe"


def cover(path: Path) -> bytes | None:
    """Return the cover of the album that a file belongs to: its tag's picture or its folder's; None without one.

    Raises
    ------
    FileError
        If the file can't be opened.
    """
    try:
        found = tags.read_picture(path)
    except TagError:
        found = None
    for picture in (found, *map(pictures.in_folder, dict.fromkeys((path.parent, album_folder(path))))):
        if picture is not None and (small := shrink(picture)) is not None:
            return small
    return None


def shrink(picture: bytes) -> bytes | None:
    """Make a JPEG of a JPEG, PNG or WebP picture, at most `LONGEST` wide and high; return None where it is damaged."""
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "pipe"}
    try:
        with av.open(BytesIO(picture), "r", options=options) as container:
            stream = container.streams.video[0]
            stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}
            frame = next(iter(container.decode(stream)))
        return _jpeg(frame, min(1.0, LONGEST / max(frame.width, frame.height)))
    except (av.error.FFmpegError, ArithmeticError, LookupError, StopIteration, ValueError):
        return None


def _jpeg(frame: av.VideoFrame, times: float) -> bytes:
    width, height = (max(1, round(side * times)) for side in (frame.width, frame.height))
    small = frame.reformat(width, height, "yuvj420p", interpolation=Interpolation.AREA)
    small.pts = 0
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)  # noqa: S101 - for mypy: that is what this encoder has
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuvj420p", Fraction(1, 25)
    encoder.qmin = encoder.qmax = _QUALITY
    return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
