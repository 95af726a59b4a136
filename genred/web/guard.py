"""Stand before the application: let in who may come in, and nothing that is too large.

What each check is there for is told in docs/web.md, and tried in tests/web/test_attacks.py.
"""

import asyncio
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genred.config import Web
from genred.web import render
from genred.web.door import Door, TooManyTriesError, new_session

MOST_BYTES = 1 << 20
"""The most that a form may have."""
MOST_FIELDS = 5000
MOST_ADDRESS = 1 << 14
"""The most that an address and its query string may have: the longest path there is, each byte in three characters."""
BODY_SECONDS = 10.0
"""The time that a form may take to arrive."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
    " media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # "no-referrer" would take the Origin from forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""Sent with every answer that doesn't say otherwise."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z._-]+?)\.?(:[0-9]{1,5})?")
_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_PUBLIC = ("/healthz", "/static/")
"""The addresses that are nobody's secret."""


@dataclass(frozen=True)
class Visit:
    """One request, and who makes it."""

    session: str
    """The session; of who isn't known yet, a new one."""
    token: str
    """The token that each form of the session must carry."""
    address: str
    """The address that the request comes from."""
    is_locked: bool
    """A password is asked for, so that there is something to log out of."""
    form: Mapping[str, list[str]] = field(default_factory=dict)
    """The fields of the form that was sent."""


class Refusal(Exception):
    """A request that is not answered; the text is for who made it."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Guard:
    """Check each request before the application sees it.

    Parameters
    ----------
    app
        The application.
    web
        The names by which people may reach it.
    door
        Knows who may come in.
    """

    def __init__(self, app: ASGIApp, web: Web, door: Door) -> None:
        self._app = app
        self._door = door
        self._names = {"localhost", web.host.lower(), *(name.lower() for name in web.hosts)}
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        session = Request(scope).cookies.get(cookie_name(self._web), "")
        is_known = re.fullmatch(r"[\w-]{43}", session) is not None
        session = session if is_known else new_session()
        needs_none = is_known or _is_foreign(Headers(scope=scope)) or scope["path"].startswith(_PUBLIC)
        guarded = self._sender(scope, send, None if needs_none else session)
        try:
            visit = await self._visit(scope, receive, session, is_known)
        except ClientDisconnect:
            return
        except Refusal as refusal:
            await refused(scope, refusal)(scope, receive, guarded)
            return
        scope.setdefault("state", {})["visit"] = visit
        await self._app(scope, _nothing_more(receive), guarded)

    async def _visit(self, scope: Scope, receive: Receive, session: str, is_known: bool) -> Visit:
        """Return who asks for what, if they may."""
        headers, method = Headers(scope=scope), scope["method"]
        _check_size(scope)
        self._check_host(headers)
        if method not in ("GET", "HEAD", "POST"):
            raise Refusal(405, "There is no such method here.", Allow="GET, HEAD, POST")
        _check_origin(headers, method)
        address = _address(scope, headers)
        if not is_known and _is_foreign(headers) and not scope["path"].startswith(_PUBLIC):
            # Browsers give no cookie to who comes from another site; a new one would take the place of theirs.
            raise Refusal(200, "You come from another site.", Continue=_here(scope))
        if not self._door.has_lock and any(name in headers for name in _PROXIES):
            raise Refusal(403, "A proxy lets others in: that takes a password (web.password_file).")
        if not (has_key := self._knows_password(headers, address)):
            self._check_session(scope, session)
        token = self._door.token(session)
        form = await _form(scope, receive, headers) if method == "POST" else {}
        if method == "POST" and not has_key:
            given = headers.get("x-csrf-token") or form.get("csrf", [""])[0]
            if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
                raise Refusal(403, "This page is of another session, or too old. Load it again, and try again.")
        return Visit(session, token, address, self._door.has_lock, form)

    def _check_host(self, headers: Headers) -> None:
        """Refuse names that nobody gave to this machine: their owners could have them lead here (DNS rebinding)."""
        hosts = headers.getlist("host")
        host = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if host is None or not (host[1] in self._names or _is_address(host[1])):
            raise Refusal(421, "genred isn't known by that name. web.hosts in its configuration can name it.")

    def _knows_password(self, headers: Headers, address: str) -> bool:
        """Return whether a script gives the password, which no page of another site can have a browser do."""
        kind, _, password = headers.get("authorization", "").partition(" ")
        if not self._door.has_lock or kind.lower() != "bearer":
            return False
        try:
            if self._door.knows(password.encode("latin-1").decode("utf-8", "replace"), address):
                return True
        except TooManyTriesError as error:
            raise Refusal(429, f"{error}".capitalize() + ".", Retry_After=f"{error.seconds:.0f}") from error
        raise Refusal(401, "That is not the password.", WWW_Authenticate="Bearer")

    def _check_session(self, scope: Scope, session: str) -> None:
        """Refuse who has to log in first; a browser is sent to where that is done."""
        if self._door.is_open(session) or scope["path"].startswith((*_PUBLIC, "/login")):
            return
        if scope["path"].startswith("/api/"):
            raise Refusal(401, "Log in first, or give the password.", WWW_Authenticate="Bearer")
        raise Refusal(303, "Log in first.", Location=f"/login?next={quote(_here(scope), safe='')}")

    def _sender(self, scope: Scope, send: Send, new: str | None) -> Send:
        """Return what sends an answer with the headers of every answer, and a new session, if there is one."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = Headers(raw=message.get("headers", []))
                added = {name: value for name, value in HEADERS.items() if name not in said}
                if new is not None and "set-cookie" not in said and message["status"] < 400:
                    added["Set-Cookie"] = cookie(self._web, new, Headers(scope=scope))
                raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in added.items()]
                message["headers"] = [*message.get("headers", []), *raw]
            await send(message)

        return guarded


