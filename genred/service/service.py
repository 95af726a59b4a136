"""Watch and tag, until told to stop."""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path

from genred.config import Config
from genred.errors import GenredError, HistoryError, WatchError
from genred.fs.files import readable
from genred.history.history import History
from genred.history.records import Record
from genred.service.reporter import Reporter
from genred.service.request import Requests
from genred.service.scan import named_roots
from genred.service.sdnotify import notify, notify_reloading
from genred.service.session import resolve, working
from genred.service.signals import Reload
from genred.service.status import Watched
from genred.service.workers import Workers
from genred.tagging.catalogue import Cataloguer
from genred.tagging.rehearing import Rehearing
from genred.tagging.tagger import Heard, Tagger
from genred.watching.backlog import Meeting
from genred.watching.walk import WatchOptions, walk
from genred.watching.watcher import Watcher

log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
"""The time that is given to reading tags before the folders are looked after again."""
PATIENCE_SECONDS = 60
"""The time between two tries to go on where the database can't be used for a while."""


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
    named_roots(config)
    with working(config, "run") as (history, board), Workers() as workers:
        reporter = Reporter(history, board)
        service = Service(history, reporter, workers, stop, reload or Reload(lambda: config))
        following: Config | None = config
        while following is not None:
            config = following
            try:
                following = service.watch(config)
            except HistoryError as error:
                if not error.transient:
                    raise
                following = service.wait(config, error)
        reporter.enter("stopping")
        notify("STOPPING=1", "STATUS=stopping")
        log.info("stopped")


