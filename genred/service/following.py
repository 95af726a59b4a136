"""Pass on decisions as they are made, to whoever reads along."""

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from genred.fs.files import readable
from genred.history.following import Follower, Place
from genred.history.records import Query, Record

TICK_SECONDS = 1.0
"""How often to look for news."""
MOST = 1000
"""At most so many decisions are passed on at once."""

log = logging.getLogger(__name__)


def news(follower: Follower, place: Place | None, query: Query, stop: threading.Event) -> Iterator[list[Record]]:
    """Yield the decisions behind a place, oldest first, until it is to stop; an empty list is a heartbeat."""
    trouble = Trouble()
    while not stop.is_set():
        found, place = follower.after(place, query, MOST)
        trouble.tell(follower)
        yield found
        if len(found) < MOST:
            stop.wait(TICK_SECONDS)


class Trouble:
    """Tells once why nothing can be read."""

    def __init__(self) -> None:
        self._told = ""

    def tell(self, follower: Follower) -> None:
        """Log the trouble of the last look, if it is another one than before."""
        text = str(follower.trouble or "")
        if text and text != self._told:
            log.warning("%s", text)
        self._told = text


def known_elsewhere(record: Record, maps: Sequence[tuple[Path, str]]) -> dict[str, Any]:
    """Return a decision as scripts read it, with the path by which another program knows the file.

    Parameters
    ----------
    record
        The decision.
    maps
        Folders here, each with its name there; "." makes paths relative to the folder. The innermost folder counts.
    """
    said = record.as_json()
    folders = [here for here, _ in maps if record.path.is_relative_to(here)]
    if folders:
        here = max(folders, key=lambda folder: len(folder.parts))
        rest = record.path.relative_to(here)
        there = dict(maps)[here]
        said["path"] = readable(rest) if there == "." else f"{there.rstrip('/')}/{readable(rest)}"
    return said
