"""Checks of what genred keeps: the model and its workers, the history, and the lock of a genred at work."""

import math
import os
import time
import wave
from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from genred import config
from genred.analysis import Ask
from genred.analysis.analyser import Analyser
from genred.config import Config
from genred.doctor.finding import Finding, fail, ok, warn
from genred.errors import FileError, HistoryError, ModelError
from genred.fs.files import readable
from genred.history import schema
from genred.history.database import SCHEMA
from genred.history.database import version as version_of
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Query
from genred.service import status

_WAL_BYTES = 256 << 20
_SKEW = timedelta(minutes=5)


def model(settings: Config) -> Iterator[Finding]:
    """Start a worker as the service does, load the model in it, and listen to a test tone."""
    cache = config.cache_dir()
    made = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if not os.access(made, os.W_OK | os.X_OK):
        yield fail("model", f"{readable(cache)}: the cache folder can't be written", "give it to genred's user")
        return
    began = time.monotonic()
    one = settings.with_changes("service", workers=1)
    with Analyser.of(one) as analyser, TemporaryDirectory(prefix="genred-") as folder:
        try:
            analyser.warm_up()
        except ModelError as error:
            yield fail("model", str(error), "`genred model use builtin`, or train anew: `genred train`")
            return
        whose = readable(Path(settings.model.path)) if settings.model.path else "comes with genred"
        took = time.monotonic() - began
        yield ok("model", f"{analyser.model_name} ({whose}), ready in a worker after {took:.1f} s")
        [(_, look)] = analyser.analyse([_tone(Path(folder, "tone.wav"))], Ask.SOUND)
        if isinstance(look, FileError):
            yield fail("listening", f"a test tone can't be listened to: {look.reason}", "raise service.memory_mb")
        else:
            yield ok("listening", f"a test tone was heard in {time.monotonic() - began - took:.1f} s")


def _tone(path: Path) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(22050)
        out.writeframes(array("h", (round(8000 * math.sin(i / 8)) for i in range(5 * 22050))).tobytes())
    return path


def history(path: Path, now: datetime, working: bool) -> Iterator[Finding]:
    """Check the database without writing to it: its integrity, its schema, its size.

    Parameters
    ----------
    path
        The database.
    now
        The time; no decision can be newer.
    working
        True if a genred is at work on the database, and so may be in the middle of a write.
    """
    name = readable(path)
    if not path.exists():
        yield ok("history", f"{name}: none yet; it begins with `genred run` or `genred scan`")
        return
    database = History(path, schema.connect(path, readonly=True))
    try:
        yield from _health(database, name, working)
        newest = next(islice(database.records(Query(limit=1)), 1), None)
    except HistoryError as error:
        is_damaged = error.__cause__ is not None  # what can't be opened isn't damaged, and the error says what to do
        hint = f"move it away and put back a copy of yours, or {name}.schema-*" if is_damaged else ""
        yield fail("history", str(error), hint)
        return
    finally:
        database.close()
    if newest is not None and newest.at and datetime.fromisoformat(newest.at) > now + _SKEW:
        yield fail("clock", f"the newest decision is of {newest.at}, later than now", "sudo timedatectl set-ntp true")


def _health(database: History, name: str, working: bool) -> Iterator[Finding]:
    version = version_of(database.path, readonly=True)
    with database.reading() as db:
        broken = db.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        files = db.exec_driver_sql("SELECT count(*) FROM files").scalar_one()
    size = database.path.stat().st_size
    if broken != "ok":
        yield fail("history", f"{name}: damaged ({broken})", f"sqlite3 {name} .recover | sqlite3 mended.db")
    elif version != SCHEMA:
        yield ok("history", f"{name}: schema {version}; the next start takes a backup and brings it to {SCHEMA}")
    else:
        each = f"{size / max(files, 1) / 1e3:.1f} kB each"
        yield ok("history", f"{name}: whole; {size / 1e6:.1f} MB, {files:,} files ({each})")
    if version == SCHEMA and not working and (cut := len(Journal(database).unfinished())):
        yield warn("history", f"{cut} writes were cut short", "the next `genred run` or `genred scan` resolves them")
    wal = database.path.with_name(database.path.name + "-wal")
    if wal.exists() and wal.stat().st_size > _WAL_BYTES:
        message = f"{wal.stat().st_size / 1e6:.0f} MB wait in its write-ahead log: something reads it without end"
        yield warn("history", message, "close other programs that have the database open")


def at_work(database: Path) -> bool:
    """Return whether a genred is, or may be, at work on this history."""
    try:
        return status.ask(status.lock_of(database))[0]
    except HistoryError:
        return True  # the lock belongs to another user


def lock(database: Path) -> Iterator[Finding]:
    """Say whether a genred is at work, which is no fault either way."""
    try:
        working, said = status.ask(status.lock_of(database))
    except HistoryError as error:
        yield warn("lock", str(error))
        return
    what = f" ({said.command}, process {said.pid}: {said.state})" if working and said else ""
    yield ok("lock", f"{'a' if working else 'no'} genred is at work on this history{what}")
