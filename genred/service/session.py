"""Hold what a command works with: the history, a run of its own in it, and for who analyses the lock and the board."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from genred import __version__
from genred.config import Config
from genred.errors import LockedError
from genred.fs.locks import locked
from genred.history.database import is_there
from genred.history.history import History
from genred.history.journal import Journal
from genred.saving import transaction
from genred.saving.recovery import NOT_YET
from genred.service.status import Board, how_to_stop, lock_of

log = logging.getLogger(__name__)


@contextmanager
def working(config: Config, command: str) -> Iterator[tuple[History, Board]]:
    """Open the history for the one that analyses: locked, what was cut short resolved, and a run begun.

    Raises
    ------
    LockedError
        If another process analyses for this history.
    """
    history = History.open(config.database)
    try:
        with _lock(config) as lock, Board(lock, command) as board:
            resolve(history)
            history.start_run(command, __version__)
            yield history, board
    finally:
        history.close()


@contextmanager
def deciding(config: Config, command: str, *, dry_run: bool = False) -> Iterator[History]:
    """Open the history for a person's decision, and begin a run, or rehearse it; a service may be at work beside it."""
    if dry_run:
        with rehearsing(config) as history:
            yield history
        return
    with closing(History.open(config.database)) as history:
        history.start_run(command, __version__)
        yield history


@contextmanager
def rehearsing(config: Config) -> Iterator[History]:
    """Open the history to look at it only; where there is none, an empty one that is gone afterwards."""
    with ExitStack() as stack:
        database = config.database
        if not is_there(database):
            database = Path(stack.enter_context(TemporaryDirectory(prefix="genred-"))) / "history.db"
        yield stack.enter_context(closing(History.open(database, readonly=database == config.database)))


@contextmanager
def _lock(config: Config) -> Iterator[int]:
    file = lock_of(config.database)
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(locked(file))
        except LockedError as error:
            raise LockedError(f"another genred is at work on this history; {how_to_stop(file)}") from error
        yield lock


def resolve(history: History) -> None:
    """Bring each save that was cut short to an end: the file is the old or the new one."""
    for resolved in transaction.recover(Journal(history)):
        log.warning("cut short earlier%s: %s", "" if NOT_YET in resolved else ", now resolved", resolved)
