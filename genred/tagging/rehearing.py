"""Hear files again of which an earlier genred kept a vector of other features.

Nothing but the vector changes: no decision is made, no tag is read or written. A file that isn't what was heard goes
the usual way, when it is looked at.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.errors import FileError, HistoryError
from genred.fs.files import holds
from genred.history.history import History
from genred.history.vectors import Outdated
from genred.sound import FEATURE_VERSION

log = logging.getLogger(__name__)

REST_SECONDS = 3600.0
"""The time after which files are tried again that could not be heard: their disk may be there by then."""
_LOOKS = 64
"""The number of files that one step looks for: there may be thousands, and all gone."""


def hear_again(history: History, analyser: Analyser, below: Path | None = None) -> Iterator[int]:
    """Hear all files again that need it, side by side; yield, file by file, how many have been tried."""
    waiting: dict[Path, Outdated] = {}

    def present() -> Iterator[Path]:
        for file in history.vectors.outdated(FEATURE_VERSION, below):
            if holds(file.path, file.stamp):
                waiting[file.path] = file
                yield file.path

    for count, (path, look) in enumerate(analyser.analyse(present(), Ask.SOUND), 1):
        _keep(history, waiting.pop(path), look)
        yield count


def hear_now(history: History, analyser: Analyser, paths: Collection[Path]) -> dict[Path, bytes]:
    """Hear those of some files again that need it, and return their vectors; who asks about them needs the vectors."""
    outdated = history.vectors.outdated_of(paths, FEATURE_VERSION)
    files = {file.path: file for file in outdated if holds(file.path, file.stamp)}
    found: dict[Path, bytes] = {}
    if files:
        analyser.warm_up()  # the very first time takes longer than one file may
    for path, look in analyser.analyse(files, Ask.SOUND):
        with suppress(HistoryError):  # it may be one that can only be read; the answer is the same
            _keep(history, files[path], look)
        if isinstance(look, Analysis) and look.features is not None:
            found[path] = look.features[1]
    return found


class Rehearing:
    """Hears files again in the background, one after the other, and waits for none of them.

    Parameters
    ----------
    history
        The history.
    analyser
        The workers; all but one of them are left to what arrives meanwhile.
    clock
        Monotonic, in seconds.
    """

    def __init__(self, history: History, analyser: Analyser, clock: Callable[[], float] = time.monotonic) -> None:
        self._history = history
        self._analyser = analyser
        self._clock = clock
        self._files = history.vectors.outdated(FEATURE_VERSION)
        self._at_work: deque[tuple[Outdated, Callable[[], Analysis | FileError | None]]] = deque()
        self._resting_until = clock()

    def step(self, roots: Sequence[Path]) -> int:
        """Note what was heard since the last step, and begin with the next files below some folders.

        Returns
        -------
        int
            The number of files of which another vector is kept now.
        """
        count = 0
        while self._at_work and (look := self._at_work[0][1]()) is not None:
            file, _ = self._at_work.popleft()
            count += _keep(self._history, file, look)
        for _ in range(max(1, self._analyser.workers - 1) - len(self._at_work)):
            self._begin(roots)
        return count

    def _begin(self, roots: Sequence[Path]) -> None:
        """Have a worker hear the next file, if one of the next few is there and is what was heard."""
        if self._clock() < self._resting_until:
            return
        for _ in range(_LOOKS):
            file = next(self._files, None)
            if file is None:
                self._files = self._history.vectors.outdated(FEATURE_VERSION)
                self._resting_until = self._clock() + REST_SECONDS
                return
            if any(map(file.path.is_relative_to, roots)) and holds(file.path, file.stamp):
                self._at_work.append((file, self._analyser.begin(file.path, Ask.SOUND)))
                return


def _keep(history: History, file: Outdated, look: Analysis | FileError) -> bool:
    """Keep the new vector of a file; return False where there is none, or the file isn't what was heard before."""
    if isinstance(look, FileError) or look.features is None:
        log.debug("not heard again: %s", look)
        return False
    return holds(file.path, file.stamp) and history.vectors.renew(file, *look.features)
