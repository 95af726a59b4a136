"""Hear an excerpt as a network does that learnt from 200,000 songs which words listeners have for them. Pure numpy.

The network is MSD_musicnn [1]_: convolutions over the log-mel spectrogram that are as tall as timbres and as long as
rhythms, three more over time, statistics of all of them over three seconds, two dense layers, 50 tags. The weights are
its authors' (`data/ears.npz`, which says where they come from and under which licence); the forward pass is written
from the paper, and agrees with the original.

Conventions: ``y`` is mono float32 at `SR`; a patch is (N_FRAMES, N_BANDS), three seconds of log-mel levels; filters
that answer the same to everything are not there, and what they contribute to the next layer comes from a channel that
is constantly one.

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

import librosa  # lazy: nothing is compiled before the first call
import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SR = 16000
N_FRAMES, N_BANDS = 187, 96
N_UNITS = 200
TAGS: tuple[str, ...] = (
    *("rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock"),
    *("jazz", "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "mellow"),
    *("electronica", "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient"),
    *("acoustic", "experimental", "female vocalist", "guitar", "hip-hop", "70s", "party", "country", "easy listening"),
    *("sexy", "catchy", "funk", "electro", "heavy metal", "progressive rock", "60s", "R&B", "indie pop", "sad"),
    *("house", "happy"),
)
"""The words that listeners gave to the songs, as the last layer orders them."""

_N_FFT, _HOP = 512, 256
_LONGEST = 128
"""Frames of the longest filter of the front end that spans one band."""

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Layer:
    """What a layer does: weigh and sum, add the bias, cut at zero, then scale and shift (batch normalisation)."""

    weights: Array
    bias: Array
    scale: Array
    shift: Array

    def finish(self, weighed: Array) -> Array:
        """Make of what was weighed and summed, (..., n_filters), what the next layer is given."""
        return np.asarray(np.maximum(weighed + self.bias, 0) * self.scale + self.shift)


def patches(y: Array) -> Array:
    """Cut the log-mel spectrogram of an excerpt into patches that follow each other, (n_patches, N_FRAMES, N_BANDS).

    What is left at the end is divided between both ends; an excerpt shorter than a patch is repeated until it fills
    one.
    """
    levels = _levels(y)
    if len(levels) < N_FRAMES:
        levels = np.tile(levels, (-(-N_FRAMES // len(levels)), 1))
    n = len(levels) // N_FRAMES
    first = (len(levels) - n * N_FRAMES) // 2
    return levels[first : first + n * N_FRAMES].reshape(n, N_FRAMES, N_BANDS)


def listen(patches: Array) -> Array:
    """Return the 200 values of the last hidden layer for each patch, (n_patches, N_UNITS)."""
    pooled = np.array([_pooled(patch) for patch in patches])
    dense = _network()["dense"]
    return dense.finish(pooled @ dense.weights)


def tags(units: Array) -> Array:
    """Return how well each of `TAGS` fits, before the sigmoid, (..., 50), from what `listen` returns or means of it."""
    last = _network()["tags"]
    return np.asarray(units @ last.weights + last.bias)


def _levels(y: Array) -> Array:
    """log10(10000 S + 1) of the mel power spectrogram, (n_frames, N_BANDS), as `librosa.feature.melspectrogram`."""
    padded = np.pad(y, _N_FFT // 2)
    frames = sliding_window_view(padded, _N_FFT)[::_HOP] * _window()
    spectrum = scipy.fft.rfft(frames, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.log10(np.float32(10000) * (power @ _mel_filters().T) + np.float32(1)))


@cache
def _window() -> Array:
    return np.asarray(librosa.filters.get_window("hann", _N_FFT), np.float32)


@cache
def _mel_filters() -> Array:
    return np.asarray(librosa.filters.mel(sr=SR, n_fft=_N_FFT, n_mels=N_BANDS), np.float32)


# -- the network ---------------------------------------------------------------------------------------------------


def _pooled(patch: Array) -> Array:
    """All layers but the dense ones: maxima and means over time of every channel, (2 * n_channels,)."""
    network = _network()
    first = network["input"]
    bands = np.ascontiguousarray((patch * first.scale + first.shift).T)
    heard = [
        _timbre(bands, network["timbre_low"]),
        _timbre(bands, network["timbre_high"]),
        _rhythm(bands, network["rhythm"]),
    ]
    front = np.concatenate(heard, axis=1)
    one = np.ones((len(front), 1), np.float32)
    middle, wide, last = (network[name] for name in ("first", "second", "third"))
    first_out = middle.finish(_along_time(np.hstack([front, one]), middle.weights))
    second_out = wide.finish(_along_time(np.hstack([first_out, one]), wide.weights))
    second_out[:, : first_out.shape[1]] += first_out
    third_out = last.finish(_along_time(second_out, last.weights)) + second_out
    every = np.hstack([front, first_out, second_out, third_out])
    return np.concatenate([every.max(axis=0), every.mean(axis=0)])


def _timbre(bands: Array, layer: Layer) -> Array:
    """Filters (n_filters, height * 7), as tall as a timbre and seven frames long, wherever they fit best: the maximum
    over where they lie on the axis of frequency, (N_FRAMES, n_filters)."""
    n_bands, n_frames = bands.shape
    padded = np.pad(bands, ((0, 0), (3, 3)))
    around = np.ascontiguousarray(sliding_window_view(padded, 7, axis=1).transpose(0, 2, 1)).reshape(-1, n_frames)
    height = layer.weights.shape[1] // 7
    return _best(layer, (around[7 * low : 7 * (low + height)] for low in range(n_bands - height + 1)))


def _rhythm(bands: Array, layer: Layer) -> Array:
    """Filters (n_filters, _LONGEST), one band tall and up to two seconds long: the maximum over all bands."""
    padded = np.pad(bands, ((0, 0), (_LONGEST // 2 - 1, _LONGEST // 2)))
    return _best(layer, sliding_window_view(padded, _LONGEST, axis=1).transpose(0, 2, 1))


def _best(layer: Layer, places: Any) -> Array:
    # A filter whose scale is negative is heard best where it answers least.
    sign = np.where(layer.scale < 0, np.float32(-1), np.float32(1))
    weights = layer.weights * sign[:, None]
    best: Array | None = None
    for place in places:
        weighed = weights @ place
        best = weighed if best is None else np.maximum(best, weighed, out=best)
    assert best is not None
    return layer.finish(best.T * sign)


def _along_time(x: Array, weights: Array) -> Array:
    """Convolve (n_frames, n_channels) with (7, n_channels, n_filters), as if nothing were there before and after."""
    padded = np.pad(x, ((3, 3), (0, 0)))
    return np.asarray(sum(padded[k : k + len(x)] @ weights[k] for k in range(7)))


@cache
def _network() -> dict[str, Layer]:
    with (resources.files("genred") / "data" / "ears.npz").open("rb") as file:
        stored = {key: value.astype(np.float32) for key, value in np.load(file, allow_pickle=False).items() if value.dtype==np.float16 or value.dtype==np.float32}
    names = {key.split(".")[0] for key in stored}
    empty = np.zeros(0, np.float32)
    return {n: Layer(*(stored.get(f"{n}.{part}", empty) for part in ("weights", "bias", "scale", "shift"))) for n in names}


def provenance() -> dict[str, str]:
    """Return where the weights come from, whose they are and what may be done with them."""
    with (resources.files("genred") / "data" / "ears.npz").open("rb") as file:
        found: dict[str, str] = json.loads(str(np.load(file, allow_pickle=False)["card"]))
    return found
