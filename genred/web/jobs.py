"""What takes long, done by commands of genred in processes of their own, whose lines are read as they come."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import IO, Any

from genred.fs.files import printable
from genred.history.records import iso

log = logging.getLogger(__name__)

MOST_LINES = 200
MOST_KEPT = 20
"""Jobs that ended and are kept in mind."""
END_SECONDS = 20.0
_INTERRUPTED = 130
_FAILED_FILES = 3


class BusyError(Exception):
    """A job of this kind is at work already."""


@dataclass
class Job:
    """A command at work, or one that has ended."""

    id: int
    kind: str
    """The command: "scan", "train", "undo", "doctor"."""
    about: str
    """What it is about, for people."""
    began: str
    ended: str | None = None
    done: int = 0
    """The number of files that are done."""
    total: int | None = None
    """The number of files there are to do, where that is known."""
    step: str = ""
    """What is done now."""
    counts: dict[str, int] = field(default_factory=dict)
    """The number of decisions by outcome, and of failures."""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    """What it said, in words."""
    code: int | None = None
    """The exit code; None while it is at work."""
    is_stopped: bool = False
    """Somebody wanted it to stop."""

    @property
    def state(self) -> str:
        """The state in a word: "running", "stopping", "stopped", "done", "incomplete" or "failed"."""
        if self.code is None:
            return "stopping" if self.is_stopped else "running"
        if self.code == _INTERRUPTED or (self.is_stopped and self.code):
            return "stopped"
        return {0: "done", _FAILED_FILES: "incomplete"}.get(self.code, "failed")

    def as_json(self) -> dict[str, Any]:
        """Return it with the keys that scripts rely on."""
        names = ("id", "kind", "about", "began", "ended", "done", "total", "step", "counts", "code")
        return {name: getattr(self, name) for name in names} | {"state": self.state, "lines": list(self.lines)}


class Jobs:
    """Start jobs, one of a kind at a time, and keep in mind what became of the last ones.

    Parameters
    ----------
    settings
        Environment variables that make a command work on the same history with the same configuration.
    ended
        Called when a job has ended.
    """

    def __init__(self, settings: Mapping[str, str], ended: Callable[[Job], None] = lambda job: None) -> None:
        self._settings = dict(settings)
        self._ended = ended
        self._changing = threading.Lock()
        self._numbers = count(1)
        self._jobs: dict[int, Job] = {}
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []

    def all(self) -> list[Job]:
        """Return the jobs, newest first."""
        with self._changing:
            return list(self._jobs.values())[::-1]

    def start(self, kind: str, about: str, arguments: Sequence[str | Path]) -> Job:
        """Start a command.

        Raises
        ------
        BusyError
            If one of its kind is at work.
        """
        with self._changing:
            if any(job.kind == kind and job.code is None for job in self._jobs.values()):
                raise BusyError(f"One {kind} is at work already.")
            job = Job(next(self._numbers), kind, about, iso(datetime.now(UTC)))
            process = _started([kind, *arguments], self._settings)
            self._jobs[job.id], self._processes[job.id] = job, process
            for old in [number for number, job in self._jobs.items() if job.code is not None][:-MOST_KEPT]:
                del self._jobs[old]
            reader = threading.Thread(target=self._follow, args=(job, process), daemon=True)
            self._readers = [each for each in self._readers if each.is_alive()] + [reader]
        reader.start()
        return job

    def stop(self, number: int) -> Job | None:
        """Have a job stop after the file in hand; None where there is no such job."""
        with self._changing:
            job, process = self._jobs.get(number), self._processes.get(number)
            if job is not None and process is not None and job.code is None:
                job.is_stopped = True
                process.send_signal(signal.SIGINT)
            return job

    def close(self) -> None:
        """Have all jobs stop, and wait for them; what doesn't stop in time is ended."""
        with self._changing:
            processes, readers = list(self._processes.values()), list(self._readers)
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        for reader in readers:
            reader.join()

    def _follow(self, job: Job, process: subprocess.Popen[str]) -> None:
        """Read what a command says until it has ended."""
        beside = threading.Thread(target=_each, args=(process.stderr, lambda line: _told(job, line)), daemon=True)
        beside.start()
        _each(process.stdout, lambda line: _decided(job, line))
        beside.join()
        code = process.wait()
        with self._changing:
            job.ended = iso(datetime.now(UTC))
            job.code = code
            job.step = ""
            del self._processes[job.id]
        self._ended(job)


def environment(file: Path | None, database: Path) -> dict[str, str]:
    """Return the variables that make a command work with this configuration file on this history."""
    named = {"GENRED_CONFIG": os.fspath(file.absolute())} if file is not None else {}
    return named | {"GENRED_HISTORY_URL": f"sqlite:///{database}", "GENRED_PROGRESS": "json"}


def _started(arguments: Sequence[str | Path], settings: Mapping[str, str]) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    return subprocess.Popen(
        [sys.executable, "-m", "genred", *(os.fspath(each) for each in arguments)],
        env=inherited | dict(settings) | {"PYTHONIOENCODING": "utf-8:backslashreplace", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
    )


def _each(stream: IO[str] | None, take: Callable[[str], None]) -> None:
    if stream is not None:
        with stream:
            for line in stream:
                take(line.rstrip("\n"))


def _decided(job: Job, line: str) -> None:
    """Take a line of results: a decision as JSON, or words."""
    said = _object(line)
    if said is None:
        job.lines.append(printable(line.replace("\t", "  ")))
        return
    outcome = "failed" if "error" in said else str(said.get("outcome", ""))
    job.counts[outcome] = job.counts.get(outcome, 0) + 1
    job.done = max(job.done, sum(job.counts.values())) if job.total is None else job.done
    if "error" in said:
        job.lines.append(printable(f"{said.get('path')}: {said['error']}"))


def _told(job: Job, line: str) -> None:
    """Take a line of what is told beside the results: progress as JSON, or a message."""
    said = _object(line)
    if said is None:
        job.lines.append(printable(line.removeprefix("genred: ")))
        return
    job.step = str(said.get("step", job.step))
    job.done = int(said.get("done", job.done))
    job.total = said.get("total", job.total)


def _object(line: str) -> dict[str, Any] | None:
    with suppress(ValueError):
        said = json.loads(line) if line.startswith("{") else None
        return said if isinstance(said, dict) else None
    return None
