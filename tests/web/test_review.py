"""The review: what it asks, what becomes of the answers, what plays and what is shown."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from genred import tags
from genred.config import Config
from genred.history.history import History
from genred.history.records import Outcome, Query, Standing
from genred.web import asked
from genred.web.app import create
from genred.web.render import ref
from tests.web import shelf
from tests.web.forms import browser, post


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration of a shelf of made-up albums, to be answered in one test."""
    config, told = shelf.fill(tmp_path)
    shelf_told[config.database] = told
    return config


shelf_told: dict[Path, shelf.Told] = {}


@pytest.fixture
def client(config: Config) -> Iterator[TestClient]:
    """A browser in front of the shelf."""
    with browser(create(lambda: config, workers=shelf.workers(shelf_told[config.database]))) as client:
        yield client


@pytest.fixture
def history(config: Config, client: TestClient) -> Iterator[History]:
    """The history of the shelf, as somebody else reads it."""
    history = History.open(config.database)
    yield history
    history.close()


def music(config: Config, artist: str, album: str = "") -> list[Path]:
    folder = config.watch.directories[0] / artist / album
    return sorted(path for path in folder.iterdir() if path.suffix == ".flac")


def album(client: TestClient, at: Path) -> str:
    page = client.get(f"/review/album?path={ref(at)}")
    assert page.status_code == 200
    return page.text


def ids(page: str, form: int = 0) -> list[str]:
    """Return the numbers of the questions in a form of a page."""
    return re.findall(r'name="id" value="(\d+)"', re.findall(r"<form.*?</form>", page, re.DOTALL)[form])


def answered(client: TestClient, at: Path, page: str, form: int = 0, **fields: str) -> Response:
    """Send an answer as a form of a page does."""
    return post(client, "/review/answer", {"at": ref(at), "id": ids(page, form), **fields})


def told(page: str) -> list[str]:
    """Return the sentences about the last answer."""
    found = re.findall(r'<div role="status" id="told">(.*?)</div>', page, re.DOTALL)
    return [unescape(line) for line in re.findall(r"<p>(.*?)</p>", found[0])]


def test_the_albums_that_wait_are_listed_in_order(client: TestClient) -> None:
    """With what their tags name; nothing is judged for that."""
    page = client.get("/review").text
    titles = re.findall(r'class="title">(.*?)<', page)
    assert titles[:3] == ["Voltage Season", "Low Tide Letters", "Rooms Without Doors"]
    assert len(titles) == len(shelf.ALBUMS) + 2
    assert "Marlow &amp; the Ferrymen" in page


