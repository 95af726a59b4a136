"""Tables of what happened and of what there is, to search and to leaf through."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from genred.fs.files import readable
from genred.history.browsing import SIZE, Browsing, Page
from genred.history.files_now import NOBODY, FileNow, Wanted
from genred.history.moments import moment
from genred.history.records import Outcome, Query, Record
from genred.web import http
from genred.web.guard import Refusal
from genred.web.summary import AUTHORS

Fields = Mapping[str, list[str]]

EVIDENCE = {
    "track": "the track's sound",
    "album": "the album's sound",
    "artist": "your genres of the artist",
    "mates": "your genres on the album",
}
"""What decided, in words."""
MOST = 1000
"""The most rows that are asked for at once."""
DETAILS = ("evidence", "since", "until", "path", "run", "sure", "reason", "latest")
"""Filters of the history that the page folds up while they are not used."""


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of the pages before and after one."""

    first: str | None
    """None on the first page."""
    back: str | None
    onward: str | None
    is_backward: bool
    """True for a page that was asked for from the page behind it."""
    seen: str
    """How far a search came that was cut short, in words."""


def history(request: Request) -> Response:
    """Show decisions, newest first."""
    fields = _given(request)
    page = _decisions(request, fields)
    return http.page(
        request,
        "history.html",
        page=page,
        links=_links("/history", fields, page, "after", "before"),
        asked=fields,
        details=any(name in fields for name in DETAILS),
        outcomes=list(Outcome),
        evidence=EVIDENCE,
        genres=list(http.site(request).history.figures.genres()),
    )


def now(request: Request) -> Response:
    """Show files and their genres, in the order of their paths."""
    fields = _given(request)
    page = _files(request, fields)
    return http.page(
        request,
        "now.html",
        page=page,
        links=_links("/now", fields, page, "before", "after"),
        asked=fields,
        authors=AUTHORS,
        genres=list(http.site(request).history.figures.genres()),
    )


def history_as_json(request: Request) -> Response:
    """Answer with decisions as `genred history --json` prints them, newest first."""
    fields = _given(request)
    page = _decisions(request, fields)
    return _listed([record.as_json() for record in page.rows], _links("/api/history", fields, page, "after", "before"))


def now_as_json(request: Request) -> Response:
    """Answer with rows of the view ``now``, in the order of their paths."""
    fields = _given(request)
    page = _files(request, fields)
    return _listed([file.as_json() for file in page.rows], _links("/api/now", fields, page, "before", "after"))


def _listed(rows: list[dict[str, Any]], links: Links) -> Response:
    """Answer with a list; where there is more, the header ``Link`` names the next page (RFC 8288)."""
    headers = {} if links.onward is None else {"Link": f'<{links.onward}>; rel="next"'}
    return JSONResponse(rows, headers=headers)


def _browsing(request: Request, fields: Fields) -> Browsing:
    return http.site(request).history.browsing.sized(http.number(fields, "limit", MOST) or SIZE)


def _decisions(request: Request, fields: Fields) -> Page[Record, int]:
    sure = http.number(fields, "sure", 100)
    query = Query(
        genres=http.texts(fields, "genre"),
        outcomes=tuple(Outcome(text) for text in _choices(fields, "outcome", list(Outcome))),
        evidence=_choices(fields, "evidence", list(EVIDENCE)),
        since=_moment(fields, "since"),
        until=_moment(fields, "until"),
        path=http.path_asked(request),
        run=http.number(fields, "run"),
        twentieth=None if sure is None else min(sure // 5, 19),
        reason=http.first(fields, "reason") or None,
        latest="latest" in fields,
        text=http.first(fields, "text"),
    )
    below, above = http.number(fields, "before"), http.number(fields, "after")
    return _browsing(request, fields).decisions(query, below=below, above=above)


def _files(request: Request, fields: Fields) -> Page[FileNow, Path]:
    wanted = Wanted(
        genre=http.first(fields, "genre").strip(),
        by="".join(_choices(fields, "by", ["you", "genred", NOBODY])[:1]),
        artist=http.first(fields, "artist").strip(),
        album=http.first(fields, "album").strip(),
        path=http.path_asked(request),
        text=http.first(fields, "text"),
    )
    after, before = _path(fields, "after"), _path(fields, "before")
    return _browsing(request, fields).files(wanted, after=after, before=before)


def _given(request: Request) -> dict[str, list[str]]:
    """Return the fields that say something: a form sends the others too."""
    fields = {name: [text for text in texts if text] for name, texts in http.query(request).items()}
    return {name: texts for name, texts in fields.items() if texts}


def _choices(fields: Fields, name: str, known: list[Any]) -> tuple[str, ...]:
    found = http.texts(fields, name)
    if unknown := [text for text in found if text not in known]:
        raise Refusal(400, f"{name} can't be {unknown[0]!r}; it is one of: {', '.join(known)}.")
    return found


def _moment(fields: Fields, name: str) -> str | None:
    text = http.first(fields, name)
    try:
        return moment(text, datetime.now().astimezone()) if text else None
    except ValueError as error:
        raise Refusal(400, f"{error}.") from error


def _path(fields: Fields, name: str) -> Path | None:
    (text,) = fields.get(name, [""])[:1]
    return http.plain_path(text) if text else None


def _links(page: str, fields: Fields, shown: Page[Any, Any], back: str, onward: str) -> Links:
    """Return the links of a page.

    Parameters
    ----------
    page
        The address without its fields.
    fields
        The fields that were asked for.
    shown
        The page.
    back, onward
        The names of the fields by which the pages before and after it are asked for.
    """
    kept = {name: texts for name, texts in fields.items() if name not in (back, onward)}

    def link(**more: Any) -> str:
        asked = urlencode(kept | more, doseq=True, errors="surrogateescape")
        return f"{page}?{asked}" if asked else page

    is_backward = back in fields
    reached = shown.back if is_backward else shown.onward
    return Links(
        first=None if shown.back is None else link(),
        back=None if shown.back is None else link(**{back: _key(shown.back)}),
        onward=None if shown.onward is None else link(**{onward: _key(shown.onward)}),
        is_backward=is_backward,
        seen="" if reached is None else f"This one came to {_named(reached)}",
    )


def _named(key: int | Path) -> str:
    return f"decision {key:,}" if isinstance(key, int) else f"the folder {readable(key.parent)}"


def _key(key: int | Path) -> str:
    return str(key)
