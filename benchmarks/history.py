"""What asking costs as the history grows: the commands' questions and the documents' recipes, at two sizes in one run.

    python -m benchmarks.history [--sizes 10000 1000000] [--times 5] [--folder /somewhere] [--tracks 100000]

The histories are made through the real schema, at the same pace of one decision in five minutes: the larger one is
longer, not denser. *query*: milliseconds for the rows alone, and *ratio* of the largest to the smallest. *command*: the
whole `genred history ...`, start-up included. The last table is the database's bytes a track, against its vector as
float32; the vectors are random, so that nothing compresses.
"""

import argparse
import contextlib
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from genred.history.history import History
from genred.history.records import Outcome, Query, iso
from genred.sound.features import FEATURE_NAMES, FEATURE_VERSION
from tests.recipes import recipes

REPOSITORY = Path(__file__).resolve().parents[1]
MUSIC = Path("/srv/music")
GENRES = {"Rock": 30, "Pop": 20, "Electronic": 15, "Hip-Hop": 10, "Jazz": 8, "Classical": 6, "Metal": 5, "Disco": 1}
OUTCOMES = {"tagged": 550, "abstained": 300, "kept": 100, "skipped": 30, "failed": 15, "undone": 5}
EVIDENCE = ("track", "album", "album", "artist", "mates")
FIRST_RUN = 0.6  # of all decisions are of the first scan, the others of a service that is started anew every 500
COMMANDS = ("--help", "history --limit 30", "history --outcome failed --limit 30", "stats")
NEWEST = datetime.now(UTC)
CACHE_KB = 1_000_000  # or filling the indexes writes every page of them many times


def track(number: int, music: Path = MUSIC) -> str:
    return f"{music}/Artist {number // 120:05d}/Album {number // 12 % 10}/{number % 12 + 1:02d} Song {number}.mp3"


def decisions(size: int, music: Path = MUSIC) -> Iterator[dict[str, object]]:
    """Rows of `records`, about files below a folder."""
    rng = random.Random(0)
    for number in range(size):
        (outcome,) = rng.choices(list(OUTCOMES), list(OUTCOMES.values()))
        (genre,) = rng.choices(list(GENRES), list(GENRES.values())) if outcome in ("tagged", "kept") else (None,)
        later = number - FIRST_RUN * size
        changed = outcome == "kept" and number % 50 == 0
        yield {
            "at": iso(NEWEST - timedelta(minutes=5 * (size - number))),
            "path": os.fsencode(track(number, music)),
            "outcome": outcome,
            "genre": genre,
            "confidence": round(rng.random(), 3) if outcome in ("tagged", "abstained") else None,
            "previous": '["Jazz"]' if outcome == "kept" else "[]",
            "written": json.dumps([genre]) if outcome == "tagged" else "[]",
            "model": "builtin-1 3f2a" if outcome in ("tagged", "abstained") else None,
            "run": 1 if later < 0 else 2 + int(later) // 500,
            "reason": "genred wrote Rock and a person changed it to Jazz" if changed else "Rock 0.98, 0.42 needed",
            "corrects": 1 if changed else None,
            "evidence": EVIDENCE[number % len(EVIDENCE)] if outcome in ("tagged", "abstained") else None,
        }


def made(path: Path, size: int, music: Path = MUSIC) -> Path:
    """A history of that many decisions, one a file below a folder, with the undo records."""
    history = History.open(path)
    history.start_run("scan", "0")
    history.close()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        runs = 2 + int((1 - FIRST_RUN) * size) // 500
        start = [(run, iso(NEWEST), "run", "0") for run in range(2, runs + 1)]
        db.executemany("INSERT INTO runs VALUES (?, ?, ?, ?)", start)
        first = next(decisions(1))
        columns = ", ".join(first)
        values = ", ".join(f":{name}" for name in first)
        db.executemany(f"INSERT INTO records ({columns}) VALUES ({values})", decisions(size, music))  # noqa: S608 - our names
        db.execute(
            "INSERT INTO files (path, dev, ino, size, mtime_ns, ctime_ns, standing, record, genre, by)"
            " SELECT path, 66306, id + 5000000, 7000000 + id, 1790000000000000000 + id, 1790000000000000000 + id,"
            " 'done', id, CASE outcome WHEN 'tagged' THEN written ELSE previous END,"
            " CASE outcome WHEN 'tagged' THEN 'genred' WHEN 'kept' THEN 'you' END FROM records"
        )
        db.execute(
            "INSERT INTO writes (path, temp, dev, ino, size, mtime_ns, ctime_ns, before_sha256, after_sha256, delta,"
            " record) SELECT path, CAST(path || '.genred-1234.tmp' AS BLOB), 66306, id, 7000000, 1790000000000000000,"
            " 1790000000000000000, randomblob(32), randomblob(32), randomblob(50), id FROM records"
            " WHERE outcome = 'tagged'"
        )
    return path


