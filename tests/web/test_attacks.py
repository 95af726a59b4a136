"""Each attack of the table in docs/web.md, and that it fails."""

import json
import os
import re
import socket
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from genred.config import Config, Watch
from genred.errors import ConfigError
from genred.web import guard, server
from genred.web.app import create
from genred.web.door import TRIES, TRIES_OF_ALL, TRIES_SECONDS, Door, TooManyTriesError, password_of
from genred.web.server import check_password, listening
from tests.recipes import REPOSITORY
from tests.web import story
from tests.web.forms import ORIGIN, PASSWORD, browser, log_in, post, serving, token
from tests.web.story import EVIL, ODD

POST_JSON = "POST /api/set HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
UPGRADE = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==\r\n"
CHANGES = [
    *("/logout", "/set", "/undo", "/api/set", "/api/undo"),
    *("/review/answer", "/review/undo", "/api/review/accept"),
    *(f"/service/{name}" for name in ("scan", "undo", "train", "use", "check", "stop")),
    *(f"/api/{name}" for name in ("scan", "train", "use", "check", "stop")),
]


def pages(client: TestClient) -> list[str]:
    """Return all addresses that can be looked at and have no parameters; streams are left out."""
    app = client.app
    assert isinstance(app, Starlette)
    routes = [route for route in app.routes if isinstance(route, Route) and "GET" in (route.methods or ())]
    return [route.path for route in routes if "{" not in route.path and route.path != "/service/live"]


# -- other sites, in the browser of somebody who may come in ----------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8420",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8420",
        "0.0.0.0:8420",
        "127.0.0.1:8420@evil.example",
        "evil.example/127.0.0.1",
        "",
    ],
)
def test_a_name_that_leads_here_since_today_is_refused(client: TestClient, host: str) -> None:
    """DNS rebinding: a page's own name is made to lead to this machine, and the page may read what answers."""
    for page in ("/", "/healthz", "/api/session", "/static/style.css"):
        answer = client.get(page, headers={"Host": host})
        assert answer.status_code == 421
        assert "csrf" not in answer.text


