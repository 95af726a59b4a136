"""Excerpts to spectra that all families of features share, and the few statistics that more than one of them takes.

Excerpts are brought to one level before they are cut into frames. One transform serves everything but the semitones,
which need a window four times as long to tell bass notes apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy  # and no part of it: each is imported where it is used first, and who only judges hears nothing
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from genred.sound import SR
from genred.sound.filters import N_FFT, N_FFT_SEMITONES, designed

Array = NDArray[np.floating[Any]]
Features = dict[str, Array]
"""Families of features by name; the size of each stands in the ``LAYOUT`` of its module."""

HOP = 512
FRAME_RATE = SR / HOP
"""Frames in a second."""
BIN = SR / N_FFT
"""Hertz from one bin of a spectrum to the next."""

_BLOCK = 2**17
_FLOOR = 1e-6  # -60 dB below the track's mean: what codecs throw away counts as silence


@dataclass(frozen=True, eq=False)
class Frames:
    """The spectra of a track, all brought to one level: their mean power in mel bands is 1."""

    y: Array
    """(n_samples,): all excerpts in a row, with the effective value 1."""
    spectra: Sequence[Array]
    """Power, (n_bins, n_frames) for each excerpt."""
    mels: Sequence[Array]
    """Levels of mel bands up to 8 kHz in dB, (`N_MELS`, n_frames) for each excerpt."""
    chroma: Array
    """Power of the twelve pitch classes, (12, n_frames)."""
    semitones: Array
    """Power at the notes from 65 Hz to 3.9 kHz, (72, n_frames), in frames four times as long; at any level."""

    @classmethod
    def of(cls, excerpts: Sequence[Array], level: float) -> "Frames":
        """Cut excerpts into frames; ``level`` is the effective value of them all."""
        ys = [_padded(e / np.float32(level + 1e-7)) for e in excerpts] or [_padded(np.zeros(0, np.float32))]
        filters = designed()
        powers = [power_spectrum(y, filters.window, HOP) for y in ys]
        bands = [filters.mels @ power for power in powers]
        mean = np.float32(np.mean([band.mean() for band in bands]) + 1e-12)
        spectra = [power / mean for power in powers]
        notes = [_semitone_filters() @ power_spectrum(y, filters.semitone_window, 4 * HOP) for y in ys]
        return cls(
            np.concatenate(ys),
            spectra,
            [10 * np.log10(band / mean + np.float32(_FLOOR)) for band in bands],
            np.concatenate([filters.chroma @ spectrum for spectrum in spectra], axis=1),
            np.concatenate(notes, axis=1),
        )


def power_spectrum(y: Array, window: Array, hop: int) -> Array:
    """Return the power of `librosa.stft`, not centered, in less than half its time.

    A frame lies in one piece in memory, and so many frames at once are computed as the processor's cache holds.
    """
    frames = sliding_window_view(y, len(window))[::hop]
    power = np.empty((len(frames), 1 + len(window) // 2), np.float32)
    step = _BLOCK // len(window)
    for start in range(0, len(frames), step):
        spectrum = scipy.fft.rfft(frames[start : start + step] * window, axis=1)
        power[start : start + step] = spectrum.real**2 + spectrum.imag**2
    return power.T


def windows(x: Array, size: int, hop: int) -> Array:
    """Cut (n_bands, n_frames) into (n_bands, n_windows, size); repeat what is shorter than one window to fill it."""
    missing = size - x.shape[1]
    if missing > 0:
        x = np.pad(x, ((0, 0), (0, missing)), mode="wrap")
    return np.asarray(sliding_window_view(x, size, axis=1)[:, ::hop])


def grouped(x: Array, n: int) -> Array:
    """Return the means of ``n`` neighbouring bands; leave out a rest at the top."""
    count = len(x) // n
    return np.asarray(x[: count * n].reshape(count, n, -1).mean(axis=1))


def correlations(x: Array) -> Array:
    """Return the upper triangle of the correlation matrix of the rows; 0 where a row stands still."""
    moves = x - x.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(moves, axis=1)
    correlation = (moves @ moves.T) / (np.outer(norm, norm) + 1e-6)
    return np.asarray(correlation[np.triu_indices(len(x), 1)])


@cache
def rate_filters(n: int, n_rates: int, low: float, high: float) -> Array:
    """Return triangles on a logarithmic axis over the rates of an ``n``-frame spectrum, each with the sum 1."""
    rates = np.fft.rfftfreq(n, 1 / FRAME_RATE)
    edges = np.log(np.geomspace(low, high, n_rates + 1))
    centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    distance = np.abs(np.log(np.maximum(rates, 1e-9)) - centres[:, None])
    weights = np.maximum(0, 1 - distance / width)
    empty = np.flatnonzero(weights.sum(axis=1) < 1e-6)
    weights[empty, np.argmin(distance[empty], axis=1)] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _padded(y: Array) -> Array:
    """Lengthen ``y`` by silence to so much that every statistic exists."""
    missing = 2 * N_FFT_SEMITONES - len(y)
    return np.pad(y, (0, missing)) if missing > 0 else y


@cache
def _semitone_filters() -> Array:
    """Return triangles a semitone to either side of each MIDI note from 36 (65 Hz) to 107 (3.9 kHz)."""
    notes = 69 + 12 * np.log2(np.maximum(np.fft.rfftfreq(N_FFT_SEMITONES, 1 / SR), 1) / 440)
    weights = np.maximum(0, 1 - np.abs(notes - np.arange(36, 108)[:, None]))
    return np.asarray(weights / (weights.sum(axis=1, keepdims=True) + 1e-9), np.float32)
