"""Read requests, and make the answers to them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from genred.web import render
from genred.web.guard import Refusal, Visit, fields
from genred.web.site import NoSuchFile, Site


def site(request: Request) -> Site:
    """Return what the pages are about."""
    found: Site = request.app.state.site
    return found


def visit(request: Request) -> Visit:
    """Return who asks."""
    found: Visit = request.state.visit
    return found


def query(request: Request) -> dict[str, list[str]]:
    """Return the fields of the query string."""
    return fields(request.scope["query_string"])


def form(request: Request) -> Mapping[str, list[str]]:
    """Return the fields of the form, or of the JSON object, that was sent; the guard has read and checked it."""
    return visit(request).form


def first(fields: Mapping[str, list[str]], name: str, default: str = "") -> str:
    """Return the first value of a field, which must be text.

    Raises
    ------
    Refusal
        If it is none.
    """
    return next(iter(texts(fields, name)), default)


def texts(fields: Mapping[str, list[str]], name: str) -> tuple[str, ...]:
    """Return all values of a field; raises as `first`."""
    values = tuple(fields.get(name, ()))
    try:
        "".join(values).encode()
    except UnicodeError as error:
        raise Refusal(400, f"{name} is not text in UTF-8.") from error
    return values


def number(fields: Mapping[str, list[str]], name: str, most: int = 2**63 - 1) -> int | None:
    """Return the first value of a field as a number, None where the field is empty or isn't there.

    Raises
    ------
    Refusal
        If it is no number, or a larger one than ``most``.
    """
    text = first(fields, name).strip()
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) > most:
        raise Refusal(400, f"{name} must be a number up to {most:,}.")
    return int(text)


def flag(fields: Mapping[str, list[str]], name: str) -> bool:
    """Return whether a field says yes: no is no field, an empty one, and what else means no in a form or in JSON.

    Raises
    ------
    Refusal
        If it says neither.
    """
    text = first(fields, name).strip().lower()
    if text in ("", "0", "false", "null", "no", "off"):
        return False
    if text in ("1", "true", "yes", "on"):
        return True
    raise Refusal(400, f"{name} must be true or false.")


def path_of(ref: str) -> Path:
    """Return the path that the filter ``ref`` of the templates made the value of a form's field of.

    Raises
    ------
    NoSuchFile
        If it can be no path of a file.
    """
    return plain_path(os.fsdecode(unquote_to_bytes(ref.encode("utf-8", "surrogateescape"))))


def path_asked(request: Request) -> Path | None:
    """Return the path that the query string names, None where it names none; raises as `path_of`.

    In a link, too, the filter ``ref`` makes the value; but there, reading the query string has undone it already.
    """
    named = query(request).get("path", [""])[0]
    return plain_path(named) if named else None


def plain_path(text: str) -> Path:
    """Return the path that a text is; raises as `path_of`."""
    try:
        is_path = text.startswith("/") and b"\0" not in os.fsencode(text)
    except UnicodeError:
        is_path = False
    if not is_path:
        raise NoSuchFile
    return Path(text)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Answer with a page."""
    here = {"here": request.url.path, "csrf": visit(request).token, "visit": visit(request)}
    return Response(render.page(template, **here, **values), status, media_type="text/html")


def see_other(url: str) -> Response:
    """Answer a form that was obeyed: the browser is sent to a page that it can load again."""
    return RedirectResponse(url, 303)


def inside(url: str) -> str:
    """Return an address of these pages; the overview where it is one of others."""
    is_inside = url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable()
    return url if is_inside else "/"


def failure(request: Request, status: int, reason: str) -> Response:
    """Answer that something can't be done: as JSON where JSON is asked for, else as a page."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": reason}, status)
    return page(request, "error.html", status=status, reason=reason)
