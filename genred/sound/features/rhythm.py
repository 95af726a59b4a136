"""Rhythm: onsets, modulation spectra by band, the tempogram, and which band sounds where in the beat."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import scipy  # and no part of it: each is imported where it is used first, and who only judges hears nothing
from numpy.lib.stride_tricks import sliding_window_view

from genred.sound.features.frames import (
    FRAME_RATE,
    Array,
    Features,
    correlations,
    grouped,
    rate_filters,
    windows,
)
from genred.sound.filters import N_MELS

LAYOUT = {
    "onset_std": 13,
    "onset_correlation": 78,
    "onset_strength": 7,
    "modulation": 260,
    "modulation_bands": 13,
    "modulation_rates": 20,
    "modulation_std": 20,
    "tempogram_ratios": 14,
    "tempogram_sorted": 7,
    "percussive_mean": 13,
    "percussive_std": 13,
    "percussive_high": 13,
    "beat": 78,
}


def describe(mels: Sequence[Array]) -> Features:
    """Describe rhythm by levels of mel bands, (n_bands, n_frames) in dB for each excerpt."""
    rises = [np.maximum(np.diff(m, axis=1), 0) for m in mels]
    percussive = grouped(np.concatenate([_percussive(10 ** (m / 20)) for m in mels], axis=1), 3)
    return {
        **_onsets(rises),
        **_modulation(mels),
        **_tempogram(rises),
        "percussive_mean": percussive.mean(axis=1),
        "percussive_std": percussive.std(axis=1),
        "percussive_high": np.percentile(percussive, 90, axis=1),
        "beat": _beat(mels),
    }


def _onsets(rises: Sequence[Array]) -> Features:
    """Return how strong onsets are, and in which bands they come together."""
    bands = np.concatenate([grouped(r, 3) for r in rises], axis=1)
    strength = np.concatenate([r.mean(axis=0) for r in rises])
    mean, std = strength.mean(), strength.std()
    return {
        "onset_std": bands.std(axis=1),
        "onset_correlation": correlations(bands),
        "onset_strength": np.array([mean, std, *(np.percentile(strength, [5, 25, 50, 75, 95]) / (mean + 1e-6))]),
    }


def _modulation(mels: Sequence[Array]) -> Features:
    """Return the modulation of each band, relative to what all of its rates have, and what all bands have."""
    modulation = np.log(np.concatenate([_modulations(grouped(m, 3)) for m in mels], axis=1) + 1)
    typical = modulation.mean(axis=1)
    return {
        "modulation": typical - typical.mean(axis=1, keepdims=True),
        "modulation_bands": typical.mean(axis=1),
        "modulation_rates": typical.mean(axis=0),
        "modulation_std": modulation.std(axis=1).mean(axis=0),
    }


def _modulations(bands: Array, n: int = 256) -> Array:
    """Return the magnitude of modulation at 20 rates from 0.35 to 20 Hz in windows of 6 s, (n_bands, n_windows, 20)."""
    levels = windows(bands, n, 64)
    tapered = (levels - levels.mean(axis=2, keepdims=True)) * np.hanning(n)
    return np.asarray(np.abs(np.fft.rfft(tapered, axis=2)) @ rate_filters(n, 20, 0.35, 20.0).T)


def _tempogram(rises: Sequence[Array]) -> Features:
    """Return how onsets repeat at simple ratios of the beat, and how clearly at any lag."""
    similarity = np.mean([_repetition(r.mean(axis=0)) for r in rises], axis=0)
    lags = np.arange(len(similarity)) / FRAME_RATE
    ratios = np.array([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 5 / 4, 4 / 3, 3 / 2, 7 / 4, 2, 5 / 2, 3, 4])
    return {
        "tempogram_ratios": np.interp(_period(similarity, lags) * ratios, lags, similarity),
        "tempogram_sorted": np.sort(similarity[4:])[::-1][[0, 5, 10, 20, 40, 80, 160]],
    }


def _repetition(strength: Array, size: int = 384) -> Array:
    """Return the mean over time of `librosa.feature.tempogram`: one inverse transform serves all windows."""
    padded = np.pad(strength, size // 2, mode="linear_ramp")
    tapered = sliding_window_view(padded, size)[: len(strength)] * np.hanning(size + 1)[:-1]
    n = scipy.fft.next_fast_len(2 * size - 1, real=True)
    power = np.square(np.abs(scipy.fft.rfft(tapered, n))).mean(axis=0)
    products = scipy.fft.irfft(power, n)[:size]
    return np.asarray(products / (products[0] + 1e-9))


def _period(similarity: Array, lags: Array) -> float:
    """Return the lag of the likeliest beat in seconds, near 120 beats a minute rather than far from it."""
    octaves = np.log2(np.maximum(lags, 1e-3) / 0.5)
    return float(lags[np.argmax(similarity * np.exp(-0.5 * (octaves / 0.8) ** 2) * (lags > 0.2))])


def _percussive(magnitude: Array) -> Array:
    """Return the share of percussion in every band and frame, by medians along time and bands (Fitzgerald 2010)."""
    harmonic = _medians(magnitude, 17) ** 2
    percussive = _medians(magnitude.T, 5).T ** 2
    return np.asarray(percussive / (harmonic + percussive + 1e-12))


def _medians(x: Array, size: int) -> Array:
    """Return running medians along the rows; all rows as one, because scipy is far quicker in one dimension."""
    half = size // 2
    padded = np.pad(x, ((0, 0), (half, half)), mode="symmetric")
    return np.asarray(scipy.ndimage.median_filter(padded.ravel(), size).reshape(padded.shape)[:, half:-half])


def _beat(mels: Sequence[Array]) -> Array:
    """Correlate low, middle and high onsets at fractions of the beat: the off-beat of reggae, the backbeat."""
    similarity = np.mean([_lagged_correlations(m) for m in mels], axis=0)
    lags = np.arange(similarity.shape[2]) / FRAME_RATE
    period = _period(similarity[range(3), range(3)].sum(axis=0), lags)
    places = period * np.array([0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 3 / 2, 2])
    found = np.array([[np.interp(places, lags, c) for c in row] for row in similarity])
    same = np.ravel_multi_index((range(3), range(3), [0] * 3), found.shape)
    return np.delete(found, same)  # onsets without a lag are like themselves, in all music


def _lagged_correlations(mel: Array, n_lags: int = 180) -> Array:
    """Correlate the onsets in three ranges of bands with each other, (3, 3, n_lags)."""
    rise = np.maximum(np.diff(mel, axis=1), 0)
    strength = np.array([rise[a:b].mean(axis=0) for a, b in pairwise([0, 6, 16, N_MELS])])
    onsets = strength - scipy.ndimage.uniform_filter1d(strength, 87, axis=1)  # 2 s
    scores = onsets / (onsets.std(axis=1, keepdims=True) + 1e-6)
    n = scores.shape[1]
    spectrum = np.fft.rfft(scores, scipy.fft.next_fast_len(n + n_lags))
    products = spectrum[:, None] * spectrum.conj()[None]
    return np.asarray(np.fft.irfft(products, scipy.fft.next_fast_len(n + n_lags))[..., :n_lags] / n)
