"""How right albums are, and what the owner's own words add: ``python -m benchmarks.evidence [--seeds 0 1 2]``.

Everything is measured on the training table of the package, by models that had not heard the artist: five folds, and
all figures are means over the seeds of the folds. The table has no albums. So tracks of one artist and genre are taken
for one (*one genre*), or, which flatters less, tracks of one artist (*one artist*), or those of two artists and genres,
which are none (*two mixed*). *Not gtzan* leaves out the source whose albums are easiest.

The columns of the first table, *alone* track by track and *album* together:

* right: the likeliest genre is the true one;
* at 90 %: the share of the tracks that is answered where nine of ten answers are right;
* error: expected calibration error of the album's confidence;
* 80 %, 90 %: of what is answered at that target precision, the share that is right (a family counts where it is the
  answer), and the share of the tracks that is answered;
* two: albums that are given two genres; part: albums that are answered in part.

The second table tells of sources that the model was trained without: *shared*, trained and tested on genres that both
sides have enough of, as in `benchmarks.accuracy`; *without*, on all genres, tested on those that the model knows at
all, be it from ten clips. *1*: single tracks; *alone*: tracks of the albums, each alone; *2-5*: together; *+-*: the
standard error of that, which comes from how artists differ; *sure*, *right*: mean confidence, and right if forced.
Above it stands which threshold albums would have if it were derived from albums, as that of tracks is from tracks: the
lower bound over artists, in all music and in each source.

The third is about a new album in a simulated library of 5,000 tracks (`benchmarks.owners`), by what is known: its sound
track by track, its sound together, and the owner's words beside it, with the usual trust and with trust learnt from the
library. What is right is the owner's word. *Known* artists have albums there, *agreeing* ones one or several of one
word, *torn* ones of several words.

The fourth is about a track whose artist has other tracks, each of those taken for an album that is labelled as it is:
of one genre, which need not be the track's own, or of several.

The last line is the time of a decision about twelve tracks with the words of their owner, beyond their probabilities.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.accuracy import SHARED
from benchmarks.albums import Judged, Place, Rows, Said, Trial, at_precision, error, kept, mean, right, spread, torn
from benchmarks.owners import Library, meant
from genred.model.classifier import GenreClassifier
from genred.model.evaluation import Evaluation
from genred.model.evidence import Owner
from genred.model.installed import BUILTIN_GENRES
from genred.model.judging import judge
from genred.model.storage import builtin_table
from genred.model.table import Table
from genred.model.trust import Trust
from genred.model.unit import Heard, Unit

SIZES = {"1": (1, 1), "2": (2, 2), "3-5": (3, 5), "2-5": (2, 5), "6-12": (6, 12)}


def sound_alone(trials: Sequence[Trial]) -> Iterator[str]:
    """Return the lines of the first table."""
    head = ("albums", "tracks", "right", "album", "at 90 %", "album", "error", "80 %", "of", "90 %", "of", "two")
    yield f"{'':<32}" + "".join(f"{name:>8}" for name in (*head, "album", "part", "album"))
    table = trials[0].table
    beside = np.flatnonzero(table.sources != "gtzan")
    for name, rows in (("", None), (", not gtzan", beside)):
        for kind, key in (("one genre", Trial.one_genre), ("one artist", Trial.one_artist)):
            for size, limits in SIZES.items():
                units = [trial.albums(partial(key, trial), limits, rows) for trial in trials]
                if min(map(len, units)) >= 10:
                    yield _line(f"{kind}{name}: {size}", trials, units)
    yield _line("two mixed: 4-8", trials, [trial.mixed() for trial in trials])


def _line(name: str, trials: Sequence[Trial], units: Sequence[list[Rows]]) -> str:
    figures = mean(_figures(trial, of) for trial, of in zip(trials, units, strict=True))
    counts, shares = figures[:2], figures[2:]
    return f"{name:<32}" + "".join(f"{c:8.0f}" for c in counts) + "".join(f"{share:8.3f}" for share in shares)


def _figures(trial: Trial, units: list[Rows]) -> list[float]:
    alone, together = trial.ask(units, alone=True), trial.ask(units)
    (two, part), (two_together, part_together) = torn(alone), torn(together)
    return [
        len(units),
        len(together),
        right(alone),
        right(together),
        at_precision(alone),
        at_precision(together),
        error(together),
        *kept(together, 0.8),
        *kept(together, 0.9),
        two,
        two_together,
        part,
        part_together,
    ]


def left_out(trials: Sequence[Trial]) -> Iterator[str]:
    """Return the lines of the second table."""
    head = ("1", "of", "alone", "of", "2-5", "of", "+-", "sure", "right", "tracks", "albums", "artists")
    yield f"{'':<32}" + "".join(f"{name:>8}" for name in head)
    for trial in trials:
        model = trial.models[0]
        rows = model.rows[np.isin(trial.table.y[model.rows], model.genres)]
        single, several = (trial.albums(trial.one_genre, size, rows) for size in ((1, 1), (2, 5)))
        together = trial.ask(several)
        artists = np.array([str(trial.table.groups[several[said.album][0]]) for said in together])
        figures = [
            *kept(trial.ask(single), 0.8),
            *kept(trial.ask(several, alone=True), 0.8),
            *kept(together, 0.8),
            spread(together, artists, 0.8),
            mean([one.confidence] for one in together)[0],
            right(together),
        ]
        counts = (len(together), len(several), len(set(artists)))
        yield (
            f"{' '.join(map(str, model.place)):<32}"
            + "".join(f"{figure:8.3f}" for figure in figures)
            + "".join(f"{count:8}" for count in counts)
        )


def needed(table: Table) -> Iterator[str]:
    """Return what albums would need for 80 %, were it derived from albums: tracks of an artist, so many at most."""
    model = GenreClassifier().fit(table, told=BUILTIN_GENRES)
    of, album = model.evaluation_, model.parts_.album
    trial = Trial(table, [], 0)
    yield f"single tracks: {of.threshold(0.8):.3f}"
    for most in (2, 5, 12):
        units = trial.albums(trial.one_artist, (2, most))
        shares = [np.tile(album.together(of.probabilities[unit]).mean(axis=0), (len(unit), 1)) for unit in units]
        rows = np.concatenate(units)
        sources = of.sources[rows]
        found = Evaluation(
            of.genres, of.truth[rows], np.concatenate(shares), of.artists[rows], sources, untold=of.untold
        )
        yield f"up to {most} tracks: {found.threshold(0.8):.3f}, learnt from {len(units)} albums"


WORDS = f"{'':<56}" + "".join(
    f"{name:>8}" for name in ("tracks", "right", "at 90 %", "error", "80 %", "of", "90 %", "of")
)


def _words(name: str, found: Iterable[Sequence[Said]]) -> str:
    figures = mean(
        [len(s), right(s), at_precision(s), error(s), *kept(s, 0.8), *kept(s, 0.9)] for s in found if len(s) >= 10
    )
    return f"{name:<56}{figures[0]:8.0f}" + "".join(f"{figure:8.3f}" for figure in figures[1:])


@dataclass(frozen=True)
class Setting:
    """Albums that are new to a library."""

    trial: Trial
    library: Library
    trust: Trust
    """Learnt from the library."""

    @classmethod
    def of(cls, trial: Trial) -> "Setting":
        library = Library.made(trial.table, trial.seed)
        return cls(trial, library, library.trust())

    def ask(self, way: "Way", only: str = "", *, alone: bool = False) -> list[Said]:
        """Say what is answered about albums of artists of a kind (`Library.is_a`), in the owner's words."""
        albums = self.trial.albums(self.trial.one_genre, (1, 5))
        chosen = [album for album in albums if self.library.is_a(only, self._artist(int(album[0])))]
        return self.trial.ask(
            chosen,
            alone=alone,
            truth=self._word,
            owner=lambda album: way(self, self._artist(int(album[0])), self._word(int(album[0]))),
        )

    def _artist(self, row: int) -> str:
        return str(self.trial.table.groups[row])

    def _word(self, row: int) -> str:
        return self.library.word(self._artist(row), str(self.trial.table.y[row]))


