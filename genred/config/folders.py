"""The folders in which configuration, state and cache are kept, for a person and for a unit of systemd."""

import os
from pathlib import Path


def config_home() -> Path:
    """Return the folder in which programs keep the configuration of the person who runs them."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def state_dir() -> Path:
    """Return the folder for the history and for a person's own models."""
    return _systemd("STATE_DIRECTORY") or _xdg("XDG_STATE_HOME", ".local/state") / "genred"


def cache_dir() -> Path:
    """Return the folder for what can be made again: the fitted built-in model, filters, features, compiled code."""
    return _systemd("CACHE_DIRECTORY") or _xdg("XDG_CACHE_HOME", ".cache") / "genred"


def _systemd(variable: str) -> Path | None:
    first = os.environ.get(variable, "").split(":")[0]
    return Path(first) if first else None


def _xdg(variable: str, default: str) -> Path:
    value = Path(os.environ.get(variable, ""))
    return value if value.is_absolute() else Path.home() / default
