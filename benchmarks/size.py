"""What an installation weighs, package by package, where this runs.

    python -m benchmarks.size

Megabytes of the files that came with genred and with all that it needs, as `genred doctor` adds them up; and of those
packages that nothing but librosa asks for.
"""

import argparse

from genred.doctor.machine import sizes


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    found = sizes("genred")
    for name, size in sorted(found.items(), key=lambda each: -each[1]):
        print(f"{size / 1e6:7.1f} MB  {name}")
    print(f"{sum(found.values()) / 1e6:7.1f} MB  in all")
    alone = found.keys() - sizes("genred", without="librosa").keys()
    print(f"{sum(found[name] for name in alone) / 1e6:7.1f} MB  for librosa alone: {', '.join(sorted(alone))}")


if __name__ == "__main__":
    main()
