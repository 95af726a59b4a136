"""A genre is a person's wherever in a file it stands: each place of each container, read, kept, written and undone."""

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from mutagen import File, apev2, asf, id3

from genred import genres
from genred.config import Config
from genred.errors import TagError, UndoConflict
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Query
from genred.tagging.tagger import Tagger
from genred.tagging.undo import undo_write
from genred.tags import read_genres, read_places
from genred.tags.payload import payload_hash
from tests import rawtags as raw
from tests.fakes import FakeAnalyser, decisions, sure
from tests.makeaudio import make, suffix
from tests.recipes import REPOSITORY

TITLE, GENRE = raw.id3_frame("TIT2", "Title"), raw.id3_frame("TCON", "Zydeco")


def in_front(*tags: bytes) -> Callable[[Path], None]:
    return lambda path: put(path, b"".join(tags) + path.read_bytes())


def behind(*tags: bytes) -> Callable[[Path], None]:
    return lambda path: put(path, path.read_bytes() + b"".join(tags))


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def chunks(*made: bytes) -> Callable[[Path], None]:
    return lambda path: raw.with_chunks(path, *made)


def user_data(*atoms: bytes) -> Callable[[Path], None]:
    return lambda path: raw.with_user_data(path, *atoms)


def items(*atoms: bytes) -> Callable[[Path], None]:
    return user_data(raw.item_list(*atoms))


def fields(**values: object) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        loaded = File(path)
        for name, value in values.items():
            loaded[name] = value
        loaded.save()

    return save


def attribute(name: str) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        loaded = asf.ASF(path)
        loaded[name] = ["Zydeco"]
        loaded.save()

    return save


def ape(path: Path) -> None:
    tag = apev2.APEv2()
    tag.update({"Title": "Title", "Genre": "Zydeco"})
    tag.save(path)


def second_link(path: Path) -> None:
    """A recording of a station: one Ogg stream behind the other."""
    first = path.read_bytes()
    other = make(path.with_name("other" + path.suffix), 0.3)
    loaded = File(other)
    loaded["genre"] = "Zydeco"
    loaded.save()
    put(path, first + other.read_bytes())
    other.unlink()


def user_text(major: int) -> bytes:
    return raw.id3_frame("TXX" if major == 2 else "TXXX", "Genre\0Zydeco", major)


MEAN, NAME = raw.atom(b"mean", bytes(4), b"com.apple.iTunes"), raw.atom(b"name", bytes(4), b"Genre")
XTRA = "Zydeco\0".encode("utf-16-le")
XTRA = (
    (26 + len(b"WM/Genre") + len(XTRA) - 8).to_bytes(4, "big")
    + (8).to_bytes(4, "big")
    + b"WM/Genre"
    + ((1).to_bytes(4, "big") + (6 + len(XTRA)).to_bytes(4, "big") + (8).to_bytes(2, "big") + XTRA)
)


class Case(NamedTuple):
    """A container, a place of it, how a genre gets there, what is read, and whether genred writes it there too."""

    kind: str
    place: str
    put: Callable[[Path], None]
    genre: str = "Zydeco"
    written: bool = True
    note: str = ""


