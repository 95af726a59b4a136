"""Look into the files that are worth it, side by side, and listen to none of them twice."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.tagging.arrivals import Arrival, Arrivals


class Looks:
    """Looks into files.

    Parameters
    ----------
    history
        What was heard before.
    analyser
        The workers.
    arrivals
        Tells which paths are worth a look.
    """

    def __init__(self, history: History, analyser: Analyser, arrivals: Arrivals) -> None:
        self._history = history
        self._analyser = analyser
        self._arrivals = arrivals

    def into(self, paths: Iterable[Path], ask: Ask) -> Iterator[tuple[Arrival, Analysis | FileError]]:
        """Yield what is found in those files that are worth a look, in the order of the paths."""
        waiting: dict[Path, Arrival] = {}

        def wanted() -> Iterator[Path]:
            for arrival in self._arrivals.among(paths):
                if arrival.path not in waiting:
                    waiting[arrival.path] = arrival
                    yield arrival.path

        def known(path: Path) -> bytes | None:
            return self._heard_before(waiting[path])

        for path, look in self._analyser.analyse(wanted(), ask, known):
            arrival = waiting.pop(path)
            if not self._was_decided_meanwhile(arrival):
                yield arrival, look

    def _heard_before(self, arrival: Arrival) -> bytes | None:
        """Return what was heard in a file before; None where nobody heard it as it is now."""
        if not arrival.is_put_off:
            return None
        version = self._analyser.feature_version
        known = self._history.library.of([arrival.path])
        is_heard = any(file.labels is not None and file.features == version for file in known)
        return self._history.features_of([arrival.path], version).get(arrival.path) if is_heard else None

    def _was_decided_meanwhile(self, arrival: Arrival) -> bool:
        """Return whether the file was decided about under another name of it, while it was looked into."""
        try:
            return stamp_of(arrival.path) != arrival.stamp and self._arrivals.at(arrival.path) is None
        except FileError:
            return False
