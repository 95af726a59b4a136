"""The library in figures, in a browser."""

from starlette.requests import Request
from starlette.responses import Response

from genred.config import cache_dir
from genred.history.records import Query
from genred.model import installed
from genred.web import http
from genred.web.site import Site
from genred.web.summary import MOST_MIXED, Summary, summary

NEWEST = 10
"""How many decisions the overview shows."""
KEY = "\x1f"
"""Between the two names by which a page of albums begins."""


def overview(request: Request) -> Response:
    """Show what matters most."""
    newest = list(http.site(request).history.records(Query(limit=NEWEST)))
    return http.page(request, "overview.html", library=_summary(request), newest=newest, most_mixed=MOST_MIXED)


def library(request: Request) -> Response:
    """Show all figures."""
    return http.page(request, "library.html", library=_summary(request), live=True, most_mixed=MOST_MIXED)


def mixed(request: Request) -> Response:
    """Show albums with several genres, some at a time."""
    begin = http.first(http.query(request), "after")
    artist, _, album = begin.partition(KEY)
    page = http.site(request).history.figures.mixed((artist, album) if begin else None)
    onward = None if page.onward is None else KEY.join(page.onward)
    return http.page(request, "mixed.html", albums=page.rows, onward=onward, begin=begin)


def prepare(site: Site) -> None:
    """Ask for all figures once: what the first page needs of the database is at hand then."""
    summary(site.history, {})


def _summary(request: Request) -> Summary:
    site = http.site(request)
    return summary(site.history, installed.card_in_use(site.config, cache_dir()))