def test_the_list_goes_on_where_a_page_ends(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each album is on one page."""
    monkeypatch.setattr(asked, "ALBUMS", 3)
    url, titles = "/review", []
    while url:
        page = client.get(url).text
        titles += re.findall(r'class="title">(.*?)<', page)
        more = re.search(r'href="(/review\?path=[^"]*)">More', page)
        url = unescape(more[1]) if more else ""
    assert len(titles) == len(set(titles)) == len(shelf.ALBUMS) + 2


def test_an_album_is_asked_about_as_a_whole_and_track_by_track(client: TestClient, config: Config) -> None:
    """With the guesses, and what its owner calls the others of it."""
    songs = music(config, "Ninth Avenue Quartet", "Rooms Without Doors")
    page = album(client, songs[0])
    assert "the whole album, 5 files" in page
    assert "2 of 7 tracks here: Cool Jazz (you)" in page
    assert re.findall(r'class="genre">(.*?)<', page)[:3] == ["Cool Jazz", "Jazz", "Blues"]
    assert len(ids(page)) == 5
    assert [len(found) for found in (ids(page, 3), ids(page, 4))] == [1, 1]


def test_an_answer_is_written_at_once_and_stands(client: TestClient, config: Config, history: History) -> None:
    """The page goes on with the next album, and says what was written."""
    songs = music(config, "Orla Fenn", "Winter Gardens")
    answer = answered(client, songs[0], album(client, songs[0]), genre="Chamber Music")
    assert answer.status_code == 303
    assert [tags.read_genres(song) for song in songs] == [["Chamber Music"]] * 2
    known = history.files.known(songs[0])
    assert known is not None
    assert known.standing is Standing.PERSON
    page = client.get(answer.headers["location"]).text
    assert told(page) == ["Wrote Chamber Music: 2 files."]
    assert "Recordings" in page


def test_one_track_alone_is_answered(client: TestClient, config: Config) -> None:
    """The rest of its album is still asked about, and the answer speaks for it."""
    songs = music(config, "Kestrel Engine", "Voltage Season")
    answer = answered(client, songs[0], album(client, songs[0]), form=3, genre="Dub")
    page = client.get(answer.headers["location"]).text
    assert [tags.read_genres(song) for song in songs] == [["Dub"], [], [], []]
    assert "the whole album, 3 files" in page
    assert re.findall(r'class="genre">(.*?)<', page)[0] == "Dub"


def test_an_answer_is_taken_back_byte_for_byte(client: TestClient, config: Config) -> None:
    """And is asked about again."""
    songs = music(config, "Orla Fenn", "Winter Gardens")
    before = [song.read_bytes() for song in songs]
    answer = answered(client, songs[0], album(client, songs[0]), genre="Ambient")
    assert [song.read_bytes() for song in songs] != before
    given = re.findall(r'name="given" value="([\d-]+)"', client.get(answer.headers["location"]).text)
    undone = post(client, "/review/undo", {"given": given[0]})
    page = client.get(undone.headers["location"]).text
    assert told(page) == ["Taken back, and open again: 2 files."]
    assert [song.read_bytes() for song in songs] == before
    assert len(ids(page)) == 2
    assert "Winter Gardens" in page
    assert post(client, "/review/undo", {"given": "1-999999"}).status_code == 409


def test_a_skip_touches_nothing_and_can_be_answered_later(client: TestClient, config: Config) -> None:
    """It stands in a list of its own; taken back, it waits again."""
    songs = music(config, "Orla Fenn", "Winter Gardens")
    before = [song.read_bytes() for song in songs]
    skip = answered(client, songs[0], album(client, songs[0]), skip="1")
    given = re.findall(r'name="given" value="([\d-]+)"', client.get(skip.headers["location"]).text)
    assert "Winter Gardens" not in client.get("/review").text
    assert "Winter Gardens" in client.get("/review?skipped=1").text
    assert "Glasshouse" in client.get(f"/review/album?path={ref(songs[0])}&skipped=1").text
    post(client, "/review/undo", {"given": given[0]})
    assert "Winter Gardens" in client.get("/review").text
    assert [song.read_bytes() for song in songs] == before


def test_a_typed_genre_is_understood_or_asked_about(client: TestClient, config: Config) -> None:
    """A slip is asked about, a spelling is written as it is known, and a new genre once it is confirmed."""
    songs = music(config, "Sister Cartography", "Unmapped")
    page = album(client, songs[0])
    doubt = answered(client, songs[0], page, typed="Jaz")
    assert "Did you mean Jazz?" in unescape(doubt.text)
    new = answered(client, songs[0], page, typed="Blorgh Core Zyx")
    assert "Blorgh Core Zyx is a new genre here." in new.text
    assert tags.read_genres(songs[0]) == []
    assert ids(new.text) == ids(page)
    none = answered(client, songs[0], page, typed="Unknown").text
    assert "Unknown counts as no genre." in none
    assert 'name="genre"' not in none
    assert answered(client, songs[0], page, form=3, genre="Blorgh Core Zyx").status_code == 303
    page = album(client, songs[0])
    assert answered(client, songs[0], page, typed="jazz").status_code == 303
    assert [tags.read_genres(song) for song in songs] == [["Blorgh Core Zyx"], ["Jazz"], ["Jazz"]]
    assert '<option value="Blorgh Core Zyx">' in album(client, music(config, "The Paper Lions", "Matchbox Weather")[0])


def test_what_was_changed_meanwhile_is_left_as_it_is_and_told(client: TestClient, config: Config) -> None:
    """By another program, or by another answer; the others are written."""
    songs = music(config, "Orla Fenn", "Winter Gardens")
    page = album(client, songs[0])
    tags.write_genres(songs[0], ["Polka"])
    answer = answered(client, songs[0], page, genre="Ambient")
    assert answer.status_code == 409
    assert told(answer.text) == [
        "Wrote Ambient: 1 file.",
        f"{songs[0].name}: it was changed or decided about meanwhile, and is left as it is.",
    ]
    assert [tags.read_genres(song) for song in songs] == [["Polka"], ["Ambient"]]
    again = answered(client, songs[0], page, genre="Metal")
    assert again.status_code == 409
    late = "1 of its files changed, or got an answer, meanwhile, and nothing is written there"
    assert f"{songs[0].parent.name}: {late}." in told(again.text)
    assert [tags.read_genres(song) for song in songs] == [["Polka"], ["Ambient"]]


def test_what_nobody_has_an_idea_of_is_not_accepted_in_passing(client: TestClient, config: Config) -> None:
    """Its guess is a button like any other, and the name of the file is a text, whatever its bytes are."""
    songs = music(config, "Recordings")
    page = album(client, songs[0])
    assert 'class="guess main"' not in page
    assert "Caf\\xe9 &lt;b&gt;" in page
    answered(client, songs[0], page, genre="Spoken Word")
    assert [tags.read_genres(song) for song in songs] == [["Spoken Word"]] * 2


def test_the_next_album_comes_without_an_answer(client: TestClient, config: Config) -> None:
    """One after the other, each once, and then the list."""
    at, seen = music(config, "Kestrel Engine", "Voltage Season")[0], []
    while True:
        seen.append(at.parent.name)
        location = client.get(f"/review/next?path={ref(at)}").headers["location"]
        if not location.startswith("/review/album"):
            break
        at = Path(unquote(location.partition("path=")[2], errors="surrogateescape"))
    assert len(seen) == len(set(seen)) == len(shelf.ALBUMS) + 2
    assert location == "/review"


def test_what_was_heard_plays_in_parts_or_whole(client: TestClient, config: Config) -> None:
    """Some players ask for two bytes first."""
    url = f"/api/excerpt?path={ref(music(config, 'Orla Fenn', 'Winter Gardens')[0])}"
    whole = client.get(url)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/mpeg")
    for wanted in ("0-", "0-1", "100-199", "5-999999999"):
        part = client.get(url, headers={"Range": f"bytes={wanted}"})
        first, _, last = wanted.partition("-")
        assert part.status_code == 206
        assert part.content == whole.content[int(first) : int(last or len(whole.content)) + 1]
    assert client.get(url, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert client.get(url, headers={"Range": "lines=1-2"}).content == whole.content


def test_a_cover_is_a_picture_made_here(client: TestClient, config: Config) -> None:
    """An album without one gets a drawing; nothing else of the folder is shown."""
    with_one, without = (
        music(config, "The Paper Lions", "Matchbox Weather"),
        music(config, "Orla Fenn", "Winter Gardens"),
    )
    shown = client.get(f"/review/cover?path={ref(with_one[0])}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert client.get(f"/review/cover?path={ref(without[0])}").headers["content-type"] == "image/svg+xml"
    for url in ("/review/cover", "/api/excerpt"):
        assert client.get(f"{url}?path={ref(with_one[0].with_name('cover.jpg'))}").status_code == 404
        assert client.get(f"{url}?path=/etc/passwd").status_code == 404
        assert client.get(url).status_code == 404


def test_files_elsewhere_are_neither_asked_about_nor_answered(client: TestClient, config: Config) -> None:
    """Whatever numbers or paths somebody sends."""
    songs = music(config, "Orla Fenn", "Winter Gardens")
    page = album(client, songs[0])
    narrow = config.with_changes("watch", directories=(songs[0].parents[2] / "Kestrel Engine",))
    with browser(create(lambda: narrow, workers=shelf.workers(shelf.Told()))) as other:
        assert re.findall(r'class="title">(.*?)<', other.get("/review").text) == ["Voltage Season"]
        assert other.get(f"/review/album?path={ref(songs[0])}").status_code == 404
        at = music(config, "Kestrel Engine", "Voltage Season")[0]
        sent = post(other, "/review/answer", {"at": ref(at), "id": ids(page), "genre": "Metal"})
        assert sent.status_code == 404
        assert post(other, "/api/review/accept", {"path": str(songs[0])}).status_code == 404
    for wrong in ({"id": "x"}, {"id": "9" * 30}, {"id": ""}, {}):
        fields = {"at": ref(songs[0]), "genre": "Metal", **wrong}
        assert post(client, "/review/answer", fields).status_code in (400, 409)
    assert [tags.read_genres(song) for song in songs] == [[], []]


def test_scripts_ask_and_accept_as_the_command_does(client: TestClient, config: Config, history: History) -> None:
    """With its keys; a file about which nothing is to be asked is told as such, and the others are written."""
    songs = music(config, "Kestrel Engine", "Voltage Season")
    listed = client.get("/api/review").json()
    keys = ["path", "album", "outcome", "written", "candidates", "reason", "model", "id", "tracks", "genres"]
    assert list(listed[0]) == keys
    assert listed[0]["path"] == str(songs[0])
    accepted = post(client, "/api/review/accept", {"path": [str(songs[0]), str(songs[1])]})
    assert (accepted.status_code, [it["written"] for it in accepted.json()]) == (200, [["Electronic"]] * 2)
    again = post(client, "/api/review/accept", {"path": [str(songs[0]), str(songs[2])]})
    assert again.status_code == 409
    assert [list(it)[:2] for it in again.json()] == [["path", "error"], ["id", "at"]]
    (latest,) = history.records(Query(path=songs[2], limit=1))
    assert (latest.outcome, latest.reason) == (Outcome.TAGGED, "a person set it")
