"""The pre-trained network answers as the original does, whatever it is asked about."""

from functools import cache
from pathlib import Path

import librosa
import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from genred.sound import SR, ears
from genred.sound.features import FEATURE_NAMES, HEARD, extract, tags

REFERENCE = Path(__file__).with_name("ears.npz")
"""What the whole original network, in double precision, answers to `sounds`: units (n, 200) and logits (n, 50)."""

Audio = NDArray[np.float32]


@cache
def sounds() -> Audio:
    """Return patches of synthesized sound, (4, n_frames, n_bands): chords on a beat, a sweep, noise, and hum."""
    t = np.arange(3.1 * ears.RATE) / ears.RATE
    rng = np.random.default_rng(0)
    chords = sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440)) * np.exp(-4 * (t % 0.5))
    made = [
        0.1 * chords + 0.2 * rng.normal(size=t.size) * np.exp(-30 * ((t + 0.25) % 0.5)),
        0.3 * np.sin(2 * np.pi * 100 * t * 2 ** (t / 2)),
        0.1 * rng.normal(size=t.size),
        0.3 * np.sign(np.sin(2 * np.pi * 50 * t)),
    ]
    return np.concatenate([ears.patches(y.astype(np.float32), 1) for y in made])


def test_answers_as_the_original_does() -> None:
    """Without dead filters, with batch normalisation folded and weights rounded: the same to a thousandth."""
    pooled = np.array([ears.pools(patch) for patch in sounds()])
    units = ears.units(pooled)
    with np.load(REFERENCE, allow_pickle=False) as reference:
        np.testing.assert_allclose(units, reference["units"], atol=1e-3)
        probabilities = 1 / (1 + np.exp(-reference["logits"].astype(np.float64)))
        np.testing.assert_allclose(ears.tags(units), probabilities, atol=1e-3)


def test_levels_are_those_of_librosa() -> None:
    """The front end gives what the library gives that the network was trained with."""
    y = np.random.default_rng(0).normal(0, 0.1, 4 * ears.RATE).astype(np.float32)
    (patch,) = ears.patches(y[: 186 * 256 + 512], 1)
    # Its melspectrogram in two steps: to import that, it compiles for as long as all other tests here take.
    power = librosa.filters.mel(sr=ears.RATE, n_fft=512, n_mels=96) @ np.abs(
        librosa.stft(y, n_fft=512, hop_length=256, center=False) ** 2
    )
    np.testing.assert_allclose(patch, np.log10(10000 * power + 1).T[:187], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("seconds", "wanted", "found"),
    [(10, 2, 2), (9.009, 3, 3), (10, 6, 5), (4, 6, 1), (5, 6, 2), (1, 6, 1), (0.001, 2, 1)],
)
def test_patches_are_as_many_as_fit(seconds: float, wanted: int, found: int) -> None:
    """Two overlap by half at most, and sound shorter than a patch is repeated."""
    y = np.random.default_rng(0).normal(size=int(seconds * ears.RATE)).astype(np.float32)
    assert ears.patches(y, wanted).shape == (found, ears.N_FRAMES, ears.N_BANDS)


def test_patches_are_spread_evenly() -> None:
    """Clicks at the middle of each third of nine and a half seconds are each in a patch of their own."""
    y = np.zeros(int(9.5 * ears.RATE), np.float32)
    y[[int(s * ears.RATE) for s in (1.6, 4.75, 7.9)]] = 1
    loudest = ears.patches(y, 3).max(axis=2).argmax(axis=1) * 256 / ears.RATE
    assert loudest == pytest.approx([1.5, 1.5, 1.5], abs=0.15)


def test_hears_the_whole_track() -> None:
    """Every excerpt counts, and as much as another."""
    t = np.arange(10 * SR) / SR
    rng = np.random.default_rng(0)
    one, other = (0.2 * np.sin(2 * np.pi * 300 * t)).astype(np.float32), rng.normal(0, 0.14, t.size).astype(np.float32)
    units = [ears.describe(excerpts, 0.14)["ears_units"] for excerpts in ([one, one], [other, other], [one, other])]
    np.testing.assert_allclose(units[2], (units[0] + units[1]) / 2, atol=0.05)


def test_resampling_hears_what_the_file_had() -> None:
    """From 44.1 kHz by way of the rate of the excerpts the same levels come out as from 44.1 kHz at once."""
    y = np.random.default_rng(0).normal(0, 0.1, 4 * 44100).astype(np.float32)
    excerpt = soxr.resample(y, 44100, SR, "HQ")
    ways = [soxr.resample(excerpt, SR, ears.RATE, "HQ"), soxr.resample(y, 44100, ears.RATE, "HQ")]
    two, one = (ears.patches(way, 1)[0] for way in ways)
    assert np.abs(two[:, :94] - one[:, :94]).mean() < 0.02


def test_words_are_told_likeliest_first() -> None:
    """Every word of the network has a probability, and noise is no jazz."""
    x = extract([np.random.default_rng(0).normal(0, 0.1, 6 * SR).astype(np.float32)])
    told = tags(x)
    assert len(dict(told)) == len(ears.TAGS) == 50
    assert all(0 <= probability <= 1 for _, probability in told)
    assert [p for _, p in told] == sorted((p for _, p in told), reverse=True)
    assert len(FEATURE_NAMES[HEARD]) == sum(ears.LAYOUT.values())


def test_says_where_its_weights_come_from() -> None:
    """Origin, authors and licence travel with the weights."""
    card = ears.provenance()
    assert "musicnn 0.1.0" in card["origin"]
    assert "Jordi Pons" in card["authors"]
    assert "Permission to use, copy, modify" in card["licence"]
    assert len(card["sha256"]) == 64
