"""Albums that are decided about as wholes: real files and tags, an ear that is told what to hear and pools it."""

import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import mutagen
import pytest

from genred import tags
from genred.config import Config
from genred.errors import DecodeError, FileError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.records import Outcome, Query, Record, Standing
from genred.model.evidence import Kind
from genred.model.prediction import Prediction
from genred.tagging.tagger import Heard, Tagger
from genred.tagging.undo import select, undo_write
from tests.command import Genred
from tests.fakes import SURE, UNSURE, AlbumEar, FakeAnalyser, decisions, hearing, sure
from tests.makeaudio import make


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    return folder


def song(folder: Path, number: int, **fields: str) -> Path:
    """Make a track that is told from others by its length; ``fields`` are written into its tags."""
    path = make(folder / f"{number:02}.flac", 0.1 + number / 50)
    if fields:
        tagged = mutagen.File(path)
        tagged.update(fields)
        tagged.save()
    return path


def ear(**hears: Prediction | FileError | str) -> AlbumEar:
    """Make an ear that hears genres by the numbers of tracks."""
    return AlbumEar({f"{name[1:]}.flac": sure(it) if isinstance(it, str) else it for name, it in hears.items()})


def tagger(history: History, ear: FakeAnalyser, **options: bool) -> Tagger:
    return Tagger(Config(), history, ear, **options)


def decide(history: History, ear: FakeAnalyser, *paths: Path) -> list[Record]:
    return decisions(tagger(history, ear).process(paths))


def genres(folder: Path) -> list[str]:
    return [", ".join(tags.read_genres(path)) for path in sorted(folder.rglob("*.flac"))]


# -- one album -------------------------------------------------------------------------------------------------------


def test_an_album_gets_one_genre(history: History, album: Path) -> None:
    """Also the track that alone would be another, and the one of which alone nobody is sure; the column says why."""
    paths = [song(album, number) for number in range(1, 5)]
    records = decide(history, ear(_01="Jazz", _02="Jazz", _03=sure("Blues", 0.6)), *paths)
    assert genres(album) == ["Jazz"] * 4
    assert {(it.outcome, it.evidence) for it in records} == {(Outcome.TAGGED, "album")}
    assert [it.evidence for it in history.records(Query())] == ["album"] * 4


def test_a_track_that_is_surely_something_else_is_that(history: History, album: Path) -> None:
    """The interview at the end of the record."""
    paths = [song(album, number) for number in range(1, 4)]
    decide(history, ear(_01="Jazz", _02="Jazz", _03=sure("Spoken", SURE)), *paths)
    assert genres(album) == ["Jazz", "Jazz", "Spoken"]


def test_two_albums_in_one_folder_are_two(history: History, album: Path) -> None:
    """And so are the albums of two folders."""
    one = [song(album, number, album="One", artist="A") for number in (1, 2, 3)]
    two = [song(album, number, album="Two", artist="A") for number in (4, 5)]
    (album / "more").mkdir()
    three = [song(album / "more", 6)]
    hears = ear(_01="Jazz", _02="Jazz", _04="Rock", _05="Rock", _06="Folk")
    decide(history, hears, *one, *two, *three)
    assert genres(album) == ["Jazz"] * 3 + ["Rock"] * 2 + ["Folk"]
    assert sorted(map(len, hears.judged)) == [1, 2, 3]


def test_the_discs_of_an_album_are_judged_together(history: History, album: Path) -> None:
    """They lie in folders of their own."""
    (album / "CD1").mkdir()
    (album / "CD2").mkdir()
    paths = [song(album / "CD1", 1), song(album / "CD1", 2), song(album / "CD2", 3)]
    decide(history, ear(_01="Jazz", _02="Jazz", _03=sure("Rock", 0.6)), *paths)
    assert genres(album) == ["Jazz"] * 3