@pytest.mark.parametrize("host", ["localhost:8420", "127.0.0.1", "[::1]:8420", "192.168.1.5:8420", "NAS.home.:80"])
def test_a_name_of_this_machine_is_known(told: Config, host: str) -> None:
    """Those of the configuration, and addresses, which no name server can have lead elsewhere."""
    config = told.with_changes("web", hosts=("nas.home",))
    with browser(create(lambda: config)) as client:
        assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("url", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": f"{ORIGIN}.evil.example"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(client: TestClient, url: str, headers: dict[str, str]) -> None:
    """Even if it had the token."""
    answer = client.post(url, data={"csrf": token(client), "genre": "Jazz"}, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.text


@pytest.mark.parametrize("url", CHANGES)
def test_a_form_without_the_token_of_its_session_is_refused(client: TestClient, told: Config, url: str) -> None:
    """None, a wrong one, that of another browser, and that of before a restart."""
    with browser(create(lambda: told)) as restarted:
        tokens = ["", "0" * 64, "é", token(restarted)]
    other = browser(app_of(client))
    tokens.append(token(other))
    for wrong in tokens:
        answer = client.post(url, data={"csrf": wrong, "genre": "Jazz"}, headers={"Origin": ORIGIN})
        assert answer.status_code == 403
        assert "another session" in answer.text
    other.close()


def app_of(client: TestClient) -> Starlette:
    assert isinstance(client.app, Starlette)
    return client.app


def test_what_is_shown_can_be_put_into_no_page_of_another_site(client: TestClient) -> None:
    """No image, sound, script or frame; the time that it takes would tell something, too."""
    for kind in (
        {"mode": "no-cors", "dest": "image"},
        {"mode": "cors", "dest": "empty"},
        {"mode": "navigate", "dest": "iframe"},
    ):
        fetched = {f"Sec-Fetch-{name.title()}": value for name, value in kind.items()} | {
            "Sec-Fetch-Site": "cross-site"
        }
        for page in pages(client):
            assert client.get(page, headers=fetched).status_code == 403
    headers = client.get("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_a_link_on_another_site_works_and_takes_nobodys_session(locked: TestClient) -> None:
    """Browsers send no cookie along; a new one would log out who follows the link."""
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = locked.get("/history?genre=Jazz", headers=followed)
    assert answer.status_code == 200
    assert 'href="/history?genre=Jazz"' in answer.text
    assert "set-cookie" not in answer.headers
    assert "csrf" not in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "BREW"])
def test_other_methods_do_nothing(client: TestClient, method: str) -> None:
    """Nor may another site ask whether they would."""
    answer = client.request(method, "/api/set", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("url", CHANGES)
def test_nothing_is_changed_by_looking(client: TestClient, url: str) -> None:
    """Not even if a header says that another method is meant."""
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert client.get(url, headers={name: "POST"}).status_code in (404, 405) or url == "/service/undo"
    assert not jobs(client)


def test_every_change_is_tried(client: TestClient) -> None:
    """Each address that takes a form is among those of the tests above; to log in has tests of its own."""
    routes = [route for route in app_of(client).routes if isinstance(route, Route) and "POST" in (route.methods or ())]
    assert sorted({route.path for route in routes} - {"/login"}) == sorted(CHANGES)


def jobs(client: TestClient) -> list[object]:
    found: list[object] = client.get("/api/jobs").json()
    return found


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml", ""])
def test_forms_of_other_kinds_are_refused(client: TestClient, kind: str) -> None:
    headers = {"Origin": ORIGIN, "X-CSRF-Token": token(client), "Content-Type": kind}
    assert client.post("/api/set", content=b'{"genre": "Jazz"}', headers=headers).status_code == 415


# -- who has no password -----------------------------------------------------------------------------------------------


def test_without_the_password_there_is_nothing(locked: TestClient) -> None:
    """No page, no answer whether there is one, and no change; but its health, and what the form to log in takes."""
    for url in [*pages(locked), "/nowhere", "/api/nowhere"]:
        if url in ("/healthz", "/login"):
            continue
        answer = locked.get(url)
        assert answer.status_code == (401 if url.startswith("/api/") else 303), url
        assert answer.headers.get("location", "/login?").startswith("/login?")
    for url in CHANGES:
        assert locked.post(url, data={"genre": "Jazz"}).status_code in (303, 401)
    assert locked.get("/healthz").status_code == locked.get("/static/style.css").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//service",
        "/static/../service",
        "/login/../service",
        "/static%2f..%2fservice",
        "/LOGIN",
        "/healthz/../api/status",
    ],
)
def test_no_spelling_of_an_address_gets_around_the_password(locked: TestClient, path: str) -> None:
    answer = locked.get(path)
    assert answer.status_code in (303, 401, 404)
    assert "decision" not in answer.text


def test_a_password_can_be_tried_a_few_times_a_minute(locked: TestClient) -> None:
    """The right one isn't looked at either after that; from elsewhere it is."""
    for _ in range(TRIES):
        assert log_in(locked, "guess").status_code == 403
    refused = log_in(locked)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= TRIES_SECONDS
    elsewhere = browser(app_of(locked), "198.51.100.7")
    assert log_in(elsewhere).status_code == 303
    elsewhere.close()


def test_scripts_can_try_no_more_passwords(locked: TestClient) -> None:
    wrong, right = ({"Authorization": f"Bearer {word}"} for word in ("guess", PASSWORD))
    assert locked.get("/api/status", headers=right).status_code == 200
    answers = [locked.get("/api/status", headers=wrong).status_code for _ in range(TRIES + 1)]
    assert answers == [401] * TRIES + [429]
    assert locked.get("/api/status", headers=right).status_code == 429
    assert log_in(locked).status_code == 429


