"""Answers to scripts: JSON with the keys that the commands print."""

from datetime import UTC, datetime, timedelta
from itertools import islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from genred.history.records import Outcome, Query, iso
from genred.service.status import as_json, ask, lock_of
from genred.web import http
from genred.web.guard import Refusal

SIZE, MOST = 100, 1000
"""How many rows are answered at once: usually, and at most."""


def history(request: Request) -> Response:
    """Answer with decisions, newest first; the link to the next ones is in the header Link."""
    fields = http.query(request)
    limit = http.number(fields, "limit", MOST) or SIZE
    query = Query(
        genres=http.texts(fields, "genre"),
        outcomes=tuple(map(_outcome, http.texts(fields, "outcome"))),
        since=_moment(http.first(fields, "since")),
        until=_moment(http.first(fields, "until")),
        path=http.path_asked(request),
        run=http.number(fields, "run"),
        limit=limit,
        evidence=http.texts(fields, "evidence"),
    )
    return JSONResponse([record.as_json() for record in islice(http.site(request).history.records(query), limit)])


def status(request: Request) -> Response:
    """Answer as `genred status --json` does."""
    database = http.site(request).config.database
    return JSONResponse(as_json(database, *ask(lock_of(database))))


def jobs(request: Request) -> Response:
    """Answer with what was started from here, newest first."""
    return JSONResponse([job.as_json() for job in http.site(request).jobs.all()])


def _outcome(text: str) -> Outcome:
    try:
        return Outcome(text)
    except ValueError:
        raise Refusal(400, f"outcome must be one of {', '.join(Outcome)}.") from None


def _moment(text: str) -> str | None:
    """Return a time as the history holds it: a date, with a time or without, or the number of days that it is ago."""
    if not text:
        return None
    try:
        if text.endswith("d"):
            return iso(datetime.now(UTC) - timedelta(days=int(text[:-1])))
        return iso(datetime.fromisoformat(text).astimezone())
    except (ValueError, OverflowError):
        raise Refusal(400, "A time is given as 2026-11-22, 2026-11-22T18:30 or 7d.") from None
