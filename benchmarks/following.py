"""What `genred follow` costs: while nothing happens, until a decision is told, and for a history that it reads up.

    python -m benchmarks.following [--seconds 120] [--decisions 100000]

Processor time is what the scheduler counted for the process, beside that of a process that sleeps a second at a time.
*told* is the time from a decision on the disk to its line, of which genred looks for news once a second.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.watching import spent
from genred.history.history import History
from genred.history.records import Outcome, Record

SLEEPER = ["-c", "import time\nwhile True: time.sleep(1)"]


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, encoding="utf-8")
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def decide(history: History) -> None:
    history.record(Record(Path("/music/song.mp3"), Outcome.TAGGED, "why", written=("Jazz",)))


def fill(history: History, count: int) -> None:
    with history.writing() as db:
        for _ in range(count):
            history.insert(db, Record(Path("/music/song.mp3"), Outcome.KEPT, "it has a genre already: Soul"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--decisions", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GENRED_HISTORY_URL"] = f"sqlite:///{folder}/history.db"
        history = History.open(Path(folder, "history.db"))
        history.start_run("scan", "0")
        fill(history, arguments.decisions)
        began = time.perf_counter()
        with running("-m", "genred", "follow", "--json", "--after", "0") as process:
            assert process.stdout is not None
            for _ in range(arguments.decisions):
                process.stdout.readline()
            seconds = time.perf_counter() - began
            used = psutil.Process(process.pid)
            cpu, memory = spent([used]), used.memory_info().rss >> 20
        print(f"{arguments.decisions} decisions read up: {seconds:.2f} s, {cpu:.2f} s of a processor, {memory} MB")
        with running("-m", "genred", "follow", "--json") as process, running(*SLEEPER) as sleeper:
            assert process.stdout is not None
            time.sleep(5)  # they have started
            waits = []
            for _ in range(20):
                time.sleep(random.uniform(0, 1))
                decide(history)
                began = time.perf_counter()
                process.stdout.readline()
                waits.append(time.perf_counter() - began)
            print(f"told: after {statistics.median(waits):.2f} s, at most {max(waits):.2f} s")
            both = [psutil.Process(each.pid) for each in (process, sleeper)]
            before = [spent([each]) for each in both]
            time.sleep(arguments.seconds)
            ours, theirs = (100 * (spent([each]) - b) / arguments.seconds for each, b in zip(both, before, strict=True))
            memory = both[0].memory_info().rss >> 20
            print(f"idle: {ours:.3f} % of a processor, {memory} MB; a process that sleeps {theirs:.3f} %")
        history.close()


if __name__ == "__main__":
    main()
