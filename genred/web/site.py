"""Hold what all requests share: the configuration, the history, and the one writer."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from genred.config import Config
from genred.fs.files import stamp_of
from genred.history.history import History


class Site:
    """What the pages show, and what they change.

    Parameters
    ----------
    load
        Loads the configuration as it is now.

    Raises
    ------
    GenredError
        If the configuration or the history can't be used.
    """

    def __init__(self, load: Callable[[], Config]) -> None:
        self._load = load
        self.config = load()
        self._writing = threading.Lock()
        self._history = History.open(self.config.database)  # makes it where it isn't there yet

    def close(self) -> None:
        """Let go of the history."""
        self._history.close()

    def reload(self) -> None:
        """Take the configuration, and the model in use, as they are now; the history stays."""
        self.config = self._load()

    @property
    def history(self) -> History:
        """The history, for questions alone: what is written goes through `writing`."""
        return self._history

    @contextmanager
    def writing(self) -> Iterator[History]:
        """Open the history for a person's decision, one at a time, in a run of its own."""
        from genred.service.session import deciding

        with self._writing, deciding(self.config, "web") as history:
            yield history

    def file(self, named: Path) -> Path:
        """Return the file that a browser names.

        Raises
        ------
        LookupError
            If the file isn't one of the history, isn't there, or lies elsewhere than the configured folders. The answer
            tells nobody which of them it is.
        """
        path = Path(os.path.realpath(named))
        folders = [Path(os.path.realpath(folder)) for folder in self.config.watch.directories]
        if folders and not any(path.is_relative_to(folder) for folder in folders):
            raise LookupError("no such file")
        if self._history.files.known(path) is None:
            raise LookupError("no such file")
        stamp_of(path)
        return path
