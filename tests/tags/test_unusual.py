"""Files with something unusual about them: tagged with nothing else changed, or refused and untouched."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mutagen import File, flac, id3, wave

from genred.analysis.analyser import Analyser
from genred.config import Model, Service, Tags
from genred.errors import FileError, TagError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Query, Record
from genred.saving import transaction
from genred.tags import edit_clone, read_genres
from genred.tags.payload import payload_hash
from tests.makeaudio import make, make_video

LONG = "Progressive Psychedelic Space Rock and " * 100 + "Roll"


def edited(path: Path, genres: list[str]) -> Path:
    """A proven clone beside the file."""
    clone = path.with_name("clone.tmp")
    shutil.copyfile(path, clone)
    edit_clone(path, clone, genres)
    return clone


def packets(path: Path, streams: str = "0") -> str:
    """What FFmpeg says of the streams of a file."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg, as an independent opinion")
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", streams, "-c", "copy", "-f", "streamhash", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "m4a", "aiff"])
@pytest.mark.parametrize("room", [0, 300_000], ids=["no padding", "huge padding"])
def test_padding_none_and_huge(tmp_path: Path, kind: str, room: int) -> None:
    """Without padding all behind the tag moves; with plenty nothing does, not even for a long genre."""
    path = make(tmp_path / f"song.{kind}", 0.5)
    loaded = File(path)
    if loaded.tags is None:
        loaded.add_tags()
    loaded.save(padding=lambda _: room)
    before = packets(path)
    clone = edited(path, [LONG])
    assert read_genres(clone) == [LONG]
    assert packets(clone) == before
    grown = clone.stat().st_size - path.stat().st_size
    assert grown > len(LONG) if not room else grown == 0


def test_riff_info_and_an_id3_chunk_at_once(tmp_path: Path) -> None:
    """A WAV file with both tags has the new genre in both, and its audio where it was."""
    path = make(tmp_path / "song.wav", 0.5)
    loaded = wave.WAVE(path)
    loaded.add_tags()
    loaded["TCON"] = id3.TCON(encoding=0, text="Pop")
    loaded["TIT2"] = id3.TIT2(encoding=0, text="Title")
    loaded.save()
    info = b"INFO" + b"IGNR\4\0\0\0Pop\0" + b"INAM\6\0\0\0Title\0"
    data = path.read_bytes() + b"LIST" + len(info).to_bytes(4, "little") + info
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    before = packets(path)
    clone = edited(path, ["Jazz"])
    assert b"IGNR\5\0\0\0Jazz\0" in clone.read_bytes()
    after = wave.WAVE(clone)
    assert (str(after["TCON"]), str(after["TIT2"])) == ("Jazz", "Title")
    assert packets(clone) == before


@pytest.mark.parametrize("genre", ["Jazz", LONG], ids=["short", "long"])
def test_mp4_video(tmp_path: Path, genre: str) -> None:
    """A music video gets its genre, and the packets of picture and sound stay what they were."""
    path = make_video(tmp_path / "video.mp4")
    before = packets(path)
    clone = edited(path, [genre])
    assert read_genres(clone) == [genre]
    assert packets(clone) == before
    assert "v,SHA256" in before


def test_matroska_is_refused(tmp_path: Path) -> None:
    """Nothing writes its tags safely; the file stays as it is."""
    path = make(tmp_path / "song.mka", 0.5)
    content = path.read_bytes()
    with pytest.raises(TagError, match="reads the tags of Matroska files and doesn't write them"):
        edited(path, ["Jazz"])
    assert path.read_bytes() == content


def test_a_protected_m4p_keeps_every_encrypted_byte(tmp_path: Path) -> None:
    """Genred can't hear a file with DRM, but a person may set its genre: the sealed audio and its keys stay."""
    path = make(tmp_path / "song.m4a", 0.5)
    content = path.read_bytes()
    at = content.index(b"mp4a", content.index(b"stsd"))
    path.write_bytes(content[:at] + b"drms" + content[at + 4 :])
    before = payload_hash(path)
    clone = edited(path, ["Jazz"])
    assert (read_genres(clone), payload_hash(clone)) == (["Jazz"], before)
    after = clone.read_bytes()
    assert after[after.index(b"mdat") :][:1000] == content[content.index(b"mdat") :][:1000]
    assert after.count(b"drms") == 1


def with_pictures(kind: str) -> Callable[[Path, int], None]:
    def mp3(path: Path, megabytes: int) -> None:
        tag = id3.ID3()
        tag.add(id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=os.urandom(megabytes << 20)))
        tag.save(path)

    def many(path: Path, megabytes: int) -> None:
        loaded = flac.FLAC(path)
        for _ in range(0, megabytes, 15):  # a block of FLAC metadata holds no more than 16 MiB
            picture = flac.Picture()
            picture.type, picture.mime, picture.data = 3, "image/png", os.urandom(15 << 20)
            loaded.add_picture(picture)
        loaded.save()

    return mp3 if kind == "mp3" else many


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "memory_mb"), [("mp3", 3072), ("flac", 3072), ("mp3", 700), ("flac", 450)])
def test_a_picture_of_200_megabytes(tmp_path: Path, history: History, kind: str, memory_mb: int) -> None:
    """Within the limits of a worker it is tagged, the picture kept and the way back small; beyond them refused."""
    path = make(tmp_path / f"song.{kind}", 0.5)
    with_pictures(kind)(path, 200)
    stamp, before = stamp_of(path), packets(path, "0:a")
    journal = Journal(history)
    tagged = False
    with Analyser(Service(workers=1, memory_mb=memory_mb), Model(), tmp_path / "cache") as analyser:

        def edit(clone: Path) -> None:
            analyser.edit(path, clone, ("Jazz",), Tags())

        started = time.monotonic()
        draft = Record(path, Outcome.TAGGED, "a test", written=("Jazz",))
        try:
            transaction.replace(draft, stamp, edit, journal, Tags())
            tagged = True
            assert analyser.genres(path) == ("Jazz",)
            (undo,) = journal.undoable(Query())
            assert len(journal.undo_record(undo)) < 4096
        except FileError as error:
            assert "memory" in error.reason or "too long" in error.reason  # noqa: PT017 - on a slow machine
        seconds = time.monotonic() - started
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10  # of all children so far
    print(f"{kind}: {'tagged' if tagged else 'refused'} after {seconds:.1f} s, at most {most} MiB in a worker")
    assert tagged or stamp_of(path) == stamp
    assert not (tagged and memory_mb < 3072)
    assert packets(path, "0:a") == before
    assert list(tmp_path.glob(".genred-*")) == []
