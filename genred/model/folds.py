"""What experts say of tracks whose artist, or whose source, they had not learnt from."""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from genred.errors import ModelError
from genred.model.discriminant import Discriminant, Regression, product
from genred.model.fitted import Floats
from genred.model.hearing import Hearing
from genred.model.novelty import Folds
from genred.model.projection import Space
from genred.model.table import Table
from genred.sound.features import DESCRIBED, HEARD

TOO_LITTLE = "too little music to learn from: of each genre, several tracks by several artists are needed"

Tell = Callable[[str], None]
"""Is told what is being done, in a few words."""


def folds(table: Table) -> Folds:
    """Split a table into parts to learn from and to test on, never an artist on both sides.

    Raises
    ------
    ModelError
        If there is too little music for that.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    splits = min(5, len(np.unique(table.groups)), int(np.unique(table.y, return_counts=True)[1].max()))
    if splits < 2:
        raise ModelError(TOO_LITTLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a genre with fewer tracks than folds is allowed
        found = list(StratifiedGroupKFold(splits, shuffle=True, random_state=0).split(table.X, table.y, table.groups))
    parts = [(train, test) for train, test in found if len(test) and len(np.unique(table.y[train])) > 1]
    if not parts:
        raise ModelError(TOO_LITTLE)
    return parts


def out_of_fold(
    kind: type[Regression], Z: Floats, table: Table, classes: NDArray[np.str_], tell: Tell = lambda step: None
) -> Floats:
    """Return logits of each track from an expert that never heard its artist."""
    logits = np.full((len(Z), len(classes)), -30.0)
    parts = folds(table)
    for number, (train, test) in enumerate(parts, 1):
        tell(f"testing on artists that were left out, {number} of {len(parts)}")
        expert = kind().fit(Z[train], table.y[train])
        logits[np.ix_(test, np.searchsorted(classes, expert.classes_))] = expert.logits(Z[test])
    return logits


def leave_one_source_out(table: Table, factors: Floats, tell: Tell, least: int = 5) -> dict[str, float]:
    """Return balanced accuracy on each source for a model of the others, among genres that both have enough of."""
    found: dict[str, float] = {}
    for source in np.unique(table.sources):
        inside = table.sources == source
        (here, n_here), (there, n_there) = (np.unique(table.y[m], return_counts=True) for m in (inside, ~inside))
        shared = np.intersect1d(here[n_here >= least], there[n_there >= least])
        if len(shared) < 2:
            continue
        tell(f"testing on what comes from elsewhere: without {source}")
        train, test = (table[part & np.isin(table.y, shared)] for part in (~inside, inside))
        space, hearing = Space().fit(train.X[:, DESCRIBED]), Hearing().fit(train.X[:, HEARD])
        Z, Z_test = (space.coordinates(space.normal(t.X[:, DESCRIBED])) for t in (train, test))
        described = Discriminant().fit(Z, train.y).logits(Z_test)
        Z, Z_test = (hearing.coordinates(t.X[:, HEARD]) for t in (train, test))
        heard = Regression().fit(Z, train.y).logits(Z_test)
        predicted = shared[product(factors, (described, heard)).argmax(axis=1)]
        found[str(source)] = float(np.mean([(predicted == genre)[test.y == genre].mean() for genre in shared]))
    return found
