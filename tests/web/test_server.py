"""The server: where it listens, how it begins and ends."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from genred.errors import ConfigError, GenredError
from genred.web.server import listening, url_of
from tests.command import Genred


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    (listener,) = listening("127.0.0.1", 0)
    with listener, pytest.raises(GenredError, match="`--port` names another port"):
        listening("127.0.0.1", listener.getsockname()[1])


def test_a_host_that_is_not_this_machine_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="no address of this machine"):
        listening("nowhere.invalid", 8420)


def test_the_address_can_be_typed_into_a_browser() -> None:
    """Also where it listens to all addresses: none of them can be typed."""
    (listener,) = listening("0.0.0.0", 0)  # noqa: S104 - nobody is answered
    with listener:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url_of(listener))


def test_without_the_extra_a_sentence_says_how_to_get_it(genred: Genred, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "genred.web.server")
    monkeypatch.delattr("genred.web.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    ran = genred("web")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "genred: `genred web` needs two more libraries: install genred again, '.[web]' instead of '.'\n"


def test_elsewhere_than_here_it_does_not_start_without_a_password(genred: Genred) -> None:
    ran = genred("web", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - that is what is refused
    assert ran.code == 10
    assert "that takes a password" in ran.err
    assert len(ran.err.splitlines()) == 1


def started(*command: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        start_new_session=True,  # and so without a terminal
    )


def url_from(process: subprocess.Popen[str]) -> str:
    """Wait for the line that says where it listens."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("http"):
            return line.strip()
    raise AssertionError("it ended without a word")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_when_it_is_told(number: signal.Signals) -> None:
    with started(sys.executable, "-m", "genred", "web", "--port", "0", environment={}) as process:
        url = url_from(process)
        assert httpx2.get(f"{url}healthz").text == "ok\n"
        with httpx2.stream("GET", f"{url}service/live", timeout=60) as live:
            assert next(live.iter_lines()).startswith("event")
            process.send_signal(number)
            assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def events(live: httpx2.Response) -> Iterator[str]:
    """Yield the events of a page that is kept up to date."""
    lines: list[str] = []
    for line in live.iter_lines():
        if line:
            lines.append(line)
        else:
            yield "\n".join(lines)
            lines = []


@pytest.mark.slow
def test_a_hangup_has_it_read_the_configuration_again(home: Path) -> None:
    """As the service does: a mistake is told, until the next reload finds none."""
    file = home / "config" / "genred" / "config.toml"
    file.parent.mkdir(parents=True)
    file.touch()
    heeding = ("env", "--default-signal=HUP")  # below nohup, it would be ignored
    with started(*heeding, sys.executable, "-m", "genred", "web", "--port", "0", environment={}) as process:
        with httpx2.stream("GET", f"{url_from(process)}service/live", timeout=60) as live:
            told = events(live)
            file.write_text('[tags]\nmod = "off"\n')
            process.send_signal(signal.SIGHUP)
            mistake = next(event for event in told if "tags.mod" in event)
            file.write_text("")
            process.send_signal(signal.SIGHUP)
            (name, *_) = mistake.splitlines()
            assert "tags.mod" not in next(event for event in told if event.startswith(name))
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd-socket-activate")
def test_systemd_may_open_the_socket(home: Path) -> None:
    """The first visitor is the one for whom it is started, and it opens no socket itself."""
    (free,) = listening("127.0.0.1", 0)
    with free:
        port = free.getsockname()[1]
    settings = [f"--setenv={name}" for name in os.environ if name.startswith("XDG_") or name == "HOME"]
    command = [
        "systemd-socket-activate",
        f"--listen=127.0.0.1:{port}",
        *settings,
        sys.executable,
        "-m",
        "genred",
        "web",
    ]
    with started(*command, environment={"GENRED_WEB_PORT": "1"}) as process:
        assert process.stderr is not None
        assert "Listening" in process.stderr.readline()
        assert httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=60).text == "ok\n"
        assert url_from(process) == f"http://127.0.0.1:{port}/"
        process.terminate()
        assert process.wait(60) == 0
