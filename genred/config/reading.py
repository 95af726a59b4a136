"""Read the configuration from a file and the environment, and say what is wrong with it, and where."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from genred.config.folders import config_home
from genred.config.lint import (
    Doubt,
    about_evidence,
    about_folders,
    about_genres,
    about_ignores,
    about_no_genre,
    about_paths,
    about_tags,
    about_whitelist_file,
    contradictions,
    unmapped,
    unreadable_ignores,
    unreadable_patterns,
)
from genred.config.sections import SECTIONS, Config, Genres
from genred.config.toml import line_of, line_of_entry
from genred.errors import ConfigError
from genred.genres import beets


@dataclass(frozen=True)
class Mistake:
    """Something in the configuration that can't be obeyed; or, if it isn't ``fatal``, that can hardly be meant."""

    file: str
    line: int | None
    key: str
    message: str
    fatal: bool = True

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        message = self.message if self.fatal else f"warning: {self.message}"
        return f"{where}: {self.key}: {message}" if self.key else f"{where}: {message}"


def find(explicit: Path | None = None) -> Path | None:
    """Return the configuration file in force; None if there is none.

    Raises
    ------
    ConfigError
        If a file was named, by flag or ``$GENRED_CONFIG``, and doesn't exist.
    """
    named = explicit or (Path(os.environ["GENRED_CONFIG"]) if os.environ.get("GENRED_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigError(f"{named}: no such configuration file")
        return named
    for folder in (config_home(), Path("/etc")):
        if (folder / "genred" / "config.toml").is_file():
            return folder / "genred" / "config.toml"
    return None


def place() -> Path:
    """Return the path for a new configuration file, if nobody names one."""
    named = os.environ.get("GENRED_CONFIG")
    return Path(named) if named else config_home() / "genred" / "config.toml"


def load(file: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration from a file (None: the defaults) and the environment.

    Raises
    ------
    ConfigError
        If there are mistakes; the message has a line for each.
    """
    config, mistakes = check(file, environ)
    if mistakes:
        raise ConfigError("\n".join(map(str, mistakes)))
    return config


def check(file: Path | None, environ: Mapping[str, str] = os.environ) -> tuple[Config, list[Mistake]]:
    """Return the configuration as far as genred can understand it, and every mistake in it."""
    text, raw, mistakes = _read(file)
    values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for name, table in raw.items():
        if name not in SECTIONS:
            known = [*SECTIONS, *(key for section in SECTIONS.values() for key in section.__struct_fields__)]
            mistakes.append(Mistake(str(file), line_of(text, name), name, "no such section" + _suggest(name, known)))
        elif not isinstance(table, dict):
            mistakes.append(Mistake(str(file), line_of(text, name), name, f"must be a section: [{name}]"))
        else:
            for key, value in table.items():
                _accept(values, name, key, value, str(file), line_of(text, key, name), mistakes)
    for variable, value in environ.items():
        name, _, key = variable.removeprefix("GENRED_").lower().partition("_")
        if variable.startswith("GENRED_") and name in SECTIONS and key:
            kind = SECTIONS[name].__annotations__.get(key)
            listed = value.split(os.pathsep) if kind in (tuple[Path, ...], tuple[str, ...]) else value
            _accept(values, name, key, listed, f"${variable}", None, mistakes)
    sections: dict[str, Any] = {name: kind(**values[name]) for name, kind in SECTIONS.items()}
    config = Config(**sections)
    impossible = [
        *contradictions(config.genres.aliases, config.genres.spelling),
        *_unreadable(config.genres),
        *unreadable_ignores(config.watch.ignore, config.watch.ignore_files),
        *unmapped(config.cluster.paths),
    ]
    mistakes += (_located(doubt, file, text, environ, fatal=True) for doubt in impossible)
    return _without(config, impossible), mistakes


def doubts(
    config: Config, file: Path | None, known: Iterable[str], environ: Mapping[str, str] = os.environ
) -> list[Mistake]:
    """Find what a configuration says that can be obeyed but hardly be meant; the folders are looked for.

    Parameters
    ----------
    config, file
        The configuration, and the file that it comes from.
    known
        The genres that may be named: those of the vocabulary and of the model in use.
    """
    text, _, _ = _read(file)
    evidence = config.evidence
    found = [
        *about_folders(config.watch.directories),
        *about_ignores(config.watch.ignore, config.watch.extensions, config.watch.directories),
        *about_tags(config.tags.mode, config.tags.max_genres),
        *about_genres(config.vocabulary, config.genres.whitelist, known),
        *about_no_genre(config.genres.no_genre, config.genres.spelling),
        *about_whitelist_file(config.genres.whitelist_file, config.vocabulary),
        *about_paths(config.cluster.paths),
        *about_evidence(mates=evidence.mates, artist=evidence.artist, library=evidence.library),
    ]
    return [_located(doubt, file, text, environ, fatal=False) for doubt in found]


