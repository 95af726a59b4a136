"""Models as files: the built-in one fitted once and cached, a person's own saved and loaded (joblib).

The built-in model is not a pickle that ages with scikit-learn: the package carries the training table, and what is
fitted from it is cached. A user's own model is a joblib file, and a joblib file is code: see `load`.
"""

import hashlib
import json
import os
import stat
import tempfile
from importlib import resources
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import joblib

from genred.errors import ModelError
from genred.model.classifier import MODEL_VERSION, GenreClassifier
from genred.model.table import Table
from genred.sound.features import FEATURE_VERSION


def save(model: GenreClassifier, path: Path) -> None:
    """Write a joblib file, and beside it a .json with what `load` checks and the card."""
    _write(path, lambda file: joblib.dump(model, file))
    record = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "model": MODEL_VERSION,
        "features": FEATURE_VERSION,
        "card": model.card_,
    }
    _write(_sidecar(path), lambda file: file.write(json.dumps(record, indent=1).encode()))


def load(path: Path) -> GenreClassifier:
    """Load a user's model; nothing in it runs before everything that can be checked is.

    Raises
    ------
    ModelError
        If it is missing, could have been written by somebody else, isn't the file that was saved, or belongs to
        another version of the model or of the features.
    """
    try:
        record = json.loads(_read_guarded(_sidecar(path)))
        content = _read_guarded(path)
        sha256, recipe = (str(record[key]) for key in ("sha256", "features"))
        kind = str(record.get("model", "1 to 3"))  # which were bound to a version of scikit-learn instead
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{_sidecar(path)}: not a description of a model ({error})") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(f"{path}: not the file that was saved: its checksum is not the recorded one")
    if kind != MODEL_VERSION:
        raise ModelError(f"{path}: a model of kind {kind}, this genred has {MODEL_VERSION}; train anew")
    if recipe != FEATURE_VERSION:
        raise ModelError(f"{path}: made for features {recipe}, this genred has {FEATURE_VERSION}; train anew")
    try:
        model = joblib.load(BytesIO(content))
    except Exception as error:  # a pickle can raise anything
        raise ModelError(f"{path}: can't be loaded ({type(error).__name__}: {error})") from error
    if not isinstance(model, GenreClassifier):
        raise ModelError(f"{path}: holds a {type(model).__name__}, not a genre model")
    return model


def builtin(cache_dir: Path) -> GenreClassifier:
    """The model that comes with the package: fitted from its table on first use, then read from ``cache_dir``."""
    key = hashlib.sha256()
    for name in _DATA:
        key.update((resources.files("genred") / "data" / name).read_bytes())
    fitted_by = (version("scikit-learn"), version("numpy"))
    for part in (MODEL_VERSION, FEATURE_VERSION, *fitted_by, *map(_source, _CODE)):
        key.update(part.encode())
    cached = cache_dir / f"model-{key.hexdigest()[:16]}.joblib"
    if cached.exists():
        try:
            return load(cached)
        except ModelError:
            pass  # Damaged, or not only ours: what the package carries is enough to make it again.
    model = GenreClassifier().fit(builtin_table(), name="builtin")
    cache_dir.mkdir(parents=True, exist_ok=True)
    save(model, cached)
    return model


def builtin_table() -> Table:
    """The training table that the package carries."""
    with resources.as_file(resources.files("genred") / "data" / "table.npz") as path:
        return Table.load(path)


_DATA = ("table.npz", "re_encoding.npy")
_CODE = (
    "genres.py",
    *(f"model/{name}.py" for name in ("classifier", "discriminant", "evaluation", "novelty", "projection")),
)


def _source(name: str) -> str:
    return (resources.files("genred") / name).read_text("utf-8")


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _write(path: Path, fill: Any) -> None:
    """Write whole or not at all, readable by others but writable by the owner only."""
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with open(fd, "wb") as file:
            fill(file)
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _read_guarded(path: Path) -> bytes:
    """Read a file that nobody but root and this user can have written, or put in its place."""
    try:
        real = path.resolve(strict=True)
        for place in (real, *real.parents):
            _check_owner(path, place, os.lstat(place))
        fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            _check_owner(path, real, os.fstat(fd))
            return file.read()
    except (OSError, RuntimeError) as error:
        raise ModelError(f"{path}: no model that can be read ({error})") from error


def _check_owner(path: Path, place: Path, st: os.stat_result) -> None:
    if st.st_uid not in (0, os.geteuid()):
        raise ModelError(f"{path}: refused, a model is code: {place} belongs to another user")
    sticky_folder = stat.S_ISDIR(st.st_mode) and st.st_mode & stat.S_ISVTX
    if st.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky_folder:
        raise ModelError(f"{path}: refused, a model is code: others may write {place}; chmod go-w {place}")
