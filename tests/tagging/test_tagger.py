import errno
import os
import shutil
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from genred import tags
from genred.analysis.pool import WorkerLostError
from genred.config import Config
from genred.errors import DecodeError, FileError, UndoConflict
from genred.fs.files import stamp_of
from genred.genres import Vocabulary
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Author, Outcome, Query, Record
from genred.model.prediction import Prediction
from genred.saving import kernel
from genred.tagging.judging import Ear
from genred.tagging.policy import Policy
from genred.tagging.tagger import Tagger
from genred.tagging.undo import select, undo_write
from tests.fakes import UNSURE, FakeAnalyser, decisions, sure
from tests.makeaudio import make


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return make(tmp_path / "song.flac", 0.2)


def process(
    history: History, path: Path, hears: Prediction | FileError = UNSURE, config: Config | None = None
) -> list[Record]:
    return decided(Tagger(config or Config(), history, FakeAnalyser({path.name: hears})), path)


def decided(tagger: Tagger, *paths: Path) -> list[Record]:
    """Return the decisions about files."""
    return decisions(tagger.process(paths))


def with_tags(**values: object) -> Config:
    return Config().with_changes("tags", **values)


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def policy(mode: str, max_genres: int = 1, **words: object) -> Policy:
    return Policy(mode, max_genres, Vocabulary(**words))  # type: ignore[arg-type]  # the words of the test


@pytest.mark.parametrize(
    ("mode", "there", "hears", "outcome", "written"),
    [
        ("keep", [], sure("Rock"), Outcome.TAGGED, ("Rock",)),
        ("keep", ["Unknown"], sure("Rock"), Outcome.TAGGED, ("Rock",)),
        ("keep", ["Polka"], sure("Rock"), Outcome.KEPT, ()),
        ("keep", ["Other", "Polka"], sure("Rock"), Outcome.KEPT, ()),
        ("keep", [], UNSURE, Outcome.ABSTAINED, ()),
        ("overwrite", ["Polka"], sure("Rock"), Outcome.TAGGED, ("Rock",)),
        ("overwrite", ["Rock"], sure("Rock"), Outcome.KEPT, ()),
        ("overwrite", ["Polka"], UNSURE, Outcome.ABSTAINED, ()),
        ("off", [], sure("Rock"), Outcome.KEPT, ()),
        ("merge", [], sure("Rock"), Outcome.TAGGED, ("Rock",)),
        ("merge", ["Polka"], sure("Rock"), Outcome.KEPT, ()),
    ],
)
def test_the_mode_says_what_becomes_of_a_genre(
    mode: str, there: list[str], hears: Prediction, outcome: Outcome, written: tuple[str, ...]
) -> None:
    """keep fills what is missing, overwrite replaces, off only records, and none writes where it isn't sure."""
    decision = policy(mode).decide(there, hears)
    assert (decision.outcome, decision.written) == (outcome, written)


def test_merging_adds_up_to_the_number_allowed_and_says_nothing_twice() -> None:
    """What a person wrote stays in front."""
    merging = policy("merge", 2)
    assert merging.decide(["Polka"], sure("Rock")).written == ("Polka", "Rock")
    assert merging.decide(["rock music"], sure("Rock")).outcome is Outcome.KEPT
    assert merging.decide(["Polka", "Waltz"], sure("Rock")).outcome is Outcome.KEPT


def test_the_users_words_are_what_is_written() -> None:
    """Spelling and whitelist have the last word."""
    assert policy("keep", spelling={"hip hop": "Rap"}).decide([], sure("Hip-Hop")).written == ("Rap",)
    refused = policy("keep", whitelist=["Jazz"]).decide([], sure("Rock"))
    assert (refused.outcome, refused.reason) == (Outcome.ABSTAINED, "Rock is not in genres.whitelist")


def test_a_file_without_a_genre_gets_one(history: History, song: Path) -> None:
    """The genre is in the file, and the record says what was there and what is now."""
    (record,) = process(history, song, sure("Jazz"))
    assert (record.outcome, record.previous, record.written, record.model) == (Outcome.TAGGED, (), ("Jazz",), "fake")
    assert tags.read_genres(song) == ["Jazz"]
    assert [r.id for r in history.records(Query())] == [record.id]


