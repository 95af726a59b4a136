"""A day: operations drawn from a seed, and looks at what must be true in between."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from genred import __version__
from genred.errors import FileError
from genred.genres import Vocabulary
from genred.history.history import History
from genred.history.journal import Journal, Undo
from genred.history.records import Query
from genred.learning import own_tags
from genred.tagging.tagger import Tagger
from genred.tagging.undo import select, undo_write
from tests.fakes import FakeAnalyser
from tests.soak.judge import Finding, Judge
from tests.soak.library import Chance, File, Library, NothingThereError
from tests.soak.process import Clock, Listener, settings
from tests.soak.service import Sample, Service

PER_HOUR = 250
PATIENCE = 100  # looks, three turns of the service apart, until it must have done what is left to do
QUIET_AFTER = 16.0  # hours, after which nothing is killed, so that what adds up can be seen


class Day:
    """A service, a library and a seed.

    Parameters
    ----------
    home
        An empty folder, on the file system to try.
    seed
        Of everything that is drawn.
    hours
        Simulated, `PER_HOUR` operations each; the looks in between take hours more.
    """

    def __init__(self, home: Path, seed: int, hours: float = 24.0) -> None:
        self.hours = hours
        self._chance = Chance(seed)
        self.hour = 0.0
        self._home = home / "state"
        self._home.mkdir()
        self.clock = Clock(self._home / "clock")
        self.library = Library(home, self._chance, self.clock)
        self._config = settings(self._home, self.library.roots)
        self.service = Service(self._home, self.library.roots, self.clock)
        self.judge = Judge(self.library, self._home)
        self.done: Counter[str] = Counter()
        self.decided: Counter[str] = Counter()
        self.looks: Counter[str] = Counter()
        self.excused: set[tuple[str, Path]] = set()
        self.samples: list[Sample] = []
        self.findings: list[Finding] = []

    def run(self) -> None:
        """Live through it; what was found is in ``findings``."""
        for _ in range(20):
            self.library.copied_in()
        for file in self.library.files.values():
            file.backlog, file.unnoticed = True, False
        try:
            self.service.start()
            for number in range(1, round(self.hours * PER_HOUR) + 1):
                self._something()
                self.hour = number / PER_HOUR
                if number % PER_HOUR == 0:
                    self._checkpoint()
            self._checkpoint()
            with self._history() as history:
                self.decided, again = self.judge.decisions(history)
            self.looks = self.judge.looks()
            self.findings += again
            self.findings += self._everything_taken_back()
        finally:
            self.service.end()

    def _something(self) -> None:
        if not self.service.check():
            self.service.start()
        operations = {
            **self.library.operations(),
            "set": (self._set, 0.8),
            "undone": (self._undo, 0.8),
            "learnt from": (self._learn, 0.4),
            "stopped and started": (self._restart, 0.15),
        }
        if self.hour < QUIET_AFTER:
            operations["killed"] = (self._kill, 0.2)
            operations["killed in a save"] = (lambda: self.clock.kill_at_edit(self._chance.randrange(3)), 0.3)
        names = list(operations)
        name = self._chance.choices(names, [operations[name][1] for name in names])[0]
        self.library.happening = name
        try:
            operations[name][0]()
        except NothingThereError:
            return
        self.done[name] += 1
        self.clock.advance(self._chance.expovariate(PER_HOUR / 3600))
        time.sleep(self._chance.uniform(0, 0.02))

    # -- the service, and other processes ------------------------------------------------------------------------

    def _restart(self) -> None:
        self.service.stop()
        self._meanwhile()

    def _kill(self) -> None:
        self.service.kill()
        self._meanwhile()

    def _meanwhile(self) -> None:
        """Life goes on while the service doesn't run."""
        operations = [operation for operation, _ in self.library.operations().values()]
        for _ in range(self._chance.randrange(6)):
            operation = self._chance.choice(operations)
            self.library.happening = f"{operation.__name__}, stopped"
            try:
                operation()
            except NothingThereError:
                continue
        self.service.start()

    @contextmanager
    def _history(self) -> Iterator[History]:
        history = History.open(self._home / "history.db")
        try:
            yield history
        finally:
            history.close()

    def _set(self) -> None:
        path = self.library.any_file(songs=True)
        file = self.library.files[path]
        before = path.read_bytes()
        with self._history() as history:
            history.start_run("set", __version__)
            tagger = Tagger(self._config, history, FakeAnalyser())
            try:
                tagger.set_genre(path, self._chance.choice(["Zydeco", "Klezmer", "Rock"]))
            except FileError:
                return
        file.person = True
        self.library.caused(path)
        after = path.read_bytes()
        if before != file.content:
            file.layers.append(before)
            file.answers[hash(before)] = True
        if after != before:
            file.layers.append(after)
        file.answers.pop(hash(after), None)

    def _undo(self) -> None:
        path = self.library.any_file()
        file = self.library.files[path]
        before = path.read_bytes()
        with self._history() as history:
            history.start_run("undo", __version__)
            undos, _ = select(history, [Query(path=path)])
            for undo in undos[:1]:
                if undo.path != path or not self._taken_back(history, undo):
                    return
                after = path.read_bytes()
                self._check_undo(path, file, before, after)
                file.person = True
                self.library.caused(path)

    def _learn(self) -> None:
        """Look what `train --from-tags` would learn, whatever the service has noticed by now."""
        with self._history() as history:
            busy = self._at_hand(history)
            paths = [path for path in self.library.files if self.library.wanted(path)]
            found = own_tags.by_a_person(paths, Listener(), history, Vocabulary())
            busy |= self._at_hand(history)
        self.done["labels"] += len(found.labelled)
        self.findings += self.judge.labels(found.labelled, busy)

    def _at_hand(self, history: History) -> set[Path]:
        """Return the files that are being saved, or were in the last moments."""
        recent = islice(history.records(Query()), 20)
        return {intent.path for intent in Journal(history).unfinished()} | {record.path for record in recent}

    def _check_undo(self, path: Path, file: File, before: bytes, after: bytes) -> None:
        """What was there before the last write is there again; or all but the genre, where a person edited it since."""
        if before != file.content:
            expected = file.content
        elif len(file.layers) > 1:
            file.layers.pop()
            expected = file.content
        else:  # what genred wrote into is no layer any more: a person edited that, too, or put the old file back
            file.layers = [after]
            return
        if after != expected:
            self.findings.append(Finding(path, "undo didn't bring back what was there"))
        if after == before:
            self.findings.append(Finding(path, "undo changed nothing"))

    def _taken_back(self, history: History, undo: Undo) -> bool:
        try:
            undo_write(history, undo, self._config.tags, FakeAnalyser)
        except FileError:
            return False
        return True

    # -- what must be true -----------------------------------------------------------------------------------------

    def _checkpoint(self) -> None:
        """Learn, let the service catch up, then look at everything."""
        self._learn()
        self.clock.kill_at_edit(-1)
        with self._history() as history:
            for _ in range(PATIENCE):
                if not self.service.check():
                    self.service.start()
                found = self.judge.look(history)
                if not any(finding.waits for finding in found):
                    break
                for _ in range(3):
                    self.clock.advance(200)
                    self.service.turn()
        self.findings += [finding for finding in found if finding not in self.findings]
        self.excused |= self.judge.excused
        self.samples.append(self.service.sample(self.hour))
        for file in self.library.files.values():
            file.unnoticed = file.astray = False

    def _everything_taken_back(self) -> list[Finding]:
        """At the end of the day the way back of every file."""
        self.service.stop()
        found = []
        tagged = {path: file for path, file in self.library.files.items() if path.read_bytes() != file.content}
        untouched = {path: path.read_bytes() for path in self.library.files if path not in tagged}
        with self._history() as history:
            history.start_run("undo", __version__)
            undos, _ = select(history, [Query(path=top) for top in self.library.tops()])
            for undo in undos:
                if undo.path in tagged and tagged[undo.path].content != undo.path.read_bytes():
                    self.done["undone at the end"] += self._taken_back(history, undo)
        for path, file in tagged.items():
            if path.read_bytes() == file.content:
                continue
            if file.uncertain or file.readonly or path.stat().st_nlink > 1:
                self.excused.add((f"not undone at the end: {file.uncertain or 'protected'}", path))
            else:
                found.append(Finding(path, "it could not be brought back to what it was"))
        for path, content in untouched.items():
            if path.read_bytes() != content:
                found.append(Finding(path, "undo changed what genred had not written"))
        return found
