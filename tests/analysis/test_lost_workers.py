"""What becomes of files whose Dask worker hangs, dies or goes with its scheduler: what docs/scale.md says of Dask."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dask.config
import numpy as np
import pytest
from numpy.typing import NDArray

from genred.analysis import remote
from genred.analysis.cluster import GREET_SECONDS, Cluster
from genred.analysis.remote import Order
from genred.analysis.silence import SILENCE_SECONDS
from genred.analysis.steps import Steps, walk
from genred.analysis.worker import Like
from genred.config import Cluster as Settings
from genred.config import Service
from tests.clusters import LocalCluster
from tests.makeaudio import make

SERVICE = Service(workers=1, nice=0, timeout_seconds=300)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, cache: Path, fitted: Path) -> Iterator[LocalCluster]:
    """A scheduler that gives a worker up after ten signs of life that didn't come, and a file after two workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "1s")
        patch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
        lasting = LocalCluster(tmp_path_factory.mktemp("cluster"), cache)
    with lasting:
        yield lasting


@pytest.fixture
def running(lasting: LocalCluster) -> LocalCluster:
    """The scheduler without workers; a new one where the last test killed it."""
    if lasting.scheduler.poll() is not None:
        lasting.again()
    lasting.clear()
    return lasting


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A file that is never opened: what hears it is a stand-in."""
    song = tmp_path / "song.flac"
    song.write_bytes(b"music")
    return song


def decoded() -> "Steps[list[NDArray[np.float32]]]":
    raise AssertionError("the workers see the file")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_worker_that_hangs_is_named_and_its_files_go_to_others(
    running: LocalCluster, song: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says which worker has them; Dask gives it up where it shows no sign of life."""

    def hear(order: Order, path: Path, like: Like) -> bytes:
        return b"heard"

    monkeypatch.setattr(remote, "hear", hear)
    running.add(1, "--no-nanny")
    clock = Clock()
    with closing(Cluster(Settings(running.address), SERVICE, needed=True, clock=clock)) as cluster:
        (hung,) = cluster.differences()
        running.workers[0].send_signal(signal.SIGSTOP)
        steps = cluster.hear(song, decoded)
        waited_for = next(steps)
        running.until_given()
        for clock.now in (GREET_SECONDS, SILENCE_SECONDS, SILENCE_SECONDS + 1):
            assert cluster.is_there()
        assert warnings(caplog) == [
            f"{running.address}: no worker has answered for 30 s; genred waits for 1 file at {hung}, "
            "which gives no sign of life; such files go to others when Dask gives the worker up, or when you kill it"
        ]
        running.begin("--no-nanny")
        assert waited_for.result() == b"heard"
        with pytest.raises(StopIteration):
            next(steps)


def test_a_file_that_takes_workers_with_it_is_heard_at_home(
    running: LocalCluster, song: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After one more than is allowed, by default the fourth, Dask gives it up; a nanny starts the worker again."""
    deaths = song.with_name("deaths")

    def hear(order: Order, path: Path, like: Like) -> bytes:
        with open(deaths, "ab") as count:
            count.write(b".")
        os.kill(os.getpid(), signal.SIGKILL)
        return b"heard"

    monkeypatch.setattr(remote, "hear", hear)
    running.add(1)
    with closing(Cluster(Settings(running.address), SERVICE, needed=True, clock=Clock())) as cluster:
        assert walk(cluster.hear(song, decoded), lambda: None) is None  # so home hears it
    assert deaths.read_bytes() == b".."
    assert dask.config.get("distributed.scheduler.allowed-failures") == 3
    reason = "it took several of Dask's workers with it"
    assert warnings(caplog) == [f"{song}: the cluster can't hear it ({reason}), and this machine does"]


def test_of_a_scheduler_that_dies_a_scan_says_one_line(running: LocalCluster, tiny_model: Path, tmp_path: Path) -> None:
    """Dask's own words, and its tracebacks, stay out of the terminal."""
    (tmp_path / "music").mkdir()
    make(tmp_path / "music" / "song.flac", 4.0)
    running.add(1, "--no-nanny")
    environment = os.environ | {"GENRED_SERVICE_WORKERS": "1", "GENRED_MODEL_PATH": str(tiny_model)}
    command = [sys.executable, "-m", "genred", "scan", "--scheduler", running.address, str(tmp_path / "music")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as scan:
        assert scan.stderr
        met = scan.stderr.readline()
        running.workers[0].send_signal(signal.SIGSTOP)
        running.until_given()
        running.kill(running.scheduler)
        said = scan.stderr.read()
    assert scan.returncode == 3
    assert met.endswith(f"{running.address} hears one file at once\n")
    assert said == f"genred: {running.address}: the scheduler is gone; what was heard is kept; start again to go on\n"
