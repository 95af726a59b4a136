"""The models of a person's own: kept side by side in the state folder, one of them in use instead of the built-in."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genred.config import Config, state_dir
from genred.errors import ConfigError, ModelError
from genred.fs.files import readable
from genred.model import container

BUILTIN = "builtin"

BUILTIN_GENRES = ("Blues", "Classical", "Country", "Disco", "Electronic", "Hip-Hop", "Jazz", "Metal", "Rock")
"""The genres that the built-in model answers; of its table's, it recognises six too seldom.

They are named, because whether a genre reaches three answers for ten tracks differs between processors and libraries.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that a person trained."""

    name: str
    path: Path
    in_use: bool
    tracks: int | None
    """How many it was trained on; None where it can't be used, because an earlier genred saved it."""


def folder() -> Path:
    return state_dir() / "models"


def file_of(name: str) -> Path:
    """Return where a model of this name is kept, whether it is there or not."""
    return folder() / f"{name}{container.SUFFIX}"


def entries() -> list[Entry]:
    """Return all models of one's own, oldest first."""
    chosen = _chosen()
    files = [path for suffix in (container.SUFFIX, ".joblib") for path in folder().glob(f"*{suffix}")]
    return [
        Entry(path.stem, path, path == chosen, _count(card_of(path).get("tracks")))
        for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)
    ]


def card_of(path: Path) -> dict[str, Any]:
    """Return the card that a model of one's own was saved with, unchecked; empty where there is none."""
    card = container.read_head(path).get("card")
    return card if isinstance(card, dict) else {}


def card_in_use(settings: Config, cache: Path) -> dict[str, Any]:
    """Return the card of the model in use, unchecked; empty where there is none.

    Of the built-in model, which is fitted anew for every version of genred, it is the one that was fitted last.

    Parameters
    ----------
    settings
        The configuration.
    cache
        Where the built-in model is kept.
    """
    if own := with_model(settings).model.path:
        return card_of(Path(own))
    fitted = sorted(cache.glob(f"model-*{container.SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    return card_of(fitted[-1]) if fitted else {}


def heard_genres(settings: Config) -> list[str]:
    """Return the genres that the model in use answers, without loading it."""
    model = with_model(settings).model.path
    card = card_of(Path(model)) if model else {}
    own, figures = card.get("genres"), card.get("figures")
    if not isinstance(own, dict):
        return list(BUILTIN_GENRES)
    untold = figures.get("untold") if isinstance(figures, dict) else None
    return [genre for genre in own if genre not in (untold if isinstance(untold, list) else ())]


def known_genres(settings: Config) -> list[str]:
    """Return the genres of the user's tree, and those that the model in use tells apart."""
    return list(dict.fromkeys([*settings.vocabulary.tree.nodes, *heard_genres(settings)]))


def use(name: str) -> None:
    """Put a model in use from the next start on; "builtin" goes back to the built-in one.

    Raises
    ------
    ModelError
        If there is no such model, or it can't be used.
    """
    link = folder() / "current"
    if name == BUILTIN:
        link.unlink(missing_ok=True)
        return
    file = Path(path_of(name))
    new = folder() / f".current-{os.getpid()}"
    new.symlink_to(file.name)
    new.replace(link)


def path_of(name: str) -> str:
    """Return what stands for ``model.path`` where a model of this name is meant; empty for the built-in one.

    Raises
    ------
    ModelError
        If there is no such model, or it can't be used.
    """
    file = file_of(name)
    if name == BUILTIN:
        return ""
    if not file.is_file():
        there = {entry.name: entry for entry in entries()}
        if name in there:
            container.read(there[name].path)  # says why it can't be used
        names = ", ".join([BUILTIN, *there])
        raise ModelError(f"no model named {name}; there are: {names}; `genred train` makes one of your own")
    return str(file)


def with_model(settings: Config) -> Config:
    """Return the configuration with the file of the model in use where it names none; with none for the built-in."""
    return settings.with_changes("model", path=settings.model.path or str(_chosen() or ""))


def _chosen() -> Path | None:
    link = folder() / "current"
    try:
        return folder() / os.readlink(link)
    except PermissionError as error:
        hint = "ask as the user whom genred runs as"
        raise ConfigError(f"{readable(folder())}: can't be read ({error.strerror}); {hint}") from error
    except OSError:
        return None


def _count(tracks: object) -> int | None:
    return tracks if isinstance(tracks, int) else None
