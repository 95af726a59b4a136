"""How many names of well-known lists land on a genre of the tree, and what files with several genres teach.

python -m benchmarks.genres                        ID3's list, MusicBrainz' and, where beets is installed, beets'
python -m benchmarks.genres Discogs=styles.txt     another list, with one name a line
python -m benchmarks.genres --sample 150           names to check by hand, with where they land, as chance has it
python -m benchmarks.genres --missing              the names that land nowhere
python -m benchmarks.genres --corpus FOLDER        tracks that have a label and, beside it, tags of many listeners
"""

import argparse
import csv
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from mutagen.id3 import TCON

from genred.genres import Vocabulary, Way, built_in
from genred.learning.labels import label_of

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


def taught(corpus: Path) -> Iterator[tuple[str, Counter[str]]]:
    """Yield each source of the corpus, and how many of its tracks teach by their tags, and teach what the label says.

    Of the tags, those count that name a genre. A label and what a track teaches agree if one is a kind of the other.
    """
    found: dict[str, Counter[str]] = {}
    words = Vocabulary()
    with (corpus / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        tags = [tag.strip().replace("_", " ") for tag in re.split("[,;]", row["tags"])]
        names = [tag for tag in tags if words.knows(tag)]
        if not names:
            continue
        counts = found.setdefault(row["source"], Counter())
        counts["tagged"] += 1
        if len(names) == 1:
            counts["one"] += 1
        elif (genre := label_of(names, words)) is not None:
            label = words.canonical(row["genre"])
            counts["several"] += 1
            counts["agree"] += label in (genre, *words.ancestors(genre)) or genre in words.ancestors(label)
    yield from sorted(found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--corpus", type=Path)
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
    if options.corpus:
        print("\n| source | with genres as tags | with one | with several that teach one | as the label says |")
        print("|---|---|---|---|---|")
        for source, tracks in taught(options.corpus):
            print(f"| {source} | {' | '.join(str(tracks[what]) for what in ('tagged', 'one', 'several', 'agree'))} |")
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
