"""What tests share: the corpus where there is one, and a home of their own."""

import fcntl
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from genred import cli
from genred.genres import count_as_no_genre
from genred.history.history import History
from tests.command import Genred, Ran

settings.register_profile("busy", deadline=None)  # a machine may have other things to do
settings.load_profile("busy")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests, then those with many, first where processes share them: in the end none is alone."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        many = Counter(item.path for item in items)
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: (item.path not in slow, -many[item.path]))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Real music and real tag files, kept beside the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip("needs the corpus of real music beside the repository (../shared/corpus)")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of all tests, in all processes of pytest, or each would make it anew."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"


@contextmanager
def alone(what: Path) -> Iterator[None]:
    """Hold back the other processes of pytest: what one of them makes in the cache, the others find there."""
    what.parent.mkdir(exist_ok=True)
    with what.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def fitted(cache: Path) -> Path:
    """The folder in the cache with the built-in model, fitted."""
    from genred.model import storage

    with alone(cache / "fitted"):
        storage.builtin(cache / "genred")
    return cache / "genred"


@pytest.fixture(autouse=True)
def home(cache: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """State and configuration of this test alone."""
    home = tmp_path_factory.mktemp("home")
    for name in ("STATE_DIRECTORY", "CACHE_DIRECTORY", "GENRED_CONFIG", "NOTIFY_SOCKET", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache / "numba"))
    return home


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    """A new history with a run begun."""
    history = History.open(home / "history.db")
    history.start_run("scan", "0")
    yield history
    history.close()


@pytest.fixture
def genred(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> Genred:
    """Run a command in this process, with one worker and a small model that is sure soon."""
    monkeypatch.setenv("GENRED_SERVICE_WORKERS", "1")
    monkeypatch.setenv("GENRED_MODEL_PATH", str(tiny_model))
    monkeypatch.setenv("GENRED_MODEL_MIN_CONFIDENCE", "0.5")

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["genred", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        code = stopped.value.code or 0
        return Ran(code if isinstance(code, int) else 1, said.out, said.err)

    return run


@pytest.fixture
def own_no_genre() -> Iterator[None]:
    """What a test counts as no genre counts in that test alone."""
    yield
    count_as_no_genre([])


@pytest.fixture(scope="session")
def tiny_model(cache: Path) -> Path:
    """A model that tells a tone of tests.makeaudio with little noise (Classical) from one with much (Metal)."""
    path = cache / "tiny.genred"
    with alone(path):
        if not path.exists():
            _make_tiny(path)
    return path


def _make_tiny(path: Path) -> None:
    import numpy as np

    from genred.model import storage
    from genred.model.classifier import GenreClassifier
    from genred.model.table import Table
    from genred.sound import SR, features

    rng = np.random.default_rng(0)
    t = np.arange(SR * 4) / SR
    rows: list[np.ndarray] = []
    y: list[str] = []
    for _ in range(12):
        tone = np.sin(2 * np.pi * rng.uniform(300, 900) * t)
        for genre, noise in (("Classical", rng.uniform(0.01, 0.05)), ("Metal", rng.uniform(0.2, 0.4))):
            sound = 0.3 * tone + rng.normal(0, noise, t.size)
            rows.append(features.extract([sound.astype(np.float32)]))
            y.append(genre)
    groups = np.array([f"artist {i // 2}" for i in range(len(y))])
    table = Table(np.array(rows), np.array(y), groups, np.array(["synthesized"] * len(y)))
    storage.save(GenreClassifier().fit(table, name="tiny"), path)
