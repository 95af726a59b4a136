"""What beets users have: a tree of genres in YAML, and a whitelist with one genre a line; both read as they are."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from genred.errors import ConfigError
from genred.genres.spellings import is_generic
from genred.genres.tree import Tree, built_in


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
    if not isinstance(loaded, (list, dict)):
        raise ConfigError(f"{file}: no tree of genres; it is a list of genres, each with a list of its kinds, in YAML")
    return built_in().under(_branches(loaded, None))


def _branches(element: object, parent: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield each genre of nested lists with the genre above it; "other" and the like are no genres."""
    match element:
        case dict():
            for name, below in element.items():
                heading = parent if is_generic(str(name)) else str(name)
                if heading != parent:
                    yield str(name), parent
                yield from _branches(below, heading)
        case list():
            for one in element:
                yield from _branches(one, parent)
        case None:
            pass
        case _:
            if not is_generic(str(element)):
                yield str(element), parent
