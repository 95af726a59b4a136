"""The kinds of words that a person types: paths, genres, moments, names. None of them is ever empty.

An empty word is mostly a variable that isn't set, and must not come to mean the current folder, or no genre.
"""

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from genred.config import SCHEDULER
from genred.fs.files import readable


class _Path(click.Path):
    """A file or a folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value:
            self.fail("an empty word names no file and no folder (a variable that isn't set?)", param, ctx)
        return super().convert(value, param, ctx)


class _Name(click.ParamType[str]):
    """A name, or whatever has one."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        self._message = message

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            text = str(value).strip()
            if not text.isprintable():  # bytes that the locale's encoding lacks
                text = os.fsencode(text).decode("utf-8")
        except UnicodeError:
            self.fail(f"{value!r} is not text in UTF-8", param, ctx)
        return text or self.fail(self._message, param, ctx)


class _Genre(_Name):
    """A genre; what names a file is a file in the place of it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = super().convert(value, param, ctx)
        if Path(text).is_file():
            self.fail(f"{readable(Path(text))} is a file; `--help` says where the genre stands", param, ctx)
        return text


class _Address(_Name):
    """The address of a scheduler."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = super().convert(value, param, ctx)
        if not re.fullmatch(SCHEDULER, text):
            self.fail(f"{text!r} is no address of a scheduler; it would be like tcp://desk:8786", param, ctx)
        return text


class _Model(_Name):
    """The name of a model, which is that of a file as well."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        name = super().convert(value, param, ctx)
        if "/" in name or name.startswith("."):
            self.fail(f"{name!r} names no model: it has a slash, or begins with a dot", param, ctx)
        return name


class _Moment(click.ParamType[str]):
    """A time as a person gives it, converted to how the history holds it."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from genred.history.moments import moment

        try:
            return moment(value, datetime.now().astimezone())
        except ValueError as error:
            self.fail(str(error), param, ctx)


NUMBER = click.IntRange(1, 2**63 - 1)
"""What can be counted, or is the number of something, in SQLite."""
PATH = _Path(path_type=Path)
GENRE = _Genre("genre", "an empty word names no genre (a variable that isn't set?)")
COMMAND = _Name("command", "an empty word is no command (a variable that isn't set?)")
ELSEWHERE = _Name("path", "an empty word is no path; a dot makes paths begin in the folder")
HOST = _Name("host", "an empty word names no host (a variable that isn't set?)")
ADDRESS = _Address("address", "an empty word names no scheduler (a variable that isn't set?)")
USER = _Name("name", "an empty word names no user (a variable that isn't set?)")
MODEL = _Model("name", "a model has a name")
MOMENT = _Moment()

DIRS = click.argument("directories", nargs=-1, metavar="[DIR]...", type=PATH)
FILES = click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=PATH)
