"""Doubts about what a configuration says of genres and folders: what can be read but hardly be meant."""

import difflib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genred.config.gitignore import Patterns, pattern
from genred.config.toml import dumps
from genred.fs.files import readable
from genred.genres import Vocabulary, Way, is_generic, is_line, key, listed
from genred.genres.vocabulary import PATTERN, compiled

# A star that something follows, in a path that begins anywhere. Before patterns were gitignore's, it crossed slashes.
_CROSSING = re.compile(r"(?!/|.*\*\*)(?=.*/.*[^/]).*\*[^*].*")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something odd about one entry of one key.

    ``key`` is the key's name in the form "section.key".
    """

    key: str
    entry: str
    message: str


def contradictions(aliases: Mapping[str, str], spelling: Mapping[str, str]) -> Iterator[Doubt]:
    """Find what can't be obeyed.

    That is a word that means two things, one that is none or several, or a chain of aliases that leads to its start.
    """
    for name, table in (("genres.aliases", aliases), ("genres.spelling", spelling)):
        meant: dict[str, tuple[str, str]] = {}
        for word, meaning in table.items():
            if not (is_line(word) and (key(word) or PATTERN.fullmatch(word))):
                yield Doubt(name, word, f"{word!r} is no name of a genre")
            elif not (is_line(meaning) and meaning.strip()):
                yield Doubt(name, word, f"{meaning!r} is no name of a genre")
            elif len(list(filter(str.strip, listed(meaning)))) > 1:
                yield Doubt(name, word, f"{meaning!r} is more than one genre")
            same = word if PATTERN.fullmatch(word) else key(word)
            first, other = meant.setdefault(same, (word, meaning))
            if other != meaning:
                yield Doubt(name, word, f"{word!r} is {meaning!r}, and {first!r}, the same word, is {other!r}")
    words = {word: meaning for word, meaning in aliases.items() if not PATTERN.fullmatch(word)}
    leads = {key(word): key(meaning) for word, meaning in words.items() if key(word) != key(meaning)}
    for word in words:
        path = [key(word)]
        while (here := leads.get(path[-1])) is not None and here not in path:
            path.append(here)
        if here == path[0]:
            yield Doubt("genres.aliases", word, f"{word!r} leads back to itself")


def unmapped(paths: Mapping[str, str]) -> Iterator[Doubt]:
    """Find folders at home, or at a cluster, that are no plain absolute paths, and folders with two names there."""
    meant: dict[Path, tuple[str, str]] = {}
    for here, there in paths.items():
        for path in (here, there):
            if not path.startswith("/"):
                yield Doubt("cluster.paths", here, f"must be an absolute path, got {path!r}")
            elif path.startswith("//") or ".." in Path(path).parts or "\0" in path:
                yield Doubt(
                    "cluster.paths",
                    here,
                    f"must be a path that begins with one slash and has neither .. nor NUL, got {path!r}",
                )
        first, other = meant.setdefault(Path(here), (here, there))
        if Path(other) != Path(there):
            message = f"{here!r} is called {there!r}, and {first!r}, the same folder, is called {other!r}"
            yield Doubt("cluster.paths", here, message)


def unreadable_patterns(aliases: Mapping[str, str]) -> Iterator[Doubt]:
    """Find aliases between slashes that are no regular expressions, or lead to a group that there is not."""
    for word, meaning in aliases.items():
        if (match := PATTERN.fullmatch(word)) is None:
            continue
        try:
            compiled(match[1])
            # With an alternative for nothing there is a match to try the meaning on.
            if (empty := compiled(f"(?:{match[1]})?").fullmatch("")) is not None:
                empty.expand(meaning)
        except (ValueError, IndexError) as error:
            yield Doubt("genres.aliases", word, f"{word!r} is no regular expression: {error}")


def unreadable_ignores(ignore: Iterable[str], files: Iterable[str]) -> Iterator[Doubt]:
    """Find patterns of `watch.ignore` that say nothing or may mean two things, and names that no file can have."""
    for text in ignore:
        body = text.removeprefix("!")
        if text.startswith("#"):
            message = f"is a comment in gitignore syntax; write {dumps(chr(92) + text)}"
        elif not body.strip("/ "):
            message = "is no pattern"
        elif (begin := body.partition("/")[0]) in (".", "..", "~") or "//" in body or "\\/" in body:
            message = "fits to nothing: a pattern begins in each of watch.directories, and has one slash at a time"
            message += f", not {begin}/" if begin in (".", "..", "~") else ""
        elif re.search(r"(?<!\\) $", text):
            message = f"ends with a blank, which doesn't count; write {dumps(text.rstrip())}"
        elif _CROSSING.fullmatch(body.rstrip("/")):
            anchored = text.replace(body, f"/{body}")
            message = f"may mean two things, since * stops at a slash; write {dumps(anchored)}, or ** to cross slashes"
        else:
            message = _no_pattern(text)
        if message:
            yield Doubt("watch.ignore", text, f"{text!r} {message}")
    for name in files:
        if "/" in name or name in ("", ".", "..") or not is_line(name):
            yield Doubt("watch.ignore_files", name, f"{name!r} is no name of a file")


def _no_pattern(text: str) -> str:
    try:
        pattern(text)
    except ValueError as error:
        meant = f"{text}\\" if text.endswith("\\") else re.sub(r"(?<!\\)\[", r"\\[", text)
        return f"{error}; write {dumps(meant)} if you mean the sign"
    return ""


def about_ignores(ignore: Sequence[str], extensions: Iterable[str], folders: Iterable[Path]) -> Iterator[Doubt]:
    """Find patterns that leave everything alone, or nothing."""
    patterns = Patterns(ignore)
    samples = [patterns.deciding(f"\1.{suffix.lstrip('.')}", folder=False) for suffix in extensions]
    whole = patterns.deciding("\1", folder=True)
    if whole and whole.ignores and all(found is not None and found.ignores for found in samples):
        yield Doubt("watch.ignore", whole.text, f"{whole.text!r} leaves everything alone")
    for number, text in enumerate(ignore):
        if text.startswith("!") and all(other.startswith("!") for other in ignore[:number]):
            yield Doubt("watch.ignore", text, f"{text!r} takes back nothing, since no pattern stands before it")
        for folder in folders:
            if text.startswith(f"{folder}/"):
                below = text.removeprefix(str(folder))
                message = f"{text!r} begins in each of watch.directories, and not at /; write {below!r}"
                yield Doubt("watch.ignore", text, message)


def about_tags(mode: str, max_genres: int) -> Iterator[Doubt]:
    """Find combinations of keys that do nothing."""
    if mode == "merge" and max_genres == 1:
        message = 'with max_genres = 1, "merge" does no more than "keep": a file with a genre has as many as it may'
        yield Doubt("tags.mode", mode, message)
    if mode == "off" and max_genres > 1:
        yield Doubt("tags.max_genres", str(max_genres), 'nothing is written with tags.mode = "off", however many')


def about_genres(vocabulary: Vocabulary, whitelist: Sequence[str], known: Iterable[str]) -> Iterator[Doubt]:
    """Find entries that have no effect, or another effect than it seems.

    Parameters
    ----------
    vocabulary
        The user's own words.
    whitelist
        The genres that the configuration itself allows, without those of a file.
    known
        The genres of the user's tree and of the model in use.
    """
    names = sorted({vocabulary.tree.canonical(name) for name in known})
    yield from _about_aliases(vocabulary, names)
    yield from _about_whitelist(vocabulary, whitelist, names)
    yield from _about_spelling(vocabulary, names)


def _about_aliases(vocabulary: Vocabulary, names: Sequence[str]) -> Iterator[Doubt]:
    others = {key(word): meaning for word, meaning in vocabulary.aliases.items()}
    for word, meaning in vocabulary.aliases.items():
        if PATTERN.fullmatch(word):
            continue
        if key(meaning) == key(word):
            if key(vocabulary.tree.canonical(word)) == key(word):
                same = "is a genre of its own anyway" if word == meaning else f"and {meaning!r} are one word anyway"
                yield Doubt("genres.aliases", word, f"{word!r} {same}")
        elif is_generic(meaning):
            yield Doubt("genres.aliases", word, f"{meaning!r} says nothing; genres.no_genre is for that")
        elif key(others.get(key(meaning), meaning)) != key(meaning):
            message = f"{meaning!r} is an alias too, and only one step is taken; name {others[key(meaning)]!r} itself"
            yield Doubt("genres.aliases", word, message)
        elif not _is_known(meaning, vocabulary, names):
            yield Doubt("genres.aliases", word, _unheard_of(meaning, names))


def _about_whitelist(vocabulary: Vocabulary, whitelist: Sequence[str], names: Sequence[str]) -> Iterator[Doubt]:
    there: set[str] = set()
    for name in whitelist:
        genre = vocabulary.canonical(name)
        if not _is_known(name, vocabulary, names):
            yield Doubt("genres.whitelist", name, _unheard_of(name, names))
        elif genre in there:
            yield Doubt("genres.whitelist", name, f"{name!r} is {genre}, which is there already")
        there.add(genre)


def _about_spelling(vocabulary: Vocabulary, names: Sequence[str]) -> Iterator[Doubt]:
    for name, written in vocabulary.spelling.items():
        landing = vocabulary.tree.land(written)
        of_another = landing is not None and landing.way in (Way.NAME, Way.SPELLING)
        if not _is_known(name, vocabulary, names):
            yield Doubt("genres.spelling", name, _unheard_of(name, names))
        elif not vocabulary.allows(name):
            yield Doubt("genres.spelling", name, f"{name!r} is never written: genres.whitelist leaves it out")
        elif landing and of_another and vocabulary.canonical(written) != vocabulary.canonical(name):
            yield Doubt("genres.spelling", name, f"{written!r} is read as {landing.genre}, another genre")


def about_no_genre(names: Collection[str], spelling: Mapping[str, str]) -> Iterator[Doubt]:
    """Find words that say nothing, where they are to be written or are said to say nothing."""
    none = set(map(key, names))
    for name, written in spelling.items():
        if key(written) in none or is_generic(written):
            yield Doubt("genres.spelling", name, f"{written!r} says nothing, and so counts as no genre")
    for name in names:
        if is_generic(name):
            yield Doubt("genres.no_genre", name, f"{name!r} counts as no genre anyway")


def about_whitelist_file(file: str, vocabulary: Vocabulary) -> Iterator[Doubt]:
    """Find a list that allows nothing, and so everything."""
    if file and not vocabulary.whitelist:
        yield Doubt("genres.whitelist_file", file, f"{file} holds no genre, so any may be written")


def about_evidence(*, mates: bool, artist: bool, library: bool) -> Iterator[Doubt]:
    """Find that tags are read for nothing."""
    if library and not (mates or artist):
        message = "reads tags that nothing asks for, since evidence.mates and evidence.artist are off"
        yield Doubt("evidence.library", "library", message)


def about_folders(folders: Collection[Path]) -> Iterator[Doubt]:
    """Find folders that don't exist, and folders inside one another; a disk may be absent, so neither is a mistake."""
    for folder in dict.fromkeys(folders):
        around = [other for other in folders if other != folder and folder.is_relative_to(other)]
        if not folder.is_dir():
            problem = "is not a folder" if os.path.lexists(folder) else "is not there; it is watched when it appears"
            yield Doubt("watch.directories", str(folder), f"{readable(folder)} {problem}")
        elif around:
            yield Doubt("watch.directories", str(folder), f"{readable(folder)} is inside {readable(around[0])} already")


def about_paths(paths: Mapping[str, str]) -> Iterator[Doubt]:
    """Find folders that don't exist here, and two that a cluster is said to have in one place."""
    places: dict[Path, str] = {}
    for here, there in paths.items():
        first = places.setdefault(Path(there), here)
        if Path(first) != Path(here):
            yield Doubt("cluster.paths", here, f"{here!r} and {first!r} are both called {there!r} at the cluster")
        if not Path(here).is_dir():
            problem = "is not a folder" if os.path.lexists(here) else "is not there"
            yield Doubt("cluster.paths", here, f"{here!r} {problem}; the folder at home stands first")


def _is_known(name: str, vocabulary: Vocabulary, names: Collection[str]) -> bool:
    return vocabulary.land(name) is not None or vocabulary.canonical(name) in names


def _unheard_of(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.title(), names, n=1, cutoff=0.6)
    nearest = f"; did you mean {near[0]}?" if near else "; `genred genres` lists what there is"
    return f"neither the vocabulary nor the model knows {name!r}{nearest}"
