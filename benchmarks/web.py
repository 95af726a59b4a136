"""What a page costs with a history of a million decisions: milliseconds, kilobytes, and the memory of the process.

    python -m benchmarks.web [--size 1000000] [--times 20] [--history history.db]

The pages are asked of `genred web` as it is, in a process of its own, over a connection that is kept: *ms* is the
median time to the last byte, *first* that of the first request of all for this page, *cpu* what the server spent on a
processor for each, which other work on the machine doesn't add to. *plain* is the baseline: a page without any question
(`/login`), by which the machine is told from the pages. *kB* is what is sent, without the stylesheet, which is *style*
kB, once. A history that was made is kept in the file named, so that the next time takes seconds.
"""

import argparse
import contextlib
import http.client
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.history import CACHE_KB, MUSIC, made
from genred.history.history import History

PAGES = {
    "plain": "/login",
    "service": "/service",
    "overview": "/",
    "library": "/library",
    "mixed albums": "/library/mixed",
    "mixed albums, from the middle": "/library/mixed?after=artist%2004000%1Falbum%205",
    "history": "/history",
    "history, failed": "/history?outcome=failed",
    "history, a genre": "/history?genre=Disco",
    "history, a year long ago": "/history?since=2019-01-01&until=2020-01-01&outcome=failed",
    "history, from the middle": "/history?before=500000",
    "history, back from the middle": "/history?after=500000",
    "history, a common word": "/history?text=song",
    "history, a word that is nowhere": "/history?text=nowhere",
    "files": "/now",
    "files, from the middle": "/now?after=/srv/music/Artist%2004000/",
    "files, a genre": "/now?genre=Disco",
    "files, by nobody": "/now?by=nobody",
    "files, an artist": "/now?artist=Artist%2004000",
    "files, a common word": "/now?text=song",
    "files, a word that is nowhere": "/now?text=nowhere",
    "review": "/review",
    "review, from the middle": "/review?path=/srv/music/Artist%2004000/",
    "review, what was skipped": "/review?skipped=1",
    "/api/history": "/api/history?limit=50",
    "/api/now": "/api/now?limit=50",
}


def history(path: Path, size: int, music: Path = MUSIC) -> Path:
    """Return a history of that many decisions, one a file below a folder, all of whose tags were read."""
    if not path.exists():
        made(path, size, music)
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            db.execute(
                "UPDATE files SET artist = substr(CAST(path AS TEXT), ?, 12), compilation = 0,"
                " album_artist = '', album = 'Album ' || ((id - 1) / 12 % 10)",
                (len(str(music)) + 2,),
            )
            db.execute(
                "UPDATE files SET artist_key = lower(artist), album_artist_key = lower(artist),"
                " album_key = lower(album)"
            )
    History.open(path).close()  # an older one is migrated
    return path


@contextlib.contextmanager
def served(path: Path) -> Iterator[tuple[http.client.HTTPConnection, psutil.Process]]:
    """Start `genred web` over a history; yield a connection to it, and its process."""
    environment = os.environ | {"GENRED_HISTORY_URL": f"sqlite:///{path}"}
    command = [sys.executable, "-m", "genred", "web", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr is not None
        (port,) = re.findall(r"http://127\.0\.0\.1:(\d+)/", process.stderr.readline())
        connection = http.client.HTTPConnection("127.0.0.1", int(port))
        yield connection, psutil.Process(process.pid)
        connection.close()
        process.terminate()


def ask(connection: http.client.HTTPConnection, url: str) -> tuple[float, int]:
    """Return the milliseconds and the bytes of a page."""
    began = time.perf_counter()
    connection.request("GET", url)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status in (200, 303), f"{url}: {answer.status}"
    return 1000 * (time.perf_counter() - began), len(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--history", type=Path, help="kept there; by default it is made anew, and thrown away")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="genred-web-") as folder:
        path = history(arguments.history or Path(folder) / "history.db", arguments.size)
        with served(path.absolute()) as (connection, process):
            memory = [process.memory_info().rss / 1e6]
            print(f"{arguments.size:,} decisions\n{'page':<34}{'ms':>8}{'cpu':>8}{'first':>8}{'kB':>8}")
            for name, url in PAGES.items():
                first, size = ask(connection, url)
                before = sum(process.cpu_times()[:2])
                spent = statistics.median(ask(connection, url)[0] for _ in range(arguments.times))
                cpu = 1000 * (sum(process.cpu_times()[:2]) - before) / arguments.times
                print(f"{name:<34}{spent:>8.1f}{cpu:>8.1f}{first:>8.1f}{size / 1000:>8.1f}", flush=True)
            style = ask(connection, "/static/style.css")[1]
            memory.append(process.memory_info().rss / 1e6)
        print(f"style {style / 1000:.1f} kB; memory {memory[0]:.0f} MB before, {memory[1]:.0f} MB after the pages")


if __name__ == "__main__":
    main()