Way = Callable[[Setting, str, str], Owner]
"""The setting, the artist of an album, the owner's word for it -> what of the owner's words is known."""


def in_a_library(settings: Sequence[Setting]) -> Iterator[str]:
    """Return the lines of the third table."""
    yield WORDS

    def silent(setting: Setting, artist: str, word: str) -> Owner:
        return Owner()

    def usual(setting: Setting, artist: str, word: str) -> Owner:
        return setting.library.owner(artist, Trust())

    def learnt(setting: Setting, artist: str, word: str) -> Owner:
        return setting.library.owner(artist, setting.trust)

    for only in ("", "known", "unknown", "agreeing 1", "agreeing 2", "torn"):
        name = only or "all"
        yield _words(f"{name}: sound, each track", [setting.ask(silent, only, alone=True) for setting in settings])
        yield _words(f"{name}: sound, album", [setting.ask(silent, only) for setting in settings])
        yield _words(f"{name}: words, usual trust", [setting.ask(usual, only) for setting in settings])
        yield _words(f"{name}: words, learnt trust", [setting.ask(learnt, only) for setting in settings])
    for count in (1, 2, 6, 11):

        def mates(setting: Setting, artist: str, word: str, count: int = count) -> Owner:
            return setting.library.owner(artist, setting.trust, setting.library.mates(artist, word, count))

        yield _words(f"all: words, and {count} tracks of the album", [setting.ask(mates) for setting in settings])
    yield f"trust learnt: {[(round(s.trust.mates, 2), round(s.trust.artist, 2)) for s in settings]}"


