"""The hooks that genred ships: what a player is asked for, and what becomes of it; MPD and mosquitto are real ones."""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from genred.cli.follow import follow
from genred.service import hooks
from genred.tags import edit_clone
from tests.makeaudio import make
from tests.mpd import serving

SECRET = 'sesame "open" \\ $HOME'  # noqa: S105 - it opens nothing
ALBUM = ("/music/Nina Simone/Pastel Blues/01.flac", "/music/Nina Simone/Pastel Blues/02.flac")

pytestmark = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")


def batch(*paths: str, outcome: str = "tagged") -> str:
    """What a hook reads."""
    keys = {"outcome": outcome, "genre": "Jazz", "previous": [], "written": ["Jazz"]}
    return "".join(json.dumps({"id": number, "path": path, **keys}) + "\n" for number, path in enumerate(paths, 1))


def tell(name: str, text: str, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a hook as `genred follow` does."""
    given = {key: value for key, value in os.environ.items() if not key.startswith(("HOOK_", "MPD_"))}
    return subprocess.run(
        hooks.script(name), input=text, env=given | dict(settings), capture_output=True, text=True, check=False
    )


def told(name: str, text: str, settings: Mapping[str, str]) -> None:
    done = tell(name, text, settings)
    assert done.returncode == 0, done.stderr


def asked(server: HTTPServer) -> list[Request]:
    return [request for request, _ in server.log]


def test_every_hook_can_be_named() -> None:
    """The command offers those that there are; each says in its first lines what it needs."""
    (option,) = [option for option in follow.params if option.name == "hook"]
    assert list(option.type.choices) == hooks.shipped()  # type: ignore[attr-defined]  # a Choice
    for name in hooks.shipped():
        assert "Needs " in (hooks.FOLDER / f"{name}.sh").read_text().partition("\nset -eu\n")[0]


@pytest.mark.parametrize("name", [name for name in hooks.shipped() if name not in ("mpd", "mqtt")])
def test_what_is_not_set_is_named(name: str) -> None:
    """A hook without its settings fails, and says which one is missing."""
    done = tell(name, batch(*ALBUM), {})
    assert done.returncode != 0
    assert "HOOK_URL" in done.stderr


SETTINGS = {
    "HOOK_TOKEN": SECRET,
    "HOOK_USER": "admin",
    "HOOK_PASSWORD": SECRET,
    "HOOK_SECTION": "3",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jellyfin", "kodi", "navidrome", "ntfy", "plex", "webhook"])
def test_a_server_that_refuses_is_a_failure(name: str, httpserver: HTTPServer) -> None:
    """What a server answers with an error was not told, and `genred follow` tells it again."""
    httpserver.expect_request("/401", method="GET").respond_with_data("no", 401)
    done = tell(name, batch(*ALBUM), SETTINGS | {"HOOK_URL": httpserver.url_for("/")})
    assert done.returncode != 0
    assert "500" in done.stderr


@pytest.mark.parametrize("name", ["jellyfin", "kodi", "navidrome", "ntfy", "plex", "webhook"])
def test_a_server_that_redirects_is_a_failure(name: str, httpserver: HTTPServer) -> None:
    """What a server sends elsewhere was not told; where that is, is said without what is secret."""
    there = {"Location": "https://me:sesame@example.org/new?key=sesame"}
    httpserver.expect_request(re.compile(".*")).respond_with_data("", 301, there)
    done = tell(name, batch(*ALBUM), SETTINGS | {"HOOK_URL": httpserver.url_for("/")})
    assert done.returncode != 0
    assert done.stderr == ("the server redirects HOOK_URL, to https://example.org/new; set HOOK_URL to the new place\n")


@pytest.mark.parametrize("name", ["kodi", "navidrome"])
@pytest.mark.parametrize("answer", ["", "[1]", "<html>", "{}{}"])
def test_an_answer_that_says_nothing_is_a_failure(name: str, answer: str, httpserver: HTTPServer) -> None:
    """A success of somebody else, such as a proxy, is none of the player's."""
    httpserver.expect_request(re.compile(".*")).respond_with_data(answer)
    done = tell(name, batch(*ALBUM), SETTINGS | {"HOOK_URL": httpserver.url_for("/")})
    assert done.returncode != 0
    assert done.stderr.startswith("an answer that is none of ")


def test_only_success_is_success(httpserver: HTTPServer) -> None:
    """Neither a redirection to nowhere, nor what is no answer of HTTP."""
    httpserver.expect_request("/").respond_with_data("", 304)
    for address in (httpserver.url_for("/"), "file:///dev/null"):
        done = tell("webhook", batch(*ALBUM), {"HOOK_URL": address})
        assert done.returncode != 0
        assert done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jellyfin", "kodi", "navidrome", "ntfy", "plex", "webhook"])
def test_no_secret_stands_on_a_command_line(name: str, httpserver: HTTPServer) -> None:
    """Whoever lists the processes while a hook talks sees no password, no token and no address."""
    seen: list[str] = []

    def look(_: Request) -> Response:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(process.read_bytes().decode("utf-8", "replace"))
            except OSError:
                continue
        return Response("{}")

    httpserver.expect_request(re.compile(".*")).respond_with_handler(look)
    secret = uuid4().hex
    settings = {"HOOK_TOKEN": secret, "HOOK_PASSWORD": secret, "HOOK_URL": httpserver.url_for(f"/{secret}")}
    tell(name, batch(*ALBUM), SETTINGS | settings)
    assert any("curl" in line for line in seen)
    assert not [line for line in seen if secret in line]


def test_jellyfin_is_told_each_file_once(httpserver: HTTPServer) -> None:
    """One request for an album, with the key as Jellyfin wants it now."""
    httpserver.expect_request("/Library/Media/Updated", method="POST").respond_with_data("", 204)
    told("jellyfin", batch(*ALBUM, ALBUM[0]), SETTINGS | {"HOOK_URL": httpserver.url_for("/")})
    (request,) = asked(httpserver)
    assert request.json == {"Updates": [{"Path": path, "UpdateType": "Modified"} for path in ALBUM]}
    assert request.headers["Authorization"] == f'MediaBrowser Token="{SECRET}"'
    assert request.headers["Content-Type"] == "application/json"


def test_plex_is_told_each_folder_once(httpserver: HTTPServer) -> None:
    """Whatever is in its name."""
    httpserver.expect_request("/library/sections/3/refresh", method="GET").respond_with_data("")
    told("plex", batch(*ALBUM, "/music/a & b?/é/1.mp3"), SETTINGS | {"HOOK_URL": httpserver.url_for("/")})
    folders = [request.args["path"] for request in asked(httpserver)]
    assert folders == ["/music/Nina Simone/Pastel Blues", "/music/a & b?/é"]
    assert {request.headers["X-Plex-Token"] for request in asked(httpserver)} == {SECRET}


class Kodi:
    """Answers as Kodi's JSON-RPC does."""

    def __init__(self, server: HTTPServer, *, is_scanning: bool = False) -> None:
        self.is_scanning = is_scanning
        self.scanned: list[str] = []
        self.logins: set[str] = set()
        server.expect_request("/jsonrpc", method="POST").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        self.logins.add(request.headers.get("Authorization", ""))
        asked: dict[str, Any] = request.get_json()
        result: object = {"Library.IsScanningMusic": self.is_scanning}
        if asked["method"] == "AudioLibrary.Scan":
            self.scanned.append(asked["params"]["directory"])
            result = "OK"
        return Response(json.dumps({"id": asked["id"], "jsonrpc": "2.0", "result": result}))


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (ALBUM, "/music/Nina Simone/Pastel Blues/"),
        ((*ALBUM, "/music/Nina Simone/Little Girl Blue/1.flac"), "/music/Nina Simone/"),
        (("/music/Nina Simone/1.flac", "/music/Nina/1.flac"), "/music/"),
        (("smb://nas/music/a/1.mp3", "smb://nas/music/b/1.mp3"), "smb://nas/music/"),
    ],
)
def test_kodi_scans_one_folder(httpserver: HTTPServer, paths: tuple[str, ...], folder: str) -> None:
    """The one that holds all that was written: a second scan would end the first."""
    kodi = Kodi(httpserver)
    told("kodi", batch(*paths), SETTINGS | {"HOOK_URL": httpserver.url_for("/")})
    assert kodi.scanned == [folder]
    assert kodi.logins == {f"Basic {base64.b64encode(f'admin:{SECRET}'.encode()).decode()}"}