def test_a_compilation_is_judged_artist_by_artist(history: History, album: Path) -> None:
    """What most of them play is not what all of them play."""
    artists = ["A", "A", "B", "C", "C"]
    paths = [song(album, n, album="Hits", artist=a, albumartist="Various Artists") for n, a in enumerate(artists, 1)]
    decide(history, ear(_01="Jazz", _02=UNSURE, _03="Rock", _04="Folk", _05="Folk"), *paths)
    assert genres(album) == ["Jazz", "Jazz", "Rock", "Folk", "Folk"]


def test_where_no_album_is_to_be_heard_each_track_is_heard_alone(history: History, album: Path) -> None:
    """`evidence.album = false`."""
    paths = [song(album, number) for number in (1, 2, 3)]
    alone = Config().with_changes("evidence", album=False)
    hears = ear(_01="Jazz", _02="Jazz", _03="Blues")
    list(Tagger(alone, history, hears).process(paths))
    assert genres(album) == ["Jazz", "Jazz", "Blues"]


# -- files that go their own way -------------------------------------------------------------------------------------


def test_a_twelfth_track_takes_the_word_of_the_other_eleven(history: History, album: Path) -> None:
    """They are the owner's: not heard, not touched, and written as they are spelt, though no model knows the word."""
    owned = [song(album, number, genre="Krautrock") for number in range(1, 12)]
    before = [path.read_bytes() for path in owned]
    hears = ear(_12="Rock")
    records = decide(history, hears, *owned, song(album, 12))
    assert (records[-1].written, records[-1].evidence) == (("Krautrock",), "mates")
    assert [record.outcome for record in records[:-1]] == [Outcome.KEPT] * 11
    assert hears.heard == ["12.flac"]
    assert [path.read_bytes() for path in owned] == before


def test_what_was_there_before_genred_speaks_too(history: History, album: Path) -> None:
    """Nobody looked into these files before, and nobody decides about them now."""
    owned = [song(album, number, genre="Krautrock") for number in range(1, 4)]
    history.files.note_backlog([(path, stamp_of(path)) for path in owned], backlog=True)
    (record,) = decide(history, ear(_04="Rock"), song(album, 4))
    assert record.written == ("Krautrock",)


def test_what_genred_wrote_never_speaks_for_itself(history: History, album: Path) -> None:
    """The owner's word is evidence; genred's own word is only what it heard."""
    decide(history, ear(_01="Jazz"), song(album, 1))
    hears = ear(_01="Jazz", _02=sure("Rock", 0.95), _03=sure("Rock", 0.95))
    records = decide(history, hears, song(album, 2), song(album, 3))
    assert {record.evidence for record in records} == {"album"}


@pytest.mark.parametrize("trouble", ["unreadable", "hard-linked", "read-only", "damaged"])
def test_one_file_that_cannot_be_tagged_keeps_no_mate_waiting(history: History, album: Path, trouble: str) -> None:
    """It costs itself only, and says why."""
    paths = [song(album, number) for number in (1, 2, 3)]
    hears = ear(_01="Jazz", _02="Jazz", _03="Jazz")
    match trouble:
        case "unreadable":
            paths[1].write_bytes(b"no music")
        case "hard-linked":
            (album.parent / "seeding.flac").hardlink_to(paths[1])
        case "read-only":
            paths[1].chmod(0o444)
        case "damaged":
            hears.hears["02.flac"] = DecodeError(paths[1], "damaged in the middle")
    records = {record.path: record.outcome for record in decide(history, hears, *paths)}
    assert (records[paths[0]], records[paths[2]]) == (Outcome.TAGGED, Outcome.TAGGED)
    assert records[paths[1]] in (Outcome.FAILED, Outcome.SKIPPED)


def between(history: History, hears: AlbumEar, paths: Sequence[Path], happen: Callable[[], object]) -> list[Record]:
    """Let something happen when all tracks are heard, and none is decided about."""
    records = []
    for news in tagger(history, hears).process(paths):
        if isinstance(news, Record):
            records.append(news)
        elif news.path == paths[-1]:
            happen()
    return records


def test_a_file_that_goes_between_hearing_and_deciding_is_not_missed(history: History, album: Path) -> None:
    """No record, no error, and the others are decided without it."""
    paths = [song(album, number) for number in (1, 2, 3)]
    records = between(history, ear(_01="Rock", _02="Jazz", _03="Jazz"), paths, paths[0].unlink)
    assert [record.path for record in records] == paths[1:]


