"""Workers that read files and judge music: started when they are first needed, and let go after some idle minutes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from genred.analysis.analyser import Analyser
from genred.analysis.pool import prepare
from genred.config import Config

IDLE_SECONDS = 300.0


def made(config: Config) -> Analyser:
    """Make workers as they are configured."""
    prepare()  # what workers are forked from imports all they need only where that is said first
    return Analyser.of(config, patience=1.0)


class Pool:
    """Lend the workers.

    Parameters
    ----------
    idle_seconds
        The time for which nobody has needed them when they are let go.
    make
        Makes the workers for a configuration.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS, make: Callable[[Config], Analyser] = made) -> None:
        self._idle_seconds = idle_seconds
        self._make = make
        self._change = threading.Condition()
        self._analyser: Analyser | None = None
        self._made_for: object = None
        self._borrowers = 0
        self._timer: threading.Timer | None = None

    @property
    def is_there(self) -> bool:
        """Return whether there are workers now."""
        return self._analyser is not None

    @contextmanager
    def lent(self, config: Config) -> Iterator[Analyser]:
        """Lend the workers; where the configuration has changed, new ones, as soon as nobody needs the old ones.

        They are not warmed up: to read and write tags takes no model. Whoever judges calls `Analyser.warm_up` first.
        """
        with self._change:
            made_for = (config.service, config.model, config.genres.no_genre)
            if made_for != self._made_for:
                self._change.wait_for(lambda: self._borrowers == 0)
                self._let_go()
            if self._analyser is None:
                self._analyser, self._made_for = self._make(config), made_for
            self._borrowers += 1
            self._stop_timer()
            lent = self._analyser
        try:
            yield lent
        finally:
            with self._change:
                self._borrowers -= 1
                self._change.notify_all()
                if self._borrowers == 0:
                    self._stop_timer()
                    self._timer = threading.Timer(self._idle_seconds, self.close)
                    self._timer.daemon = True
                    self._timer.start()

    def close(self) -> None:
        """Let the workers go, unless somebody needs them."""
        with self._change:
            if self._borrowers == 0:
                self._stop_timer()
                self._let_go()

    def _let_go(self) -> None:
        if self._analyser is not None:
            self._analyser.close()
        self._analyser = self._made_for = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
