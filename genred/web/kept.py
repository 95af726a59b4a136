"""Keep what workers made for browsers, as long as there is room: a browser asks for parts of it, and again."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from genred.fs.files import stamp_of

_MOST_BYTES = 16 * 2**20


class Kept:
    """Bytes that were made of files; what nobody asked for the longest is forgotten first.

    Parameters
    ----------
    most_bytes
        So much is kept at most.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._found: OrderedDict[object, bytes] = OrderedDict()
        self._change = threading.Lock()

    def of(self, kind: str, path: Path, make: Callable[[Path], bytes]) -> bytes:
        """Return what was made of a file that is as it was then; else make it.

        Raises
        ------
        FileError
            If the file isn't there, or nothing can be made of it.
        """
        key = (kind, path, stamp_of(path))
        with self._change:
            if (found := self._found.get(key)) is not None:
                self._found.move_to_end(key)
                return found
        made = make(path)
        with self._change:
            self._bytes += len(made) - len(self._found.pop(key, b""))
            self._found[key] = made
            while self._bytes > self._most_bytes:
                self._bytes -= len(self._found.popitem(last=False)[1])
        return made
