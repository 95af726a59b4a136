"""Bounded, windowed decoding: a file to a few excerpts, never the whole of it (the only room that knows PyAV).

Conventions: ``y`` is mono float32 of shape (n_samples,) at `SR`. PyAV's wheel brings FFmpeg's libraries, so no system
package is needed. Files are hostile: this runs in a supervised child process with limits on memory and time.
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from genred.errors import DecodeError
from genred.fs.files import open_regular
from genred.sound import SR

N_EXCERPTS = 3
EXCERPT_SECONDS = 10.0

_ALL_SECONDS = N_EXCERPTS * EXCERPT_SECONDS
_FAR_SECONDS = 30.0
_GATHERED = 2**15

# Content decides, not the name, but only among formats that hold one piece of music: FFmpeg would follow a playlist
# (HLS, concat, DASH) named .mp3 to other files.
_FORMATS = (
    "aac,ac3,aiff,ape,asf,caf,dff,dsf,eac3,flac,iff,matroska,webm,mov,mp4,m4a,mp3,mpc,mpc8,ogg,shn,tak,tta,w64,wav,wv"
)

_REASONS: dict[type[av.error.FFmpegError], str] = {
    av.error.InvalidDataError: "no audio that can be decoded: not music, a kind no decoder is there for, or damaged",
    av.error.EOFError: "it ends before the audio begins",
    av.error.PatchWelcomeError: "a kind of audio that FFmpeg can't decode",
}

# What a file of this name holds most often, in FFmpeg's terms.
_CODECS = {
    **dict.fromkeys(("aif", "aiff", "aifc"), "pcm_s16be"),
    **dict.fromkeys(("m4a", "m4b", "mp4", "aac"), "aac"),
    **dict.fromkeys(("ogg", "oga"), "vorbis"),
    **dict.fromkeys(("mpc", "mp+"), "mpc7"),
    **dict.fromkeys(("wav", "w64", "caf"), "pcm_s16le"),
    **dict.fromkeys(("mka", "webm"), "opus"),
    "wma": "wmav2",
    "wv": "wavpack",
    "spx": "speex",
    "dsf": "dsd_lsbf",
    "dff": "dsd_msbf",
    "shn": "shorten",
}

# Tags that aren't UTF-8 must not keep a file from being opened: before PyAV 19 that has to be asked for, since then it
# can't be.
_ANY_METADATA: dict[str, Any] = (
    {"metadata_errors": "replace"} if hasattr(av.container.InputContainer, "metadata_errors") else {}
)

UNDECODABLE = frozenset({"ofr"})
"""Looked at, so that the history says why nothing becomes of them: nobody but OptimFROG itself decodes OptimFROG."""

Excerpt = NDArray[np.float32]


def read_excerpts(path: Path) -> list[Excerpt]:
    """Decode up to `N_EXCERPTS` excerpts of at most `EXCERPT_SECONDS` from the middle of a track.

    Parameters
    ----------
    path
        A regular file; its content decides what it is, not its name.

    Returns
    -------
    list of (n_samples,) float32
        In the order of the track, at `SR`, finite; at least one, none of them empty.

    Raises
    ------
    DecodeError
        If no audio can be got out of the file.
    FileError
        If it can't be opened at all.
    """
    with open_regular(path) as file:
        # The descriptor, not the name: what was checked is what is read.
        url = f"/proc/self/fd/{file.fileno()}"
        try:
            # Headers lie: where they promise more than there is, take what the beginning holds.
            found = _excerpts(url) or _split(_beginning(url))
        except av.error.FFmpegError as error:
            raise DecodeError(path, _REASONS.get(type(error), f"can't be decoded: {error.strerror}")) from error
        except (ArithmeticError, ValueError, LookupError) as error:
            # What PyAV raises where a header claims impossible rates, channels or durations.
            raise DecodeError(path, f"can't be decoded: {error}") from error
    if not found:
        raise DecodeError(path, "no audio in it that can be decoded")
    return found


def has_decoder(suffix: str) -> bool:
    """Tell whether files with this suffix (lower case, no dot) can be decoded, by what they hold most often."""
    try:
        av.codec.Codec(_CODECS.get(suffix, suffix), "r")
    except ValueError:
        return False
    return True


def plan(duration: float) -> list[float]:
    """Choose where to listen in a track longer than all excerpts together.

    Parameters
    ----------
    duration
        Seconds.

    Returns
    -------
    list of float
        The start of each of the `N_EXCERPTS` excerpts in seconds: spread over the middle half of a long track,
        adjoining where it is hardly longer than they are.
    """
    first = min(duration / 4 - EXCERPT_SECONDS / 2, (duration - _ALL_SECONDS) / 2)
    step = (duration - 2 * first - EXCERPT_SECONDS) / (N_EXCERPTS - 1)
    return [first + i * step for i in range(N_EXCERPTS)]


def _excerpts(url: str) -> list[Excerpt]:
    with _opened(url) as container:
        if not container.streams.audio:
            return []
        duration = _duration(container)
        if duration is None or duration <= _ALL_SECONDS:
            return _split(_decode(_frames(container), _ALL_SECONDS))
        found = [_decode(_frames_from(container, start), EXCERPT_SECONDS) for start in plan(duration)]
        return [y for y in found if y.size]


def _beginning(url: str) -> Excerpt:
    with _opened(url) as container:
        return _decode(_frames(container), _ALL_SECONDS)


def _split(y: Excerpt) -> list[Excerpt]:
    n = math.ceil(y.size / (EXCERPT_SECONDS * SR))
    return np.array_split(y, n) if n else []


def _opened(url: str) -> av.container.InputContainer:
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    container: av.container.InputContainer = av.open(url, options=options, **_ANY_METADATA)
    return container


def _duration(container: av.container.InputContainer) -> float | None:
    stream = container.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration is not None else None


def _decode(frames: Iterator[av.AudioFrame], seconds: float) -> Excerpt:
    """Decode the first ``seconds`` of ``frames`` to mono float32 at `SR`; leave out what can't be decoded."""
    wanted = round(seconds * SR)
    pieces: list[Excerpt] = []
    n = 0
    # Frames hold a few hundred samples, and each call of the resampler takes longer than they do.
    gathered = AudioFifo()
    resampler = AudioResampler(format="flt", layout="mono", rate=SR)
    with suppress(av.error.FFmpegError, ValueError):  # Damaged, or the sample rate changes: what came before is audio.
        for frame in frames:
            frame.pts = None
            gathered.write(frame)
            # Near the end frame by frame: the next seek finds some decoders as they were left.
            if gathered.samples >= _GATHERED or n + gathered.samples * SR / frame.sample_rate >= wanted:
                pieces += _resampled(resampler, gathered)
                n = sum(piece.size for piece in pieces)
                if n >= wanted:
                    break
    with suppress(av.error.FFmpegError, ValueError):
        pieces += _resampled(resampler, gathered)
    if not pieces:
        return np.zeros(0, np.float32)
    y = np.concatenate(pieces)[:wanted]
    # Float formats can hold anything; 8 is 18 dB over full scale.
    return np.clip(np.nan_to_num(y, nan=0.0, posinf=0.0, neginf=0.0), -8.0, 8.0).astype(np.float32)


def _resampled(resampler: AudioResampler, gathered: AudioFifo) -> list[Excerpt]:
    frame = gathered.read() if gathered.samples else None
    return [] if frame is None else [out.to_ndarray()[0] for out in resampler.resample(frame)]


def _frames(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    if container.streams.audio:
        yield from container.decode(container.streams.audio[0])


def _frames_from(container: av.container.InputContainer, start: float) -> Iterator[av.AudioFrame]:
    """Yield frames from ``start`` (seconds) on; from wherever the seek landed where that is far off."""
    stream = container.streams.audio[0]
    time_base = stream.time_base or Fraction(1, av.time_base)
    origin = stream.start_time or 0
    container.seek(origin + int(start / time_base), stream=stream)
    target = float(origin * time_base) + start
    for frame in container.decode(stream):
        time = frame.time
        if time is None or not target - _FAR_SECONDS < time < target - frame.samples / frame.sample_rate:
            yield frame
