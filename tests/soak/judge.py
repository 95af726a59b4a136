"""What must be true when the service has had the time it takes, and how to tell."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from genred.fs.files import readable
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Query, Record
from genred.learning.labels import Labelled
from genred.watching.walk import WatchOptions, walk
from tests.soak.library import File, Library
from tests.soak.music import genres, sound
from tests.soak.process import settings


class Finding(NamedTuple):
    """Something that isn't as it must be; ``waits`` where more time may mend it."""

    path: Path
    what: str
    waits: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {readable(self.path)}"


class Judge:
    """Compares the disk and the history with what the library knows.

    Parameters
    ----------
    library
        What people made of the files.
    home
        Where the service keeps its history.
    """

    def __init__(self, library: Library, home: Path) -> None:
        self._library = library
        self._home = home
        self._config = settings(home, library.roots)
        self._sounds: dict[int, str | None] = {}
        self.excused: set[tuple[str, Path]] = set()

    def look(self, history: History) -> list[Finding]:
        """Everything that is wrong at this moment."""
        self.excused.clear()
        last = self._last_records(history)
        found = [finding for path, file in self._library.files.items() for finding in self._file(path, file, last)]
        options = WatchOptions.of(self._config.watch)
        for root in self._library.roots:
            for path in (Path(name) for name, _ in history.files.unknown(walk(root, options))):
                if path in self._library.files and not self._protected(path):
                    found.append(Finding(path, "genred doesn't know it as it is", waits=True))
        for path, mode in self._library.specials.items():
            if not os.path.lexists(path) or os.lstat(path).st_mode != mode:
                found.append(Finding(path, "something that is no file was changed"))
        begun = {intent.temp.name for intent in Journal(history).unfinished()}
        for temp in (path for top in self._library.tops() for path in top.rglob(".genred-*")):
            if temp.name in begun:
                self.excused.add(("a temporary in a folder that was renamed while nobody could clear up", temp))
            else:
                found.append(Finding(temp, "a temporary was left", waits=True))
        return found

    def _protected(self, path: Path) -> bool:
        return self._library.files[path].readonly or os.lstat(path).st_nlink > 1

    def _last_records(self, history: History) -> dict[Path, Record]:
        return {record.path: record for record in reversed(list(history.records(Query())))}

    def _file(self, path: Path, file: File, last: dict[Path, Record]) -> Iterator[Finding]:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            yield Finding(path, "it is gone")
            return
        genre = file.wanted_genre
        if content == file.content:
            if genre is not None and self._library.wanted(path):
                yield from self._not_tagged(path, file, last.get(path))
            return
        there = genres(content) if file.song is not None else ()
        if self._sound(content) != self._sound(file.content):
            yield Finding(path, "its audio was changed")
        elif genre is None and file.uncertain:
            self.excused.add((f"{file.uncertain}: tagged", path))
        elif genre is None:
            yield Finding(path, f"it says {there} and was to be left as it is, {genres(file.content)}")
        elif there != (genre,):
            yield Finding(path, f"it says {there} instead of {genre}")

    def _not_tagged(self, path: Path, file: File, record: Record | None) -> Iterator[Finding]:
        if self._protected(path):
            return
        reason = record.reason if record else "it was never looked at"
        if file.uncertain:
            self.excused.add((f"{file.uncertain}: {_kind(reason)}", path))
            return
        if record and any(began - 2 <= _seconds(record) <= ended + 2 for began, ended in file.edits):
            self.excused.add(("edited while it was being saved", path))
            return
        yield Finding(path, f"it has no genre, {file.wanted_genre} was heard ({reason})", waits=True)

    def _sound(self, content: bytes) -> str | None:
        key = hash(content)
        if key not in self._sounds:
            try:
                self._sounds[key] = sound(content)
            except (OSError, ValueError, IndexError):
                self._sounds[key] = None
        return self._sounds[key]

    def labels(self, labelled: Iterable[Labelled], busy: set[Path]) -> list[Finding]:
        """Return the files of which genred would learn its own answer, but for those that are just being saved."""
        found = []
        for label in labelled:
            file = self._library.files[label.path]
            if not file.is_answered(label.path.read_bytes()) or label.path in busy:
                continue
            if file.uncertain:
                self.excused.add((f"{file.uncertain}: learnt from", label.path))
            else:
                found.append(Finding(label.path, f"its {label.genre} would be learnt, and nobody said so but genred"))
        return found

    def decisions(self, history: History) -> tuple[Counter[str], list[Finding]]:
        """All decisions by outcome, and those that nothing was a cause of."""
        counts: Counter[str] = Counter()
        by_path: dict[Path, list[Record]] = defaultdict(list)
        for record in reversed(list(history.records(Query()))):
            counts[record.outcome.value] += 1
            by_path[record.path].append(record)
        found = []
        for path, records in by_path.items():
            for earlier, later in pairwise(records):
                since, until = _seconds(earlier) - 3, _seconds(later)
                caused = any(since <= moment <= until for moment in self._library.causes.get(path, ()))
                passing = earlier.outcome is Outcome.FAILED or later.outcome is Outcome.UNDONE
                if not caused and not passing and not later.reason.startswith("a person "):
                    found.append(Finding(path, f"decided again, {earlier.reason} and then {later.reason}"))
        return counts, found

    def looks(self) -> Counter[str]:
        """How often the service looked into a file, and into one that it had looked into in the same life."""
        counts: Counter[str] = Counter()
        seen: set[tuple[object, ...]] = set()
        for line in (self._home / "looks").read_text().splitlines():
            note = json.loads(line)
            key = (note["life"], *note["stamp"])
            counts["looks"] += 1
            counts["again"] += key in seen
            seen.add(key)
        return counts


def _seconds(record: Record) -> float:
    return datetime.fromisoformat(record.at or "").timestamp()


def _kind(reason: str) -> str:
    return "genred wrote there and takes it for removed" if reason.startswith("genred wrote") else reason