def test_a_file_that_changes_between_hearing_and_deciding_is_heard_anew(history: History, album: Path) -> None:
    """What was heard isn't what is there: it speaks for no mate, and the next pass looks at it."""
    paths = [song(album, number) for number in (1, 2, 3)]
    other = make(album.parent / "other.flac", 0.5).read_bytes()
    hears = ear(_01=sure("Rock", 0.95), _02=sure("Rock", 0.95), _03="Jazz")

    def replace_two() -> None:
        for path in paths[:2]:
            path.write_bytes(other)

    records = {record.path.name: record for record in between(history, hears, paths, replace_two)}
    assert records["03.flac"].written == ("Jazz",)
    assert records["01.flac"].reason == "it changed while it was being analysed"
    hears.heard.clear()
    decide(history, hears, *paths)
    assert hears.heard == ["01.flac", "02.flac"]


def test_a_person_who_decides_between_hearing_and_deciding_is_not_overruled(history: History, album: Path) -> None:
    """Whether their genre is written, or was there and is confirmed."""
    paths = [song(album, number) for number in (1, 2)]
    tags.write_genres(paths[1], ["Unknown"])

    def decide_for_oneself() -> None:
        for path, genre in zip(paths, ("Polka", "Unknown"), strict=True):
            tagger(history, AlbumEar()).set_genre(path, genre)

    assert between(history, ear(_01="Jazz", _02="Jazz"), paths, decide_for_oneself) == []
    assert genres(album) == ["Polka", "Unknown"]


def test_new_permissions_between_hearing_and_deciding_are_no_change(history: History, album: Path) -> None:
    """The program that brought the album tidies up after itself."""
    paths = [song(album, number) for number in (1, 2)]
    records = between(history, ear(_01="Jazz", _02="Jazz"), paths, lambda: paths[0].chmod(0o640))
    assert [record.outcome for record in records] == [Outcome.TAGGED, Outcome.TAGGED]


def test_an_album_that_is_moved_between_hearing_and_deciding_is_not_heard_again(history: History, album: Path) -> None:
    """Where it is found again it is decided about, by what was heard."""
    paths = [song(album, number) for number in (1, 2)]
    moved = album.with_name("moved")
    hears = ear(_01="Jazz", _02="Jazz")
    assert between(history, hears, paths, lambda: album.rename(moved)) == []
    hears.heard.clear()
    records = decide(history, hears, *sorted(moved.iterdir()))
    assert ([record.outcome for record in records], hears.heard) == ([Outcome.TAGGED] * 2, [])
    assert genres(moved) == ["Jazz", "Jazz"]


# -- late tracks -----------------------------------------------------------------------------------------------------


def test_an_answer_that_came_too_early_is_corrected(history: History, album: Path) -> None:
    """By name of the answer that it replaces; the album is one again."""
    (early,) = decide(history, ear(_01=sure("Blues", 0.6)), song(album, 1))
    hears = ear(_01=sure("Blues", 0.6), _02="Jazz", _03="Jazz")
    records = decide(history, hears, song(album, 2), song(album, 3))
    assert genres(album) == ["Jazz"] * 3
    assert [(it.path.name, it.previous, it.corrects) for it in records] == [
        ("01.flac", ("Blues",), early.id),
        ("02.flac", (), None),
        ("03.flac", (), None),
    ]
    assert hears.heard == ["02.flac", "03.flac"]


def test_a_track_that_was_left_without_an_answer_gets_that_of_its_album(history: History, album: Path) -> None:
    """That is a first answer and no correction: it may be corrected still."""
    decide(history, ear(), song(album, 1))
    records = decide(history, ear(_02="Jazz"), song(album, 2))
    assert (genres(album), [record.corrects for record in records]) == (["Jazz"] * 2, [None, None])
    hears = ear(_01=sure("Rock", 0.98), _02=sure("Rock", 0.98), _03=sure("Rock", 0.98))
    decide(history, hears, song(album, 3))
    assert genres(album) == ["Rock"] * 3


