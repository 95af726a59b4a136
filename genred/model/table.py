"""Labelled feature vectors: what a model is trained on, and what the package carries instead of a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from genred.errors import ModelError
from genred.sound.features import FEATURE_NAMES, FEATURE_VERSION


@dataclass(frozen=True, eq=False)
class Table:
    """One row a track.

    Attributes
    ----------
    X : (n_tracks, n_features) float32
        `genred.sound.features.extract` of each.
    y : (n_tracks,) str
        Genre.
    groups : (n_tracks,) str
        Who made it: never in the training and the test part of a split at once.
    sources : (n_tracks,) str
        Where the recording came from, and with it through which chain.
    names : tuple of str
        What the columns are.
    """

    X: NDArray[np.float32]
    y: NDArray[np.str_]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]
    names: tuple[str, ...] = FEATURE_NAMES

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return the table of some rows, by mask or number."""
        return replace(self, X=self.X[rows], y=self.y[rows], groups=self.groups[rows], sources=self.sources[rows])

    @classmethod
    def join(cls, tables: Sequence[Self]) -> Self:
        """Make one table of several; groups of one name are one group."""
        return cls(
            np.concatenate([t.X for t in tables]),
            np.concatenate([t.y for t in tables]),
            np.concatenate([t.groups for t in tables]),
            np.concatenate([t.sources for t in tables]),
            tables[0].names,
        )

    def save(self, path: Path) -> None:
        """Write as .npz; the features in half precision, which is far finer than what tells genres apart."""
        limit = float(np.finfo(np.float16).max)
        np.savez_compressed(
            path,
            X=np.clip(self.X, -limit, limit).astype(np.float16),
            y=self.y,
            groups=self.groups,
            sources=self.sources,
            names=np.array(self.names),
            version=np.array(FEATURE_VERSION),
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ModelError
            If it is none, damaged, or of another recipe of features.
        """
        try:
            with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                version = str(file["version"])
                if version != FEATURE_VERSION:
                    raise ModelError(f"{path}: made with features {version}, not {FEATURE_VERSION}; train anew")
                y, groups, sources = (np.asarray(file[key], np.str_) for key in ("y", "groups", "sources"))
                return cls(file["X"].astype(np.float32), y, groups, sources, tuple(map(str, file["names"])))
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise ModelError(f"{path}: not a training table that can be read ({error})") from error
