"""Carry out, in the service, a scan that somebody else wants; `asking` is their side.

Two files lie beside the history, each written by one side only. The one who asks holds a lock on ``scan.request`` for
as long as they want the scan; when they go, however they go, it ends. The service says in ``scan.answer`` how far it
is. What it decides is recorded in a run of its own, and read there by the one who asked.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from genred import __version__
from genred.config import Config
from genred.errors import WatchError
from genred.fs.files import readable
from genred.fs.locks import held
from genred.history.history import History
from genred.history.records import Record
from genred.service.scan import undone
from genred.tagging.tagger import Heard, Tagger
from genred.watching.root import RootState
from genred.watching.walk import WatchOptions, reaches

STEP_SECONDS = 1.0
"""The time that the service gives to a scan before it looks after its folders again."""

_SECTIONS = ("model", "tags", "genres", "evidence")
_WATCH = ("recursive", "extensions", "ignore", "ignore_files")


@dataclass(frozen=True, slots=True)
class Request:
    """A scan that somebody wants."""

    id: str
    """A name that no other request has."""
    paths: list[str]
    """The folders and files, their bytes in hexadecimal."""
    settings: dict[str, Any]
    """All that decides about a file, by key; the service has to have the same."""

    @classmethod
    def of(cls, config: Config, roots: Iterable[Path]) -> Self:
        name = f"{os.getpid()}-{time.time_ns()}"
        return cls(name, [os.fsencode(root).hex() for root in roots], _settings(config))

    @property
    def roots(self) -> list[Path]:
        return [Path(os.fsdecode(bytes.fromhex(path))) for path in self.paths]


@dataclass(frozen=True, slots=True)
class Answer:
    """How far the service is with a request."""

    request: str
    """The request that is answered."""
    refused: str = ""
    """The reason why there is no scan; empty where there is one."""
    run: int | None = None
    """The run in which its decisions are recorded."""
    total: int | None = None
    """The number of files to look at, when they are counted."""
    ended: bool = False


_NONE = Answer("")


class Requests:
    """Carry out what is asked for, a little at a time; for the service.

    Parameters
    ----------
    config
        The service's own. A scan that asks for other settings is refused.
    history
        The history.
    tagger
        Decides, about what was there before the first start, too.
    clock
        Monotonic, in seconds.
    """

    def __init__(
        self, config: Config, history: History, tagger: Tagger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._history = history
        self._tagger = tagger
        self._clock = clock
        self._answer = _NONE
        self._news: Iterator[Record | Heard | None] = iter(())
        self._done = 0

    @property
    def left(self) -> int:
        """Return how many files are to be looked at still."""
        return 0 if self._answer.ended else max(0, (self._answer.total or 0) - self._done)

    def news(self, watched: Sequence[RootState]) -> Iterator[Record | Heard]:
        """Yield what comes of a scan that somebody wants in the next second or so; nothing where nobody wants one.

        Whoever closes the iterator forgets nothing: the next one goes on where this one was.

        Parameters
        ----------
        watched
            The folders of the service.
        """
        request = self._standing()
        if request is None:
            self._answer, self._news = _NONE, iter(())
            return
        try:
            if request.id != self._answer.request:
                self._begin(request, watched)
            until = self._clock() + STEP_SECONDS
            while not self._answer.ended and self._clock() < until:
                for news in self._step():
                    self._done += isinstance(news, Record)
                    yield news
        except WatchError as error:
            self._say(refused=str(error), ended=True)

    def _step(self) -> Sequence[Record | Heard]:
        """Go one step on, in the run of the request and not in that of the service; return what came of it."""
        usual, self._history.run = self._history.run, self._answer.run
        try:
            news = next(self._news)
        except StopIteration:
            self._say(ended=True)
            return []
        finally:
            self._history.run = usual
        return [] if news is None else [news]

    def _standing(self) -> Request | None:
        """Return the request of somebody who is there still."""
        with suppress(OSError, ValueError, TypeError), open(request_file(self._config), "rb") as file:
            request = Request(**json.loads(file.read()))
            if request.roots and held(file.fileno()):
                return request
        return None

    def _begin(self, request: Request, watched: Sequence[RootState]) -> None:
        self._answer, self._done = Answer(request.id), 0
        if refused := self._refusal(request, watched):
            self._say(refused=refused, ended=True)
            return
        usual = self._history.run
        run = self._history.start_run("scan", __version__)
        self._history.run = usual
        self._news = self._scan(request.roots)
        self._say(run=run)

    def _refusal(self, request: Request, watched: Sequence[RootState]) -> str:
        ours = _settings(self._config)
        if others := [key for key in ours if request.settings.get(key) != ours[key]]:
            return f"it runs with another {' and another '.join(others)} than this scan"
        options = WatchOptions.of(self._config.watch)
        tops = [Path(os.path.realpath(root.path)) for root in watched if root.state != "offline"]
        for root in request.roots:
            real = Path(os.path.realpath(root))
            if not any(reaches(top, real if real.is_dir() else real.parent, options) for top in tops):
                return f"{readable(root)} is in none of the folders that it watches"
        return ""

    def _scan(self, roots: Sequence[Path]) -> Iterator[Record | Heard | None]:
        """Count files, with a None now and then because that takes its time, and then decide about them."""
        options = WatchOptions.of(self._config.watch)
        total = 0
        for total, _ in enumerate(undone(self._history, roots, options), 1):
            if total % 100 == 0:
                yield None
        self._say(total=total)
        if self._config.evidence.library:
            yield from self._tagger.read_tags(undone(self._history, roots, options))
        yield from self._tagger.process(undone(self._history, roots, options))

    def _say(self, **news: Any) -> None:
        self._answer = replace(self._answer, **news)
        file = answer_file(self._config)
        with suppress(OSError), open(file.with_suffix(".new"), "w", encoding="ascii", opener=_private) as new:
            json.dump(asdict(self._answer), new)
            new.flush()
            os.replace(new.name, file)


def request_file(config: Config) -> Path:
    """Return the file that the one who asks writes and holds."""
    return config.database.with_name("scan.request")


def answer_file(config: Config) -> Path:
    """Return the file that the service writes."""
    return config.database.with_name("scan.answer")


def _settings(config: Config) -> dict[str, Any]:
    """Return all that decides about a file, by key, in the types of JSON."""
    plain = config.as_dict()
    plain["watch"] = {key: plain["watch"][key] for key in _WATCH}
    by_key = {f"{name}.{key}": value for name in (*_SECTIONS, "watch") for key, value in plain[name].items()}
    settings: dict[str, Any] = json.loads(json.dumps(by_key))
    return settings


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
