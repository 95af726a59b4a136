"""A program is given words, and three streams: fit for any name in any encoding, closed or full as they may be."""

import io
import os
import select
import sys
from pathlib import Path
from typing import Any


class OutputError(Exception):
    """What was to be printed can't be; no `OSError`, so that nothing takes it for one about a file."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.nobody_reads = isinstance(error, BrokenPipeError)


class _Output(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OutputError(error) from None


def prepare() -> None:
    """Open on nothing what is closed, print as an escape what an encoding lacks, and tell when stdout takes no more.

    A file that is opened later must not get the number of a stream that is closed, or what is printed would be written
    into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            if (nothing := os.open(os.devnull, os.O_RDWR)) != number:
                os.dup2(nothing, number)
                os.close(nothing)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115 - stays open
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        buffer = io.BufferedWriter(_Output(1, "w", closefd=False))
        sys.stdout = io.TextIOWrapper(
            buffer, sys.stdout.encoding, "backslashreplace", line_buffering=sys.stdout.line_buffering
        )


def drop_output() -> None:
    """Take nothing more on stdout, nor what is held back still."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def nobody_reads() -> bool:
    """Return whether stdout is a pipe whose other end is closed, before anything is written to it."""
    pipe = select.poll()
    pipe.register(1, 0)  # no event but those that are always told
    return any(told & select.POLLERR for _, told in pipe.poll(0))


def words() -> list[str]:
    """Return the words of the command line; each that is a name leads to its file, also in another encoding.

    Python has the C library decode them, which in some locales takes bytes that Python's own codec can't give back.
    """
    try:
        for word in sys.argv:
            os.fsencode(word)
    except UnicodeEncodeError:
        given = Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]
        return [os.fsdecode(word) for word in given[1 - len(sys.argv) :]]
    return sys.argv[1:]
