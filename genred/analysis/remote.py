"""What runs at a Dask cluster: genred's own workers there, with the limits and the isolation that they have at home."""

import hashlib
import multiprocessing
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import metadata
from multiprocessing import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genred import __version__
from genred.analysis import worker
from genred.analysis.pool import Pool, outcome, prepare
from genred.config import Service
from genred.errors import GenredError
from genred.genres import Vocabulary
from genred.sound import FEATURE_VERSION, filters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HEARD_WITH = ("av", "numpy", "scipy", "soxr")


@dataclass(frozen=True)
class Build:
    """What decides about the bits of a vector; everywhere the same, or vectors can't be compared."""

    genred: str
    features: str
    code: str
    """A digest of the sources, and of the weights of the pre-trained network."""
    filters: str
    """A digest of what librosa designed."""
    libraries: tuple[tuple[str, str], ...]
    """Names and versions."""

    def differences(self, home: "Build") -> list[str]:
        """Return what is different at home, in words."""
        found = [
            f"{field.name} {getattr(self, field.name)} instead of {getattr(home, field.name)}"
            for field in fields(self)
            if field.name != "libraries" and getattr(self, field.name) != getattr(home, field.name)
        ]
        both = zip(self.libraries, home.libraries, strict=True)
        return found + [f"{name} {has} instead of {needed}" for (name, has), (_, needed) in both if has != needed]


class OtherBuildError(GenredError):
    """A worker would hear otherwise than home does."""


@dataclass(frozen=True)
class Order:
    """How a file is to be heard: as home would, and with its limits."""

    build: Build
    service: Service


@cache
def build() -> Build:
    """Return what is installed here."""
    package, designed = Path(worker.__file__).parents[1], filters.designed()
    sources = [*sorted((package / "sound").rglob("*.py")), package / "data" / "ears.npz"]
    return Build(
        __version__,
        FEATURE_VERSION,
        _digest(file.read_bytes() for file in sources),
        _digest(getattr(designed, field.name).tobytes() for field in fields(designed)),
        tuple((name, metadata.version(name)) for name in _HEARD_WITH),
    )


def hear(order: Order, path: Path, like: worker.Like) -> bytes:
    """Have a worker of genred's own hear a file; see `worker.hear_like`."""
    return _done(order, path, worker.hear_like, (path, like))


def describe(order: Order, path: Path, excerpts: "Sequence[NDArray[np.float32]]") -> bytes:
    """Have a worker of genred's own describe excerpts of a file that isn't here; see `worker.describe`."""
    return _done(order, path, worker.describe, (excerpts,))


def _done(order: Order, path: Path, function: Callable[..., bytes], arguments: tuple[Any, ...]) -> bytes:
    if others := build().differences(order.build):
        raise OtherBuildError(", ".join(others))
    service = order.service
    with _making:
        pool = _pool(service.nice, service.memory_mb)
    return outcome(path, pool.submit(function, arguments, service.timeout_seconds))


@cache
def _pool(nice: int, memory_mb: int) -> Pool:
    """Make a pool with a worker for each job that Dask's worker does at once."""
    from distributed import get_worker

    # A nanny starts Dask's worker as a "daemonic" process, which may have no children: they could outlive it. Genred's
    # own can't: the kernel ends them with their parent.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]  # it is private
    prepare()
    pool = Pool(get_worker().state.nthreads, (nice, memory_mb, (), Vocabulary()), patience=0.1)
    util.Finalize(None, pool.close, exitpriority=1)  # before it waits, as it ends, for all of its children to end
    return pool


_making = threading.Lock()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:8]
