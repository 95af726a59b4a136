"""What a feature vector promises, whatever the audio."""

from functools import cache

import librosa
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genred.sound import SR
from genred.sound.features import _LAYOUT, FEATURE_NAMES, N_META, _in_order, extract
from genred.sound.features.frames import Features, power_spectrum
from genred.sound.features.shape import spectral_contrast
from genred.sound.features.timbre import deltas
from genred.sound.filters import designed

Audio = NDArray[np.float32]


def music(seconds: float = 6.0, seed: int = 0) -> Audio:
    """Decaying chords on a beat with noise bursts between them: enough like music to have all features move."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * SR)) / SR
    chord = sum(np.sin(2 * np.pi * f * t) for f in rng.choice([220, 262, 330, 392, 440, 523], 3, replace=False))
    noise = rng.normal(0, 0.3, len(t)) * np.exp(-20 * ((t + 0.25) % 0.5))
    return np.asarray(0.1 * chord * np.exp(-3 * (t % 0.5)) + 0.2 * noise, np.float32)


@cache
def of_music() -> Audio:
    return extract([music(), music(seed=1)])


def test_has_one_finite_number_for_each_name() -> None:
    """The vector and the names of its entries have the same length, and no name comes twice."""
    x = of_music()
    assert x.shape == (len(FEATURE_NAMES),)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


def test_families_have_the_size_that_their_names_say() -> None:
    """A family of features that is missing, too many, or of another size than its names is refused, not shifted."""
    right: Features = {name: np.zeros(size) for name, size in _LAYOUT.items()}
    assert _in_order(right).shape == (len(FEATURE_NAMES),)
    families: list[Features] = [{"beat": np.zeros(80)}, {"scale": np.zeros(20)}, {"unknown": np.zeros(1)}]
    for wrong in families:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            _in_order(right | wrong)
    with pytest.raises(ValueError, match="decay"):
        _in_order({name: values for name, values in right.items() if name != "decay"})


def test_is_deterministic() -> None:
    """The same audio gives the same vector to the last bit."""
    assert np.array_equal(extract([music(), music(seed=1)]), of_music())


@pytest.mark.parametrize(
    "excerpts",
    [
        pytest.param([], id="none"),
        pytest.param([np.zeros(0, np.float32)], id="empty"),
        pytest.param([np.zeros(1, np.float32)], id="zero"),
        pytest.param([np.ones(1, np.float32)], id="one"),
        pytest.param([np.zeros(SR * 5, np.float32)], id="silence"),
        pytest.param([np.full(SR * 5, 0.5, np.float32)], id="constant"),
        pytest.param([np.zeros(SR * 5, np.float32), music()], id="half silent"),
        pytest.param([music(), np.ones(3, np.float32)], id="odd excerpt"),
        pytest.param([np.full(SR, 1e-30, np.float32)], id="denormal"),
        pytest.param([8 * np.sign(np.sin(np.arange(SR * 5) / 20)).astype(np.float32)], id="square"),
        pytest.param([np.sin(np.arange(SR * 5) * 0.1).astype(np.float32)], id="sine"),
        pytest.param([np.random.default_rng(0).normal(0, 0.1, SR * 5).astype(np.float32)], id="noise"),
    ],
)
def test_is_finite_for_any_audio(excerpts: list[Audio]) -> None:
    """Silence, a single sample, a constant, clipping: the vector is finite and complete."""
    x = extract(excerpts)
    assert x.shape == (len(FEATURE_NAMES),)
    assert np.isfinite(x).all()


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, 3 * SR), max_size=3), st.floats(0, 8), st.integers(0, 9))
def test_is_finite_for_any_length_and_level(lengths: list[int], level: float, seed: int) -> None:
    """However long or loud the excerpts are, the vector is finite."""
    rng = np.random.default_rng(seed)
    x = extract([(level * rng.uniform(-1, 1, n)).astype(np.float32) for n in lengths])
    assert np.isfinite(x).all()


def test_first_entries_say_level_and_length() -> None:
    """Level in dBFS and seconds come first, so that silence can be told from the stored vector alone."""
    level, seconds = extract([np.full(SR * 4, 0.1, np.float32)])[:N_META]
    assert level == pytest.approx(-20, abs=0.01)
    assert seconds == pytest.approx(4)
    assert extract([np.zeros(SR, np.float32)])[0] < -100


def test_does_not_hear_how_loud_it_is() -> None:
    """The same music 20 dB quieter differs in its level entry only."""
    quiet = extract([0.1 * music(), 0.1 * music(seed=1)])
    assert quiet[0] == pytest.approx(of_music()[0] - 20, abs=0.01)
    np.testing.assert_allclose(quiet[N_META:], of_music()[N_META:], rtol=0.01, atol=0.02)


def test_tonality_does_not_change_with_the_key() -> None:
    """A scale played three semitones higher keeps its key-free chroma statistics."""

    def scale(semitones: int) -> Audio:
        t = np.arange(SR // 2) / SR
        notes = [261.63 * 2 ** ((n + semitones) / 12) for n in (0, 4, 7, 5, 9, 2, 7, 11, 4, 0)]
        tones = [np.sin(2 * np.pi * f * t) + 0.5 * np.sin(4 * np.pi * f * t) for f in notes]
        return np.asarray(0.1 * np.concatenate(tones), np.float32)

    low, high = extract([scale(0)]), extract([scale(3)])
    names = np.array([name.split(".")[0] for name in FEATURE_NAMES])
    for name in ("chroma_std", "intervals", "mean_intervals", "chroma_from_key"):
        assert name in names
        np.testing.assert_allclose(low[names == name], high[names == name], atol=0.06)


def test_contrast_and_deltas_are_those_of_librosa() -> None:
    """The quick ways give what the library's own ways give."""
    magnitude = np.abs(librosa.stft(music(), center=False))
    contrast = librosa.feature.spectral_contrast(S=magnitude, sr=SR, n_bands=5, fmin=150.0)[:5]
    np.testing.assert_allclose(spectral_contrast(magnitude), contrast, rtol=1e-4, atol=1e-3)
    delta = librosa.feature.delta(magnitude, width=5)
    np.testing.assert_allclose(deltas(magnitude), delta, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["window", "semitone_window"])
def test_the_spectrum_is_that_of_librosa(name: str) -> None:
    """The quick way to a power spectrum gives what the library's own way gives."""
    y = np.random.default_rng(0).normal(size=3 * SR).astype(np.float32)
    window = getattr(designed(), name)
    n_fft = len(window)
    stft = librosa.stft(y, n_fft=n_fft, hop_length=512, center=False)
    np.testing.assert_allclose(power_spectrum(y, window, 512), np.abs(stft) ** 2, rtol=1e-3, atol=1e-3)