def test_a_persons_genre_is_left_unheard_and_byte_identical(history: History, song: Path) -> None:
    """The careful default."""
    tags.write_genres(song, ["Polka"])
    before = digest(song)
    analyser = FakeAnalyser({song.name: sure("Jazz")})
    (record,) = decided(Tagger(Config(), history, analyser), song)
    assert (record.outcome, record.previous, analyser.heard) == (Outcome.KEPT, ("Polka",), [])
    assert digest(song) == before


def test_its_own_write_causes_no_second_look(history: History, song: Path) -> None:
    """The file carries the stamp that the history holds."""
    process(history, song, sure("Jazz"))
    assert process(history, song, sure("Rock")) == []


@pytest.mark.parametrize(
    "hears", [UNSURE, DecodeError(Path("x"), "damaged"), WorkerLostError(Path("x"), "reading it crashed the reader")]
)
def test_a_decision_stands_until_the_file_changes(history: History, song: Path, hears: Prediction | FileError) -> None:
    """Neither doubt nor damage is looked into again and again, nor what two workers were lost on."""
    assert len(process(history, song, hears)) == 1
    assert process(history, song, hears) == []
    with song.open("ab") as file:
        file.write(b"more")
    assert len(process(history, song, hears)) == 1


def test_what_failed_in_passing_is_tried_again(history: History, song: Path) -> None:
    """No space left today isn't for ever."""
    (record,) = process(history, song, FileError(song, "no space left", transient=True))
    assert record.outcome is Outcome.FAILED
    (record,) = process(history, song, sure("Jazz"))
    assert record.outcome is Outcome.TAGGED


def test_a_hard_linked_file_is_skipped_with_the_reason(history: History, song: Path) -> None:
    """Tagging must not break seeding."""
    os.link(song, song.with_name("seeding.flac"))
    before = digest(song)
    (record,) = process(history, song, sure("Jazz"))
    assert (record.outcome, record.written) == (Outcome.SKIPPED, ())
    assert "hard link" in record.reason
    assert digest(song) == before


@pytest.mark.parametrize("by", ["a hard link", "its mode"])
def test_what_a_file_was_skipped_for_is_noticed_when_it_is_gone(history: History, song: Path, by: str) -> None:
    """The torrent is removed, the file made writable: it is tagged then, and not listened to again before."""
    seeding = song.with_name("seeding.flac")
    seeding.hardlink_to(song) if by == "a hard link" else song.chmod(0o444)
    analyser = FakeAnalyser({song.name: sure("Jazz")})
    tagger = Tagger(Config(), history, analyser)
    assert [r.outcome for r in decided(tagger, song)] == [Outcome.SKIPPED]
    assert list(history.files.unknown([(song, stamp_of(song))])) != []
    assert decided(tagger, song) == []
    assert analyser.heard == [song.name]
    seeding.unlink() if by == "a hard link" else song.chmod(0o644)
    assert [r.outcome for r in decided(tagger, song)] == [Outcome.TAGGED]
    assert list(history.files.unknown([(song, stamp_of(song))])) == []


@pytest.mark.parametrize("order", [1, -1])
def test_names_passed_on_from_file_to_file_carry_nothing_over(history: History, song: Path, order: int) -> None:
    """Tracks are renumbered: what genred wrote, what a person took back and what was there before stay by the file."""
    inbox = song.with_name("inbox")  # where no file is the mate of another
    inbox.mkdir()
    first, second, third, fourth = (inbox / f"{number}.flac" for number in range(1, 5))
    for number, path in enumerate((first, second, third)):
        make(path, 0.2 + number / 10)
    history_of_third = stamp_of(third)
    process(history, first, sure("Jazz"))
    process(history, second, sure("Rock"))
    (undo,) = Journal(history).undoable(Query(path=second))
    undo_write(history, undo, Config().tags)
    history.files.note_backlog([(third, history_of_third)], backlog=True)
    third.rename(fourth)
    second.rename(third)
    first.rename(second)
    make(first, 0.6)

    analyser = FakeAnalyser(dict.fromkeys((p.name for p in (first, second, third, fourth)), sure("Metal")))
    records = decided(Tagger(Config(), history, analyser), *[first, second, third, fourth][::order])

    assert [(r.path, r.outcome) for r in records] == [(first, Outcome.TAGGED)]
    assert [tags.read_genres(path) for path in (second, third, fourth)] == [["Jazz"], [], []]
    assert history.files.genres_written(second) == ("Jazz",)


