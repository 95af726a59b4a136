"""Labelled music, and the table of features that is made of it.

The table that the package carries is made by::

    genred train labels.csv --to-table genred/data/table.npz
"""

import csv
import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray

from genred.analysis.pool import take_one_thread
from genred.errors import ConfigError, FileError
from genred.fs.files import open_regular, readable
from genred.genres import Vocabulary, is_generic
from genred.model.table import Table
from genred.sound import filters
from genred.sound.features import FEATURE_NAMES, FEATURE_VERSION

Vector = NDArray[np.float32]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labelled:
    """A file and the genre that a person gave it."""

    path: Path
    genre: str
    artist: str
    """The artist, or any other name for a group of files that must not be torn apart by a split."""
    source: str


# -- reading labels ------------------------------------------------------------------------------------------------


def read_source(source: Path, vocabulary: Vocabulary | None = None) -> list[Labelled]:
    """Read labelled files from a folder of folders named by genre, or a CSV manifest.

    Parameters
    ----------
    source
        A folder: ``Genre/track`` or ``Genre/artist or album/.../track``. Or a CSV with the header
        ``path,genre[,artist[,source]]`` and paths relative to the CSV itself; other columns are left alone.
    vocabulary
        The meanings of the user's spellings.

    Raises
    ------
    ConfigError
        If there is no labelled music to read; the message names the place, and says what to do.
    """
    if source.is_dir():
        found = _telling(source, _from_folders(source, vocabulary or Vocabulary()))
        _question(source, {item.path.relative_to(source).parts[0] for item in found}, vocabulary or Vocabulary())
    elif source.is_file():
        found = _telling(source, _from_manifest(source, vocabulary or Vocabulary()))
    else:
        raise ConfigError(f"{readable(source)}: no such folder or CSV manifest")
    if not found:
        raise ConfigError(f"{readable(source)}: no labelled music in it; put tracks into folders named by genre")
    return found


def _telling(source: Path, labelled: Iterable[Labelled]) -> list[Labelled]:
    """Leave out tracks whose label is no genre ("Unknown", "Misc"), and warn of them."""
    found = list(labelled)
    said = Counter(item.genre for item in found if is_generic(item.genre))
    if said:
        names = ", ".join(f"{count} {readable(Path(name))}" for name, count in said.most_common(5))
        log.warning("%s: labels that are no genre teach nothing, and were left out: %s", readable(source), names)
    return [item for item in found if item.genre not in said]


def _from_folders(source: Path, vocabulary: Vocabulary) -> Iterator[Labelled]:
    for folder in sorted(p for p in source.iterdir() if p.is_dir() and not p.name.startswith(".")):
        for directory, names, files in os.walk(folder):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                path = Path(directory, name)
                if name.startswith(".") or not path.is_file():
                    continue
                inner = path.relative_to(folder).parts
                yield Labelled(path, vocabulary.canonical(folder.name), str(folder / inner[0]), readable(source))


def _question(source: Path, names: Collection[str], vocabulary: Vocabulary) -> None:
    """Refuse folders none of which is named by a genre that genred or the user knows, as artists' are; doubt few."""
    strange = sorted(name for name in names if not vocabulary.knows(name))
    if 2 * len(strange) <= len(names):
        return
    shown = ", ".join(readable(Path(name)) for name in strange[:3])
    few = f"{len(strange)} of {len(names)} folders in it have no genre's name ({shown}{', ...' if strange[3:] else ''})"
    own = "genres of your own go into genres.aliases"
    if len(strange) == len(names):
        way = f"`genred train --from-tags {readable(source)}` learns from the tags instead"
        raise ConfigError(f"{readable(source)}: {few}; {way}, and {own}")
    log.warning("%s: %s; each of them is learnt as a genre. Stop this if they are none; %s", readable(source), few, own)


