"""Listen for browsers until told to stop."""

import asyncio
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from genred.config import Config
from genred.errors import ConfigError, GenredError
from genred.service.sdnotify import notify
from genred.service.signals import Reload, stopping
from genred.web.app import create
from genred.web.door import password_of

HEAD_SECONDS = 10.0
"""The time that the head of a request may take to arrive."""
MOST_CONNECTIONS = 200
MOST_HEAD = 1 << 15
"""The most bytes that the head of a request may have."""
TICKS_PER_SIGN = 100
"""The number of uvicorn's ticks, a tenth of a second each, after which systemd gets a sign of life."""
_FIRST_DESCRIPTOR = 3


def serve(load: Callable[[], Config], file: Path | None = None, *, opens: bool = False) -> None:
    """Answer browsers until told to stop.

    Parameters
    ----------
    load
        Loads the configuration as it is now.
    file
        The file that the configuration comes from.
    opens
        Open the first page in a browser.

    Raises
    ------
    GenredError
        If the configuration or the history can't be used, or nobody can listen there.
    """
    config = load()
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in inherited() or listening(config.web.host, config.web.port)]
        check_password(sockets, has_password=bool(password_of(config.web)))
        app = create(load, file)
        url = url_of(sockets[0])

        def ready() -> None:
            print(url, file=sys.stderr, flush=True)
            notify("READY=1", f"STATUS={url}")
            if opens:
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        reload = Reload(load)
        with stopping(reload) as stop:
            Server(app, stop, ready, reload).run(sockets)


class Server(uvicorn.Server):
    """uvicorn, as it is used here.

    Parameters
    ----------
    app
        The application.
    stop
        Ends it.
    ready
        Called when it listens.
    reload
        Says whether somebody asked for the configuration of now.
    """

    def __init__(
        self,
        app: Any,
        stop: threading.Event,
        ready: Callable[[], None] = lambda: None,
        reload: Reload | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=MOST_HEAD,
        )
        super().__init__(config)
        self._site = app.state.site
        self._asked_to_stop = stop
        self._when_ready = ready
        self._reload = reload

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._when_ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SIGN == 0:
            notify("WATCHDOG=1")
        if self._reload is not None and self._reload.asked:
            self._reload.asked = False
            self._site.reload()
        return self._asked_to_stop.is_set() or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._site.stopping.set()
        await super().shutdown(sockets)


class Connection(H11Protocol):
    """One connection, which is closed if the head of a request is sent too slowly; uvicorn would wait for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._look = self.loop.call_later(HEAD_SECONDS, self._look_after, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def _look_after(self, idle_after: object) -> None:
        """Close the connection if it waits for the same request as when it was looked after before."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and idle_after is self.cycle:
            self.transport.close()
            return
        self._look = self.loop.call_later(HEAD_SECONDS, self._look_after, self.cycle if is_idle else self)


def inherited() -> list[socket.socket]:
    """Return the sockets that systemd opened for this process, see sd_listen_fds(3); none where it didn't."""
    with suppress(KeyError, ValueError):
        if int(os.environ["LISTEN_PID"]) == os.getpid():
            count = int(os.environ["LISTEN_FDS"])
            for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
                os.environ.pop(name, None)  # what this process starts must not take them for its own
            descriptors = range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + count)
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
            return [socket.socket(fileno=descriptor) for descriptor in descriptors]
    return []


def listening(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at all addresses of a host.

    Raises
    ------
    ConfigError
        If the host is none of this machine's.
    GenredError
        If somebody else listens there.
    """
    found: list[socket.socket] = []
    try:
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            found.append(_listening(family, address))
            if port == 0:
                break  # each would get another one
    except OSError as error:
        for each in found:
            each.close()
        where = f"{host}, port {port}"
        if isinstance(error, socket.gaierror):
            raise ConfigError(f"web.host: {host} is no address of this machine ({error.strerror})") from error
        raise GenredError(f"can't listen at {where} ({error.strerror}); `--port` names another port") from error
    return found


def check_password(sockets: list[socket.socket], *, has_password: bool) -> None:
    """Refuse to listen where other machines reach it and nobody is asked for a password.

    Raises
    ------
    ConfigError
        If that is so.
    """
    for each in sockets:
        if each.family != socket.AF_UNIX and not ip_address(_address(each)).is_loopback and not has_password:
            raise ConfigError(
                f"other machines reach {_address(each)}: that takes a password. Write one into a file that only you can"
                " read, and name the file in the configuration (web.password_file)"
            )


def url_of(listener: socket.socket) -> str:
    """Return the address to type into a browser on this machine."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    address, port = _address(listener), listener.getsockname()[1]
    if ip_address(address).is_unspecified:
        address = "::1" if ":" in address else "127.0.0.1"
    return f"http://{f'[{address}]' if ':' in address else address}:{port}/"


def _listening(family: int, address: Any) -> socket.socket:
    # Named, the protocol tells asyncio to send at once; else every answer waits 40 ms for an acknowledgement.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made


def _address(listener: socket.socket) -> str:
    return str(listener.getsockname()[0]).partition("%")[0]
