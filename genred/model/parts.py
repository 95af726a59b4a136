"""The fitted parts of a model: those that place music, those that tell genres apart, and how they count together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from genred.model.album import Album
from genred.model.discriminant import Discriminant, Regression, product
from genred.model.fitted import Fitted, Floats
from genred.model.hearing import Hearing
from genred.model.neighbourhood import Neighbourhood
from genred.model.novelty import Novelty
from genred.model.projection import Space
from genred.sound.features import DESCRIBED, HEARD

_KINDS: Mapping[str, type[Fitted]] = {
    "space": Space,
    "discriminant": Discriminant,
    "hearing": Hearing,
    "regression": Regression,
    "neighbourhood": Neighbourhood,
    "novelty": Novelty,
    "album": Album,
}


@dataclass(frozen=True)
class Place:
    """Where tracks lie: what the parts compute once, and use for more than one thing."""

    normal: Floats
    """Weighted normal scores of the features."""
    heard: Floats
    """Coordinates of what the network hears."""


@dataclass(frozen=True, eq=False)
class Parts:
    """All that is fitted, but for the figures."""

    SHAPES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "factors": ("n_experts",),
        **{f"{part}.{name}": axes for part, kind in _KINDS.items() for name, axes in kind.SHAPES.items()},
    }
    """The names of `arrays`, and what their axes count."""

    space: Space
    discriminant: Discriminant
    """The expert for the features."""
    hearing: Hearing
    regression: Regression
    """The expert for what the network hears."""
    neighbourhood: Neighbourhood
    novelty: Novelty
    album: Album
    factors: Floats
    """How much each of the two experts counts."""

    def arrays(self) -> dict[str, Floats]:
        """Return what was fitted, by the names of `SHAPES`."""
        found = {f"{part}.{name}": a for part in _KINDS for name, a in getattr(self, part).arrays().items()}
        return found | {"factors": self.factors}

    @classmethod
    def of(cls, arrays: Mapping[str, Floats]) -> Self:
        """Make the parts of what `arrays` returned."""

        def own(part: str) -> dict[str, Floats]:
            return {name.removeprefix(part): a for name, a in arrays.items() if name.startswith(part)}

        return cls(
            Space.of(own("space.")),
            Discriminant.of(own("discriminant.")),
            Hearing.of(own("hearing.")),
            Regression.of(own("regression.")),
            Neighbourhood.of(own("neighbourhood.")),
            Novelty.of(own("novelty.")),
            Album.of(own("album.")),
            arrays["factors"],
        )

    def place(self, X: NDArray[np.float32]) -> Place:
        """Find where tracks lie: (n_tracks, n_features)."""
        return Place(self.space.normal(X[:, DESCRIBED]), self.hearing.coordinates(X[:, HEARD]))

    def neighbourhood_of(self, place: Place) -> Floats:
        """Return coordinates in which distances tell music from the rest."""
        return self.neighbourhood.coordinates(place.normal, place.heard)

    def probabilities(self, place: Place) -> Floats:
        """Return calibrated probabilities, (n_tracks, n_genres)."""
        described = self.discriminant.logits(self.space.coordinates(place.normal))
        return product(self.factors, (described, self.regression.logits(place.heard)))
