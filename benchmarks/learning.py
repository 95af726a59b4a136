"""What it takes to learn a large library whose features are in the cache: ``python -m benchmarks.learning``.

`genred train`, the whole command, on `--tracks` of the built-in model's fifteen genres, without and with its table. The
files hold nothing but their number; the vectors that the cache has for them are those of the built-in table, moved a
little. Printed are seconds on the clock and of processors, and the peak memory of the largest process.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genred.learning.labels import build_table, read_source
from genred.model.storage import builtin_table
from genred.sound.features import N_META


def library(folder: Path, count: int) -> Path:
    """A manifest of that many files, and their features in the cache below the same folder."""
    rng = np.random.default_rng(0)
    known = builtin_table()
    moves = known.X.std(axis=0) * np.where(np.arange(known.X.shape[1]) < N_META, 0, 0.2)
    rows = rng.integers(len(known), size=count)
    manifest = folder / "manifest.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "genre", "artist"])
        for number, row in enumerate(rows):
            (folder / str(number)).write_text(str(number), "utf-8")
            writer.writerow([number, known.y[row], f"{known.groups[row]} {number % 5}"])

    def extract(path: Path) -> NDArray[np.float32]:
        x = known.X[rows[int(path.name)]] + moves * rng.normal(size=len(moves))
        return np.asarray(x, np.float32)

    build_table(read_source(manifest), workers=1, cache_dir=folder / "cache" / "genred", extract=extract)
    return manifest


def learn(folder: Path, manifest: Path, *options: str) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of processors, and peak memory in MB."""
    places = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("STATE", "CONFIG", "CACHE")}
    command = [sys.executable, "-m", "genred", "train", "-q", "--json", *options, str(manifest)]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | places, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000)
    count = parser.parse_args().tracks
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        manifest = library(folder, count)
        few = folder / "few.csv"
        few.write_text("".join(manifest.read_text("utf-8").splitlines(keepends=True)[:200]), "utf-8")
        learn(folder, few)  # the model in use is fitted
        print(f"{'learn':<40}{'seconds':>9}{'CPU':>9}{'peak MB':>9}")
        for name, options in {"": [], " and the built-in table": ["--with-builtin"]}.items():
            figures = learn(folder, manifest, *options)
            print(f"{f'{count:,} tracks{name}':<40}" + "".join(f"{figure:9.0f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
