"""Artist, album artist, album and the flag of a compilation, as every kind of tag names them."""

import struct
from pathlib import Path

import mutagen
import mutagen.apev2
import mutagen.id3
import mutagen.mp3
import pytest

from genred import tags
from genred.names import Labels
from tests.makeaudio import KINDS, make, suffix

TOLD = Labels("Ann", "The Anns", "First", compilation=True)


def labels(path: Path) -> Labels:
    return tags.read(path)[1]


def frames() -> list[mutagen.id3.Frame]:
    texts = (("TPE1", "Ann"), ("TPE2", "The Anns"), ("TALB", "First"), ("TCMP", "1"))
    return [getattr(mutagen.id3, name)(encoding=3, text=[text]) for name, text in texts]


def label(path: Path) -> None:
    """Write the labels as any tagger does."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    match type(file.tags).__name__:
        case "ID3" | "_WaveID3" | "_IFFID3":
            for frame in frames():
                file.tags.add(frame)
        case "MP4Tags":
            file.tags.update({"\xa9ART": ["Ann"], "aART": ["The Anns"], "\xa9alb": ["First"], "cpil": True})
        case "ASFTags":
            asf = {"Author": "Ann", "WM/AlbumArtist": "The Anns", "WM/AlbumTitle": "First", "WM/IsCompilation": True}
            for name, value in asf.items():
                file.tags[name] = [value]
        case "APEv2":
            ape = {"Artist": "Ann", "Album Artist": "The Anns", "Album": "First", "Compilation": "1"}
            for name, value in ape.items():
                file.tags[name] = value
        case _:
            vorbis = {"artist": "Ann", "albumartist": "The Anns", "album": "First", "compilation": "1"}
            for name, value in vorbis.items():
                file.tags[name] = [value]
    file.save()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("aac", "mka")])
def test_the_labels_are_read_from_every_kind_of_tag(tmp_path: Path, kind: str) -> None:
    """As any tagger writes them; without one there are none."""
    song = make(tmp_path / f"song{suffix(kind)}", 0.2, kind=kind)
    assert labels(song) == Labels()
    label(song)
    assert labels(song) == TOLD


def test_labels_are_read_from_bare_frames_and_where_genred_only_reads(tmp_path: Path) -> None:
    """Raw AAC has its tag in front; Matroska is read and not written to."""
    bare = make(tmp_path / "song.aac", 0.2)
    tag = mutagen.id3.ID3()
    for frame in frames():
        tag.add(frame)
    tag.save(bare)
    assert labels(bare) == TOLD
    assert labels(make(tmp_path / "song.mka", 0.2)) == Labels()


def test_what_the_first_tag_lacks_the_next_one_names(tmp_path: Path) -> None:
    """An MP3 file may have three tags, of which players read one or another."""
    song = make(tmp_path / "song.mp3", 0.2)
    tag = mutagen.id3.ID3()
    tag.add(mutagen.id3.TPE1(encoding=3, text=["Ann"]))
    tag.save(song, v1=0)
    ape = mutagen.apev2.APEv2()
    ape["Artist"], ape["Album"], ape["Album Artist"] = "Nobody", "First", "The Anns"
    ape.save(song)
    assert labels(song) == Labels("Ann", "The Anns", "First")


def test_an_old_tag_of_fixed_width_names_artist_and_album(tmp_path: Path) -> None:
    """ID3v1 is all that many a ripper of the nineties wrote."""
    song = make(tmp_path / "song.mp3", 0.2)
    mutagen.id3.ID3(song).delete(song)
    with open(song, "ab") as file:
        file.write(struct.pack("3s30s30s30s4s30sB", b"TAG", b"Song", b"Ann", b"First", b"1999", b"", 255))
    assert labels(song) == Labels("Ann", "", "First")


def test_of_several_artists_the_first_is_named_and_empty_ones_are_none(tmp_path: Path) -> None:
    """And a name as long as a book is cut."""
    song = make(tmp_path / "song.flac", 0.2)
    file = mutagen.File(song)
    file.tags["artist"] = ["  ", "Ann", "Bob"]
    file.tags["album"] = ["x" * 5000]
    file.tags["compilation"] = ["0"]
    file.save()
    assert labels(song) == Labels("Ann", "", "x" * 300)


def test_a_field_of_bytes_names_nobody(tmp_path: Path) -> None:
    """An APEv2 item may hold a picture under any name."""
    song = make(tmp_path / "song.wv", 0.2)
    ape = mutagen.apev2.APEv2()
    ape["Artist"] = mutagen.apev2.APEValue(b"\xff\xd8\xff", mutagen.apev2.BINARY)
    ape["Album"] = "First"
    ape.save(song)
    assert labels(song) == Labels("", "", "First")


def test_the_info_of_a_wave_file_names_artist_and_product(tmp_path: Path) -> None:
    """Windows and Audacity write these, and no ID3 tag."""
    song = make(tmp_path / "song.wav", 0.2)
    items = b"".join(name + struct.pack("<I", 4) + text for name, text in ((b"IART", b"Ann\0"), (b"IPRD", b"One\0")))
    chunk = b"LIST" + struct.pack("<I", len(items) + 4) + b"INFO" + items
    data = song.read_bytes() + chunk
    song.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    assert labels(song) == Labels("Ann", "", "One")


def test_tags_are_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a library takes as long as parsing does."""
    song = make(tmp_path / "song.mp3", 0.2)
    label(song)
    parsed: list[object] = []

    class Counted(mutagen.id3.ID3):
        def load(self, *args: object, **kwargs: object) -> None:
            parsed.append(args)
            super().load(*args, **kwargs)

    monkeypatch.setattr("genred.tags.places.id3.ID3", Counted)
    assert labels(song) == TOLD
    assert len(parsed) == 1
