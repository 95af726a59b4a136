"""Small audio files of every format there is an encoder for, synthesized on the spot: a tone, with or without noise.

No audio is committed to the project, so tests that need some make it. Formats without an encoder (Monkey's Audio,
Musepack, ...) are covered by the corpus, where there is one.
"""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream


class Recipe(NamedTuple):
    muxer: str
    codec: str
    samples: str
    bit_rate: int | None = None


RECIPES = {
    "mp3": Recipe("mp3", "libmp3lame", "s16p", 128_000),
    "flac": Recipe("flac", "flac", "s16"),
    "ogg": Recipe("ogg", "vorbis", "fltp"),
    "opus": Recipe("opus", "libopus", "s16", 64_000),
    "aac": Recipe("adts", "aac", "fltp", 128_000),
    "m4a": Recipe("ipod", "aac", "fltp", 128_000),
    "alac": Recipe("ipod", "alac", "s16p"),
    "mp4": Recipe("mp4", "aac", "fltp", 128_000),
    "aiff": Recipe("aiff", "pcm_s16be", "s16"),
    "wma": Recipe("asf", "wmav2", "fltp", 128_000),
    "wv": Recipe("wv", "wavpack", "s16p"),
    "tta": Recipe("tta", "tta", "s16"),
    "mka": Recipe("matroska", "flac", "s16"),
}
KINDS = ("wav", *RECIPES)
SUFFIXES = {"alac": ".m4a"}  # where the kind isn't the suffix


def suffix(kind: str) -> str:
    """The file name suffix that goes with a kind, dot included."""
    return SUFFIXES.get(kind, f".{kind}")


def make(
    path: Path,
    seconds: float = 3.0,
    *,
    kind: str | None = None,
    freq: float = 440.0,
    noise: float = 0.0,
    sr: int = 44100,
) -> Path:
    """Write a stereo tone at `path` and return it.

    Parameters
    ----------
    path
        Where; replaced if it is there.
    seconds
        How long.
    kind
        One of `KINDS`; from the suffix when None.
    freq, noise
        Frequency of the tone in Hz, and the standard deviation of the white noise added to it (the tone has 0.3).
    sr
        Sampling rate in Hz. Opus knows 48,000 and its divisors only, and gets 48,000 otherwise.

    Notes
    -----
    The same arguments give the same audio, not necessarily the same bytes: Ogg streams have random serial numbers.
    """
    kind = (kind or path.suffix[1:]).lower()
    if kind == "opus" and sr not in (8000, 12000, 16000, 24000, 48000):
        sr = 48000
    audio = _samples(seconds, freq, noise, sr)
    if kind == "wav":
        _write_wav(path, audio, sr)
    else:
        _encode(path, RECIPES[kind], audio, sr)
    return path


def make_video(path: Path, seconds: float = 1.0, sr: int = 44100) -> Path:
    """Write an MP4 file with a moving picture and a tone at `path` and return it."""
    with av.open(str(path), "w", format="mp4") as out:
        picture = out.add_stream("mpeg4", rate=25)
        assert isinstance(picture, VideoStream)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream("aac", rate=sr)
        assert isinstance(sound, AudioStream)
        sound.codec_context.layout = "stereo"
        for number in range(round(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 7 % 256, np.uint8), format="rgb24")
            out.mux(picture.encode(frame))
        for tone in _frames(_samples(seconds, 440.0, 0.0, sr), sr):
            out.mux(sound.encode(tone))
        out.mux(picture.encode(None))
        out.mux(sound.encode(None))
    return path


def _samples(seconds: float, freq: float, noise: float, sr: int) -> np.ndarray:
    """int16, shape (2, n_samples)."""
    t = np.arange(round(seconds * sr)) / sr
    tone = 0.3 * np.sqrt(2) * np.sin(2 * np.pi * freq * t)
    both = np.stack([tone, tone]) + noise * np.random.default_rng(0).standard_normal((2, t.size))
    return (np.clip(both, -1, 1) * 32767).astype(np.int16)


def _write_wav(path: Path, audio: np.ndarray, sr: int) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(sr)
        out.writeframes(audio.T.tobytes())


def _encode(path: Path, recipe: Recipe, audio: np.ndarray, sr: int) -> None:
    with av.open(str(path), "w", format=recipe.muxer) as out:
        # FFmpeg's own Vorbis encoder still calls itself experimental.
        stream = out.add_stream(recipe.codec, rate=sr, options={"strict": "experimental"})
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = "stereo"
        stream.codec_context.format = recipe.samples
        if recipe.bit_rate:
            stream.codec_context.bit_rate = recipe.bit_rate
        for frame in _frames(audio, sr):
            for packet in stream.encode(frame):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)


def _frames(audio: np.ndarray, sr: int) -> Iterator[av.AudioFrame]:
    step = sr // 10
    for at in range(0, audio.shape[1], step):
        piece = np.ascontiguousarray(audio[:, at : at + step].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="stereo")
        frame.sample_rate = sr
        frame.pts = at
        yield frame