CASES = (
    Case("mp3", "ID3v2 TCON", in_front(raw.id3v2(GENRE))),
    Case("mp3", "ID3v2 TCON", in_front(raw.id3v2(raw.id3_frame("TCO", "Zydeco", 2), major=2)), note="ID3v2.2"),
    Case("mp3", "ID3v2 TCON", in_front(raw.id3v2(raw.id3_frame("TCON", "Zydeco", 4), major=4)), note="ID3v2.4"),
    Case("mp3", "ID3v2 TXXX Genre", in_front(raw.id3v2(TITLE, user_text(3)))),
    Case("mp3", "ID3v2 TXXX Genre", in_front(raw.id3v2(user_text(2), major=2)), note="ID3v2.2"),
    Case("mp3", "ID3v2 TCON of another tag", in_front(raw.id3v2(TITLE), raw.id3v2(TITLE, GENRE))),
    Case("mp3", "ID3v2 TCON of a tag at the end", behind(raw.id3v2_at_the_end(raw.id3_frame("TCON", "Zydeco", 4)))),
    Case("mp3", "APEv2 Genre", behind(raw.apev2(Title="Title", Genre="Zydeco"))),
    Case("mp3", "APEv2 Genre", behind(raw.apev2(GENRE="Zydeco"), raw.id3v1(255)), note="in front of ID3v1"),
    Case("mp3", "APEv2 Genre", behind(raw.id3v1(255), raw.apev2(Genre="Zydeco")), note="behind ID3v1"),
    Case("mp3", "APEv2 Genre", in_front(raw.apev2(Title="Title", Genre="Zydeco")), note="in front"),
    Case("mp3", "ID3v1", behind(raw.id3v1(4)), "Disco"),
    Case("aac", "ID3v2 TCON", in_front(raw.id3v2(GENRE))),
    Case("aac", "APEv2 Genre", behind(raw.apev2(Genre="Zydeco"))),
    Case("aac", "ID3v1", behind(raw.id3v1(4)), "Disco"),
    Case("tta", "ID3v2 TCON", in_front(raw.id3v2(GENRE))),
    Case("tta", "APEv2 Genre", behind(raw.apev2(Genre="Zydeco"))),
    Case("tta", "ID3v1", behind(raw.id3v1(4)), "Disco"),
    Case("flac", "Vorbis comment GENRE", fields(GeNre="Zydeco")),
    Case("flac", "ID3v2 TCON", in_front(raw.id3v2(TITLE, GENRE))),
    Case("flac", "ID3v2 TCON of another tag", in_front(raw.id3v2(TITLE), raw.id3v2(GENRE))),
    Case("flac", "APEv2 Genre", behind(raw.apev2(Title="Title", Genre="Zydeco"))),
    Case("flac", "ID3v1", behind(raw.id3v1(4)), "Disco"),
    Case("ogg", "Vorbis comment GENRE", fields(GeNre="Zydeco")),
    Case("ogg", "Vorbis comment GENRE of another stream", second_link, written=False),
    Case("opus", "Vorbis comment GENRE", fields(GENRE="Zydeco")),
    Case("opus", "Vorbis comment GENRE of another stream", second_link, written=False),
    Case("m4a", "MP4 ©gen", items(raw.atom(b"\xa9gen", raw.mp4_value(b"Zydeco")))),
    Case("m4a", "MP4 ©gen", items(raw.atom(b"\xa9gen", raw.mp4_value("Zydeco".encode("utf-16-be"), 2))), note="UTF-16"),
    Case("m4a", "MP4 gnre", items(raw.atom(b"gnre", raw.mp4_value(b"\0\5", 0))), "Disco"),
    Case("m4a", "MP4 ----:com.apple.iTunes:Genre", items(raw.atom(b"----", MEAN, NAME, raw.mp4_value(b"Zydeco")))),
    Case("m4a", "QuickTime key genre", user_data(raw.keyed_list(title=b"T", genre=b"Zydeco")), written=False),
    Case("m4a", "QuickTime user data ©gen", user_data(raw.atom(b"\xa9gen", b"\0\6\x55\xc4Zydeco")), written=False),
    Case("m4a", "3GPP user data gnre", user_data(raw.atom(b"gnre", bytes(4), b"\x15\xc7Zydeco\0")), written=False),
    Case("m4a", "Windows Media Xtra WM/Genre", user_data(raw.atom(b"Xtra", XTRA)), written=False),
    Case("wma", "WM/Genre", attribute("WM/Genre")),
    Case("wma", "Genre", attribute("Genre")),
    Case("wma", "WM/GenreID", attribute("WM/GenreID")),
    Case("wav", "ID3v2 TCON", chunks(raw.chunk(b"id3 ", raw.id3v2(GENRE)))),
    Case("wav", "ID3v2 TCON of another chunk", chunks(*(raw.chunk(b"id3 ", raw.id3v2(x)) for x in (TITLE, GENRE)))),
    Case("wav", "INFO IGNR", chunks(raw.info(INAM="Title", IGNR="Zydeco"))),
    Case("wav", "INFO IGNR", chunks(raw.chunk(b"bext", bytes(602)), raw.info(IGNR="Zydeco")), note="BWF"),
    Case("aiff", "ID3v2 TCON", fields(TCON=id3.TCON(encoding=3, text="Zydeco"))),
    Case("wv", "APEv2 Genre", ape),
    Case("wv", "ID3v2 TCON", in_front(raw.id3v2(GENRE))),
    Case("wv", "ID3v1", behind(raw.id3v1(4)), "Disco"),
    Case("mka", "Matroska GENRE", lambda path: with_matroska_tag(path), written=False),
)


