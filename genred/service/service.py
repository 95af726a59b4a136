"""`genred run` and `genred scan`: the loops, and what stands around them."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from genred import __version__
from genred.analysis.analyser import Analyser, load_model, predict_stored
from genred.config import Config, cache_dir
from genred.errors import GenredError, HistoryError, WatchError
from genred.fs.files import Stamp, readable
from genred.fs.locks import locked
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Record
from genred.saving import transaction
from genred.service import logs
from genred.service.sdnotify import Pulse, notify, notify_reloading
from genred.service.signals import Reload
from genred.service.status import Board, Watched, lock_of
from genred.service.workers import Workers
from genred.tagging.tagger import Tagger
from genred.watching.backlog import Meeting
from genred.watching.walk import WatchOptions, walk
from genred.watching.watcher import Watcher

log = logging.getLogger(__name__)

Found = tuple[Path, Stamp]

PATIENCE_SECONDS = 60
"""Between two tries to go on where the database can't be used for a while."""


def run(config: Config, stop: threading.Event, reload: Reload | None = None) -> None:
    """Watch and tag until told to stop.

    Parameters
    ----------
    config
        What to begin with.
    stop
        Ends it after the file in hand.
    reload
        Where another configuration comes from, when it is asked for; None: this one stays.

    Raises
    ------
    WatchError, HistoryError, LockedError, ModelError
        If the service can't begin, or can't go on.
    """
    _roots(config)
    with working(config, "run") as (history, board), Workers() as workers:
        service = _Service(history, board, workers, stop, reload or Reload(lambda: config))
        while True:
            try:
                following = service.watch(config)
            except HistoryError as error:
                if not error.transient:
                    raise
                following = service.wait(config, error)
            if following is None:
                break
            config = following
        board.status.state = "stopping"
        board.post(at_once=True)
        notify("STOPPING=1", "STATUS=stopping")
        log.info("stopped")


class _Service:
    """What stays when the configuration changes: the history with its run and its lock, and the signals."""

    def __init__(self, history: History, board: Board, workers: Workers, stop: threading.Event, reload: Reload) -> None:
        self._history = history
        self._board = board
        self._workers = workers
        self._stop = stop
        self._reload = reload
        self._decided = 0
        self._posted = ""
        self._pulse = Pulse()

    def watch(self, config: Config) -> Config | None:
        """Watch under one configuration; returns the next one, None when it is time to stop.

        What is queued when it changes isn't forgotten: the history doesn't know it, so the first scan finds it again.
        """
        history, status = self._history, self._board.status
        roots = _roots(config)
        status.roots = [Watched(readable(root), "starting") for root in roots]
        self._board.post(at_once=True)
        options = watch_options(config)
        meeting = Meeting(history, options, leave=config.watch.backlog == "ignore")
        _meet(history, meeting, roots, self._stop)
        if config.history.retention_days:
            history.forget_ways_back(config.history.retention_days)
        analyser = self._workers.under(config, self._stop)
        status.model = analyser.model_name
        tagger = Tagger(config, history, analyser, backlog=config.watch.backlog == "process")
        watcher = Watcher(roots, options, history.unknown, meeting)
        ready = False

        def beat(in_hand: int) -> None:
            nonlocal ready
            news = watcher.ready and not ready
            if news:
                ready, status.state = True, "watching"
                log.info("watching %s", ", ".join(map(readable, roots)))
                notify("READY=1")
            status.queued = watcher.queued + in_hand
            status.roots = [_state(root, watcher) for root in roots]
            self._beat(at_once=news)

        with closing(watcher.batches(self._stop)) as batches:
            for batch in batches:
                beat(len(batch))
                for number, record in enumerate(tagger.process(batch), 1):
                    logs.tell(record)
                    status.count(record)
                    beat(len(batch) - number)
                    if self._stop.is_set() or self._reload.asked:
                        break
                if self._reload.asked and not self._stop.is_set():
                    following = self._reloaded(config)
                    if following is not None:
                        return following
        return None

    def wait(self, config: Config, trouble: HistoryError) -> Config | None:
        """Do nothing until the database can be used again: without it, nothing could be taken back.

        Returns what to go on with, None when it is time to stop.
        """
        status = self._board.status
        while True:
            log.error("%s; nothing is looked at until that is over", trouble)
            status.state, status.trouble = "waiting", str(trouble)
            self._board.post(at_once=True)
            for _ in range(PATIENCE_SECONDS):
                self._pulse.beat(status.line())
                if self._stop.wait(1):
                    return None
            try:
                _resolve(self._history)
            except HistoryError as error:
                if not error.transient:
                    raise
                trouble = error
            else:
                log.info("the history can be used again")
                status.trouble = ""
                return config

    def _beat(self, *, at_once: bool) -> None:
        """A sign of life, for the service manager and for those who ask."""
        status = self._board.status
        if at_once or (self._board.due and status.line() != self._posted):
            decided = sum(status.done.values())
            if at_once or decided != self._decided:
                status.known, self._decided = self._history.count_known(), decided
            self._board.post(at_once=True)
            self._posted = status.line()
        self._pulse.beat(status.line())
        logs.tell_repeats()

    def _reloaded(self, config: Config) -> Config | None:
        """The configuration to go on with; None where the new one can't be used, and the old one stays."""
        status = self._board.status
        status.state, self._reload.asked = "reloading", False
        self._board.post(at_once=True)
        notify_reloading()
        log.info("reloading")
        try:
            new = self._reload.load()
            _roots(new)
            self._workers.under(new, self._stop)
        except GenredError as error:
            status.mistakes = str(error).splitlines()
            for mistake in status.mistakes:
                log.error("not reloaded, the old configuration stays: %s", mistake)
            status.state = "watching"
            self._board.post(at_once=True)
            notify("READY=1")
            return None
        status.mistakes = []
        if new.database != config.database:
            new = new.with_changes("history", url=config.history.url)
            status.mistakes = [f"history.url: changed, which takes a restart; {config.database} stays in use"]
            log.warning("%s", status.mistakes[0])
        return new


