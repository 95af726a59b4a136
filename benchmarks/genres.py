"""How many names of well-known lists land on a genre of the tree.

python -m benchmarks.genres                        ID3's list, MusicBrainz' and, where beets is installed, beets'
python -m benchmarks.genres Discogs=styles.txt     another list, with one name a line
python -m benchmarks.genres --sample 150           names to check by hand, with where they land, as chance has it
python -m benchmarks.genres --missing              the names that land nowhere
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from mutagen.id3 import TCON

from genred.genres import Way, built_in

MUSICBRAINZ = Path(__file__).resolve().parents[1] / "tests" / "genres" / "musicbrainz.txt"


def lists(others: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each list and its genres."""
    yield "ID3 and Winamp", list(TCON.GENRES)
    yield "MusicBrainz", names_in(MUSICBRAINZ)
    beets = find_spec("beetsplug.lastgenre") if find_spec("beetsplug") else None
    if beets is not None and beets.origin:
        yield "beets' whitelist", names_in(Path(beets.origin).with_name("genres.txt"))
    for other in others:
        name, _, file = other.rpartition("=")
        yield name or file, names_in(Path(file))


def names_in(file: Path) -> list[str]:
    lines = map(str.strip, file.read_text("utf-8").splitlines())
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def ways(names: Sequence[str]) -> Counter[Way | None]:
    """Count names by the reason why they land; None where they don't."""
    landings = map(built_in().land, names)
    return Counter(None if landing is None else landing.way for landing in landings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--missing", action="store_true")
    options = parser.parse_args()
    tree = built_in()
    print(f"{len(tree.nodes)} genres, {len(tree.broad)} of them broad\n")
    print("| list | names | land | as a genre | as another name | as a kind | by their words |")
    print("|---|---|---|---|---|---|---|")
    found = dict(lists(options.lists))
    for name, genres in found.items():
        counts = ways(genres)
        land = (len(genres) - counts[None]) / len(genres)
        by = " | ".join(str(counts[way]) for way in (Way.NAME, Way.SPELLING, Way.KIND, Way.WORDS))
        print(f"| {name} | {len(genres)} | {100 * land:.1f} % | {by} |")
    for name, genres in found.items():
        missing = [genre for genre in genres if tree.land(genre) is None]
        if options.missing and missing:
            print(f"\n{name}, missing: {', '.join(missing)}")
        chosen = random.Random(options.seed).sample(sorted(genres), min(options.sample, len(genres)))
        if chosen:
            print(f"\n{name}, a sample:")
        for genre in sorted(chosen):
            landing = tree.land(genre)
            print(f"  {genre} -> {landing.genre if landing else '-'}")


if __name__ == "__main__":
    main()
