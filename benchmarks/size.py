"""What an installation weighs, package by package.

    python -m benchmarks.size [--extra web ...]

For genred and all that it needs, as installed where this runs: megabytes on the disk of the files that came with each
package, bytecode left out (it takes another tenth or two), and which packages asked for it.
"""

import argparse
from collections import defaultdict
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(name: str, extras: set[str], *, without: str = "") -> dict[str, set[str]]:
    """Return all packages that one needs, itself too, each with those that ask for it; one may be left out."""
    asking: defaultdict[str, set[str]] = defaultdict(set, {name: set()})
    left = [(name, extras)]
    while left:
        one, extra = left.pop()
        for text in distribution(one).requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if requirement.name == without:
                continue
            if marker and not any(marker.evaluate({"extra": each}) for each in extra or {""}):
                continue
            other = canonicalize_name(requirement.name)
            if other not in asking:
                left.append((other, requirement.extras))
            asking[other].add(one)
    return asking


def weight(package: Distribution) -> int:
    """Return the bytes on the disk of what came with a package."""
    paths = (Path(str(package.locate_file(file))) for file in package.files or () if file.suffix != ".pyc")
    return sum(path.lstat().st_blocks * 512 for path in paths if path.exists())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extra", nargs="*", default=[])
    extras = set(parser.parse_args().extra)
    asking = needed("genred", extras)
    weights = {name: weight(distribution(name)) for name in asking if name != "genred"}
    for name, size in sorted(weights.items(), key=lambda each: -each[1]):
        print(f"{size / 1e6:7.1f} MB  {name:<20} for {', '.join(sorted(asking[name]))}")
    print(f"{sum(weights.values()) / 1e6:7.1f} MB  in all, beside genred itself")
    alone = weights.keys() - needed("genred", extras, without="librosa").keys()
    print(f"{sum(weights[name] for name in alone) / 1e6:7.1f} MB  for librosa alone: {', '.join(sorted(alone))}")


if __name__ == "__main__":
    main()
