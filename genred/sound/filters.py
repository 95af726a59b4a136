"""Windows and filter banks: librosa designs them, and the cache keeps them.

To import librosa takes seconds and a hundred megabytes, because it brings a compiler. So a process of its own imports
it, answers and ends; what listens never does. The module itself is quick to import: whoever only asks `are_kept` needs
no numpy.
"""

import ctypes
import hashlib
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from genred.config import cache_dir
from genred.dependencies import LIBRARIES, installed, unfit
from genred.errors import FileError, GenredError
from genred.fs.files import open_regular, write_whole
from genred.sound import SR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

N_FFT, N_FFT_SEMITONES, N_MELS = 2048, 8192, 40
"""Samples of a frame, samples of a frame that tells bass notes apart, bands: for the features, at `genred.sound.SR`."""
EARS_RATE, EARS_N_FFT, EARS_N_MELS = 16000, 512, 96
"""Rate in Hz, samples of a frame, bands: what the pre-trained network was trained with."""

_DIGEST = 32
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, prctl(2)
_DESIGNERS = [library for library in LIBRARIES if library.name in ("librosa", "numpy", "scipy")]
_LIBROSA = _DESIGNERS[0]


@dataclass(frozen=True, eq=False, slots=True)
class Filters:
    """What the signal is weighed with; all float32 and not to be changed."""

    window: "Array"
    """Hann's, (`N_FFT`,)."""
    semitone_window: "Array"
    """Hann's, (`N_FFT_SEMITONES`,)."""
    mels: "Array"
    """Mel bands from 30 Hz to 8 kHz, (`N_MELS`, n_bins)."""
    chroma: "Array"
    """Pitch classes, (12, n_bins)."""
    ears_window: "Array"
    """Hann's, (`EARS_N_FFT`,)."""
    ears_mels: "Array"
    """Mel bands of the network's input, (`EARS_N_MELS`, n_bins)."""


_SHAPES = {
    "window": (N_FFT,),
    "semitone_window": (N_FFT_SEMITONES,),
    "mels": (N_MELS, 1 + N_FFT // 2),
    "chroma": (12, 1 + N_FFT // 2),
    "ears_window": (EARS_N_FFT,),
    "ears_mels": (EARS_N_MELS, 1 + EARS_N_FFT // 2),
}


@cache
def designed() -> Filters:
    """Return the filters: as they are kept, or designed now and kept for the next process.

    Raises
    ------
    DependencyError
        If librosa is not there, or not as genred knows it.
    GenredError
        If no process can be started.
    """
    try:
        return _read(_kept())
    except (FileError, ValueError):
        pass  # Not there yet, damaged, or not these: what isn't as it was written is made again.
    content = _asked()
    filters = _read(content)
    with suppress(OSError):  # Where nothing can be kept, each start designs anew.
        place().parent.mkdir(parents=True, exist_ok=True)
        write_whole(place(), content)
    return filters


def keep() -> None:
    """Have the filters designed, and kept for all processes to come; do nothing where they can't be kept.

    Raises
    ------
    DependencyError, GenredError
        As `designed`.
    """
    with suppress(OSError):
        place().parent.mkdir(parents=True, exist_ok=True)
        if os.access(place().parent, os.W_OK):
            write_whole(place(), _asked())


def are_kept() -> bool:
    """Return whether there is a file of these filters; what it holds is not looked at."""
    return place().is_file()


def place() -> Path:
    """Return where filters are kept that these versions of the libraries, and this module, design."""
    return cache_dir() / f"filters-{_key().hex()[:16]}"


@cache
def _key() -> bytes:
    """Return the hash of all that decides what is designed."""
    decisive = [*map(installed, _DESIGNERS), Path(__file__).read_text("utf-8")]
    return hashlib.sha256("\n".join(decisive).encode()).digest()


def _kept() -> bytes:
    with open_regular(place()) as opened:
        return opened.read(_size() + 1)


def _size() -> int:
    return sum(map(prod, _SHAPES.values())) * 4 + _DIGEST


def _checked(content: bytes) -> bytes:
    """Return what `_design` wrote as it is; raise ValueError if it is anything else."""
    numbers, digest = content[:-_DIGEST], content[-_DIGEST:]
    if len(content) != _size() or hashlib.sha256(_key() + numbers).digest() != digest:
        raise ValueError("other filters than were asked for")
    return content


def _read(content: bytes) -> Filters:
    """Return the filters that `_design` wrote; raise ValueError if it wrote anything else."""
    import numpy as np

    flat = np.frombuffer(_checked(content)[:-_DIGEST], "<f4").astype(np.float32)
    flat.setflags(write=False)
    pieces = np.split(flat, np.cumsum([prod(shape) for shape in _SHAPES.values()])[:-1])
    return Filters(*(piece.reshape(shape) for piece, shape in zip(pieces, _SHAPES.values(), strict=True)))


def _asked() -> bytes:
    """Return what `_design` writes in a process of its own."""
    # It finds what this one finds. numba wants a place for what it might compile, or librosa can't be imported; what it
    # would choose can't be written to where genred is installed for all.
    environment = {"NUMBA_CACHE_DIR": str(cache_dir() / "numba")} | os.environ
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-m", __name__]
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise GenredError(f"no process can be started that designs filters ({error.strerror})") from error
    said = done.stderr.decode(errors="replace").splitlines()
    if done.returncode < 0 or any(line.startswith("MemoryError") for line in said):
        raise MemoryError("librosa takes more to be imported")
    if done.returncode:
        raise unfit(_LIBROSA, said[-1] if said else f"exit {done.returncode}")
    try:
        return _checked(done.stdout)
    except ValueError as error:
        raise unfit(_LIBROSA, str(error)) from error


def _design() -> bytes:
    """Design all filters with librosa, and one as librosa does."""
    import numpy as np
    from librosa.filters import get_window, mel

    found = Filters(
        window=get_window("hann", N_FFT),
        semitone_window=get_window("hann", N_FFT_SEMITONES),
        mels=mel(sr=SR, n_fft=N_FFT, n_mels=N_MELS, fmin=30, fmax=8000),
        chroma=_chroma(),
        ears_window=get_window("hann", EARS_N_FFT),
        ears_mels=mel(sr=EARS_RATE, n_fft=EARS_N_FFT, n_mels=EARS_N_MELS),
    )
    numbers = b"".join(np.asarray(getattr(found, name), "<f4").tobytes() for name in _SHAPES)
    return numbers + hashlib.sha256(_key() + numbers).digest()


def _chroma() -> "Array":
    """Return `librosa.filters.chroma`, to the bit; for that one call, numba would compile for twenty seconds."""
    import numpy as np

    semitones = 12 * np.log2(np.fft.rfftfreq(N_FFT, 1 / SR)[1:] / 27.5)
    semitones = np.concatenate([semitones[:1] - 18, semitones])  # what is constant counts as far below the first bin
    width = np.append(np.maximum(np.diff(semitones), 1), 1)
    distance = np.remainder(semitones - np.arange(12)[:, None] + 126, 12) - 6
    bumps = np.exp(-0.5 * (2 * distance / width) ** 2)
    audible = np.exp(-0.5 * ((semitones / 12 - 5) / 2) ** 2)
    bank: Array = np.roll(bumps / np.linalg.norm(bumps, axis=0) * audible, -3, axis=0).astype(np.float32)
    return bank


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)  # nobody else waits for the answer
    sys.stdout.buffer.write(_design())