def _from_manifest(source: Path, vocabulary: Vocabulary) -> Iterator[Labelled]:
    where = readable(source)
    try:
        with open(source, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = {"path", "genre"} - set(reader.fieldnames or ())
            if missing:
                wanted = " and ".join(sorted(missing))
                raise ConfigError(f"{where}, line 1: no column {wanted}; the header is path,genre[,artist[,source]]")
            for row in reader:
                yield _labelled(source, reader.line_num, row, vocabulary)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{readable(source)}: not a CSV manifest in UTF-8 ({error})") from error


def _labelled(source: Path, line: int, row: dict[str, str | None], vocabulary: Vocabulary) -> Labelled:
    path, genre = ((row[key] or "").strip() for key in ("path", "genre"))
    where = f"{readable(source)}, line {line}"
    if not path or not genre:
        raise ConfigError(f"{where}: no {'genre' if path else 'path'}; fill it in or remove the line")
    full = source.parent / path
    artist = (row.get("artist") or "").strip() or str(full)
    return Labelled(full, vocabulary.canonical(genre), artist, (row.get("source") or "").strip() or source.stem)


def contradictory(labelled: Sequence[Labelled]) -> set[Path]:
    """Find files that are labelled with more than one genre: one label of each is wrong, and nobody knows which one."""
    said: dict[Path, set[str]] = {}
    for item in labelled:
        said.setdefault(item.path, set()).add(item.genre)
    return {path for path, names in said.items() if len(names) > 1}


def label_of(names: Iterable[str], vocabulary: Vocabulary) -> str | None:
    """Return the one genre that a track with several teaches; None if more than half of them have nothing in common.

    Of the deepest branch of the tree that holds more than half of the genres, it is the finest if they all lie on one
    line (House of "House, Electronic"), and the branch itself if they don't (Electronic of "House, Techno").
    """
    meant = list(dict.fromkeys(vocabulary.canonical(part) for name in names for part in vocabulary.split(name)))
    lines = {genre: (genre, *vocabulary.ancestors(genre)) for genre in meant if not is_generic(genre)}
    branches = [genre for line in lines.values() for genre in line]
    most = [genre for genre in dict.fromkeys(branches) if branches.count(genre) * 2 > len(lines)]
    if not most:
        return None
    branch = max(most, key=lambda genre: len(vocabulary.ancestors(genre)))
    inside = [genre for genre, line in lines.items() if branch in line]
    finest = [genre for genre in inside if not any(genre in lines[other][1:] for other in inside)]
    return finest[0] if len(finest) == 1 else branch


def coarsened(table: Table, genres: Collection[str], vocabulary: Vocabulary) -> Table:
    """Return a table whose genres are the nearest of some above them; a genre that is below none of them stays."""
    told = {genre: vocabulary.nearest(genre, genres) or genre for genre in map(str, np.unique(table.y))}
    return replace(table, y=np.array([told[str(genre)] for genre in table.y], np.str_))


# -- features ------------------------------------------------------------------------------------------------------


def build_table(
    labelled: Sequence[Labelled],
    *,
    workers: int,
    progress: Callable[[], None] = lambda: None,
    cache_dir: Path | None = None,
    extract: Callable[[Path], Vector] | None = None,
    listen: Callable[[Path], bytes] | None = None,
) -> tuple[Table, list[FileError]]:
    """Describe every labelled file, in parallel; a file that was described before isn't decoded again.

    Parameters
    ----------
    labelled
        Files; those with contradictory labels are left out and reported.
    workers
        The number of processes.
    progress
        Called once for each file.
    cache_dir
        The folder in which vectors are kept by content; None to keep no vectors.
    extract
        Turns a file into a vector.
    listen
        Has other processes turn a file into the bytes of a vector; called in several threads, instead of ``extract``.

    Returns
    -------
    table, errors
        Rows in the order of ``labelled``, and an error for each file that has no row.
    """
    torn = contradictory(labelled)
    errors = [FileError(path, "labelled with more than one genre; keep one") for path in sorted(torn)]
    unique = {item.path: item for item in labelled if item.path not in torn}
    take_one_thread()
    if listen is not None:
        extract = partial(_heard, listen)
    elif extract is None:
        filters.designed()  # once, and not by each process anew
    backend = "loky" if listen is None else "threading"
    jobs = joblib.Parallel(n_jobs=workers, backend=backend, return_as="generator_unordered")(
        joblib.delayed(_cached)(path, cache_dir, extract or _extract) for path in unique
    )
    found: dict[Path, Vector | FileError] = {}
    for path, vector in jobs:
        progress()
        found[path] = vector
    rows: list[tuple[Vector, Labelled]] = []
    for path, item in unique.items():
        if isinstance(vector := found[path], FileError):
            errors.append(vector)
        else:
            rows.append((vector, item))
    X = np.array([x for x, _ in rows], np.float32).reshape(len(rows), len(FEATURE_NAMES))
    y, groups, sources = (
        np.array([getattr(item, key) for _, item in rows], np.str_) for key in ("genre", "artist", "source")
    )
    return Table(X, y, groups, sources), errors


def _extract(path: Path) -> Vector:
    from genred.sound import audio, features

    return features.extract(audio.read_excerpts(path))


def _heard(listen: Callable[[Path], bytes], path: Path) -> Vector:
    return np.frombuffer(listen(path), "<f4").astype(np.float32)


def _cached(path: Path, cache_dir: Path | None, extract: Callable[[Path], Vector]) -> tuple[Path, Vector | FileError]:
    try:
        return path, extract(path) if cache_dir is None else _kept(path, cache_dir, extract)
    except FileError as error:
        return path, error


def _kept(path: Path, cache_dir: Path, extract: Callable[[Path], Vector]) -> Vector:
    """Return the vector that was kept for a file with this content; if there is none, make one and keep it."""
    kept = cache_dir / "features" / f"{_content(path)}-{FEATURE_VERSION}.npy"
    try:
        vector: Vector = np.load(kept, allow_pickle=False)
        if vector.shape == (len(FEATURE_NAMES),):
            return vector
    except (OSError, ValueError, EOFError):
        pass  # a vector that is missing or damaged is made anew
    vector = extract(path)
    kept.parent.mkdir(parents=True, exist_ok=True)
    whole = kept.with_suffix(f".{os.getpid()}.tmp")
    with open(whole, "wb") as file:
        np.save(file, vector)
    os.replace(whole, kept)
    return vector


def _content(path: Path) -> str:
    with open_regular(path) as file:
        digest = hashlib.sha256()
        while chunk := file.read(2**20):
            digest.update(chunk)
        return digest.hexdigest()
