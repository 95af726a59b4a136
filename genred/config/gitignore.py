"""Patterns in gitignore syntax: which of them decides about a path (pathspec lives here).

Each entry of a tree is asked about by itself, from the top down, as git does it: what lies in a folder that is ignored
can't be taken back by a later pattern. Signs are compared as characters, where git compares bytes.
"""

import logging
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

log = logging.getLogger(__name__)

PATIENCE = 0.2
"""Seconds of processor time that a pattern may take for one path: some patterns with many stars would take for ever."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line that says something."""

    text: str
    """The line as it was written."""
    number: int
    """The number of the line, from 1."""
    ignores: bool
    """False if it takes back what earlier patterns ignore."""
    for_folders: bool
    """True if it is about folders alone."""
    by_name: bool
    """True if it is compared with the last name of a path, wherever that is."""
    regex: "regex.Pattern[str]"

    def fits(self, path: str, name: str, *, folder: bool) -> bool:
        """Return whether a pattern is about a path, whose last name is also given.

        Raises
        ------
        TimeoutError
            If that takes too long to find out.
        """
        if self.for_folders and not folder:
            return False
        return bool(self.regex.fullmatch(name if self.by_name else path, timeout=PATIENCE))


class Patterns:
    """Lines in gitignore syntax, the later ones stronger.

    Raises
    ------
    ValueError
        If a line can't be understood; the message says which, and why.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._patterns: list[Pattern] = []
        self._slow: Pattern | None = None
        for number, line in enumerate(lines, 1):
            try:
                read = pattern(line, number)
            except ValueError as error:
                raise ValueError(f"line {number} {error}") from error
            if read is not None:
                self._patterns.insert(0, read)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def deciding(self, path: str, *, folder: bool) -> Pattern | None:
        """Return the pattern that decides about a path, relative to the place of the patterns; None if none does.

        One that takes too long for a path decides about all paths from then on: that they are left alone.
        """
        if self._slow is not None:
            return self._slow
        path = path.replace("\n", "\0")  # the one sign that a dot of a regular expression doesn't stand for
        name = path[path.rfind("/") + 1 :]
        for it in self._patterns:
            try:
                if it.fits(path, name, folder=folder):
                    return it
            except TimeoutError:
                log.warning("the pattern %r takes too long, so all that it could be about is left alone", it.text)
                self._slow = replace(it, ignores=True)
                return self._slow
        return None


def pattern(line: str, number: int = 1) -> Pattern | None:
    """Read one line; None if it says nothing.

    Raises
    ------
    ValueError
        If it can't be understood; the message is what may follow the line.
    """
    text = re.sub(r"(?<!\\) +$", "", line.removesuffix("\r"))
    if not text or text.startswith("#"):
        return None
    body = text.removeprefix("!")
    for_folders = body.endswith("/")
    body = body.removesuffix("/")
    if not body:
        return None
    return Pattern(text, number, not text.startswith("!"), for_folders, "/" not in body, _regex(body))


def _regex(body: str) -> "regex.Pattern[str]":
    """Return what fits to the whole of an entry's path, and not to what lies below the entry."""
    import regex
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # here and not above: it takes long

    if "[:" in body:
        raise ValueError("has a class such as [:alpha:], which is not understood")
    if body in ("*", "**"):
        body = "?*"
    elif body.endswith("/**"):
        body += "/?*"
    elif body.endswith("/*"):
        body = f"{body[:-1]}?*"
    elif body[0] in "!#":
        body = f"\\{body}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # "[[]" is a bracket in a gitignore file
            found = GitIgnoreSpecPattern(body).regex
    except (ValueError, re.error) as error:
        raise ValueError("ends with a backslash" if body.endswith("\\") else f"is no pattern ({error})") from error
    if found is None:
        raise ValueError("has a [ without its ]")
    return regex.compile(found.pattern)