def scan(config: Config, stop: threading.Event, *, dry_run: bool, expect: Callable[[int], None]) -> Iterator[Record]:
    """One pass over what is there now and isn't done, one record each.

    Parameters
    ----------
    config
        As for `run`; what was there before the first start is looked at too.
    stop
        Ends the pass after the file in hand.
    dry_run
        Write and record nothing.
    expect
        Is told how many files there are to look at, before the first.
    """
    roots = _roots(config)
    options = watch_options(config)

    def unreadable(path: Path, error: OSError) -> None:
        log.warning("%s: can't be read (%s)", readable(path), error.strerror)

    def todo(history: History) -> Iterator[Found]:
        for root in roots:
            yield from history.unknown(walk(root, options, on_error=unreadable), backlog=True)

    with working(config, "scan") as (history, board), Analyser(config.service, config.model, cache_dir()) as analyser:
        status = board.status
        status.roots = [Watched(readable(root), "scanned") for root in roots]
        status.queued, status.known = sum(1 for _ in todo(history)), history.count_known()
        board.post(at_once=True)
        expect(status.queued)
        analyser.warm_up(stop)
        if stop.is_set():
            return
        status.state, status.model = "scanning", analyser.model_name
        tagger = Tagger(config, history, analyser, backlog=True, dry_run=dry_run)
        for record in tagger.process(path for path, _ in todo(history)):
            status.count(record)
            status.queued -= 1
            board.post()
            yield record
            if stop.is_set():
                break


def redecide(config: Config, stop: threading.Event, *, dry_run: bool) -> Iterator[Record]:
    """Decide anew about what was heard, with the model and the policy of now, without opening any audio."""
    from genred.sound.features import (
        FEATURE_VERSION,  # here and not above: only this command computes in the main process
    )

    model = load_model(config.model, cache_dir())
    predict = partial(predict_stored, model)

    with working(config, "scan") as (history, board), Analyser(config.service, config.model, cache_dir()) as analyser:
        board.status.state, board.status.model = "deciding anew", model.name
        board.post(at_once=True)
        tagger = Tagger(config, history, analyser, dry_run=dry_run)
        for root in config.watch.directories or (None,):
            heard = history.heard(FEATURE_VERSION, root.resolve() if root is not None else None)
            for record in tagger.redecide(heard, predict, model.name):
                board.status.count(record)
                board.post()
                yield record
                if stop.is_set():
                    return


@contextmanager
def working(config: Config, command: str) -> Iterator[tuple[History, Board]]:
    """The history with the lock of the one that analyses, what was cut short resolved, and a run begun."""
    history = History.open(config.database)
    try:
        with locked(lock_of(config.database)) as lock, Board(lock, command) as board:
            _resolve(history)
            history.start_run(command, __version__)
            yield history, board
    finally:
        history.close()


@contextmanager
def deciding(config: Config, command: str) -> Iterator[History]:
    """The history with a run begun, for a person's decision: beside a running service, one safe write at a time."""
    history = History.open(config.database)
    try:
        history.start_run(command, __version__)
        yield history
    finally:
        history.close()


def _resolve(history: History) -> None:
    for resolved in transaction.recover(Journal(history)):
        log.warning("cut short earlier, now resolved: %s", resolved)


def watch_options(config: Config) -> WatchOptions:
    return WatchOptions(
        recursive=config.watch.recursive,
        settle_seconds=config.watch.settle_seconds,
        rescan_minutes=config.watch.rescan_minutes,
        polling=config.watch.polling,
        extensions=frozenset("." + suffix.lower().lstrip(".") for suffix in config.watch.extensions),
        ignore=config.watch.ignore,
    )


def _state(root: Path, watcher: Watcher) -> Watched:
    """How a root is doing."""
    name = readable(root)
    problems = [p.removeprefix(f"{name}: ") for p in watcher.problems if p.startswith(f"{name}: ")]
    state = "offline" if root in watcher.offline else "limited" if problems else "watched"
    return Watched(name, state, [problem.removeprefix("offline: ") for problem in problems])


def _roots(config: Config) -> Sequence[Path]:
    if not config.watch.directories:
        raise WatchError("no folder to look at: name one (`genred run ~/Music`) or set watch.directories")
    return [path.absolute() for path in config.watch.directories]


def _meet(history: History, meeting: Meeting, roots: Sequence[Path], stop: threading.Event) -> None:
    """Meet roots for the first time, before anything slow: what arrives from now on is new.

    Those that are known are left to the watcher's threads, where a share that doesn't answer holds nobody up.
    """
    for root in roots:
        if history.file_systems(root):
            continue
        if root.is_dir():
            meeting(root, lambda: not stop.is_set())
        else:
            log.warning("%s: not there; it is watched when it appears", readable(root))
