"""What it costs to listen to a four-minute track, by format, beside what others do with it, in the same run.

    python -m benchmarks.sound [--times 7] [--song FILE]

CPU time in one warm process with one thread: genred (decode three excerpts, features, prediction); the floor (decode
the same excerpts, one FFT of each); the original recipe (librosa.load of the whole file, STFT, amplitude to dB, mean
and variance); Essentia's MusicExtractor with its defaults, where `pip install essentia` was possible. Then two files
made to be dear, with genred's CPU time and peak memory in a process of their own, beside the track of four minutes of
the middle format. Medians; ratios are to genred.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from genred.config import cache_dir
from genred.model import storage
from genred.sound import SR, audio, features

FORMATS = {
    "mp3 320k": ("mp3", "-c:a", "libmp3lame", "-b:a", "320k"),
    "flac": ("flac", "-c:a", "flac", "-sample_fmt", "s16"),
    "m4a": ("m4a", "-c:a", "aac", "-b:a", "192k"),
    "ogg": ("ogg", "-c:a", "libvorbis", "-q:a", "6"),
    "opus": ("opus", "-ar", "48000", "-c:a", "libopus", "-b:a", "128k"),
}
DEAR = {
    "10 hours": ("flac", "-f", "lavfi", "-i", "sine=440:duration=36000", "-ac", "2"),
    "192 kHz, 8 channels, 1 hour": ("flac", "-f", "lavfi", "-i", "sine=440:duration=3600:r=192000", "-ac", "8"),
}
SONG = ("-f", "lavfi", "-i", "sine=220:duration=240", "-f", "lavfi", "-i", "anoisesrc=d=240:c=pink:a=0.2")


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


def tracks(folder: Path, song: Path | None) -> dict[str, Path]:
    """Four minutes of music, or of a tone in noise where there is none at hand, in every format."""
    source = ["-stream_loop", "-1", "-i", song] if song else [*SONG, "-filter_complex", "amix"]
    made = {}
    for name, (suffix, *codec) in FORMATS.items():
        made[name] = folder / f"track.{suffix}"
        ffmpeg(*source, "-t", "240", "-vn", "-ar", "44100", "-ac", "2", *codec, made[name])
    return made


def cpu(do: Callable[[], object], times: int) -> float:
    """Median seconds of CPU time of one call, the first not counted; decoders in processes of their own are."""
    do()
    found = []
    for _ in range(times):
        began = spent()
        do()
        found.append(spent() - began)
    return statistics.median(found)


def spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def floor(path: Path) -> None:
    for y in audio.read_excerpts(path):
        np.fft.rfft(y)


def original(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa's fallback to audioread, where libsndfile can't read the format
        y, _ = librosa.load(path)
    level = librosa.amplitude_to_db(np.abs(librosa.stft(y)))
    np.concatenate([level.mean(axis=1), level.var(axis=1)])


def by_essentia(path: Path, times: int) -> float | None:
    """CPU seconds of Essentia; None where it isn't installed, or its wheel has no decoder for the format."""
    try:
        import essentia
        from essentia import standard
    except ImportError:
        return None
    essentia.log.infoActive = essentia.log.warningActive = False
    try:
        return cpu(lambda: standard.MusicExtractor()(str(path)), times)
    except RuntimeError:
        return None


def alone(path: Path) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of genred's analysis of one file, in a process of its own that is warm."""
    code = f"import benchmarks.sound as b; b.measure_alone({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def measure_alone(path: str) -> None:
    model = storage.builtin(cache_dir())
    model.predict(features.extract([np.random.default_rng(0).normal(0, 0.1, 30 * SR).astype(np.float32)]))
    with threadpool_limits(1):
        seconds = cpu(lambda: model.predict(features.extract(audio.read_excerpts(Path(path)))), 3)
    # Not what getrusage says: that begins with the peak of the process that started this one.
    (peak,) = (line.split()[1] for line in Path("/proc/self/status").read_text("utf-8").splitlines() if "VmHWM" in line)
    print(seconds, int(peak) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--song", type=Path, help="music to make the tracks of; else they are synthesized")
    options = parser.parse_args()
    model = storage.builtin(cache_dir())

    def genred(path: Path) -> None:
        model.predict(features.extract(audio.read_excerpts(path)))

    with threadpool_limits(1), tempfile.TemporaryDirectory() as scratch:
        made = tracks(Path(scratch), options.song)
        print(f"{'CPU seconds a track':<28}{'genred':>8}{'floor':>8}{'':>7}{'original':>10}{'':>7}{'Essentia':>10}")
        for name, path in made.items():
            ours = cpu(lambda: genred(path), options.times)  # noqa: B023 - called at once
            least = cpu(lambda: floor(path), options.times)  # noqa: B023 - called at once
            recipe = cpu(lambda: original(path), 1)  # noqa: B023 - called at once
            theirs = by_essentia(path, 1)
            row = f"{name:<28}{ours:8.3f}{least:8.3f}{ours / least:6.1f}x{recipe:10.2f}{recipe / ours:6.1f}x"
            print(row + (f"{theirs:10.2f}{theirs / ours:6.0f}x" if theirs else f"{'-':>10}"), flush=True)
        usual_seconds, usual_memory = sorted(map(alone, made.values()))[len(made) // 2]
        print(f"\n{'files made to be dear':<28}{'CPU s':>8}{'':>8}{'peak MB':>10}")
        print(f"{'4 minutes':<28}{usual_seconds:8.2f}{'':>8}{usual_memory:10.0f}")
        for name, (suffix, *source) in DEAR.items():
            path = Path(scratch, f"dear.{suffix}")
            ffmpeg(*source, "-c:a", "flac", path)
            seconds, memory = alone(path)
            print(f"{name:<28}{seconds:8.2f}{seconds / usual_seconds:7.1f}x{memory:10.0f}{memory / usual_memory:6.1f}x")


if __name__ == "__main__":
    main()
