"""Coordinates of a track to the evidence for each genre: one linear map, learnt in two ways and added. Pure.

* Linear discriminant analysis: genres are equally likely and spread alike; their covariance is shrunk to a sphere.
* Logistic regression toward labels that are softened by hints: half what the label says, half what a teacher thinks who
  heard more than a model may hear at work [1]_. A track without a hint is learnt from its label alone.

Each of the two errs where the other doesn't. They are brought to one scale, on the training tracks, before they are
added; how much all of it is to be believed is for the calibration to say.

References
----------
.. [1] Lopez-Paz, Bottou, Schölkopf, Vapnik: "Unifying distillation and privileged information", ICLR 2016.
"""

from typing import ClassVar, Self

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from genred.model.fitted import Fitted, Floats


class Discriminant(Fitted):
    """Log-likelihoods of genres, up to a factor and to a constant for each track.

    Attributes
    ----------
    classes_ : (n_genres,) str
    weights_ : (n_axes, n_genres)
    bias_ : (n_genres,)
    """

    SHAPES: ClassVar = {"weights_": ("n_genre_axes", "n_genres"), "bias_": ("n_genres",)}
    weights_: Floats
    bias_: Floats

    shrinkage = 0.5
    freedom = 100.0
    """How far the logistic regression may go: its penalty is the squared length of the weights over twice this, for
    each track, where coordinates have the mean squared length 1."""
    trust = 0.5
    """The share of the hints in what the logistic regression learns."""

    def fit(self, Z: Floats, y: NDArray[np.str_], hints: Floats | None = None) -> Self:
        """Learn from coordinates (n_tracks, n_axes) and genres.

        Parameters
        ----------
        hints : (n_tracks, n_genres)
            A teacher's probabilities of the genres of ``y`` in alphabetical order; rows of zeros where it has none.
        """
        self.classes_, index = np.unique(y, return_inverse=True)
        said = np.eye(len(self.classes_))[index]
        parts = [
            _discriminant_analysis(Z, index, self.shrinkage),
            _logistic_regression(Z, said if hints is None else _softened(said, hints, self.trust), index, self.freedom),
        ]
        scales = [_spread(Z @ weights + bias) for weights, bias in parts]
        self.weights_ = np.sum([weights / scale for (weights, _), scale in zip(parts, scales, strict=True)], axis=0)
        self.bias_ = np.sum([bias / scale for (_, bias), scale in zip(parts, scales, strict=True)], axis=0)
        return self

    def logits(self, Z: Floats) -> Floats:
        """Return the evidence for each genre, (n_tracks, n_genres)."""
        return np.asarray(Z @ self.weights_ + self.bias_)


def softmax(logits: Floats) -> Floats:
    """Return probabilities, rows summing to 1."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def temperature(logits: Floats, truth: NDArray[np.intp]) -> float:
    """Find the divisor of the logits under which the truth is likeliest (Guo et al. 2017)."""

    def loss(log_t: float) -> float:
        p = softmax(logits / np.exp(log_t))
        return float(-np.log(p[np.arange(len(truth)), truth] + 1e-12).mean())

    return float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=(-3, 5), method="bounded").x))


def _discriminant_analysis(Z: Floats, index: NDArray[np.intp], shrinkage: float) -> tuple[Floats, Floats]:
    means = np.array([Z[index == i].mean(axis=0) for i in range(index.max() + 1)])
    inside = Z - means[index]
    covariance = inside.T @ inside / len(Z)
    sphere = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    covariance = (1 - shrinkage) * covariance + shrinkage * sphere + 1e-9 * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, means.T)
    return weights, -0.5 * (means.T * weights).sum(axis=0)


def _logistic_regression(Z: Floats, targets: Floats, index: NDArray[np.intp], freedom: float) -> tuple[Floats, Floats]:
    """Least cross-entropy with ``targets`` (n_tracks, n_genres), all genres weighing the same."""
    share = 1 / np.bincount(index)[index]
    share /= share.sum()
    penalty = 1 / (freedom * len(Z))
    shape = (Z.shape[1] + 1, targets.shape[1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat.reshape(shape)[:-1], flat.reshape(shape)[-1]
        logits = Z @ weights + bias
        wrong = share[:, None] * (softmax(logits) - targets)
        entropy = share @ (np.logaddexp.reduce(logits, axis=1) - (targets * logits).sum(axis=1))
        gradient = np.vstack([Z.T @ wrong + penalty * weights, wrong.sum(axis=0)])
        return float(entropy + 0.5 * penalty * (weights**2).sum()), gradient.ravel()

    found = scipy.optimize.minimize(
        loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 150}
    )
    solution = found.x.reshape(shape)
    return solution[:-1], solution[-1]


def _softened(said: Floats, hints: Floats, trust: float) -> Floats:
    hinted = hints.sum(axis=1, keepdims=True)
    return np.where(hinted > 0, (1 - trust) * said + trust * hints / np.maximum(hinted, 1e-9), said)


def _spread(logits: Floats) -> float:
    return float((logits - logits.mean(axis=1, keepdims=True)).std()) + 1e-12
