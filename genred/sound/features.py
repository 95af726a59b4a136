"""Excerpts of a track to one feature vector: pure, deterministic, and librosa is known here only.

Conventions: ``y`` is mono float32 of shape (n_samples,) at `SR`; spectra are (n_bins, n_frames); bands count from low
to high. Excerpts are brought to one level first, because libraries differ in loudness; nothing above 8 kHz is heard,
because there the codec speaks and not the music. What an equaliser or a codec moves as much as the music does (mean
levels of bands, spread and skew of the contrast) is left out, or named in `CHAIN_FAMILIES`.

The first `N_META` entries (level in dBFS, length in seconds) say whether there is anything to judge; the rest
describes the music:

* timbre: how cepstra and bands move, and which of them move together [2]_;
* shape: centroid and roll-off, contrast and flatness by octave, dynamics;
* rhythm: onsets, modulation spectra by band [1]_ and across bands [3]_, tempogram, which band sounds where in the beat;
* tonality: chroma and semitone spectra by statistics that do not change with the key.

One STFT serves everything but the semitones, which need a window four times as long to tell bass notes apart.

References
----------
.. [1] Pampalk, Rauber, Merkl: "Content-based organization and visualization of music archives", ACM Multimedia 2002.
.. [2] Seyerlehner, Widmer, Pohle: "Fusing block-level features for music similarity estimation", DAFx 2010.
.. [3] Panagakis, Kotropoulos, Arce: "Non-negative multilinear principal component analysis of auditory temporal
   modulations for music genre classification", IEEE TASLP 2010.
"""

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import librosa  # lazy: nothing is compiled before the first call
import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SR = 22050
FEATURE_VERSION = "1"
N_META = 2

_N_FFT, _HOP, _N_FFT_SEMITONES = 2048, 512, 8192
_FRAME_RATE, _BIN = SR / _HOP, SR / _N_FFT  # Hz
_N_MELS, _N_MFCC = 40, 20
_FLOOR = 1e-6  # -60 dB below the track's mean: what codecs throw away counts as silence

