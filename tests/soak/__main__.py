"""A simulated day of the service, and what was counted.

    python -m tests.soak                      # 24 hours from seed 0, some ten minutes
    python -m tests.soak --hours 1 --seed 7

Thousands of things happen to a music library, drawn at random from the seed: files come in every way there is, are
renamed, moved, linked, edited, replaced, deleted; the service is stopped, killed, killed in the middle of a save. The
service is `genred run` with the real watcher, kernel, tags, safe writes and history; the clock is the driver's, and
what is heard a fake's. Every simulated hour, and at the end, everything is compared with what must be true.

Ends with 1 if anything isn't. What no program could tell, as of a file that was renamed and edited in the same moment,
is counted as excused. What happens is drawn from the seed; what it meets the service doing is not, so no two runs are
quite the same.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from itertools import groupby
from pathlib import Path

from tests.soak.day import Day
from tests.soak.service import Sample


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="on the file system to try")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-", dir=options.folder) as home:
        day = Day(Path(home), options.seed, options.hours)
        try:
            day.run()
        except BaseException:
            print(day.service.log.read_text(errors="replace")[-5000:], file=sys.stderr)
            raise
    print(
        f"seed {options.seed}: {day.hour:.1f} hours lived, {day.clock() / 3600:.0f} on the clock, "
        f"{time.monotonic() - began:.0f} s; {day.service.life} processes"
    )
    show("operations", day.done)
    show("decisions", day.decided)
    show("looks into files", day.looks)
    show("excused", Counter(why for why, _ in day.excused))
    resources(day.samples)
    for finding in day.findings:
        print(f"FOUND {finding}")
    print(f"{len(day.findings)} things aren't as they must be")
    return int(bool(day.findings))


def show(title: str, counts: Counter[str]) -> None:
    print(f"\n{title}, {counts.total():,}")
    for name, count in counts.most_common():
        print(f"{count:>8,}  {name}")


def resources(samples: list[Sample]) -> None:
    """First and last of the process that lived longest, and what the memory grew by in an hour of its life."""
    _, longest = max(
        ((life, list(them)) for life, them in groupby(samples, lambda it: it.life)), key=lambda it: len(it[1])
    )
    first, last = longest[0], longest[-1]
    print("\nthe process that lived longest")
    for sample in (first, last):
        print(
            f"    hour {sample.hour:4.1f}: {sample.rss_mb:.1f} MB, {sample.descriptors} descriptors, "
            f"{sample.threads} threads"
        )
    print(f"    {slope(longest):+.2f} MB an hour")


def slope(samples: list[Sample]) -> float:
    """Least squares, in MB an hour; 0 where there is nothing to compare."""
    mean = sum(it.hour for it in samples) / len(samples)
    spread = sum((it.hour - mean) ** 2 for it in samples)
    return sum((it.hour - mean) * it.rss_mb for it in samples) / spread if spread else 0.0


if __name__ == "__main__":
    sys.exit(main())