def test_kodi_is_not_kept_from_a_scan_of_its_own(httpserver: HTTPServer) -> None:
    """Who asks Kodi for a scan while it scans ends that one: the hook comes again later."""
    kodi = Kodi(httpserver, is_scanning=True)
    done = tell("kodi", batch(*ALBUM), {"HOOK_URL": httpserver.url_for("/")})
    assert (done.returncode, done.stderr) == (1, "Kodi is scanning already\n")
    assert not kodi.scanned


def test_navidrome_is_asked_for_a_scan(httpserver: HTTPServer) -> None:
    """The password is never sent: only its hash with a salt that is another one each time."""
    answer = {"subsonic-response": {"status": "ok", "scanStatus": {"scanning": True}}}
    httpserver.expect_request("/rest/startScan").respond_with_json(answer)
    for _ in range(2):
        told("navidrome", batch(*ALBUM), SETTINGS | {"HOOK_URL": httpserver.url_for("/")})
    first, second = (request.args for request in asked(httpserver))
    assert first["t"] == hashlib.md5((SECRET + first["s"]).encode(), usedforsecurity=False).hexdigest()
    assert (first["u"], first["f"], first["v"]) == ("admin", "json", "1.16.1")
    assert first["s"] != second["s"]


def test_navidrome_says_why_not(httpserver: HTTPServer) -> None:
    """Subsonic's answer to a wrong password is a page like any other."""
    answer = {"subsonic-response": {"status": "failed", "error": {"code": 40, "message": "Wrong username or password"}}}
    httpserver.expect_request("/rest/startScan").respond_with_json(answer)
    done = tell("navidrome", batch(*ALBUM), SETTINGS | {"HOOK_URL": httpserver.url_for("/")})
    assert (done.returncode, done.stderr) == (1, "Wrong username or password\n")


