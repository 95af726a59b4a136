"""Genres in and out of every container: what was asked for is there, and nothing else has changed."""

import shutil
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mutagen import File, apev2, flac, id3, mp4, wave

from genred import tags
from genred.errors import FileError, TagError
from genred.tags import dump, edit_clone, read_genres, write_genres
from genred.tags.payload import payload_hash
from tests.makeaudio import KINDS, make, suffix

TAGGED = [kind for kind in KINDS if kind != "mka"]
PICTURE = b"\x89PNG" + bytes(range(256)) * 400


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """One file of each kind."""
    folder = tmp_path_factory.mktemp("made")
    return cache(lambda kind: make(folder / (kind + suffix(kind)), 0.3, kind=kind))


@pytest.fixture
def copied(made: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: Path(shutil.copy(made(kind), tmp_path))


def edited(path: Path, genres: list[str], **options: Any) -> Path:
    """A proven clone beside the file."""
    clone = path.with_name("clone.tmp")
    shutil.copyfile(path, clone)
    edit_clone(path, clone, genres, **options)
    return clone


@pytest.fixture
def bare(copied: Callable[[str], Path]) -> Path:
    """An MP3 file without any tag."""
    path = copied("mp3")
    id3.delete(path)
    return path


def v1(genre: int = 17, title: bytes = b"Old title") -> bytes:
    fields = title.ljust(30, b"\0") + b"An artist".ljust(30, b"\0") + b"An album".ljust(30, b"\0") + b"1984"
    return b"TAG" + fields + b"A comment".ljust(28, b"\0") + b"\0\7" + bytes([genre])


@pytest.mark.parametrize("kind", TAGGED)
def test_genres_are_read_as_they_were_written(copied: Callable[[str], Path], kind: str) -> None:
    """One genre, several, others and none: each is read back as it was written."""
    path = copied(kind)
    assert read_genres(path) == []
    for genres in (["Jazz"], ["Soul & R&B", "Ænglish Fölk", "ポップ"], ["Rock"], []):
        write_genres(path, genres)
        assert read_genres(path) == genres


@pytest.mark.parametrize("kind", TAGGED)
def test_a_second_write_moves_nothing(copied: Callable[[str], Path], kind: str) -> None:
    """Once there is padding, another genre leaves the size as it was (tags at the end need none)."""
    path = copied(kind)
    write_genres(path, ["Jazz"])
    size = path.stat().st_size
    write_genres(path, ["Drum & Bass"])
    assert path.stat().st_size - size == (0 if kind not in ("wv", "tta") else len("Drum & Bass") - len("Jazz"))


@pytest.mark.parametrize("suffix_", [".mp3", ".flac", ".txt", ""])
def test_the_content_decides_and_not_the_name(copied: Callable[[str], Path], suffix_: str) -> None:
    """A FLAC file is tagged as one whatever it is called."""
    path = copied("flac").rename(copied("flac").with_name("song" + suffix_))
    write_genres(path, ["Jazz"])
    assert flac.FLAC(path)["genre"] == ["Jazz"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(17)", ["Rock"]),
        ("17", ["Rock"]),
        ("(4)Eurodisco", ["Disco", "Eurodisco"]),
        ("", []),
        ("(RX)", ["Remix"]),
        ("(17)(18)", ["Rock", "Techno"]),
    ],
)
def test_numeric_genres_are_read_as_names(copied: Callable[[str], Path], text: str, shown: list[str]) -> None:
    """What ID3 abbreviates is read in full, and an empty field as none."""
    path = copied("mp3")
    frames = id3.ID3()
    frames.add(id3.TCON(encoding=0, text=[text]))
    frames.save(path, v2_version=3)
    assert read_genres(path) == shown


