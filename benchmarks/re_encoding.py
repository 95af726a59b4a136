"""Whether music keeps its genre whatever it went through: ``python -m benchmarks.re_encoding [CORPUS] [--every N]``.

Every clip, or every Nth, is encoded anew by ffmpeg in each of `CHAINS`. Printed for each: the share of clips whose
likeliest genre stays the same; the share of answers, of those given to the originals at 80 % precision, that stay the
same; and the share of answers that are taken back. Each clip is judged by a model that never heard its artist.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.accuracy import CORPUS, Corpus
from genred.model.classifier import GenreClassifier
from genred.model.storage import builtin_table
from genred.sound.audio import read_excerpts
from genred.sound.features import extract

CHAINS = {
    "mp3, 64 kbit/s": ("mp3", "-c:a libmp3lame -b:a 64k"),
    "mp3, 192 kbit/s": ("mp3", "-c:a libmp3lame -b:a 192k"),
    "mp3, 320 kbit/s": ("mp3", "-c:a libmp3lame -b:a 320k"),
    "Opus, 64 kbit/s": ("opus", "-c:a libopus -b:a 64k"),
    "22 kHz mono": ("wav", "-ac 1 -ar 22050"),
    "8 dB quieter": ("flac", "-af volume=-8dB -sample_fmt s16"),
}


def copies(path: Path) -> NDArray[np.float32]:
    """Features of a clip after each of the chains, (n_chains, n_features)."""
    with tempfile.TemporaryDirectory() as folder:
        made = [Path(folder, f"{i}.{suffix}") for i, (suffix, _) in enumerate(CHAINS.values())]
        for out, (_, options) in zip(made, CHAINS.values(), strict=True):
            subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, *options.split(), out], check=True)
        return np.array([extract(read_excerpts(out)) for out in made])


def agreement(corpus: Corpus, rows: NDArray[np.intp]) -> None:
    table = builtin_table()
    changed = np.array(Parallel(n_jobs=-1)(delayed(copies)(corpus.paths[row]) for row in rows))
    same, kept, lost = (np.zeros(len(CHAINS)) for _ in range(3))
    answered = 0
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(table.X, table.y, table.groups):
        model = GenreClassifier().fit(table[train])
        here = np.flatnonzero(np.isin(rows, test))
        before = model.predict_many(table.X[rows[here]])
        answered += sum(p.genre is not None for p in before)
        for i in range(len(CHAINS)):
            for old, new in zip(before, model.predict_many(changed[here, i]), strict=True):
                same[i] += old.candidates[0].genre == new.candidates[0].genre
                kept[i] += old.genre is not None and old.genre == new.genre
                lost[i] += old.genre is not None and new.genre is None
    print(f"{len(rows)} clips, {answered} of them answered\n{'':<18}{'likeliest':>11}{'answer':>9}{'taken back':>12}")
    for name, a, b, c in zip(CHAINS, same / len(rows), kept / answered, lost / answered, strict=True):
        print(f"{name:<18}{a:11.3f}{b:9.3f}{c:12.3f}")


def main() -> int:
    """Print the table; 2 where there is no corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=CORPUS)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    if not (options.corpus / "labels.csv").is_file():
        print(f"{options.corpus}: no corpus here (labels.csv and its clips), so nothing was measured", file=sys.stderr)
        return 2
    corpus = Corpus.read(options.corpus)
    agreement(corpus, np.arange(0, len(corpus.paths), options.every))
    return 0


if __name__ == "__main__":
    sys.exit(main())
