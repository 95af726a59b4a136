import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mutagen.flac import FLAC

from genred.analysis import Analysis, Ask, worker
from genred.analysis.analyser import Analyser
from genred.analysis.cluster import AWAY_SECONDS, Cluster
from genred.analysis.pool import WorkerLostError
from genred.analysis.remote import Build, build
from genred.analysis.steps import Steps
from genred.config import Cluster as Settings
from genred.config import Model, Service
from genred.errors import ClusterError, ClusterLostError, FileError
from tests.clusters import LocalCluster
from tests.command import Genred
from tests.makeaudio import make

T = TypeVar("T")

SERVICE = Service(workers=1, nice=0, timeout_seconds=300)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def running(tmp_path: Path, cache: Path, fitted: Path) -> Iterator[LocalCluster]:
    """A scheduler without workers, whose filters are designed."""
    (tmp_path / "cluster").mkdir()
    with LocalCluster(tmp_path / "cluster", cache) as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, cache: Path, fitted: Path) -> Iterator[LocalCluster]:
    """A cluster that no test harms: two workers, and one with a nanny."""
    with LocalCluster(tmp_path_factory.mktemp("cluster"), cache) as running:
        running.add(2, "--no-nanny")
        running.add(1)
        yield running


@pytest.fixture
def music(tmp_path: Path) -> list[Path]:
    """Nine songs, one that names a genre, and one that is none."""
    (tmp_path / "music").mkdir()
    songs = [make(tmp_path / "music" / f"{n}.flac", 4.0, freq=200.0 * (n + 1), noise=0.01 * n) for n in range(9)]
    named = FLAC(songs[4])
    named["genre"] = "Jazz"
    named.save()
    (tmp_path / "music" / "none.mp3").write_text("no music")
    return [*songs, tmp_path / "music" / "none.mp3"]


def analyser(model: Path, folder: Path, cluster: Cluster | None = None) -> Analyser:
    return Analyser(SERVICE, Model(path=str(model), min_confidence=0.5), folder, cluster=cluster)


def cluster_at(running: LocalCluster, **paths: str) -> Cluster:
    return Cluster(Settings(running.address, paths), SERVICE, needed=True)


def found(analyser: Analyser, paths: list[Path], ask: Ask = Ask.MISSING) -> dict[str, Analysis | str]:
    """What is found in each file, in order; of an error its words."""
    return {
        path.name: str(look) if isinstance(look, FileError) else look for path, look in analyser.analyse(paths, ask)
    }


@pytest.mark.parametrize("ask", [Ask.MISSING, Ask.SOUND])
def test_a_cluster_finds_the_same_to_the_bit(
    lasting: LocalCluster, music: list[Path], tiny_model: Path, tmp_path: Path, ask: Ask
) -> None:
    """Vectors, predictions and errors, in the same order, with a nanny and without; where one is called otherwise."""
    with analyser(tiny_model, tmp_path) as alone:
        expected = found(alone, music, ask)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "music")
    mapped = cluster_at(lasting, **{str(tmp_path / "music"): str(tmp_path / "elsewhere")})
    with analyser(tiny_model, tmp_path, mapped) as together:
        together.warm_up()
        assert mapped.at_once == 3
        assert found(together, music, ask) == expected
    assert isinstance(expected["0.flac"], Analysis)
    assert isinstance(expected["none.mp3"], str)


