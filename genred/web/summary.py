"""The library at a glance: what the overview, the page of all figures and the report show."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from genred.history.figures import TWENTIETHS, MixedAlbum
from genred.history.files_now import NOBODY
from genred.history.history import History
from genred.history.records import Outcome
from genred.web.charts import Bar, most

AUTHORS = {"genred": "genred", "you": "you", NOBODY: "nobody yet"}
"""Who wrote a genre, in words."""
OUTCOMES = {
    Outcome.TAGGED: "a genre was written",
    Outcome.KEPT: "the genre was kept",
    Outcome.ABSTAINED: "not sure enough",
    Outcome.SKIPPED: "must not be written to",
    Outcome.FAILED: "can't be read or written",
    Outcome.UNDONE: "undone",
}
"""Outcomes of the latest decision about a file, in words."""

MOST_GENRES = 40
MOST_REASONS = 20
MOST_MONTHS = 36
"""A longer history is shown by years."""
MOST_LABELS = 10
"""So many labels fit below a chart, on a phone too."""
MOST_MIXED = 1000
"""Mixed albums are counted up to here."""
SOME_MIXED = 10


@dataclass(frozen=True, slots=True)
class Skill:
    """How well the model in use knows a genre, by music whose artists it had not heard."""

    genre: str
    tracks: int
    recognised: Bar
    """The share of the genre's tracks that were recognised."""
    right: Bar
    """The share of right ones among the tracks that were called so."""
    mistaken: str
    """The genre for which its tracks are most often taken; empty where that is none."""


@dataclass(frozen=True, slots=True)
class Model:
    """The model in use, as its file describes it."""

    name: str
    tracks: int
    artists: int
    skills: tuple[Skill, ...]
    """The best known genre first."""

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> Self | None:
        """Read the card of a model; None where it isn't one."""
        try:
            figures = card["figures"]
            genres: list[str] = figures["genres"]
            skills = [
                Skill(
                    genre,
                    sum(row),
                    Bar(genre, {"genred": float(figures["recall"][genre])}, 1),
                    Bar(genre, {"genred": float(figures["precision"][genre])}, 1),
                    _mistaken(genre, dict(zip(genres, row, strict=True))),
                )
                for genre, row in zip(genres, figures["confusion"], strict=True)
            ]
            skills.sort(key=lambda skill: -skill.recognised.total)
            return cls(str(card["name"]), int(card["tracks"]), int(card["artists"]), tuple(skills))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Summary:
    """The library in figures."""

    files: int
    """All known files."""
    unread: int
    """Files of which the tags are still to be read."""
    authors: tuple[Bar, ...]
    """By who wrote the genres."""
    genres: tuple[Bar, ...]
    """By genre, the most frequent first."""
    more_genres: int
    """How many genres are left out."""
    times: tuple[Bar, ...]
    """Decisions by month or year."""
    confidence: tuple[Bar, ...]
    """Files that genred was asked about, by its confidence."""
    outcomes: tuple[Bar, ...]
    """By the latest decision."""
    reasons: tuple[Bar, ...]
    """By what is in the way of a genre."""
    mixed: tuple[MixedAlbum, ...]
    """Some albums with several genres."""
    count_mixed: int
    """How many there are, up to `MOST_MIXED`."""
    model: Model | None
    shares: Mapping[str, int]
    """As in `genred.history.queries.shares`."""

    @property
    def with_genre(self) -> int:
        """The number of files that have a genre."""
        return int(sum(bar.total for bar in self.authors if bar.name != AUTHORS[NOBODY]))


