"""All faults, one after the other, and what was counted.

    python -m tests.faults            # a few of each, a minute or two
    python -m tests.faults --full     # all of them, about half an hour

Needs strace for stepping and for the power cuts, mount namespaces for full disks, root for btrfs and xfs; what can't be
done here is said and left out. Ends with 1 if anything was harmed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from typing import NamedTuple

BAD = ("damaged", "lost undo", "unresolved", "temporaries left", "harmed", "ended badly")
SOME = ("mp3", "flac", "m4a", "ogg", "wav")


class Bench(NamedTuple):
    title: str
    arguments: tuple[str, ...]
    full_only: bool = True
    user_namespace: bool = False
    needs: tuple[str, ...] = ()

    def missing(self) -> str | None:
        absent = [tool for tool in self.needs if shutil.which(tool) is None]
        if absent:
            return f"needs {', '.join(absent)}"
        if "losetup" in self.needs and os.geteuid() != 0:
            return "needs root"
        if subprocess.run([*self.prefix(), "true"], capture_output=True, check=False).returncode:
            return "needs mount namespaces"
        return None

    def prefix(self) -> list[str]:
        if "unshare" not in self.needs:
            return ["env"]
        return ["unshare", "--mount", *(["--map-root-user"] if self.user_namespace else [])]

    def run(self) -> Counter[str]:
        command = [*self.prefix(), sys.executable, "-m", *self.arguments]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        counts: Counter[str] = Counter(json.loads(ended.stdout.splitlines()[-1] if ended.stdout else "{}"))
        counts["ended badly"] = int(ended.returncode != 0)
        return counts


KILLS, POWER, RIVALS, FULL, ALBUMS, TOGETHER = (
    f"tests.faults.{name}" for name in ("kills", "power", "rivals", "full_disk", "albums", "together")
)
BENCHES = (
    Bench("killed after every step of an album", (ALBUMS,), False),
    Bench("killed at random moments", (KILLS, "--kills", "44", "--seconds", "0.2"), False),
    Bench("killed at random moments, 0.2 s of audio", (KILLS, "--kills", "396", "--seconds", "0.2")),
    Bench("killed at random moments, 3 s of audio", (KILLS, "--kills", "792", "--seconds", "3", "--seed", "1")),
    Bench("killed at random moments, 60 s of audio", (KILLS, "--kills", "132", "--seconds", "60", "--seed", "2")),
    Bench("killed at every system call", (KILLS, "--every-call", "--seconds", "0.2", *SOME), needs=("strace",)),
    Bench("each writing call refused", (KILLS, "--every-error", "--seconds", "0.2", *SOME), needs=("strace",)),
    Bench("power cut", (POWER, "mp3"), False, needs=("strace",)),
    Bench("power cut, other formats", (POWER, *SOME[1:], "wma"), needs=("strace",)),
    Bench("somebody else at work", (RIVALS, "--turns", "48"), False),
    Bench("somebody else at work, more often", (RIVALS, "--turns", "800", "--seed", "1")),
    Bench("several files at once, killed or disturbed", (TOGETHER, "--turns", "24"), False),
    Bench("several files at once, more often", (TOGETHER, "--turns", "400", "--seed", "1")),
    Bench("several files at once, power cut", (TOGETHER, "--power", "mp3", "flac"), needs=("strace",)),
    Bench("full tmpfs", (FULL,), False, user_namespace=True, needs=("unshare",)),
    Bench("full btrfs", (FULL, "btrfs"), needs=("unshare", "losetup", "mkfs.btrfs")),
    Bench("full xfs", (FULL, "xfs"), needs=("unshare", "losetup", "mkfs.xfs")),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    full = parser.parse_args().full
    total: Counter[str] = Counter()
    left_out = 0
    for bench in (bench for bench in BENCHES if full or not bench.full_only):
        if why := bench.missing():
            print(f"{bench.title}: left out, {why}", flush=True)
            left_out += 1
            continue
        counts = bench.run()
        total += counts
        print(f"{bench.title}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())), flush=True)
    harm = {name: total[name] for name in BAD}
    print(f"in all ({left_out} left out): " + ", ".join(f"{count} {name}" for name, count in harm.items()))
    return int(any(harm.values()))


if __name__ == "__main__":
    sys.exit(main())
