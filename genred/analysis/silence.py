"""Notice that a cluster is waited for and doesn't answer, and say once which of its workers have the files."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

SILENCE_SECONDS = 30.0
"""The time without an answer of any worker after which it is said what is waited for."""
LIFELESS_SECONDS = 10.0
"""The time without a sign of life after which a worker is called silent; Dask's workers give one each second or so."""
_NAMED = 4
"""The number of workers that are named, at most."""


class Silence:
    """What the workers of a cluster were asked and haven't answered, and their signs of life.

    Parameters
    ----------
    clock
        Monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._out: set[Future[Any]] = set()
        self._signs: dict[str, tuple[float, float]] = {}
        """The last sign of life of each worker, in the scheduler's time, and when it was first read here."""
        self._since = clock()
        self._is_told = False

    def begin(self, future: Future[Any]) -> None:
        """Note that a file is waited for, until its future is done."""
        if not self._out:
            self._since = self._clock()
        self._out.add(future)
        future.add_done_callback(self._end)

    def _end(self, future: Future[Any]) -> None:
        self._out.discard(future)
        self._since = self._clock()
        self._is_told = False

    def note_signs(self, last_seen: Mapping[str, float]) -> None:
        """Note the time of the last sign of life of each worker, as the scheduler's clock has it."""
        now, before = self._clock(), self._signs
        fresh = {address: (sign, now) for address, sign in last_seen.items()}
        self._signs = {
            address: before[address] if address in before and before[address][0] == sign else (sign, when)
            for address, (sign, when) in fresh.items()
        }

    def is_news(self) -> bool:
        """Return, once for each silence, whether files are waited for and nothing came for a while."""
        is_news = bool(self._out) and not self._is_told and self.seconds >= SILENCE_SECONDS
        self._is_told |= is_news
        return is_news

    @property
    def seconds(self) -> float:
        """The time since the last answer, or since files are waited for."""
        return self._clock() - self._since

    def told(self, held: Mapping[str, int]) -> str:
        """Return in words what is waited for.

        Parameters
        ----------
        held
            How many files each worker has, by address, as far as that is known.
        """
        now = self._clock()
        silent = {address for address, (_, when) in self._signs.items() if now - when >= LIFELESS_SECONDS}
        order = sorted(filter(held.get, held), key=lambda address: (address not in silent, -held[address]))
        parts = [
            f"{_counted(held[address])} at {address}{', which gives no sign of life' if address in silent else ''}"
            for address in order[:_NAMED]
        ]
        if others := order[_NAMED:]:
            parts.append(f"{_counted(sum(held[address] for address in others))} at {len(others)} more")
        if (rest := len(self._out) - sum(held.values())) > 0:
            parts.append(f"{_counted(rest)} that no worker has" if held else _counted(rest))
        fate = "; such files go to others when Dask gives the worker up, or when you kill it"
        return ", and ".join(parts) + (fate if silent.intersection(order) else "")


def _counted(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