def _read(file: Path | None) -> tuple[str, dict[str, Any], list[Mistake]]:
    if file is None:
        return "", {}, []
    try:
        text = file.read_text("utf-8-sig")  # some editors begin with a byte order mark
        return text, tomllib.loads(text), []
    except OSError as error:
        return "", {}, [Mistake(str(file), None, "", f"can't be read ({error.strerror})")]
    except UnicodeDecodeError:
        return "", {}, [Mistake(str(file), None, "", "not UTF-8 text")]
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        return "", {}, [Mistake(str(file), int(line[1]) if line else None, "", f"not TOML: {error}")]


def _without(config: Config, impossible: Iterable[Doubt]) -> Config:
    """Return a configuration without what can't be obeyed: words, patterns, paths, and the files that can't be read."""
    genres = config.genres
    entries = {(doubt.key, doubt.entry) for doubt in impossible}
    left = {
        key: tuple(entry for entry in getattr(config.watch, key) if (f"watch.{key}", entry) not in entries)
        for key in ("ignore", "ignore_files")
    }
    paths = {here: there for here, there in config.cluster.paths.items() if ("cluster.paths", here) not in entries}
    return (
        config.with_changes("watch", **left)
        .with_changes("cluster", paths=paths)
        .with_changes(
            "genres",
            aliases={word: genre for word, genre in genres.aliases.items() if ("genres.aliases", word) not in entries},
            spelling={word: name for word, name in genres.spelling.items() if ("genres.spelling", word) not in entries},
            tree="" if ("genres.tree", genres.tree) in entries else genres.tree,
            whitelist_file="" if ("genres.whitelist_file", genres.whitelist_file) in entries else genres.whitelist_file,
        )
    )


def _unreadable(genres: Genres) -> Iterator[Doubt]:
    """Find files and patterns of genres that can't be read."""
    yield from unreadable_patterns(genres.aliases)
    for key, read in (("tree", beets.tree), ("whitelist_file", beets.whitelist)):
        name = getattr(genres, key)
        try:
            if name:
                read(Path(name).expanduser())
        except ConfigError as error:
            yield Doubt(f"genres.{key}", name, str(error))


def _accept(
    values: dict[str, dict[str, Any]],
    name: str,
    key: str,
    value: Any,
    source: str,
    line: int | None,
    mistakes: list[Mistake],
) -> None:
    """Check a value and put it among the values, or add to the mistakes what is wrong with it."""
    kinds = SECTIONS[name].__annotations__
    if key not in kinds:
        mistakes.append(Mistake(source, line, f"{name}.{key}", "no such key" + _suggest(key, kinds)))
        return
    try:
        values[name][key] = msgspec.convert(value, kinds[key], strict=not source.startswith("$"), dec_hook=_path)
    except (msgspec.ValidationError, ValueError) as error:
        mistakes.append(Mistake(source, line, f"{name}.{key}", _plainly(str(error), kinds[key], value)))


def _path(kind: type, value: Any) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise ValueError("Expected a path in quotes")
    # TOML is UTF-8, and so are names here, whatever the locale says that they are.
    path = Path(os.fsdecode(value.encode("utf-8", "surrogateescape"))).expanduser()
    if not path.is_absolute():
        raise ValueError(f"Expected an absolute path, got {value!r}")
    return path


def _plainly(message: str, kind: Any, value: Any) -> str:
    message = message.split(" - at ")[0].replace("`", "'")
    if "enum" in message:
        parts = [kind] if get_origin(kind) is Literal else get_args(kind)
        choices = ["true, false" if part is bool else ", ".join(map(str, get_args(part))) for part in parts]
        near = difflib.get_close_matches(str(value), ", ".join(choices).split(", "), n=1, cutoff=0.6)
        return f"must be one of {', '.join(choices)}" + (f"; did you mean {near[0]}?" if near else "")
    if "float' < 1.0" in message and 1 < (percent := float(value)) < 100:
        return f"must be a share of one: {percent / 100:g} for {percent:g} %"
    if "regex" in message:
        is_url = "sqlite" in message
        return "must be sqlite:/// and the path of a file" if is_url else "must be like tcp://desk:8786"
    for kind_, words in _WORDS.items():
        message = message.replace(kind_, words)
    return message[:1].lower() + message[1:]


_WORDS = {
    "'str'": "text in quotes",
    "'int'": "a whole number",
    "'float'": "a number",
    "'bool'": "true or false",
    "'array'": "a list",
    "'object'": "a table",
    " >= ": " of at least ",
    " <= ": " of at most ",
    " > ": " above ",
    " < ": " below ",
}
"""What msgspec says, in words for people."""


def _located(doubt: Doubt, file: Path | None, text: str, environ: Mapping[str, str], *, fatal: bool) -> Mistake:
    """Turn a doubt into a mistake with a place: the line of the entry, or else the line of its key."""
    variable = "GENRED_" + doubt.key.upper().replace(".", "_")
    if variable in environ:
        return Mistake(f"${variable}", None, doubt.key, doubt.message, fatal)
    section, _, key = doubt.key.partition(".")
    return Mistake(str(file), line_of_entry(text, section, key, doubt.entry), doubt.key, doubt.message, fatal)


def _suggest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else f" (there are: {', '.join(known)})"
