"""Files as programs that people use leave them, by program and container: each can be tagged, and players see it."""

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from mutagen import File, apev2, id3, mp4

from genred.errors import TagError
from genred.tags import edit_clone, read_genres
from genred.tags.payload import payload_hash
from tests import rawtags as raw
from tests.makeaudio import make, suffix

WORDS = ("title=A title", "artist=Ann", "album=An album", "date=1999", "track=3")


class Program(NamedTuple):
    """A program, what it makes, and how it is called to do that with a WAV file."""

    name: str
    makes: str
    run: Callable[[Path, Path], object]

    @property
    def is_here(self) -> bool:
        return self.name.startswith("as ") or shutil.which(self.name) is not None


def call(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def ffmpeg(*options: str) -> Callable[[Path, Path], None]:
    words = [part for word in WORDS for part in ("-metadata", word)]
    return lambda song, out: call("ffmpeg", "-v", "error", "-y", "-i", song, *words, *options, out)


def piped(song: Path, out: Path) -> None:
    """As `ffmpeg ... - > out` does: no size is known when the header is written."""
    command = ["ffmpeg", "-v", "error", "-i", str(song), "-metadata", "title=A title", "-f", "wav", "-"]
    with out.open("wb") as file:
        subprocess.run(command, check=True, stdout=file, stdin=subprocess.DEVNULL)


def kid3(song: Path, out: Path) -> None:
    encoded(song, out)
    fields = [part for word in WORDS[:4] for part in ("-c", "set {} '{}'".format(*word.split("=")))]
    call("kid3-cli", *fields, "-c", "set picture '' ''", "-c", "save", out)


def encoded(song: Path, out: Path) -> None:
    """A file without tags but those of its encoder."""
    make(out, 0.5)


def eyed3(song: Path, out: Path) -> None:
    encoded(song, out)
    call("eyeD3", "-t", "A title", "-a", "Ann", "-A", "An album", "-n", "3", "--to-v2.3", out)


def id3v2(song: Path, out: Path) -> None:
    encoded(song, out)
    call("id3v2", "-t", "A title", "-a", "Ann", out)


def atomic_parsley(song: Path, out: Path) -> None:
    encoded(song, out)
    call("AtomicParsley", out, "--title", "A title", "--artist", "Ann", "--tracknum", "3/9", "--overWrite")


def picard(song: Path, out: Path) -> None:
    """MusicBrainz Picard writes through mutagen: many fields, an identifier, a cover."""
    encoded(song, out)
    loaded = File(out)
    if loaded.tags is None:
        loaded.add_tags()
    tags = loaded.tags
    match tags:
        case id3.ID3Tags():
            tags.add(id3.TIT2(encoding=1, text="A title"))
            tags.add(id3.TXXX(encoding=1, desc="MusicBrainz Album Id", text="f00"))
            tags.add(id3.UFID(owner="http://musicbrainz.org", data=b"f00"))
            tags.add(id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=bytes(5000)))
        case mp4.MP4Tags():
            tags["\xa9nam"] = ["A title"]
            tags["----:com.apple.iTunes:MusicBrainz Album Id"] = [mp4.MP4FreeForm(b"f00")]
            tags["covr"] = [mp4.MP4Cover(bytes(5000), mp4.MP4Cover.FORMAT_PNG)]
        case _:
            tags["Title"] = "A title"
            tags["MUSICBRAINZ_ALBUMID"] = "f00"
    loaded.save()


def mp3tag(song: Path, out: Path) -> None:
    """Mp3tag, as it is installed: ID3v2.3 in UTF-16 with ID3v1 beside it, and the APEv2 tag that was there."""
    encoded(song, out)
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=1, text="A title"))
    tags.add(id3.TYER(encoding=1, text="1999"))
    tags.add(id3.COMM(encoding=1, lang="eng", desc="", text="Hello"))
    tags.save(out, v1=2, v2_version=3)
    ape = apev2.APEv2()
    ape["REPLAYGAIN_TRACK_GAIN"] = "-3 dB"
    ape.save(out)


