"""The SQL in the documents, and a history that has an answer to each of it."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from genred.fs.files import Stamp
from genred.history.history import History
from genred.history.journal import Begun, Journal, Proof
from genred.history.recipes import recipes as of_the_document
from genred.history.records import Outcome, Record, iso
from genred.names import Labels

REPOSITORY = Path(__file__).resolve().parents[1]


def recipes() -> Iterator[tuple[str, str]]:
    """Title and one statement, of docs/history.md and of the README."""
    yield from ((recipe.title, recipe.sql) for recipe in of_the_document())
    for statement in re.findall(r'^sqlite3 \S+ "(.*)"$', (REPOSITORY / "README.md").read_text(), flags=re.MULTILINE):
        yield f"README: {statement}", statement


def eventful(path: Path) -> Path:
    """A history in which each recipe finds something."""
    history = History.open(path)
    history.start_run("scan", "0")
    song = Path("/srv/music/Nina Simone/Pastel Blues/01 Be My Husband.flac")
    moved = Path("/srv/music/incoming/sinnerman.flac")
    first, _, third = (
        _tag(history, song.with_name(f"{number + 2:02d} Song.flac"), genre)
        for number, genre in enumerate(("Jazz", "Blues", "Blues"))
    )
    _tag(history, moved, "Blues")
    labels = Labels("Nina Simone", "", "Pastel Blues")
    kept = Record(song.with_name("11 Song.flac"), Outcome.KEPT, "it has a genre already: Soul", previous=("Soul",))
    history.record(replace(kept, stamp=_stamp(kept.path), labels=labels))
    (known,) = history.files.of_file(_stamp(moved))
    history.files.refresh(known, song.with_name("10 Sinnerman.flac"), _stamp(moved))
    _tag(history, third.path, "Blues", corrects=third.id)
    last = _tag(history, song, "Jazz")
    undone = Record(song, Outcome.UNDONE, "took back Jazz", previous=("Jazz",), undoes=last.id, stamp=_stamp(song))
    changed = "genred wrote Jazz and a person changed it to Soul"
    for record in (
        undone,
        Record(first.path, Outcome.KEPT, changed, previous=("Soul",), stamp=_stamp(first.path), corrects=first.id),
        Record(
            song.with_name("x.flac"), Outcome.ABSTAINED, "Blues 0.49, 0.52 needed", confidence=0.49, model="builtin-1"
        ),
        Record(song.with_name("y.flac"), Outcome.FAILED, "no audio in it"),
    ):
        history.record(record)
    history.close()
    yesterday = iso(datetime.now().astimezone() - timedelta(days=1))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE records SET at = ?", (yesterday,))
    db.close()
    return path


def _tag(history: History, path: Path, genre: str, corrects: int | None = None) -> Record:
    journal = Journal(history)
    reason = f"{genre} 0.70, 0.52 needed"
    draft = Record(path, Outcome.TAGGED, reason, genre, 0.7, written=(genre,), model="builtin-1", evidence="album")
    draft = replace(draft, corrects=corrects)
    (write_id,) = journal.begin([Begun(path, path.with_name(".genred-x.tmp"), _stamp(path), draft)])
    journal.ready({write_id: Proof(b"delta", b"before", b"after")})
    return journal.finish({write_id: _stamp(path)})[0]


def _stamp(path: Path) -> Stamp:
    return Stamp(dev=1, ino=len(str(path)), size=3, mtime_ns=4, ctime_ns=5)
