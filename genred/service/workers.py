"""The pool of workers that outlives a change of the configuration, if it can."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from genred.analysis.analyser import Analyser
from genred.analysis.cluster import Cluster
from genred.config import Config
from genred.errors import FileError
from genred.fs.files import Stamp, stamp_of
from genred.service.status import Hearing


class Workers:
    """The pool of workers, warmed up; another one only where the configuration, or the model's file, asks for that."""

    def __init__(self) -> None:
        self._pool = ExitStack()
        self._analyser: Analyser | None = None
        self._made_for: object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def under(self, config: Config, stop: threading.Event, tell: Callable[[str], None]) -> Analyser:
        """Return the pool for a configuration; ``tell`` is called with what a new one waits for.

        Raises
        ------
        ModelError
            If the model can't be used; the pool stays as it was.
        """
        service = config.with_changes("service", log_level="info").service  # that is nothing to them
        made_for = (service, config.model, config.cluster, _content(config.model.path))
        if self._analyser is None or made_for != self._made_for:
            with ExitStack() as pool:
                cluster = Cluster.of(config, needed=False)
                analyser = pool.enter_context(Analyser.of(config, patience=1.0, cluster=cluster))
                analyser.warm_up(stop, tell)
                self._pool.close()
                self._pool, self._analyser, self._made_for = pool.pop_all(), analyser, made_for
        return self._analyser

    @property
    def hearing(self) -> Hearing | None:
        """The cluster that hears instead of the pool, if one is configured."""
        return None if self._analyser is None else hearing_of(self._analyser)


def hearing_of(analyser: Analyser) -> Hearing | None:
    """Return the cluster that hears instead of a pool, as it was when it was last asked."""
    cluster = analyser.cluster
    return None if cluster is None else Hearing(cluster.scheduler, cluster.at_once)


def _content(model: str) -> Stamp | None:
    """Return the stamp of a model's file, by which a replacement is noticed."""
    try:
        return stamp_of(Path(model)) if model else None
    except FileError:
        return None
