"""A genre that is set on a page, and one that is undone there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from genred import tags
from genred.config import Config, Watch
from genred.fs.files import stamp_of
from genred.genres import said
from genred.history.history import History
from genred.history.records import Outcome, Query, Record
from genred.web import http
from genred.web.app import create
from genred.web.guard import Refusal, _listed
from tests.makeaudio import make
from tests.web.forms import ORIGIN, browser, post, token


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A song without a genre."""
    (tmp_path / "music").mkdir()
    return make(tmp_path / "music/100%25 <b>.mp3", 3.0)


@pytest.fixture
def client(song: Path, tmp_path: Path) -> Iterator[TestClient]:
    """A browser in front of a library of one song."""
    config = Config(watch=Watch(directories=(song.parent,))).with_changes("service", workers=1)
    config = config.with_changes("history", url=f"sqlite:///{tmp_path}/history.db")
    history = History.open(config.database)
    history.start_run("scan", "0")
    history.record(Record(song, Outcome.ABSTAINED, "not sure", stamp=stamp_of(song)))
    history.close()
    with browser(create(lambda: config)) as client:
        yield client


def genres(song: Path) -> tuple[str, ...]:
    return said(tags.read_places(song))


def decisions(client: TestClient, tmp_path: Path) -> list[Record]:
    history = History.open(tmp_path / "history.db", readonly=True)
    found = list(history.records(Query()))
    history.close()
    return found


@pytest.mark.parametrize("said", [False, 0, None, "false", "0", "", "no"])
def test_no_means_no(said: object) -> None:
    """In JSON and in forms."""
    assert http.flag(_listed(json.dumps({"dry_run": said}).encode()), "dry_run") is False


@pytest.mark.parametrize("said", [True, 1, "true", "1", "Yes"])
def test_yes_means_yes(said: object) -> None:
    assert http.flag(_listed(json.dumps({"dry_run": said}).encode()), "dry_run") is True


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(Refusal, match="dry_run must be true or false"):
        http.flag({"dry_run": ["maybe"]}, "dry_run")


def test_what_takes_nothing_is_sent_without_a_form(client: TestClient) -> None:
    """The token in the header is enough; without one nothing is done."""
    headers = {"Origin": ORIGIN, "X-CSRF-Token": token(client)}
    assert client.post("/api/stop", headers=headers).json() == {"error": "There is no such job."}
    assert client.post("/api/stop", headers={"Origin": ORIGIN}).status_code == 403


@pytest.mark.slow
def test_a_genre_is_set_and_undone(client: TestClient, song: Path, tmp_path: Path) -> None:
    """By a script: what is answered is what the commands print; the file is then as it was, to the byte."""
    before = song.read_bytes()
    answer = post(client, "/api/set", {"path": str(song), "genre": " Zydeco "})
    assert answer.status_code == 200
    (record,) = answer.json()
    assert (record["outcome"], record["genre"], record["path"]) == ("tagged", "Zydeco", str(song))
    assert genres(song) == ("Zydeco",)
    assert record == decisions(client, tmp_path)[0].as_json() | {"previous": [], "written": ["Zydeco"]}
    (undone,) = post(client, "/api/undo", {"path": str(song)}).json()
    assert undone["outcome"] == "undone"
    assert song.read_bytes() == before
    nothing = post(client, "/api/undo", {"path": str(song)})
    assert (nothing.status_code, nothing.json()) == (409, {"error": "There is nothing to undo there."})


@pytest.mark.slow
def test_a_form_is_sent_on_to_the_page_that_it_came_from(client: TestClient, song: Path) -> None:
    """The file is named by its bytes, quoted."""
    from genred.web.render import ref

    answer = post(client, "/set", {"file": ref(song), "genre": "Jazz", "next": "/history?genre=Jazz"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/history?genre=Jazz")
    assert genres(song) == ("Jazz",)
    post(client, "/undo", {"last": "1", "next": "/"})
    assert genres(song) == ()


@pytest.mark.slow
def test_a_file_that_fails_is_named_and_the_rest_is_done(client: TestClient, song: Path, tmp_path: Path) -> None:
    broken = song.with_name("broken.mp3")
    broken.write_bytes(b"nothing at all")
    history = History.open(tmp_path / "history.db")
    history.start_run("scan", "0")
    history.record(Record(broken, Outcome.FAILED, "no audio", stamp=stamp_of(broken)))
    history.close()
    answer = post(client, "/api/set", {"path": [str(broken), str(song)], "genre": "Jazz"})
    assert answer.status_code == 409
    failed, done = answer.json()
    assert (failed["path"], bool(failed["error"])) == (str(broken), True)
    assert done["outcome"] == "tagged"
    page = post(client, "/set", {"path": str(broken), "genre": "Jazz"})
    assert page.status_code == 409
    assert "broken.mp3" in page.text


@pytest.mark.slow
def test_what_would_be_done_can_be_asked(client: TestClient, song: Path, tmp_path: Path) -> None:
    (told,) = post(client, "/api/set", {"path": str(song), "genre": "Jazz", "dry_run": "1"}).json()
    assert told["written"] == ["Jazz"]
    assert genres(song) == ()
    assert len(decisions(client, tmp_path)) == 1