def test_workers_that_do_not_see_the_library_are_sent_the_excerpts(
    lasting: LocalCluster, music: list[Path], tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that sees another file under the name counts as one that sees nothing; what is found is the same."""
    caplog.set_level(logging.INFO, "genred")
    (tmp_path / "other").mkdir()
    make(tmp_path / "other" / "0.flac", 9.0)
    with analyser(tiny_model, tmp_path) as alone:
        expected = found(alone, music[:3])
    blind = cluster_at(lasting, **{str(tmp_path / "music"): str(tmp_path / "other")})
    with analyser(tiny_model, tmp_path, blind) as together:
        together.warm_up()
        assert found(together, music[:3]) == expected
    assert "they are sent excerpts" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_worker_that_is_killed_costs_a_retry(
    running: LocalCluster, music: list[Path], tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The others hear what it had in hand, and everything is heard once."""
    running.add(3, "--no-nanny")
    with analyser(tiny_model, tmp_path) as alone:
        expected = found(alone, music)
    with analyser(tiny_model, tmp_path, cluster_at(running)) as together:
        together.warm_up()
        seen: dict[str, Analysis | str] = {}
        for path, look in together.analyse(music, Ask.MISSING):
            if not seen:
                running.kill(running.workers[0])
            assert path.name not in seen
            seen[path.name] = str(look) if isinstance(look, FileError) else look
    assert seen == expected


def test_a_scheduler_that_is_killed(
    running: LocalCluster, music: list[Path], tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A pass that needs it yields what was heard, and ends; one that can do without goes on at home, and says so once.

    There, the cluster is looked for again after a while. The worker ends, with what hears below it.
    """
    running.add(1)
    now = [0.0]
    cluster = Cluster(Settings(running.address), SERVICE, needed=False, clock=lambda: now[0])
    with analyser(tiny_model, tmp_path) as alone:
        expected = found(alone, music)
    with analyser(tiny_model, tmp_path, cluster_at(running)) as strict, analyser(tiny_model, tmp_path, cluster) as easy:
        looks = {}
        for each in (strict, easy):
            each.warm_up()
            looks[each] = each.analyse(music, Ask.MISSING)
            next(looks[each])
        running.kill(running.scheduler)
        heard: list[str] = []
        with pytest.raises(ClusterLostError, match=f"{running.address}: .*; what was heard is kept; start again"):
            heard += (path.name for path, look in looks[strict] if isinstance(look, Analysis))
        assert heard == [name for name in list(expected)[1:] if name in heard]
        assert len(heard) < len(music) - 1
        with pytest.raises(ClusterLostError):  # and nothing is heard at home instead
            strict.listen(music[0])
        rest = {path.name: str(look) if isinstance(look, FileError) else look for path, look in looks[easy]}
        assert rest == dict(list(expected.items())[1:])
        assert cluster.at_once == 0
        now[0] += AWAY_SECONDS
        assert not cluster.is_there()
        running.workers[0].wait()  # and whatever hears below it, or its nanny would wait for ever
        running.again()
        running.add(1, "--no-nanny")
        assert not cluster.is_there()
        now[0] += AWAY_SECONDS
        assert cluster.is_there()
    assert caplog.text.count("this machine hears alone for now") == 1


def test_a_service_that_may_not_see_the_memory_hears_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Dask asks for its size as it is imported, and the system unit hides it; one warning says so."""
    (tmp_path / "distributed.py").write_text("open('/proc/none/meminfo')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "distributed")
    cluster = Cluster(Settings("tcp://127.0.0.1:1"), SERVICE, needed=False)
    assert not cluster.is_there()
    assert "Dask can't be used here" in caplog.text
    assert "/proc/none/meminfo" in caplog.text


def test_only_workers_with_the_same_genred_hear(
    running: LocalCluster, music: list[Path], tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another one is named with what is different there; where there is no other, that is an error."""
    (tmp_path / "sitecustomize.py").write_text("import genred; genred.__version__ = '0.0.1'")
    running.add(1, "--no-nanny", PYTHONPATH=str(tmp_path))
    with (
        pytest.raises(ClusterError, match=r"no worker has the genred of this machine: genred 0\.0\.1 instead of"),
        analyser(tiny_model, tmp_path, cluster_at(running)) as together,
    ):
        together.warm_up()
    running.add(1, "--no-nanny")
    with analyser(tiny_model, tmp_path, cluster_at(running)) as together:
        together.warm_up()
        found(together, music)
    (warning,) = {record.getMessage() for record in caplog.records if record.levelno == logging.WARNING}
    assert "is not asked: genred 0.0.1 instead of" in warning


def test_a_scan_and_a_training_by_a_cluster(
    lasting: LocalCluster, music: list[Path], genred: Genred, tmp_path: Path
) -> None:
    """What they end with is what they end with alone."""
    folder = music[0].parent
    alone = genred("scan", "-n", folder)
    assert genred("scan", "-n", "--scheduler", lasting.address, folder).out == alone.out
    for genre in ("Jazz", "Rock"):
        for n in range(2):
            (tmp_path / "labelled" / genre).mkdir(parents=True, exist_ok=True)
            make(tmp_path / "labelled" / genre / f"{n}.flac", 4.0, freq=300.0 * (n + 1))
    tables = [tmp_path / "one.npz", tmp_path / "two.npz"]
    assert genred("train", tmp_path / "labelled", "--to-table", tables[0], "--scheduler", lasting.address).code == 0
    assert genred("train", tmp_path / "labelled", "--to-table", tables[1]).code == 0
    assert tables[0].read_bytes() == tables[1].read_bytes()


@pytest.mark.parametrize(
    ("address", "said"),
    [("tcp://127.0.0.1:1", "no scheduler answers there"), ("tls://127.0.0.1:1", "Dask's configuration names no cert")],
)
def test_where_no_scheduler_is_a_scan_says_so(genred: Genred, music: list[Path], address: str, said: str) -> None:
    """In one line, with exit code 1."""
    ran = genred("scan", "--scheduler", address, music[0].parent)
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith(f"genred: {address}: {said}")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:8786", "tcp://", "tcp://desk", "http://desk:8786", " "])
def test_what_is_no_address_is_refused(genred: Genred, home: Path, address: str) -> None:
    """On the command line, and in the configuration."""
    assert genred("scan", "--scheduler", address, home).code == 2
    (home / "c.toml").write_text(f'[cluster]\nscheduler = "{address}"\n')
    ran = genred("config", "check", "--config", home / "c.toml")
    assert ran.code == 10
    assert "cluster.scheduler: must be like tcp://desk:8786" in ran.out


def test_paths_at_a_cluster_are_absolute(genred: Genred, home: Path) -> None:
    (home / "c.toml").write_text('[cluster]\npaths = { "/music" = "music" }\n')
    ran = genred("config", "check", "--config", home / "c.toml")
    assert ran.code == 10
    assert "cluster.paths: must be an absolute path, got 'music'" in ran.out


def test_reading_tags_asks_no_cluster(music: list[Path], tiny_model: Path, tmp_path: Path) -> None:
    """Not even where a batch of files was too much for its worker, and each is read alone."""

    class Fragile(Analyser):
        def _once(self, path: Path, function: Callable[..., T], *arguments: Any) -> Steps[T]:
            if function is worker.read_tags:
                raise WorkerLostError(path, "it was too much")
            return super()._once(path, function, *arguments)

    class Deaf(Cluster):
        def is_there(self) -> bool:
            return True

        def hear(self, path: Path, decode: object) -> Steps[bytes | None]:
            raise AssertionError(f"{path} is heard")

    cluster = Deaf(Settings("tcp://127.0.0.1:1"), SERVICE, needed=True)
    with Fragile(SERVICE, Model(path=str(tiny_model)), tmp_path, cluster=cluster) as fragile:
        looks = [look for _, look in fragile.analyse(music[:5], Ask.TAGS)]
    assert [look.genres for look in looks if isinstance(look, Analysis)] == [(), (), (), (), ("Jazz",)]


def test_a_folder_that_is_a_link_is_found_by_both_names(tmp_path: Path) -> None:
    """What a walk finds has the name that the link leads to; of several that fit, the longest counts."""
    (tmp_path / "disk" / "live").mkdir(parents=True)
    (tmp_path / "music").symlink_to(tmp_path / "disk")
    paths = {str(tmp_path / "music"): "/mnt", str(tmp_path / "disk" / "live"): "/nas/live"}
    cluster = Cluster(Settings("tcp://127.0.0.1:1", paths), SERVICE, needed=True)
    assert cluster.there(tmp_path / "music" / "a.mp3") == Path("/mnt/a.mp3")
    assert cluster.there(tmp_path / "disk" / "a.mp3") == Path("/mnt/a.mp3")
    assert cluster.there(tmp_path / "disk" / "live" / "a.mp3") == Path("/nas/live/a.mp3")
    assert cluster.there(tmp_path / "a.mp3") == tmp_path / "a.mp3"


def test_what_is_different_is_told_where_no_worker_agrees() -> None:
    """Only a cluster that says nothing is an error."""

    class Other(Cluster):
        def _greet(self) -> None:
            raise ClusterError("no worker has the genred of this machine")

    other = Other(Settings("tcp://127.0.0.1:1"), SERVICE, needed=False)
    with pytest.raises(ClusterError):
        other.differences()
    other._refused = {"tcp://b:1": "numpy 2.3.1 instead of 2.4.0"}
    assert other.differences() == {"tcp://b:1": "numpy 2.3.1 instead of 2.4.0"}


class FakeClient:
    """A client of workers that say what they are, or nothing."""

    status = "running"

    def __init__(self, answers: dict[str, Future[Build]]) -> None:
        self._answers = answers
        self.asked: list[str] | None = None

    def get_executor(self, *, pure: bool, workers: list[str] | None) -> "FakeClient":
        self.asked = workers
        return self

    def submit(self, function: object) -> Future[Build]:
        assert self.asked is not None
        return self._answers[self.asked[0]]


def test_a_worker_that_says_nothing_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that answer begin, without it; what it says later counts then."""
    monkeypatch.setattr("genred.analysis.cluster.TOGETHER_SECONDS", 0.0)
    silent: Future[Build] = Future()
    quick: Future[Build] = Future()
    quick.set_result(build())
    client = FakeClient({"tcp://a:1": silent, "tcp://b:1": quick})

    class Met(Cluster):
        def _known(self, client: object) -> dict[str, dict[str, Any]]:
            return {address: {"nthreads": 2} for address in ("tcp://a:1", "tcp://b:1")}

        def _met(self) -> Any:
            return client

    cluster = Met(Settings("tcp://127.0.0.1:1"), SERVICE, needed=True)
    cluster._greet()
    assert (cluster.at_once, client.asked) == (2, ["tcp://b:1"])
    silent.set_result(build())
    cluster._greet()
    assert (cluster.at_once, client.asked) == (4, None)