def with_matroska_tag(path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg to write Matroska tags")
    new = path.with_name("tagged.mka")
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-metadata", "genre=Zydeco", new], check=True)
    new.replace(path)


def rows() -> list[str]:
    """The table of docs/tags.md."""
    places = dict.fromkeys((case.kind, case.place, case.written) for case in CASES)
    lines = ["| format | place | read | written | taken back |", "|---|---|---|---|---|"]
    for kind, place, written in places:
        lines.append(f"| {kind} | {place} | yes | {'yes | to the byte' if written else 'refused | -'} |")
    return lines


def name(case: Case) -> str:
    return f"{case.kind}: {case.place}" + (f" ({case.note})" if case.note else "")


every = pytest.mark.parametrize("case", CASES, ids=name)
writable = pytest.mark.parametrize("case", [case for case in CASES if case.written], ids=name)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """One file of each kind, without any tag that a file can be without."""
    folder = tmp_path_factory.mktemp("bare")

    def made(kind: str) -> Path:
        path = make(folder / f"song{suffix(kind)}", 0.3, kind=kind)
        if kind == "mp3":
            id3.delete(path)
        return path

    return cache(made)


@pytest.fixture
def song(case: Case, bare: Callable[[str], Path], tmp_path: Path) -> Path:
    """A file whose genre stands in the place of the case, and nowhere else."""
    path = Path(shutil.copy(bare(case.kind), tmp_path / f"song{suffix(case.kind)}"))
    case.put(path)
    return path


@every
def test_a_persons_genre_is_read_wherever_it_stands_and_the_file_is_left(
    case: Case, song: Path, history: History
) -> None:
    """The default mode finds it, says so, and writes nothing."""
    content = song.read_bytes()
    assert {place.where: place.genres for place in read_places(song) if place.genres} == {case.place: (case.genre,)}
    assert read_genres(song) == [case.genre]
    (record,) = decisions(Tagger(Config(), history, FakeAnalyser({song.name: sure("Jazz")})).process([song]))
    assert (record.outcome, record.previous) == (Outcome.KEPT, (case.genre,))
    assert song.read_bytes() == content


@writable
def test_what_a_person_asks_for_is_in_every_place_and_comes_back_to_the_byte(
    case: Case, song: Path, history: History
) -> None:
    """`set` leaves no reader with the old genre, nothing else is touched, and `undo` restores every byte."""
    content, sound = song.read_bytes(), payload_hash(song)
    Tagger(Config(), history, FakeAnalyser()).set_genre(song, "Jazz")
    assert {genre for place in read_places(song) for genre in place.genres} == {"Jazz"}
    assert payload_hash(song) == sound
    (undo,) = Journal(history).undoable(Query())
    undo_write(history, undo, Config().tags)
    assert song.read_bytes() == content


@pytest.mark.parametrize("case", [case for case in CASES if not case.written], ids=name)
def test_where_genred_cannot_write_it_does_not_contradict(case: Case, song: Path, history: History) -> None:
    """A file that would say two things is refused with the reason, and untouched."""
    content = song.read_bytes()
    with pytest.raises(TagError, match=r"genred can't write there|doesn't write") as raised:
        Tagger(Config(), history, FakeAnalyser()).set_genre(song, "Jazz")
    assert song.read_bytes() == content
    assert raised.value.path == song


def test_an_item_list_of_keys_gets_no_item_of_another_kind(tmp_path: Path, history: History) -> None:
    """QuickTime's lists have numbers for names; an item of iTunes' kind among them is for no reader to understand."""
    song = make(tmp_path / "song.m4a", 0.3)
    raw.with_user_data(song, raw.keyed_list(title=b"T"))
    content = song.read_bytes()
    with pytest.raises(TagError, match="of QuickTime's keys, which genred reads and doesn't write"):
        Tagger(Config(), history, FakeAnalyser()).set_genre(song, "Jazz")
    assert song.read_bytes() == content


@every
def test_a_persons_later_word_stands_wherever_it_is_put(
    case: Case, bare: Callable[[str], Path], tmp_path: Path, history: History
) -> None:
    """After genred's tag a person's comes into another place: it is noticed, kept, and no undo deletes it."""
    song = Path(shutil.copy(bare(case.kind), tmp_path / f"song{suffix(case.kind)}"))
    analyser = FakeAnalyser({song.name: sure("Jazz")})
    tagger = Tagger(Config().with_changes("tags", mode="overwrite"), history, analyser)
    (written,) = decisions(tagger.process([song]))
    if case.kind == "mka":
        assert written.outcome is Outcome.FAILED
        return
    case.put(song)
    content = song.read_bytes()
    (record,) = decisions(tagger.process([song]))
    assert (record.outcome, record.reason[:31]) == (Outcome.KEPT, "genred wrote Jazz and a person ")
    assert case.genre in record.reason
    assert list(tagger.process([song])) == []
    (undo,) = Journal(history).undoable(Query())
    with pytest.raises(UndoConflict, match="since genred wrote it, so nothing is put back"):
        undo_write(history, undo, Config().tags, lambda: analyser)
    assert song.read_bytes() == content


def test_the_page_about_tags_has_every_place() -> None:
    """The table in the documents is the table of these tests."""
    page = (REPOSITORY / "docs/tags.md").read_text("utf-8").splitlines()
    assert [line for line in page if line in rows()] == rows()


def test_other_changes_stay_and_only_the_genre_goes_back(tmp_path: Path, history: History) -> None:
    """A title that was edited since stays, in every tag."""
    song = make(tmp_path / "song.wav", 0.3)
    raw.with_chunks(song, raw.info(INAM="Old"))
    analyser = FakeAnalyser({song.name: sure("Jazz")})
    list(Tagger(Config(), history, analyser).process([song]))
    song.write_bytes(song.read_bytes().replace(b"INAM\4\0\0\0Old\0", b"INAM\4\0\0\0New\0"))
    (undo,) = Journal(history).undoable(Query())
    record = undo_write(history, undo, Config().tags, lambda: analyser)
    assert record.outcome is Outcome.UNDONE
    assert read_genres(song) == []
    assert b"INAM\4\0\0\0New\0" in song.read_bytes()


@pytest.mark.parametrize(
    ("places", "shown"),
    [
        ((("a", ("Other",)), ("b", ("Zydeco",))), ("Zydeco",)),
        ((("a", ("Jazz",)), ("b", ("Unknown",))), ("Jazz",)),
        ((("a", ("Jazz",)), ("b", ("Zydeco",))), ("Jazz", "Zydeco")),
        ((("a", ("Hip Hop",)), ("ID3v1", ("Rap",))), ("Hip Hop",)),
        ((("a", ("Jazz; Blues",)), ("b", ("Jazz", "Blues"))), ("Jazz; Blues",)),
        ((("a", ()), ("b", ("Other",))), ("Other",)),
        ((), ()),
    ],
)
def test_places_that_disagree_are_told_together(
    places: tuple[tuple[str, tuple[str, ...]], ...], shown: tuple[str, ...]
) -> None:
    """A person's word goes before one that says nothing; what is only spelt otherwise is told once."""
    assert genres.said([genres.Place(*place) for place in places]) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(b"\0\0", []), (b"\0\x05", ["Disco"]), (b"\xff\xff", []), (b"\x05", ["Disco"]), (b"", [])]
)
def test_the_number_of_a_genre_in_mp4_counts_from_one(tmp_path: Path, number: bytes, shown: list[str]) -> None:
    """Zero is none, and not the last of the list."""
    song = make(tmp_path / "song.m4a", 0.3)
    raw.with_user_data(song, raw.item_list(raw.atom(b"gnre", raw.mp4_value(number, 0))))
    assert read_genres(song) == shown


