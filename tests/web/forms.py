"""Send forms as a browser does from a page."""

import re
from collections.abc import Mapping, Sequence

from httpx2 import Response
from starlette.testclient import TestClient

ORIGIN = "http://127.0.0.1:8420"


def token(client: TestClient) -> str:
    """Return the token that pages carry for this browser."""
    (found,) = re.findall(r'name="csrf-token" content="(\w+)"', client.get("/").text)
    return str(found)


def post(client: TestClient, url: str, data: Mapping[str, str | Sequence[str]]) -> Response:
    """Send a form of a page."""
    return client.post(url, data={"csrf": token(client), **data}, headers={"Origin": ORIGIN})
