"""`genred run` and `genred scan`: the loops, and what stands around them."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from genred import __version__, logs, safewrite
from genred.analysis import Analyser, load_model
from genred.config import Config, cache_dir
from genred.errors import WatchError
from genred.files import Stamp, readable
from genred.history import History
from genred.journal import Journal
from genred.locks import locked
from genred.prediction import Prediction
from genred.records import Record
from genred.sdnotify import notify
from genred.tagger import Tagger
from genred.walking import WatchOptions, walk
from genred.watcher import Watcher

log = logging.getLogger(__name__)

Found = tuple[Path, Stamp]


def run(config: Config, stop: threading.Event) -> None:
    """Watch and tag until told to stop.

    Raises
    ------
    WatchError, HistoryError, LockedError, ModelError
        If the service can't begin, or can't go on.
    """
    roots = _roots(config)
    options = watch_options(config)
    with working(config, "run") as history:
        # Before anything slow: what arrives from now on is new.
        unmet = _meet(history, roots, config, options)
        for root in unmet:
            log.warning("%s: not there; it is watched when it appears", readable(root))
        if config.history.retention_days:
            history.forget_ways_back(config.history.retention_days)
        with Analyser(config.service, config.model, cache_dir()) as analyser:
            notify("STATUS=warming up")
            analyser.warm_up(stop)
            tagger = Tagger(config, history, analyser, backlog=config.watch.backlog == "process")
            watcher = Watcher(roots, options, history.unknown)
            ready = False
            count, last = 0, "nothing yet"
            for batch in watcher.batches(stop):
                unmet = _meet(history, unmet, config, options)
                for record in tagger.process(batch):
                    log.log(*logs.line(record))
                    count, last = count + 1, readable(record.path)
                    notify("WATCHDOG=1")
                    if stop.is_set():
                        break
                if watcher.ready and not ready:
                    ready = True
                    log.info("watching %s", ", ".join(map(readable, roots)))
                    notify("READY=1")
                status = f"watching {len(roots)} folders, {watcher.queued} queued, {count} done, last: {last}"
                notify("WATCHDOG=1", "STATUS=" + "; ".join([status, *watcher.problems]))
            notify("STOPPING=1", "STATUS=stopping")
            log.info("stopped")


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

    with working(config, "scan") as history, Analyser(config.service, config.model, cache_dir()) as analyser:
        expect(sum(1 for _ in todo(history)))
        analyser.warm_up(stop)
        if stop.is_set():
            return
        tagger = Tagger(config, history, analyser, backlog=True, dry_run=dry_run)
        for record in tagger.process(path for path, _ in todo(history)):
            yield record
            if stop.is_set():
                break


def redecide(config: Config, stop: threading.Event, *, dry_run: bool) -> Iterator[Record]:
    """Decide anew about what was heard, with the model and the policy of now, without opening any audio."""
    import numpy as np  # here and not above: only this command computes in the main process

    from genred.features import FEATURE_VERSION

    model = load_model(config.model, cache_dir())

    def predict(vectors: list[bytes]) -> list[Prediction]:
        return model.predict_many(np.stack([np.frombuffer(vector, "<f4") for vector in vectors]))

    with working(config, "scan") as history, Analyser(config.service, config.model, cache_dir()) as analyser:
        tagger = Tagger(config, history, analyser, dry_run=dry_run)
        for root in config.watch.directories or (None,):
            heard = history.heard(FEATURE_VERSION, root.resolve() if root is not None else None)
            for record in tagger.redecide(heard, predict, model.name):
                yield record
                if stop.is_set():
                    return


@contextmanager
def working(config: Config, command: str) -> Iterator[History]:
    """The history with the lock of the one that analyses, what was cut short resolved, and a run begun."""
    database = config.database
    history = History.open(database)
    try:
        with locked(database.with_name("run.lock")):
            for resolved in safewrite.recover(Journal(history)):
                log.warning("cut short earlier, now resolved: %s", resolved)
            history.start_run(command, __version__)
            yield history
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


def watch_options(config: Config) -> WatchOptions:
    return WatchOptions(
        recursive=config.watch.recursive,
        settle_seconds=config.watch.settle_seconds,
        rescan_minutes=config.watch.rescan_minutes,
        polling=config.watch.polling,
        extensions=frozenset("." + suffix.lower().lstrip(".") for suffix in config.watch.extensions),
        ignore=config.watch.ignore,
    )


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM, SIGINT and SIGHUP set; a second SIGINT is not waited for."""
    stop = threading.Event()

    def handle(number: int, _: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _roots(config: Config) -> Sequence[Path]:
    if not config.watch.directories:
        raise WatchError("no folder to look at: name one (`genred run ~/Music`) or set watch.directories")
    return [path.absolute() for path in config.watch.directories]


def _meet(history: History, roots: Sequence[Path], config: Config, options: WatchOptions) -> list[Path]:
    """At the first sight of a root, what is there already is noted as not genred's business.

    Returns
    -------
    list of Path
        Those that are new, and can't be seen yet.
    """
    unmet = []
    for root in roots:
        if not history.is_new_root(root):
            continue
        if not root.is_dir():
            unmet.append(root)
            continue
        there = walk(root, options) if config.watch.backlog == "ignore" else ()
        if count := history.add_root(root, there):
            log.info("%s: %d files were there before and are left alone (see `genred scan`)", readable(root), count)
    return unmet
