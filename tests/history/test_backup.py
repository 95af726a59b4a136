"""A backup is the history of one moment, whole, or it is not there; what was there before stays until then."""

import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from genred.errors import GenredError, HistoryError
from genred.fs.files import Stamp, stamp_of
from genred.history import backup
from genred.history.backup import back_up
from genred.history.history import History
from genred.history.journal import Begun, Journal, Proof, Undo
from genred.history.records import Outcome, Query, Record
from genred.service.session import resolve
from tests.history.filled import fill

REPOSITORY = Path(__file__).resolve().parents[2]


def quietly(_: str) -> None:
    pass


def everything(path: Path) -> dict[str, list[Any]]:
    """Return all rows of all tables."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608 - names of ours


def is_one_whole_file(path: Path) -> bool:
    """Return whether SQLite finds no fault with a database, and keeps nothing of it in other files."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        whole = db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        alone = db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    return whole and alone and [entry.name for entry in path.parent.iterdir() if path.name in entry.name] == [path.name]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "history.db"


@pytest.fixture
def filled(history: History) -> History:
    """A history with vectors, albums and journal, of a hundred pages or so."""
    fill(history, random.Random(0), 300)
    with history.writing() as db:
        db.exec_driver_sql("INSERT INTO features SELECT id, '2', randomblob(9000) FROM files")
        db.exec_driver_sql("INSERT INTO roots VALUES (CAST('/m' AS BLOB), 'ext4 1')")
        db.exec_driver_sql(
            "INSERT INTO writes (path, temp, dev, ino, size, mtime_ns, ctime_ns, delta, record)"
            " SELECT path, path, 1, 2, 3, 4, 5, randomblob(50), id FROM records WHERE outcome = 'tagged'"
        )
    return history


@pytest.mark.parametrize("seed", range(5))
def test_a_backup_is_of_one_moment_while_others_write(
    filled: History, place: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Every table is what it was at the beginning, to the row, though decisions are recorded between all steps."""
    monkeypatch.setattr(backup, "STEP_PAGES", 3)
    rng = random.Random(seed)
    steps: list[str] = []

    def write(step: str) -> None:
        steps.append(step)
        fill(filled, rng, rng.randrange(3))

    fill(filled, rng, 20)
    before = everything(filled.path)
    made = back_up(filled.path, place, write)
    assert len(steps) > 20
    assert everything(place) == before
    assert all(before[table] for table in ("records", "files", "features", "writes", "runs", "roots", "tally_albums"))
    assert is_one_whole_file(place)
    assert (made.decisions, made.files) == (len(before["records"]), len(before["files"]))
    assert made.size == place.stat().st_size
    assert len(everything(filled.path)["records"]) > made.decisions
    back_up(filled.path, place, quietly)
    assert everything(place) == everything(filled.path)


def test_a_writer_waits_for_no_backup(filled: History, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process commits in the middle of a backup, however long that takes."""
    monkeypatch.setattr(backup, "STEP_PAGES", 3)
    script = (
        "import sys; from pathlib import Path; from genred.history.history import History;"
        "history = History.open(Path(sys.argv[1])); history.start_run('run', '0')"
    )
    codes: list[int] = []

    def write(_: str) -> None:
        if not codes:
            command: list[str | Path] = [sys.executable, "-c", script, filled.path]
            codes.append(subprocess.run(command, cwd=REPOSITORY, check=False, timeout=50).returncode)

    back_up(filled.path, place, write)
    assert codes == [0]
    assert len(everything(place)["runs"]) == len(everything(filled.path)["runs"]) - 1


def test_the_write_ahead_log_is_kept_for_the_copying_alone(filled: History, place: Path) -> None:
    """While the copy is checked, which may take minutes, what was written meanwhile can go into the history's file."""
    left: dict[str, int] = {}

    def write(step: str) -> None:
        fill(filled, random.Random(1), 1)
        with closing(sqlite3.connect(filled.path)) as db:
            kept, moved = db.execute("PRAGMA wal_checkpoint").fetchone()[1:]
            left[step] = kept - moved

    back_up(filled.path, place, write)
    *copying, checking = left
    assert checking == "checking the copy"
    assert all(left[step] for step in copying)
    assert left[checking] == 0


def test_killed_in_the_middle_it_leaves_the_earlier_backup(filled: History, place: Path) -> None:
    """After a SIGKILL the earlier backup is what it was; the next one removes what the killed one left."""
    back_up(filled.path, place, quietly)
    before = place.read_bytes()
    fill(filled, random.Random(1), 10)
    script = (
        "import sys; from pathlib import Path; from genred.history import backup; backup.STEP_PAGES = 3;"
        "backup.back_up(Path(sys.argv[1]), Path(sys.argv[2]),"
        " lambda step: (print(step, flush=True), '3' in step and sys.stdin.read()))"
    )
    command: list[str | Path] = [sys.executable, "-c", script, filled.path, place]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "3" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert place.read_bytes() == before
    assert len(list(place.parent.iterdir())) == 2
    back_up(filled.path, place, quietly)
    assert everything(place) == everything(filled.path)
    assert is_one_whole_file(place)
    assert len(list(place.parent.iterdir())) == 1


def test_where_the_disk_takes_no_more_the_earlier_backup_stays(filled: History, place: Path) -> None:
    """It is told in one line with exit code 1, and nothing is left over."""
    back_up(filled.path, place, quietly)
    before = place.read_bytes()
    fill(filled, random.Random(1), 10)
    command: list[str | Path] = [sys.executable, "-m", "genred", "history", "--backup", place]
    environment = os.environ | {"GENRED_HISTORY_URL": f"sqlite:///{filled.path}"}
    limit = filled.path.stat().st_size // 2
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"genred: {place}: no backup could be made")
    assert len(done.stderr.splitlines()) == 1
    assert place.read_bytes() == before
    assert list(place.parent.iterdir()) == [place]


