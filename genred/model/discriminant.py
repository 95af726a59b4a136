"""Coordinates of a track to the evidence for each genre: linear maps, how they are learnt, and their product. Pure.

* Linear discriminant analysis: genres are equally likely and spread alike; their covariance is shrunk to a sphere.
* Logistic regression: the least cross-entropy with the labels, all genres weighing the same.

How much of it is to be believed is for the calibration to say.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from genred.model.fitted import Fitted, Floats


class Regression(Fitted):
    """Logistic regression: log-likelihoods of genres, up to a factor and to a constant for each track.

    Attributes
    ----------
    classes_ : (n_genres,) str
    weights_ : (n_axes, n_genres)
    bias_ : (n_genres,)
    """

    SHAPES: ClassVar = {"weights_": ("n_heard", "n_genres"), "bias_": ("n_genres",)}
    weights_: Floats
    bias_: Floats

    freedom = 3.0
    """How far it may go: its penalty is the squared length of the weights over twice this, for each track, where
    coordinates have the mean squared length 1."""

    def fit(self, Z: Floats, y: NDArray[np.str_]) -> Self:
        """Learn from coordinates (n_tracks, n_axes) and genres."""
        self.classes_, index = np.unique(y, return_inverse=True)
        self.weights_, self.bias_ = self._learn(Z, index)
        return self

    def logits(self, Z: Floats) -> Floats:
        """Return the evidence for each genre, (n_tracks, n_genres)."""
        return np.asarray(Z @ self.weights_ + self.bias_)

    def _learn(self, Z: Floats, index: NDArray[np.intp]) -> tuple[Floats, Floats]:
        return _logistic_regression(Z, index, self.freedom)


class Discriminant(Regression):
    """Discriminant analysis plus logistic regression: each of the two errs where the other doesn't.

    They are brought to one scale, on the training tracks, before they are added.
    """

    SHAPES: ClassVar = {"weights_": ("n_genre_axes", "n_genres"), "bias_": ("n_genres",)}

    shrinkage = 0.5
    freedom = 100.0

    def _learn(self, Z: Floats, index: NDArray[np.intp]) -> tuple[Floats, Floats]:
        parts = [_discriminant_analysis(Z, index, self.shrinkage), super()._learn(Z, index)]
        scales = [_spread(Z @ weights + bias) for weights, bias in parts]
        weights = np.sum([weights / scale for (weights, _), scale in zip(parts, scales, strict=True)], axis=0)
        return weights, np.sum([bias / scale for (_, bias), scale in zip(parts, scales, strict=True)], axis=0)


def softmax(logits: Floats) -> Floats:
    """Return probabilities, rows summing to 1."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def product(factors: Floats, logits: Sequence[Floats]) -> Floats:
    """Return the probabilities of several experts together, (n_tracks, n_genres)."""
    return softmax(np.sum([factor * own for factor, own in zip(factors, logits, strict=True)], axis=0))


def temperature(logits: Floats, truth: NDArray[np.intp]) -> float:
    """Find the divisor of the logits under which the truth is likeliest (Guo et al. 2017)."""

    def loss(log_t: float) -> float:
        p = softmax(logits / np.exp(log_t))
        return float(-np.log(p[np.arange(len(truth)), truth] + 1e-12).mean())

    import scipy.optimize  # here and not above, as for the regression: it is slow to import, and only fitting needs it

    return float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=(-3, 5), method="bounded").x))


def factors(experts: Sequence[Floats], shares: Sequence[float], truth: NDArray[np.intp]) -> Floats:
    """Return by what the logits of each expert are multiplied before they are added, (n_experts,).

    The product of experts (Hinton 2002): each is first made as sure as it may be, has its share, and then all are made
    as sure as they may be together.

    Parameters
    ----------
    experts : sequence of (n_tracks, n_genres)
        Logits about tracks that the experts had not learnt from.
    shares
        Exponents of the experts' probabilities, of the sum 1.
    truth : (n_tracks,) int
        The column of the true genre.
    """
    alone = [share / temperature(logits, truth) for logits, share in zip(experts, shares, strict=True)]
    together = np.sum([factor * logits for factor, logits in zip(alone, experts, strict=True)], axis=0)
    return np.array(alone) / temperature(together, truth)


def _discriminant_analysis(Z: Floats, index: NDArray[np.intp], shrinkage: float) -> tuple[Floats, Floats]:
    means = np.array([Z[index == i].mean(axis=0) for i in range(index.max() + 1)])
    inside = Z - means[index]
    covariance = inside.T @ inside / len(Z)
    sphere = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    covariance = (1 - shrinkage) * covariance + shrinkage * sphere + 1e-9 * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, means.T)
    return weights, -0.5 * (means.T * weights).sum(axis=0)


def _logistic_regression(Z: Floats, index: NDArray[np.intp], freedom: float) -> tuple[Floats, Floats]:
    share = 1 / np.bincount(index)[index]
    share /= share.sum()
    truth = np.eye(index.max() + 1)[index]
    penalty = 1 / (freedom * len(Z))
    shape = (Z.shape[1] + 1, truth.shape[1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat.reshape(shape)[:-1], flat.reshape(shape)[-1]
        logits = Z @ weights + bias
        wrong = share[:, None] * (softmax(logits) - truth)
        entropy = share @ (np.logaddexp.reduce(logits, axis=1) - (truth * logits).sum(axis=1))
        gradient = np.vstack([Z.T @ wrong + penalty * weights, wrong.sum(axis=0)])
        return float(entropy + 0.5 * penalty * (weights**2).sum()), gradient.ravel()

    import scipy.optimize

    found = scipy.optimize.minimize(
        loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 150}
    )
    solution = found.x.reshape(shape)
    return solution[:-1], solution[-1]


def _spread(logits: Floats) -> float:
    return float((logits - logits.mean(axis=1, keepdims=True)).std()) + 1e-12