def test_tries_are_forgotten_after_a_minute_and_counted_in_all() -> None:
    """One household with IPv6 counts as one; many addresses together have a limit of their own."""
    now = [0.0]
    door = Door(PASSWORD, lambda: now[0])
    for number in range(TRIES):
        assert door.admit("guess", f"2001:db8:1:2::{number}") is None
    with pytest.raises(TooManyTriesError):
        door.admit(PASSWORD, "2001:db8:1:2::ffff")
    assert door.admit(PASSWORD, "2001:db8:1:3::1")
    now[0] = TRIES_SECONDS
    assert door.admit(PASSWORD, "2001:db8:1:2::ffff")
    for number in range(TRIES_OF_ALL):
        assert door.admit("guess", f"198.51.100.{number}") is None
    with pytest.raises(TooManyTriesError):
        door.admit(PASSWORD, "203.0.113.1")


def test_behind_a_proxy_tries_are_counted_by_visitor(locked: TestClient) -> None:
    """A proxy on this machine names them last; what a visitor says themselves stands before that."""
    local = browser(app_of(locked), "127.0.0.1")
    for number in range(TRIES):
        local.get(
            "/api/status", headers={"Authorization": "Bearer guess", "X-Forwarded-For": f"10.0.0.{number}, 203.0.113.9"}
        )
    right = {"Authorization": f"Bearer {PASSWORD}"}
    assert local.get("/api/status", headers=right | {"X-Forwarded-For": "203.0.113.9"}).status_code == 429
    assert local.get("/api/status", headers=right | {"X-Forwarded-For": "203.0.113.8"}).status_code == 200
    local.close()


def test_a_session_that_somebody_planted_is_nobodys(locked: TestClient) -> None:
    """Session fixation: who logs in gets a session that nobody knew before."""
    planted = "x" * 43
    locked.cookies.set("genred-8420", planted)
    answer = log_in(locked)
    assert answer.status_code == 303
    assert planted not in answer.headers["set-cookie"]
    assert locked.get("/").status_code == 200
    attacker = browser(app_of(locked), "198.51.100.7")
    attacker.cookies.set("genred-8420", planted)
    assert attacker.get("/").status_code == 303
    attacker.close()


def test_a_session_is_kept_from_scripts_and_other_sites_and_ends_when_its_owner_says(locked: TestClient) -> None:
    answer = log_in(locked)
    flags = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(flags)
    assert "Secure" not in flags
    session = locked.cookies["genred-8420"]
    assert post(locked, "/logout", {}).status_code == 303
    locked.cookies.set("genred-8420", session)
    assert locked.get("/").status_code == 303


def test_behind_https_a_session_is_sent_over_nothing_else(locked: TestClient) -> None:
    assert "Secure" in locked.get("/login", headers={"X-Forwarded-Proto": "https"}).headers["set-cookie"]


def test_nobody_is_logged_in_by_another_site(locked: TestClient) -> None:
    """Login CSRF: somebody else's session, in which the owner of the browser tells their secrets."""
    answer = locked.post("/login", data={"password": PASSWORD}, headers={"Origin": ORIGIN})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/x\r\nSet-Cookie: a=b", "javascript:alert(1)", ""],
)
def test_who_logs_in_stays_here(locked: TestClient, target: str) -> None:
    """No open redirect, and no header of somebody else's."""
    found = re.search(r'name="csrf" value="(\w+)"', locked.get("/login").text)
    assert found is not None
    form = {"csrf": found[1], "password": PASSWORD, "next": target}
    answer = locked.post("/login", data=form, headers={"Origin": ORIGIN})
    assert answer.headers["location"] == "/"
    assert "a=b" not in str(answer.headers)