def test_id3_keeps_version_and_unknown_frames(bare: Path) -> None:
    """An ID3v2.2 tag stays one, with frames nobody knows and two of a kind, byte for byte."""
    frames = [b"XYZ\0\0\5hello", b"TT2\0\0\6\0Title", b"TCO\0\0\5\0(17)", b"TT2\0\0\4\0Two", b"PIC\0\0\x09\0PNG\3\0abc"]
    body = b"".join(frames) + bytes(50)
    bare.write_bytes(b"ID3\2\0\0\0\0\0" + bytes([len(body)]) + body + bare.read_bytes())
    assert read_genres(bare) == ["Rock"]
    data = edited(bare, ["Pop"]).read_bytes()
    assert data.startswith(b"ID3\2\0")
    assert [data.count(frame) for frame in frames] == [1, 1, 0, 1, 1]
    assert data.count(b"TCO\0\0\4\0Pop") == 1
    assert len(data) == bare.stat().st_size


def test_id3v23_joins_with_the_separator(bare: Path) -> None:
    """ID3v2.3 has no lists: the genres become one text, with the separator that is wanted."""
    frames = id3.ID3()
    frames.add(id3.TYER(encoding=0, text="1999"))
    frames.save(bare, v2_version=3)
    clone = edited(bare, ["Jazz", "Blues"], separator=" / ")
    assert read_genres(clone) == ["Jazz / Blues"]
    after = id3.ID3(clone, translate=False)
    assert (after.version, str(after["TYER"])) == ((2, 3, 0), "1999")


@pytest.mark.parametrize(("start", "wish", "end"), [(3, "2.4", 4), (4, "2.3", 3), (None, "2.3", 3), (None, "keep", 4)])
def test_the_id3_version_that_is_asked_for(bare: Path, start: int | None, wish: tags.Id3Version, end: int) -> None:
    """A tag is made, or translated, in the version asked for; its fields mean what they meant."""
    if start is not None:
        frames = id3.ID3()
        frames.add(id3.TDRC(encoding=3, text="1999-05-07"))
        frames.add(id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=PICTURE))
        if start == 3:
            frames.update_to_v23()
        frames.save(bare, v2_version=start)
    clone = edited(bare, ["Jazz"], id3_version=wish)
    after = id3.ID3(clone)
    assert after.version == (2, end, 0)
    if start is not None:
        assert str(after["TDRC"]) == "1999-05-07"
        assert after["APIC:"].data == PICTURE


def test_unsynchronised_id3_stays_readable(bare: Path) -> None:
    """A tag that was unsynchronised is so afterwards, and its frames say what they said."""
    body = b"PRIV\0\0\0\6\0\0x\0" + b"\xff\0\xe0\xff\0\0"
    bare.write_bytes(b"ID3\3\0\x80\0\0\0" + bytes([len(body)]) + body + bare.read_bytes())
    assert id3.ID3(bare).getall("PRIV")[0].data == b"\xff\xe0\xff\0"
    clone = edited(bare, ["Jazz"])
    assert clone.read_bytes()[5] == 0x80
    assert id3.ID3(clone).getall("PRIV")[0].data == b"\xff\xe0\xff\0"


def test_id3v1_alone_is_repeated_in_id3v2(bare: Path) -> None:
    """Players that find ID3v2 look no further, so title and artist go there too; ID3v1 keeps all but its genre."""
    bare.write_bytes(bare.read_bytes() + v1())
    assert read_genres(bare) == ["Rock"]
    clone = edited(bare, ["Jazz"])
    after = id3.ID3(clone, load_v1=False)
    assert [str(after[key]) for key in ("TIT2", "TPE1", "TALB", "TDRC", "TRCK", "COMM::eng", "TCON")] == [
        "Old title", "An artist", "An album", "1984", "7", "A comment", "Jazz",
    ]  # fmt: skip
    assert clone.read_bytes()[-128:] == v1(8)


def test_a_genre_id3v1_does_not_know(bare: Path) -> None:
    """ID3v1 then says nothing rather than the old genre."""
    bare.write_bytes(bare.read_bytes() + v1())
    assert edited(bare, ["Zeuhl"]).read_bytes()[-1] == 255


