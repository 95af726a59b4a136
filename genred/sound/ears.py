"""A network that learnt from 200,000 songs which words listeners have for them hears a track: pure, numpy alone.

The network is MSD_musicnn [1]_: filters over the log-mel spectrogram that are as tall as timbres or as long as rhythms,
three convolutions over time, maxima and means of all of them over three seconds, two dense layers, 50 tags. Its weights
are data (``data/ears.npz``, which says whose they are and under which licence, see `provenance`); the forward pass is
written from the paper and gives what the original gives.

Conventions: a patch is (`N_FRAMES`, `N_BANDS`), three seconds of log-mel levels; filters are (n_filters, ...) in the
front end, where they are shifted along frequency, and (..., n_filters) behind it. Filters that answer the same to
everything are not among the weights: what they say is the last row of the next layer's weights, for a channel of ones.

References
----------
.. [1] Pons, Serra: "musicnn: pre-trained convolutional neural networks for music audio tagging", ISMIR 2019,
   late-breaking demo.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import scipy  # and no part of it: each is imported where it is used first, and who only judges hears nothing
import soxr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from genred.sound import SR, filters

Array = NDArray[np.floating[Any]]

RATE = filters.EARS_RATE
"""The sample rate in Hz that the network hears at."""
N_FRAMES, N_BANDS = 187, filters.EARS_N_MELS
N_UNITS, N_CHANNELS = 200, 212

LAYOUT = {"ears_units": N_UNITS, "ears_pools": 2 * N_CHANNELS}
"""Families of features: the last hidden layer, and the greatest and the mean answers of all filters before it."""

TAGS = (
    *("rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock"),
    *("jazz", "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "mellow"),
    *("electronica", "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient"),
    *("acoustic", "experimental", "female vocalist", "guitar", "hip-hop", "70s", "party", "country", "easy listening"),
    *("sexy", "catchy", "funk", "electro", "heavy metal", "progressive rock", "60s", "R&B", "indie pop", "sad"),
    *("house", "happy"),
)
"""Listeners' words for songs, in the order of the last layer."""

