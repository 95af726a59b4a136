"""What the tests of the service share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.running import Service


@pytest.fixture
def service(tmp_path: Path, home: Path, tiny_model: Path) -> Iterator[Service]:
    (tmp_path / "music").mkdir()
    service = Service(tmp_path / "music", home, tiny_model)
    yield service
    service.close()
