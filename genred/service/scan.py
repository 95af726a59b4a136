"""Take one pass over what is there now, or decide anew about what was heard before."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from genred.analysis.analyser import Analyser
from genred.analysis.cluster import Cluster
from genred.config import Config, cache_dir
from genred.errors import WatchError
from genred.fs.files import readable
from genred.history.history import History
from genred.history.records import Record
from genred.service.session import rehearsing, working
from genred.service.status import Board, Hearing, Watched
from genred.service.workers import hearing_of
from genred.sound import FEATURE_VERSION
from genred.tagging.judging import Ear
from genred.tagging.rehearing import hear_again
from genred.tagging.tagger import Heard, Tagger
from genred.watching.walk import WatchOptions, walk

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Notices:
    """Take what a scan has to tell beside its records."""

    expect: Callable[[int], None] = lambda count: None
    """Called with how many files there are to look at, before the first."""
    step: Callable[[str], None] = lambda step: None
    """Called with what is being done while nothing can be looked at yet."""
    heard: Callable[[Path], None] = lambda path: None
    """Called with each file that was heard, before its album is decided about."""
    missing: Callable[[WatchError], None] = lambda error: None
    """Called for each of the folders that can't be scanned."""


def scan(
    config: Config, stop: threading.Event, *, dry_run: bool, notices: Notices, needs_cluster: bool = False
) -> Iterator[Record]:
    """Look at what is there now and isn't done; yield one record for each file.

    Parameters
    ----------
    config
        As for `run`; what was there before the first start is looked at too.
    stop
        Ends the pass after the file in hand.
    dry_run
        Write and record nothing. Another genred may be at work meanwhile.
    notices
        Takes what is to be told beside the records.
    needs_cluster
        True to end where the cluster is away, instead of hearing here meanwhile.

    Raises
    ------
    WatchError
        If none of the folders can be scanned.
    ClusterError, ClusterLostError
        If the cluster is needed, and can't be used, or went away.
    """
    options = WatchOptions.of(config.watch)
    roots = present_roots(config, notices.missing)
    with _opened(config, dry_run=dry_run) as (history, board):
        expected = sum(1 for _ in undone(history, roots, options))
        if board is not None:
            board.status.roots = [Watched(readable(root), "scanned") for root in roots]
            board.status.queued, board.status.known = expected, history.files.count_known()
            board.post(at_once=True)
        notices.expect(expected)
        if expected or (board is not None and _count_outdated(history, roots)):
            with Analyser.of(config, cluster=Cluster.of(config, needed=needs_cluster)) as analyser:
                analyser.warm_up(stop, notices.step)
                _hear_again(history, analyser, roots, board, stop, notices)
                tagger = Tagger(config, history, analyser, backlog=True, trials=True, dry_run=dry_run)
                reads = config.evidence.library
                told = tagger.read_tags(undone(history, roots, options)) if reads else iter(())
                news = chain(told, tagger.process(undone(history, roots, options)))
                hearing = partial(hearing_of, analyser)
                yield from _posted(news, board, "scanning", analyser.model_name, stop, notices.heard, hearing)


def redecide(config: Config, stop: threading.Event, *, dry_run: bool, notices: Notices) -> Iterator[Record]:
    """Decide anew about what was heard, with the model and the policy of now.

    Audio is opened only where an earlier genred heard it, and kept what this one can't compare.
    """
    from genred.model import storage  # only this command computes in the main process

    model = storage.configured(config.model, cache_dir(), config.vocabulary)
    ear = Ear.of(model)
    with (
        _opened(config, dry_run=dry_run) as (history, board),
        Analyser.of(config) as analyser,
    ):
        tagger = Tagger(config, history, analyser, dry_run=dry_run)
        roots = config.watch.directories or (None,)
        _hear_again(history, analyser, roots, board, stop, notices)
        for root in roots:
            records = tagger.redecide(ear, _real(root))
            yield from _posted(records, board, "deciding anew", model.name, stop)


def named_roots(config: Config) -> Sequence[Path]:
    """Return the folders of a configuration.

    Raises
    ------
    WatchError
        If there are none.
    """
    if not config.watch.directories:
        raise WatchError("no folder to look at: name one (`genred run ~/Music`) or set watch.directories")
    return [path.absolute() for path in config.watch.directories]


def undone(history: History, roots: Iterable[Path], options: WatchOptions) -> Iterator[Path]:
    """Yield the files that the history doesn't hold as they are, and those that were there before genred."""

    def unreadable(path: Path, error: OSError) -> None:
        log.warning("%s: can't be read (%s)", readable(path), error.strerror)

    for root in roots:
        for path, _ in history.files.unknown(walk(root, options, unreadable), backlog=True):
            yield path


def present_roots(config: Config, missing: Callable[[WatchError], None]) -> Sequence[Path]:
    """Return the folders of a configuration that can be scanned, and tell of those that can't.

    Raises
    ------
    WatchError
        If there are none.
    """
    options = WatchOptions.of(config.watch)
    present: list[Path] = []
    errors: list[WatchError] = []
    for root in named_roots(config):
        try:
            walk(root, options)
            present.append(root)
        except WatchError as error:
            errors.append(error)
    if not present:
        raise errors[0]
    for reason in errors:
        missing(reason)
    return present


def _hear_again(
    history: History,
    analyser: Analyser,
    roots: Sequence[Path | None],
    board: Board | None,
    stop: threading.Event,
    notices: Notices,
) -> None:
    """Hear files again of which an earlier genred kept other features; a rehearsal, which has no board, doesn't."""
    total = _count_outdated(history, roots)
    if board is None or total == 0:
        return
    if not analyser.model_name:
        analyser.warm_up(stop, notices.step)
    if stop.is_set():
        return
    board.status.state = "hearing again"
    for count, _ in enumerate(chain.from_iterable(hear_again(history, analyser, _real(root)) for root in roots), 1):
        notices.step(f"hearing again what an earlier genred heard: {count:,} of {total:,}")
        board.post()
        if stop.is_set():
            return


def _count_outdated(history: History, roots: Iterable[Path | None]) -> int:
    return sum(history.vectors.count_outdated(FEATURE_VERSION, _real(root)) for root in roots)


def _real(root: Path | None) -> Path | None:
    return None if root is None else root.resolve()


def _posted(
    news: Iterator[Record | Heard | None],
    board: Board | None,
    state: str,
    model: str,
    stop: threading.Event,
    heard: Callable[[Path], None] = lambda path: None,
    hearing: Callable[[], Hearing | None] = lambda: None,
) -> Iterator[Record]:
    """Yield records until told to stop, each counted on the board with what hears; tell of files that were heard."""
    if board is not None:
        board.status.state, board.status.model, board.status.cluster = state, model, hearing()
        board.post(at_once=True)
    if stop.is_set():
        return
    for each in news:
        if isinstance(each, Heard):
            heard(each.path)
        elif each is not None:
            if board is not None:
                board.status.count(each)
                board.status.queued = max(0, board.status.queued - 1)
                board.status.cluster = hearing()
                board.post()
            yield each
        if stop.is_set():
            return


@contextmanager
def _opened(config: Config, *, dry_run: bool) -> Iterator[tuple[History, Board | None]]:
    """Open the history: with lock and board, or, for a rehearsal, to look at it only."""
    if dry_run:
        with rehearsing(config) as history:
            yield history, None
    else:
        with working(config, "scan") as opened:
            yield opened
