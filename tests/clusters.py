"""A Dask cluster on this machine: a scheduler and workers, each a process that can be killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from distributed import Client


class LocalCluster:
    """A scheduler on a port of its own.

    Parameters
    ----------
    folder
        For what the processes say, and for what Dask keeps.
    cache
        The cache of genred at the workers.
    """

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = folder
        self._environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
        self._file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler, self._client = self._started(0)
        self.address = str(self._client.scheduler_info()["address"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def add(self, count: int, *options: str, **environment: str) -> None:
        """Start workers, and wait until the scheduler knows them."""
        for _ in range(count):
            self.begin(*options, **environment)
        self._client.wait_for_workers(len([each for each in self.workers if each.poll() is None]), timeout=300)

    def begin(self, *options: str, **environment: str) -> None:
        """Start a worker, and don't wait for it."""
        self.workers.append(
            self._start("worker", self.address, "--host", "127.0.0.1", "--nthreads", "1", *options, **environment)
        )

    def until_given(self) -> None:
        """Wait until a worker was given something."""
        while not any(self._client.processing().values()):
            time.sleep(0.01)

    def clear(self) -> None:
        """Kill all workers, and wait until the scheduler has none."""
        for worker in self.workers:
            self.kill(worker)
        self.workers.clear()
        while self._client.processing():
            time.sleep(0.01)

    def again(self) -> None:
        """Start another scheduler, which has no workers, at the address of the one that was killed."""
        self._client.close()
        for worker in self.workers:
            self.kill(worker)
        self.workers.clear()
        self.scheduler, self._client = self._started(int(self.address.rpartition(":")[2]))

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill a process, and wait until it is gone."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def _started(self, port: int) -> "tuple[subprocess.Popen[bytes], Any]":
        self._file.unlink(missing_ok=True)
        scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--scheduler-file", self._file)
        # It waits for the file to appear, and for the scheduler to answer.
        return scheduler, Client(scheduler_file=str(self._file), timeout=300, set_as_default=False)

    def _start(self, what: str, *arguments: str | Path, **environment: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "dask", what, *map(str, arguments), "--no-dashboard"]
        with open(self._folder / f"{what}-{len(self.workers)}.log", "wb") as log:
            return subprocess.Popen(
                command, cwd=self._folder, env=self._environment | environment, stdout=log, stderr=subprocess.STDOUT
            )
