"""Hand-written stand-ins."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from genred import tags
from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError
from genred.genres import Place, is_generic, said
from genred.model.prediction import Candidate, Prediction


def sure(genre: str, confidence: float = 0.9) -> Prediction:
    return Prediction(genre, confidence, (Candidate(genre, confidence),), f"{genre} {confidence}")


UNSURE = Prediction(None, 0.3, (Candidate("Rock", 0.3),), "not sure")


class FakeAnalyser(Analyser):
    """Reads and writes real tags in this process, and hears in a file what it was told to.

    Parameters
    ----------
    hears
        Genre prediction by file name; `UNSURE` where there is none, an error to be raised where there is one.
    """

    def __init__(self, hears: dict[str, Prediction | FileError] | None = None) -> None:
        self.hears = hears or {}
        self.heard: list[str] = []
        self.model_name = "fake"

    def close(self) -> None:
        pass

    def warm_up(self, stop: threading.Event | None = None, tell: Callable[[str], None] = print) -> None:
        pass

    def analyse(self, paths: Iterable[Path], ask: Ask) -> Iterator[tuple[Path, Analysis | FileError]]:
        for path in paths:
            try:
                places, labels = tags.read(path)
            except FileError as error:
                yield path, error
                continue
            if ask is Ask.TAGS or (ask is Ask.MISSING and not all(map(is_generic, said(places)))):
                yield path, Analysis(places, labels)
                continue
            self.heard.append(path.name)
            answer = self.hear(path)
            yield (
                path,
                answer
                if isinstance(answer, FileError)
                else Analysis(places, labels, answer, ("0", self.features(path))),
            )

    def hear(self, path: Path) -> Prediction | FileError:
        return self.hears.get(path.name, UNSURE)

    def features(self, path: Path) -> bytes:
        return b"\0\0\0\0"

    def places(self, path: Path) -> tuple[Place, ...]:
        return tags.read_places(path)

    def edit(self, path: Path, clone: Path, genres: Sequence[str], options: Tags) -> None:
        tags.edit_clone(path, clone, genres, options.id3_version, options.separator)
