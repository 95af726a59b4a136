"""What is fitted is arrays with names and shapes, and nothing else: a model file is data."""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Fitted:
    """A part of a model that is written as arrays, and made of them again.

    Attributes
    ----------
    SHAPES : mapping of str to tuple of str
        The fitted attributes, and what their axes count: axes of one name are of one length in the whole model. A
        number has no axes.
    """

    SHAPES: ClassVar[Mapping[str, tuple[str, ...]]]

    def arrays(self) -> dict[str, Floats]:
        """Return the fitted attributes by name."""
        return {name: np.asarray(getattr(self, name), np.float64) for name in self.SHAPES}

    @classmethod
    def of(cls, arrays: Mapping[str, Floats]) -> Self:
        """Make the part of what `arrays` returned."""
        part = cls()
        for name, axes in cls.SHAPES.items():
            setattr(part, name, arrays[name] if axes else float(arrays[name]))
        return part
