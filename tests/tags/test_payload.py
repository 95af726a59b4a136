"""The fingerprint of the audio: blind to tags, and to nothing else."""

import shutil
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from genred.errors import FileError, TagError
from genred.tags import write_genres
from genred.tags.payload import payload_hash
from tests.makeaudio import KINDS, make, suffix

TAGGED = [kind for kind in KINDS if kind != "mka"]
LONG = ["Psychedelic Space Rock " * 400]  # longer than any padding: everything behind it moves


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """One file of each kind."""
    folder = tmp_path_factory.mktemp("made")
    return cache(lambda kind: make(folder / (kind + suffix(kind)), 1.0, kind=kind, noise=0.1))


@pytest.fixture
def copied(made: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: Path(shutil.copy(made(kind), tmp_path))


def stream_md5(path: Path) -> str:
    """What FFmpeg says of the packets of a file."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg, as an independent opinion")
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a", "-c", "copy", "-f", "md5", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", TAGGED)
@pytest.mark.parametrize("genres", [["Jazz"], LONG, []], ids=["short", "long", "none"])
def test_it_is_blind_to_tags(copied: Callable[[str], Path], kind: str, genres: list[str]) -> None:
    """A genre, however long, leaves the fingerprint as it was, and FFmpeg sees the same packets."""
    path = copied(kind)
    before, packets = payload_hash(path), stream_md5(path)
    write_genres(path, ["Something before"])
    write_genres(path, genres)
    assert payload_hash(path) == before
    assert stream_md5(path) == packets


JUDGES = {
    "flac": ["flac", "--test", "--silent"],
    "ogg": ["oggz-validate"],
    "opus": ["opusinfo"],
    "ogg by ogginfo": ["ogginfo"],
    "opus by oggz-validate": ["oggz-validate"],
}


@pytest.mark.parametrize("case", JUDGES)
@pytest.mark.parametrize("genres", [["Jazz"], LONG, []], ids=["short", "long", "none"])
def test_judges_nobody_here_wrote_find_the_file_sound(
    copied: Callable[[str], Path], case: str, genres: list[str]
) -> None:
    """The reference decoder's own test, and validators of pages, sequence numbers and headers, have no complaint."""
    if shutil.which(JUDGES[case][0]) is None:
        pytest.skip(f"needs {JUDGES[case][0]}")
    path = copied(case.split()[0])

    def complaints() -> tuple[int, list[str]]:
        ended = subprocess.run([*JUDGES[case], str(path)], capture_output=True, text=True, check=False)
        said = (ended.stdout + ended.stderr).splitlines()
        return ended.returncode, [line for line in said if "WARNING" in line or "ERROR" in line]

    before = complaints()
    write_genres(path, genres)
    assert complaints() == before
    assert before[0] == 0


@pytest.mark.parametrize("kind", TAGGED)
def test_it_sees_any_change_of_the_audio(copied: Callable[[str], Path], kind: str) -> None:
    """One bit flipped anywhere in the audio changes the fingerprint, or is refused."""
    path = copied(kind)
    data = path.read_bytes()
    before = payload_hash(path)
    # MP4 files of FFmpeg end in their index; all others in audio.
    last = data.find(b"moov") - 100 if kind in ("m4a", "alac", "mp4") else len(data) - 100
    for at in range(len(data) // 2, last, max(1, (last - len(data) // 2) // 7)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with suppress(TagError):
            assert payload_hash(path) != before, at


@pytest.mark.parametrize("kind", TAGGED)
def test_it_sees_audio_that_is_missing(copied: Callable[[str], Path], kind: str) -> None:
    """A file cut short has another fingerprint, or none."""
    path = copied(kind)
    before = payload_hash(path)
    path.write_bytes(path.read_bytes()[:-200])
    with suppress(TagError):
        assert payload_hash(path) != before


def test_trailing_tags_are_no_audio(copied: Callable[[str], Path]) -> None:
    """An APEv2 tag, Lyrics3 and ID3v1 behind the frames are left out, in any company."""
    path = copied("mp3")
    audio = path.read_bytes()
    item = struct.pack("<2I", 4, 0) + b"Title\0Song"
    ape = item + struct.pack("<8s4I8x", b"APETAGEX", 2000, len(item) + 32, 1, 0)
    body = b"LYRICSBEGIN" + b"IND00002" + b"00"
    lyrics = body + b"%06d" % len(body) + b"LYRICS200"
    id3v1 = b"TAG" + bytes(125)
    before = payload_hash(path)
    for behind in (ape, id3v1, lyrics, ape + id3v1, lyrics + ape + id3v1, ape + lyrics + id3v1):
        path.write_bytes(audio + behind)
        assert payload_hash(path) == before


@pytest.mark.parametrize(
    ("kind", "field", "skip"),
    [
        ("m4a", b"stco", 15),  # where the first chunk begins
        ("m4a", b"stsz", 15),  # how large the first sample is
        ("opus", b"OggS", 6),  # when the last page plays
        ("flac", b"fLaC", 30),  # the MD5 of the decoded audio
        ("wav", b"fmt ", 12),  # the sampling rate
    ],
)
def test_what_tells_a_player_how_to_read_the_audio_is_covered(
    copied: Callable[[str], Path], kind: str, field: bytes, skip: int
) -> None:
    """The same audio data under another index, time, rate or checksum have another fingerprint."""
    path = copied(kind)
    data = bytearray(path.read_bytes())
    before = payload_hash(path)
    data[data.rindex(field) + skip] ^= 1
    path.write_bytes(data)
    assert payload_hash(path) != before


def test_a_page_of_ogg_that_went_missing_is_seen(copied: Callable[[str], Path]) -> None:
    """A page left out changes the fingerprint, even were its packets empty."""
    path = copied("opus")
    data = path.read_bytes()
    before = payload_hash(path)
    pages = [at for at in range(len(data)) if data.startswith(b"OggS", at)]
    path.write_bytes(data[: pages[-2]] + data[pages[-1] :])
    assert payload_hash(path) != before


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"ID3\4\0\0\0\0\0\0", b"RIFF\4\0\0\0WAVE", b"text " * 100])
def test_what_is_no_audio_has_none(tmp_path: Path, content: bytes) -> None:
    """A file genred knows no audio in is refused, not guessed at."""
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    if content.startswith(b"RIFF"):
        assert payload_hash(path)  # empty, and that is what it says
        return
    with pytest.raises(TagError, match="knows no tags"):
        payload_hash(path)


def test_mpeg_frames_in_another_container_are_not_mpeg(tmp_path: Path, copied: Callable[[str], Path]) -> None:
    """A tag in front of a Matroska file that holds MP3 would ruin it: such a file is refused."""
    path = tmp_path / "song.mka"
    path.write_bytes(bytes.fromhex("1a45dfa3") + b"matroska" * 20 + copied("mp3").read_bytes())
    with pytest.raises(TagError, match="Matroska"):
        payload_hash(path)


def test_every_file_ever_seen_has_a_fingerprint_or_a_reason(corpus: Path) -> None:
    """No file of the corpus makes it raise anything but a FileError."""
    for path in sorted(p for p in (corpus / "tagfiles").rglob("*") if p.is_file()):
        try:
            assert len(payload_hash(path)) == 32
        except FileError as error:
            assert error.reason  # noqa: PT017 - either is fine, silence isn't
