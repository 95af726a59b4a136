"""TOML as text: the example configuration, values as TOML, and the lines at which keys and entries stand."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genred.errors import ConfigError
from genred.fs.files import readable


def example(directories: Sequence[Path] = (), history: str = "") -> str:
    """Return a configuration that explains every key and has its default, with these values filled in.

    Parameters
    ----------
    directories
        The folders to watch.
    history
        The URL of the history.

    Raises
    ------
    ConfigError
        If a folder's name is not Unicode, so that TOML can't hold it.
    """
    names = []
    for path in directories:
        try:
            names.append(os.fsencode(path).decode("utf-8"))
        except UnicodeDecodeError:
            raise ConfigError(f"{readable(path)}: TOML can't hold this name, which is not Unicode") from None
    text = (Path(__file__).parents[1] / "data" / "config.example.toml").read_text("utf-8")
    text = text.replace("directories = []", f"directories = {dumps(names)}", 1)
    return text.replace('url = ""', f"url = {dumps(history)}", 1)


def dumps(value: Any) -> str:
    """Return a value as TOML, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{dumps(k)} = {dumps(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(dumps, value))}]"
    # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def line_of(text: str, key: str, section: str | None = None) -> int | None:
    """Return the number of a key's line in TOML text, which tomllib doesn't tell."""
    current: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            current = header[1].split(".")[0].strip("\"'")
            if section is None and current == key:
                return number
            if section == current and header[1] == f"{section}.{key}":
                return number
        elif current == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return None


def line_of_entry(text: str, section: str, key: str, entry: str) -> int | None:
    """Return the line of an entry in the table or list that a key has; the line of the key if the entry isn't found."""
    first = line_of(text, key, section)
    lines = list(enumerate(text.splitlines(), 1))[(first or 1) - 1 :]
    name = re.escape(entry)
    for pattern in (rf"""(?<!\w){name}["']?\s*=""", rf"""["']{name}["']"""):  # in a table, in a list
        if found := next((number for number, line in lines if re.search(pattern, line)), None):
            return found
    return first
