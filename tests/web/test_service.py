"""The page of the service: how it is doing, and what can be asked of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from genred.config import Config, Watch
from genred.fs.locks import locked
from genred.history.history import History
from genred.history.records import Outcome, Record
from genred.service.status import Board, Watched, lock_of
from genred.web.app import create
from tests.web.forms import browser, post, serving


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration of an empty library."""
    (tmp_path / "music").mkdir()
    config = Config(watch=Watch(directories=(tmp_path / "music",)))
    return config.with_changes("history", url=f"sqlite:///{tmp_path}/history.db")


@pytest.fixture
def own(config: Config) -> Iterator[TestClient]:
    """A browser in front of an empty library."""
    with browser(create(lambda: config)) as client:
        yield client


def test_it_says_that_nobody_is_at_work_and_what_to_do(own: TestClient) -> None:
    text = own.get("/service").text
    assert "No service is at work." in text
    assert "<code>systemctl --user start genred</code>" in text
    assert own.get("/api/status").json()["running"] is False


def test_it_says_how_the_service_is_doing(own: TestClient, config: Config) -> None:
    """The folder that isn't there and the mistake in its configuration, too; markup in them is text."""
    with locked(lock_of(config.database)) as fd, Board(fd, "run") as board:
        board.status.state, board.status.queued = "watching", 1234
        board.status.roots = [Watched("/srv/<i>music", "offline", ["it isn't there", "`<b>`"])]
        board.status.mistakes = ["config.toml:3: tags.mode: must be one of keep"]
        board.status.count(Record(Path("/a"), Outcome.TAGGED, "sure", genre="Jazz"))
        board.post(at_once=True)
        text = own.get("/service").text
        said = own.get("/api/status").json()
    assert "1,234" in text
    assert "/srv/&lt;i&gt;music: it isn&#39;t there" in text
    assert "<code>&lt;b&gt;</code>" in text
    assert "refused its new configuration: config.toml:3" in text
    assert "1 tagged" in text
    assert (said["running"], said["command"], said["queued"]) == (True, "run", 1234)


def test_news_are_sent_as_they_happen(config: Config) -> None:
    """Each part of the page when it changes, and not before; the stream ends when the server does."""
    with serving(create(lambda: config)) as url, httpx2.stream("GET", f"{url}service/live", timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        told = [event(lines) for _ in range(3)]
        assert [name for name, _ in told] == ["status", "jobs", "decisions"]
        history = History.open(config.database)
        history.start_run("scan", "0")
        history.record(Record(config.watch.directories[0] / "<b>.mp3", Outcome.FAILED, "no\nsound\r\rdata: in it"))
        history.close()
        name, html = event(lines)
        assert name == "decisions"
        assert "&lt;b&gt;.mp3" in html
        assert "sound" in html


def event(lines: Iterator[str]) -> tuple[str, str]:
    """Read an event, as a browser does."""
    name = ""
    data: list[str] = []
    for line in lines:
        if not line and data:
            break
        field, _, value = line.partition(": ")
        assert field in ("", "event", "data")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return name, "\n".join(data)


def test_a_run_is_undone_after_a_question(own: TestClient, config: Config) -> None:
    """Which is asked only about a run that wrote tags."""
    history = History.open(config.database)
    run = history.start_run("scan", "0")
    history.record(Record(Path("/a.mp3"), Outcome.TAGGED, "sure", genre="Jazz", model="m", written=("Jazz",)))
    other = history.start_run("scan", "0")
    history.record(Record(Path("/b.mp3"), Outcome.FAILED, "no sound"))
    history.close()
    assert f"/service/undo?run={run}" in own.get("/service").text
    assert "wrote 1 tags" in own.get(f"/service/undo?run={run}").text
    assert own.get(f"/service/undo?run={other}").status_code == 404
    started = post(own, "/service/undo", {"run": str(run)})
    assert (started.status_code, started.headers["location"]) == (303, "/service#jobs")
    (job,) = own.get("/api/jobs").json()
    assert (job["kind"], job["about"]) == ("undo", f"run {run}")


def test_a_second_job_of_a_kind_is_refused(own: TestClient) -> None:
    assert post(own, "/api/scan", {}).status_code == 202
    again = post(own, "/api/scan", {})
    assert (again.status_code, again.json()) == (409, {"error": "One scan is at work already."})


def test_what_a_job_said_can_be_read(own: TestClient) -> None:
    job = post(own, "/api/check", {}).json()
    assert json.dumps(job["lines"]) == "[]"
    assert own.get(f"/api/jobs/{job['id']}").json()["kind"] == "doctor"
    assert "doctor everything" in own.get(f"/service/jobs/{job['id']}").text
    assert own.get("/service/jobs/99").status_code == own.get("/api/jobs/99").status_code == 404
    assert post(own, "/api/stop", {"job": str(job["id"])}).json()["state"] in ("stopping", "stopped", "done")


def test_without_folders_nothing_can_be_scanned(config: Config) -> None:
    bare = config.with_changes("watch", directories=())
    with browser(create(lambda: bare)) as client:
        assert "No folder is configured" in client.get("/service").text
        assert post(client, "/api/scan", {}).status_code == 409