def cookie(web: Web, session: str, headers: Headers, *, seconds: int | None = None) -> str:
    """Return the header that has a browser keep a session: for some seconds, or until the browser is closed."""
    parts = [f"{cookie_name(web)}={session}", "Path=/", "HttpOnly", "SameSite=Strict"]
    parts += [] if seconds is None else [f"Max-Age={seconds}"]
    parts += ["Secure"] if headers.get("x-forwarded-proto") == "https" else []
    return "; ".join(parts)


def cookie_name(web: Web) -> str:
    """Return the name of the cookie: browsers give a cookie to every port of a host."""
    return f"genred-{web.port}"


def fields(encoded: bytes) -> dict[str, list[str]]:
    """Return the fields of a query string or of a form; bytes that are no UTF-8 survive as in names of files.

    Raises
    ------
    Refusal
        If they are too many.
    """
    text = encoded.decode("ascii", "surrogateescape")
    try:
        return parse_qs(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Refusal(413, "These are too many fields.") from error


def refused(scope: Scope, refusal: Refusal) -> Response:
    """Return the answer to a request that is refused, in the form that is asked for."""
    if refusal.status == 303:
        return RedirectResponse(refusal.headers["Location"], 303)
    headers = {name: value for name, value in refusal.headers.items() if name != "Continue"}
    if scope["path"].startswith("/api/"):
        return JSONResponse({"error": str(refusal)}, refusal.status, headers)
    goes_on = refusal.headers.get("Continue", "/")
    body = render.page("refused.html", reason=str(refusal), goes_on=goes_on)
    return Response(body, refusal.status, headers, "text/html")


def _check_size(scope: Scope) -> None:
    if len(scope["query_string"]) + len(scope.get("raw_path") or b"") > MOST_ADDRESS:
        raise Refusal(414, "This address is too long.")


def _check_origin(headers: Headers, method: str) -> None:
    """Refuse what a page of another site has a browser send; a link on it that somebody follows is all right."""
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if _is_foreign(headers) and (method == "POST" or not is_link):
        raise Refusal(403, "This comes from another site.")
    origin = headers.get("origin")
    if method == "POST" and origin is not None and origin.partition("://")[2].lower() != headers["host"].lower():
        raise Refusal(403, "This comes from another site.")


def _is_foreign(headers: Headers) -> bool:
    """Return whether a browser says that it was a page of another site that made it send a request."""
    return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _address(scope: Scope, headers: Headers) -> str:
    """Return where a request comes from; a proxy on this machine says it last."""
    client = scope.get("client")
    address = client[0] if client else ""
    if not address or (_is_address(address) and ip_address(address).is_loopback):
        return headers.get("x-forwarded-for", address).rpartition(",")[2].strip()
    return str(address)


def _is_address(name: str) -> bool:
    """Return whether a host is named by its address, which no name server can turn to another machine."""
    try:
        return not ip_address(name.strip("[]")).is_unspecified
    except ValueError:
        return False


def _here(scope: Scope) -> str:
    """Return the address that is asked for, if it can be asked for again."""
    query = scope["query_string"].decode("ascii", "replace")
    path = quote(scope["path"])
    return (f"{path}?{query}" if query else path) if scope["method"] == "GET" else "/"


async def _form(scope: Scope, receive: Receive, headers: Headers) -> dict[str, list[str]]:
    """Return the fields that were sent, as a form or as JSON."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind and headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return {}
    if kind not in ("application/x-www-form-urlencoded", "application/json"):
        raise Refusal(415, "Send a form, or JSON.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _body(Request(scope, receive))
    except TimeoutError as error:
        raise Refusal(408, "That took too long.") from error
    return _listed(body) if kind == "application/json" else fields(body)


async def _body(request: Request) -> bytes:
    if not request.headers.get("content-length", "0").isdecimal():
        raise Refusal(400, "Its length is no number.")
    if int(request.headers.get("content-length", "0")) > MOST_BYTES:
        raise Refusal(413, "That is too much.", Connection="close")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise Refusal(413, "That is too much.", Connection="close")
    return bytes(body)


def _listed(body: bytes) -> dict[str, list[str]]:
    """Return the values of a JSON object as the fields of a form."""
    try:
        sent: Any = json.loads(body or b"{}")
        given = {name: value for name, value in sent.items() if value is not None}
        lists = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
    except (ValueError, RecursionError, AttributeError) as error:
        raise Refusal(400, "That is no JSON object.") from error
    if not all(isinstance(value, str | int | float) for values in lists.values() for value in values):
        raise Refusal(400, "Its values must be texts, numbers, or lists of them.")
    return {
        name: [value if isinstance(value, str) else json.dumps(value) for value in values]
        for name, values in lists.items()
    }


def _nothing_more(receive: Receive) -> Receive:
    """Return what tells the application that the body is over, and later that nobody is left who listens."""
    is_told = False

    async def again() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return again
