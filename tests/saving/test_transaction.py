"""Replacing a file: the name holds the old file or the new one, whole, whatever happens."""

import errno
import io
import os
import resource
import shutil
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred.config import Tags
from genred.errors import FileError, GenredError, Protected, TagError, UndoConflict, UnfinishedError
from genred.fs.files import Stamp, stamp_of
from genred.history.history import History
from genred.history.journal import Begun, Journal, Proof, Undo
from genred.history.records import Outcome, Query, Record
from genred.saving import delta, kernel, transaction
from genred.saving import save as save_steps
from genred.tags import edit_clone

TAGS = Tags()
OLD, NEW, THEIRS = b"old tag" + bytes(5000) + b"audio", b"a new tag" + bytes(5000) + b"audio", b"somebody else's"


@pytest.fixture
def journal(history: History) -> Journal:
    return Journal(history)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "music" / "song.mp3"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


def renew(temp: Path) -> None:
    temp.write_bytes(NEW)


def draft(path: Path, outcome: Outcome = Outcome.TAGGED) -> Record:
    return Record(path, outcome, "a test", written=("Jazz",))


def save(path: Path, journal: Journal, edit: Callable[[Path], None] = renew, tags: Tags = TAGS) -> Record:
    return transaction.replace(draft(path), stamp_of(path), edit, journal, tags)


def the_undo(journal: Journal) -> Undo:
    return journal.undoable(Query())[0]


def assert_untouched(path: Path, journal: Journal, content: bytes = OLD) -> None:
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert journal.unfinished() == []
    assert journal.undoable(Query()) == []


def test_a_save_replaces_and_records(song: Path, journal: Journal) -> None:
    """The new file is there with its stamp in the history, and nothing else is left."""
    record = save(song, journal)
    assert song.read_bytes() == NEW
    assert record.stamp == stamp_of(song)
    assert list(song.parent.iterdir()) == [song]
    assert journal.unfinished() == []


@pytest.mark.parametrize("kept", [True, False])
def test_everything_but_the_content_is_kept(song: Path, journal: Journal, kept: bool) -> None:
    """Mode, extended attributes and access time stay, the time of modification where that is wanted."""
    os.setxattr(song, "user.rating", b"5")
    song.chmod(0o640)
    os.utime(song, ns=(10**18, 10**18 + 7))
    save(song, journal, tags=Tags(preserve_mtime=kept))
    after = song.stat()
    assert os.getxattr(song, "user.rating") == b"5"
    assert (after.st_mode & 0o7777, after.st_atime_ns) == (0o640, 10**18)
    assert (after.st_mtime_ns == 10**18 + 7) == kept


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_gives_a_file_back_to_its_owner(song: Path, journal: Journal) -> None:
    """A service run by root leaves owner and group as they were."""
    os.chown(song, 1234, 4321)
    save(song, journal)
    assert (song.stat().st_uid, song.stat().st_gid) == (1234, 4321)


def test_undo_puts_every_byte_back(song: Path, journal: Journal) -> None:
    """After an undo the file is what it was, and that can't be taken back twice."""
    save(song, journal)
    undo = the_undo(journal)
    record = Record(song, Outcome.UNDONE, "undone", undoes=undo.record.id)
    assert transaction.restore(undo, record, journal, TAGS).stamp == stamp_of(song)
    assert song.read_bytes() == OLD
    assert list(song.parent.iterdir()) == [song]
    with pytest.raises(UndoConflict, match="changed since genred wrote"):
        transaction.restore(undo, record, journal, TAGS)


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(THEIRS), Path.unlink])
def test_undo_leaves_alone_what_changed_since(song: Path, journal: Journal, change: Callable[[Path], object]) -> None:
    """A file somebody wrote to since, or removed, isn't put back."""
    save(song, journal)
    change(song)
    undo = the_undo(journal)
    with pytest.raises(UndoConflict):
        transaction.restore(undo, draft(song, Outcome.UNDONE), journal, TAGS)
    assert not song.exists() or song.read_bytes() == THEIRS
    assert journal.unfinished() == []


