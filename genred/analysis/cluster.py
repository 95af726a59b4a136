"""Have a Dask cluster hear files; what is heard comes home as vectors, and everything else stays there."""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from genred import config
from genred.analysis import remote
from genred.analysis.remote import Build, Order
from genred.analysis.silence import Silence
from genred.analysis.steps import Steps
from genred.analysis.worker import Like, NotThereError
from genred.errors import ClusterError, ClusterLostError, ConfigError, FileError
from genred.fs.files import readable, stamp_of

if TYPE_CHECKING:
    import numpy as np
    from distributed import Client
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5
GREET_SECONDS = 15.0
"""The time between two looks for workers that joined the cluster."""
ANSWER_SECONDS = 120.0
"""The time in which some worker has to say what it is: filters may have to be designed, and a disk be slow."""
TOGETHER_SECONDS = 20.0
"""The time that all workers get for that, before those that have answered begin."""
AWAY_SECONDS = 300.0
"""The time after which a cluster that went away is looked for again, where one can do without it."""
SILENT = "it doesn't answer"
"""What is different at a worker that says nothing."""
_BLIND, _SENT_AHEAD = 3, 50
"""After so many files in a row that workers don't see, excerpts of so many are sent before one is named again."""


class Cluster:
    """A Dask cluster whose workers have the same genred.

    Parameters
    ----------
    settings
        The address of the scheduler, and what the folders are called there.
    service
        The limits of genred's own workers at the cluster, which are those of home.
    needed
        True if nothing shall be heard at home where there is no cluster.
    clock
        Monotonic, in seconds.
    """

    def __init__(
        self,
        settings: config.Cluster,
        service: config.Service,
        *,
        needed: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = settings.scheduler
        names = {os.path.realpath(here): there for here, there in settings.paths.items()}  # a walk resolves links
        names.update(settings.paths)
        self._paths = sorted(names.items(), key=lambda pair: len(pair[0]), reverse=True)
        self._service = service
        self._is_away = False
        self._needed = needed
        self._clock = clock
        self._client: Client | None = None
        self._executor: Executor | None = None
        self._agreeing: dict[str, int] = {}
        """The number of jobs that each worker does at once, by address."""
        self._asked: dict[str, Future[Build]] = {}
        self._refused: dict[str, str] = {}
        """What is different at each other worker, by address."""
        self._silence = Silence(clock)
        self._look_at = clock()
        self._unseen = self._sent_ahead = 0
        self._looking = threading.Lock()

    @classmethod
    def of(cls, settings: config.Config, *, needed: bool) -> Self | None:
        """Return the cluster that is configured; None where none is."""
        return cls(settings.cluster, settings.service, needed=needed) if settings.cluster.scheduler else None

    @cached_property
    def _order(self) -> Order:
        return Order(remote.build(), self._service)

    @property
    def scheduler(self) -> str:
        """The address of the scheduler."""
        return self._address

    @property
    def at_once(self) -> int:
        """The number of files that are heard at once; 0 as long as the cluster is away."""
        client = self._client
        return sum(self._agreeing.values()) if client is not None and client.status == "running" else 0

    def close(self) -> None:
        """Leave the cluster, which drops what was asked of it."""
        client, self._client, self._executor = self._client, None, None
        self._agreeing, self._asked, self._refused = {}, {}, {}
        self._silence = Silence(self._clock)
        if client is not None:
            with suppress(OSError, TimeoutError):
                client.close(timeout=CONNECT_SECONDS)

    def is_there(self) -> bool:
        """Return whether the cluster can be asked, after looking for it, and for new workers, when it is time to.

        Raises
        ------
        ClusterError
            If it is needed, and can't be asked.
        ClusterLostError
            If it is needed, and was there.
        """
        with self._looking:
            if self._is_away and self._needed:
                raise ClusterLostError(f"{self._address}: the cluster was lost; start again to go on")
            if self._client is not None and self._client.status not in ("running", "connecting"):
                self._lose(f"{self._address}: the connection to the scheduler was lost")
            if self._clock() >= self._look_at:
                executor, refused = self._executor, self._refused
                try:
                    self._greet()
                except ClusterError as error:
                    if self._needed and self._executor is None:
                        self.close()
                        raise
                    self._lose(str(error))
                else:
                    self._tell_news(executor, refused)
            if self._client is not None and self._silence.is_news():
                self._tell_silence(self._client)
            return self._executor is not None

    def differences(self) -> dict[str, str]:
        """Meet the cluster; return what is different at each worker, by address: nothing where it agrees.

        Raises
        ------
        ClusterError
            If the cluster can't be asked, or has no worker that answers.
        ConfigError
            If a library is missing.
        """
        with self._looking:
            try:
                self._greet()
            except ClusterError:
                if not self._refused:
                    raise
            silent = dict.fromkeys(self._asked, SILENT)
            return dict.fromkeys(self._agreeing, "") | self._refused | silent

    def hear(
        self, path: Path, decode: Callable[[], "Steps[list[NDArray[np.float32]]]"]
    ) -> Generator[Future[Any], None, bytes | None]:
        """Return the features of a file; None where the cluster can't tell, be it for the sake of the file.

        Parameters
        ----------
        path
            The file, as it is called at home.
        decode
            Decodes it at home, for workers that don't see it.

        Raises
        ------
        ClusterLostError
            If the cluster is needed, and went away.
        """
        if not self.is_there():
            return None
        if self._sent_ahead:
            self._sent_ahead -= 1
        else:
            try:
                like = Like.of(stamp_of(path))
                vector = yield from self._done(remote.hear, self.there(path), like)
            except NotThereError as error:
                self._unseen += 1
                if self._unseen >= _BLIND:
                    log.info("workers do not see what is here (%s); they are sent excerpts of it", error)
                    self._sent_ahead = _SENT_AHEAD
            except FileError:
                return None
            else:
                self._unseen = 0
                return vector
        excerpts = yield from decode()
        try:
            return (yield from self._done(remote.describe, path, excerpts))
        except FileError:
            return None

    def there(self, path: Path) -> Path:
        """Return what a file is called at the cluster."""
        for here, there in self._paths:
            if path.is_relative_to(here):
                return Path(there) / path.relative_to(here)
        return path

    def _done(self, function: Callable[..., bytes], path: Path, given: Any) -> Steps[bytes | None]:
        executor = self._executor
        if executor is None:
            return None
        future = executor.submit(function, self._order, path, given)
        self._silence.begin(future)
        yield future
        try:
            return future.result()
        except FileError:
            raise
        except CancelledError:
            self._lose(f"{self._address}: the scheduler is gone")
        except Exception as error:  # noqa: BLE001 - whatever it is, home hears the file, and says what is wrong with it
            log.warning("%s: the cluster can't hear it (%s), and this machine does", readable(path), _reason(error))
        return None

    # -- the workers -----------------------------------------------------------------------------------------------

    def _greet(self) -> None:
        """Meet the scheduler, if that wasn't done, and all workers that are new; go on with those that agree."""
        self._look_at = self._clock() + GREET_SECONDS
        client = self._client = self._client or self._met()
        threads = {address: each["nthreads"] for address, each in self._known(client).items()}
        before = self._agreeing
        self._refused = {address: reason for address, reason in self._refused.items() if address in threads}
        self._agreeing = {address: threads[address] for address in before if address in threads}
        self._ask(client, threads)
        if not self._agreeing and not before:  # those of the last look get until the next one to come back
            raise ClusterError(self._nobody(threads))
        self._is_away = False
        others = self._refused or self._asked
        if self._executor is None or self._agreeing.keys() != before.keys():
            self._executor = client.get_executor(pure=False, workers=list(self._agreeing) if others else None)

    def _known(self, client: "Client") -> dict[str, dict[str, Any]]:
        """Return what the scheduler knows of each worker, by address, and note their signs of life."""
        scheduler: Any = client.scheduler
        try:
            found = client.sync(scheduler.identity, n_workers=-1, callback_timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise ClusterError(f"{self._address}: the scheduler does not answer ({error})") from error
        workers: dict[str, dict[str, Any]] = found["workers"]
        self._silence.note_signs({address: each["last_seen"] for address, each in workers.items()})
        return workers

    def _tell_news(self, executor: Executor | None, refused: Mapping[str, str]) -> None:
        """Log what is new since there were this executor and these workers that aren't asked."""
        for address in self._refused:
            if address not in refused:
                log.warning("%s is not asked: %s", address, self._refused[address])
        if self._executor is not executor:
            log.info("%s hears %s at once", self._address, "one file" if self.at_once == 1 else f"{self.at_once} files")

    def _tell_silence(self, client: "Client") -> None:
        """Log what is waited for, and which workers have it."""
        seconds = self._silence.seconds
        scheduler: Any = client.scheduler
        held: dict[str, int] = {}
        with suppress(ClusterError, OSError, TimeoutError):  # the next look at the cluster tells what is wrong
            self._known(client)
            tasks = client.sync(scheduler.processing, workers=None, callback_timeout=CONNECT_SECONDS)
            held = {address: sum(map(_is_file, client.futures.keys() & keys)) for address, keys in tasks.items()}
        told = self._silence.told(held)
        log.warning("%s: no worker has answered for %.0f s; genred waits for %s", self._address, seconds, told)

    def _ask(self, client: "Client", threads: Mapping[str, int]) -> None:
        """Ask workers that are new what they are; where there is nobody else, wait until one of them agrees."""
        for gone in self._asked.keys() - threads:
            self._asked.pop(gone).cancel()
        for address in threads.keys() - {*self._agreeing, *self._refused, *self._asked}:
            self._asked[address] = client.get_executor(pure=False, workers=[address]).submit(remote.build)
        wait(self._asked.values(), timeout=0 if self._agreeing else TOGETHER_SECONDS)
        self._take_answers(threads)
        while self._asked and not self._agreeing:
            if not wait(self._asked.values(), timeout=ANSWER_SECONDS, return_when=FIRST_COMPLETED).done:
                break
            self._take_answers(threads)

    def _take_answers(self, threads: Mapping[str, int]) -> None:
        home = self._order.build
        for address in [address for address, answer in self._asked.items() if answer.done()]:
            answer = self._asked.pop(address)
            if reason := _differences(answer, home):
                self._refused[address] = reason
            else:
                self._agreeing[address] = threads[address]

    def _nobody(self, threads: Mapping[str, int]) -> str:
        if self._asked:
            return f"{self._address}: no worker answered within {ANSWER_SECONDS:.0f} s"
        if not threads:
            return f"{self._address}: the cluster has no workers; start some with `dask worker {self._address}`"
        reasons = sorted({self._refused[address] for address in threads if address in self._refused})
        return f"{self._address}: no worker has the genred of this machine: {'; '.join(reasons)}"

    def _met(self) -> "Client":
        try:
            from distributed import Client, Security
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in ("dask", "distributed"):
                raise
            raise ConfigError("a cluster needs one more library: pip install 'genred[dask]'") from error
        except OSError as error:  # it reads the size of the memory, which a unit of systemd may hide
            raise ClusterError(f"{self._address}: Dask can't be used here ({error})") from error
        for name in [name for name in logging.root.manager.loggerDict if name.startswith(("distributed", "tornado"))]:
            logging.getLogger(name).setLevel(logging.CRITICAL)  # they tell of what is told here, by tracebacks
        if self._address.startswith("tls") and Security().get_connection_args("client")["ssl_context"] is None:
            raise ClusterError(f"{self._address}: Dask's configuration names no certificates (distributed.comm.tls)")
        try:
            return Client(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(f"{self._address}: no scheduler answers there ({error})") from error

    def _lose(self, reason: str) -> None:
        """Go on without the cluster, if that is possible."""
        is_news, self._is_away = not self._is_away, True
        self.close()
        if self._needed:
            raise ClusterLostError(f"{reason}; what was heard is kept; start again to go on")
        self._look_at = self._clock() + AWAY_SECONDS
        if is_news:
            log.warning("%s; this machine hears alone for now", reason)


def _is_file(key: object) -> bool:
    """Return whether a task of this client is about a file; the others ask workers what they are."""
    return not str(key).startswith(f"{remote.build.__name__}-")


def _reason(error: Exception) -> str:
    """Return in words why Dask gave a file up, or what it raised."""
    from distributed import KilledWorker

    return "it took several of Dask's workers with it" if isinstance(error, KilledWorker) else repr(error)


def _differences(answer: Future[Build], home: Build) -> str:
    """Return what is different at a worker, in words; nothing where it agrees."""
    if answer.cancelled() or (error := answer.exception()) is not None:
        return f"it can't say which genred it has ({'it left' if answer.cancelled() else error})"
    return ", ".join(answer.result().differences(home))
