"""Let in who may come in, and nothing that is too large; every answer carries the headers that hold browsers back."""

import hmac
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genred.config import Web

COOKIE = "genred"
MOST_BYTES = 1 << 20
"""The most that a form may have."""

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "img-src 'self' data:",
            "media-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Visit:
    """One request, and who makes it."""

    token: str
    """The token that each change must carry."""
    form: dict[str, list[str]] = field(default_factory=dict)
    """The fields of the form that was sent."""


class Refusal(Exception):
    """A request that is not answered."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Guard:
    """Stand before the application.

    Parameters
    ----------
    app
        The application.
    web
        The names by which it may be reached, and the password.
    """

    def __init__(self, app: ASGIApp, web: Web) -> None:
        self._app = app
        self._names = {"localhost", web.host.lower(), *(name.lower() for name in web.hosts)}
        self._key = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        session = request.cookies.get(COOKIE, "")
        is_new = len(session) != 43
        session = secrets.token_urlsafe(32) if is_new else session

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = {name.decode().lower() for name, _ in message["headers"]}
                added = {name: value for name, value in HEADERS.items() if name.lower() not in headers}
                if is_new:
                    added["Set-Cookie"] = f"{COOKIE}={session}; HttpOnly; SameSite=Strict; Path=/"
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in added.items()),
                ]
            await send(message)

        try:
            self._check_host(request)
            token = hmac.new(self._key, session.encode(), "sha256").hexdigest()
            form, body = await self._form(request, receive, token)
        except Refusal as refusal:
            answer: Response = PlainTextResponse(f"genred: {refusal.reason}\n", refusal.status)
            await answer(scope, receive, guarded)
            return
        scope.setdefault("state", {})["visit"] = Visit(token, form)
        await self._app(scope, _again(body, receive), guarded)

    def _check_host(self, request: Request) -> None:
        name = request.url.hostname or ""
        if name in self._names or _is_address(name):
            return
        raise Refusal(421, "it isn't known by that name; web.hosts in the configuration may name it")

    async def _form(self, request: Request, receive: Receive, token: str) -> tuple[dict[str, list[str]], bytes]:
        from genred.web.http import fields, first

        if request.method in ("GET", "HEAD"):
            return {}, b""
        if request.method != "POST":
            raise Refusal(405, "no such method")
        origin = request.headers.get("origin")
        if origin is None or origin.partition("://")[2] != request.headers.get("host"):
            raise Refusal(403, "this form comes from another page")
        body = b""
        async for part in Request(request.scope, receive).stream():
            body += part
            if len(body) > MOST_BYTES:
                raise Refusal(413, "that is too much")
        form = fields(body)
        given = request.headers.get("x-csrf-token") or first(form, "csrf")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
            raise Refusal(403, "this page is too old; load it again")
        return form, body


def _is_address(name: str) -> bool:
    """Return whether a host is named by its address, which no name server can turn to another machine."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already."""
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
