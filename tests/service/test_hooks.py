"""Batches for another program: told when it is quiet, again until they are taken, and from a bookmark on."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from genred.errors import ConfigError, LockedError
from genred.history.following import Follower, Place
from genred.history.history import History
from genred.history.records import Outcome, Query, Record
from genred.service import hooks
from genred.service.following import MOST, known_elsewhere
from genred.service.hooks import Batches, Bookmark, bookmark, told_by

_followers: list[Follower] = []


@pytest.fixture(autouse=True)
def closing_followers() -> Iterator[None]:
    """No test leaves a database open."""
    yield
    while _followers:
        _followers.pop().close()


class Listener:
    """Takes batches or refuses them, and has a clock."""

    def __init__(self, history: History, file: Path | None = None, *, query: Query | None = None) -> None:
        self.history = history
        self.now = 0.0
        self.refuses = 0
        self.told: list[list[int]] = []
        self.mark = Bookmark(file)
        self.query = query or Query()
        self.start()

    def start(self, place: Place | None = None) -> None:
        """Begin anew, as a process does that was killed and started."""
        self.follower = Follower(self.history.path)
        _followers.append(self.follower)
        self.batches = Batches(
            self.follower,
            self.query,
            self.mark.read() or place,
            tell=self._take,
            note=self.mark.write,
            quiet_seconds=10.0,
            clock=lambda: self.now,
        )

    def _take(self, batch: Sequence[Record]) -> str:
        if self.refuses:
            self.refuses -= 1
            return "no"
        self.told.append([record.id or 0 for record in batch])
        return ""

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass, with a look in each."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self.batches.look()


def decide(history: History, count: int = 1, outcome: Outcome = Outcome.FAILED) -> list[int]:
    return [history.record(Record(Path("/m/x"), outcome, "why")).id or 0 for _ in range(count)]


@pytest.fixture
def listener(history: History, tmp_path: Path) -> Listener:
    listener = Listener(history, tmp_path / "place.json")
    listener.batches.look()
    return listener


def test_an_album_is_one_batch(history: History, listener: Listener) -> None:
    """Its tracks are written one after the other, and told when none came for a while."""
    ids = []
    for _ in range(12):
        ids += decide(history)
        listener.wait(8)
    assert listener.told == []
    listener.wait(3)
    assert listener.told == [ids]
    listener.wait(100)
    assert listener.told == [ids]


def test_what_never_rests_is_told_all_the_same(history: History, listener: Listener) -> None:
    """A scan of a library takes hours: it is told in parts."""
    ids: list[int] = []
    for _ in range(120):
        ids += decide(history)
        listener.wait(1)
    assert [len(batch) for batch in listener.told] == [101]
    listener.wait(11)
    assert [*listener.told[0], *listener.told[1]] == ids


def test_a_batch_has_an_end(history: History, listener: Listener) -> None:
    """However much there is to be told at once, as after a long time without the player."""
    with history.writing() as db:
        ids = [history.insert(db, Record(Path("/m/x"), Outcome.FAILED, "why")).id for _ in range(MOST + 5)]
    listener.wait(1)
    assert listener.told == [ids[:MOST]]
    listener.wait(11)
    assert listener.told == [ids[:MOST], ids[MOST:]]


def test_what_fails_is_told_again_with_what_came_since(
    history: History, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    """Three failures: after ten seconds, twenty, forty; nothing is lost, and nothing is told twice."""
    listener.refuses = 3
    first = decide(history, 2)
    listener.wait(11)
    assert listener.refuses == 2
    later = decide(history)  # which makes it quiet a second later
    listener.wait(10)
    assert listener.refuses == 2
    listener.wait(1)
    assert listener.refuses == 1
    listener.wait(19)
    assert listener.refuses == 1
    listener.wait(1)
    assert listener.refuses == 0
    listener.wait(39)
    assert listener.told == []
    listener.wait(1)
    assert listener.told == [first + later]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "2 decisions could not be told (no); once more in 10 seconds",
        "3 decisions could not be told (no); once more in 20 seconds",
        "3 decisions could not be told (no); once more in 40 seconds",
    ]
    listener.refuses = 1
    last = decide(history)
    listener.wait(21)
    assert listener.told[1:] == [last]


def test_a_player_that_is_gone_for_days_is_tried_every_five_minutes(history: History, listener: Listener) -> None:
    """And full batches are not read into memory meanwhile."""
    listener.refuses = 1000
    with history.writing() as db:
        for _ in range(MOST + 5):
            history.insert(db, Record(Path("/m/x"), Outcome.FAILED, "why"))
    listener.wait(3600)
    assert 1000 - listener.refuses == 6 + 10  # after 0, 10, 30, 70, 150 and 310 seconds, and then every 300
    listener.refuses = 0
    listener.wait(300)
    assert [len(batch) for batch in listener.told] == [MOST, 5]


def test_a_restart_goes_on_where_it_was(history: History, listener: Listener) -> None:
    """Killed before a batch was told: all of it comes; after that: none of it."""
    first = decide(history, 3)
    listener.wait(5)
    listener.start()
    first += decide(history)
    listener.wait(12)
    assert listener.told == [first]
    listener.start()
    listener.wait(20)
    assert listener.told == [first]


def test_a_first_start_that_is_cut_short_loses_nothing(history: History, tmp_path: Path) -> None:
    """The place is noted as soon as it is known, and not only behind the first batch."""
    decide(history)
    listener = Listener(history, tmp_path / "place.json")
    listener.wait(1)
    ids = decide(history)
    listener.start()
    listener.wait(12)
    assert listener.told == [ids]


def test_a_kill_between_telling_and_noting_tells_twice(history: History, tmp_path: Path) -> None:
    """What can't be noted, or was not yet, comes once more: nothing is lost, and the numbers say what is known."""
    listener = Listener(history, tmp_path / "gone" / "place.json")
    listener.start(Place())
    ids = decide(history, 2)
    listener.wait(12)
    assert listener.told == [ids]
    listener.start(Place())
    listener.wait(12)
    assert listener.told == [ids, ids]
    (tmp_path / "gone").mkdir()  # the disk has room again
    listener.wait(1)
    listener.start(Place())
    listener.wait(12)
    assert listener.told == [ids, ids]