_LAYOUT = {
    "meta": 2,
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
    "beat": 81,
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
FEATURE_NAMES: tuple[str, ...] = tuple(f"{name}.{i}" for name, size in _LAYOUT.items() for i in range(size))

CHAIN_FAMILIES = frozenset({"spectral_pattern", "shape_mean", "crest", "crest_range", "kurtosis"})
"""Kinds of features that the recording chain moves as much as the music does: good for telling music from noise or
speech, not for telling one genre from another."""

Array = NDArray[np.floating[Any]]
Features = dict[str, Array]


def extract(excerpts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Describe a track by its excerpts.

    Parameters
    ----------
    excerpts : sequence of (n_samples,) float32
        In the order of the track, at `SR`; any length, any content.

    Returns
    -------
    (n_features,) float32
        Finite whatever the audio; entries as in `FEATURE_NAMES`.
    """
    found = _describe(excerpts)
    x = np.concatenate([found[name].ravel() for name in _LAYOUT])
    return np.asarray(np.nan_to_num(x, nan=0.0, posinf=1e4, neginf=-1e4), np.float32)


def _describe(excerpts: Sequence[NDArray[np.float32]]) -> Features:
    whole = np.concatenate([*excerpts, np.zeros(0, np.float32)])
    rms = float(np.sqrt(whole @ whole / whole.size)) if whole.size else 0.0
    meta = np.array([20 * np.log10(rms + 1e-6), len(whole) / SR])
    ys = [_padded(e / np.float32(rms + 1e-7)) for e in excerpts] or [_padded(whole)]
    spectra = [_power(y, _N_FFT, _HOP) for y in ys]
    mels = [_mel_filters() @ s for s in spectra]
    reference = np.mean([m.mean() for m in mels]) + 1e-12
    spectra = [s / np.float32(reference) for s in spectra]
    mels = [10 * np.log10(m / np.float32(reference) + np.float32(_FLOOR)) for m in mels]
    chroma = np.concatenate([_chroma_filters() @ s for s in spectra], axis=1)
    semitones = np.concatenate([_semitone_filters() @ _power(y, _N_FFT_SEMITONES, 4 * _HOP) for y in ys], axis=1)
    return {
        "meta": meta,
        **_timbre(mels),
        **_shape(spectra),
        **_dynamics(np.concatenate(ys)),
        **_rhythm(mels),
        **_beat(mels),
        **_tonality(chroma),
        **_pitch(semitones),
    }


def _padded(y: Array) -> Array:
    """At least a little to look at, so that every statistic exists."""
    missing = 2 * _N_FFT_SEMITONES - len(y)
    return np.pad(y, (0, missing)) if missing > 0 else y


def _power(y: Array, n_fft: int, hop: int) -> Array:
    """The power of `librosa.stft`, not centered, in half its time: here a frame lies in one piece in memory."""
    frames = librosa.util.frame(y, frame_length=n_fft, hop_length=hop, axis=0) * _window(n_fft)
    spectrum = scipy.fft.rfft(frames, axis=1)
    return np.asarray((spectrum.real**2 + spectrum.imag**2).T)


@cache
def _window(n_fft: int) -> Array:
    return np.asarray(librosa.filters.get_window("hann", n_fft), np.float32)


@cache
def _mel_filters() -> Array:
    return np.asarray(librosa.filters.mel(sr=SR, n_fft=_N_FFT, n_mels=_N_MELS, fmin=30, fmax=8000))


@cache
def _chroma_filters() -> Array:
    return np.asarray(librosa.filters.chroma(sr=SR, n_fft=_N_FFT, tuning=0.0))


@cache
def _semitone_filters() -> Array:
    """Triangles a semitone to either side of each MIDI note from 36 (65 Hz) to 107 (3.9 kHz)."""
    notes = 69 + 12 * np.log2(np.maximum(np.fft.rfftfreq(_N_FFT_SEMITONES, 1 / SR), 1) / 440)
    weights = np.maximum(0, 1 - np.abs(notes - np.arange(36, 108)[:, None]))
    return np.asarray(weights / (weights.sum(axis=1, keepdims=True) + 1e-9), np.float32)


# -- timbre --------------------------------------------------------------------------------------------------------


def _timbre(mels: Sequence[Array]) -> Features:
    cepstra = [scipy.fft.dct(m, axis=0, norm="ortho")[:_N_MFCC] for m in mels]
    delta = np.concatenate([_delta(c) for c in cepstra], axis=1)
    textures = np.concatenate([_windows(c, 64, 32) for c in cepstra], axis=1)  # 1.5 s
    pairs = [_group(m, 2) for m in mels]
    ranked = np.concatenate([np.sort(_windows(p, 10, 5), axis=2) for p in pairs], axis=1)[..., [0, 2, 4, 6, 9]]
    long = np.concatenate([_windows(p, 256, 64) for p in pairs], axis=1)  # 6 s
    long = long - long.mean(axis=2, keepdims=True)
    long /= np.linalg.norm(long, axis=2, keepdims=True) + 1e-6
    together = np.median(np.einsum("ant,bnt->nab", long, long), axis=0)
    return {
        "mfcc_delta": delta.std(axis=1),
        "mfcc_correlation": _correlations(np.concatenate(cepstra, axis=1)),
        "texture_mean": textures.std(axis=2).mean(axis=1),
        "texture_moves": textures.mean(axis=2).std(axis=1),
        "texture_std": textures.std(axis=2).std(axis=1),
        "spectral_pattern": np.percentile(ranked, 90, axis=1),
        "correlation_pattern": together[np.triu_indices(len(together), 1)],
        "decay": _decay(np.concatenate(mels, axis=1)),
        **_scale_rate(mels),
    }


def _delta(x: Array) -> Array:
    """`librosa.feature.delta` of width 5: the slope of the line through five neighbouring frames."""
    slope = (x[:, 3:-1] - x[:, 1:-3] + 2 * (x[:, 4:] - x[:, :-4])) / 10
    return np.pad(slope, ((0, 0), (2, 2)), mode="edge")


def _decay(mel: Array) -> Array:
    """Autocorrelation of eight groups of bands at lags of 1 to 64 frames: what sustains and what dies away."""
    moves = (mel - mel.mean(axis=1, keepdims=True)).reshape(8, 5, -1)
    power = (moves**2).mean(axis=(1, 2)) + 1e-6
    lags = [lag for lag in (1, 2, 4, 8, 16, 32, 64) if lag < mel.shape[1]]
    found = np.zeros((8, 7))
    for i, lag in enumerate(lags):
        found[:, i] = (moves[..., lag:] * moves[..., :-lag]).mean(axis=(1, 2)) / power
    return found


def _scale_rate(mels: Sequence[Array]) -> Features:
    """Modulation across bands (scale) and time (rate) at once, from 2-D spectra of 3 s of log-mel levels."""
    n = 128
    patches = np.concatenate([_windows(m, n, 32).transpose(1, 0, 2) for m in mels])
    patches = patches - patches.mean(axis=(1, 2), keepdims=True)
    patches = patches * np.float32(np.hanning(_N_MELS + 2)[1:-1, None] * np.hanning(n))
    level = np.log(np.abs(scipy.fft.rfft2(patches)) + 1).mean(axis=0)
    rated = level[:, 1 : n // 2] @ _log_filters(n, 12, 0.35, 18.0)[:, 1 : n // 2].T
    rising, falling = rated[1:20], rated[:20:-1]  # the sign of the scale: pitches or formants going up or down
    edges = [0, 1, 2, 3, 5, 8, 12, 19]
    both = [((rising + falling) / 2)[a:b].mean(axis=0) for a, b in pairwise(edges)]
    direction = [(rising - falling)[a:b].mean(axis=0) for a, b in pairwise(edges)]
    return {
        "scale_rate": np.array([rated[0], *both]),
        "scale_rate_direction": np.array(direction),
        "scale": level[1:20, 0],
    }


# -- spectral shape and dynamics -----------------------------------------------------------------------------------


def _shape(spectra: Sequence[Array]) -> Features:
    power = np.concatenate(spectra, axis=1)
    magnitude = np.sqrt(power)
    contrast = _contrast(magnitude)
    edges = [math.ceil(hertz / _BIN) for hertz in (100, 200, 400, 800, 1600, 3200, 6400, 8000)]
    flatness = np.array([_flatness(power[a:b]) for a, b in pairwise(edges)])
    heard = slice(math.ceil(60 / _BIN), math.ceil(8000 / _BIN))
    starts = np.cumsum([s.shape[1] for s in spectra])[:-1]
    flux = np.concatenate([_flux(part) for part in np.split(magnitude, starts, axis=1)])
    course = np.array([*_place(power[heard], np.fft.rfftfreq(_N_FFT, 1 / SR)[heard]), flux])
    mean = course.mean(axis=1)
    return {
        "contrast_range": np.percentile(contrast, [10, 90], axis=1),
        "flatness_mean": flatness.mean(axis=1),
        "flatness_range": np.percentile(flatness, [10, 90], axis=1),
        "shape_mean": mean,
        "shape_range": np.percentile(course, [10, 90], axis=1) - mean,
        "shape_delta": np.diff(course, axis=1).std(axis=1),
        "shape_correlation": _correlations(course),
    }


def _contrast(magnitude: Array) -> Array:
    """`librosa.feature.spectral_contrast` of the five octaves up to 2.4 kHz, (5, n_frames), in a tenth of the time."""
    few, bands = [], []
    for low, high in pairwise([0, 150, 300, 600, 1200, 2400]):
        first, last = math.ceil(low / _BIN), int(high / _BIN)
        first -= first > 0  # librosa's bands begin a bin early, and leave out their last
        bands.append(np.sort(magnitude[first:last], axis=0))
        few.append(max(1, round(0.02 * (last - first + 1))))
    peak = np.array([ranked[-n:].mean(axis=0) for ranked, n in zip(bands, few, strict=True)])
    valley = np.array([ranked[:n].mean(axis=0) for ranked, n in zip(bands, few, strict=True)])
    return _decibels(peak) - _decibels(valley)


def _decibels(power: Array) -> Array:
    """`librosa.power_to_db`, whose module takes a tenth of a second to import."""
    level = 10 * np.log10(np.maximum(power, 1e-10))
    return np.asarray(np.maximum(level, level.max() - 80))


def _place(power: Array, f: Array) -> list[Array]:
    """Centroid, bandwidth and four roll-offs in octaves, and the level in dB, of every frame."""
    power, octaves = power + np.float32(1e-9), np.log2(f)
    total, first, second = np.array([octaves**0, octaves, octaves**2], np.float32) @ np.sqrt(power)
    centroid = first / total
    bandwidth = np.sqrt(np.maximum(second / total - centroid**2, 0))
    cumulative = np.cumsum(power, axis=0)
    energy = cumulative[-1]
    below = [(cumulative < np.float32(r) * energy).sum(axis=0, dtype=np.int16) for r in (0.25, 0.5, 0.85, 0.95)]
    rolloff = [octaves[np.minimum(n, len(f) - 1)] for n in below]
    return [centroid, bandwidth, *rolloff, 10 * np.log10(energy / energy.mean(dtype=np.float64) + 1e-5)]


def _flatness(power: Array) -> Array:
    power = power + np.float32(1e-7)
    return np.asarray(np.log(power).mean(axis=0) - np.log(power.mean(axis=0)))


def _flux(magnitude: Array) -> Array:
    rise = np.maximum(np.diff(magnitude, axis=1), 0).sum(axis=0) / (magnitude.sum(axis=0)[1:] + 1e-3)
    return np.concatenate([[0.0], rise])


def _dynamics(y: Array) -> Features:
    """Peak over level, and how peaked the samples are, of blocks of 46 ms."""
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


# -- rhythm --------------------------------------------------------------------------------------------------------


def _rhythm(mels: Sequence[Array]) -> Features:
    onsets = [np.maximum(np.diff(m, axis=1), 0) for m in mels]
    bands = np.concatenate([_group(o, 3) for o in onsets], axis=1)
    strength = np.concatenate([o.mean(axis=0) for o in onsets])
    mean, std = strength.mean(), strength.std()
    modulation = np.log(np.concatenate([_modulation(_group(m, 3)) for m in mels], axis=1) + 1)
    typical = modulation.mean(axis=1)
    tempogram = np.mean([_tempogram(o.mean(axis=0)) for o in onsets], axis=0)
    lags = np.arange(len(tempogram)) / _FRAME_RATE
    ratios = np.array([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 5 / 4, 4 / 3, 3 / 2, 7 / 4, 2, 5 / 2, 3, 4])
    percussive = _group(np.concatenate([_percussive(10 ** (m / 20)) for m in mels], axis=1), 3)
    return {
        "onset_std": bands.std(axis=1),
        "onset_correlation": _correlations(bands),
        "onset_strength": np.array([mean, std, *(np.percentile(strength, [5, 25, 50, 75, 95]) / (mean + 1e-6))]),
        "modulation": typical - typical.mean(axis=1, keepdims=True),
        "modulation_bands": typical.mean(axis=1),
        "modulation_rates": typical.mean(axis=0),
        "modulation_std": modulation.std(axis=1).mean(axis=0),
        "tempogram_ratios": np.interp(_period(tempogram, lags) * ratios, lags, tempogram),
        "tempogram_sorted": np.sort(tempogram[4:])[::-1][[0, 5, 10, 20, 40, 80, 160]],
        "percussive_mean": percussive.mean(axis=1),
        "percussive_std": percussive.std(axis=1),
        "percussive_high": np.percentile(percussive, 90, axis=1),
    }


def _modulation(bands: Array, n: int = 256) -> Array:
    """Magnitude of modulation at 20 rates from 0.35 to 20 Hz, by windows of 6 s: (n_bands, n_windows, 20)."""
    windows = _windows(bands, n, 64)
    windows = (windows - windows.mean(axis=2, keepdims=True)) * np.hanning(n)
    return np.asarray(np.abs(np.fft.rfft(windows, axis=2)) @ _log_filters(n, 20, 0.35, 20.0).T)


@cache
def _log_filters(n: int, n_rates: int, low: float, high: float) -> Array:
    """Triangles on a logarithmic axis over the rates of an ``n``-frame spectrum, each with the sum 1."""
    rates = np.fft.rfftfreq(n, 1 / _FRAME_RATE)
    edges = np.log(np.geomspace(low, high, n_rates + 1))
    centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    distance = np.abs(np.log(np.maximum(rates, 1e-9)) - centres[:, None])
    weights = np.maximum(0, 1 - distance / width)
    empty = np.flatnonzero(weights.sum(axis=1) < 1e-6)
    weights[empty, np.argmin(distance[empty], axis=1)] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _tempogram(strength: Array, size: int = 384) -> Array:
    """The mean over time of `librosa.feature.tempogram`: one inverse transform of the mean power serves all windows."""
    padded = np.pad(strength, size // 2, mode="linear_ramp")
    windows = sliding_window_view(padded, size)[: len(strength)] * np.hanning(size + 1)[:-1]
    power = np.square(np.abs(scipy.fft.rfft(windows, scipy.fft.next_fast_len(2 * size - 1, real=True)))).mean(axis=0)
    mean = scipy.fft.irfft(power, scipy.fft.next_fast_len(2 * size - 1, real=True))[:size]
    return np.asarray(mean / (mean[0] + 1e-9))


def _period(similarity: Array, lags: Array) -> float:
    """The lag of the likeliest beat in seconds, near 120 beats a minute rather than far from it."""
    octaves = np.log2(np.maximum(lags, 1e-3) / 0.5)
    return float(lags[np.argmax(similarity * np.exp(-0.5 * (octaves / 0.8) ** 2) * (lags > 0.2))])


def _percussive(magnitude: Array) -> Array:
    """Share of percussion in every band and frame, by medians along time and bands (Fitzgerald 2010)."""
    harmonic = _medians(magnitude, 17) ** 2
    percussive = _medians(magnitude.T, 5).T ** 2
    return np.asarray(percussive / (harmonic + percussive + 1e-12))


def _medians(x: Array, size: int) -> Array:
    """Running medians along the rows; all rows as one, because scipy is far quicker in one dimension."""
    half = size // 2
    padded = np.pad(x, ((0, 0), (half, half)), mode="symmetric")
    return np.asarray(scipy.ndimage.median_filter(padded.ravel(), size).reshape(padded.shape)[:, half:-half])


def _beat(mels: Sequence[Array]) -> Features:
    """Correlation of low, middle and high onsets at fractions of the beat: the off-beat of reggae, the backbeat."""
    correlations = np.mean([_lagged_correlations(m) for m in mels], axis=0)
    lags = np.arange(correlations.shape[2]) / _FRAME_RATE
    period = _period(correlations[range(3), range(3)].sum(axis=0), lags)
    places = period * np.array([0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 3 / 2, 2])
    return {"beat": np.array([[np.interp(places, lags, c) for c in row] for row in correlations])}


def _lagged_correlations(mel: Array, n_lags: int = 180) -> Array:
    """(3, 3, n_lags): of the onsets in three ranges of bands with each other."""
    rise = np.maximum(np.diff(mel, axis=1), 0)
    onsets = np.array([rise[a:b].mean(axis=0) for a, b in pairwise([0, 6, 16, _N_MELS])])
    onsets = onsets - scipy.ndimage.uniform_filter1d(onsets, 87, axis=1)  # 2 s
    onsets /= onsets.std(axis=1, keepdims=True) + 1e-6
    n = onsets.shape[1]
    spectrum = np.fft.rfft(onsets, scipy.fft.next_fast_len(n + n_lags))
    products = spectrum[:, None] * spectrum.conj()[None]
    return np.asarray(np.fft.irfft(products, scipy.fft.next_fast_len(n + n_lags))[..., :n_lags] / n)


# -- tonality ------------------------------------------------------------------------------------------------------

_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""Krumhansl and Kessler's key profiles (1982)."""


def _tonality(power: Array) -> Features:
    chroma = np.log1p(100 * power / (power.mean() + 1e-12)) + 1e-6
    chroma /= chroma.sum(axis=0)
    mean = chroma.mean(axis=1)
    major, minor = (np.array([np.roll(p - p.mean(), k) @ mean for k in range(12)]) / p.std() for p in (_MAJOR, _MINOR))
    key = int(np.argmax(major if major.max() >= minor.max() else minor))
    return {
        "chroma_std": np.sort(chroma.std(axis=1)),
        "chroma_change": np.array([_change(chroma, n) for n in (1, 5, 15, 43, 86)]),
        "chroma_from_key": np.roll(mean, -key),
    }


def _change(chroma: Array, n: int) -> float:
    """Mean distance between successive means of ``n`` frames."""
    count = chroma.shape[1] // n
    means = chroma[:, : count * n].reshape(12, count, n).mean(axis=2)
    return float(np.abs(np.diff(means, axis=1)).sum(axis=0).mean()) if count > 1 else 0.0


def _pitch(semitones: Array) -> Features:
    level = np.log1p(1000 * semitones / (semitones.mean() + 1e-12))
    peaks = np.maximum(level - scipy.ndimage.uniform_filter1d(level, 9, axis=0), 0)
    frames = peaks / (np.linalg.norm(peaks, axis=0) + 1e-6)
    mean = peaks.mean(axis=1) / (np.linalg.norm(peaks.mean(axis=1)) + 1e-6)
    octaves = peaks.reshape(6, 12, -1).mean(axis=1)
    return {
        "intervals": np.array([(frames[k:] * frames[:-k]).sum(axis=0).mean() for k in range(1, 37)]),
        "mean_intervals": np.array([mean[k:] @ mean[:-k] for k in range(1, 25)]),
        "octave_mean": octaves.mean(axis=1),
        "octave_std": octaves.std(axis=1),
        "bass_notes": _notes(peaks[:20]),
        "high_notes": _notes(peaks[44:]),
    }


def _notes(peaks: Array) -> Array:
    """How clear, how many and how lasting the notes of a register are, (13,)."""
    share = peaks / (peaks.sum(axis=0) + 1e-6)
    entropy = -(share * np.log(share + 1e-9)).sum(axis=0)
    change = np.abs(np.diff(share, axis=1)).sum(axis=0)
    power = (share**2).sum(axis=0).mean() + 1e-9
    lags = [lag for lag in (1, 2, 4, 8, 16) if lag < share.shape[1]]
    lasting = np.zeros(5)
    lasting[: len(lags)] = [(share[:, k:] * share[:, :-k]).sum(axis=0).mean() / power for k in lags]
    clear = [peaks.mean(), peaks.max(axis=0).mean(), peaks.std(), entropy.mean()]
    return np.array([*clear, share.max(axis=0).mean(), share.max(axis=0).std(), change.mean(), change.std(), *lasting])


# -- small numerics ------------------------------------------------------------------------------------------------


def _windows(x: Array, size: int, hop: int) -> Array:
    """(n_bands, n_frames) -> (n_bands, n_windows, size); what is shorter than one window is repeated to fill it."""
    missing = size - x.shape[1]
    if missing > 0:
        x = np.pad(x, ((0, 0), (0, missing)), mode="wrap")
    return np.asarray(sliding_window_view(x, size, axis=1)[:, ::hop])


def _group(x: Array, n: int) -> Array:
    """Means of ``n`` neighbouring bands; a rest at the top is left out."""
    count = len(x) // n
    return np.asarray(x[: count * n].reshape(count, n, -1).mean(axis=1))


def _correlations(x: Array) -> Array:
    """The upper triangle of the correlation matrix of the rows; 0 where a row stands still."""
    x = x - x.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(x, axis=1)
    correlation = (x @ x.T) / (np.outer(norm, norm) + 1e-6)
    return np.asarray(correlation[np.triu_indices(len(x), 1)])
