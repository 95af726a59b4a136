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
    hints : (n_tracks, n_hinted) float32
        What a teacher thinks of each track who heard more than a model may hear at work: probabilities of the genres
        in `hinted`. Rows of zeros where it has no opinion.
    hinted : tuple of str
        What the columns of `hints` are.
    """

    X: NDArray[np.float32]
    y: NDArray[np.str_]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]
    names: tuple[str, ...] = FEATURE_NAMES
    hints: NDArray[np.float32] | None = None
    hinted: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return the table of some rows, by mask or number."""
        hints = None if self.hints is None else self.hints[rows]
        return replace(
            self, X=self.X[rows], y=self.y[rows], groups=self.groups[rows], sources=self.sources[rows], hints=hints
        )

    def hints_about(self, genres: Sequence[str]) -> NDArray[np.float32]:
        """Return the hints about genres, (n_tracks, n_genres); zero for genres that none is about."""
        found = np.zeros((len(self), len(genres)), np.float32)
        if self.hints is not None:
            for column, genre in enumerate(genres):
                if genre in self.hinted:
                    found[:, column] = self.hints[:, self.hinted.index(genre)]
        return found

    @classmethod
    def join(cls, tables: Sequence[Self]) -> Self:
        """Make one table of several; groups of one name are one group."""
        hinted = tuple(sorted({genre for t in tables for genre in t.hinted}))
        return cls(
            np.concatenate([t.X for t in tables]),
            np.concatenate([t.y for t in tables]),
            np.concatenate([t.groups for t in tables]),
            np.concatenate([t.sources for t in tables]),
            tables[0].names,
            np.concatenate([t.hints_about(hinted) for t in tables]),
            hinted,
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
            hints=self.hints_about(self.hinted).astype(np.float16),
            hinted=np.array(self.hinted, np.str_),
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
                names, hinted = (tuple(map(str, file[key])) for key in ("names", "hinted"))
                return cls(file["X"].astype(np.float32), y, groups, sources, names, file["hints"], hinted)
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise ModelError(f"{path}: not a training table that can be read ({error})") from error
