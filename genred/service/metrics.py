"""The status of a genred and the counts of its history as metrics for Prometheus (prometheus-client lives here)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from genred.history.log import Log
from genred.history.records import Author, Outcome, Query
from genred.service.status import Status

_STATES = ("starting", "watching", "reloading", "scanning", "deciding anew", "hearing again", "waiting", "stopping")
_ROOT_STATES = ("starting", "watched", "limited", "offline", "scanned")


class _Told(Collector):
    """Metrics that were made once."""

    def __init__(self, metrics: Iterator[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> list[Metric]:
        return self._metrics


def exposition(at_work: bool, said: Status | None, log: Log | None) -> bytes:
    """Return the metrics in Prometheus' text format.

    Parameters
    ----------
    at_work, said
        What `status.ask` returns.
    log
        The log of the history; None where there is no history yet.
    """
    registry = CollectorRegistry()
    registry.register(_Told(_all(at_work, said, log)))
    if at_work and said:
        ProcessCollector("genred", lambda: said.pid, registry=registry)
    return generate_latest(registry)


def _all(at_work: bool, said: Status | None, log: Log | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("genred_up", "Whether a genred is at work on the history (1) or none is (0).", int(at_work))
    if at_work and said:
        yield from _of_the_service(said)
    if log is not None:
        yield from _of_the_history(log)


def _of_the_service(said: Status) -> Iterator[Metric]:
    info = {"version": said.version, "command": said.command, "model": said.model}
    yield InfoMetricFamily("genred", "The genred at work.", info)
    yield _moment("genred_start", "When the genred at work was started.", said.since)
    yield _moment("genred_status_change", "When the genred at work last had something new to say.", said.at)
    if said.alive is not None:
        yield _moment("genred_alive", "When the genred at work last gave a sign of life.", said.alive)
    state = GaugeMetricFamily("genred_state", "What the genred at work does: 1 for one of these.", labels=["state"])
    for name in _STATES:
        state.add_metric([name], name == said.state)
    yield state
    roots = GaugeMetricFamily(
        "genred_root_state", "How a folder is looked after: 1 for one of these.", labels=["path", "state"]
    )
    for root in said.roots:
        for name in _ROOT_STATES:
            roots.add_metric([root.path, name], name == root.state)
    yield roots
    yield GaugeMetricFamily("genred_queued_files", "Files that wait, about.", said.queued)
    yield GaugeMetricFamily("genred_known_files", "Files that the history knows.", said.known)
    yield GaugeMetricFamily("genred_unread_files", "Known files whose tags are still to be read.", said.unread)
    yield GaugeMetricFamily(
        "genred_configuration_mistakes", "Mistakes of a configuration that was refused.", len(said.mistakes)
    )


def _of_the_history(log: Log) -> Iterator[Metric]:
    counts = log.counts()
    outcomes = CounterMetricFamily("genred_decisions", "Decisions in the history, by outcome.", labels=["outcome"])
    for outcome in Outcome:
        outcomes.add_metric([outcome], counts["outcome"].get(outcome, 0))
    yield outcomes
    files = GaugeMetricFamily("genred_files", "Files that have a genre, by who wrote it.", labels=["by"])
    for author in Author:
        files.add_metric([author], counts["now_by"].get(author, 0))
    yield files
    for newest in islice(log.records(Query(limit=1)), 1):
        yield _moment("genred_last_decision", "When genred decided about a file last.", newest.at or "")
    yield GaugeMetricFamily("genred_undo_records", "Tag writes that the history can undo.", log.count_writes())
    beside = (log.path, log.path.with_name(f"{log.path.name}-wal"))
    size = sum(map(_size, beside))
    yield GaugeMetricFamily("genred_history", "The size of the history, with its write-ahead log.", size, unit="bytes")
    there = os.statvfs(log.path)
    free = there.f_bavail * there.f_frsize
    yield GaugeMetricFamily("genred_history_free", "Room on the disk that the history is on.", free, unit="bytes")


def _moment(name: str, help_: str, at: str) -> Metric:
    return GaugeMetricFamily(f"{name}_time", help_, datetime.fromisoformat(at).timestamp(), unit="seconds")


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
