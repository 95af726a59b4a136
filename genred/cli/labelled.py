"""Labelled music listened to, and the report about a model: what train, evaluate and model share."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from genred import config
from genred.cli.options import complain
from genred.errors import ConfigError

if TYPE_CHECKING:
    from genred.learning.labels import Labelled
    from genred.model.table import Table

REPORT = click.option(
    "--report",
    metavar="FILE.html",
    type=click.File("w", encoding="utf-8", lazy=False),  # opened now: an hour later is late to hear that it can't be
    help="Write a page with the confusion matrix, calibration, and precision against coverage.",
)


def table_of(labelled: Sequence["Labelled"], settings: config.Config) -> tuple["Table", bool]:
    """Features of labelled music, and whether some of it failed."""
    from genred.cli.progress import Progress
    from genred.learning import labels

    workers = settings.service.workers or len(os.sched_getaffinity(0))
    with Progress() as progress:
        progress.expect(len(labelled))
        table, errors = labels.build_table(
            labelled, workers=workers, cache_dir=config.cache_dir(), progress=progress.advance
        )
    for error in errors:
        complain(error)
    if not len(table):
        raise ConfigError("none of the music could be read")
    return table, bool(errors)
