"""Features, and what the network hears, to coordinates in which distances tell music from the rest."""

from typing import ClassVar, Self

import numpy as np

from genred.model.fitted import Fitted, Floats
from genred.model.projection import principal_axes
from genred.sound.features import DESCRIBED, HEARD


class Neighbourhood(Fitted):
    """The principal axes of both together, each of the two with the mean squared length 1 in the training music.

    Attributes
    ----------
    scales_ : (2,)
        By what weighted normal scores of features, and coordinates of `genred.model.hearing.Hearing`, are multiplied.
    axes_ : (n_all, n_novelty_axes)
    origin_ : (n_novelty_axes,)
    """

    SHAPES: ClassVar = {
        "scales_": ("n_experts",),
        "axes_": ("n_all", "n_novelty_axes"),
        "origin_": ("n_novelty_axes",),
    }
    scales_: Floats
    axes_: Floats
    origin_: Floats

    n_axes = 60

    @staticmethod
    def axes() -> dict[str, int]:
        """Return the lengths of axes that the features decide."""
        return {"n_all": HEARD.stop - DESCRIBED.start}

    def fit(self, normal: Floats, heard: Floats) -> Self:
        """Learn the axes from the training music, (n_tracks, n_features) and (n_tracks, n_heard)."""
        self.scales_ = np.array([1 / np.sqrt((part**2).sum(axis=1).mean() + 1e-12) for part in (normal, heard)])
        rotation = principal_axes(self._whole(normal, heard), self.n_axes)
        self.axes_ = rotation.components_.T.copy()
        self.origin_ = rotation.mean_ @ self.axes_
        return self

    def coordinates(self, normal: Floats, heard: Floats) -> Floats:
        """Return coordinates, and in a last column the squared length of the whole vector."""
        whole = self._whole(normal, heard)
        return np.column_stack([whole @ self.axes_ - self.origin_, (whole**2).sum(axis=1)])

    def _whole(self, normal: Floats, heard: Floats) -> Floats:
        return np.hstack([self.scales_[0] * normal, self.scales_[1] * heard])
