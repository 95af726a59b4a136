"""Shape: centroid and roll-off of the spectrum, contrast and flatness by octave, and dynamics."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from genred.sound import SR
from genred.sound.features.frames import BIN, Array, Features, correlations
from genred.sound.filters import N_FFT

LAYOUT = {
    "contrast_range": 10,
    "flatness_mean": 7,
    "flatness_range": 14,
    "shape_mean": 8,
    "shape_range": 16,
    "shape_delta": 8,
    "shape_correlation": 28,
    "crest": 3,
    "crest_range": 3,
    "kurtosis": 2,
}


def describe(spectra: Sequence[Array], y: Array) -> Features:
    """Describe the spectrum's shape by power, (n_bins, n_frames) for each excerpt, and dynamics by samples."""
    power = np.concatenate(spectra, axis=1)
    magnitude = np.sqrt(power)
    contrast = spectral_contrast(magnitude)
    edges = [math.ceil(hertz / BIN) for hertz in (100, 200, 400, 800, 1600, 3200, 6400, 8000)]
    flatness = np.array([_flatness(power[a:b]) for a, b in pairwise(edges)])
    heard = slice(math.ceil(60 / BIN), math.ceil(8000 / BIN))
    starts = np.cumsum([s.shape[1] for s in spectra])[:-1]
    flux = np.concatenate([_flux(part) for part in np.split(magnitude, starts, axis=1)])
    course = np.array([*_place(power[heard], np.fft.rfftfreq(N_FFT, 1 / SR)[heard]), flux])
    mean = course.mean(axis=1)
    return {
        "contrast_range": np.percentile(contrast, [10, 90], axis=1),
        "flatness_mean": flatness.mean(axis=1),
        "flatness_range": np.percentile(flatness, [10, 90], axis=1),
        "shape_mean": mean,
        "shape_range": np.percentile(course, [10, 90], axis=1) - mean,
        "shape_delta": np.diff(course, axis=1).std(axis=1),
        "shape_correlation": correlations(course),
        **_dynamics(y),
    }


def spectral_contrast(magnitude: Array) -> Array:
    """Return `librosa.feature.spectral_contrast` of the five octaves up to 2.4 kHz, (5, n_frames), ten times sooner."""
    few, bands = [], []
    for low, high in pairwise([0, 150, 300, 600, 1200, 2400]):
        first, last = math.ceil(low / BIN), int(high / BIN)
        first -= first > 0  # librosa's bands begin a bin early, and leave out their last
        bands.append(np.sort(magnitude[first:last], axis=0))
        few.append(max(1, round(0.02 * (last - first + 1))))
    peak = np.array([ranked[-n:].mean(axis=0) for ranked, n in zip(bands, few, strict=True)])
    valley = np.array([ranked[:n].mean(axis=0) for ranked, n in zip(bands, few, strict=True)])
    return _decibels(peak) - _decibels(valley)


def _decibels(x: Array) -> Array:
    """Return `librosa.power_to_db`, whose module takes a tenth of a second to import."""
    level = 10 * np.log10(np.maximum(x, 1e-10))
    return np.asarray(np.maximum(level, level.max() - 80))


def _place(power: Array, f: Array) -> list[Array]:
    """Return centroid, bandwidth and four roll-offs in octaves, and the level in dB, of every frame."""
    floored, octaves = power + np.float32(1e-9), np.log2(f)
    total, first, second = np.array([octaves**0, octaves, octaves**2], np.float32) @ np.sqrt(floored)
    centroid = first / total
    bandwidth = np.sqrt(np.maximum(second / total - centroid**2, 0))
    cumulative = np.cumsum(floored, axis=0)
    energy = cumulative[-1]
    below = [(cumulative < np.float32(r) * energy).sum(axis=0, dtype=np.int16) for r in (0.25, 0.5, 0.85, 0.95)]
    rolloff = [octaves[np.minimum(n, len(f) - 1)] for n in below]
    return [centroid, bandwidth, *rolloff, 10 * np.log10(energy / energy.mean(dtype=np.float64) + 1e-5)]


def _flatness(power: Array) -> Array:
    floored = power + np.float32(1e-7)
    return np.asarray(np.log(floored).mean(axis=0) - np.log(floored.mean(axis=0)))


def _flux(magnitude: Array) -> Array:
    rise = np.maximum(np.diff(magnitude, axis=1), 0).sum(axis=0) / (magnitude.sum(axis=0)[1:] + 1e-3)
    return np.concatenate([[0.0], rise])


def _dynamics(y: Array) -> Features:
    """Return peak over level, and how peaked the samples are, of blocks of 46 ms."""
    blocks = y[: len(y) // 1024 * 1024].reshape(-1, 1024)
    squares = np.square(blocks)
    power = squares.mean(axis=1) + np.float32(1e-12)
    peak = np.maximum(blocks.max(axis=1), -blocks.min(axis=1))
    crest = 20 * np.log10(peak / np.sqrt(power) + 1e-6)
    kurtosis = np.log(np.einsum("bt,bt->b", squares, squares) / (1024 * power**2) + 1e-3)
    return {
        "crest": np.array([crest.mean(), crest.std(), 20 * np.log10(max(y.max(), -y.min()) + 1e-6)]),
        "crest_range": np.percentile(crest, [10, 50, 90]),
        "kurtosis": np.array([kurtosis.mean(), kurtosis.std()]),
    }
