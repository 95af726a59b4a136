"""How fast another threshold or model is applied to what was heard: ``python -m benchmarks.redeciding``.

A history of ``--tracks`` that nobody was sure about is made through `History`; the vectors are those of the built-in
table, moved a little, and the files are empty. Those of one genre make albums of twelve, each in a folder of its own;
with ``--loose`` there are no albums. `genred scan --redecide --dry-run` then decides anew about all of them:
with a threshold that nothing reaches, so that all stays as it is, and with none, so that everything gets a genre.
Printed are seconds and tracks a second, on the clock and of one processor, without the start of the program, which
loads the model; and how many decisions changed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.records import Outcome, Record
from genred.model.storage import builtin_table
from genred.names import Labels
from genred.sound.features import FEATURE_VERSION, N_META

NOTHING = 0.999  # a confidence that next to nothing reaches


ALBUM = 12


def made(database: Path, music: Path, count: int, *, loose: bool) -> None:
    """A history of that many tracks, in albums or in one folder."""
    rng = np.random.default_rng(0)
    table = builtin_table()
    known = table.X
    alike = [np.flatnonzero(table.y == genre) for genre in np.unique(table.y)]
    moves = known.std(axis=0) * np.where(np.arange(known.shape[1]) < N_META, 0, 0.2)
    history = History.open(database)
    history.start_run("scan", "0")
    with history.writing() as db:
        for number in range(count):
            album, track = (0, number) if loose else divmod(number, ALBUM)
            folder = music if loose else music / f"album {album}"
            path = folder / f"{track:02}.flac"
            folder.mkdir(exist_ok=True)
            path.touch()
            rows = np.arange(len(known)) if loose else alike[album % len(alike)]
            x = known[rng.choice(rows)] + moves * rng.normal(size=len(moves))
            features = (FEATURE_VERSION, x.astype("<f4").tobytes())
            labels = Labels() if loose else Labels(f"artist {album}", "", f"album {album}")
            record = Record(path, Outcome.ABSTAINED, "unsure", stamp=stamp_of(path), features=features, labels=labels)
            history.insert(db, record)
    history.close()


def redecide(home: Path, music: Path, min_confidence: float) -> tuple[float, float, int]:
    """Seconds, seconds of a processor, and how many tracks would get a genre."""
    config = home / "config.toml"
    config.write_text(
        f"[model]\nmin_confidence = {min_confidence}\n[history]\nurl = 'sqlite:///{home}/history.db'\n", "utf-8"
    )
    command = [
        sys.executable,
        "-m",
        "genred",
        "scan",
        "--redecide",
        "--dry-run",
        "--json",
        "--config",
        str(config),
        str(music),
    ]
    started, used = time.perf_counter(), _children_used()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - started, _children_used() - used, done.stdout.count(b"\n")


def _children_used() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--loose", action="store_true", help="in one folder, and no albums")
    arguments = parser.parse_args()
    count = arguments.tracks
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder  # no model of one's own, and nobody else's lock
        home, music, empty = Path(folder), Path(folder, "music"), Path(folder, "empty")
        music.mkdir()
        empty.mkdir()
        made(home / "history.db", music, count, loose=arguments.loose)
        redecide(home, empty, NOTHING)  # the model may have to be fitted first
        start, start_used, _ = redecide(home, empty, NOTHING)
        for what, min_confidence in (("nothing changes", NOTHING), ("everything changes", 0.0)):
            spent, used, changed = redecide(home, music, min_confidence)
            clock, processor = spent - start, used - start_used
            print(f"{what:<20}{clock:7.1f} s, {count / clock:7,.0f} tracks/s; ", end="")
            print(
                f"{processor:7.1f} s of a processor, {count / processor:7,.0f} tracks/s; {changed:,} changed",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