_N_PATCHES = 6
_LEVEL = 10 ** (-15 / 20)
"""The effective value that a track is brought to: music of that level has the mean that the network's input had."""
_N_FFT, _HOP = filters.EARS_N_FFT, 256
_PATCH = (N_FRAMES - 1) * _HOP + _N_FFT
_BLOCK = 32


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer weighs and sums, adds the bias, cuts at zero, then scales and shifts (batch normalisation)."""

    weights: Array
    bias: Array
    scale: Array
    shift: Array

    def finish(self, weighed: Array) -> Array:
        """Return what the next layer is given for what was weighed and summed, (..., n_filters)."""
        return np.asarray(np.maximum(weighed + self.bias, 0) * self.scale + self.shift)


def describe(excerpts: Sequence[Array], level: float) -> dict[str, Array]:
    """Describe a track by what the network makes of it, on average over patches all over the excerpts.

    Parameters
    ----------
    excerpts : sequence of (n_samples,) float32
        At `genred.sound.SR`; any length, any content.
    level
        The effective value of them all.

    Returns
    -------
    dict of str to array
        The families of `LAYOUT`.
    """
    gain = np.float32(_LEVEL / (level + 1e-7))
    ys = [gain * e for e in excerpts if e.size] or [np.zeros(1, np.float32)]
    each = max(1, _N_PATCHES // len(ys))
    found = np.concatenate([patches(soxr.resample(y, SR, RATE, "HQ"), each) for y in ys])
    pooled = np.array([pools(patch) for patch in found])
    return {"ears_units": units(pooled).mean(axis=0), "ears_pools": pooled.mean(axis=0)}


def tags(units: Array) -> Array:
    """Return the probability of each of `TAGS`, (..., 50), for the mean of `units`, (..., 200)."""
    last = _network()["tags"]
    return np.asarray(1 / (1 + np.exp(-(units @ last.weights + last.bias))))


def provenance() -> dict[str, str]:
    """Return where the weights come from, whose they are and under which licence they may be used."""
    with (resources.files("genred") / "data" / "ears.npz").open("rb") as file:
        found: dict[str, str] = json.loads(str(np.load(file, allow_pickle=False)["card"]))
    return found


# -- front end -----------------------------------------------------------------------------------------------------


def patches(y: Array, n: int) -> Array:
    """Cut up to ``n`` patches of log-mel levels out of ``y`` at `RATE`, (n_patches, `N_FRAMES`, `N_BANDS`).

    They lie apart by equal gaps, or overlap by at most half where ``y`` is short; what is shorter than a patch is
    repeated until it fills one.
    """
    if len(y) < _PATCH:
        y = np.resize(y, _PATCH)
    n = min(n, 1 + (len(y) - _PATCH) // (_PATCH // 2))
    gap = max(0, (len(y) - n * _PATCH) // (n + 1))
    starts = np.linspace(gap, len(y) - _PATCH - gap, n).astype(int)
    return np.array([_levels(y[start : start + _PATCH]) for start in starts])


def _levels(y: Array) -> Array:
    """Return log10(10000 S + 1) of the power S in mel bands, (n_frames, `N_BANDS`)."""
    designed = filters.designed()
    spectrum = scipy.fft.rfft(sliding_window_view(y, _N_FFT)[::_HOP] * designed.ears_window, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.log10(np.float32(10000) * (power @ designed.ears_mels.T) + np.float32(1)))


# -- network -------------------------------------------------------------------------------------------------------


def pools(patch: Array) -> Array:
    """Return the maxima and the means over time of all channels before the dense layers, (2 * `N_CHANNELS`,)."""
    network = _network()
    bands = (patch * network["input"].scale + network["input"].shift).T
    timbres = [_timbre(bands, network[name]) for name in ("timbre_low", "timbre_high")]
    rhythms = [_rhythm(bands, name) for name in ("rhythm_long", "rhythm_middle", "rhythm_short")]
    front = np.hstack([*timbres, *rhythms])
    ones = np.ones((N_FRAMES, 1), np.float32)
    first = _over_time(np.hstack([front, ones]), network["first"])
    second = _over_time(np.hstack([first, ones]), network["second"])
    second[:, : first.shape[1]] += first
    third = _over_time(second, network["third"]) + second
    channels = np.hstack([front, first, second, third])
    return np.concatenate([channels.max(axis=0), channels.mean(axis=0)])


def units(pooled: Array) -> Array:
    """Return the last hidden layer, (..., `N_UNITS`), for what `pools` gives of a patch."""
    dense = _network()["dense"]
    return dense.finish(pooled @ dense.weights)


def _timbre(bands: Array, layer: Layer) -> Array:
    """Shift filters (n_filters, 7 * n_bands) of seven frames along frequency, and keep their greatest answers."""
    around = sliding_window_view(np.pad(bands, ((0, 0), (3, 3))), 7, axis=1).transpose(0, 2, 1).reshape(-1, N_FRAMES)
    size = layer.weights.shape[1]
    signed = layer.weights * _signs(layer)[:, None]
    best = signed @ around[:size]
    for low in range(7, len(around) - size + 1, 7):
        np.maximum(best, signed @ around[low : low + size], out=best)
    return layer.finish(best.T * _signs(layer))


def _rhythm(bands: Array, name: str) -> Array:
    """Shift filters (n_filters, n_frames) of one band along frequency, and keep their greatest answers.

    Blocks of frames are multiplied by a matrix that holds each filter once for every frame of a block: that takes more
    multiplications than a filter after the other, and half the time.
    """
    layer, shifted = _network()[name], _shifted(name)
    n_filters, length = layer.weights.shape
    n_blocks = -(-N_FRAMES // _BLOCK)
    before = (length - 1) // 2
    padded = np.pad(bands, ((0, 0), (before, n_blocks * _BLOCK - N_FRAMES + length - 1 - before)))
    blocks = sliding_window_view(padded, len(shifted), axis=1)[:, ::_BLOCK].reshape(-1, len(shifted))
    best = (blocks @ shifted).reshape(len(bands), -1, n_filters).max(axis=0)
    return layer.finish(best[:N_FRAMES] * _signs(layer))


@cache
def _shifted(name: str) -> Array:
    """Return a layer's filters by place in a block, (n_frames, _BLOCK * n_filters)."""
    layer = _network()[name]
    n_filters, length = layer.weights.shape
    shifted = np.zeros((_BLOCK + length - 1, _BLOCK, n_filters), np.float32)
    for frame in range(_BLOCK):
        shifted[frame : frame + length, frame] = layer.weights.T * _signs(layer)
    return shifted.reshape(len(shifted), -1)


def _signs(layer: Layer) -> Array:
    """Return -1 for filters with a negative scale, whose least sum is their greatest answer, else 1."""
    return np.where(layer.scale < 0, np.float32(-1), np.float32(1))


def _over_time(x: Array, layer: Layer) -> Array:
    """Convolve (n_frames, n_channels) with weights (7, n_channels, n_filters), as if silence were before and after."""
    padded = np.pad(x, ((3, 3), (0, 0)))
    return layer.finish(sum(padded[k : k + len(x)] @ layer.weights[k] for k in range(7)))


@cache
def _network() -> dict[str, Layer]:
    with (resources.files("genred") / "data" / "ears.npz").open("rb") as file:
        stored = {
            name: array.astype(np.float32)
            for name, array in np.load(file, allow_pickle=False).items()
            if array.dtype.kind == "f"
        }
    return {name: _layer(name, stored) for name in {key.partition(".")[0] for key in stored}}


def _layer(name: str, stored: dict[str, Array]) -> Layer:
    """Return the layer of that name; the first only scales, the last doesn't."""
    none = np.zeros(0, np.float32)
    return Layer(*(stored.get(f"{name}.{part}", none) for part in ("weights", "bias", "scale", "shift")))
