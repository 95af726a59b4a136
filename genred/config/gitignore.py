"""Patterns in gitignore syntax: which of them decides about a path (pathspec lives here).

Each entry of a tree is asked about by itself, from the top down, as git does it: what lies in a folder that is ignored
can't be taken back by a later pattern. Signs are compared as characters, where git compares bytes.
"""

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass


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
    regex: re.Pattern[str]

    def fits(self, path: str, name: str, *, folder: bool) -> bool:
        """Return whether a pattern is about a path, whose last name is also given."""
        return (folder or not self.for_folders) and bool(self.regex.fullmatch(name if self.by_name else path))


class Patterns:
    """Lines in gitignore syntax, the later ones stronger.

    Raises
    ------
    ValueError
        If a line can't be understood; the message says which, and why.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._patterns: list[Pattern] = []
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
        """Return the pattern that decides about a path, relative to the place of the patterns; None if none does."""
        path = path.replace("\n", "\0")  # the one sign that a dot of a regular expression doesn't stand for
        name = path[path.rfind("/") + 1 :]
        return next((it for it in self._patterns if it.fits(path, name, folder=folder)), None)


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


def _regex(body: str) -> re.Pattern[str]:
    """Return what fits to the whole of an entry's path, and not to what lies below the entry."""
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
            regex = GitIgnoreSpecPattern(body).regex
    except (ValueError, re.error) as error:
        raise ValueError("ends with a backslash" if body.endswith("\\") else f"is no pattern ({error})") from error
    if regex is None:
        raise ValueError("has a [ without its ]")
    return re.compile(regex.pattern)