def by_artist(trials: Sequence[Trial]) -> Iterator[str]:
    """Return the lines of the fourth table."""
    yield WORDS
    table = trials[0].table
    of = defaultdict[str, list[int]](list)
    for row, artist in enumerate(table.groups):
        of[str(artist)].append(row)

    def owner(unit: Rows) -> Owner:
        others = [str(table.y[row]) for row in of[str(table.groups[unit[0]])] if row != unit[0]]
        return Owner(artist=meant(others))

    rows = [row for rows in of.values() if len(rows) > 1 for row in rows]
    for name, several in (("others of one genre", False), ("others of several", True)):
        units = [unit for row in rows if (len(owner(unit := np.array([row])).artist) > 1) is several]
        yield _words(f"{name}: sound", [trial.ask(units) for trial in trials])
        yield _words(f"{name}: words", [trial.ask(units, owner=owner) for trial in trials])


def cost(trial: Trial) -> str:
    """Return what a decision about twelve tracks takes."""
    model = max(trial.models, key=lambda model: len(model.rows))
    rows = model.rows[:12]
    owner = Owner({"Jazz": 3, "Krautrock": 1}, {"Jazz": 4, "Krautrock": 2}, {"Jazz": 40, "Rock": 80})
    heard = Heard(model.probabilities[: len(rows)], [""] * len(rows))
    began = time.process_time()
    for _ in range(20):
        judge(Unit(model.genres, model.album, heard, [owner] * len(rows)), model.needs[0.8])
    return f"{(time.process_time() - began) / 20 * 1000:.1f} ms for a decision about {len(rows)} tracks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the folds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    table = builtin_table()
    splits: list[tuple[Place, Rows, Rows]] = []
    for seed in options.seeds:
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        splits += [(("folds", seed), train, test) for train, test in folds.split(table.X, table.y, table.groups)]
    for source in np.unique(table.sources):
        inside = table.sources == source
        shared = np.isin(table.y, SHARED[str(source)])
        splits.append((("shared", str(source)), np.flatnonzero(~inside & shared), np.flatnonzero(inside & shared)))
        splits.append((("without", str(source)), np.flatnonzero(~inside), np.flatnonzero(inside)))
    models = Parallel(n_jobs=options.jobs)(delayed(Judged.by)(table, *split) for split in splits)
    folded = [Trial(table, [m for m in models if m.place == ("folds", seed)], seed) for seed in options.seeds]
    apart = [Trial(table, [model], 0) for model in models if model.place[0] != "folds"]
    apart.sort(key=lambda trial: trial.models[0].place)
    print(f"kinship of an album's tracks: {sorted(round(model.album.kinship_, 2) for model in models)}")
    for title, lines in {
        "sound": sound_alone(folded),
        "the confidence that 80 % would need": needed(table),
        "source left out: of what is answered at 80 %": left_out(apart),
        "a new album in a library of 5,000 tracks": in_a_library([Setting.of(trial) for trial in folded]),
        "a track beside its artist's other tracks": by_artist(folded),
    }.items():
        print(f"\n{title}")
        for line in lines:
            print(line, flush=True)
    print(f"\n{cost(folded[0])}")


if __name__ == "__main__":
    main()