def test_the_backlog_is_left_alone_while_it_is_the_same_file(history: History, song: Path) -> None:
    """Even when somebody edits its tags or changes its mode; a new file of that name is new."""
    history.files.note_backlog([(song, stamp_of(song))], backlog=True)
    song.chmod(0o600)
    tags.write_genres(song, ["Other"])
    assert process(history, song, sure("Jazz")) == []
    make(song.with_name("new.flac"), 0.3).replace(song)
    assert [r.outcome for r in process(history, song, sure("Jazz"))] == [Outcome.TAGGED]


def test_a_scan_looks_at_the_backlog(history: History, song: Path) -> None:
    """It is how a person asks for that."""
    history.files.note_backlog([(song, stamp_of(song))], backlog=True)
    tagger = Tagger(Config(), history, FakeAnalyser({song.name: sure("Jazz")}), backlog=True)
    assert [r.outcome for r in decided(tagger, song)] == [Outcome.TAGGED]


def test_a_renamed_file_keeps_its_decision(history: History, song: Path) -> None:
    """Moving an album about costs no analysis."""
    process(history, song, sure("Jazz"))
    moved = song.rename(song.with_name("moved.flac"))
    assert process(history, moved, sure("Rock")) == []
    assert history.files.known(moved) is not None


@pytest.mark.parametrize("decision", ["its own", "taken back", "backlog"])
def test_a_file_moved_to_another_disk_keeps_its_decision(
    history: History, song: Path, tmp_path: Path, decision: str
) -> None:
    """`mv` makes a new file there, with the old one's name, size and time of modification."""
    if decision == "backlog":
        history.files.note_backlog([(song, stamp_of(song))], backlog=True)
    else:
        process(history, song, sure("Jazz"))
    if decision == "taken back":
        (undo,) = Journal(history).undoable(Query(path=song))
        undo_write(history, undo, Config().tags)
    (tmp_path / "disk").mkdir()
    copy = Path(shutil.copy2(song, tmp_path / "disk" / song.name))
    song.unlink()
    assert process(history, copy, sure("Rock")) == []
    assert tags.read_genres(copy) == (["Jazz"] if decision == "its own" else [])
    assert history.files.known(song) is None


def test_a_changed_mode_or_owner_is_no_new_file(history: History, song: Path) -> None:
    """chmod -R over a library doesn't analyse it anew."""
    process(history, song, UNSURE)
    song.chmod(0o600)
    assert process(history, song, sure("Rock")) == []


@pytest.mark.parametrize("theirs", [["Polka"], []])
def test_a_persons_change_of_what_genred_wrote_stands(history: History, song: Path, theirs: list[str]) -> None:
    """Changed or removed, it is recorded once and never touched again, whatever the mode."""
    process(history, song, sure("Jazz"))
    tags.write_genres(song, theirs)
    (record,) = process(history, song, sure("Jazz"), with_tags(mode="overwrite"))
    assert record.outcome is Outcome.KEPT
    assert record.reason.startswith("genred wrote Jazz and a person")
    assert record.corrects == 1
    song.write_bytes(make(song.with_name("x.flac"), 0.3).read_bytes())
    assert process(history, song, sure("Jazz"), with_tags(mode="overwrite")) == []


