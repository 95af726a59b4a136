"""The application: its addresses, and what is answered where something goes wrong."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from genred.config import Config
from genred.errors import FileError, GenredError
from genred.web import api, browse, changes, excerpts, http, library, login, render, review, service
from genred.web.door import Door, password_of
from genred.web.guard import Guard, Refusal, refused
from genred.web.jobs import BusyError
from genred.web.pool import Pool
from genred.web.site import NoSuchFile, Site

log = logging.getLogger(__name__)


def create(load: Callable[[], Config], file: Path | None = None, workers: Pool | None = None) -> Starlette:
    """Return the application.

    Parameters
    ----------
    load
        Loads the configuration as it is now.
    file
        The file that the configuration comes from.
    workers
        The workers; None for some of its own.

    Raises
    ------
    GenredError
        If the configuration or the history can't be used.
    """
    web = load().web
    door = Door(password_of(web))
    site = Site(load, file, workers=workers)
    render.prepare()
    library.prepare(site)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        site.close()

    app = Starlette(
        routes=routes(),
        middleware=[Middleware(Guard, web=web, door=door)],
        exception_handlers={
            HTTPException: _wrong_address,
            Refusal: _refused,
            NoSuchFile: _not_found,
            BusyError: _not_done,
            FileError: _not_done,
            GenredError: _failed,
        },
        lifespan=lifespan,
    )
    app.state.site, app.state.door = site, door
    return app


def routes() -> list[Route | Mount]:
    """Return all addresses."""
    return [
        Route("/healthz", _healthy),
        Route("/login", login.show),
        Route("/login", login.log_in, methods=["POST"]),
        Route("/logout", login.log_out, methods=["POST"]),
        Route("/", library.overview),
        Route("/library", library.library),
        Route("/library/mixed", library.mixed),
        Route("/history", browse.history),
        Route("/now", browse.now),
        Route("/set", changes.set_genre, methods=["POST"]),
        Route("/undo", changes.undo, methods=["POST"]),
        *_of_service(),
        *_of_review(),
        *_of_scripts(),
        Mount("/static", StaticFiles(directory=render.FOLDER / "static")),
    ]


def _of_service() -> list[Route]:
    return [
        Route("/service", service.show),
        Route("/service/live", service.live),
        Route("/service/jobs/{number:int}", service.job),
        Route("/service/undo", service.undo_form),
        Route("/service/undo", service.undo, methods=["POST"]),
        Route("/service/scan", service.scan, methods=["POST"]),
        Route("/service/train", service.train, methods=["POST"]),
        Route("/service/use", service.use, methods=["POST"]),
        Route("/service/check", service.check, methods=["POST"]),
        Route("/service/stop", service.stop, methods=["POST"]),
    ]


def _of_review() -> list[Route]:
    return [
        Route("/review", review.albums),
        Route("/review/album", review.album),
        Route("/review/next", review.onward),
        Route("/review/answer", review.give, methods=["POST"]),
        Route("/review/undo", review.undo, methods=["POST"]),
        Route("/review/cover", excerpts.cover),
        Route("/api/review", review.questions_as_json),
        Route("/api/review/accept", review.accept, methods=["POST"]),
        Route("/api/excerpt", excerpts.excerpt),
    ]


def _of_scripts() -> list[Route]:
    return [
        Route("/api/session", login.session),
        Route("/api/history", browse.history_as_json),
        Route("/api/now", browse.now_as_json),
        Route("/api/status", api.status),
        Route("/api/set", changes.set_genre, methods=["POST"]),
        Route("/api/undo", changes.undo, methods=["POST"]),
        Route("/api/jobs", api.jobs),
        Route("/api/jobs/{number:int}", service.job),
        Route("/api/scan", service.scan, methods=["POST"]),
        Route("/api/train", service.train, methods=["POST"]),
        Route("/api/use", service.use, methods=["POST"]),
        Route("/api/check", service.check, methods=["POST"]),
        Route("/api/stop", service.stop, methods=["POST"]),
    ]


def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def _wrong_address(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return http.failure(request, status, "There is nothing here." if status == 404 else "This can't be done here.")


def _refused(request: Request, refusal: Exception) -> Response:
    return refused(request.scope, refusal if isinstance(refusal, Refusal) else Refusal(400, str(refusal)))


def _not_found(request: Request, _: Exception) -> Response:
    return http.failure(request, 404, "There is no such file in the history.")


def _not_done(request: Request, error: Exception) -> Response:
    return http.failure(request, 409, str(error))


def _failed(request: Request, error: Exception) -> Response:
    log.warning("%s: %s", request.url.path, error)
    return http.failure(request, 503, str(error))
