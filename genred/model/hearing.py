"""What the pre-trained network hears to coordinates in which genres can be told apart."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from genred.model.fitted import Fitted, Floats
from genred.sound import ears

_MOST = 3.0


class Hearing(Fitted):
    """Standard scores of what the network hears, square roots of them with their sign, all families weighing the same.

    Made normal by quantiles and rotated, as `genred.model.projection.Space` does with features, they tell less.

    Attributes
    ----------
    middle_ : (n_heard,)
    spread_ : (n_heard,)
    """

    SHAPES: ClassVar = {"middle_": ("n_heard",), "spread_": ("n_heard",)}
    middle_: Floats
    spread_: Floats

    @staticmethod
    def axes() -> dict[str, int]:
        """Return the lengths of axes that the features decide."""
        return {"n_heard": sum(ears.LAYOUT.values())}

    def fit(self, X: NDArray[np.float32]) -> Self:
        """Learn from columns `genred.sound.features.HEARD`, (n_tracks, n_heard)."""
        self.middle_ = X.mean(axis=0, dtype=np.float64)
        self.spread_ = X.std(axis=0, dtype=np.float64) + 1e-6
        return self

    def coordinates(self, X: NDArray[np.float32]) -> Floats:
        """Return coordinates whose mean squared length in the training music is near 1, (n_tracks, n_heard)."""
        scores = (X - self.middle_) / self.spread_
        return np.asarray(np.clip(np.sign(scores) * np.sqrt(np.abs(scores)), -_MOST, _MOST) * _weights())


def _weights() -> Floats:
    sizes = np.array(list(ears.LAYOUT.values()))
    return np.repeat(1 / np.sqrt(len(sizes) * sizes), sizes)