def asked(size: int) -> dict[str, Query]:
    """What `genred history` is asked, as on a terminal."""
    month = iso(NEWEST - timedelta(days=30))
    plain = Query(limit=30)
    return {
        "": plain,
        "--outcome failed": replace(plain, outcomes=(Outcome.FAILED,)),
        "--outcome failed --outcome undone": replace(plain, outcomes=(Outcome.FAILED, Outcome.UNDONE)),
        "--genre rock": replace(plain, genres=("rock",)),
        "--genre disco --outcome undone": replace(plain, genres=("disco",), outcomes=(Outcome.UNDONE,)),
        "--genre disco --genre pop --outcome tagged": replace(
            plain, genres=("disco", "pop"), outcomes=(Outcome.TAGGED,)
        ),
        "--since 30d": replace(plain, since=month),
        "--since 30d --outcome failed": replace(plain, since=month, outcomes=(Outcome.FAILED,)),
        "--until 30d": replace(plain, until=month),
        "--until 30d --outcome failed": replace(plain, until=month, outcomes=(Outcome.FAILED,)),
        "--path (the library)": replace(plain, path=Path("/srv/music")),
        "--path (an artist)": replace(plain, path=Path("/srv/music/Artist 00001")),
        "--path (a file)": replace(plain, path=Path(track(size // 2))),
        "--path (an artist) --outcome failed": replace(
            plain, path=Path("/srv/music/Artist 00001"), outcomes=(Outcome.FAILED,)
        ),
        "--run 1": replace(plain, run=1),
        "--run 1 --outcome failed": replace(plain, run=1, outcomes=(Outcome.FAILED,)),
        "--run 3": replace(plain, run=3),
    }


def median_ms(do: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        do()
        spent.append((time.perf_counter() - started) * 1000)
    return statistics.median(spent)


def find(history: History, query: Query, times: int) -> float:
    return median_ms(lambda: list(history.records(query)), times)


def fetch(path: Path, sql: str, times: int) -> float:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return median_ms(lambda: db.execute(sql).fetchall(), times)


def start(path: Path, arguments: str, times: int) -> float:
    command = [sys.executable, "-m", "genred", *arguments.split()]
    environment = os.environ | {"GENRED_HISTORY_URL": f"sqlite:///{path}"}
    return median_ms(partial(subprocess.run, command, env=environment, check=True, capture_output=True), times)


def print_row(name: str, spent: list[float], decimals: int) -> None:
    cells = "".join(f"{ms:12.{decimals}f}" for ms in spent)
    print(f"{name[:62]:<62}{cells}{spent[-1] / spent[0]:9.1f}", flush=True)


def bytes_a_track(folder: Path, tracks: int) -> None:
    """With a vector for each file."""
    path = made(folder / "tracks.db", tracks)
    vector = 4 * len(FEATURE_NAMES)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(f"INSERT INTO features SELECT id, '{FEATURE_VERSION}', randomblob({vector}) FROM files")  # noqa: S608 - ours
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size / tracks
    print(f"\n{tracks:,} tracks: {size:,.0f} bytes each, of which the vector {vector:,}; ratio {size / vector:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--tracks", type=int, default=100_000)
    options = parser.parse_args()
    times = options.times
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        databases = {size: made(folder / f"{size}.db", size) for size in options.sizes}
        histories = {size: History.open(path) for size, path in databases.items()}
        heads = "".join(f"{size:>12,}" for size in options.sizes)
        print(f"{'query, ms':<62}{heads}    ratio")
        for question in asked(1):
            print_row(f"history {question}", [find(h, asked(n)[question], times) for n, h in histories.items()], 2)
        print_row("stats", [median_ms(history.counts, times) for history in histories.values()], 2)
        for title, sql in recipes():
            print_row(title, [fetch(path, sql, times) for path in databases.values()], 2)
        print(f"\n{'command, ms':<62}{heads}    ratio")
        for arguments in COMMANDS:
            print_row(f"genred {arguments}", [start(path, arguments, times) for path in databases.values()], 0)
        bytes_a_track(folder, options.tracks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
