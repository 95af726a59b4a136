"""The progress bar of a pass: shown on a terminal only, on stderr; told as lines of JSON there to programs that ask."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from genred.cli import show
from genred.history.records import Outcome, Record

TELL_SECONDS = 0.5


class _Lines:
    """Progress as JSON, one object a line, where ``$GENRED_PROGRESS`` is "json": for `genred web`.

    Parameters
    ----------
    clock
        Monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_wanted = os.environ.get("GENRED_PROGRESS") == "json"
        self._clock = clock
        self._next = clock()

    def tell(self, *, at_once: bool = False, **news: Any) -> None:
        """Tell how far it is, twice a second at most."""
        if self._is_wanted and (at_once or self._clock() >= self._next):
            self._next = self._clock() + TELL_SECONDS
            print(json.dumps(news), file=sys.stderr, flush=True)


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal, on stderr, what takes a while; what this gives is called with what is done now."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = _Lines()
        lines.tell(step=what)
        yield lambda step: lines.tell(step=step)
        return
    with console.status(what, spinner="dots" if console.encoding.startswith("utf") else "line") as status:
        yield status.update


class Progress:
    """Counts outcomes and shows them; without a terminal it only counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._heard: set[Path] = set()
        self._lines = _Lines()
        self._console = Console(stderr=True)
        self._bar = Bar(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("looking for music", total=None, rate="")

    def __enter__(self) -> Self:
        if not self._bar.disable:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._bar.disable:
            self._bar.stop()  # a bar that was never shown would leave an empty line
        self._tell(at_once=True)

    def expect(self, total: int) -> None:
        self._bar.update(self._task, total=total, description="warming up" if total else "")
        self._tell(at_once=True)

    def describe(self, step: str) -> None:
        """Show what is waited for, until the first file is done."""
        if not self.counts:
            self._bar.update(self._task, description=step)
            self._tell()

    def hear(self, path: Path) -> None:
        """Count a file that was heard; its decision, which comes with that of its album, is counted no second time."""
        self._heard.add(path)
        self.advance()

    def decide(self, record: Record) -> None:
        """Count a decision."""
        self.counts[record.outcome.value] += 1
        if record.path in self._heard:
            self._heard.discard(record.path)
            self._bar.update(self._task, description=self._tally())
        else:
            self.advance()

    def advance(self) -> None:
        """Show that one more is done."""
        task = self._bar.tasks[self._task]
        rate = f"{task.speed:.1f} files/s" if task.speed else ""
        done = task.total is not None and task.completed >= task.total  # an album may correct what was decided before
        self._bar.update(self._task, advance=not done, rate=rate, description=self._tally())
        self._tell()

    def _tell(self, *, at_once: bool = False) -> None:
        task = self._bar.tasks[self._task]
        total = None if task.total is None else int(task.total)
        self._lines.tell(at_once=at_once, done=int(task.completed), total=total, step=task.description)

    def say(self, line: str) -> None:
        """Print a result on stdout, without tearing the bar."""
        if self._bar.disable:
            print(line)
        elif sys.stdout.isatty():
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, flush=True)

    def summarise(self, *, dry_run: bool, stopped: bool) -> None:
        """Print what was done in one line; who stopped it reads that something may be left."""
        total = sum(self.counts.values())
        nothing = "nothing was decided" if stopped else "nothing new to look at"
        done = f"{show.counted(total, 'file')} looked at: {self._tally()}" if total else nothing
        left = "; stopped, and the next scan goes on from here" if stopped else ""
        print(f"{done}{' (dry run)' if dry_run else ''}{left}", file=sys.stderr)

    def _tally(self) -> str:
        return ", ".join(f"{self.counts[o.value]} {o.value}" for o in Outcome if self.counts[o.value])
