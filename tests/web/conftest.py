"""What tests of the pages share: a made-up history, and the application over it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from genred.config import Config, Watch
from genred.web.app import create
from tests.web import story
from tests.web.forms import PASSWORD, browser, serving

# A command that runs in this process logs to a stream that is gone when the test is over.
logging.getLogger("httpx2").setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Config:
    """The configuration of a library about which much was decided; for tests that change nothing."""
    place = tmp_path_factory.mktemp("library")
    config = Config(watch=Watch(directories=(place / "music",)))
    config = config.with_changes("history", url=f"sqlite:///{place}/history.db")
    config = config.with_changes("model", path=str(tiny_model))
    story.tell(config.database, place / "music")
    return config


@pytest.fixture(scope="session")
def running(told: Config) -> Iterator[str]:
    """The address of a server over ``told`` that listens on this machine, for browsers and for sockets."""
    with serving(create(lambda: told)) as url:
        yield url


@pytest.fixture
def locked(told: Config, tmp_path: Path) -> Iterator[TestClient]:
    """A browser in front of pages that ask for a password."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "password").chmod(0o600)
    config = told.with_changes("web", password_file=str(tmp_path / "password"))
    with browser(create(lambda: config)) as client:
        yield client


@pytest.fixture
def client(told: Config) -> Iterator[TestClient]:
    """A browser of its own in front of the pages over ``told``; `post` sends forms as pages do."""
    with browser(create(lambda: told)) as client:
        yield client
