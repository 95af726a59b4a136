"""The service: how it is doing, live, and what can be asked of it."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from genred.fs.files import readable
from genred.history.records import Query
from genred.model import installed
from genred.service.status import Status, ask, lock_of
from genred.web import http, render
from genred.web.door import Door
from genred.web.guard import Refusal
from genred.web.jobs import Job
from genred.web.site import Site

TICK_SECONDS = 1.0
SILENT_TICKS = 15
"""After so many ticks without news a sign of life is sent, or proxies would end the connection."""
LAST_DECISIONS = 20
LAST_RUNS = 10
PARTS = ("status", "jobs", "decisions")
"""The parts of the page that are sent anew when they change, each a template and the id of an element."""
_NAME = re.compile(r"\w[\w .+-]{0,60}")


def show(request: Request) -> Response:
    """Answer with the page."""
    site = http.site(request)
    own = installed.entries()
    models: list[tuple[str, bool, int | None]] = [(installed.BUILTIN, not any(entry.in_use for entry in own), None)]
    models += [(entry.name, entry.in_use, entry.tracks) for entry in own]
    return http.page(
        request,
        "service.html",
        folders=site.config.watch.directories,
        models=models,
        runs=site.history.runs(LAST_RUNS),
        **_values(site),
    )


def live(request: Request) -> Response:
    """Answer with the parts of the page, again whenever they change, until the browser has seen enough."""
    site = http.site(request)
    if not site.streams.acquire(blocking=False):
        raise Refusal(503, "Too many pages are being kept up to date.", Retry_After="10")
    return _Stream(site, _news(site, request.app.state.door, http.visit(request).session, http.visit(request).token))


class _Stream(StreamingResponse):
    """A stream of events that gives back its place when it has ended, however it ends."""

    def __init__(self, site: Site, news: AsyncIterator[str]) -> None:
        super().__init__(news, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._site = site

    async def __call__(self, *arguments: object) -> None:
        try:
            await super().__call__(*arguments)  # type: ignore[arg-type]  # scope, receive, send
        finally:
            self._site.streams.release()


def job(request: Request) -> Response:
    """Answer with one job and all that it said."""
    number = request.path_params["number"]
    found = next((job for job in http.site(request).jobs.all() if job.id == number), None)
    if found is None:
        return http.failure(request, 404, "There is no such job.")
    if _is_script(request):
        return JSONResponse(found.as_json())
    return http.page(request, "job.html", job=found)


def scan(request: Request) -> Response:
    """Start a scan of the folders that are named, or of all."""
    fields, site = http.form(request), http.site(request)
    folders = _folders(request)
    options = ["--dry-run"] if http.flag(fields, "dry_run") else []
    about = ", ".join(map(readable, folders))
    return _started(request, site.jobs.start("scan", about, ["--json", *options, "--", *folders]))


def undo_form(request: Request) -> Response:
    """Answer with the question whether a run is to be undone."""
    number = http.number(http.query(request), "run")
    run = next((run for run in http.site(request).history.runs(LAST_RUNS) if run.id == number), None)
    if run is None:
        return http.failure(request, 404, "There is no such run that wrote tags.")
    return http.page(request, "undo.html", run=run)


def undo(request: Request) -> Response:
    """Start to undo what a run wrote."""
    run = http.number(http.form(request), "run")
    if run is None:
        raise Refusal(400, "Name a run.")
    return _started(request, http.site(request).jobs.start("undo", f"run {run}", ["--json", "--run", str(run)]))


def train(request: Request) -> Response:
    """Start to learn from the genres that their owner set in the folders that are named, or in all."""
    fields, site = http.form(request), http.site(request)
    name = http.first(fields, "name", "own").strip()
    if not _NAME.fullmatch(name) or name == installed.BUILTIN:
        raise Refusal(400, "A model is called by letters and digits, and not as the built-in one.")
    options = ["--with-builtin"] if http.flag(fields, "with_builtin") else []
    options += ["--force"] if http.flag(fields, "force") else []
    sources = [word for folder in _folders(request) for word in ("--from-tags", folder)]
    return _started(request, site.jobs.start("train", name, [*options, "--name", name, *sources]))


def use(request: Request) -> Response:
    """Put a model in use."""
    name = http.first(http.form(request), "name")
    if name not in {installed.BUILTIN, *(entry.name for entry in installed.entries())}:
        return http.failure(request, 404, "There is no such model.")
    return _started(request, http.site(request).jobs.start("model", name, ["use", "--", name]))


def check(request: Request) -> Response:
    """Start to check that everything works."""
    return _started(request, http.site(request).jobs.start("doctor", "everything", []))


def stop(request: Request) -> Response:
    """Have a job stop after the file in hand."""
    number = http.number(http.form(request), "job")
    stopped = http.site(request).jobs.stop(number) if number else None
    if stopped is None:
        return http.failure(request, 404, "There is no such job.")
    return _started(request, stopped)


def advice(site: Site, status: Status | None, *, at_work: bool) -> Iterator[str]:
    """Yield what a person can do about what isn't well."""
    if not at_work:
        yield "No service is at work, so nothing is done about new music. `systemctl --user start genred` starts it."
    if status is not None and not at_work and not status.ended:
        yield "The last one was cut short. `journalctl --user -u genred` may tell why."
    if at_work and status is not None:
        for mistake in status.mistakes:
            yield f"The service refused its new configuration: {mistake}. Mend it, and reload the service."
        if status.trouble and status.state == "waiting":
            yield f"The service waits: {status.trouble}."
        for root in status.roots:
            yield from (f"{root.path}: {problem}" for problem in root.problems)
    for mistake in site.mistakes:
        yield f"These pages go on with the old configuration, since the new one has a mistake: {mistake}."