def test_an_undo_record_that_gives_something_else_is_refused(
    song: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put back has the hash of what was there, or nothing is."""
    save(song, journal)
    wrong = delta.make(io.BytesIO(b"other"), io.BytesIO(NEW))
    monkeypatch.setattr(journal, "undo_record", lambda undo: wrong)
    with pytest.raises(UndoConflict, match="doesn't give what was there"):
        transaction.restore(the_undo(journal), draft(song, Outcome.UNDONE), journal, TAGS)
    assert song.read_bytes() == NEW
    assert journal.unfinished() == []


def test_a_folders_default_access_list_is_not_taken_on(song: Path, journal: Journal) -> None:
    """A new file inherits its folder's default list; the old one had none, so it has none."""
    entries = ((1, 7, -1), (2, 7, 1234), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(song.parent, "system.posix_acl_default", acl)
    except OSError:
        pytest.skip("needs a file system with access control lists")
    save(song, journal)
    assert os.listxattr(song) == []
    os.setxattr(song, "system.posix_acl_access", acl)
    save(song, journal)
    assert os.getxattr(song, "system.posix_acl_access") == acl


def raising(error: Exception) -> Callable[[Path], None]:
    def edit(temp: Path) -> None:
        temp.write_bytes(NEW[:100])
        raise error

    return edit


@pytest.mark.parametrize(
    ("error", "transient", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True, "no space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True, "no space"),
        (OSError(errno.EIO, "Input/output error"), True, "Input/output error"),
        (OSError(errno.EFBIG, "File too large"), False, "larger than allowed"),
        (OSError(errno.EROFS, "Read-only file system"), False, "read-only"),
        (TagError(Path("x"), "the audio would have changed; nothing was written"), False, "audio would"),
    ],
)
def test_a_failed_save_changes_nothing(
    song: Path, journal: Journal, error: Exception, transient: bool, said: str
) -> None:
    """No space, a broken disk, a failed proof: the file is as it was, nothing is left, and the reason is clear."""
    with pytest.raises(FileError, match=said) as raised:
        save(song, journal, raising(error))
    assert raised.value.transient == transient
    assert_untouched(song, journal)


def test_a_bug_changes_nothing_and_is_loud(song: Path, journal: Journal) -> None:
    """An exception nobody thought of passes through, and cleans up on its way."""
    with pytest.raises(ZeroDivisionError):
        save(song, journal, raising(ZeroDivisionError()))
    with pytest.raises(KeyboardInterrupt):
        save(song, journal, raising(KeyboardInterrupt()))  # type: ignore[arg-type]  # which is no Exception
    assert_untouched(song, journal)


def test_a_file_size_limit_changes_nothing(song: Path, journal: Journal) -> None:
    """The kernel's own EFBIG, half way through the copy, is one more failed save."""
    song.write_bytes(OLD * 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    record, before = draft(song), stamp_of(song)

    def edit(temp: Path) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            renew(temp)
            temp.write_bytes(OLD * 200)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(FileError, match="larger than allowed"):
        transaction.replace(record, before, edit, journal, TAGS)
    assert_untouched(song, journal, OLD * 100)


def test_a_full_disk_is_noticed_before_anything_is_written(
    song: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no room for a second copy, none is begun, and it is tried again later."""
    monkeypatch.setattr(kernel, "MARGIN", 1 << 62)
    with pytest.raises(FileError, match="free space") as raised:
        save(song, journal, raising(AssertionError()))
    assert raised.value.transient
    assert_untouched(song, journal)


def test_a_file_that_changed_since_the_decision_is_left(song: Path, journal: Journal) -> None:
    """A decision about another content isn't written."""
    before = stamp_of(song)
    song.write_bytes(THEIRS)
    with pytest.raises(FileError, match="changed while it was being analysed") as raised:
        transaction.replace(draft(song), before, renew, journal, TAGS)
    assert raised.value.transient
    assert_untouched(song, journal, THEIRS)


def test_hard_links_are_skipped_unless_they_may_be_parted(song: Path, journal: Journal, tmp_path: Path) -> None:
    """The other name, a seeding torrent's perhaps, keeps its content either way."""
    other = tmp_path / "other.mp3"
    other.hardlink_to(song)
    with pytest.raises(Protected, match="2 hard links"):
        save(song, journal)
    assert_untouched(song, journal)
    save(song, journal, tags=Tags(hardlinks="break"))
    assert (song.read_bytes(), other.read_bytes()) == (NEW, OLD)


def test_read_only_files_and_links_are_left(song: Path, journal: Journal) -> None:
    """A file a person made read-only stays as it is, and a symbolic link isn't followed."""
    song.chmod(0o444)
    with pytest.raises(Protected, match="read-only"):
        save(song, journal)
    assert_untouched(song, journal)
    song.chmod(0o644)
    link = song.with_name("link.mp3")
    link.symlink_to(song)
    with pytest.raises(FileError, match="symbolic link"):
        transaction.replace(draft(link), stamp_of(song), renew, journal, TAGS)
    assert song.read_bytes() == OLD


def test_the_refusal_is_known_before_a_save_is_tried(song: Path, journal: Journal, tmp_path: Path) -> None:
    """The question gives the reason that a save would raise, under the same settings, and changes nothing."""
    assert transaction.refusal(song, TAGS) is None
    (tmp_path / "other.mp3").hardlink_to(song)
    with pytest.raises(Protected) as raised:
        save(song, journal)
    assert transaction.refusal(song, TAGS) == raised.value.reason
    assert transaction.refusal(song, Tags(hardlinks="break")) is None
    assert transaction.refusal(song.with_name("none.mp3"), TAGS) == "no such file"
    assert_untouched(song, journal)


@contextmanager
def as_nobody() -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_what_could_not_be_given_back_is_left(song: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's file, another group's, and a folder that can't be written to are left with the reason."""
    monkeypatch.setattr(os, "getgroups", list)
    for folder in song.parents:
        if not folder.stat().st_mode & 0o005:
            folder.chmod(0o755)
    before = stamp_of(song)
    for owner, reason in (((0, 0), "another user"), ((65534, 0), "another group"), ((65534, 65534), "its folder")):
        os.chown(song, *owner)
        before = stamp_of(song)
        with as_nobody():
            st = os.stat(song)
            with open(song, "rb") as original, pytest.raises(Protected, match=reason):
                kernel.check(song, original, st, TAGS)
    assert before == stamp_of(song)


def test_an_immutable_file_is_left(song: Path, journal: Journal) -> None:
    """chattr +i is respected, and named."""
    if shutil.which("chattr") is None or subprocess.run(["chattr", "+i", song], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs chattr, and the right to use it")
    try:
        with pytest.raises(Protected, match="immutable"):
            save(song, journal)
    finally:
        subprocess.run(["chattr", "-i", song], check=True)
    assert_untouched(song, journal)


def overwrite(path: Path) -> None:
    path.write_bytes(THEIRS)


def rename_over(path: Path) -> None:
    other = path.with_name("theirs")
    other.write_bytes(THEIRS)
    other.rename(path)


@pytest.mark.parametrize("theirs", [overwrite, rename_over])
def test_somebody_elses_edit_wins(song: Path, journal: Journal, theirs: Callable[[Path], None]) -> None:
    """A file edited or replaced during the save keeps that edit; ours is tried again later."""

    def edit(temp: Path) -> None:
        renew(temp)
        theirs(song)

    with pytest.raises(FileError, match="changed") as raised:
        save(song, journal, edit)
    assert raised.value.transient
    assert_untouched(song, journal, THEIRS)


def test_a_change_of_mode_during_the_save_wins_too(song: Path, journal: Journal) -> None:
    """What a person does to the file besides writing to it isn't taken back by a save that began before."""

    def edit(temp: Path) -> None:
        renew(temp)
        song.chmod(0o600)

    with pytest.raises(FileError, match="that change is kept"):
        save(song, journal, edit)
    assert_untouched(song, journal)
    assert song.stat().st_mode & 0o777 == 0o600


def test_an_undo_record_that_does_not_work_is_found_out(
    song: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is replaced whose undo record, tried out, doesn't give the old file."""
    wrong = delta.make(io.BytesIO(b"other"), io.BytesIO(NEW))
    monkeypatch.setattr(delta, "make", lambda old, new: wrong)
    with pytest.raises(FileError):
        save(song, journal)
    assert_untouched(song, journal)


def test_an_edit_in_the_last_instant_wins(song: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even between the last look and the exchange: what was swapped out is looked at, and given back."""
    exchange = kernel.exchange
    calls: list[Path] = []

    def late(one: Path, other: Path) -> bool:
        calls.append(one)
        if len(calls) == 1:
            rename_over(song)
        return exchange(one, other)

    monkeypatch.setattr(kernel, "exchange", late)
    with pytest.raises(FileError, match="that change is kept"):
        save(song, journal)
    assert len(calls) == 2
    assert_untouched(song, journal, THEIRS)


def test_who_opened_the_file_in_the_last_instant_writes_to_it(
    song: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if they write only after the exchange: the name is given back to the file they have open."""
    exchange = kernel.exchange
    theirs: list[BinaryIO] = []

    def late(one: Path, other: Path) -> bool:
        if not theirs:
            theirs.append(song.open("r+b"))
        return exchange(one, other)

    monkeypatch.setattr(kernel, "exchange", late)
    with pytest.raises(FileError, match="that change is kept"):
        save(song, journal)
    with theirs[0] as file:
        file.truncate(0)
        file.write(THEIRS)
    assert_untouched(song, journal, THEIRS)


def test_a_copy_that_was_exchanged_for_another_file_is_noticed(song: Path, journal: Journal) -> None:
    """What somebody puts in the place of the temporary gets neither the original's owner nor its name."""
    other = song.parent.with_name("other")
    other.write_bytes(NEW)
    other.chmod(0o600)

    def hard_link(temp: Path) -> None:
        temp.unlink()
        temp.hardlink_to(other)

    def link(temp: Path) -> None:
        temp.unlink()
        temp.symlink_to(other)

    for edit, reason in ((hard_link, "another file in the place"), (link, "symbolic link")):
        with pytest.raises(FileError, match=reason):
            save(song, journal, edit)
        assert_untouched(song, journal)
        assert (other.read_bytes(), other.stat().st_mode & 0o777) == (NEW, 0o600)


def test_a_file_that_is_open_for_writing_waits(song: Path, journal: Journal) -> None:
    """A program that may still write keeps its file, where the kernel tells of it."""
    with open(song, "r+b"), pytest.raises(FileError, match="open for writing") as raised:
        save(song, journal)
    assert raised.value.transient
    assert_untouched(song, journal)


def test_a_file_system_that_refuses_every_lease_is_no_obstacle(
    song: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network file systems grant no leases at all: that says nothing about the file."""
    monkeypatch.setattr(save_steps, "lease_is_refused", lambda file: True)
    save(song, journal)
    assert song.read_bytes() == NEW


def test_a_deleted_file_is_not_resurrected(song: Path, journal: Journal) -> None:
    """A file removed during the save stays removed, and no temporary stays."""

    def edit(temp: Path) -> None:
        renew(temp)
        song.unlink()

    with pytest.raises(FileError, match="deleted or renamed"):
        save(song, journal, edit)
    assert list(song.parent.iterdir()) == []
    assert journal.unfinished() == []


def test_a_renamed_file_keeps_its_new_name(song: Path, journal: Journal) -> None:
    """A file renamed during the save is whole under its new name, and doesn't come back under the old one."""
    moved = song.with_name("moved.mp3")

    def edit(temp: Path) -> None:
        renew(temp)
        song.rename(moved)

    with pytest.raises(FileError, match="deleted or renamed"):
        save(song, journal, edit)
    assert_untouched(moved, journal)


def test_without_an_exchange_it_is_replaced(song: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """File systems that can't exchange two names get a plain rename."""
    monkeypatch.setattr(kernel, "exchange", lambda one, other: False)
    save(song, journal)
    assert song.read_bytes() == NEW
    assert list(song.parent.iterdir()) == [song]


@pytest.mark.parametrize("length", [4, 200, 255])
def test_long_names_that_are_no_text(tmp_path: Path, journal: Journal, length: int) -> None:
    """The temporary's name fits whatever the file's own length, and bytes that are no UTF-8 are no matter."""
    path = tmp_path / os.fsdecode(b"\xff\n" + b"x" * (length - 2))
    path.write_bytes(OLD)
    save(path, journal)
    assert path.read_bytes() == NEW


@pytest.mark.parametrize(
    ("ready", "there", "aside", "then", "finished"),
    [
        (False, OLD, None, OLD, False),
        (False, OLD, NEW[:50], OLD, False),
        (False, None, NEW[:50], None, False),
        (True, OLD, NEW, OLD, False),
        (True, NEW, OLD, NEW, True),
        (True, NEW, None, NEW, True),
        (True, NEW, THEIRS, THEIRS, False),
        (True, THEIRS, NEW, THEIRS, False),
        (True, THEIRS, OLD, THEIRS, False),
        (True, None, OLD, None, False),
        (True, None, None, None, False),
    ],
)
def test_what_a_crash_leaves_is_resolved(
    song: Path,
    journal: Journal,
    ready: bool,
    there: bytes | None,
    aside: bytes | None,
    then: bytes | None,
    finished: bool,
) -> None:
    """After a kill or a power cut: old or new, never both, never neither, and the history says which."""
    temp = song.with_name(".genred-0123.tmp")
    (write_id,) = journal.begin([Begun(song, temp, stamp_of(song), draft(song))])
    if ready:
        old, new = (sha256(content).digest() for content in (OLD, NEW))
        journal.ready({write_id: Proof(b"delta", old, new)})
    song.unlink()
    for path, content in ((song, there), (temp, aside)):
        if content is not None:
            path.write_bytes(content)
    assert len(transaction.recover(journal)) == 1
    assert (song.read_bytes() if song.exists() else None) == then
    assert not temp.exists()
    assert journal.unfinished() == []
    assert len(journal.undoable(Query())) == finished
    assert transaction.recover(journal) == []


def test_only_temporaries_the_journal_names_are_removed(song: Path, journal: Journal) -> None:
    """A file that merely looks like a temporary of genred's stays."""
    stray = song.with_name(".genred-feedfeedfeedfeed.tmp")
    stray.write_bytes(b"?")
    save(song, journal)
    transaction.recover(journal)
    assert stray.read_bytes() == b"?"


def test_an_unmounted_disk_is_waited_for(song: Path, journal: Journal) -> None:
    """Where the folder isn't there nothing is decided; it is when it is back."""
    journal.begin([Begun(song, song.with_name(".genred-0123.tmp"), stamp_of(song), draft(song))])
    away = song.parent.rename(song.parent.with_name("away"))
    assert "not resolved yet" in transaction.recover(journal)[0]
    assert len(journal.unfinished()) == 1
    away.rename(song.parent)
    assert "as it was" in transaction.recover(journal)[0]
    assert_untouched(song, journal)


def test_a_new_save_first_resolves_the_old(song: Path, journal: Journal) -> None:
    """What another process left unfinished is out of the way before the next write begins."""
    temp = song.with_name(".genred-0123.tmp")
    journal.begin([Begun(song, temp, stamp_of(song), draft(song))])
    temp.write_bytes(NEW[:10])
    save(song, journal)
    assert list(song.parent.iterdir()) == [song]
    assert journal.unfinished() == []


@pytest.mark.slow
def test_every_file_ever_seen_comes_back(corpus: Path, tmp_path: Path, journal: Journal) -> None:
    """Each file of the corpus is tagged and taken back to the same sha256, or refused and never touched."""
    counts: Counter[str] = Counter()
    sizes = []
    for number, source in enumerate(sorted(p for p in (corpus / "tagfiles").rglob("*") if p.is_file())):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / source.name
        shutil.copyfile(source, path)
        content = path.read_bytes()

        def edit(temp: Path, path: Path = path) -> None:
            edit_clone(path, temp, ["Zeuhl", "Jazz"])

        try:
            record = save(path, journal, edit)
        except FileError as error:
            counts[error.reason] += 1
        else:
            assert path.read_bytes() != content
            (undo,) = (undo for undo in journal.undoable(Query(limit=1)) if undo.record.id == record.id)
            sizes.append(len(journal.undo_record(undo)))
            transaction.restore(undo, Record(path, Outcome.UNDONE, "undone", undoes=record.id), journal, TAGS)
            counts["tagged and taken back"] += 1
        assert path.read_bytes() == content
        assert list(folder.iterdir()) == [path]
    print("\n".join(f"{count:5} {what}" for what, count in counts.most_common()))
    print(f"way back: median {sorted(sizes)[len(sizes) // 2]} bytes, largest {max(sizes)}")
    assert counts["tagged and taken back"] >= 200
    assert sorted(sizes)[len(sizes) // 2] <= 4096


# -- several files together ------------------------------------------------------------------------------------------


@pytest.fixture
def album(song: Path) -> list[Path]:
    paths = [song.with_name(f"{number:02}.mp3") for number in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(OLD + bytes([number]))
    song.unlink()
    return paths


def append(draft: Record, clone: Path) -> None:
    with clone.open("ab") as file:
        file.write(b"!")


def save_all(
    paths: Iterable[Path], journal: Journal, edit: Callable[[Record, Path], None] = append, tags: Tags = TAGS
) -> list[Record | FileError]:
    drafts = [replace(draft(path), stamp=stamp_of(path)) for path in paths]
    return transaction.replace_all(drafts, edit, journal, tags)


def test_files_are_saved_together_with_the_commits_of_one(
    album: list[Path], journal: Journal, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its record and its way back; the history is written to three times, however many they are."""
    commits: list[int] = []
    writing = history.writing

    @contextmanager
    def counted() -> Iterator[Any]:
        with writing() as db:
            yield db
        commits.append(1)

    before = [path.read_bytes() for path in album]
    monkeypatch.setattr(history, "writing", counted)
    became = save_all(album, journal)
    assert len(commits) == 3
    assert [record.stamp for record in became if isinstance(record, Record)] == list(map(stamp_of, album))
    assert [path.read_bytes() for path in album] == [content + b"!" for content in before]
    assert sorted(album[0].parent.iterdir()) == album
    assert journal.unfinished() == []
    for undo in journal.undoable(Query()):
        transaction.restore(undo, draft(undo.path, Outcome.UNDONE), journal, TAGS)
    assert [path.read_bytes() for path in album] == before


def test_what_stops_one_of_several_files_stops_no_other(album: list[Path], journal: Journal) -> None:
    """An edit that fails, a file that may not be written, one that is gone, and one that changes meanwhile."""
    album[1].chmod(0o400)
    kept = {path: path.read_bytes() for path in album}

    def edit(draft: Record, clone: Path) -> None:
        if draft.path == album[0]:
            raise TagError(draft.path, "no tag fits")
        if draft.path == album[2]:
            draft.path.unlink()
        if draft.path == album[3]:
            draft.path.write_bytes(THEIRS)
        append(draft, clone)

    became = save_all(album, journal, edit)
    failed = [each for each in became if isinstance(each, FileError)]
    assert [error.path for error in failed] == album[:4]
    assert [error.reason for error in failed[:2]] == ["no tag fits", "it is read-only"]
    assert [each.path for each in became if isinstance(each, Record)] == album[4:]
    assert [path.read_bytes() for path in album[:2]] == [kept[path] for path in album[:2]]
    assert album[3].read_bytes() == THEIRS
    assert [path.read_bytes() for path in album[4:]] == [kept[path] + b"!" for path in album[4:]]
    assert sorted(album[0].parent.iterdir()) == [album[0], album[1], *album[3:]]
    assert journal.unfinished() == []
    assert [undo.path for undo in journal.undoable(Query())] == album[:3:-1]


def test_where_there_is_no_room_for_several_clones_files_are_saved_one_by_one(
    album: list[Path], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is nearly full takes them all the same."""
    clones: list[int] = []

    def edit(draft: Record, clone: Path) -> None:
        clones.append(len(list(clone.parent.glob(".genred-*.tmp"))))
        append(draft, clone)

    monkeypatch.setattr(kernel, "free", lambda folder: 3 * len(OLD))
    became = save_all(album, journal, edit)
    assert all(isinstance(each, Record) for each in became)
    assert clones == [1] * len(album)


def test_a_process_that_is_stopped_between_two_swaps_leaves_nothing_half_done(
    album: list[Path], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was swapped is recorded, what was not is as it was."""
    exchanged: list[Path] = []
    exchange = kernel.exchange

    def stopped(one: Path, other: Path) -> bool:
        if len(exchanged) == 2:
            raise KeyboardInterrupt
        exchanged.append(other)
        return exchange(one, other)

    monkeypatch.setattr(kernel, "exchange", stopped)
    with pytest.raises(KeyboardInterrupt):
        save_all(album, journal)
    assert [path for path in album if path.read_bytes().endswith(b"!")] == exchanged
    assert sorted(undo.path for undo in journal.undoable(Query())) == exchanged
    assert sorted(album[0].parent.iterdir()) == album
    assert journal.unfinished() == []


def test_what_is_saved_together_is_not_too_much_and_no_file_twice() -> None:
    """Sixteen files, or some hundred megabytes; two names of one file come one after the other."""
    small, large = Stamp(1, 1, 4 << 20, 0, 0), Stamp(1, 1, 300 << 20, 0, 0)
    sizes = [replace(small, ino=number) for number in range(40)]
    assert [len(group) for group in transaction.together(sizes, lambda stamp: stamp)] == [16, 16, 8]
    mixed = [small, replace(small, ino=2), replace(large, ino=3), replace(small, ino=4)]
    assert [len(group) for group in transaction.together(mixed, lambda stamp: stamp)] == [2, 1, 1]
    twice = [small, replace(small, ino=2), small, replace(small, dev=2)]
    assert [len(group) for group in transaction.together(twice, lambda stamp: stamp)] == [2, 2]
    assert list(transaction.together([], lambda stamp: stamp)) == []


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 1 << 30)), max_size=60))
def test_groups_are_all_files_in_their_order(files: list[tuple[int, int]]) -> None:
    """Whatever their sizes and inodes."""
    stamps = [Stamp(1, ino, size, 0, 0) for ino, size in files]
    groups = list(transaction.together(stamps, lambda stamp: stamp))
    assert [stamp for group in groups for stamp in group] == stamps
    for group in groups:
        assert len({stamp.ino for stamp in group}) == len(group) <= transaction.TOGETHER
        assert len(group) == 1 or sum(stamp.size for stamp in group) <= transaction.TOGETHER_BYTES


class Impatient(ThreadPoolExecutor):
    """Is interrupted twice while it is waited for."""

    waited = 0

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.waited += 1
        if self.waited <= 2:
            raise KeyboardInterrupt
        super().shutdown(wait, cancel_futures=cancel_futures)


def test_threads_are_waited_for_however_often_somebody_interrupts() -> None:
    """They work on open files and on clones, which are closed and removed next."""
    threads = Impatient(1)
    done = threads.submit(time.sleep, 0.05)
    with pytest.raises(KeyboardInterrupt):
        transaction._end(threads)
    assert (threads.waited, done.done()) == (3, True)


def test_where_no_thread_can_be_started_nothing_is_done(
    album: list[Path], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said in words, and nothing is left."""
    before = [path.read_bytes() for path in album]

    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(GenredError, match="ulimit -u"):
        save_all(album, journal)
    assert [path.read_bytes() for path in album] == before
    assert sorted(album[0].parent.iterdir()) == album
    assert journal.unfinished() == []


def test_what_was_swapped_and_not_recorded_is_recorded_later(
    album: list[Path], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old file that can't be removed makes no save a failure."""
    before = [path.read_bytes() for path in album]
    with monkeypatch.context() as patch:

        def unlink(temp: Path) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        patch.setattr(kernel, "unlink", unlink)
        became = save_all(album, journal)
    assert all(isinstance(each, UnfinishedError) and each.transient for each in became)
    assert transaction.unresolved(journal) == []
    assert sorted(undo.path for undo in journal.undoable(Query())) == album
    for undo in journal.undoable(Query()):
        transaction.restore(undo, draft(undo.path, Outcome.UNDONE), journal, TAGS)
    assert [path.read_bytes() for path in album] == before
    assert sorted(album[0].parent.iterdir()) == album