def test_an_album_is_corrected_once_and_not_by_each_late_track(history: History, album: Path) -> None:
    """What comes after that goes with it, whatever the album sounds like by then."""
    hears = ear(_01=sure("Blues", 0.6))
    decide(history, hears, song(album, 1))
    hears.hears["02.flac"] = sure("Jazz", 0.9)
    decide(history, hears, song(album, 2))
    assert genres(album) == ["Jazz", "Jazz"]
    written = [path.read_bytes() for path in sorted(album.iterdir())]
    for number in range(3, 8):
        hears.hears[f"{number:02}.flac"] = sure("Blues" if number % 2 else "Rock", 0.9)
        (record,) = decide(history, hears, song(album, number))
        assert (record.written, record.corrects) == (("Jazz",), None)
    assert [path.read_bytes() for path in sorted(album.iterdir())][:2] == written
    assert "goes with its album" in record.reason


def test_a_correction_of_what_a_person_touched_is_none(history: History, album: Path) -> None:
    """Their genre, their undo, and a file that anybody changed since stay as they are."""
    paths = [song(album, number) for number in (1, 2, 3, 4)]
    hears = ear(**{f"_0{number}": sure("Blues", 0.6) for number in (1, 2, 3, 4)})
    decide(history, hears, *paths)
    tagger(history, hears).set_genre(paths[0], "Polka")
    (undo,), _ = select(history, [Query(path=paths[1])])
    undo_write(history, undo, Config().tags)
    edited = mutagen.File(paths[2])
    edited["title"] = "Theirs"
    edited.save()
    before = [path.read_bytes() for path in paths]
    late = AlbumEar({f"{number:02}.flac": sure("Jazz", 0.98) for number in range(1, 6)})
    late._said = lambda heard, owner, genre, tracks: replace(heard, evidence=Kind.ALBUM)  # type: ignore[method-assign]  # another answer for this test
    decide(history, late, song(album, 5))
    assert [path.read_bytes() for path in paths][:3] == before[:3]
    assert genres(album)[3:] == ["Jazz", "Jazz"]


def test_doubt_corrects_nothing(history: History, album: Path) -> None:
    """A genre gives way only to another genre."""
    decide(history, ear(_01="Jazz"), song(album, 1))
    hears = ear()
    hears._said = lambda heard, owner, genre, tracks: UNSURE  # type: ignore[method-assign]  # another answer for this test
    (record,) = decide(history, hears, song(album, 2))
    assert (record.outcome, genres(album)) == (Outcome.ABSTAINED, ["Jazz", ""])


def test_the_owners_word_that_comes_late_corrects_too(history: History, album: Path) -> None:
    """Eleven of theirs arrive beside the one that genred answered; nothing of them is heard."""
    decide(history, ear(_01="Rock"), song(album, 1))
    hears = ear(_01="Rock")
    decide(history, hears, *(song(album, number, genre="Krautrock") for number in range(2, 13)))
    assert (genres(album), hears.heard) == (["Krautrock"] * 12, [])


def test_the_owners_words_correct_once_too(history: History, album: Path) -> None:
    """Tracks of theirs that say something else later move nothing more; only `redecide` does."""
    decide(history, ear(_01="Rock"), song(album, 1))
    hears = ear(_01="Rock")
    decide(history, hears, *(song(album, number, genre="Krautrock") for number in (2, 3, 4)))
    records = decide(history, hears, *(song(album, number, genre="Polka") for number in range(5, 12)))
    assert {record.outcome for record in records} == {Outcome.KEPT}
    assert genres(album) == ["Krautrock"] * 4 + ["Polka"] * 7


def test_a_correction_that_cannot_be_written_costs_nothing(history: History, album: Path) -> None:
    """The late track is decided about, and what stands in the history is what is in the file."""
    first = song(album, 1)
    decide(history, ear(_01=sure("Blues", 0.6)), first)
    first.chmod(0o444)
    (record,) = decide(history, ear(_01=sure("Blues", 0.6), _02="Jazz"), song(album, 2))
    known = history.files.known(first)
    assert (record.path.name, genres(album)) == ("02.flac", ["Blues", "Jazz"])
    assert known is not None
    assert (known.genres, known.standing) == (("Blues",), Standing.DONE)