def _values(site: Site) -> dict[str, Any]:
    """Return what the parts of the page show."""
    at_work, status = ask(lock_of(site.config.database))
    decisions = list(site.history.records(Query(limit=LAST_DECISIONS)))
    told = {"at_work": at_work, "said": status, "advice": list(advice(site, status, at_work=at_work))}
    return told | {"decisions": decisions, "jobs": site.jobs.all()}


def _parts(site: Site, token: str) -> dict[str, str]:
    values = _values(site) | {"csrf": token}
    return {name: render.page(f"service_{name}.html", **values).decode() for name in PARTS}


async def _news(site: Site, door: Door, session: str, token: str) -> AsyncIterator[str]:
    """Yield events as browsers read them."""
    told: dict[str, str] = {}
    silent = 0
    while not site.stopping.is_set() and door.is_open(session):
        parts = await run_in_threadpool(_parts, site, token)
        news = [name for name in PARTS if parts[name] != told.get(name)]
        silent = 0 if news else silent + 1
        for name in news:
            yield "".join([f"event: {name}\n", *(f"data: {line}\n" for line in parts[name].splitlines() or [""]), "\n"])
        if silent == SILENT_TICKS:
            silent = 0
            yield ": still there\n\n"
        told = parts
        await asyncio.sleep(TICK_SECONDS)


def _folders(request: Request) -> list[Path]:
    """Return the folders that are named, or all, which must be there."""
    fields, site = http.form(request), http.site(request)
    named = [http.path_of(ref) for ref in fields.get("folder", []) if ref]
    named += [http.plain_path(text) for text in fields.get("path", [])]
    folders = [site.folder(path) for path in named or site.config.watch.directories]
    if not folders:
        raise Refusal(409, "No folder is configured (watch.directories).")
    return folders


def _started(request: Request, job: Job) -> Response:
    return JSONResponse(job.as_json(), 202) if _is_script(request) else http.see_other("/service#jobs")


def _is_script(request: Request) -> bool:
    return request.url.path.startswith("/api/")
