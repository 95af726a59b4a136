"""Labelled music listened to, and the report about a model: what train, evaluate and model share."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
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


def table_of(
    labelled: Sequence["Labelled"], settings: config.Config, scheduler: str | None = None
) -> tuple["Table", bool]:
    """Features of labelled music, which a cluster hears if its scheduler is named, and whether some of it failed."""
    from genred.analysis.analyser import Analyser
    from genred.analysis.cluster import Cluster
    from genred.cli.progress import Progress
    from genred.learning import labels

    workers = settings.service.workers or len(os.sched_getaffinity(0))
    with Progress() as progress, ExitStack() as stack:
        progress.expect(len(labelled))
        build = partial(labels.build_table, labelled, cache_dir=config.cache_dir(), progress=progress.advance)
        if scheduler is None:
            table, errors = build(workers=workers)
        else:
            settings = settings.with_changes("cluster", scheduler=scheduler)
            cluster = Cluster(settings.cluster, settings.service, needed=True)
            analyser = stack.enter_context(Analyser.of(settings, cluster=cluster))
            cluster.is_there()
            table, errors = build(workers=2 * cluster.at_once, listen=analyser.listen)
    for error in errors:
        complain(error)
    if not len(table):
        raise ConfigError("none of the music could be read")
    return table, bool(errors)