def test_what_does_not_match_is_no_news(history: History, tmp_path: Path) -> None:
    """A hook is not run for it; when the follower ends, its place moves on all the same."""
    listener = Listener(history, tmp_path / "place.json", query=Query(outcomes=(Outcome.TAGGED,)))
    listener.wait(1)
    last = decide(history, 5)[-1]
    listener.wait(20)
    assert listener.told == []
    listener.batches.note()
    place = listener.mark.read()
    assert place is not None
    assert place.id == last


DAMAGED = [
    '{"id": "1", "at": ""}',
    '{"id": -1, "at": ""}',
    f'{{"id": 1{30 * "0"}, "at": ""}}',
    r'{"id": 1, "at": "\ud800"}',
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_bookmark_may_be_deleted(tmp_path: Path, content: str) -> None:
    """Nobody guesses where to go on; the message says what to do."""
    (tmp_path / "place.json").write_text(content)
    with pytest.raises(ConfigError, match="to begin with what comes next, delete it"):
        Bookmark(tmp_path / "place.json").read()


@pytest.mark.parametrize("content", ["", "{}", "[1]", "7", 900 * "[", "SQLite format 3\0", "\ud800"])
def test_what_is_no_bookmark_is_left_alone(tmp_path: Path, content: str) -> None:
    """A song or a history by mistake: nobody is told to delete it, and no lock is left beside it."""
    file = tmp_path / "song.mp3"
    file.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError, match=r"something else .* name another file") as error, bookmark(file):
        pass
    assert "delete" not in str(error.value)
    assert list(tmp_path.iterdir()) == [file]