def test_an_album_that_arrives_twice_is_decided_once(history: History, album: Path) -> None:
    """The second copy is heard, for it may be anything; it is an album of its own folder."""
    hears = ear(_01="Jazz", _02="Jazz")
    decide(history, hears, song(album, 1), song(album, 2))
    assert decide(history, hears, *sorted(album.iterdir())) == []
    copy = Path(shutil.copytree(album, album.with_name("copy")))
    records = decide(history, hears, *sorted(copy.iterdir()))
    assert [(record.outcome, record.carries is not None) for record in records] == [(Outcome.KEPT, True)] * 2


# -- cut short -------------------------------------------------------------------------------------------------------


def pieces(count: int, seed: int) -> Iterator[int]:
    """Return after how many yields of a tagger it is closed, again and again."""
    chance = random.Random(seed)
    while True:
        yield chance.randint(1, count)


@pytest.mark.parametrize("seed", range(4))
def test_closing_it_anywhere_loses_nothing_and_hears_nothing_twice(history: History, album: Path, seed: int) -> None:
    """Stop in the middle, reload in the middle: the next start goes on, and the album is one."""
    hears = ear(_01=sure("Blues", 0.6), **{f"_{number:02}": "Jazz" for number in range(2, 9)})
    decide(history, hears, song(album, 1))
    paths = [song(album, number) for number in range(2, 9)]
    for after in pieces(14, seed):
        news = tagger(history, hears).process([path for path, _ in unknown(history, paths)])
        count = len(list(islice(news, after)))
        news.close()  # type: ignore[attr-defined]  # it is a generator
        if not count:
            break
    assert genres(album) == ["Jazz"] * 8
    assert sorted(hears.heard) == [f"{number:02}.flac" for number in range(1, 9)]
    assert len(list(history.records(Query(outcomes=(Outcome.TAGGED,))))) == 9


def unknown(history: History, paths: Iterable[Path]) -> list[tuple[Path, object]]:
    return list(history.files.unknown((path, stamp_of(path)) for path in paths))


def test_what_was_heard_of_the_backlog_is_still_backlog(history: History, album: Path) -> None:
    """A scan that is interrupted hands nothing over to the service; the next scan hears nothing twice."""
    paths = [song(album, number) for number in (1, 2, 3)]
    history.files.note_backlog([(path, stamp_of(path)) for path in paths], backlog=True)
    hears = ear(_01="Jazz", _02="Jazz", _03="Jazz")
    scan = tagger(history, hears, backlog=True).process(paths)
    assert [type(next(scan)) for _ in range(2)] == [Heard, Heard]
    scan.close()  # type: ignore[attr-defined]  # it is a generator
    assert decide(history, hears, *paths) == []
    records = decisions(tagger(history, hears, backlog=True).process(paths))
    assert [record.outcome for record in records] == [Outcome.TAGGED] * 3
    assert sorted(hears.heard) == ["01.flac", "02.flac", "03.flac"]


def test_what_is_undecided_becomes_backlog_where_backlog_is_left_alone(history: History, album: Path) -> None:
    """A scan was interrupted, and then `genred run` is started for the first time."""
    paths = [song(album, number) for number in (1, 2)]
    scan = tagger(history, ear(_01="Jazz", _02="Jazz")).process(paths)
    next(scan)
    scan.close()  # type: ignore[attr-defined]  # it is a generator
    assert history.files.note_backlog([(path, stamp_of(path)) for path in paths], backlog=True) == 1
    assert unknown(history, paths) == []