def itunes(song: Path, out: Path) -> None:
    """iTunes: all in one item list, gapless information and a normalisation among it, and room behind."""
    encoded(song, out)
    smpb = raw.atom(b"----", raw.atom(b"mean", bytes(4), b"com.apple.iTunes"), raw.atom(b"name", bytes(4), b"iTunSMPB"))
    words = raw.atom(b"\xa9nam", raw.mp4_value(b"A title")), raw.atom(b"trkn", raw.mp4_value(b"\0\0\0\3\0\x09\0\0", 0))
    raw.with_user_data(out, raw.item_list(*words, smpb + b""), raw.atom(b"free", bytes(2000)))


FFMPEG = {
    "mp3": ((), ("-id3v2_version", "3", "-write_id3v1", "1"), ("-write_apetag", "1")),
    "flac": ((),),
    "ogg": (("-c:a", "libvorbis"),),
    "opus": (("-c:a", "libopus"),),
    "spx": (("-c:a", "libspeex", "-ar", "16000"),),
    "m4a": ((), ("-c:a", "alac"), ("-movflags", "+faststart")),
    "mp4": ((),),
    "wav": ((), ("-write_bext", "1"), ("-rf64", "always")),
    "aiff": (("-write_id3v2", "1"), ()),
    "wma": ((),),
    "wv": ((),),
    "tta": ((),),
    "aac": ((), ("-write_id3v2", "1")),
}

KINDS = ("mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff", "wma", "wv", "tta")

PROGRAMS = [
    *(Program("ffmpeg", kind, ffmpeg(*options)) for kind, many in FFMPEG.items() for options in many),
    Program("ffmpeg", "wav", piped),
    Program("lame", "mp3", lambda song, out: call("lame", "--quiet", song, out)),
    Program("lame", "mp3", lambda song, out: call("lame", "--quiet", "--tt", "A title", "--ta", "Ann", song, out)),
    Program("lame", "mp3", lambda s, out: call("lame", "--quiet", "--id3v1-only", "--tt", "A title", s, out)),
    Program("lame", "mp3", lambda s, out: call("lame", "--quiet", "--id3v2-utf16", "--tt", "Ä", s, out)),
    Program("flac", "flac", lambda song, out: call("flac", "-s", "-f", "-T", "TITLE=A title", "-o", out, song)),
    Program("flac", "oga", lambda song, out: call("flac", "-s", "-f", "--ogg", "-T", "TITLE=A title", "-o", out, song)),
    Program("oggenc", "ogg", lambda song, out: call("oggenc", "-Q", "-t", "A title", "-a", "Ann", "-o", out, song)),
    Program("opusenc", "opus", lambda song, out: call("opusenc", "--quiet", "--title", "A title", song, out)),
    Program("wavpack", "wv", lambda song, out: call("wavpack", "-q", "-y", "-w", "Title=A title", song, "-o", out)),
    Program("sox", "wav", lambda song, out: call("sox", song, "--comment", "A title", out)),
    Program("sox", "aiff", lambda song, out: call("sox", song, "--comment", "A title", out)),
    Program("sox", "flac", lambda song, out: call("sox", song, "--add-comment", "Title=A title", out)),
    Program("eyeD3", "mp3", eyed3),
    Program("id3v2", "mp3", id3v2),
    Program("AtomicParsley", "m4a", atomic_parsley),
    *(
        Program("kid3-cli", kind, kid3)
        for kind in ("mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff", "wma", "wv", "tta")
    ),
    *(
        Program("as Picard", kind, picard)
        for kind in ("mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff", "wma", "wv", "tta")
    ),
    Program("as Mp3tag", "mp3", mp3tag),
    Program("as iTunes", "m4a", itunes),
]


