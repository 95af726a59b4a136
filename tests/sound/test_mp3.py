from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from genred.sound import SR, audio, mp3
from tests.makeaudio import KINDS, make, suffix


def played(data: bytes) -> np.ndarray:
    """Return the samples of an MP3 file."""
    with av.open(BytesIO(data), "r") as file:
        assert (file.format.name, file.streams.audio[0].codec_context.sample_rate) == ("mp3", SR)
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(file.streams.audio[0])])


def pitch(y: np.ndarray) -> float:
    """Return the frequency in Hz of the loudest tone."""
    return float(np.abs(np.fft.rfft(y)).argmax() * SR / y.size)


@pytest.mark.parametrize("kind", KINDS)
def test_what_plays_is_what_was_heard(tmp_path: Path, kind: str) -> None:
    """Of each kind of file, as long as what was heard and of the same pitch."""
    heard = audio.read_excerpts(make(tmp_path / f"x{suffix(kind)}", 3.0, kind=kind, freq=880.0))
    y = played(mp3.encode(heard))
    assert y.size / SR == pytest.approx(sum(excerpt.size for excerpt in heard) / SR, abs=0.1)
    assert pitch(y) == pytest.approx(880.0, abs=2.0)


def test_excerpts_follow_each_other_without_a_click(tmp_path: Path) -> None:
    """Where one ends and the next begins it is quiet, and the order is that of the track."""
    t = np.arange(SR, dtype=np.float32) / SR
    low, high = (0.5 * np.cos(2 * np.pi * freq * t).astype(np.float32) for freq in (300.0, 1200.0))
    data = mp3.encode([low, high])
    y = played(data)
    assert pitch(y[: y.size // 3]) == pytest.approx(300.0, abs=5.0)
    assert pitch(y[-y.size // 3 :]) == pytest.approx(1200.0, abs=5.0)
    loud = np.array([np.abs(part).max() for part in np.array_split(y, y.size // 64)])
    assert loud[len(loud) // 3 : -len(loud) // 3].min() < 0.1
    assert len(data) < 2 * mp3.BIT_RATE / 8 + 4096


def test_levels_over_full_scale_are_brought_down(tmp_path: Path) -> None:
    """Files of floats may hold them; what plays isn't clipped."""
    t = np.arange(SR, dtype=np.float32) / SR
    y = played(mp3.encode([8.0 * np.sin(2 * np.pi * 440 * t).astype(np.float32)]))
    assert 0.8 < np.abs(y).max() < 1.1
    spectrum = np.abs(np.fft.rfft(y))
    assert spectrum[round(1320 * y.size / SR)] < spectrum.max() / 100


def test_a_moment_of_sound_plays_too() -> None:
    """A single sample is a file still."""
    assert played(mp3.encode([np.ones(1, np.float32)])).size
