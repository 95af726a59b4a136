"""What the package carries besides its code, made anew: ``python -m benchmarks.package_data [CORPUS]``.

* ``table.npz``: features and labels of the corpus;
* ``re_encoding.npy``: what random chains (equaliser, filters, saturation, noise, level, codec) do to the weighted
  normal scores of the clips, as the `AXES` directions that hold most of its covariance.

The weights of the ears are made by `benchmarks.ears_weights`.
"""

import argparse
import io
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from joblib import Parallel, delayed
from numpy.typing import NDArray

import genred
from benchmarks.accuracy import CORPUS, Corpus
from genred.config import cache_dir
from genred.learning import labels
from genred.model.projection import Space
from genred.model.table import Table
from genred.sound import SR
from genred.sound.audio import read_excerpts
from genred.sound.features import DESCRIBED, extract

AXES = 60

Signal = NDArray[np.float32]
Vector = NDArray[np.float32]


def re_encoding(corpus: Corpus, table: Table, jobs: int) -> NDArray[np.float16]:
    """(AXES, n_features): a factor of the covariance of what random chains change."""
    vectors = np.array(Parallel(n_jobs=jobs)(delayed(_through_a_chain)(path) for path in corpus.paths))
    normal = Space().fit_quantiles(table.X[:, DESCRIBED]).normal
    changes = (normal(vectors[:, DESCRIBED]) - normal(table.X[:, DESCRIBED])) / np.sqrt(len(vectors))
    _, size, axes = np.linalg.svd(changes, full_matrices=False)
    return np.asarray(size[:AXES, None] * axes[:AXES], np.float16)


def _through_a_chain(path: Path) -> Vector:
    y = np.concatenate(read_excerpts(path))
    name = "/".join(path.parts[-3:])
    y = random_chain(y, np.random.default_rng([7, zlib.crc32(name.encode())]))
    return extract(np.array_split(y, max(1, -(-len(y) // (10 * SR)))))


def random_chain(y: Signal, rng: np.random.Generator) -> Signal:
    """What may have happened to a recording between the studio and a hard disk."""
    f = np.fft.rfftfreq(len(y), 1 / SR)
    octaves = np.log2(np.maximum(f, 20) / 1000)
    db = rng.normal(0, 1.2) * octaves
    for _ in range(3):
        db += rng.normal(0, 3) * np.exp(-0.5 * ((octaves - rng.uniform(-4, 3)) / rng.uniform(0.5, 1.2)) ** 2)
    if rng.random() < 0.5:
        db -= np.maximum(0, octaves - np.log2(rng.uniform(3.5, 11))) * 60
    if rng.random() < 0.3:
        db -= np.maximum(0, np.log2(rng.uniform(0.04, 0.15)) - octaves) * 18
    y = np.fft.irfft(np.fft.rfft(y) * 10 ** (np.clip(db, -80, 20) / 20), len(y)).astype(np.float32)
    y /= np.abs(y).max() + 1e-9
    if rng.random() < 0.3:
        drive = rng.uniform(1, 3)
        y = np.tanh(drive * y) / np.tanh(drive)
    if rng.random() < 0.3:
        noise = rng.standard_normal(len(y)).astype(np.float32)
        y = y + noise * np.sqrt(np.mean(y**2)) * 10 ** (-rng.uniform(35, 55) / 20)
    y = y * 10 ** (-rng.uniform(1, 20) / 20)
    return _coded(y.astype(np.float32), rng) if rng.random() < 0.5 else y.astype(np.float32)


def _coded(y: Signal, rng: np.random.Generator) -> Signal:
    kind = str(rng.choice(["mp3", "mp3", "opus"]))
    rate = 48000 if kind == "opus" else int(rng.choice([22050, 32000, 44100]))
    kbits = int(rng.choice([32, 48, 64] if kind == "opus" else [48, 64, 96, 128]))
    if rate == 44100:
        kbits = max(kbits, 64)
    file = io.BytesIO()
    with av.open(file, "w", format="ogg" if kind == "opus" else "mp3") as container:
        stream = container.add_stream("libopus" if kind == "opus" else "libmp3lame", rate=rate)
        stream.layout, stream.bit_rate = "mono", kbits * 1000
        frame = av.AudioFrame.from_ndarray(y[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SR, 0
        resampler = AudioResampler(format=stream.format.name, layout="mono", rate=rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))
    file.seek(0)
    return np.concatenate(list(_decoded(file)))


def _decoded(file: io.BytesIO) -> Iterator[Signal]:
    resampler = AudioResampler("flt", "mono", SR)
    with av.open(file, "r") as container:
        for frame in [*container.decode(audio=0), None]:
            for piece in resampler.resample(frame):
                yield piece.to_ndarray()[0]


def main() -> int:
    """Write both files; 2 where there is no corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=CORPUS)
    parser.add_argument("--to", type=Path, default=Path(genred.__file__).parent / "data", help="the folder")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    if not (options.corpus / "labels.csv").is_file():
        print(f"{options.corpus}: no corpus here (labels.csv and its clips), so nothing was made", file=sys.stderr)
        return 2
    corpus = Corpus.read(options.corpus)
    labelled = labels.read_source(options.corpus / "labels.csv")
    table, _ = labels.build_table(labelled, workers=options.jobs, cache_dir=cache_dir())
    table.save(options.to / "table.npz")
    np.save(options.to / "re_encoding.npy", re_encoding(corpus, table, options.jobs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
