"""Hold what all requests share: the configuration, the history with its one writer, and the workers."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from genred import __version__
from genred.analysis.analyser import Analyser
from genred.config import Config
from genred.errors import FileError, GenredError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.service.session import resolve
from genred.web.jobs import Jobs, environment
from genred.web.kept import Kept
from genred.web.pool import Pool

RUN_SECONDS = 1800.0
"""The time after which a decision begins a run of its own: so long, nobody goes on with what they were at."""

MOST_STREAMS = 16


class NoSuchFile(LookupError):
    """A browser names a file that it has nothing to do with; no answer tells why."""


class Site:
    """What the pages show, and what they change.

    Parameters
    ----------
    load
        Loads the configuration as it is now.
    file
        The file that the configuration comes from.
    clock
        Monotonic, in seconds.
    workers
        The workers.

    Raises
    ------
    GenredError
        If the configuration or the history can't be used.
    """

    def __init__(
        self,
        load: Callable[[], Config],
        file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        workers: Pool | None = None,
    ) -> None:
        self._load = load
        self._clock = clock
        self.config = load()
        self._history = History.open(self.config.database)  # makes it where it isn't there yet
        self._writing = threading.Lock()
        self.mistakes: list[str] = []
        """The mistakes of a configuration that was refused."""
        self.stopping = threading.Event()
        """Set when the server is to end: what is told as it happens ends then."""
        self.streams = threading.BoundedSemaphore(MOST_STREAMS)
        """A place for each page that is kept up to date."""
        self._runs: dict[str, tuple[int, float]] = {}
        self._pool = workers or Pool()
        self.kept = Kept()
        """Excerpts and covers."""
        self.jobs = Jobs(environment(file, self.config.database), lambda job: self.reload())
        resolve(self._history)

    def close(self) -> None:
        """Stop the jobs, and let go of workers and history."""
        self.jobs.close()
        self._pool.close()
        self._history.close()

    def reload(self) -> None:
        """Take the configuration, and the model in use, as they are now; the history and the address stay.

        A configuration with mistakes is refused, and the old one stays: the service page tells of it.
        """
        try:
            new = self._load()
        except GenredError as error:
            self.mistakes = str(error).splitlines()
            return
        self.mistakes = []
        old = self.config
        self.config = new.with_changes("history", url=old.history.url).with_changes("web", **old.as_dict()["web"])

    @property
    def history(self) -> History:
        """The history, for questions alone: what is written goes through `writing`."""
        return self._history

    @contextmanager
    def writing(self, command: str = "web") -> Iterator[History]:
        """Give the history for a person's decision, one at a time; decisions in a row are one run.

        Parameters
        ----------
        command
            The command that does the same in a terminal, where the history has to tell it from others.
        """
        with self._writing:
            run, last = self._runs.get(command, (0, 0.0))
            if not run or self._clock() - last > RUN_SECONDS:
                run = self._history.start_run(command, __version__)
            self._runs[command] = run, self._clock()
            self._history.run = run
            yield self._history

    @contextmanager
    def analysing(self) -> Iterator[Analyser]:
        """Lend the workers; see `Pool.lent`."""
        with self._pool.lent(self.config) as analyser:
            yield analyser

    def file(self, named: Path) -> Path:
        """Return the file that a browser names.

        Raises
        ------
        NoSuchFile
            If the file isn't one of the history, isn't there, or lies elsewhere than the configured folders.
        """
        path = self.known(Path(os.path.realpath(named)))
        try:
            stamp_of(path)
        except FileError as error:
            raise NoSuchFile from error
        return path

    def known(self, path: Path) -> Path:
        """Return a path of a file of the history, which may be gone by now.

        Raises
        ------
        NoSuchFile
            If it is none, or lies elsewhere than the configured folders.
        """
        if not self.is_inside(path) or self._history.files.known(path) is None:
            raise NoSuchFile
        return path

    def folder(self, named: Path) -> Path:
        """Return the music folder, or the folder in one, that a browser names.

        Raises
        ------
        NoSuchFile
            If it isn't there, or lies elsewhere.
        """
        path = Path(os.path.realpath(named))
        if not self.config.watch.directories or not self.is_inside(path) or not path.is_dir():
            raise NoSuchFile
        return path

    def is_inside(self, path: Path) -> bool:
        """Return whether a path is in one of the music folders; where none is configured, every path is."""
        folders = [Path(os.path.realpath(folder)) for folder in self.config.watch.directories]
        return not folders or any(path.is_relative_to(folder) for folder in folders)
