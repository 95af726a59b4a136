"""What the ears know, made anew: ``python -m benchmarks.ears_weights WHEEL [--to genred/data/ears.npz]``.

The wheel is got by ``pip download --no-deps musicnn==0.1.0``; nothing in it is installed or run. Of its TensorFlow
checkpoint MSD_musicnn the weights are kept, those of the first dense layer in half precision, the others in single:

* batch normalisation becomes one scale and one shift, and is folded into the dense layer that follows the pools;
* filters without a weight above `_DEAD` answer the same to everything, 497 of the 561 of the front end: they are
  dropped, and what they say is added to the next layer, inside of a patch, as the weights of a channel of ones.

All of that is exact. What it leaves out of the wheel: the optimizer's state and three other networks.
"""

import argparse
import hashlib
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import genred
from benchmarks.bundle import variables

WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
_CHECKPOINT = "musicnn/MSD_musicnn/"
_LICENCE = "musicnn-0.1.0.dist-info/LICENSE.md"
_DEAD = 1e-4
_HALF = frozenset({"dense.weights"})
"""Half of the numbers, and rounding them moves a logit by less than 0.0004; rounding all of them, by 0.02."""
_EPSILON = 1e-3  # of TensorFlow's batch normalisation, unless one says otherwise
_FRONT, _MIDDLE, _POOLS, _DENSE = range(5), range(5, 8), 9, 10

Array = NDArray[np.float64]


