"""Hand-written stand-ins."""

import os
import threading
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

from genred import tags
from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError
from genred.genres import Place, is_generic, said
from genred.history.records import Record
from genred.model.evidence import Kind, Owner
from genred.model.prediction import Candidate, Prediction
from genred.tagging.judging import Ear
from genred.tagging.tagger import Heard


def sure(genre: str, confidence: float = 0.9) -> Prediction:
    return Prediction(genre, confidence, (Candidate(genre, confidence),), f"{genre} {confidence}")


_NAMES: dict[int, str] = {}
"""The names of files by what stands for them in vectors."""

UNSURE = Prediction(None, 0.3, (Candidate("Rock", 0.3),), "not sure")


def decisions(news: Iterable[Record | Heard]) -> list[Record]:
    """Return the decisions among what a tagger yields."""
    return [each for each in news if isinstance(each, Record)]


def hearing(genre: str, name: str = "another") -> Ear:
    """Return a model that hears one genre in everything."""
    return Ear(name, "0", lambda vectors, owners: [sure(genre)] * len(vectors))


class FakeAnalyser(Analyser):
    """Reads and writes real tags in this process, and hears in a file what it was told to.

    The first number of a vector stands for the name of the file, so that what was heard can be judged later.

    Parameters
    ----------
    hears
        Genre prediction by file name; `UNSURE` where there is none, an error to be raised where there is one.
    """

    def __init__(self, hears: dict[str, Prediction | FileError] | None = None) -> None:
        self.hears = hears or {}
        self.heard: list[str] = []
        self.judged: list[list[str]] = []
        self.model_name = "fake"
        self.feature_version = "0"
        self.cluster = None

    def close(self) -> None:
        pass

    def warm_up(self, stop: threading.Event | None = None, tell: Callable[[str], None] = print) -> None:
        pass

    def analyse(
        self, paths: Iterable[Path], ask: Ask, known: Callable[[Path], bytes | None] = lambda path: None
    ) -> Iterator[tuple[Path, Analysis | FileError]]:
        for path in paths:
            try:
                places, labels = tags.read(path)
            except FileError as error:
                yield path, error
                continue
            if ask is Ask.TAGS or (ask is Ask.MISSING and not all(map(is_generic, said(places)))):
                yield path, Analysis(places, labels)
                continue
            vector = known(path)
            if vector is None:
                self.heard.append(path.name)
                answer = self.hear(path)
                if isinstance(answer, FileError):
                    yield path, answer
                    continue
                vector = self.vector(path)
            yield path, Analysis(places, labels, self.remember(vector), (self.feature_version, vector))

    def judge(self, vectors: Sequence[bytes], owners: Sequence[Owner]) -> list[Prediction]:
        """Judge each track by itself, whatever its owner says."""
        self.judged.append([self.name_of(vector) for vector in vectors])
        return list(map(self.remember, vectors))

    def hear(self, path: Path) -> Prediction | FileError:
        return self.hears.get(path.name, UNSURE)

    def remember(self, vector: bytes) -> Prediction:
        """Return what is heard in the file whose vector this is."""
        answer = self.hear(Path(self.name_of(vector)))
        return UNSURE if isinstance(answer, FileError) else answer

    def vector(self, path: Path) -> bytes:
        number = crc32(os.fsencode(path.name)) % 2**24
        _NAMES[number] = path.name
        return array("f", [number]).tobytes() + self.features(path)

    def name_of(self, vector: bytes) -> str:
        return _NAMES[int(array("f", vector)[0])]

    def features(self, path: Path) -> bytes:
        return bytes(36)

    def places(self, path: Path) -> tuple[Place, ...]:
        return tags.read_places(path)

    def edit(self, path: Path, clone: Path, genres: Sequence[str], options: Tags) -> None:
        tags.edit_clone(path, clone, genres, options.id3_version, options.separator)


SURE = 0.99


class AlbumEar(FakeAnalyser):
    """Takes an album for what most of its tracks sound like, unless its owner has a word for it.

    A track that is more than sure to be something else is that.
    """

    def judge(self, vectors: Sequence[bytes], owners: Sequence[Owner]) -> list[Prediction]:
        alone = super().judge(vectors, owners)
        votes: dict[str, float] = defaultdict(float)
        for heard in alone:
            votes[heard.genre or ""] += heard.confidence if heard.genre else 0.0
        genre, _ = min(votes.items(), key=lambda item: (-item[1], item[0]))
        return [self._said(heard, owner, genre, len(alone)) for heard, owner in zip(alone, owners, strict=True)]

    def _said(self, heard: Prediction, owner: Owner, genre: str, tracks: int) -> Prediction:
        if owner.mates:
            word = max(owner.mates, key=lambda it: owner.mates[it])
            return replace(sure(word, 0.97), evidence=Kind.MATES)
        if tracks == 1 or heard.confidence >= SURE or not genre:
            return heard
        said = Prediction(genre, 0.95, (Candidate(genre, 0.95), Candidate("Zydeco", 0.01)), "the album")
        return replace(said, evidence=Kind.ALBUM)