def test_a_bookmark_is_for_one_at_a_time(tmp_path: Path) -> None:
    """Two that go by one file would each skip what the other told; its folder is made."""
    file = tmp_path / "hooks" / "mpd.json"
    with bookmark(file) as mark:
        assert mark.read() is None
        mark.write(Place(7, "2026-11-22T08:17:17.402Z"))
        with pytest.raises(LockedError, match=r"mpd\.json: another `genred follow` goes by this file"), bookmark(file):
            pass
    with bookmark(file) as mark:
        assert mark.read() == Place(7, "2026-11-22T08:17:17.402Z")
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigError, match="can't be read"), bookmark(file):
        pass
    with pytest.raises(ConfigError, match="the folder can't be made"), bookmark(tmp_path / "hooks/mpd.json.lock/x/y"):
        pass


def test_a_command_reads_a_line_for_each(tmp_path: Path) -> None:
    """In UTF-8, whatever the locale; it may fail, or not be there, or not read at all."""
    batch = [Record(Path("/m/é"), Outcome.KEPT, "why", id=number) for number in (1, 2)]

    def tell(command: str) -> str:
        return told_by(["/bin/sh", "-c", command], lambda record: f"{record.id} {record.path}")(batch)

    assert tell(f"cat > {tmp_path}/told") == ""
    assert (tmp_path / "told").read_bytes() == "1 /m/é\n2 /m/é\n".encode()
    assert tell("exit 0") == ""
    assert tell("cat >/dev/null; exit 3") == "exit 3"
    assert tell("kill -9 $$") == "signal 9"
    assert told_by([str(tmp_path / "nothing")], str)(batch) == f"{tmp_path}/nothing: No such file or directory"


def test_who_waits_no_longer_ends_the_command(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Ctrl-C once more: the command ends with all that it started, and what becomes of its batch is said."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    ours = os.open(gate, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(ours, True)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = f"exec >{gate}; (kill -INT $PPID; sleep 20; echo still there); true"
        with pytest.raises(KeyboardInterrupt):
            told_by(["/bin/sh", "-c", command], str)([Record(Path("/m/1"), Outcome.KEPT, "why")])
        assert os.read(ours, 1000) == b""  # nobody is left who could say something
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(ours)
    (warning,) = caplog.messages
    assert "ended before it had taken its batch" in warning


MAPS = [(Path("/srv/music"), "/music"), (Path("/srv/music/Kids"), "/kids/"), (Path("/srv/more"), ".")]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/srv/music/a/1.mp3", "/music/a/1.mp3"),
        ("/srv/music/Kids/1.mp3", "/kids/1.mp3"),
        ("/srv/more/a/1.mp3", "a/1.mp3"),
        ("/srv/musical/1.mp3", "/srv/musical/1.mp3"),
        (os.fsdecode(b"/srv/music/\xff.mp3"), r"/music/\xff.mp3"),
    ],
)
def test_another_program_has_its_own_paths(path: str, there: str) -> None:
    """The innermost folder that is mapped counts; a file outside of all keeps its path."""
    said: dict[str, Any] = known_elsewhere(Record(Path(path), Outcome.KEPT, "why"), MAPS)
    assert said["path"] == there
    assert json.dumps(said)
    share = known_elsewhere(Record(Path("/srv/music/1.mp3"), Outcome.KEPT, ""), [(Path("/srv/music"), "smb://nas/m")])
    assert share["path"] == "smb://nas/m/1.mp3"


def test_scripts_are_readable_by_any_shell() -> None:
    """They are run by /bin/sh, and their right to be executed may be lost on the way."""
    for name in hooks.shipped():
        assert hooks.script(name)[0] == "/bin/sh"
        assert "\t" not in Path(hooks.script(name)[1]).read_text()
