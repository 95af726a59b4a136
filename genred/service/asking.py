"""Scan, or have the service at work do it; `request` is the side of the service."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path

from genred import __version__
from genred.config import Config
from genred.errors import LockedError
from genred.fs.locks import locked
from genred.history.history import History
from genred.history.records import Query, Record
from genred.service.request import Answer, Request, answer_file, request_file
from genred.service.scan import Notices, present_roots, scan
from genred.service.status import ask, how_to_stop, lock_of

ASK_SECONDS = 0.3


def scan_or_ask(config: Config, stop: threading.Event, *, dry_run: bool, notices: Notices) -> Iterator[Record]:
    """As `scan`; where a service is at work, the service does it."""
    try:
        yield from scan(config, stop, dry_run=dry_run, notices=notices)
    except LockedError:
        yield from _scan_by_service(config, stop, notices)


def _scan_by_service(config: Config, stop: threading.Event, notices: Notices) -> Iterator[Record]:
    """Ask the service at work to scan, and yield what it decides.

    Raises
    ------
    LockedError
        If the one at work can't be asked, or refuses.
    """
    lock = lock_of(config.database)
    _check_who_is_at_work(lock)
    request = Request.of(config, present_roots(config, notices.missing))
    with locked(request_file(config)) as fd, closing(History.open(config.database, readonly=True)) as history:
        asked = json.dumps(asdict(request)).encode()
        os.pwrite(fd, asked, 0)
        os.ftruncate(fd, len(asked))
        seen = 0
        expected: int | None = None
        while not stop.wait(ASK_SECONDS):
            answer = _read_answer(config, request)
            if not answer.ended:
                notices.step(f"the service is {_check_who_is_at_work(lock)}")
            if answer.refused:
                raise LockedError(_taken(lock, answer.refused))
            if answer.total is not None and answer.total != expected:
                expected = answer.total
                notices.expect(expected)
            if answer.run is not None:
                for record in _since(history, answer.run, seen):
                    seen = record.id or seen
                    yield record
            if answer.ended:
                return


def _since(history: History, run: int, seen: int) -> list[Record]:
    """Return the records of a run after one of them, oldest first."""
    return list(takewhile(lambda record: (record.id or 0) > seen, history.records(Query(run=run))))[::-1]


def _check_who_is_at_work(lock: Path) -> str:
    """Return what the service is at; raise what to do where nobody is at work who could be asked."""
    at_work, status = ask(lock)
    if not at_work:
        raise LockedError("the service that was asked to scan has ended; scan again")
    mine = os.stat(lock).st_uid == os.geteuid()
    if status is None or status.command != "run" or status.version != __version__ or not mine:
        raise LockedError(_taken(lock))
    return status.state


def _taken(lock: Path, reason: str = "") -> str:
    return f"another genred is at work on this history{', and ' if reason else ''}{reason}; {how_to_stop(lock)}"


def _read_answer(config: Config, request: Request) -> Answer:
    with suppress(OSError, ValueError, TypeError):
        answer = Answer(**json.loads(answer_file(config).read_bytes()))
        if answer.request == request.id:
            return answer
    return Answer("")
