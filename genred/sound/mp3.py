"""What is heard of a track, for people: its excerpts, one after the other, as MP3, which every browser plays."""

from collections.abc import Sequence
from io import BytesIO

import av
import numpy as np
from av.audio.stream import AudioStream

from genred.sound import SR
from genred.sound.audio import Excerpt

BIT_RATE = 64_000
"""Bits a second: of mono at `SR`, nobody hears a difference any more."""

_EFFORT = "7"
"""LAME's scale of quality: half the time of its default, and nothing to be heard of it at this rate."""

_FADE = round(0.02 * SR)
"""Samples over which an excerpt fades in and out, so that where one ends and the next begins nothing clicks."""


def encode(excerpts: Sequence[Excerpt]) -> bytes:
    """Encode excerpts as they are analysed, one after the other.

    Parameters
    ----------
    excerpts : list of (n_samples,)
        At `SR`, as `audio.read_excerpts` returns them; levels over full scale are brought down to it.

    Returns
    -------
    bytes
        An MP3 file of one channel, without tags.
    """
    y = np.concatenate([_faded(excerpt) for excerpt in excerpts])
    y /= max(1.0, float(np.abs(y).max(initial=0.0)))
    file = BytesIO()
    with av.open(file, "w", format="mp3", options={"id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=SR, options={"compression_level": _EFFORT})
        assert isinstance(stream, AudioStream)  # noqa: S101 - for mypy: that is what this encoder makes
        stream.codec_context.layout = "mono"
        stream.codec_context.format = "fltp"
        stream.codec_context.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(y[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = SR
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _faded(y: Excerpt) -> Excerpt:
    n = min(_FADE, y.size // 2)
    ramp = np.linspace(0.0, 1.0, n, endpoint=False, dtype=np.float32)
    return np.concatenate([y[:n] * ramp, y[n : y.size - n], y[y.size - n :] * ramp[::-1]])
