"""What beets users have: a tree of genres in YAML, and a whitelist with one genre a line; both read as they are."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from genred.errors import ConfigError
from genred.genres.spellings import is_generic, is_line
from genred.genres.tree import Tree, built_in

_LARGEST = 16 * 2**20
"""Bytes of a file."""

_DEEPEST, _MOST = 100, 100_000
"""Levels of a tree, and entries: text of a few lines can stand for a tree without end."""


def tree(file: Path) -> Tree:
    """Return genred's tree, with a person's in its place wherever the person's says something.

    Raises
    ------
    ConfigError
        If the file can't be read, or holds no tree.
    """
    return _tree(file, _text(file))


def whitelist(file: Path) -> tuple[str, ...]:
    """Return the genres of a whitelist: one a line; empty lines and what begins with "#" are left out.

    Raises
    ------
    ConfigError
        If the file can't be read.
    """
    lines = map(str.strip, _text(file).splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST or not (file.is_file() or file.is_dir()):  # a pipe or a device has no end
            raise ConfigError(f"{file}: not a file of genres, which would be a few thousand lines of text")
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file}: can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: not UTF-8 text") from None


@lru_cache(maxsize=2)
def _tree(file: Path, text: str) -> Tree:
    import yaml  # here and not above: few people have a tree of their own

    try:
        loaded = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(loaded, (list, dict)) or not loaded:
        raise ConfigError(f"{file}: no tree of genres; it is a list of genres, each with a list of its kinds, in YAML")
    try:
        return built_in().under(_branches(loaded))
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None


def _branches(loaded: object) -> Iterator[tuple[str, str | None]]:
    """Yield each genre of nested lists with the genre above it; "other" and the like are no genres.

    Raises
    ------
    ValueError
        If the lists don't end, or a name is none.
    """
    waiting: list[tuple[object, str | None, int]] = [(loaded, None, 0)]
    for _ in range(_MOST):
        if not waiting:
            return
        element, parent, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ValueError("its lists lie in one another without an end")
        if isinstance(element, (list, dict)):
            waiting += [(one, over, depth + 1) for one, over in reversed(_below(element, parent))]
        elif element is not None and not is_generic(name := str(element)):
            if not is_line(name):
                raise ValueError(f"{name!r} is no name of a genre")
            yield name, parent
    raise ValueError(f"more than {_MOST:,} entries")


def _below(element: list[object] | dict[object, object], parent: str | None) -> list[tuple[object, str | None]]:
    """Return what a list holds, and the names and the lists of a mapping, each with the genre above it."""
    if isinstance(element, list):
        return [(one, parent) for one in element]
    found: list[tuple[object, str | None]] = []
    for name, kinds in element.items():
        found += [(name, parent), (kinds, parent if is_generic(str(name)) else str(name))]
    return found
