"""What a model holds beside arrays, and what it tells of itself."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from genred.model.evaluation import Evaluation
from genred.sound.features import FEATURE_VERSION

PRECISIONS = (0.7, 0.8, 0.9, 0.95)
"""What a model is asked for most: their thresholds are kept with it."""


@dataclass(frozen=True)
class Texts:
    """What a model holds beside arrays: with those, all of it."""

    name: str
    genres: list[str]
    truth: list[str]
    """The genre of each training track; here and below."""
    artists: list[str]
    sources: list[str]
    by_source: dict[str, float]
    """As in `Evaluation`."""
    thresholds: list[tuple[float, float]]
    """The confidence that answers need, by precision wanted."""
    untold: list[str]
    """As in `Evaluation`."""

    def card(self, evaluation: Evaluation) -> dict[str, Any]:
        """Return the training music of a model and its figures, for JSON."""
        return {
            "name": self.name,
            "features": FEATURE_VERSION,
            "tracks": len(self.truth),
            "artists": len(set(self.artists)),
            "genres": _counts(self.truth),
            "sources": _counts(self.sources),
            "threshold": {f"{p:g}": round(needed, 4) for p, needed in self.thresholds if p in PRECISIONS},
            "figures": evaluation.as_dict(),
        }


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
