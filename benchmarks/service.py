"""How long a start takes, and how much a second worker helps.

    python -m benchmarks.service [--times 5] [--first 3] [--tracks 400] [--song FILE...]

A start: from `genred run FOLDER` to READY=1, the very first one with nothing in the cache, and later ones, beside a
fresh interpreter that imports librosa.feature and scikit-learn. `genred classify` of one track of four minutes: with
nothing in the cache, and later. A pass: `genred scan --dry-run` of so many such tracks, less the time for one, with one
worker and with two. Wall clock, medians, what is compared in turns.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.sound import SONG, ffmpeg

GENRED = (sys.executable, "-m", "genred")


def environment(home: Path, **more: str) -> dict[str, str]:
    folders = {"XDG_STATE_HOME": home / "state", "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home / "cache"}
    return os.environ | {name: str(folder) for name, folder in folders.items()} | more


def imports() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import librosa.feature, sklearn"], check=True)
    return time.perf_counter() - began


def start(folder: Path, home: Path) -> float:
    """Seconds from the command to READY=1."""
    address = home / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(600)
        began = time.perf_counter()
        service = subprocess.Popen(
            [*GENRED, "run", folder], env=environment(home, NOTIFY_SOCKET=str(address)), stderr=subprocess.DEVNULL
        )
        try:
            while b"READY=1" not in manager.recv(4096):
                pass
            return time.perf_counter() - began
        finally:
            service.terminate()
            service.wait()
            address.unlink()


def classify(song: Path, home: Path) -> float:
    """Seconds of `genred classify` of one file."""
    began = time.perf_counter()
    subprocess.run([*GENRED, "classify", song], env=environment(home), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def with_nothing_cached(measure: Callable[[], float], home: Path, times: int) -> float:
    """Median of a measurement before each of which the cache is emptied."""
    found = []
    for _ in range(times):
        shutil.rmtree(home / "cache", ignore_errors=True)
        found.append(measure())
    return statistics.median(found)


def scan(folder: Path, home: Path, workers: int) -> float:
    shutil.rmtree(home / "state", ignore_errors=True)
    began = time.perf_counter()
    subprocess.run(
        [*GENRED, "scan", "-n", "-qq", folder],
        # Listen to songs that have a genre, too.
        env=environment(home, GENRED_SERVICE_WORKERS=str(workers), GENRED_TAGS_MODE="overwrite"),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--first", type=int, default=3, help="how many starts with nothing in the cache")
    parser.add_argument("--tracks", type=int, default=400)
    parser.add_argument("--song", type=Path, nargs="+", help="music to copy; else it is synthesized")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home, empty, single, music = (Path(scratch, name) for name in ("home", "empty", "single", "music"))
        for folder in (home, empty, single, music):
            folder.mkdir()
        songs = options.song
        if not songs:
            songs = [Path(scratch, "song.mp3")]
            ffmpeg(*SONG, "-filter_complex", "amix", songs[0])
        for i in range(options.tracks + 1):
            song = songs[i % len(songs)]
            shutil.copyfile(song, music / f"{i}{song.suffix}")
        shutil.copyfile(songs[0], single / songs[0].name)
        cold = with_nothing_cached(lambda: classify(songs[0], home), home, options.first)
        first = with_nothing_cached(lambda: start(empty, home), home, options.first)
        warm = statistics.median(classify(songs[0], home) for _ in range(options.times))
        print(f"classify, nothing in the cache {cold:.1f} s, later {warm:.2f} s")
        print(f"start to READY, nothing in the cache {first:.1f} s")
        pairs = [(start(empty, home), imports()) for _ in range(options.times)]
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"start to READY {ours:.2f} s, importing librosa.feature and sklearn {theirs:.2f} s: {ours / theirs:.1f}x"
        )
        rounds = [[scan(folder, home, n) for folder in (single, music) for n in (1, 2)] for _ in range(3)]
        single_1, single_2, music_1, music_2 = (statistics.median(column) for column in zip(*rounds, strict=True))
        one, two = music_1 - single_1, music_2 - single_2
        print(f"{options.tracks} tracks, 1 worker {one:.1f} s, 2 workers {two:.1f} s: {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