def seen(path: Path) -> dict[str, str]:
    """What FFmpeg shows of a file, in small letters."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "json", str(path)]
    shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    streams = [stream.get("tags", {}) for stream in shown.get("streams", [])]
    return {key.lower(): value for tags in (*streams, shown["format"].get("tags", {})) for key, value in tags.items()}


def sound(path: Path) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a", "-c", "copy", "-f", "md5", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return cache(lambda: make(tmp_path_factory.mktemp("plain") / "plain.wav", 0.5))


def label(program: Program) -> str:
    return f"{program.name}-{program.makes}"


@pytest.mark.parametrize("program", PROGRAMS, ids=label)
def test_what_a_program_leaves_can_be_tagged(program: Program, plain: Callable[[], Path], tmp_path: Path) -> None:
    """Genred and FFmpeg read the new genre, FFmpeg everything else that it read before, and it hears the same."""
    if not program.is_here:
        pytest.skip(f"needs {program.name}")
    if shutil.which("ffprobe") is None:
        pytest.skip("needs ffmpeg, as an independent opinion")
    path = tmp_path / f"song{suffix(program.makes)}"
    program.run(plain(), path)
    clone = Path(shutil.copy(path, tmp_path / f"clone{path.suffix}"))
    edit_clone(path, clone, ["Jazz"])
    assert read_genres(clone) == ["Jazz"]
    before, after = seen(path), seen(clone)
    assert after.pop("genre") == "Jazz"
    before.pop("genre", None)
    assert before.items() <= after.items()
    assert sound(clone) == sound(path)
    assert payload_hash(clone) == payload_hash(path)


@pytest.mark.parametrize("options", [("-movflags", "frag_keyframe+empty_moov"), ("-movflags", "dash")], ids=" ".join)
def test_a_fragmented_mp4_is_refused_in_words(
    options: tuple[str, ...], plain: Callable[[], Path], tmp_path: Path
) -> None:
    """As tools save a stream; it is untouched."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    path = tmp_path / "song.mp4"
    ffmpeg("-frag_duration", "100000", *options)(plain(), path)
    clone = Path(shutil.copy(path, tmp_path / "clone.mp4"))
    with pytest.raises(TagError, match="it is a fragmented MP4, as streams are saved"):
        edit_clone(path, clone, ["Jazz" * 1000])


@pytest.mark.parametrize("claimed", [2, 1 << 30])
def test_audio_that_is_cut_short_is_refused_with_the_reason(claimed: int, tmp_path: Path) -> None:
    """Where a WAV file promises more than there is, a tag behind it would be played."""
    path = make(tmp_path / "song.wav", 0.2)
    data = path.read_bytes()
    path.write_bytes(data[:40] + (len(data) - 44 + claimed).to_bytes(4, "little") + data[44:])
    clone = Path(shutil.copy(path, tmp_path / "clone.wav"))
    with pytest.raises(TagError, match=r"its audio claims [\d,]+ bytes and there are 35,280"):
        edit_clone(path, clone, ["Jazz"])


@pytest.mark.parametrize("junk", [1, 200, 417])
def test_a_recording_of_a_stream_begins_in_the_middle_of_a_frame(junk: int, tmp_path: Path) -> None:
    """Without a tag in front, the rest of a frame is told from another container: nothing but frames follows."""
    frames = make(tmp_path / "song.mp3", 0.5).read_bytes()
    frames = frames[frames.index(b"\xff\xfb") :]
    path = tmp_path / "rip.mp3"
    path.write_bytes(frames[-junk:] + frames)
    clone = Path(shutil.copy(path, tmp_path / "clone.mp3"))
    edit_clone(path, clone, ["Jazz"])
    assert read_genres(clone) == ["Jazz"]
    assert clone.read_bytes().endswith(path.read_bytes())
    path.write_bytes(frames[-junk:] + frames + b"moov" * 50)
    with pytest.raises(TagError, match="knows no tags"):
        read_genres(path)


def test_what_is_larger_than_four_gigabytes_by_its_form_keeps_its_sizes_true(tmp_path: Path) -> None:
    """RF64 has the size of the file in 64 bits, and that grows with the tag."""
    path = make(tmp_path / "song.wav", 0.2)
    data = path.read_bytes()
    sizes = (len(data) + 36 - 8).to_bytes(8, "little") + (len(data) - 44).to_bytes(8, "little") + bytes(12)
    ds64 = b"ds64" + (28).to_bytes(4, "little") + sizes
    path.write_bytes(b"RF64\xff\xff\xff\xffWAVE" + ds64 + data[12:40] + b"\xff\xff\xff\xff" + data[44:])
    clone = Path(shutil.copy(path, tmp_path / "clone.wav"))
    edit_clone(path, clone, ["Jazz"])
    after = clone.read_bytes()
    assert read_genres(clone) == ["Jazz"]
    assert int.from_bytes(after[20:28], "little") + 8 == len(after)
    assert after[28 : len(path.read_bytes())] == path.read_bytes()[28:]
