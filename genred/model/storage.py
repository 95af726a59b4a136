"""Models as files: a person's own saved and loaded, the built-in one fitted once and cached.

A saved model is arrays and JSON (`genred.model.container`), read without running anything. The built-in model is none
that ages with scikit-learn: the package carries the training table, and what is fitted from it is cached.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from genred.config import Model
from genred.errors import ModelError
from genred.fs.files import readable
from genred.genres import Vocabulary
from genred.model import container
from genred.model.classifier import MODEL_VERSION, GenreClassifier
from genred.model.fitted import Floats
from genred.model.hearing import Hearing
from genred.model.installed import BUILTIN_GENRES
from genred.model.neighbourhood import Neighbourhood
from genred.model.projection import Space
from genred.model.table import Table
from genred.model.texts import Texts
from genred.sound.features import FEATURE_VERSION

_NUMBER = np.dtype("<f8")


@dataclass(frozen=True)
class _Head:
    model: str
    features: str


@dataclass(frozen=True)
class _Body:
    shapes: dict[str, list[int]]
    texts: Texts


def save(model: GenreClassifier, path: Path) -> None:
    """Write a model into one file.

    Raises
    ------
    ModelError
        If it can't be written there.
    """
    arrays = model.arrays()
    head = asdict(_Head(MODEL_VERSION, FEATURE_VERSION)) | {"card": model.card}
    body = asdict(_Body({name: list(array.shape) for name, array in arrays.items()}, model.texts()))
    container.write(path, head, body, b"".join(array.astype(_NUMBER).tobytes() for array in arrays.values()))


def load(path: Path) -> GenreClassifier:
    """Read what `save` wrote.

    Raises
    ------
    ModelError
        If it is missing, damaged, something else, or belongs to another version of the model or of the features.
    """
    content = container.read(path)
    name = readable(path)
    try:
        head = msgspec.convert(content.head, _Head)
        for what, its, ours in (("model", head.model, MODEL_VERSION), ("features", head.features, FEATURE_VERSION)):
            if its != ours:
                raise ModelError(f"{name}: of version {its} of the {what}, and this genred has {ours}; train anew")
        body = msgspec.convert(content.texts, _Body)
        _check_shapes(body)
        return GenreClassifier.of(body.texts, _arrays(content.numbers, body.shapes))
    except (msgspec.ValidationError, ValueError) as error:
        raise ModelError(f"{name}: not a model that genred saved ({error})") from error


def _check_shapes(body: _Body) -> None:
    """Raise ValueError unless all arrays are there, and fit each other, the texts and the features."""
    texts = body.texts
    lengths = (
        Space.axes()
        | Hearing.axes()
        | Neighbourhood.axes()
        | {"n_experts": 2, "n_genres": len(texts.genres), "n_tracks": len(texts.truth)}
    )
    if not len(texts.truth) == len(texts.artists) == len(texts.sources):
        raise ValueError("texts of different lengths")
    if body.shapes.keys() != GenreClassifier.SHAPES.keys():
        raise ValueError("other arrays than a model has")
    for name, axes in GenreClassifier.SHAPES.items():
        shape = body.shapes[name]
        if len(shape) != len(axes) or [lengths.setdefault(*pair) for pair in zip(axes, shape, strict=True)] != shape:
            raise ValueError(f"{name} has the shape {tuple(shape)}")
    if min(lengths.values()) < 1 or not {*texts.truth, *texts.untold} <= set(texts.genres):
        raise ValueError("nothing that was learnt from")


def _arrays(numbers: memoryview, shapes: Mapping[str, Sequence[int]]) -> dict[str, Floats]:
    """Return the arrays that lie one after the other in ``numbers``, where they lie."""
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    if sum(sizes.values()) * _NUMBER.itemsize != len(numbers):
        raise ValueError("more or fewer numbers than its arrays have")
    flat = np.frombuffer(numbers, _NUMBER)
    if not np.isfinite(flat).all():
        raise ValueError("numbers that are none")
    pieces = np.split(flat, np.cumsum(list(sizes.values()))[:-1])
    return {name: piece.reshape(shapes[name]) for name, piece in zip(sizes, pieces, strict=True)}


def configured(model: Model, cache_dir: Path, vocabulary: Vocabulary) -> GenreClassifier:
    """Return the model that the configuration asks for, as sure as it asks, with the user's own words.

    Raises
    ------
    ModelError
        If it can't be used.
    """
    found = load(Path(model.path)) if model.path else builtin(cache_dir)
    found.target_precision = model.target_precision
    found.min_confidence = model.min_confidence or None
    found.vocabulary = vocabulary
    return found


# -- the built-in model --------------------------------------------------------------------------------------------


def builtin(cache_dir: Path) -> GenreClassifier:
    """Return the model that comes with the package: fitted from its table on first use, then read from ``cache_dir``.

    Raises
    ------
    ModelError
        If it can't be kept there.
    """
    key = hashlib.sha256()
    for name in _DATA:
        key.update((resources.files("genred") / "data" / name).read_bytes())
    fitted_by = (version("scikit-learn"), version("scipy"), version("numpy"))
    for part in (MODEL_VERSION, FEATURE_VERSION, *fitted_by, *BUILTIN_GENRES, *map(_source, _CODE)):
        key.update(part.encode())
    cached = cache_dir / f"model-{key.hexdigest()[:16]}{container.SUFFIX}"
    try:
        return load(cached)
    except ModelError:
        pass  # Not there yet, or damaged: what the package carries is enough to make it again.
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{readable(cache_dir)}: no folder to keep the fitted model in ({error.strerror})") from error
    model = GenreClassifier().fit(builtin_table(), name="builtin", told=BUILTIN_GENRES)
    save(model, cached)
    return model


def builtin_table() -> Table:
    """Return the training table that the package carries."""
    with resources.as_file(resources.files("genred") / "data" / "table.npz") as path:
        return Table.load(path)


_DATA = ("table.npz", "re_encoding.npy", "genres.txt")
_CODE = (
    "errors.py",
    "genres/spellings.py",
    "genres/tree.py",
    "genres/vocabulary.py",
    "model/album.py",
    "model/belief.py",
    "model/classifier.py",
    "model/counts.py",
    "model/discriminant.py",
    "model/evaluation.py",
    "model/evidence.py",
    "model/fitted.py",
    "model/fitting.py",
    "model/folds.py",
    "model/hearing.py",
    "model/judging.py",
    "model/neighbourhood.py",
    "model/novelty.py",
    "model/parts.py",
    "model/prediction.py",
    "model/projection.py",
    "model/surroundings.py",
    "model/table.py",
    "model/texts.py",
    "model/trust.py",
    "model/unit.py",
)
"""All of genred that fitting depends on, but for the features, which have a version."""


def _source(name: str) -> str:
    return (resources.files("genred") / name).read_text("utf-8")
