"""Answers to scripts: JSON with the keys that the commands print."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from genred.service.status import as_json, ask, lock_of
from genred.web import http


def status(request: Request) -> Response:
    """Answer as `genred status --json` does."""
    database = http.site(request).config.database
    return JSONResponse(as_json(database, *ask(lock_of(database))))


def jobs(request: Request) -> Response:
    """Answer with what was started from here, newest first."""
    return JSONResponse([job.as_json() for job in http.site(request).jobs.all()])