def test_another_piece_under_a_name_that_was_used_is_no_persons_change(history: History, song: Path) -> None:
    """The next disc's track 1 is tagged as the first one's was, though that one carries its genre somewhere else."""

    class Ear(FakeAnalyser):
        def features(self, path: Path) -> bytes:
            return array("f", [len(path.read_bytes()) // 20_000] * 3).tobytes()

    tagger = Tagger(Config(), history, Ear({song.name: sure("Jazz")}))
    for seconds in (0.2, 0.5):
        make(song.with_name("ripped.flac"), seconds, noise=0.1).replace(song)
        assert [r.outcome for r in decided(tagger, song)] == [Outcome.TAGGED]
    tags.write_genres(song, [])
    (record,) = decided(tagger, song)
    assert record.reason == "genred wrote Jazz and a person removed it"


def test_a_persons_change_stands_after_a_rename_too(history: History, song: Path) -> None:
    """What genred wrote is remembered by file, not by name."""
    process(history, song, sure("Jazz"))
    moved = song.rename(song.with_name("moved.flac"))
    assert process(history, moved) == []
    tags.write_genres(moved, [])
    (record,) = process(history, moved, sure("Jazz"), with_tags(mode="overwrite"))
    assert record.reason == "genred wrote Jazz and a person removed it"


@pytest.mark.parametrize("at_once", [True, False], ids=["in one pass", "one after the other"])
def test_a_file_with_two_names_is_one_file(history: History, song: Path, at_once: bool) -> None:
    """As in a folder that is mounted twice: tagged once, and genred's genre is genred's under either name."""
    (elsewhere := song.with_name("mounted")).mkdir()
    twin = elsewhere / "twin.flac"

    def show() -> None:
        """Show what the first name holds under the second, as a bind mount does."""
        twin.unlink(missing_ok=True)
        twin.hardlink_to(song)

    tagger = Tagger(Config(), history, FakeAnalyser({"song.flac": sure("Jazz"), "twin.flac": sure("Jazz")}))
    records = []
    if at_once:
        shutil.copy2(song, twin)
        for record in tagger.process([song, twin]):
            if isinstance(record, Record):
                records.append(record)
                show()
    else:
        records = decided(tagger, song)
        show()
        records += decided(tagger, twin)
    assert [(record.path, record.outcome) for record in records] == [(song, Outcome.TAGGED)]
    names = [history.files.known(path) for path in (song, twin)]
    assert [known and known.by for known in names] == [Author.GENRED, Author.GENRED]
    assert decided(tagger, twin, song) == []
    assert [undo.record.path for undo in select(history, [Query(path=twin)])[0]] == [song]


def test_two_names_in_one_folder_are_saved_one_after_the_other(history: History, song: Path) -> None:
    """Where hard links may be broken, each name gets a file of its own, with the genre."""
    twin = song.with_name("twin.flac")
    twin.hardlink_to(song)
    hears = FakeAnalyser({"song.flac": sure("Jazz"), "twin.flac": sure("Jazz")})
    records = decided(Tagger(with_tags(hardlinks="break"), history, hears), song, twin)
    assert [(record.path, record.outcome) for record in records] == [(song, Outcome.TAGGED), (twin, Outcome.TAGGED)]
    assert [tags.read_genres(path) for path in (song, twin)] == [["Jazz"], ["Jazz"]]
    assert song.stat().st_nlink == twin.stat().st_nlink == 1


@pytest.mark.parametrize(
    ("genre", "outcome", "commits"),
    [(None, Outcome.TAGGED, 2 + 2 * 3), ("Polka", Outcome.KEPT, 2)],
    ids=["heard and saved", "told by their tags"],
)
def test_tracks_of_a_folder_share_their_commits(
    history: History, song: Path, monkeypatch: pytest.MonkeyPatch, genre: str | None, outcome: Outcome, commits: int
) -> None:
    """Twenty tracks are two lots of sixteen at most; to note or record a lot takes one commit, to save it three."""
    if genre is not None:
        tags.write_genres(song, [genre])
    paths = [Path(shutil.copy2(song, song.with_name(f"{number:02}.flac"))) for number in range(20)]
    hears = FakeAnalyser({path.name: sure("Jazz") for path in paths})
    made: list[int] = []
    writing = history.writing

    @contextmanager
    def counted() -> Iterator[sa.Connection]:
        with writing() as db:
            yield db
        made.append(1)

    monkeypatch.setattr(history, "writing", counted)
    monkeypatch.setattr(history.library, "_writing", counted)
    records = decided(Tagger(Config(), history, hears), *paths)
    assert [(record.path, record.outcome) for record in records] == [(path, outcome) for path in paths]
    assert len(made) == commits


def cut_short(history: History, *songs: Path) -> None:
    """Tag songs in a process that dies when their names are exchanged."""

    def die(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "sync_folder", die)
        with pytest.raises(KeyboardInterrupt):
            decided(Tagger(Config(), history, FakeAnalyser({song.name: sure("Jazz") for song in songs})), *songs)


def test_a_save_that_was_cut_short_is_found_in_a_folder_that_was_renamed(history: History, song: Path) -> None:
    """Its genre is genred's, with a way back, and not a person's."""
    before = song.read_bytes()
    (folder := song.with_name("album")).mkdir()
    for number in (1, 2):
        shutil.copy2(song, folder / f"{number}.flac")
    cut_short(history, *sorted(folder.iterdir()))
    moved = folder.rename(folder.with_name("renamed"))
    songs = [moved / f"{number}.flac" for number in (1, 2)]
    assert [tags.read_genres(path) for path in songs] == [["Jazz"], ["Jazz"]]
    assert len(list(moved.iterdir())) == 4
    assert decided(Tagger(Config(), history, FakeAnalyser()), *songs) == []
    assert sorted(moved.iterdir()) == songs
    journal = Journal(history)
    assert journal.unfinished() == []
    assert sorted(undo.path for undo in journal.undoable(Query())) == songs
    for undo in journal.undoable(Query()):
        undo_write(history, undo, Config().tags)
    assert [path.read_bytes() for path in songs] == [before, before]


def test_a_file_whose_save_cannot_be_brought_to_its_end_is_left_alone(
    history: History, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is recorded, nobody could tell genred's genre from a person's."""
    cut_short(history, song)

    def unlink(temp: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(kernel, "unlink", unlink)
        tagger = Tagger(Config(), history, FakeAnalyser())
        assert decided(tagger, song) == []
        with pytest.raises(FileError, match="an earlier save of it can't be brought to its end yet"):
            tagger.set_genre(song, "Polka")
        assert list(history.records(Query())) == []
    assert decided(Tagger(Config(), history, FakeAnalyser()), song) == []
    assert [record.written for record in history.records(Query())] == [("Jazz",)]


def test_a_save_that_is_recorded_later_is_no_failure(
    history: History, song: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and the next look records it."""

    def unlink(temp: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(kernel, "unlink", unlink)
        assert process(history, song, sure("Jazz")) == []
    assert "its new genre is there, and is recorded later" in caplog.text
    assert process(history, song) == []
    assert [record.outcome for record in history.records(Query())] == [Outcome.TAGGED]


def test_a_master_copy_that_comes_back_is_tagged_again(history: History, song: Path, tmp_path: Path) -> None:
    """What a synchronisation puts back undoes genred's own write and nothing else: that is no person's decision."""
    master = Path(shutil.copy2(song, tmp_path / "master"))
    process(history, song, sure("Jazz"))
    for _ in range(2):
        Path(shutil.copy2(master, tmp_path / "incoming")).replace(song)
        assert [r.outcome for r in process(history, song, sure("Jazz"))] == [Outcome.TAGGED]
    undos, _ = select(history, [Query(path=song)])
    for undo in undos:
        undo_write(history, undo, Config().tags, FakeAnalyser)
    assert len(undos) == 3
    assert song.read_bytes() == master.read_bytes()


def test_who_removes_the_genre_decides_whatever_bytes_are_left(history: History, song: Path, tmp_path: Path) -> None:
    """The same bytes as before genred, but written now: an editor did that, not a synchronisation."""
    before = song.read_bytes()
    process(history, song, sure("Jazz"))
    (tmp_path / "edited").write_bytes(before)
    os.utime(tmp_path / "edited", ns=(0, stamp_of(song).mtime_ns + 3_000_000_000))
    (tmp_path / "edited").replace(song)
    (record,) = process(history, song, sure("Jazz"))
    assert (record.outcome, record.corrects) == (Outcome.KEPT, 1)


def test_a_copy_of_a_tagged_file_carries_genreds_answer(history: History, song: Path) -> None:
    """Kept as it is, and not for a person's genre."""
    process(history, song, sure("Jazz"))
    copy = Path(shutil.copyfile(song, song.with_name("copy.flac")))
    (record,) = process(history, copy, sure("Rock"))
    assert (record.outcome, record.carries, record.by) == (Outcome.KEPT, 1, Author.GENRED)
    tags.write_genres(copy, ["Polka"])
    (record,) = process(history, copy, sure("Rock"))
    assert (record.carries, record.by) == (None, Author.YOU)


def test_a_dry_run_changes_nothing(history: History, song: Path) -> None:
    """Neither the file nor the history."""
    before = digest(song)
    tagger = Tagger(Config(), history, FakeAnalyser({song.name: sure("Jazz")}), dry_run=True)
    (record,) = decided(tagger, song)
    assert (record.outcome, record.id) == (Outcome.TAGGED, None)
    assert digest(song) == before
    assert list(history.records(Query())) == []


def test_a_persons_own_decision_is_written_and_stands(history: History, song: Path) -> None:
    """`set` goes through the same safe write, and no mode overrules it."""
    tagger = Tagger(Config(), history, FakeAnalyser())
    assert tagger.set_genre(song, "Zydeco").outcome is Outcome.TAGGED
    assert tags.read_genres(song) == ["Zydeco"]
    with song.open("ab") as file:
        file.write(b"more")
    assert process(history, song, sure("Jazz"), with_tags(mode="overwrite")) == []


def test_undo_puts_back_every_byte_and_is_final(history: History, song: Path) -> None:
    """The file is what it was, the log says so, and the service doesn't tag it again."""
    before = digest(song)
    process(history, song, sure("Jazz"))
    (undo,) = Journal(history).undoable(Query(path=song))
    record = undo_write(history, undo, Config().tags)
    assert digest(song) == before
    assert (record.outcome, record.previous, record.written) == (Outcome.UNDONE, ("Jazz",), ())
    assert process(history, song, sure("Jazz")) == []
    assert Journal(history).undoable(Query(path=song)) == []


def test_undo_refuses_where_a_person_edited_since(history: History, song: Path) -> None:
    """Theirs is never lost."""
    process(history, song, sure("Jazz"))
    tags.write_genres(song, ["Polka"])
    (undo,) = Journal(history).undoable(Query())
    with pytest.raises(UndoConflict, match="changed since"):
        undo_write(history, undo, Config().tags)
    assert tags.read_genres(song) == ["Polka"]


def test_a_file_that_changes_meanwhile_is_not_written(history: History, song: Path) -> None:
    """Whoever edits a file while it is being heard wins."""

    class Slow(FakeAnalyser):
        def features(self, path: Path) -> bytes:
            tags.write_genres(path, ["Polka"])
            return super().features(path)

    tagger = Tagger(Config(), history, Slow({song.name: sure("Jazz")}))
    (record,) = decided(tagger, song)
    assert record.outcome is Outcome.FAILED
    assert tags.read_genres(song) == ["Polka"]
    assert replace(record).reason.startswith("it changed")


def test_one_bad_file_keeps_nobody_back(history: History, tmp_path: Path) -> None:
    """What follows it is tagged."""
    bad, good = tmp_path / "a.flac", make(tmp_path / "b.flac", 0.2)
    bad.write_bytes(b"nothing of the kind")
    analyser = FakeAnalyser({good.name: sure("Jazz")})
    records = decided(Tagger(Config(), history, analyser), bad, good)
    assert [r.outcome for r in records] == [Outcome.FAILED, Outcome.TAGGED]


def test_deciding_anew_acts_from_memory_where_the_answer_is_another_one(history: History, tmp_path: Path) -> None:
    """No audio is opened; doubt changes nothing, and what a person or anybody else changed is left alone."""
    names = ("again", "other", "doubt", "abstained", "changed", "theirs")
    songs = {name: make(tmp_path / f"{name}.flac", 0.2) for name in names}
    analyser = FakeAnalyser({s.name: sure("Jazz") for s in songs.values() if s.stem not in ("abstained", "theirs")})
    tagger = Tagger(Config(), history, analyser)
    list(tagger.process(songs.values()))
    tagger.set_genre(songs["theirs"], "Polka")
    songs["changed"].write_bytes(songs["changed"].read_bytes() + b"more")
    analyser.heard.clear()
    answers = {"again": sure("Jazz"), "other": sure("Rock"), "doubt": UNSURE, "abstained": sure("Blues")}

    later = FakeAnalyser({song.name: answers.get(name, sure("Metal")) for name, song in songs.items()})
    records = list(tagger.redecide(Ear("new", "0", later.judge)))

    assert {(r.path.stem, r.previous, r.written) for r in records} == {
        ("other", ("Jazz",), ("Rock",)),
        ("abstained", (), ("Blues",)),
    }
    assert {name: tags.read_genres(song) for name, song in songs.items() if name != "changed"} == {
        "again": ["Jazz"],
        "other": ["Rock"],
        "doubt": ["Jazz"],
        "abstained": ["Blues"],
        "theirs": ["Polka"],
    }
    assert analyser.heard == []

    # Its own second answer is no person's genre: a third one replaces it as well.
    latest = FakeAnalyser({songs["other"].name: sure("Folk")})
    (record,) = tagger.redecide(Ear("newer", "0", latest.judge), songs["other"])
    assert (record.previous, record.written) == (("Rock",), ("Folk",))