def test_a_password_is_long_and_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "password"
    config = Config().with_changes("web", password_file=str(file)).web
    with pytest.raises(ConfigError, match="can't be read"):
        password_of(config)
    for content in (b"", b"short\n", b"\n" + PASSWORD.encode(), b"\xff" * 20):
        file.write_bytes(content)
        with pytest.raises(ConfigError):
            password_of(config)
    file.write_text(f"  {PASSWORD}\nmore\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="everybody on this machine"):
        password_of(config)
    file.chmod(0o640)
    assert password_of(config) == PASSWORD


def test_who_logged_in_finds_the_way_out_on_every_page(locked: TestClient) -> None:
    assert 'action="/logout"' not in locked.get("/login").text
    log_in(locked)
    for page in ("/", "/history", "/service"):
        assert 'action="/logout"' in locked.get(page).text
    post(locked, "/logout", {})
    assert locked.get("/").status_code == 303


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - that is what is refused
def test_it_listens_to_no_other_machine_without_a_password(host: str) -> None:
    try:
        sockets = listening(host, 0)
    except ConfigError:
        pytest.skip(f"this machine has no {host}")
    with pytest.raises(ConfigError, match="takes a password"):
        check_password(sockets, has_password=False)
    check_password(sockets, has_password=True)
    for each in sockets:
        each.close()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host"])
def test_a_proxy_lets_nobody_in_where_there_is_no_password(client: TestClient, header: str) -> None:
    """Whom it lets in, it would let in as somebody on this machine."""
    assert client.get("/", headers={header: "203.0.113.9"}).status_code == 403


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../guard.py",
        "..%2fguard.py",
        "%2e%2e/guard.py",
        "....//guard.py",
        "..\\guard.py",
        "%00",
        "style.css%00.html",
        "",
        "/etc/passwd",
        "//etc/passwd",
    ],
)
def test_beside_the_stylesheet_there_is_nothing(client: TestClient, path: str) -> None:
    answer = client.get(f"/static/{path}")
    assert answer.status_code in (400, 404, 405)
    assert "import" not in answer.text
    assert "root:" not in answer.text


@pytest.fixture
def library(tmp_path: Path, told: Config) -> Iterator[tuple[TestClient, Path]]:
    """A library of its own, and a browser in front of it."""
    music = tmp_path / "music"
    config = Config(watch=Watch(directories=(music,))).with_changes("history", url=f"sqlite:///{tmp_path}/history.db")
    story.tell(config.database, music, albums=2)
    with browser(create(lambda: config)) as client:
        yield client, music


def set_jazz(client: TestClient, path: str) -> tuple[int, str]:
    """Try to give a file a genre; return how that ended."""
    answer = post(client, "/api/set", {"path": path, "genre": "Jazz"})
    return answer.status_code, answer.text


def test_only_files_of_the_history_below_the_music_folders_are_touched(library: tuple[TestClient, Path]) -> None:
    """Every other name gets one and the same answer, whether something is there or not."""
    client, music = library
    outside = music.parent / "secret.mp3"
    outside.write_bytes(b"x")
    (music / "unknown.mp3").write_bytes(b"x")
    (music / "link.mp3").symlink_to(outside)
    (music / "folder").symlink_to(music.parent)
    known = sorted(music.rglob("*.mp3"))[-1]
    known.unlink()
    known.symlink_to(outside)
    named = [
        outside,
        music / "unknown.mp3",
        music / "link.mp3",
        music / "folder/secret.mp3",
        known,
        music / "../secret.mp3",
    ]
    names = [
        *map(str, named),
        "/etc/passwd",
        "/proc/self/environ",
        str(music),
        "/",
        "relative.mp3",
        "",
        "\0",
        "/a\0b",
        "/" + "x" * 5000,
    ]
    assert {set_jazz(client, name) for name in names} == {(404, '{"error":"There is no such file in the history."}')}
    for url in ("/api/excerpt", "/review/cover"):
        assert {client.get(url, params={"path": name}).status_code for name in names} <= {400, 404}
        assert {client.get(url, params={"path": name}).text for name in names if name} == {
            client.get(url, params={"path": "/nowhere"}).text
        }
    for name in ("%2Fetc%2Fpasswd", "%00", "/%ff", quote(str(outside))):
        assert post(client, "/api/set", {"file": name, "genre": "Jazz"}).status_code == 404
    assert outside.read_bytes() == b"x"