def test_room_is_left_for_the_service(filled: History, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk that a backup would fill, none is begun: the history may lie there, too."""
    monkeypatch.setattr(backup, "MARGIN", 1 << 62)
    with pytest.raises(GenredError, match="not enough space") as raised:
        back_up(filled.path, place, quietly)
    assert raised.value.exit_code == 1
    assert list(place.parent.iterdir()) == []


def another(place: Path, history: History) -> None:
    other = History.open(place)
    other.start_run("run", "0")
    other.close()
    with closing(sqlite3.connect(place)) as db:
        db.execute("PRAGMA journal_mode = DELETE")


def somebody_elses(place: Path, history: History) -> None:
    with closing(sqlite3.connect(place)) as db, db:
        db.execute("CREATE TABLE songs (name)")


def newer(place: Path, history: History) -> None:
    back_up(history.path, place, quietly)
    with closing(sqlite3.connect(place)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")


def at_work(place: Path, history: History) -> None:
    back_up(history.path, place, quietly)
    History.open(place).close()


NOT_OVERWRITTEN: dict[str, tuple[Callable[[Path, History], object], str]] = {
    "a text": (lambda place, history: place.write_text("a shopping list"), "file is not a database; it is left"),
    "an empty file": (lambda place, history: place.touch(), "no backup of this history"),
    "a folder": (lambda place, history: place.mkdir(), "no file"),
    "a fifo": (lambda place, history: os.mkfifo(place), "no file"),
    "somebody's database": (somebody_elses, "not one of genred's"),
    "another history": (another, "no backup of this history"),
    "a newer genred's": (newer, "newer genred"),
    "a history that is worked with": (at_work, "something works with"),
    "the history": (lambda place, history: place.symlink_to(history.path), "the history itself"),
    "a second name of it": (lambda place, history: place.hardlink_to(history.path), "the history itself"),
}


@pytest.mark.parametrize(("there", "told"), NOT_OVERWRITTEN.values(), ids=NOT_OVERWRITTEN)
def test_nothing_but_an_earlier_backup_is_replaced(
    filled: History, place: Path, there: Callable[[Path, History], object], told: str
) -> None:
    """What else lies there is left as it is, and the error says what it is and where."""
    there(place, filled)
    before = Stamp.of(place.lstat())
    with pytest.raises(GenredError, match=told) as raised:
        back_up(filled.path, place, quietly)
    assert str(place.resolve()) in str(raised.value)
    assert Stamp.of(place.lstat()) == before
    assert [entry.name for entry in place.parent.iterdir()] == [place.name]


@pytest.mark.parametrize("put", [lambda part, victim: part.symlink_to(victim), os.link, lambda part, _: part.mkdir()])
def test_a_copy_grows_in_a_file_of_its_own(filled: History, place: Path, put: Callable[[Path, Path], None]) -> None:
    """In a folder that others may write to, one of them may have put something in its way."""
    victim, part = place.with_name("victim"), place.with_name(f".{place.name}.genred-backup")
    victim.write_text("precious")
    put(*((victim, part) if put is os.link else (part, victim)))
    with pytest.raises(GenredError, match="in the way of the backup, and not genred's own") as refused:
        back_up(filled.path, place, quietly)
    assert refused.value.exit_code == 1
    assert victim.read_text() == "precious"
    assert not place.exists()


def test_what_a_killed_backup_left_is_used_and_is_for_its_owner_alone(filled: History, place: Path) -> None:
    """Whatever its mode was."""
    left = place.with_name(f".{place.name}.genred-backup")
    left.write_text("junk")
    left.chmod(0o644)
    back_up(filled.path, place, quietly)
    assert not left.exists()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_a_name_that_is_too_long_is_an_error(filled: History, place: Path) -> None:
    """Before anything is copied."""
    with pytest.raises(GenredError, match="File name too long"):
        back_up(filled.path, place.with_name("x" * 300), quietly)


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_no_backup_takes_a_name_that_the_history_needs(filled: History, suffix: str) -> None:
    """SQLite would take what lies beside a database under such a name for its own."""
    with pytest.raises(GenredError, match="the history itself"):
        back_up(filled.path, filled.path.with_name(filled.path.name + suffix), quietly)


def test_without_a_folder_there_is_no_backup(filled: History, place: Path) -> None:
    """A folder is not made: a disk that isn't mounted would get its backups in the place of its mount point."""
    with pytest.raises(GenredError, match="no such folder"):
        back_up(filled.path, place.parent / "disk" / "history.db", quietly)
    assert list(place.parent.iterdir()) == []


def test_without_a_history_there_is_no_backup(tmp_path: Path, place: Path) -> None:
    """It is an error of the history, and an earlier backup of another one stays."""
    with pytest.raises(HistoryError, match="no history yet"):
        back_up(tmp_path / "none.db", place, quietly)
    assert list(place.parent.iterdir()) == []


def test_a_damaged_history_replaces_no_backup(filled: History, place: Path) -> None:
    """The copy is checked before it takes its place: the earlier one may be the last that is whole."""
    back_up(filled.path, place, quietly)
    before = place.read_bytes()
    path = filled.path
    filled.close()
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_files_path_text'").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(path, "r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)
    with pytest.raises(HistoryError, match="damaged") as raised:
        back_up(path, place, quietly)
    assert raised.value.exit_code == 10
    assert place.read_bytes() == before
    assert list(place.parent.iterdir()) == [place]


def test_a_backup_is_for_its_owner_until_they_say_otherwise(filled: History, place: Path) -> None:
    """A new file has mode 600; a mode that a person gave it is kept by the next backup."""
    back_up(filled.path, place, quietly)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    place.chmod(0o640)
    back_up(filled.path, place, quietly)
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


def test_a_link_stays_a_link(filled: History, place: Path) -> None:
    """It leads to the new backup."""
    real = place.with_name("real.db")
    place.symlink_to(real)
    for _ in range(2):
        back_up(filled.path, place, quietly)
        assert place.is_symlink()
        assert is_one_whole_file(real)


def test_two_backups_to_one_place_follow_each_other(
    filled: History, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one waits for the first, and both are whole."""
    monkeypatch.setattr(backup, "STEP_PAGES", 3)
    order: list[str] = []
    second = threading.Thread(target=lambda: back_up(filled.path, place, lambda step: order.append("second")))

    def begin(step: str) -> None:
        order.append("first")
        if second.ident is None:
            second.start()

    back_up(filled.path, place, begin)
    second.join(60)
    assert "second" in order
    assert order == sorted(order)
    assert is_one_whole_file(place)


def test_a_backup_put_back_is_the_history_of_then(filled: History, place: Path) -> None:
    """With the service stopped and what SQLite kept beside the history removed, genred goes on from the backup."""
    back_up(filled.path, place, quietly)
    path, then = filled.path, everything(place)
    fill(filled, random.Random(1), 10)
    filled.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(place.read_bytes())
    history = History.open(path)
    assert everything(path) == then
    history.start_run("run", "0")
    recorded = history.record(Record(Path("/m/new.mp3"), Outcome.KEPT, "why"))
    assert [found.id for found in history.records(Query(limit=1))] == [recorded.id]
    history.close()
    back_up(path, place, quietly)


def test_a_save_that_a_backup_saw_the_middle_of_can_be_undone(history: History, place: Path, tmp_path: Path) -> None:
    """Put back, the history finds that the save came to its end, and what was there can be put back, too."""
    song, clone = tmp_path / "song.mp3", tmp_path / "song.mp3.genred-1.tmp"
    song.write_bytes(b"old")
    clone.write_bytes(b"new")
    journal = Journal(history)
    draft = Record(song, Outcome.TAGGED, "Jazz 0.9", "Jazz", 0.9, written=("Jazz",), model="m")
    with journal.exclusive():
        (write,) = journal.begin([Begun(song, clone, stamp_of(song), draft)])
        journal.ready({write: Proof(b"delta", digest(song), digest(clone))})
        back_up(history.path, place, quietly)
        clone.replace(song)
        journal.finish({write: stamp_of(song)})
    again = place.with_name("again.db")
    again.write_bytes(place.read_bytes())
    restored = History.open(again)
    restored.start_run("run", "0")
    resolve(restored)
    assert [undo.path for undo in Journal(restored).standing(Query()) if isinstance(undo, Undo)] == [song]
    assert Journal(restored).unfinished() == []
    restored.close()


def digest(path: Path) -> bytes:
    from genred.history.identity import sha256_of

    found = sha256_of(path)
    assert found is not None
    return found