def test_a_webhook_gets_the_batch(httpserver: HTTPServer) -> None:
    """As one list, of the objects that `genred history --json` prints."""
    httpserver.expect_request("/genred", method="POST").respond_with_data("")
    told("webhook", batch(*ALBUM), {"HOOK_URL": httpserver.url_for("/genred")})
    (request,) = asked(httpserver)
    assert request.json == [json.loads(line) for line in batch(*ALBUM).splitlines()]
    assert "Authorization" not in request.headers
    told("webhook", batch(*ALBUM), SETTINGS | {"HOOK_URL": httpserver.url_for("/genred")})
    assert asked(httpserver)[1].headers["Authorization"] == f"Bearer {SECRET}"


def test_ntfy_brings_a_line_for_each_folder(httpserver: HTTPServer) -> None:
    """Twenty at most, and how many more there are."""
    httpserver.expect_request("/topic", method="POST").respond_with_data("")
    told("ntfy", batch(*ALBUM), {"HOOK_URL": httpserver.url_for("/topic")})
    many = batch(*(f"/music/{number:03d}/1.mp3" for number in range(30)), outcome="undone")
    told("ntfy", many, {"HOOK_URL": httpserver.url_for("/topic")})
    one, other = (request.get_data(as_text=True) for request in asked(httpserver))
    assert one == "Pastel Blues: Jazz (2)\n"
    assert other.splitlines()[::20] == ["000: undone (1)", "and 10 folders more"]


@pytest.mark.skipif(not shutil.which("apprise"), reason="needs apprise")
def test_apprise_brings_it_to_all_addresses(httpserver: HTTPServer) -> None:
    """Each gets the message; one that can't be reached is a failure."""
    httpserver.expect_request("/one", method="POST").respond_with_data("")
    httpserver.expect_request("/two", method="POST").respond_with_data("")
    here = f"json://localhost:{httpserver.port}"
    told("apprise", batch(*ALBUM), {"HOOK_URLS": f"{here}/one {here}/two"})
    assert {request.path for request in asked(httpserver)} == {"/one", "/two"}
    assert {request.get_json()["message"].strip() for request in asked(httpserver)} == {"Pastel Blues: Jazz (2)"}
    assert tell("apprise", batch(*ALBUM), {"HOOK_URLS": f"{here}/nowhere"}).returncode != 0


