import os
import resource
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred.errors import DecodeError, FileError
from genred.sound import SR, audio
from tests.makeaudio import make

FORMATS = ["mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff", "wma", "wv"]


def pitch(y: np.ndarray) -> float:
    """The loudest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(y * np.hanning(y.size)))
    return float(np.argmax(spectrum) * SR / y.size)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_common_format_is_heard(tmp_path: Path, suffix: str) -> None:
    """A tone comes out as this tone, at its length, from each kind of file."""
    excerpts = audio.read_excerpts(make(tmp_path / f"tone.{suffix}", 4.0, freq=1000.0))
    y = np.concatenate(excerpts)
    assert y.dtype == np.float32
    assert y.size == pytest.approx(4.0 * SR, rel=0.05)
    assert pitch(y) == pytest.approx(1000.0, abs=5.0)


def test_content_decides_what_a_file_is_and_not_its_name(tmp_path: Path) -> None:
    """A FLAC named .mp3 is heard."""
    made = make(tmp_path / "tone.flac", 2.0)
    assert audio.read_excerpts(made.rename(tmp_path / "tone.mp3"))


def test_a_tag_that_is_not_utf_8_keeps_no_file_from_being_heard(tmp_path: Path) -> None:
    """Latin-1 in a RIFF INFO field, which FFmpeg passes on as it is."""
    path = make(tmp_path / "tone.wav", 2.0)
    content = bytearray(path.read_bytes())
    info = b"LIST" + struct.pack("<I", 18) + b"INFOIART" + struct.pack("<I", 6) + b"Bj\xf6rk\0"
    content[12:12] = info
    content[4:8] = struct.pack("<I", len(content) - 8)
    path.write_bytes(content)
    assert audio.read_excerpts(path)


@given(st.floats(30.001, 36_000.0))
def test_excerpts_lie_inside_a_track_without_overlap(duration: float) -> None:
    """Wherever it listens, there is something, and nothing is heard twice."""
    starts = audio.plan(duration)
    assert len(starts) == audio.N_EXCERPTS
    assert starts[0] >= -1e-6
    assert starts[-1] + audio.EXCERPT_SECONDS <= duration + 1e-6
    assert np.diff(starts).min() >= audio.EXCERPT_SECONDS - 1e-6


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "opus", "m4a"])
def test_a_long_track_is_heard_in_its_middle_only(tmp_path: Path, suffix: str) -> None:
    """Three excerpts of ten seconds, whatever the length."""
    excerpts = audio.read_excerpts(make(tmp_path / f"long.{suffix}", 90.0, sr=22050 if suffix != "opus" else 48000))
    assert [round(y.size / SR, 1) for y in excerpts] == [10.0, 10.0, 10.0]


def test_ten_hours_take_no_more_than_a_track(tmp_path: Path) -> None:
    """Of three gigabytes of audio half a minute is read, and no more memory taken than for that."""
    path = make(tmp_path / "x.wav", 1.0, sr=22050)
    content = bytearray(path.read_bytes())
    at, size = content.index(b"data") + 4, 10 * 3600 * 22050 * 4
    content[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    os.truncate(path, at + 4 + size)  # nearly all of it a hole
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    excerpts = audio.read_excerpts(path)
    assert [round(y.size / SR, 1) for y in excerpts] == [10.0, 10.0, 10.0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no audio"),
        (b"this is text, though its name says otherwise\n" * 50, "no audio"),
        (bytes(np.random.default_rng(0).integers(0, 256, 20_000, dtype=np.uint8)), None),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n", "no audio"),
    ],
    ids=["empty", "text", "random", "playlist"],
)
def test_what_is_no_audio_says_so(tmp_path: Path, content: bytes, said: str | None) -> None:
    """A clear error, and a playlist is never followed."""
    path = tmp_path / "x.mp3"
    path.write_bytes(content)
    with pytest.raises(DecodeError, match=said):
        audio.read_excerpts(path)


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    """No decoder ever waits for a writer that doesn't come."""
    os.mkfifo(tmp_path / "x.flac")
    with pytest.raises(FileError, match="a fifo"):
        audio.read_excerpts(tmp_path / "x.flac")


def test_a_truncated_file_gives_what_is_there(tmp_path: Path) -> None:
    """Half a file is half a track, not an error that repeats for ever."""
    path = make(tmp_path / "x.flac", 20.0, noise=0.3)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    total = sum(y.size for y in audio.read_excerpts(path)) / SR
    assert 5.0 < total < 15.0


def test_every_real_file_is_heard_or_refused_with_a_reason(corpus: Path) -> None:
    """None of the files on which three tag libraries were tested makes the decoder do anything else."""
    heard = 0
    for path in sorted((corpus / "tagfiles").rglob("*.*")):
        try:
            excerpts = audio.read_excerpts(path)
        except FileError:
            continue
        heard += 1
        assert all(y.size and np.isfinite(y).all() for y in excerpts)
    assert heard >= 190
