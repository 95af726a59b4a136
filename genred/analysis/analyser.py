"""Analyse files and edit clones of them in workers: the main process imports no decoder and no scikit-learn."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pebble import ProcessExpired

from genred.analysis import Analysis, Ask, worker
from genred.analysis.cluster import Cluster
from genred.analysis.pool import LIMITS, Pool, WorkerLostError, outcome
from genred.analysis.steps import Steps, Walk, side_by_side, walk
from genred.analysis.warming import warm_up
from genred.config import Config, Model, Service, Tags, cache_dir
from genred.errors import FileError, GenredError, TagError
from genred.genres import Place, Vocabulary, is_generic, said

if TYPE_CHECKING:
    from genred.model.evidence import Owner
    from genred.model.prediction import Prediction

T = TypeVar("T")

_TRIES = 2
_TAGS_AT_ONCE = 16


class Analyser:
    """A pool of workers that analyse files and edit clones of them.

    Parameters
    ----------
    service
        Number of workers and their limits.
    model
        Which model, and how sure it must be.
    cache
        A folder for the fitted built-in model.
    no_genre
        What counts as no genre, beside what says nothing to anybody.
    vocabulary
        The user's words; the model answers by their tree.
    patience
        Seconds between two looks after the workers, by which an end may be late. Of an idle service, looking ten times
        a second is most of what it costs. The newest pool decides for all.
    cluster
        What hears instead of the workers, which do all else; it is left when they end.

    Raises
    ------
    GenredError
        If too few files may be open at once.
    """

    def __init__(
        self,
        service: Service,
        model: Model,
        cache: Path,
        *,
        no_genre: tuple[str, ...] = (),
        vocabulary: Vocabulary | None = None,
        patience: float = 0.1,
        cluster: Cluster | None = None,
    ) -> None:
        self.workers = service.workers or min(4, len(os.sched_getaffinity(0)))
        self.model_name = ""
        self.feature_version = ""
        self.model_genres: tuple[str, ...] = ()
        self._service = service
        self._model = model
        self._cache = cache
        self.cluster = cluster
        words = no_genre, vocabulary or Vocabulary()
        self._pool = Pool(self.workers, (service.nice, service.memory_mb, *words), patience=patience)

    @classmethod
    def of(cls, config: Config, *, patience: float = 0.1, cluster: Cluster | None = None) -> Self:
        """Make a pool as it is configured."""
        return cls(
            config.service,
            config.model,
            cache_dir(),
            no_genre=config.genres.no_genre,
            vocabulary=config.vocabulary,
            patience=patience,
            cluster=cluster,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, whatever they are doing."""
        self._pool.close()
        if self.cluster is not None:
            self.cluster.close()

    def warm_up(self, stop: threading.Event | None = None, tell: Callable[[str], None] = lambda step: None) -> None:
        """Have a worker load the model and try it; then ``model_name``, ``feature_version`` and
        ``model_genres`` are known.

        The other workers are as quick when they are asked.

        Parameters
        ----------
        stop
            Ends the waiting: the first time, filters are designed and the model is fitted.
        tell
            Called twice a second with what is waited for.

        Raises
        ------
        ModelError
            If the model can't be used.
        GenredError
            If no worker gets ready.
        """
        loaded = warm_up(self._pool, (self._model, self._cache), stop, tell)
        if loaded is not None:
            self.model_name, self.feature_version, self.model_genres = loaded
            if self.cluster is not None:
                tell("meeting the cluster")
                self._tend()

    def analyse(
        self, paths: Iterable[Path], ask: Ask, known: Callable[[Path], bytes | None] = lambda path: None
    ) -> Iterator[tuple[Path, Analysis | FileError]]:
        """Analyse files side by side; results in the order of ``paths``, which is read only a little ahead.

        Parameters
        ----------
        paths
            The files.
        ask
            What is to be found out.
        known
            Returns the features of a file, in `feature_version`, if they are known, so that nobody listens again.
        """
        if ask is Ask.TAGS:
            yield from self._read_tags(paths)
            return
        yield from side_by_side(paths, lambda path: self._look(path, ask, known(path)), self._at_once, self._tend)

    def _read_tags(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Analysis | FileError]]:
        """Read tags, many files to a job: to hand over one takes longer than to read it."""
        rest = iter(paths)
        batches = iter(lambda: list(islice(rest, _TAGS_AT_ONCE)), [])
        for batch, found in side_by_side(batches, self._look_into_tags, self._at_once, self._tend):
            yield from zip(batch, found, strict=True)

    def begin(self, path: Path, ask: Ask) -> Callable[[], Analysis | FileError | None]:
        """Begin to analyse a file; return what tells what was found, None as long as it is not known."""
        on = Walk(self._look(path, ask, None))

        def found() -> Analysis | FileError | None:
            on.go_on()
            self._tend()
            return on.result() if on.is_over else None

        return found

    def listen(self, path: Path) -> bytes:
        """Return the features of a file; may be called in several threads at once.

        Raises
        ------
        FileError
            If it can't be heard.
        ClusterLostError
            If a cluster is needed, and went away.
        """
        return walk(self._heard(path), self._tend)

    def genres(self, path: Path) -> tuple[str, ...]:
        """Return all genres that a file names; raises as `places`."""
        return said(self.places(path))

    def places(self, path: Path) -> tuple[Place, ...]:
        """Return the places of a file that name a genre.

        Raises
        ------
        FileError
            If they can't be read.
        """
        return self._found(path, worker.read_places)

    def edit(self, path: Path, clone: Path, genres: Sequence[str], options: Tags) -> None:
        """Write genres into a private clone of a file, and prove that nothing else changed.

        Raises
        ------
        TagError
            If that can't be done, or can't be proved.
        """
        outcome(
            path, self._pool.submit(worker.edit, (path, clone, tuple(genres), options), self._service.timeout_seconds)
        )

    def excerpt(self, path: Path) -> bytes:
        """Return, as MP3, what is heard of a file: the very seconds that are analysed.

        Raises
        ------
        FileError
            If no sound can be read from it.
        """
        return self._found(path, worker.excerpt)

    def cover(self, path: Path) -> bytes | None:
        """Return, as a small JPEG, the picture of the album that a file belongs to; None where there is none to show.

        Raises
        ------
        FileError
            If the file can't be read.
        """
        return self._found(path, worker.cover)

    def _found(self, path: Path, function: Callable[..., T], *arguments: Any) -> T:
        return outcome(path, self._pool.submit(function, (path, *arguments), self._service.timeout_seconds))

    def judge(self, vectors: Sequence[bytes], owners: "Sequence[Owner]") -> "list[Prediction]":
        """Judge the tracks of one album together.

        Parameters
        ----------
        vectors : (n_tracks,)
            Features of this version's recipe, as `Analysis` has them; no audio is opened.
        owners : (n_tracks,)
            What the owner calls the music around each track.

        Raises
        ------
        GenredError
            If no worker can do it.
        """
        if not vectors:
            return []
        job = (tuple(vectors), tuple(owners), self._model, self._cache)
        for _ in range(_TRIES):
            try:
                return self._pool.submit(worker.judge, job, self._service.timeout_seconds).result()
            except (TimeoutError, ProcessExpired, BrokenProcessPool, MemoryError) as error:
                lost = error
        raise GenredError(f"workers die or hang while they judge ({lost!r}): too little may be {LIMITS}") from lost

    def _at_once(self) -> int:
        return 2 * (self.workers + (self.cluster.at_once if self.cluster else 0)) + 1

    def _tend(self) -> None:
        if self.cluster is not None:
            self.cluster.is_there()

    def _look(self, path: Path, ask: Ask, known: bytes | None) -> Steps[Analysis | FileError]:
        """Find out what is asked about a file; where a cluster hears it, all else is done here."""
        try:
            if ask is not Ask.TAGS and known is None and self.cluster is not None and self.cluster.is_there():
                if ask is Ask.MISSING and (tags := (yield from self._tags(path))) is not None:
                    return tags
                known = yield from self.cluster.hear(path, lambda: self._done(path, worker.decode, path))
            return (yield from self._done(path, worker.analyse, path, ask, known, self._model, self._cache))
        except FileError as error:
            return error

    def _tags(self, path: Path) -> Steps[Analysis | None]:
        """Return what the tags of a file say; None where it is to be heard, or its tags can't be read."""
        try:
            tags = yield from self._done(path, worker.analyse, path, Ask.TAGS, None, self._model, self._cache)
        except TagError:
            return None
        return None if all(map(is_generic, tags.genres)) else tags

    def _heard(self, path: Path) -> Steps[bytes]:
        vector = None
        if self.cluster is not None:
            vector = yield from self.cluster.hear(path, lambda: self._done(path, worker.decode, path))
        return vector or (yield from self._done(path, worker.hear, path))

    def _look_into_tags(self, paths: Sequence[Path]) -> Steps[list[Analysis | FileError]]:
        try:
            return (yield from self._once(paths[0], worker.read_tags, paths))
        except FileError:  # one of them was too much for the worker; which one, each alone will tell
            found = []
            for path in paths:
                found.append((yield from self._look(path, Ask.TAGS, None)))
            return found

    def _done(self, path: Path, function: Callable[..., T], *arguments: Any) -> Steps[T]:
        """Have a worker do something about a file; where that costs the worker, another one tries."""
        for _ in range(_TRIES - 1):
            with suppress(WorkerLostError):
                return (yield from self._once(path, function, *arguments))
        return (yield from self._once(path, function, *arguments))

    def _once(self, path: Path, function: Callable[..., T], *arguments: Any) -> Steps[T]:
        future = self._pool.submit(function, arguments, self._service.timeout_seconds)
        yield future
        return outcome(path, future)