class Service:
    """Keep what stays when the configuration changes: history, run, lock and workers.

    Parameters
    ----------
    history
        The history, with a run begun.
    reporter
        Tells how it goes.
    workers
        The pool.
    stop
        Ends it after the file in hand.
    reload
        Where another configuration comes from.
    """

    def __init__(
        self, history: History, reporter: Reporter, workers: Workers, stop: threading.Event, reload: Reload
    ) -> None:
        self._history = history
        self._reporter = reporter
        self._workers = workers
        self._stop = stop
        self._reload = reload

    def watch(self, config: Config) -> Config | None:
        """Watch under one configuration; return the next one, None when it is time to stop.

        What is queued when it changes isn't forgotten: the history doesn't know it, so the first scan finds it again.
        """
        watcher, tagger, requests, cataloguer, rehearing = self._begin(config)
        first = self._read_tags(config, watcher, tagger)
        with closing(watcher.batches(self._stop)) as batches:
            for batch in batches:
                while self._is_called_off(batch, watcher, chain(first, tagger.process(batch)), requests):
                    if following := self._reloaded(config):
                        return following
                if watcher.ready and not (batch or requests.left or watcher.queued):
                    self._use_the_moment(watcher, cataloguer, rehearing)
        return None

    def _is_called_off(
        self, batch: Sequence[Path], watcher: Watcher, decided: Iterator[Record | Heard | None], requests: Requests
    ) -> bool:
        """Tag what is new; return whether that was broken off since another configuration is asked for."""
        left = len(batch)
        self._beat(watcher, left + requests.left)
        for news in chain(decided if batch else (), requests.news(watcher.states)):
            if isinstance(news, Record):
                self._reporter.decided(news)
                left = max(0, left - 1)
            self._beat(watcher, left + requests.left)
            if self._stop.is_set() or self._reload.asked:
                break
        return self._reload.asked and not self._stop.is_set()

    def _use_the_moment(self, watcher: Watcher, cataloguer: Cataloguer | None, rehearing: Rehearing) -> None:
        """Read tags of the owner's music, or hear again what an earlier genred heard, since nothing else is to do."""
        if cataloguer is not None and cataloguer.step(_present(watcher), IDLE_SECONDS):
            self._reporter.catalogued()
        else:
            rehearing.step(_present(watcher))

    def _read_tags(self, config: Config, watcher: Watcher, tagger: Tagger) -> Iterator[Record | None]:
        """Read the tags of all that is new at the start, where old music is news, too, before any of it is heard."""
        if config.watch.backlog == "process" and config.evidence.library:
            options = WatchOptions.of(config.watch)
            for root in _present(watcher):
                with suppress(WatchError):  # it went a moment ago
                    yield from tagger.read_tags(path for path, _ in self._history.files.unknown(walk(root, options)))

    def _begin(self, config: Config) -> tuple[Watcher, Tagger, Requests, Cataloguer | None, Rehearing]:
        """Note what was there before, warm up, and make ready to watch."""
        history, roots, options = self._history, named_roots(config), WatchOptions.of(config.watch)
        status = self._reporter.status
        status.roots = [Watched(readable(root), "starting") for root in roots]
        self._reporter.enter("reloading" if status.state == "reloading" else "starting")
        meeting = Meeting(history, options, leave=config.watch.backlog == "ignore")
        self._meet(meeting, roots)
        if config.history.retention_days:
            history.forget_undo_records(config.history.retention_days)
        analyser = self._workers.under(config, self._stop, self._reporter.step)
        status.model = analyser.model_name
        tagger = Tagger(config, history, analyser, backlog=config.watch.backlog == "process")
        requests = Requests(config, history, Tagger(config, history, analyser, backlog=True, trials=True))
        cataloguer = Cataloguer(history, analyser, config.tags.separator) if config.evidence.library else None
        status.unread = history.library.count_unread() if cataloguer else 0
        watcher = Watcher(roots, options, history.files.unknown, meeting)
        return watcher, tagger, requests, cataloguer, Rehearing(history, analyser)

    def _meet(self, meeting: Meeting, roots: Sequence[Path]) -> None:
        """Meet roots for the first time, before anything slow: what arrives from now on is new.

        Those that are known are left to the watcher's threads, where a share that doesn't answer holds nobody up.
        """
        for root in roots:
            if self._history.file_systems(root):
                continue
            if root.is_dir():
                meeting(root, lambda: not self._stop.is_set())
            else:
                log.warning("%s: not there; it is watched when it appears", readable(root))

    def _beat(self, watcher: Watcher, in_hand: int) -> None:
        """Give a sign of life; the first one under a configuration tells that it is ready."""
        status = self._reporter.status
        status.queued = watcher.queued + in_hand
        status.cluster = self._workers.hearing
        status.roots = [Watched(readable(root.path), root.state, list(root.problems)) for root in watcher.states]
        if watcher.ready and status.state != "watching":
            log.info("watching %s", ", ".join(root.path for root in status.roots))
            self._reporter.ready()
        self._reporter.beat()

    def wait(self, config: Config, trouble: HistoryError) -> Config | None:
        """Do nothing until the database can be used again: without it, nothing could be taken back.

        Return what to go on with, None when it is time to stop.
        """
        while True:
            log.error("%s; nothing is looked at until that is over", trouble)
            self._reporter.enter("waiting", str(trouble))
            for _ in range(PATIENCE_SECONDS):
                self._reporter.sign_of_life()
                if self._stop.wait(1):
                    return None
            try:
                resolve(self._history)
            except HistoryError as error:
                if not error.transient:
                    raise
                trouble = error
            else:
                log.info("the history can be used again")
                self._reporter.status.trouble = ""
                return config

    def _reloaded(self, config: Config) -> Config | None:
        """Return the configuration to go on with; None where the new one can't be used, and the old one stays."""
        status = self._reporter.status
        self._reload.asked = False
        self._reporter.enter("reloading")
        notify_reloading()
        log.info("reloading")
        try:
            new = self._reload.load()
            named_roots(new)
            self._workers.under(new, self._stop, self._reporter.step)
        except GenredError as error:
            status.mistakes = str(error).splitlines()
            for mistake in status.mistakes:
                log.error("not reloaded, the old configuration stays: %s", mistake)
            self._reporter.ready()
            return None
        status.mistakes = []
        if new.database != config.database:
            new = new.with_changes("history", url=config.history.url)
            status.mistakes = [f"history.url: changed, which takes a restart; {config.database} stays in use"]
            log.warning("%s", status.mistakes[0])
        return new


def _present(watcher: Watcher) -> list[Path]:
    """Return the watched folders that are there and answer."""
    return [Path(os.path.realpath(root.path)) for root in watcher.states if root.state != "offline"]