def ape_tag(path: Path, **items: str) -> None:
    tag = apev2.APEv2()
    tag.update(items)
    tag.save(path)


def test_ape_on_mp3_is_the_tag_where_it_names_the_music(bare: Path) -> None:
    """An MP3 that only an APEv2 tag describes keeps that, and gets no ID3v2 tag to hide it from players."""
    ape_tag(bare, Title="Song", Genre="Pop")
    assert read_genres(bare) == ["Pop"]
    clone = edited(bare, ["Jazz", "Blues"])
    assert dict(apev2.APEv2(clone)) == {"Title": "Song", "Genre": "Jazz\0Blues"}
    assert not clone.read_bytes().startswith(b"ID3")
    assert read_genres(clone) == ["Jazz", "Blues"]


def test_the_gain_of_mp3gain_is_no_description(bare: Path) -> None:
    """An APEv2 tag with nothing but a gain is left alone; the genre goes to ID3v2."""
    ape_tag(bare, REPLAYGAIN_TRACK_GAIN="-3 dB")
    clone = edited(bare, ["Jazz"])
    assert dict(apev2.APEv2(clone)) == {"REPLAYGAIN_TRACK_GAIN": "-3 dB"}
    assert [str(genre) for genre in id3.ID3(clone).getall("TCON")] == ["Jazz"]


def test_two_tags_agree_afterwards(bare: Path) -> None:
    """Where ID3v2, APEv2 and ID3v1 all name a genre, all three name the new one."""
    frames = id3.ID3()
    frames.add(id3.TCON(encoding=0, text="Pop"))
    frames.save(bare)
    ape_tag(bare, Genre="Rock", Title="Song")
    bare.write_bytes(bare.read_bytes() + v1())
    clone = edited(bare, ["Jazz"])
    assert id3.ID3(clone)["TCON"].text == ["Jazz"]
    assert apev2.APEv2(clone)["Genre"] == "Jazz"
    assert clone.read_bytes()[-128:] == v1(8)


def test_id3_in_front_of_flac_is_kept_in_step(copied: Callable[[str], Path]) -> None:
    """A FLAC file with an ID3v2 tag in front keeps it; where it names a genre it follows."""
    path = copied("flac")
    frames = id3.ID3()
    frames.add(id3.TCON(encoding=0, text="Pop"))
    frames.add(id3.TIT2(encoding=0, text="Title"))
    frames.save(path)
    clone = edited(path, ["Jazz"])
    assert flac.FLAC(clone)["genre"] == ["Jazz"]
    assert id3.ID3(clone)["TCON"].text == ["Jazz"]
    assert id3.ID3(clone)["TIT2"].text == ["Title"]


def test_riff_info_is_kept_in_step(copied: Callable[[str], Path]) -> None:
    """The genre of a WAV file's INFO list follows where there is one; its other items stay."""
    path = copied("wav")
    info = b"INFO" + b"INAM\6\0\0\0Title\0" + b"IGNR\4\0\0\0Pop\0" + b"ICRD\5\0\0\x001999\0\0"
    data = path.read_bytes() + b"LIST" + len(info).to_bytes(4, "little") + info
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    clone = edited(path, ["Electronic"])
    after = clone.read_bytes()
    assert b"INAM\6\0\0\0Title\0IGNR\x0b\0\0\0Electronic\0\0ICRD\5\0\0\x001999\0\0" in after
    assert wave.WAVE(clone)["TCON"].text == ["Electronic"]
    assert len(after) == int.from_bytes(after[4:8], "little") + 8


