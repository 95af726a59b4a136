"""The marker of the fault suite: `pytest -m faults`, `pytest -m "not faults"`."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: saves that are killed, refused by the kernel, cut off, disturbed")
