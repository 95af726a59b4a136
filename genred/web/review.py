"""The review: albums with something to ask about, one of them at a time, and what becomes of the answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from genred.errors import FileError
from genred.history.questions import REVIEW
from genred.history.records import Outcome, Record
from genred.names import album_folder
from genred.tagging.answers import answer, take_back
from genred.tagging.asking import doubt
from genred.tagging.policy import Policy
from genred.tagging.review import accepted, meant, named
from genred.tagging.tagger import Tagger
from genred.web import asked, http
from genred.web.changes import as_json, genre_of
from genred.web.guard import Refusal
from genred.web.render import ref
from genred.web.site import NoSuchFile, Site

_TAKEN_BACK = (Outcome.TAGGED, Outcome.KEPT, Outcome.SKIPPED)
_MOST_ASKED = 1000


def albums(request: Request) -> Response:
    """Answer with a page of the albums that wait for an answer."""
    skipped, since = _skipped(http.query(request)), http.path_asked(request) or Path("/")
    found, onward = asked.albums(http.site(request), since, skipped=skipped)
    done = _done(request)
    return http.page(
        request,
        "review.html",
        albums=found,
        onward=onward,
        skipped=skipped,
        is_first=since == Path("/"),
        told=asked.told(done),
        given=_given_back(done),
    )


def album(request: Request) -> Response:
    """Answer with the questions of one album."""
    at = _at(request)
    return _album(request, at, _skipped(http.query(request)), _done(request))


def onward(request: Request) -> Response:
    """Send the browser to the next album behind the one that it was at."""
    at = _at(request)
    return http.see_other(_next(http.site(request), at, _skipped(http.query(request))))


def give(request: Request) -> Response:
    """Take an answer: a guess, another genre that was typed, or a skip, for one file or for several."""
    fields, site = http.form(request), http.site(request)
    at, skipped = site.known(http.path_of(http.first(fields, "at"))), _skipped(fields)
    genre = None
    if http.flag(fields, "skip"):
        pass
    elif typed := http.first(fields, "typed").strip():
        genre_of({"genre": [typed]})
        genre, is_known = meant(typed, asked.genres(site), Policy.of(site.config).vocabulary)
        if not is_known:
            return _doubted(request, at, typed, genre)
    else:
        genre = genre_of(fields)
    decisions = _decisions(site, fields)
    results: list[Record | FileError] = []
    with site.analysing() as analyser, site.writing(REVIEW) as history:
        tagger = Tagger(site.config, history, analyser)
        for decision in decisions:
            try:
                results.append(answer(history, tagger, decision, genre))
            except FileError as error:
                results.append(error)
    if len(decisions) < len(fields.get("id", [])):
        late = len(fields["id"]) - len(decisions)
        told = f"{late} of its files changed, or got an answer, meanwhile, and nothing is written there"
        results.append(FileError(album_folder(at), told))
    return _gone_on(request, at, skipped, results)


def undo(request: Request) -> Response:
    """Take an answer back, whoever gave it in a review."""
    fields, site = http.form(request), http.site(request)
    results: list[Record | FileError] = []
    with site.analysing() as analyser, site.writing(REVIEW) as history:
        given = [it for it in _given(site, http.first(fields, "given")) if it.outcome in _TAKEN_BACK]
        if not given:
            raise Refusal(409, "There is nothing to take back.")
        for record in reversed(given):
            try:
                results.append(take_back(history, analyser, site.config.tags, record)[0])
            except FileError as error:
                results.append(error)
    return _gone_on(request, given[0].path, _skipped(fields), results)


def questions_as_json(request: Request) -> Response:
    """Answer as `genred review --json` does, some albums at a time; the next ones are linked to in the header Link."""
    site, fields = http.site(request), http.query(request)
    skipped, since = _skipped(fields), http.path_asked(request) or Path("/")
    found, onward = asked.albums(site, since, skipped=skipped)
    groups = [group for album in found for group in asked.in_album(site, album.at, skipped=skipped)[0]]
    link = {} if onward is None else {"Link": f'<{_url("/api/review", onward, skipped)}>; rel="next"'}
    return JSONResponse([each.first.as_json() for group in groups for each in group.each], headers=link)


def accept(request: Request) -> Response:
    """Write the best guess into the files that are named, as `genred review accept` does."""
    fields, site = http.form(request), http.site(request)
    paths = [http.plain_path(text) for text in fields.get("path", [])]
    paths += [http.path_of(text) for text in fields.get("file", [])]
    if not paths or len(paths) > _MOST_ASKED:
        raise Refusal(400, f"Name files, {_MOST_ASKED:,} at most.")
    found = named(site.history, [site.file(path) for path in paths])
    questions = iter(asked.judged(site, [item for item in found if not isinstance(item, FileError)]))
    results: list[Record | FileError] = []
    with site.analysing() as analyser, site.writing(REVIEW) as history:
        tagger = Tagger(site.config, history, analyser)
        for item in found:
            try:
                if isinstance(item, FileError):
                    raise item
                question = next(questions)
                results.append(answer(history, tagger, question.record, accepted(question)))
            except FileError as error:
                results.append(error)
    is_done = not any(isinstance(result, FileError) for result in results)
    return JSONResponse([as_json(result) for result in results], 200 if is_done else 409)


def _at(request: Request) -> Path:
    """Return the file that the query string names, which is a place among the albums."""
    at = http.path_asked(request)
    if at is None:
        raise NoSuchFile
    return http.site(request).known(at)


def _doubted(request: Request, at: Path, typed: str, nearest: str) -> Response:
    """Ask about a genre that nobody knows."""
    fields = http.form(request)
    return http.page(
        request,
        "review_doubt.html",
        at=at,
        skipped=_skipped(fields),
        ids=http.texts(fields, "id"),
        typed=typed,
        nearest=nearest,
        text=doubt(typed, nearest),
    )


def _album(
    request: Request, at: Path, skipped: bool, done: Sequence[Record], failed: Sequence[FileError] = ()
) -> Response:
    site = http.site(request)
    groups, more = asked.in_album(site, at, skipped=skipped)
    return http.page(
        request,
        "review_album.html",
        status=409 if failed else 200,
        at=at,
        folder=album_folder(at),
        skipped=skipped,
        groups=groups,
        more=more,
        genres=asked.genres(site),
        told=asked.told([*done, *failed]),
        failed=bool(failed),
        given=_given_back(done),
    )


def _gone_on(request: Request, at: Path, skipped: bool, results: Sequence[Record | FileError]) -> Response:
    """Send the browser to the rest of the album, or to the next one; what failed is told at once."""
    site = http.site(request)
    failed = [result for result in results if isinstance(result, FileError)]
    done = [result for result in results if not isinstance(result, FileError)]
    if failed:
        return _album(request, at, skipped, done, failed)
    if asked.is_waiting(site, at, skipped=skipped):
        return http.see_other(_url("/review/album", at, skipped, _span(done)))
    return http.see_other(_next(site, at, skipped, _span(done)))


def _next(site: Site, at: Path, skipped: bool, given: str = "") -> str:
    onward = asked.after(site, at, skipped=skipped)
    if onward is None:
        return _url("/review", None, skipped, given)
    return _url("/review/album", onward, skipped, given)


def _url(page: str, at: Path | None, skipped: bool, given: str = "") -> str:
    """Return the address of a page at a file, with the answer to tell of."""
    fields = urlencode({name: value for name, value in (("skipped", "1" if skipped else ""), ("done", given)) if value})
    query = "&".join(filter(None, [f"path={ref(at)}" if at is not None else "", fields]))
    return f"{page}?{query}" if query else page


def _decisions(site: Site, fields: Mapping[str, list[str]]) -> list[Record]:
    """Return the decisions that were asked about, of those that are in force still."""
    ids = http.texts(fields, "id")
    if not ids or len(ids) > _MOST_ASKED or not all(text.isascii() and text.isdecimal() for text in ids):
        raise Refusal(400, "That answers no question.")
    found = site.history.questions.of([int(text) for text in ids if len(text) < 19], skipped=None)
    return sorted((record for record in found if site.known(record.path)), key=lambda record: record.path)


def _done(request: Request) -> list[Record]:
    return _given(http.site(request), http.first(http.query(request), "done"))


def _given(site: Site, span: str) -> list[Record]:
    """Return the answers that an address or a form names by the first number and the last one."""
    first, _, last = span.partition("-")
    if not all(text.isascii() and text.isdecimal() and len(text) < 19 for text in (first, last)):
        return []
    found = site.history.questions.answers(int(first), int(last))
    return [record for record in found if site.is_inside(record.path)]


def _given_back(done: Sequence[Record]) -> str:
    """Return the answer that can be taken back, of what was done last; empty where that was to take one back."""
    return _span([record for record in done if record.outcome in _TAKEN_BACK])


def _span(records: Sequence[Record]) -> str:
    ids = [record.id for record in records if record.id is not None]
    return f"{min(ids)}-{max(ids)}" if ids else ""


def _skipped(fields: Mapping[str, list[str]]) -> bool:
    return http.flag(fields, "skipped")