def test_hundreds_of_tracks_are_heard_in_parts_and_are_one_album(
    history: History, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more are in hand at once than memory allows; the later parts join the first."""
    monkeypatch.setattr("genred.tagging.tagger.AT_ONCE", 4)
    paths = [song(album, number) for number in range(1, 11)]
    hears = ear(**{f"_{number:02}": "Jazz" for number in range(1, 11)})
    decide(history, hears, *paths)
    assert genres(album) == ["Jazz"] * 10
    assert [len(judged) for judged in hears.judged] == [4, 8, 10]


def test_a_rehearsal_decides_by_album_and_leaves_no_trace(history: History, album: Path) -> None:
    """The owner's genres in the folder count, though they are recorded nowhere."""
    paths = [*(song(album, number, genre="Krautrock") for number in (1, 2)), song(album, 3)]
    before = [path.read_bytes() for path in paths]
    records = decisions(tagger(history, ear(_03="Rock"), dry_run=True).process(paths))
    assert (records[-1].written, records[-1].id) == (("Krautrock",), None)
    assert [path.read_bytes() for path in paths] == before
    assert (list(history.records(Query())), history.files.count_known()) == ([], 0)


# -- what was heard before -------------------------------------------------------------------------------------------


def test_tags_are_read_before_anything_is_heard(history: History, album: Path) -> None:
    """In a scan: what the tags decide is decided, all else waits with its labels known."""
    paths = [song(album, 1, genre="Krautrock", album="One", artist="Can"), song(album, 2, album="One", artist="Can")]
    hears = ear(_02="Rock")
    news = list(tagger(history, hears).read_tags(paths))
    assert ([each and each.outcome for each in news], hears.heard) == ([None, None, Outcome.KEPT], [])
    known = history.library.of(paths)
    assert [(track.labels and track.labels.album, track.standing) for track in known] == [
        ("One", Standing.DONE),
        ("One", Standing.UNDECIDED),
    ]
    assert [record.written for record in decide(history, hears, *paths)] == [("Krautrock",)]


def test_deciding_anew_is_by_album_too(history: History, album: Path) -> None:
    """Of tracks that were heard alone long ago, without a look at the audio, as often as a person asks."""
    alone = Config().with_changes("evidence", album=False)
    paths = [song(album, number) for number in (1, 2, 3)]
    hears = ear(_01="Jazz", _02="Jazz", _03=sure("Blues", 0.6))
    list(Tagger(alone, history, hears).process(paths))
    assert genres(album) == ["Jazz", "Jazz", "Blues"]
    model = replace(hearing("Jazz"), judge=hears.judge)
    hears.heard.clear()
    assert [record.path.name for record in tagger(history, hears).redecide(model)] == ["03.flac"]
    assert (genres(album), hears.heard) == (["Jazz"] * 3, [])
    assert list(tagger(history, hears).redecide(model)) == []
    assert len(list(tagger(history, hears).redecide(hearing("Folk"), album / "01.flac"))) == 1
    assert genres(album) == ["Folk", "Jazz", "Jazz"]


def test_an_album_is_taken_back_in_one_word(home: Path, genred: Genred, album: Path) -> None:
    """To the byte, with what it was corrected from, though one track was answered before the others came."""
    history = History.open(home / "state" / "genred" / "history.db")
    history.start_run("scan", "0")
    before: dict[Path, bytes] = {}
    hears = ear(_01=sure("Blues", 0.6), _02="Jazz", _03="Jazz")
    for numbers in ([1], [2, 3]):
        paths = [song(album, number) for number in numbers]
        before |= {path: path.read_bytes() for path in paths}
        decide(history, hears, *paths)
    assert genres(album) == ["Jazz"] * 3
    history.close()
    code, out, _ = genred("undo", album)
    assert (code, len(out.splitlines())) == (0, 4)
    assert {path: path.read_bytes() for path in before} == before
    assert len(os.listdir(album)) == 3


def test_the_word_of_another_disc_counts(history: History, album: Path) -> None:
    """What was there before genred is read in the folders of all discs."""
    (album / "CD1").mkdir()
    (album / "CD2").mkdir()
    owned = [song(album / "CD1", number, genre="Krautrock") for number in (1, 2)]
    history.files.note_backlog([(path, stamp_of(path)) for path in owned], backlog=True)
    (record,) = decide(history, ear(_03="Rock"), song(album / "CD2", 3))
    assert (record.written, record.evidence) == (("Krautrock",), "mates")
