"""How long commands take that answer a question: from the start of a process to its end.

    python -m benchmarks.starting [--times 15] [--decisions 10000] [--song FILE]

`genred history`, in a pipe and on a terminal, and the like, over a history of so many decisions; with a song, which has
to have no genre, also `genred explain` for a file that was heard before. Beside an interpreter that does nothing, one
that imports SQLAlchemy, and `git --version`, all in turns, with bytecode made before. Seconds of a processor, which
other work on the machine disturbs least, and, in brackets, wall clock: medians, and the least of each.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.history import made
from benchmarks.service import GENRED, environment

FLOORS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    'python -c "import sqlalchemy"': (sys.executable, "-c", "import sqlalchemy"),
    "git --version": ("git", "--version"),
}
ASKED = (
    "--version",
    "history --limit 30",
    "history --limit 30 --since 7d --json",
    "stats",
    "status",
    "genres",
    "config show",
)
ON_A_TERMINAL = ("history", "stats")
BARE = "genred stats, without any bytecode"


def spent(command: tuple[str, ...], environment: dict[str, str], *, terminal: bool = False) -> tuple[float, float]:
    """Return seconds of a processor and of the clock."""
    reading, writing = os.openpty() if terminal else os.pipe()
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=writing, stderr=subprocess.DEVNULL, env=environment)
    os.close(writing)
    with suppress(OSError):  # so ends a terminal
        while os.read(reading, 1 << 16):
            pass
    os.close(reading)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--song", type=Path, help="music to explain")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        variables = environment(home, COLUMNS="120", TERM="xterm-256color")
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        (home / "state" / "genred").mkdir(parents=True)
        made(home / "state" / "genred" / "history.db", options.decisions)
        commands = {name: (command, False) for name, command in FLOORS.items()}
        commands |= {f"genred {name}": ((*GENRED, *name.split()), False) for name in ASKED}
        commands |= {f"genred {name}, on a terminal": ((*GENRED, name), True) for name in ON_A_TERMINAL}
        if options.song:
            commands["genred explain"] = ((*GENRED, "explain", str(options.song)), False)
            subprocess.run([*GENRED, "scan", options.song.parent], env=variables, check=True, capture_output=True)
        for command, terminal in commands.values():
            spent(command, variables, terminal=terminal)
        bare = variables | {"PYTHONPYCACHEPREFIX": str(home / "none"), "PYTHONDONTWRITEBYTECODE": "1"}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(options.times):
            for name, (command, terminal) in commands.items():
                found[name].append(spent(command, variables, terminal=terminal))
            found.setdefault(BARE, []).append(spent(commands["genred stats"][0], bare))
        floor = statistics.median(processor for processor, _ in found["python -c pass"])
        for name, pairs in found.items():
            processor, clock = zip(*pairs, strict=True)
            middle = statistics.median(processor)
            wall = f"{statistics.median(clock):.3f}, at least {min(clock):.3f}"
            times = f"{middle / floor:5.1f} times python -c pass"
            print(f"{name:<44} {middle:.3f} s, at least {min(processor):.3f}, {times}  ({wall})")


if __name__ == "__main__":
    main()