def test_a_file_of_the_history_outside_of_the_music_folders_is_left_alone(
    library: tuple[TestClient, Path], tmp_path: Path
) -> None:
    client, music = library
    elsewhere = Config(watch=Watch(directories=(tmp_path / "elsewhere",))).with_changes(
        "history", url=f"sqlite:///{tmp_path}/history.db"
    )
    client.close()
    with browser(create(lambda: elsewhere)) as other:
        assert set_jazz(other, str(sorted(music.rglob("*.mp3"))[0]))[0] == 404


def test_only_music_folders_are_scanned_and_learned_from(library: tuple[TestClient, Path]) -> None:
    client, music = library
    (music / "out").symlink_to("/etc")
    for url in ("/api/scan", "/api/train"):
        for folder in (
            "/",
            "/etc",
            str(music.parent),
            str(music / ".."),
            str(music / "out"),
            "--help",
            "",
            str(sorted(music.rglob("*.mp3"))[0]),
        ):
            if folder:
                assert post(client, url, {"path": folder}).status_code == 404, folder
    assert not jobs(client)


@pytest.mark.parametrize(
    "name", ["--force", "-n", "../../x", "/etc/passwd", ".hidden", "a/b", "builtin", "", "x" * 300, "a\nb"]
)
def test_a_name_is_no_option_of_a_command_and_no_path(client: TestClient, name: str) -> None:
    """Jobs are commands; what a browser sends becomes one argument of them, or none."""
    assert post(client, "/api/train", {"name": name}).status_code == 400
    if name != "builtin":
        assert post(client, "/api/use", {"name": name}).status_code == 404
    assert not jobs(client)


@pytest.mark.parametrize("run", ["", "--last", "1 --for-good", "-1", "1e3", "٣", "9" * 30])
def test_a_number_is_one(client: TestClient, run: str) -> None:
    assert post(client, "/api/undo", {"run": run}).status_code == 400
    assert not jobs(client)


# -- what files and people are called ----------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Collects what a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_own = (given.get("src") or "").startswith("/static/")
        if (tag == "script" and not is_own) or tag in ("style", "iframe", "object", "embed", "base"):
            self.found.append(tag)
        self.found += [name for name in given if name == "style" or name.startswith("on")]
        for name in ("href", "src", "action", "formaction"):
            if not (given.get(name) or "/").startswith(("/", "#", "?")):
                self.found.append(f"{name}={given[name]}")


def test_names_are_text_whatever_is_in_them(client: TestClient) -> None:
    """Of a folder that is named as a script and a file that is no UTF-8; and of what is asked for."""
    asked = quote(EVIL)
    seen = ""
    for page in pages(client):
        for query in (
            "",
            f"?q={asked}&genre={asked}&path=/{asked}&outcome={asked}&next={asked}&run={asked}",
            "?path=/%ff%0a",
        ):
            answer = client.get(page + query)
            assert answer.status_code < 500, page + query
            if answer.headers["content-type"].startswith("text/html"):
                reader = Reader()
                reader.feed(answer.text)
                assert reader.found == [], page + query
                assert "\x1b" not in answer.text
                seen += answer.text
    assert "&lt;script&gt;" in seen
    missing = client.get("/<script>alert(1)</script>")
    assert missing.status_code == 404
    assert "<script>a" not in missing.text


def test_odd_names_are_in_no_header(client: TestClient) -> None:
    """Header injection: of a name with a line break, and of one that is asked for."""
    for page in pages(client):
        for query in (f"?path=/{quote(os.fsencode(ODD))}", "?next=/%0d%0aX-Evil:%201", "?q=%0d%0aX-Evil:%201"):
            assert "x-evil" not in client.get(page + query).headers


