"""Read the tags of known files, a little at a time, so that the owner's words are known when a file is decided on."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.errors import FileError
from genred.fs.files import Stamp, stamp_of
from genred.history.history import History
from genred.history.identity import author
from genred.history.library import Indexed
from genred.history.records import Author
from genred.names import Labels

log = logging.getLogger(__name__)

BATCH = 64
REST_SECONDS = 300.0
"""The time after which files are tried again that could not be read."""


class Cataloguer:
    """Reads the tags of files that the history knows and of which nobody read the tags: those from before genred.

    Parameters
    ----------
    history
        The history.
    analyser
        The workers, who read tags and open no audio.
    separator
        The text that genred puts between genres in a tag that has no lists.
    clock
        Monotonic, in seconds.
    """

    def __init__(
        self, history: History, analyser: Analyser, separator: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._history = history
        self._analyser = analyser
        self._separator = separator
        self._clock = clock
        self._round: Iterator[tuple[Path, list[Indexed]]] | None = None
        self._rested = clock()

    def step(self, roots: Collection[Path], seconds: float) -> int:
        """Read tags for about so long; return the number of files whose tags are known now and weren't before.

        Parameters
        ----------
        roots
            Only files below these folders are read: those that are there and answer.
        seconds
            The time after which no further files are begun.
        """
        until = self._clock() + seconds
        count = 0
        while self._rested <= self._clock() < until:
            self._round = self._round or self._unread(roots)
            root, batch = next(self._round, (None, []))
            if root in roots:
                count += self._read(batch)
            elif root is None:
                self._round, self._rested = None, self._clock() + REST_SECONDS
        return count

    def read_folder(self, folder: Path) -> None:
        """Read the tags of the known files in one folder that are still to be read."""
        unread = [file for file in self._history.library.folder(folder) if file.labels is None]
        for start in range(0, len(unread), BATCH):
            self._read(unread[start : start + BATCH])

    def _unread(self, roots: Iterable[Path]) -> Iterator[tuple[Path, list[Indexed]]]:
        for root in roots:
            after: Path | None = None
            while batch := self._history.library.unread(BATCH, root, after):
                yield root, batch
                after = batch[-1].path

    def _read(self, batch: list[Indexed]) -> int:
        """Read the tags of some files and note what they say; return the number of files noted."""
        present = {file.path: (file, stamp) for file in batch if (stamp := _unchanged(file)) is not None}
        suspected = self._history.files.sizes_tagged(stamp.size for _, stamp in present.values())
        news: list[Indexed] = []
        labels: dict[Path, Labels] = {}
        for path, look in self._analyser.analyse(present, Ask.TAGS):
            file, stamp = present[path]
            if isinstance(look, FileError):
                log.debug("no tags to know it by: %s", look)
                if not look.transient:
                    labels[path] = Labels()
            elif file.record is not None and file.genres == look.genres:
                labels[path] = look.labels  # whose the genres are is known
            else:
                by = self._author(path, stamp, look) if stamp.size in suspected else Author.YOU
                news.append(Indexed(path, stamp, look.labels, look.genres, by if look.genres else None))
        self._history.library.note_all(news)
        self._history.library.note_labels(labels)
        return len(news) + len(labels)

    def _author(self, path: Path, stamp: Stamp, look: Analysis) -> Author | None:
        return author(self._history, path, stamp, look.places, self._separator)


def _unchanged(file: Indexed) -> Stamp | None:
    """Return the stamp of a file; None where the file is gone, or isn't what is known: then it is looked at anyway."""
    try:
        stamp = stamp_of(file.path)
    except FileError:
        return None
    return stamp if stamp.same_content(file.stamp) else None
