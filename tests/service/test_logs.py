"""What reaches a terminal or systemd's journal, and how often."""

import logging
import os
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from genred.fs.files import readable
from genred.history.records import Outcome, Record
from genred.service import logs
from genred.service.logs import FIRST, JournalHandler, Repeats, set_up_logging, tell, tell_repeats

TAGGED = Record(
    Path(os.fsdecode(b"/music/caf\xe9\n\x1b[31m.mp3")),
    Outcome.TAGGED,
    "Rock 0.91, 0.42 needed",
    genre="Rock",
    confidence=0.9123,
    written=("Rock", "Metal"),
    model="builtin",
    run=7,
    id=12,
)
FAILED = Record(Path("/music/x.mp3"), Outcome.FAILED, "it is damaged")


class Journal:
    """systemd's journal, as far as its socket goes."""

    def __init__(self, address: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self._socket.settimeout(5)

    def entry(self) -> dict[str, str]:
        """The next entry, read as the protocol's description says."""
        rest, fields = self._socket.recv(1 << 18), {}
        while rest:
            line, _, rest = rest.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                (size,) = struct.unpack("<Q", rest[:8])
                value, rest = rest[8 : 8 + size], rest[9 + size :]
            fields[name.decode()] = value.decode()
        return fields

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "socket")
    yield journal
    journal.close()


class Kept(logging.Handler):
    """Keeps the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root of all loggers, as it was before when the test is over."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        if handler not in before:
            handler.close()
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)


def to(root: logging.Logger, handler: logging.Handler) -> None:
    logging.basicConfig(level="DEBUG", handlers=[handler], force=True)


def test_a_decision_has_fields_of_its_own_in_the_journal(
    journal: Journal, tmp_path: Path, root: logging.Logger
) -> None:
    """Path, outcome, genre, confidence and the rest can be asked for one by one; what isn't there is left out."""
    to(root, JournalHandler(tmp_path / "socket", Kept()))
    tell(TAGGED)
    assert journal.entry() == {
        "MESSAGE": logs.line(TAGGED)[1],
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "genred",
        "GENRED_PATH": readable(TAGGED.path),
        "GENRED_OUTCOME": "tagged",
        "GENRED_GENRE": "Rock, Metal",
        "GENRED_CONFIDENCE": "0.9123",
        "GENRED_REASON": "Rock 0.91, 0.42 needed",
        "GENRED_MODEL": "builtin",
        "GENRED_RUN": "7",
        "GENRED_RECORD": "12",
    }
    tell(FAILED)
    entry = journal.entry()
    assert entry["PRIORITY"] == "4"
    assert {"GENRED_PATH", "GENRED_OUTCOME", "GENRED_REASON"} == {name for name in entry if name.startswith("GENRED")}


def test_names_cannot_write_into_the_journal(journal: Journal, tmp_path: Path, root: logging.Logger) -> None:
    """A line break or an escape sequence in a message is shown, and does nothing; a traceback keeps its lines."""
    to(root, JournalHandler(tmp_path / "socket", Kept()))
    logging.warning("%s", "a\nGENRED_OUTCOME=tagged\x1b[2J\udce9‮")
    assert journal.entry()["MESSAGE"] == r"a\nGENRED_OUTCOME=tagged\x1b[2J\udce9\u202e"
    try:
        raise ValueError("a bug")
    except ValueError:
        logging.exception("bad")
    entry = journal.entry()
    assert entry["MESSAGE"].startswith("bad\nTraceback")
    assert entry["MESSAGE"].endswith("\nValueError: a bug")
    assert entry["PRIORITY"] == "3"


def test_without_the_journals_socket_a_message_still_arrives(tmp_path: Path, root: logging.Logger) -> None:
    """No socket, or one that doesn't take the message: it goes to where messages went otherwise."""
    kept = Kept()
    to(root, JournalHandler(tmp_path / "none", kept))
    logging.warning("here")
    assert kept.texts == ["here"]


def test_the_journal_may_be_restarted(tmp_path: Path, root: logging.Logger) -> None:
    """Another socket in the place of the first gets what comes next."""
    kept = Kept()
    to(root, JournalHandler(tmp_path / "socket", kept))
    for text in ("before", "after"):
        journal = Journal(tmp_path / "socket")
        logging.warning(text)
        assert journal.entry()["MESSAGE"] == text
        journal.close()
        (tmp_path / "socket").unlink()
    assert not kept.texts


def test_a_terminal_gets_plain_lines(
    root: logging.Logger, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the time; also where $JOURNAL_STREAM is inherited from a service that started the shell."""
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    set_up_logging("info")
    logging.getLogger("x").info("it is \x1b[31mred")
    logging.getLogger("x").debug("not told")
    assert capfd.readouterr().err[8:] == " it is \\x1b[31mred\n"


def test_the_journal_without_its_socket_gets_priorities(
    root: logging.Logger, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In front of every line, and no time."""
    st = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{st.st_dev}:{st.st_ino}")
    monkeypatch.setattr(logs, "JOURNAL", tmp_path / "none")
    monkeypatch.setattr(sys, "stderr", open(os.dup(2), "w"))  # noqa: SIM115 - pytest's has no descriptor
    set_up_logging("info")
    logging.warning("careful")
    sys.stderr.close()
    assert capfd.readouterr().err == "<4>careful\n"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_repeats_is_counted(root: logging.Logger) -> None:
    """A few of a kind are told, then a number a minute; what is new is told meanwhile, and it ends with the last."""
    kept, clock = Kept(), Clock()
    to(root, Repeats(kept, clock))
    for _ in range(FIRST + 412):
        logging.warning("%s: offline", "/mnt/nas")
    logging.warning("%s: offline", "/mnt/other")
    assert kept.texts == FIRST * ["/mnt/nas: offline"] + ["/mnt/other: offline"]
    del kept.texts[:]

    clock.now += 59
    tell_repeats()
    assert kept.texts == []
    clock.now += 1
    tell_repeats()
    assert kept.texts == ["/mnt/nas: offline ... and 412 more like it in the last minute"]

    logging.warning("%s: offline", "/mnt/nas")
    clock.now += 60
    logging.info("something else")
    assert kept.texts[1:] == ["/mnt/nas: offline ... and 1 more like it in the last minute", "something else"]
    clock.now += 60
    tell_repeats()
    logging.warning("%s: offline", "/mnt/nas")
    assert kept.texts[3:] == ["/mnt/nas: offline"]


def test_a_thousand_files_that_fail_alike_are_some_lines(root: logging.Logger) -> None:
    """Whatever their names; and nothing is held back of those that were tagged, or when it ends."""
    kept, clock = Kept(), Clock()
    repeats = Repeats(kept, clock)
    to(root, repeats)
    for number in range(1000):
        tell(replace(FAILED, path=Path(f"/music/{number}.mp3")))
        tell(replace(TAGGED, path=Path(f"/music/{number}.flac")))
    assert sum("damaged" in text for text in kept.texts) == FIRST
    assert sum(text.startswith("tagged") for text in kept.texts) == 1000
    repeats.flush()
    assert kept.texts[-1] == "failed    it is damaged ... and 995 more like it in the last minute"


def test_memory_of_what_was_said_is_short(root: logging.Logger) -> None:
    """A minute later nothing is kept of messages that came once."""
    kept, clock = Kept(), Clock()
    repeats = Repeats(kept, clock)
    to(root, repeats)
    for number in range(1000):
        logging.info("number %d", number)
    clock.now += 61
    logging.info("the last")
    assert len(repeats._seen) == 1