def test_every_answer_holds_browsers_back(client: TestClient) -> None:
    """Pages, scripts' answers, refusals and what isn't there; nothing of it is kept in a cache but the looks."""
    for url in [*pages(client), "/nowhere", "/api/nowhere", "/static/style.css", "/static/nowhere"]:
        for host in (ORIGIN.partition("//")[2], "evil.example"):
            headers = client.get(url, headers={"Host": host}).headers
            assert headers["content-security-policy"].startswith(
                "default-src 'none'; style-src 'self'; script-src 'self'"
            )
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store" or url.startswith("/static/")
            assert "server" not in headers


@pytest.mark.parametrize("genre", ["", " ", "a\nb", "\x1b[31m", "x" * 201, "\u202ecod"])
def test_a_genre_is_one_line_of_text(client: TestClient, told: Config, genre: str) -> None:
    path = sorted(told.watch.directories[0].rglob("*.mp3"))[0]
    assert post(client, "/api/set", {"path": str(path), "genre": genre}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"genre": null}',
        b'{"genre": {"a": 1}}',
        b"[1]",
        b"1",
        b"nothing",
        b'{"path": 1' + b"0" * 5000 + b"}",
        b'{"genre": "\\ud800", "path": "/a"}',
        b"\xff\xfe",
    ],
)
def test_hostile_json_is_refused(client: TestClient, body: bytes) -> None:
    headers = {"Origin": ORIGIN, "X-CSRF-Token": token(client), "Content-Type": "application/json"}
    assert client.post("/api/set", content=body, headers=headers).status_code == 400


def test_json_is_a_form(client: TestClient, told: Config) -> None:
    """What the attacks above are refused for isn't being JSON."""
    headers = {"Origin": ORIGIN, "X-CSRF-Token": token(client), "Content-Type": "application/json"}
    body = json.dumps({"genre": "Jazz", "path": ["/nowhere", "/else"]}).encode()
    assert client.post("/api/set", content=body, headers=headers).status_code == 404


def test_no_bytes_of_a_query_break_it(client: TestClient) -> None:
    for page in pages(client):
        for query in (
            "genre=%ff",
            "outcome=%00",
            "since=%ff",
            "limit=%ff",
            "run=%00",
            "path=%2f%00",
            "q=%ff",
            "%ff=%ff",
            "&&&=",
            "genre=" + "%F0%9F%8E%B5" * 1000,
        ):
            assert client.get(f"{page}?{query}").status_code < 500, f"{page}?{query}"


# -- too much, and too slow --------------------------------------------------------------------------------------------


def test_what_is_too_long_is_refused(client: TestClient) -> None:
    assert client.get("/history?q=" + "x" * guard.MOST_ADDRESS).status_code == 414
    assert client.get("/" + "x" * guard.MOST_ADDRESS).status_code == 414
    headers = {"Origin": ORIGIN, "X-CSRF-Token": token(client)}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/api/set", content=b"x" * (guard.MOST_BYTES + 1), headers=headers | kind).status_code == 413
    assert client.post("/api/set", content=b"a=&" * 100_000, headers=headers | kind).status_code == 413


class Wire:
    """A connection on which anything can be sent."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self.host = place.netloc
        self._socket = socket.create_connection((place.hostname, place.port), timeout=60)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """Send something; return whether the other side is still there."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def rest(self) -> bytes:
        """Return what is answered until the other side ends the connection."""
        answer = b""
        try:
            while part := self._socket.recv(65536):
                answer += part
        except OSError:
            pass
        return answer


@pytest.mark.parametrize(
    "start",
    [
        "GET /history?q=",
        "GET / HTTP/1.1\r\nHost: {host}\r\nX-Long: ",
        f"{POST_JSON}Content-Length: 4294967296\r\n\r\n",
        "",
    ],
)
def test_four_gigabytes_are_not_read(running: str, start: str) -> None:
    """Neither as a query string, nor as a header, a body, or a line without an end: the connection is closed first."""
    with Wire(running) as wire:
        wire.send(start.format(host=wire.host).encode())
        sent = 0
        while sent < 1 << 26 and wire.send(b"x" * (1 << 16)):
            sent += 1 << 16
        assert sent < 1 << 26
    assert alive(running)


