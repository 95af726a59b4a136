"""Sounds that are no music, synthesized: kinds of things that lie about in music folders, or near microphones."""

from collections.abc import Callable

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from genred.sound import SR

Sound = NDArray[np.float32]
Signal = NDArray[np.float64]

T = np.arange(18 * SR) / SR


def _noise(seed: int, low: float = 20, high: float = 10000) -> Signal:
    """Return noise between two frequencies in Hz, with the effective value 1."""
    white = np.random.default_rng(seed).normal(size=T.size)
    bands = scipy.signal.butter(2, [low, high], "bandpass", fs=SR, output="sos")
    y = np.asarray(scipy.signal.sosfilt(bands, white))
    return np.asarray(y / y.std())


def _slowly(seed: int, hertz: float) -> Signal:
    """Return a random course between 0 and 1 that changes no faster than ``hertz``."""
    n = int(T[-1] * hertz) + 3
    return np.interp(T * hertz, np.arange(n), np.random.default_rng(seed).random(n))


def _at(times: Signal, sound: Callable[[Signal], Signal], seconds: float) -> Signal:
    """Return a sound that begins again and again; it is given the time since it began."""
    y = np.zeros(T.size)
    for start in times[times < T[-1] - seconds]:
        first = int(start * SR)
        t = np.arange(int(seconds * SR)) / SR
        y[first : first + t.size] += sound(t)
    return y


def _often(seed: int, a_second: float) -> Signal:
    """Return moments by lot, so many a second on average."""
    return np.cumsum(np.random.default_rng(seed).exponential(1 / a_second, int(18 * a_second)))


def _harmonics(f0: Signal | float, n: int, slope: float = 1.0) -> Signal:
    phase = 2 * np.pi * np.cumsum(np.full(T.size, f0)) / SR
    return np.asarray(sum(np.sin(k * phase) / k**slope for k in range(1, n + 1)))


def _burst(seed: int, decay: float) -> Callable[[Signal], Signal]:
    rng = np.random.default_rng(seed)
    return lambda t: rng.normal() * rng.normal(size=t.size) * np.exp(-decay * t)


def _tones(*hertz: float) -> Signal:
    return np.asarray(sum(np.sin(2 * np.pi * f * T) for f in hertz))


def _voice(seed: int, pitch: float, formants: tuple[float, ...]) -> Signal:
    """Return syllables of a voice that doesn't sing: a gliding pulse train through moving resonances, and pauses."""
    f0 = pitch * (0.8 + 0.4 * _slowly(seed, 3))
    y = _harmonics(f0, 30, 0.7) + 0.1 * _noise(seed)
    for k, formant in enumerate(formants):
        b, a = scipy.signal.iirpeak(formant * (0.8 + 0.4 * np.random.default_rng(seed + k).random()), 4, fs=SR)
        y = y + 3 * scipy.signal.lfilter(b, a, y)
    return np.asarray(y * (_slowly(seed + 9, 6) > 0.35) * _slowly(seed + 5, 9))


