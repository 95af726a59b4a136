"""A command that ran in this process; the fixture `genred` of conftest.py runs it."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Ran(NamedTuple):
    """Its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Genred = Callable[..., Ran]
