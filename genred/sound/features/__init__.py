"""Excerpts of a track to one feature vector: pure and deterministic.

Conventions: ``y`` is mono float32 of shape (n_samples,) at `genred.sound.SR`; spectra are (n_bins, n_frames); bands
count from low to high. Excerpts are brought to one level first, because libraries differ in loudness; nothing above
8 kHz is heard, because there the codec speaks and not the music. What an equaliser or a codec moves as much as the
music does (mean levels of bands, spread and skew of the contrast) is left out, or named in `CHAIN_FAMILIES`.

The first `N_META` entries (level in dBFS, length in seconds) say whether there is anything to judge; the rest
describes the music:

* timbre: how cepstra and bands move, and which of them move together [2]_;
* shape: centroid and roll-off, contrast and flatness by octave, dynamics;
* rhythm: onsets, modulation spectra by band [1]_ and across bands [3]_, tempogram, which band sounds where in the beat;
* tonality: chroma and semitone spectra by statistics that do not change with the key;
* ears: what a pre-trained network hears (`genred.sound.ears`).

References
----------
.. [1] Pampalk, Rauber, Merkl: "Content-based organization and visualization of music archives", ACM Multimedia 2002.
.. [2] Seyerlehner, Widmer, Pohle: "Fusing block-level features for music similarity estimation", DAFx 2010.
.. [3] Panagakis, Kotropoulos, Arce: "Non-negative multilinear principal component analysis of auditory temporal
   modulations for music genre classification", IEEE TASLP 2010.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genred.sound import FEATURE_VERSION as FEATURE_VERSION
from genred.sound import SR, ears
from genred.sound.features import rhythm, shape, timbre, tonality
from genred.sound.features.frames import Features, Frames

N_META = 2

_LAYOUT = {"meta": N_META, **timbre.LAYOUT, **shape.LAYOUT, **rhythm.LAYOUT, **tonality.LAYOUT, **ears.LAYOUT}
FEATURE_NAMES: tuple[str, ...] = tuple(f"{name}.{i}" for name, size in _LAYOUT.items() for i in range(size))

HEARD = slice(len(FEATURE_NAMES) - sum(ears.LAYOUT.values()), len(FEATURE_NAMES))
"""What the network hears."""
DESCRIBED = slice(N_META, HEARD.start)
"""What is computed of the spectra."""

CHAIN_FAMILIES = frozenset({"spectral_pattern", "shape_mean", "crest", "crest_range", "kurtosis"})
"""Kinds of features that the recording chain moves as much as the music does: good for telling music from noise or
speech, not for telling one genre from another."""


def extract(excerpts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Describe a track by its excerpts.

    Parameters
    ----------
    excerpts : sequence of (n_samples,) float32
        In the order of the track, at `genred.sound.SR`; any length, any content.

    Returns
    -------
    (n_features,) float32
        Finite whatever the audio; entries as in `FEATURE_NAMES`.
    """
    whole = np.concatenate([*excerpts, np.zeros(0, np.float32)])
    level = float(np.sqrt(whole @ whole / whole.size)) if whole.size else 0.0
    frames = Frames.of(excerpts, level)
    found: Features = {
        "meta": np.array([20 * np.log10(level + 1e-6), len(whole) / SR]),
        **timbre.describe(frames.mels),
        **shape.describe(frames.spectra, frames.y),
        **rhythm.describe(frames.mels),
        **tonality.describe(frames.chroma, frames.semitones),
        **ears.describe(excerpts, level),
    }
    return np.asarray(np.nan_to_num(_in_order(found), nan=0.0, posinf=1e4, neginf=-1e4), np.float32)


def tags(x: NDArray[np.float32]) -> list[tuple[str, float]]:
    """Return listeners' words for a track, the likeliest first, each with its probability; ``x`` is its vector."""
    probabilities = ears.tags(x[HEARD][: ears.N_UNITS])
    return [(ears.TAGS[i], float(probabilities[i])) for i in np.argsort(-probabilities, kind="stable")]


def _in_order(found: Features) -> NDArray[np.float64]:
    """Put families of features in a row, in the order of their names and of no other size than these say."""
    sizes = {name: values.size for name, values in found.items()}
    if sizes != _LAYOUT:
        raise ValueError(f"features of other sizes than their names say: {dict(sizes.items() ^ _LAYOUT.items())}")
    return np.concatenate([found[name].ravel() for name in _LAYOUT])
