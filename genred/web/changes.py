"""A person's own decisions from anywhere on the pages: set a genre, undo a tag write."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from genred.errors import FileError
from genred.fs.files import readable
from genred.history.journal import Journal
from genred.history.records import Query, Record
from genred.saving.transaction import recover
from genred.tagging.tagger import Tagger
from genred.tagging.undo import select, undo_write
from genred.web import http, service
from genred.web.guard import Refusal

MOST_FILES = 1000
LONGEST_GENRE = 200


def set_genre(request: Request) -> Response:
    """Write a person's genre into the files that are named, as `genred set` does."""
    fields, site = http.form(request), http.site(request)
    genre, dry_run = genre_of(fields), http.flag(fields, "dry_run")
    paths = _files(request, fields)
    with site.analysing() as analyser, site.writing() as history:
        tagger = Tagger(site.config, history, analyser, dry_run=dry_run)
        return _answer(request, fields, _each(paths, lambda path: tagger.set_genre(path, genre)))


def undo(request: Request) -> Response:
    """Put back what was in the files that are named, or in the last so many, as `genred undo` does; a run is a job."""
    fields, site = http.form(request), http.site(request)
    if "run" in fields:
        return service.undo(request)
    last, dry_run = http.number(fields, "last", MOST_FILES), http.flag(fields, "dry_run")
    queries = [Query(limit=last)] if last else [Query(path=path) for path in _files(request, fields)]
    with site.writing() as history:
        if not dry_run:
            recover(Journal(history))
        found, dropped = select(history, queries)
        if not found and not dropped:
            raise Refusal(409, "There is nothing to undo there.")
        with site.analysing() as analyser:
            tags = site.config.tags
            done = _each(
                found,
                lambda write: undo_write(
                    history, write, tags, lambda: analyser, for_good=last is None, dry_run=dry_run
                ),
            )
    reason = "its undo record was dropped (history.retention_days)"
    return _answer(request, fields, [*done, *(FileError(record.path, reason) for record in dropped)])


def genre_of(fields: Mapping[str, list[str]]) -> str:
    """Return the genre that a person gave.

    Raises
    ------
    Refusal
        If it is none.
    """
    genre = http.first(fields, "genre").strip()
    if not genre or not genre.isprintable() or len(genre) > LONGEST_GENRE:
        raise Refusal(400, "That is no name of a genre.")
    return genre


def as_json(result: Record | FileError) -> dict[str, Any]:
    """Return what became of a file, as the commands print it."""
    if isinstance(result, FileError):
        return {"path": readable(result.path), "error": result.reason}
    return result.as_json()


def _files(request: Request, fields: Mapping[str, list[str]]) -> list[Path]:
    """Return the files that are named: each as a ``path``, or as a ``file``, which any bytes survive."""
    named = [http.path_of(ref) for ref in fields.get("file", [])]
    named += [http.plain_path(text) for text in fields.get("path", [])]
    if not named or len(named) > MOST_FILES:
        raise Refusal(400, f"Name files, {MOST_FILES:,} at most.")
    return list(dict.fromkeys(http.site(request).file(path) for path in named))


def _each(things: Iterable[Any], do: Callable[[Any], Record]) -> list[Record | FileError]:
    """Do something for each; one that fails doesn't keep the others."""
    results: list[Record | FileError] = []
    for thing in things:
        try:
            results.append(do(thing))
        except FileError as error:
            results.append(error)
    return results


def _answer(request: Request, fields: Mapping[str, list[str]], results: list[Record | FileError]) -> Response:
    """Answer a script with JSON, and a form with the page that it came from, or with what failed."""
    failed = [result for result in results if isinstance(result, FileError)]
    if request.url.path.startswith("/api/"):
        return JSONResponse([as_json(result) for result in results], 409 if failed else 200)
    goes_on = http.inside(http.first(fields, "next", "/"))
    if failed:
        return http.page(request, "failed.html", status=409, failed=failed, goes_on=goes_on)
    return http.see_other(goes_on)
