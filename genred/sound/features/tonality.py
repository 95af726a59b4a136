"""Tonality: chroma and semitone spectra by statistics that do not change with the key."""

import numpy as np
import scipy  # and no part of it: each is imported where it is used first, and who only judges hears nothing

from genred.sound.features.frames import Array, Features

LAYOUT = {
    "chroma_std": 12,
    "chroma_change": 5,
    "chroma_from_key": 12,
    "intervals": 36,
    "mean_intervals": 24,
    "octave_mean": 6,
    "octave_std": 6,
    "bass_notes": 13,
    "high_notes": 13,
}

_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""Krumhansl and Kessler's key profiles (1982)."""


def describe(chroma: Array, semitones: Array) -> Features:
    """Describe tonality by the power of pitch classes, (12, n_frames), and of notes, (72, n_frames)."""
    return {**_chroma(chroma), **_notes(semitones)}


def _chroma(power: Array) -> Features:
    level = np.log1p(100 * power / (power.mean() + 1e-12)) + 1e-6
    share = level / level.sum(axis=0)
    mean = share.mean(axis=1)
    major, minor = (np.array([np.roll(p - p.mean(), k) @ mean for k in range(12)]) / p.std() for p in (_MAJOR, _MINOR))
    key = int(np.argmax(major if major.max() >= minor.max() else minor))
    return {
        "chroma_std": np.sort(share.std(axis=1)),
        "chroma_change": np.array([_change(share, n) for n in (1, 5, 15, 43, 86)]),
        "chroma_from_key": np.roll(mean, -key),
    }


def _change(chroma: Array, n: int) -> float:
    """Return the mean distance between successive means of ``n`` frames."""
    count = chroma.shape[1] // n
    means = chroma[:, : count * n].reshape(12, count, n).mean(axis=2)
    return float(np.abs(np.diff(means, axis=1)).sum(axis=0).mean()) if count > 1 else 0.0


def _notes(power: Array) -> Features:
    """Return which intervals sound together, how octaves are filled, and what bass and treble notes are like."""
    level = np.log1p(1000 * power / (power.mean() + 1e-12))
    peaks = np.maximum(level - scipy.ndimage.uniform_filter1d(level, 9, axis=0), 0)
    frames = peaks / (np.linalg.norm(peaks, axis=0) + 1e-6)
    mean = peaks.mean(axis=1) / (np.linalg.norm(peaks.mean(axis=1)) + 1e-6)
    octaves = peaks.reshape(6, 12, -1).mean(axis=1)
    return {
        "intervals": np.array([(frames[k:] * frames[:-k]).sum(axis=0).mean() for k in range(1, 37)]),
        "mean_intervals": np.array([mean[k:] @ mean[:-k] for k in range(1, 25)]),
        "octave_mean": octaves.mean(axis=1),
        "octave_std": octaves.std(axis=1),
        "bass_notes": _register(peaks[:20]),
        "high_notes": _register(peaks[44:]),
    }


def _register(peaks: Array) -> Array:
    """Return how clear, how many and how lasting the notes of a register are, (13,)."""
    share = peaks / (peaks.sum(axis=0) + 1e-6)
    entropy = -(share * np.log(share + 1e-9)).sum(axis=0)
    change = np.abs(np.diff(share, axis=1)).sum(axis=0)
    power = (share**2).sum(axis=0).mean() + 1e-9
    lags = [lag for lag in (1, 2, 4, 8, 16) if lag < share.shape[1]]
    lasting = np.zeros(5)
    lasting[: len(lags)] = [(share[:, k:] * share[:, :-k]).sum(axis=0).mean() / power for k in lags]
    clear = [peaks.mean(), peaks.max(axis=0).mean(), peaks.std(), entropy.mean()]
    return np.array([*clear, share.max(axis=0).mean(), share.max(axis=0).std(), change.mean(), change.std(), *lasting])
