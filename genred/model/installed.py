"""The models of a person's own: kept side by side in the state folder, one of them in use instead of the built-in."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genred.config import state_dir
from genred.errors import ModelError
from genred.genres import GENRES

BUILTIN = "builtin"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model on the shelf, with the card it was saved with."""

    name: str
    path: Path
    in_use: bool
    card: dict[str, Any]


def folder() -> Path:
    return state_dir() / "models"


def file_of(name: str) -> Path:
    """Where a model of this name is kept, whether it is there or not."""
    return folder() / f"{name}.joblib"


def entries() -> list[Entry]:
    """All models of one's own, oldest first."""
    found = []
    chosen = _chosen()
    for path in sorted(folder().glob("*.joblib"), key=lambda path: path.stat().st_mtime_ns):
        if card := card_of(path):  # no card, no model: `load` would refuse it
            found.append(Entry(path.stem, path, path == chosen, card))
    return found


def card_of(path: Path) -> dict[str, Any]:
    """The card that a model of one's own was saved with; empty where there is none."""
    try:
        card = json.loads(path.with_name(path.name + ".json").read_bytes())["card"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return card if isinstance(card, dict) else {}


def known_genres(model: str) -> list[str]:
    """The genres of the vocabulary, and those of a model of one's own where ``model`` is the file of one."""
    own = card_of(Path(model)).get("genres", ()) if model else ()
    return list(dict.fromkeys([*GENRES, *own]))


def use(name: str) -> None:
    """Put a model in use from the next start on; "builtin" goes back to the built-in one.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    link = folder() / "current"
    if name == BUILTIN:
        link.unlink(missing_ok=True)
        return
    if not file_of(name).is_file():
        there = ", ".join([BUILTIN, *(entry.name for entry in entries())])
        raise ModelError(f"no model named {name}; there are: {there}")
    new = folder() / f".current-{os.getpid()}"
    new.symlink_to(file_of(name).name)
    new.replace(link)


def path_in_use() -> str:
    """What stands for ``model.path`` where the configuration names no model; empty for the built-in one."""
    return str(_chosen() or "")


def _chosen() -> Path | None:
    link = folder() / "current"
    return folder() / os.readlink(link) if link.is_symlink() else None