def test_mp4_covers_and_unknown_atoms_stay(copied: Callable[[str], Path]) -> None:
    """Covers, free-form and unknown atoms stay; the numeric genre gives way to a text."""
    path = copied("m4a")
    loaded = mp4.MP4(path)
    loaded["covr"] = [mp4.MP4Cover(PICTURE, mp4.MP4Cover.FORMAT_PNG), mp4.MP4Cover(b"two", mp4.MP4Cover.FORMAT_JPEG)]
    loaded["----:com.apple.iTunes:MOOD"] = [mp4.MP4FreeForm(b"calm"), mp4.MP4FreeForm(b"blue")]
    loaded["tmpo"] = [18]
    loaded.save()
    path.write_bytes(path.read_bytes().replace(b"tmpo", b"gnre"))  # as iTunes writes it: a number, 17 + 1
    assert read_genres(path) == ["Rock"]
    clone = edited(path, ["Jazz", "Blues"])
    after = mp4.MP4(clone)
    assert after["\xa9gen"] == ["Jazz", "Blues"]
    assert [bytes(cover) for cover in after["covr"]] == [PICTURE, b"two"]
    assert after["----:com.apple.iTunes:MOOD"] == [b"calm", b"blue"]


@pytest.mark.parametrize("kind", ["flac", "ogg", "opus"])
def test_vorbis_comments_keep_bytes_that_are_no_text(copied: Callable[[str], Path], kind: str) -> None:
    """Order, spelling and bytes that aren't UTF-8 stay, in a comment larger than an Ogg page too."""
    path = copied(kind)
    loaded = File(path)
    loaded["artist"] = ["A", "B"]
    loaded["TITLE"] = ["marker"]
    loaded["METADATA_BLOCK_PICTURE"] = ["x" * 100_000]
    loaded["genre"] = ["Pop", "Rock"]
    loaded.save()
    if kind == "flac":
        path.write_bytes(path.read_bytes().replace(b"marker", b"m\xffrker"))
    clone = edited(path, ["Jazz"])
    assert File(clone)["genre"] == ["Jazz"]
    assert File(clone)["artist"] == ["A", "B"]
    assert kind != "flac" or b"m\xffrker" in clone.read_bytes()


def test_a_save_that_changes_more_is_thrown_away(
    copied: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were a writer to lose a field or touch the audio, the proof would fail loudly."""
    path = copied("flac")
    loaded = flac.FLAC(path)
    loaded["title"] = "Song"
    loaded.save()

    def loses_the_title(clone: Path, genres: list[str], **_: object) -> None:
        broken = flac.FLAC(clone)
        broken["genre"] = genres
        del broken["title"]
        broken.save()

    def touches_the_audio(clone: Path, genres: list[str], **_: object) -> None:
        data = clone.read_bytes()
        clone.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    def forgets_to_write(clone: Path, genres: list[str], **_: object) -> None:
        pass

    for writer, complaint in (
        (loses_the_title, "more than the genre"),
        (touches_the_audio, "audio would have changed"),
        (forgets_to_write, "would have read"),
    ):
        monkeypatch.setattr(tags, "write_genres", writer)
        with pytest.raises(TagError, match=complaint):
            edited(path, ["Jazz"])


def test_errors_name_the_file_and_not_the_clone(tmp_path: Path) -> None:
    """What goes wrong with a clone is said of the file a person knows."""
    path = tmp_path / "song.mp3"
    path.write_bytes(b"nothing")
    with pytest.raises(TagError, match="genred knows no tags for this kind of file") as raised:
        edited(path, ["Jazz"])
    assert raised.value.path == path


def test_every_file_ever_seen(corpus: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Each file of the corpus is tagged with nothing else changed, or refused for a reason."""
    counts: Counter[str] = Counter()
    for path in sorted(p for p in (corpus / "tagfiles").rglob("*") if p.is_file()):
        clone = tmp_path / "clone"
        shutil.copyfile(path, clone)
        try:
            read_genres(path)
            for genres in (["Zeuhl", "Ænglish Fölk"], [], ["Jazz"]):
                edit_clone(path, clone, genres)
            counts["tagged"] += 1
            assert payload_hash(clone) == payload_hash(path)
            assert dump(clone)["kind"] == dump(path)["kind"]
        except FileError as error:
            counts[error.reason] += 1
    record_property("corpus", dict(counts))
    print(dict(counts))
    assert counts["tagged"] >= 200
    assert not any("more than the genre" in reason for reason in counts)
