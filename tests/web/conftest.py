"""What tests of the pages share: a made-up history, and the application over it."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from genred.config import Config, Watch
from genred.web.app import create
from tests.web import story


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The configuration of a library about which much was decided; for tests that change nothing."""
    place = tmp_path_factory.mktemp("library")
    config = Config(watch=Watch(directories=(place / "music",)))
    config = config.with_changes("history", url=f"sqlite:///{place}/history.db")
    story.tell(config.database, place / "music")
    return config


@pytest.fixture
def client(told: Config) -> Iterator[TestClient]:
    """A browser of its own in front of the pages over ``told``; `post` sends forms as pages do."""
    with TestClient(create(lambda: told), base_url="http://127.0.0.1:8420", follow_redirects=False) as client:
        yield client