def alive(url: str) -> bool:
    with Wire(url) as wire:
        wire.send(f"GET /healthz HTTP/1.1\r\nHost: {wire.host}\r\nConnection: close\r\n\r\n".encode())
        return wire.rest().startswith(b"HTTP/1.1 200")


def test_an_endless_body_in_pieces_is_not_read(running: str) -> None:
    with Wire(running) as wire:
        wire.send(f"{POST_JSON.format(host=wire.host)}Transfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        while sent < 1 << 26 and wire.send(b"10000\r\n" + b"x" * (1 << 16) + b"\r\n"):
            sent += 1 << 16
        assert sent < 1 << 26
    assert alive(running)


def test_who_dawdles_over_the_head_of_a_request_is_hung_up_on(told: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowloris: at the first request of a connection, and at a later one; uvicorn itself waits for ever."""
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    with serving(create(lambda: told)) as url:
        for before in ("", "GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"):
            with Wire(url) as wire:
                wire.send(before.format(host=wire.host).encode())
                wire.send(b"GET / HTTP/1.1\r\nX-Slow: ")
                assert (b"200" in wire.rest()) is bool(before)
        with Wire(url) as silent:
            assert silent.rest() == b""


def test_who_dawdles_over_the_body_gets_an_answer(told: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)
    with serving(create(lambda: told)) as url, Wire(url) as wire:
        wire.send(f"{POST_JSON.format(host=wire.host)}Connection: close\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert wire.rest().startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "head",
    [
        "Host: {host}\r\nHost: evil.example",
        "Host: {host}\r\nContent-Length: 5\r\nContent-Length: 50",
        "Host: {host}\r\nContent-Length: -1",
        "Host: {host}\r\nTransfer-Encoding: identity, chunked",
        "Host: {host}\r\nTransfer-Encoding: xchunked",
        "Host: {host}\r\nBad Name: x",
        "Host: {host}\r\n folded: x",
        "X: y",
    ],
)
def test_requests_that_two_servers_read_in_two_ways_are_refused(running: str, head: str) -> None:
    """Request smuggling."""
    with Wire(running) as wire:
        wire.send(f"POST /api/set HTTP/1.1\r\n{head.format(host=wire.host)}\r\nConnection: close\r\n\r\nhello".encode())
        assert re.match(rb"HTTP/1.1 (4|501)", wire.rest())


def test_of_length_and_pieces_the_pieces_count_and_nothing_follows(running: str) -> None:
    with Wire(running) as wire:
        smuggled = f"GET /healthz HTTP/1.1\r\nHost: {wire.host}\r\n\r\n"
        wire.send(
            f"POST /api/set HTTP/1.1\r\nHost: {wire.host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
            f"Connection: close\r\n\r\n0\r\n\r\n{smuggled}".encode()
        )
        assert wire.rest().count(b"HTTP/1.1 ") == 1


def test_only_so_many_pages_are_kept_up_to_date(client: TestClient) -> None:
    """Each of them takes a connection and a look a second."""
    site = app_of(client).state.site
    places = 0
    while site.streams.acquire(blocking=False):
        places += 1
    assert 0 < places <= 16
    assert client.get("/service/live").status_code == 503


def test_an_upgrade_to_another_protocol_is_none(running: str) -> None:
    with Wire(running) as wire:
        wire.send(f"GET /service HTTP/1.1\r\nHost: {wire.host}\r\nConnection: Upgrade, close\r\n{UPGRADE}\r\n".encode())
        assert not wire.rest().startswith(b"HTTP/1.1 101")


def test_the_table_of_attacks_is_that_of_these_tests() -> None:
    """Each test is named in one row of docs/web.md, and no other one is."""
    page = (REPOSITORY / "docs/web.md").read_text("utf-8").partition("## What is tried against it")[2]
    named = re.findall(r"`(test_\w+)`", page)
    ours = [name for name in globals() if name.startswith("test_") and "table_of_attacks" not in name]
    assert sorted(named) == sorted(ours)
