"""Learn the parts of a model from a table."""

from collections.abc import Collection

import numpy as np

from genred.model.album import Album
from genred.model.discriminant import Discriminant, Regression, factors, product
from genred.model.evaluation import Evaluation
from genred.model.folds import Tell, folds, leave_one_source_out, out_of_fold
from genred.model.hearing import Hearing
from genred.model.neighbourhood import Neighbourhood
from genred.model.novelty import Novelty
from genred.model.parts import Parts
from genred.model.projection import Space
from genred.model.table import Table
from genred.sound.features import DESCRIBED, HEARD

SHARES = (0.3, 0.7)
"""How much features count, and how much what the network hears."""


def learn(table: Table, music: Table, tell: Tell, *, told: Collection[str] | None) -> tuple[Parts, Evaluation]:
    """Learn what music is from all of it, and genres from the table that it begins with.

    ``told`` is for `Evaluation.telling`.
    """
    tell(f"finding the axes of {len(music)} tracks")
    genres, truth = np.unique(table.y, return_inverse=True)
    space, hearing = Space().fit(music.X[:, DESCRIBED]), Hearing().fit(music.X[:, HEARD])
    normal, heard = space.normal(music.X[:, DESCRIBED]), hearing.coordinates(music.X[:, HEARD])
    neighbourhood = Neighbourhood().fit(normal, heard)
    tell("measuring what is strange")
    novelty = Novelty().fit(neighbourhood.coordinates(normal, heard), folds(music))
    Z, Z_heard = space.coordinates(normal[: len(table)]), heard[: len(table)]
    del normal  # 128 MB for ten thousand tracks
    unheard = [
        out_of_fold(kind, coordinates, table, genres, tell)
        for kind, coordinates in ((Discriminant, Z), (Regression, Z_heard))
    ]
    shares = factors(unheard, SHARES, truth)
    tell("telling genres apart")
    discriminant, regression = Discriminant().fit(Z, table.y), Regression().fit(Z_heard, table.y)
    evaluation = Evaluation(
        tuple(map(str, genres)),
        table.y,
        product(shares, unheard),
        table.groups,
        table.sources,
        leave_one_source_out(table, shares, tell),
    )
    album = Album().fit(evaluation.probabilities, truth, table.groups, table.sources)
    parts = Parts(space, discriminant, hearing, regression, neighbourhood, novelty, album, shares)
    return parts, evaluation.telling(told)