class Checkpoint:
    """The original network's variables, by the order of its layers."""

    def __init__(self, index: bytes, data: bytes) -> None:
        self._variables = variables(index, data)

    def _of(self, layer: str, number: int, name: str) -> Array:
        return self._variables[f"{layer}_{number}/{name}" if number else f"{layer}/{name}"].astype(np.float64)

    def convolution(self, number: int) -> tuple[Array, Array]:
        """Return weights (n_frames, n_bands or n_channels, n_filters) and the bias (n_filters,)."""
        return self._of("conv2d", number, "kernel")[:, :, 0], self._of("conv2d", number, "bias")

    def dense(self, number: int) -> tuple[Array, Array]:
        """Return weights (n_in, n_out) and the bias (n_out,)."""
        return self._of("dense", number, "kernel"), self._of("dense", number, "bias")

    def normalisation(self, number: int) -> tuple[Array, Array]:
        """Return the scale and the shift that a batch normalisation comes to."""
        beta, gamma, mean, variance = (
            self._of("batch_normalization", number, name)
            for name in ("beta", "gamma", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + _EPSILON)
        return scale, beta - mean * scale


def pruned(checkpoint: Checkpoint) -> dict[str, Array]:
    """Make the arrays of `genred.ears` from the original network's."""
    found: dict[str, Array] = {}
    found["input.scale"], found["input.shift"] = checkpoint.normalisation(0)
    alive, always = _front_end(checkpoint, found)
    order = _middle(checkpoint, found, alive, always)
    _dense(checkpoint, found, order)
    return found


def _living(checkpoint: Checkpoint, number: int) -> tuple[NDArray[np.bool_], Array]:
    """Return which filters of a convolution live, and what each of the others always says."""
    weights, bias = checkpoint.convolution(number)
    scale, shift = checkpoint.normalisation(number + 1)
    return np.abs(weights).max(axis=(0, 1)) > _DEAD, np.maximum(bias, 0) * scale + shift


def _front_end(checkpoint: Checkpoint, found: dict[str, Array]) -> tuple[NDArray[np.bool_], Array]:
    living, always = zip(*(_living(checkpoint, number) for number in _FRONT), strict=True)
    names = ("timbre_low", "timbre_high", "rhythm_long", "rhythm_middle", "rhythm_short")
    for number, name in zip(_FRONT, names, strict=True):
        weights, bias = checkpoint.convolution(number)  # (n_frames, n_bands, n_filters)
        scale, shift = checkpoint.normalisation(number + 1)
        live = living[number]
        flat = weights[..., live].transpose(2, 1, 0).reshape(int(live.sum()), -1)
        _put(found, name, flat, bias[live], scale[live], shift[live])
    return np.concatenate(living), np.concatenate(always)


def _middle(
    checkpoint: Checkpoint, found: dict[str, Array], alive: NDArray[np.bool_], always: Array
) -> NDArray[np.intp]:
    """Add the three convolutions over time; return which of the pools' channels are left, in their new order."""
    first, second, third = _MIDDLE
    living, said = _living(checkpoint, first)
    order = np.concatenate([np.flatnonzero(living), np.flatnonzero(~living)])
    n = int(living.sum())
    weights, bias = checkpoint.convolution(first)
    scale, shift = checkpoint.normalisation(first + 1)
    _put(found, "first", _with_ones(weights, alive, always)[..., living], bias[living], scale[living], shift[living])
    weights, bias = checkpoint.convolution(second)
    scale, shift = checkpoint.normalisation(second + 1)
    shift = shift + np.where(living, 0, said)  # what the dead ones pass by this layer
    weights = _with_ones(weights, living, said)
    _put(found, "second", weights[..., order], bias[order], scale[order], shift[order])
    weights, bias = checkpoint.convolution(third)
    scale, shift = checkpoint.normalisation(third + 1)
    _put(found, "third", weights[:, order][..., order], bias[order], scale[order], shift[order])
    front = len(alive)
    kept = [np.flatnonzero(alive), front + order[:n], front + 64 + order, front + 128 + order]
    found["pools.always"] = np.concatenate([always, said])
    found["pools.dead"] = np.concatenate([np.flatnonzero(~alive), front + order[n:]]).astype(float)
    return np.concatenate(kept)


def _with_ones(weights: Array, alive: NDArray[np.bool_], always: Array) -> Array:
    """Return the weights of the channels that live, and as those of one more channel what the others come to."""
    ones = np.einsum("kio,i->ko", weights[:, ~alive], always[~alive])
    return np.concatenate([weights[:, alive], ones[:, None]], axis=1)


def _dense(checkpoint: Checkpoint, found: dict[str, Array], kept: NDArray[np.intp]) -> None:
    weights, bias = checkpoint.dense(0)
    scale, shift = checkpoint.normalisation(_POOLS)
    bias = bias + shift @ weights
    weights = (scale[:, None] * weights).reshape(-1, 2, weights.shape[1])  # of each channel the maximum and the mean
    dead, always = found.pop("pools.dead").astype(int), found.pop("pools.always")
    bias = bias + np.einsum("cpo,c->o", weights[dead], always[dead])
    _put(found, "dense", np.concatenate([weights[kept, 0], weights[kept, 1]]), bias, *checkpoint.normalisation(_DENSE))
    found["tags.weights"], found["tags.bias"] = checkpoint.dense(1)


def _put(found: dict[str, Array], name: str, weights: Array, bias: Array, scale: Array, shift: Array) -> None:
    found |= {f"{name}.weights": weights, f"{name}.bias": bias, f"{name}.scale": scale, f"{name}.shift": shift}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--to", type=Path, default=Path(genred.__file__).parent / "data" / "ears.npz")
    options = parser.parse_args()
    digest = hashlib.sha256(options.wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        print(f"{options.wheel}: not the wheel that the weights are known of (sha256 {digest})", file=sys.stderr)
        return 2
    with zipfile.ZipFile(options.wheel) as wheel:
        files = (wheel.read(_CHECKPOINT + name) for name in (".index", ".data-00000-of-00001"))
        arrays = pruned(Checkpoint(*files))
        licence = wheel.read(_LICENCE).decode()
    card = {
        "name": "MSD_musicnn",
        "origin": "musicnn 0.1.0, Python package index",
        "sha256": digest,
        "authors": "Jordi Pons, Xavier Serra; Music Technology Group, Universitat Pompeu Fabra",
        "paper": "musicnn: pre-trained convolutional neural networks for music audio tagging, ISMIR 2019",
        "licence": licence,
    }
    kept = {name: array.astype(np.float16 if name in _HALF else np.float32) for name, array in arrays.items()}
    np.savez_compressed(options.to, allow_pickle=False, card=np.array(json.dumps(card)), **kept)
    print(f"{sum(map(np.size, kept.values())):,} numbers, {options.to.stat().st_size:,} bytes: {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
