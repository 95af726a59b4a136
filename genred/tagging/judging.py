"""Judge the albums of a folder: by how all of their tracks sound together, and by what their owner calls the music."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from genred.config import Config
from genred.fs.files import holds
from genred.genres import Vocabulary
from genred.history.history import History
from genred.history.library import Indexed
from genred.history.records import Analysed, Record
from genred.model.counts import most
from genred.model.evidence import Kind, Owner
from genred.model.prediction import Prediction
from genred.names import Labels, is_disc
from genred.sound import FEATURE_VERSION
from genred.tagging.albums import albums
from genred.tagging.evidence import Testimony, Told, Witness
from genred.tagging.policy import Policy

if TYPE_CHECKING:
    from genred.model.classifier import GenreClassifier

LARGEST = 500
"""So many tracks of one album are judged together at most."""


@dataclass(frozen=True)
class Ear:
    """A model at hand: it judges the tracks of one album by their features, and what its owner says about each."""

    name: str
    version: str
    """The version of the features that it judges."""
    judge: Callable[[Sequence[bytes], Sequence[Owner]], Sequence[Prediction]]

    @classmethod
    def of(cls, model: "GenreClassifier") -> "Ear":
        """Return a model in this process."""
        return cls(model.name, FEATURE_VERSION, partial(judge_stored, model))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of one album."""

    tracks: Sequence[Indexed]
    """Those of its tracks that are as they were when they were seen last."""
    predictions: Mapping[Path, Prediction]
    """For each track that was heard."""
    earlier: Sequence[Analysed]
    """Decisions by genred that are in force for tracks of it."""
    testimony: Testimony
    """What its owner says."""

    def word(self, path: Path, vocabulary: Vocabulary) -> str | None:
        """Return the word to write for the genre of a track; None where there is no genre."""
        genre = self.predictions[path].genre
        return None if genre is None else self.testimony.written(genre, vocabulary)


class Judge:
    """Finds the albums in a folder, and judges them.

    Parameters
    ----------
    history
        What is known of the tracks.
    witness
        Knows what the owner says.
    ear
        The model.
    together
        True to judge an album by the sound of all its tracks; otherwise each track is heard alone.
    """

    def __init__(self, history: History, witness: Witness, ear: Ear, *, together: bool) -> None:
        self.ear = ear
        self._history = history
        self._witness = witness
        self._together = together

    @classmethod
    def of(cls, config: Config, history: History, ear: Ear, told: Told | None = None) -> "Judge":
        """Return a judge as it is configured; ``told`` is more than what is noted of the owner's library."""
        witness = Witness(told or history.library, Policy.of(config).vocabulary, config.evidence)
        return cls(history, witness, ear, together=config.evidence.album)

    def by(self, ear: Ear) -> "Judge":
        """Return a judge with another model."""
        return Judge(self._history, self._witness, ear, together=self._together)

    def albums(self, folder: Path, seen: Mapping[Path, Indexed]) -> Iterator[list[Indexed]]:
        """Yield the albums in a folder and its discs.

        Parameters
        ----------
        folder
            The folder, which may hold no music itself.
        seen
            Tracks in it that were looked at just now, the recorded ones among them.
        """
        library = self._history.library
        tracks = {track.path: track for place in places(folder) for track in library.folder(place)} | dict(seen)
        for album in albums({path: track.labels or Labels() for path, track in tracks.items()}):
            yield [tracks[path] for path in album]

    def judge(self, album: Sequence[Indexed], heard: Mapping[Path, bytes], *, anew: bool = False) -> Judgement:
        """Judge an album.

        Parameters
        ----------
        album
            Its tracks.
        heard
            Features of tracks that were heard just now; those of others are in the history.
        anew
            True to judge as if the album had never been corrected.
        """
        present = [track for track in album if holds(track.path, track.stamp)]
        testimony = self._witness.about(present)
        owners = {track.path: owner for track, owner in zip(present, testimony.owners, strict=True)}
        paths = sorted(owners, key=lambda path: path not in heard)
        size = LARGEST if self._together else 1
        predictions: dict[Path, Prediction] = {}
        for start in range(0, len(paths), size):
            predictions |= self._said(paths[start : start + size], owners, heard)
        earlier = self._history.analysed_of(predictions, self.ear.version)
        settled = None if anew else _settled(earlier)
        predictions = {path: _agreeing(said, settled) for path, said in predictions.items()}
        return Judgement(present, predictions, earlier, testimony)

    def _said(
        self, paths: Sequence[Path], owners: Mapping[Path, Owner], heard: Mapping[Path, bytes]
    ) -> dict[Path, Prediction]:
        """Return what the model says of those tracks whose features are known."""
        stored = self._history.features_of((path for path in paths if path not in heard), self.ear.version)
        vectors = {path: vector for path in paths if (vector := heard.get(path) or stored.get(path))}
        said = self.ear.judge(list(vectors.values()), [owners[path] for path in vectors]) if vectors else []
        return dict(zip(vectors, said, strict=True))


def judge_stored(model: "GenreClassifier", vectors: Sequence[bytes], owners: "Sequence[Owner]") -> "list[Prediction]":
    """Return what a model says of the tracks of one album together, as `Analyser.judge` does, in this process."""
    import numpy as np

    X = np.stack([np.frombuffer(vector, "<f4") for vector in vectors]) if vectors else None
    return model.judge(X, owners) if X is not None else []


def predicted(draft: Record, prediction: Prediction, ear: Ear) -> Record:
    """Return a draft with what a model said."""
    draft = replace(draft, genre=prediction.genre, confidence=prediction.confidence)
    return replace(draft, model=ear.name, evidence=prediction.evidence.value)


def places(folder: Path) -> Iterator[Path]:
    """Yield a folder, and the folders of discs in it."""
    yield folder
    with suppress(OSError), os.scandir(folder) as entries:
        discs = [Path(entry.path) for entry in entries if is_disc(entry.name) and entry.is_dir(follow_symlinks=False)]
        yield from sorted(discs)


def _settled(earlier: Iterable[Analysed]) -> str | None:
    """Return the genre to which an album was corrected before; None where it never was."""
    corrected = (it.answer for it in earlier if it.corrects is not None and it.evidence != Kind.TRACK)
    votes = Counter(genre for genre in corrected if genre is not None)
    return most(votes) if votes else None


def _agreeing(prediction: Prediction, settled: str | None) -> Prediction:
    """Return the prediction for a track of an album that was corrected before: its sound moves the album no more."""
    if settled is None or prediction.evidence is not Kind.ALBUM or prediction.genre in (None, settled):
        return prediction
    share = next((it.probability for it in prediction.candidates if it.genre == settled), 0.0)
    return replace(prediction, genre=settled, confidence=share, reason=f"it goes with its album, which is {settled}")
