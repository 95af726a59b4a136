"""Read requests, and make the answers to them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from genred.web import render
from genred.web.guard import Visit
from genred.web.site import Site


def site(request: Request) -> Site:
    """Return what the pages are about."""
    found: Site = request.app.state.site
    return found


def visit(request: Request) -> Visit:
    """Return who asks."""
    found: Visit = request.state.visit
    return found


def fields(encoded: bytes) -> dict[str, list[str]]:
    """Return the fields of a query string or of a form; bytes that are no UTF-8 survive as in names of files."""
    text = encoded.decode("ascii", "surrogateescape")
    return parse_qs(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=5000)


def query(request: Request) -> dict[str, list[str]]:
    """Return the fields of the query string."""
    return fields(request.scope["query_string"])


def form(request: Request) -> dict[str, list[str]]:
    """Return the fields of the form that was sent; the guard has read and checked it."""
    return visit(request).form


def first(fields: Mapping[str, list[str]], name: str, default: str = "") -> str:
    """Return the first value of a field."""
    return fields.get(name, [default])[0]


def path_of(ref: str) -> Path:
    """Return the path that the filter ``ref`` of the templates made a text of.

    Raises
    ------
    LookupError
        If it can be no path of a file.
    """
    path = Path(os.fsdecode(unquote_to_bytes(ref)))
    if not path.is_absolute() or "\0" in ref or "%00" in ref:
        raise LookupError("no such file")
    return path


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Answer with a page."""
    here = {"here": request.url.path, "csrf": visit(request).token, "visit": visit(request)}
    return Response(render.page(template, **here, **values), status, media_type="text/html")


def see_other(url: str) -> Response:
    """Answer a form that was obeyed: the browser is sent to a page that it can load again."""
    return RedirectResponse(url, 303)
