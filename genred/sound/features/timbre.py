"""Timbre: how cepstra and bands move, and which of them move together."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import scipy  # and no part of it: each is imported where it is used first, and who only judges hears nothing

from genred.sound.features.frames import Array, Features, correlations, grouped, rate_filters, windows
from genred.sound.filters import N_MELS

LAYOUT = {
    "mfcc_delta": 20,
    "mfcc_correlation": 190,
    "texture_mean": 20,
    "texture_moves": 20,
    "texture_std": 20,
    "spectral_pattern": 100,
    "correlation_pattern": 190,
    "decay": 56,
    "scale_rate": 96,
    "scale_rate_direction": 84,
    "scale": 19,
}

_N_MFCC = 20


def describe(mels: Sequence[Array]) -> Features:
    """Describe timbre by levels of mel bands, (n_bands, n_frames) in dB for each excerpt."""
    cepstra = [scipy.fft.dct(m, axis=0, norm="ortho")[:_N_MFCC] for m in mels]
    delta = np.concatenate([deltas(c) for c in cepstra], axis=1)
    textures = np.concatenate([windows(c, 64, 32) for c in cepstra], axis=1)  # 1.5 s
    pairs = [grouped(m, 2) for m in mels]
    ranked = np.concatenate([np.sort(windows(p, 10, 5), axis=2) for p in pairs], axis=1)[..., [0, 2, 4, 6, 9]]
    return {
        "mfcc_delta": delta.std(axis=1),
        "mfcc_correlation": correlations(np.concatenate(cepstra, axis=1)),
        "texture_mean": textures.std(axis=2).mean(axis=1),
        "texture_moves": textures.mean(axis=2).std(axis=1),
        "texture_std": textures.std(axis=2).std(axis=1),
        "spectral_pattern": np.percentile(ranked, 90, axis=1),
        "correlation_pattern": _correlation_pattern(pairs),
        "decay": _decay(np.concatenate(mels, axis=1)),
        **_scale_rate(mels),
    }


def deltas(x: Array) -> Array:
    """Return `librosa.feature.delta` of width 5: the slope of the line through five neighbouring frames."""
    slope = (x[:, 3:-1] - x[:, 1:-3] + 2 * (x[:, 4:] - x[:, :-4])) / 10
    return np.pad(slope, ((0, 0), (2, 2)), mode="edge")


def _correlation_pattern(bands: Sequence[Array]) -> Array:
    """Return how bands correlate within 6 s, as the median of all such windows."""
    levels = np.concatenate([windows(b, 256, 64) for b in bands], axis=1)
    moves = levels - levels.mean(axis=2, keepdims=True)
    directions = moves / (np.linalg.norm(moves, axis=2, keepdims=True) + 1e-6)
    together = np.median(np.einsum("ant,bnt->nab", directions, directions), axis=0)
    return np.asarray(together[np.triu_indices(len(together), 1)])


def _decay(mel: Array) -> Array:
    """Return the autocorrelation of eight groups of bands at lags of 1 to 64 frames: what sustains, what dies away."""
    moves = (mel - mel.mean(axis=1, keepdims=True)).reshape(8, 5, -1)
    variance = (moves**2).mean(axis=(1, 2)) + 1e-6
    lags = [lag for lag in (1, 2, 4, 8, 16, 32, 64) if lag < mel.shape[1]]
    found = np.zeros((8, 7))
    for i, lag in enumerate(lags):
        found[:, i] = (moves[..., lag:] * moves[..., :-lag]).mean(axis=(1, 2)) / variance
    return found


def _scale_rate(mels: Sequence[Array]) -> Features:
    """Return modulation across bands (scale) and time (rate) at once, from 2-D spectra of 3 s of log-mel levels."""
    n = 128
    patches = np.concatenate([windows(m, n, 32).transpose(1, 0, 2) for m in mels])
    moves = patches - patches.mean(axis=(1, 2), keepdims=True)
    tapered = moves * np.float32(np.hanning(N_MELS + 2)[1:-1, None] * np.hanning(n))
    level = np.log(np.abs(scipy.fft.rfft2(tapered)) + 1).mean(axis=0)
    rated = level[:, 1 : n // 2] @ rate_filters(n, 12, 0.35, 18.0)[:, 1 : n // 2].T
    rising, falling = rated[1:20], rated[:20:-1]  # the sign of the scale: pitches or formants going up or down
    edges = [0, 1, 2, 3, 5, 8, 12, 19]
    both = [((rising + falling) / 2)[a:b].mean(axis=0) for a, b in pairwise(edges)]
    direction = [(rising - falling)[a:b].mean(axis=0) for a, b in pairwise(edges)]
    return {
        "scale_rate": np.array([rated[0], *both]),
        "scale_rate_direction": np.array(direction),
        "scale": level[1:20, 0],
    }