KINDS: dict[str, Callable[[], Signal]] = {
    "white noise": lambda: _noise(0),
    "rain": lambda: _noise(1, 500, 9000) + _at(_often(1, 60), _burst(1, 300), 0.05) * 3,
    "wind": lambda: _noise(2, 50, 500) * _slowly(2, 0.7) ** 2,
    "waves": lambda: _noise(3, 100, 4000) * (0.1 + np.sin(np.pi * T / 6) ** 4),
    "waterfall": lambda: _noise(4, 200, 6000) * (0.9 + 0.1 * _slowly(4, 5)),
    "thunder": lambda: _noise(5, 20, 120) * np.exp(-(T % 6)),
    "fire": lambda: 0.2 * _noise(6, 50, 800) + _at(_often(6, 12), _burst(6, 400), 0.03) * 4,
    "applause": lambda: _at(_often(7, 400), _burst(7, 120), 0.06),
    "vacuum cleaner": lambda: _noise(8, 300, 8000) + _harmonics(231.0, 20, 0.8),
    "hair dryer": lambda: _noise(9, 800, 9000) + 0.3 * _harmonics(118.0, 12),
    "engine": lambda: _harmonics(28 + 8 * _slowly(10, 0.5), 60, 0.6) + 0.5 * _noise(10, 40, 900),
    "aeroplane": lambda: _noise(11, 60, 1500) * (0.3 + np.sin(np.pi * T / 18)) + 0.3 * _harmonics(90 - T, 10),
    "jackhammer": lambda: _at(np.arange(0, 18, 1 / 22), _burst(12, 90), 0.04) + 0.2 * _noise(12),
    "mains hum": lambda: _harmonics(50.0, 20),
    "dial tone": lambda: _tones(350, 440),
    "busy tone": lambda: _tones(425) * (T % 0.96 < 0.48),
    "dialling": lambda: _at(np.arange(0, 18, 0.25), lambda t: np.sin(5341 * t) + np.sin(8394 * t), 0.12),
    "telephone": lambda: (_tones(440, 480) * (0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 20 * T)))) * (T % 6 < 2),
    "modem": lambda: np.sin(2 * np.pi * np.cumsum(np.where(_slowly(18, 300) > 0.5, 1270, 1070)) / SR),
    "morse": lambda: _tones(700) * (_slowly(19, 14) > 0.5),
    "alarm clock": lambda: np.sign(_tones(2048)) * (T % 1 < 0.5) * (T % 0.125 < 0.0625),
    "siren": lambda: _harmonics(600 + 300 * np.sin(2 * np.pi * T / 4), 5),
    "smoke detector": lambda: _tones(3100) * (T % 1 < 0.4),
    "clock": lambda: _at(np.arange(0, 18, 0.5), lambda t: np.sin(15000 * t) * np.exp(-300 * t), 0.05),
    "typing": lambda: _at(_often(24, 5), _burst(24, 200), 0.06),
    "footsteps": lambda: _at(
        np.arange(0.2, 18, 0.55), lambda t: np.exp(-30 * t) * np.sin(500 * t + 9 * np.exp(-90 * t)), 0.3
    ),
    "heartbeat": lambda: _at(
        np.sort(np.concatenate([np.arange(0, 18, 0.9), np.arange(0.3, 18, 0.9)])),
        lambda t: np.exp(-25 * t) * np.sin(300 * t),
        0.2,
    ),
    "dog": lambda: _at(
        _often(27, 1), lambda t: np.sign(np.sin(2 * np.pi * (500 * t - 400 * t**2))) * np.exp(-12 * t), 0.3
    ),
    "bird": lambda: _at(
        _often(28, 4), lambda t: np.sin(2 * np.pi * (3000 * t + 200 * np.sin(150 * t))) * np.exp(-15 * t), 0.2
    ),
    "crickets": lambda: _tones(4500) * (np.sin(2 * np.pi * 30 * T) > 0.3) * (T % 0.7 < 0.4),
    "bees": lambda: _harmonics(210 + 30 * _slowly(30, 8), 25, 0.8) + _harmonics(240 + 30 * _slowly(31, 8), 25, 0.8),
    "whale": lambda: _harmonics(180 + 220 * _slowly(32, 0.6), 6) * _slowly(33, 0.5) + 0.05 * _noise(32, 40, 400),
    "low voice": lambda: _voice(34, 105, (500, 1500, 2500)),
    "high voice": lambda: _voice(44, 210, (600, 1800, 2800)),
    "whispering": lambda: _noise(36, 800, 6000) * (_slowly(36, 6) > 0.4) * _slowly(37, 9),
    "crowd": lambda: np.asarray(sum(_voice(60 + 10 * k, 90 + 20 * k, (500, 1500, 2500)) for k in range(6))),
    "sweep": lambda: np.sin(2 * np.pi * 50 * (2 ** (T / 2.4)) * 2.4 / np.log(2)),
    "short wave": lambda: _noise(38, 300, 3000) + 0.7 * np.sin(2 * np.pi * np.cumsum(900 + 600 * _slowly(38, 1)) / SR),
    "record without music": lambda: 0.1 * _noise(39, 20, 5000) + _at(_often(39, 8), _burst(39, 1500), 0.01) * 3,
    "test tone": lambda: _tones(1000),
}


def excerpts(kind: str) -> list[Sound]:
    """Return 18 s of a sound, in two excerpts as a file of that length has them."""
    y = KINDS[kind]()
    return np.array_split((0.2 * y / np.abs(y).max()).astype(np.float32), 2)