def test_mpd_shows_the_new_genre(tmp_path: Path) -> None:
    """It reads the folders anew, also a file that kept its time, whatever their names."""
    album = tmp_path / "music/Nina Simone/Pastel Blues"
    album.mkdir(parents=True)
    songs = [make(album / "01.flac", 0.5), make(tmp_path / "music/02.flac", 0.5)]
    with serving(tmp_path) as mpc:

        def genres() -> list[str]:
            return sorted(mpc("listall", "-f", "%genre%").splitlines())

        mpc("update", "--wait")
        assert genres() == ["", ""]
        for song in songs:
            before = song.stat()
            edit_clone(Path(shutil.copy(song, tmp_path / "before")), song, ["Zeuhl"])
            if song is songs[0]:
                os.utime(song, ns=(before.st_atime_ns, before.st_mtime_ns))
            else:
                os.utime(song, (0, 0))
        settings = {"MPD_HOST": str(tmp_path / "s")}
        told("mpd", batch("Nina Simone/Pastel Blues/01.flac", "gone/x.flac", "/elsewhere/1.mp3"), settings)
        assert genres() == ["", "Zeuhl"]
        told("mpd", batch("02.flac"), settings)
        assert genres() == ["Zeuhl", "Zeuhl"]
        done = tell("mpd", batch(*ALBUM), settings)
        assert done.returncode == 1
        assert "--map MUSIC_DIRECTORY" in done.stderr
    assert tell("mpd", batch("02.flac"), settings).returncode != 0


def test_mpd_reads_a_folder_that_looks_like_an_option(tmp_path: Path) -> None:
    """`mpc` would take it for one."""
    for name in ("-", "-foo", "--help"):
        (tmp_path / "music" / name).mkdir(parents=True)
        make(tmp_path / "music" / name / "1.flac", 0.5)
    with serving(tmp_path) as mpc:
        told("mpd", batch("-/1.flac", "-foo/1.flac", "--help/1.flac"), {"MPD_HOST": str(tmp_path / "s")})
        assert len(mpc("listall").splitlines()) == 3


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A mosquitto of its own that lets nobody in without a password; the settings for it."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if mosquitto is None or shutil.which("mosquitto_sub") is None:
        pytest.skip("needs mosquitto and mosquitto-clients")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", words, "genred", SECRET], check=True, capture_output=True)
    words.chmod(0o644)
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", f"password_file {words}", "user root"]
    (tmp_path / "mosquitto.conf").write_text("\n".join([*lines, ""]))
    server = subprocess.Popen([mosquitto, "-c", tmp_path / "mosquitto.conf"], stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.02)
        yield {"HOOK_HOST": "127.0.0.1", "HOOK_PORT": str(port), "HOOK_USER": "genred", "HOOK_PASSWORD": SECRET}
    finally:
        server.kill()
        server.wait()


def test_a_broker_gets_each_decision(broker: dict[str, str]) -> None:
    """As a message of its own; with a wrong password it gets none, and the hook says so."""
    options = ["-h", "127.0.0.1", "-p", broker["HOOK_PORT"], "-u", "genred", "-P", SECRET, "-t", "genred/#"]
    listener = ["mosquitto_sub", *options, "-q", "1", "-c", "-i", "listener"]
    subprocess.run([*listener, "-E"], check=True)  # from now on the broker keeps what comes
    wrong = tell("mqtt", batch(*ALBUM), broker | {"HOOK_PASSWORD": "wrong"})
    assert wrong.returncode != 0
    assert "not authorised" in wrong.stderr.lower()
    told("mqtt", batch(*ALBUM), broker)
    messages = subprocess.run([*listener, "-F", "%t %p", "-C", "2"], capture_output=True, text=True, check=True).stdout
    said = [line.removeprefix("genred/decision ") for line in messages.splitlines()]
    assert [json.loads(line) for line in said] == [json.loads(line) for line in batch(*ALBUM).splitlines()]
