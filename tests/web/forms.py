"""Browsers and servers for tests, and forms as a page sends them."""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from httpx2 import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient

from genred.web.server import Server, listening, url_of

ORIGIN = "http://127.0.0.1:8420"
PASSWORD = "correct horse battery"  # noqa: S105 - nothing is behind it


def browser(app: Starlette, address: str = "192.0.2.1") -> TestClient:
    """Return a browser, with cookies of its own, at an address."""
    return TestClient(app, base_url=ORIGIN, follow_redirects=False, client=(address, 50000))


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """Serve an application in a thread, on a free port of this machine; yield its address."""
    (listener,) = listening("127.0.0.1", 0)
    url, stop, ready = url_of(listener), threading.Event(), threading.Event()
    server = Server(app, stop, ready.set)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    with listener:
        thread.start()
        assert ready.wait(60)
        yield url
        stop.set()
        thread.join(60)


def token(client: TestClient) -> str:
    """Return the token that pages carry for this browser."""
    return str(client.get("/api/session").json()["token"])


def post(client: TestClient, url: str, data: Mapping[str, str | Sequence[str]]) -> Response:
    """Send a form of a page."""
    return client.post(url, data={"csrf": token(client), **data}, headers={"Origin": ORIGIN})


def log_in(client: TestClient, password: str = PASSWORD) -> Response:
    """Give a password on the page that asks for it."""
    found = re.search(r'name="csrf" value="(\w+)"', client.get("/login").text)
    assert found is not None
    return client.post("/login", data={"csrf": found[1], "password": password}, headers={"Origin": ORIGIN})