@pytest.mark.parametrize("kind", ["flac", "ogg", "wv", "m4a", "wma", "wav"])
@pytest.mark.parametrize(("text", "shown"), [("(12)", []), ("(17)", ["Rock"]), ("(80s) Synth", ["(80s) Synth"])])
def test_a_number_in_brackets_is_the_genre_it_stands_for(
    tmp_path: Path, kind: str, text: str, shown: list[str]
) -> None:
    """Converters leave ID3's numbers in tags that have no numbers; number 12 is "Other", and counts as none."""
    song = make(tmp_path / f"song.{kind}", 0.3)
    fields_of = {"wv": ape_text, "m4a": mp4_text, "wma": asf_text, "wav": info_text}.get(kind, vorbis_text)
    fields_of(song, text)
    assert [genre for genre in read_genres(song) if not genres.is_generic(genre)] == shown


def vorbis_text(path: Path, text: str) -> None:
    fields(genre=text)(path)


def ape_text(path: Path, text: str) -> None:
    fields(Genre=text)(path)


def mp4_text(path: Path, text: str) -> None:
    items(raw.atom(b"\xa9gen", raw.mp4_value(text.encode())))(path)


def asf_text(path: Path, text: str) -> None:
    loaded = asf.ASF(path)
    loaded["WM/Genre"] = [text]
    loaded.save()


def info_text(path: Path, text: str) -> None:
    chunks(raw.info(IGNR=text))(path)
