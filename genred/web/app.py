"""The application: its addresses, and what is answered where something goes wrong."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from genred.config import Config
from genred.errors import GenredError
from genred.web import http, render
from genred.web.guard import Guard
from genred.web.site import Site


def create(load: Callable[[], Config]) -> Starlette:
    """Return the application.

    Parameters
    ----------
    load
        Loads the configuration as it is now.

    Raises
    ------
    GenredError
        If the configuration or the history can't be used.
    """
    site = Site(load)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        site.close()

    app = Starlette(
        routes=routes(),
        middleware=[Middleware(Guard, web=site.config.web)],
        exception_handlers={HTTPException: _refused, LookupError: _not_found, GenredError: _failed},
        lifespan=lifespan,
    )
    app.state.site = site
    return app


def routes() -> list[Route | Mount]:
    """Return all addresses."""
    return [
        Route("/healthz", _healthy),
        Route("/", _overview),
        Mount("/static", StaticFiles(directory=render.FOLDER / "static")),
    ]


def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def _overview(request: Request) -> Response:
    return http.page(request, "overview.html", known=http.site(request).history.files.count_known())


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    reason = "There is nothing here." if status == 404 else "This can't be done here."
    return http.page(request, "error.html", status=status, reason=reason, code=status)


def _not_found(request: Request, _: Exception) -> Response:
    return http.page(request, "error.html", status=404, code=404, reason="There is no such file in the history.")


def _failed(request: Request, error: Exception) -> Response:
    return http.page(request, "error.html", status=500, code=500, reason=str(error))