def summary(history: History, card: Mapping[str, Any]) -> Summary:
    """Ask the history for all figures.

    Parameters
    ----------
    history
        The history.
    card
        What the file of the model in use tells of it; empty where there is none.
    """
    figures = history.figures
    by = figures.by_author()
    files = sum(by.values()) + figures.count_unseen()
    genres = figures.genres()
    return Summary(
        files=files,
        unread=history.library.count_unread(),
        authors=tuple(
            Bar(name, {author: by[author]}, files, "/now", {"by": author}) for author, name in AUTHORS.items()
        ),
        genres=_genres(genres),
        more_genres=max(0, len(genres) - MOST_GENRES),
        times=_times(figures.months()),
        confidence=_confidence(figures.confidence()),
        outcomes=_outcomes(figures.outcomes()),
        reasons=_reasons(history),
        mixed=figures.mixed(size=SOME_MIXED).rows,
        count_mixed=figures.count_mixed(MOST_MIXED),
        model=Model.of(card),
        shares=history.counts()["shares"],
    )


def _genres(genres: Mapping[str, Mapping[str, int]]) -> tuple[Bar, ...]:
    shown = list(genres.items())[:MOST_GENRES]
    longest = most(parts for _, parts in shown)
    return tuple(
        Bar(genre, {name: parts[name] for name in ("genred", "you")}, longest, "/now", {"genre": genre})
        for genre, parts in shown
    )


def _times(months: Mapping[str, Mapping[Outcome, int]]) -> tuple[Bar, ...]:
    """Return a bar for each month or, where they are many, for each year; one without decisions has an empty one."""
    if not months:
        return ()
    first, last = min(months), max(months)
    every = _months(first, last)
    spans = [(month, month, _next(month)) for month in every]
    if len(every) > MOST_MONTHS:
        years = range(int(first[:4]), int(last[:4]) + 1)
        spans = [(f"{year:04}", f"{year:04}-01", f"{year + 1:04}-01") for year in years]
    counted: defaultdict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(map(str, Outcome), 0.0))
    for month, counts in months.items():
        name = month if len(every) <= MOST_MONTHS else month[:4]
        for outcome, count in counts.items():
            counted[name][outcome.value] += count
    longest = most(counted.values())
    every_so_many = -(-len(spans) // MOST_LABELS)
    return tuple(
        Bar(
            name,
            counted[name],
            longest,
            "/history",
            {"since": f"{since}-01T00:00Z", "until": f"{until}-01T00:00Z"},
            label="" if number % every_so_many else name,
        )
        for number, (name, since, until) in enumerate(spans)
    )


def _months(first: str, last: str) -> list[str]:
    found = [first]
    while found[-1] < last and len(found) <= MOST_MONTHS:
        found.append(_next(found[-1]))
    return found


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:7])
    return f"{year + 1:04}-01" if number == 12 else f"{year:04}-{number + 1:02}"


def _confidence(counts: Mapping[Outcome, Sequence[int]]) -> tuple[Bar, ...]:
    bars = [{outcome.value: float(counts[outcome][step]) for outcome in counts} for step in range(TWENTIETHS)]
    longest = most(bars)
    return tuple(
        Bar(
            f"{5 * step}% to {5 * step + 5}%",
            parts,
            longest,
            "/history",
            {"latest": "1", "sure": str(5 * step)},
            label="" if step % 4 else f"{5 * step}%",
        )
        for step, parts in enumerate(bars)
    )


def _outcomes(counts: Mapping[Outcome, int]) -> tuple[Bar, ...]:
    longest = sum(counts.values())
    return tuple(
        Bar(OUTCOMES[outcome], {outcome.value: count}, longest, "/history", {"latest": "1", "outcome": outcome.value})
        for outcome, count in counts.items()
        if count
    )


def _reasons(history: History) -> tuple[Bar, ...]:
    found = history.figures.reasons(MOST_REASONS)
    longest = max((each.files for each in found), default=0)
    return tuple(
        Bar(
            each.reason,
            {each.outcome.value: each.files},
            longest,
            "/history",
            {"latest": "1", "outcome": each.outcome.value, "reason": each.reason},
        )
        for each in found
    )


def _mistaken(genre: str, taken: Mapping[str, int]) -> str:
    others = {other: count for other, count in taken.items() if other != genre and count}
    return max(others, key=lambda other: others[other], default="")
