"""The commands about the service, with a systemd that isn't there."""

import os
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from genred.fs.locks import locked
from genred.service import units
from genred.service.manager import Manager
from genred.service.status import Board
from tests.command import Genred
from tests.service.systemd import FakeSystemd


@pytest.fixture
def systemd(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    """The systemd of somebody who isn't root."""
    systemd = FakeSystemd(tmp_path / "bin", home / "config/systemd/user")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return systemd


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


def test_one_line_makes_a_service_and_one_takes_it_back(
    genred: Genred, systemd: FakeSystemd, home: Path, music: Path
) -> None:
    """Each says what it did; a second time there is nothing to do."""
    ran = genred("service", "install", music)
    assert (ran.code, ran.err) == (0, "")
    for file in (home / "config/genred/config.toml", systemd.folder / units.NAME, systemd.folder / units.DROP_IN):
        assert f"wrote      {file}\n" in ran.out
    assert "take back  genred service uninstall\n" in ran.out
    assert "loginctl enable-linger" in ran.out
    assert genred("service", "install", music).out.startswith("the service is installed and runs")
    ran = genred("service", "uninstall")
    assert ran.code == 0
    assert f"removed    {systemd.folder / units.NAME}\n" in ran.out
    assert f"kept       {home}/config/genred/config.toml\n" in ran.out
    ran = genred("service", "uninstall")
    assert (ran.code, "there is no service to remove" in ran.out) == (0, True)


def test_a_rehearsal_prints_what_would_be(genred: Genred, systemd: FakeSystemd, home: Path, music: Path) -> None:
    """Files with their texts, with -q without them, and the commands; nothing is done."""
    ran = genred("service", "install", "-n", music)
    assert f"would write {systemd.folder / units.NAME}\n" in ran.out
    assert f'  directories = ["{music}"]' in ran.out
    assert "would run systemctl --user restart genred.service\n" in ran.out
    brief = genred("-q", "service", "install", "-n", music).out.splitlines()
    assert [line.split()[1] for line in brief] == ["write"] * 3 + ["run"] * 3
    assert genred("service", "uninstall", "-n").code == 0
    assert not (home / "config").exists()
    assert systemd.calls() == []


def test_scripts_get_one_object_each(genred: Genred, systemd: FakeSystemd, music: Path) -> None:
    """With the same keys whatever is done."""
    (rehearsed,) = genred("service", "install", "--json", "-n", music).json
    (installed,) = genred("service", "install", "--json", music).json
    assert rehearsed["files"] == installed["files"]
    assert installed.keys() == rehearsed.keys()
    assert list(installed) == ["scope", "program", "runs_as", "folders", "files", "commands", "dry_run", "active"]
    assert (installed["scope"], installed["folders"], installed["active"]) == ("user", [str(music)], "active")
    assert installed["commands"][-1] == "systemctl --user restart genred.service"
    (removed,) = genred("service", "uninstall", "--json").json
    assert list(removed) == ["scope", "removed", "kept", "commands", "dry_run"]
    assert len(removed["removed"]) == 2


def test_the_status_is_that_of_the_unit_and_of_the_genred_at_work(
    genred: Genred, systemd: FakeSystemd, music: Path, home: Path
) -> None:
    """The exit code is 3 unless it runs; with and without a service the keys are the same."""
    none = genred("service", "status", "--json")
    assert (none.code, none.json[0]["installed"]) == (3, False)
    assert "there is no service" in genred("service", "status").out
    genred("service", "install", music)
    (home / "state/genred").mkdir(parents=True)
    with locked(home / "state/genred/run.lock") as fd, Board(fd, "run") as board:
        board.status.version = "0.0.9"
        board.post(at_once=True)
        said = genred("service", "status")
        ran = genred("service", "status", "--json")
    assert (said.code, ran.code) == (0, 0)
    for words in (
        "active since 2025-11-2",
        "as genred 0.1.0 ships it",
        "library.conf",
        "watching 1 root",
        "0.0.9; this",
    ):
        assert words in said.out, said.out
    (now,) = ran.json
    assert now.keys() == none.json[0].keys()
    assert (now["active"], now["enabled"], now["shipped"]) == ("active", "enabled", "current")
    assert now["since"] == "2025-11-27T08:00:00+00:00"
    assert (now["program"], now["status"]["running"]) == (installed_program(), True)
    (systemd.here / "running").unlink()
    assert genred("service", "status").code == 3


@pytest.mark.parametrize("system", [(), ("--system",)], ids=["own", "machine's"])
def test_without_systemd_there_is_no_service(
    genred: Genred, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: tuple[str, ...]
) -> None:
    """That is an answer with its exit code 3, and for scripts the object that they get anywhere."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    ran = genred("service", "status", *system)
    assert (ran.code, ran.err) == (3, "")
    assert ran.out.startswith("there is no systemd on this machine")
    ran = genred("service", "status", "--json", *system)
    assert (ran.code, ran.json[0]["installed"], ran.json[0]["status"]["running"]) == (3, False, False)


@pytest.mark.parametrize(
    ("booted", "code", "message"),
    [(False, 3, "wasn't started by it"), (True, 1, "your own systemd doesn't answer: log in as yourself")],
)
def test_a_systemd_that_does_not_answer(
    genred: Genred,
    systemd: FakeSystemd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    booted: bool,
    code: int,
    message: str,
) -> None:
    """In a container there is none; behind su it is there, and what isn't known is an error."""
    if booted:
        (tmp_path / "booted").mkdir()
    there = replace(Manager.own(), booted=tmp_path / "booted")
    monkeypatch.setattr(Manager, "own", lambda: there)
    systemd.be("away")
    ran = genred("service", "status")
    assert (ran.code, message in ran.out + ran.err) == (code, True)


def installed_program() -> str:
    return f"{sysconfig.get_path('scripts')}/genred"


def test_an_older_or_changed_unit_is_told(genred: Genred, systemd: FakeSystemd, music: Path) -> None:
    """With the command that helps."""
    genred("service", "install", music)
    unit = systemd.folder / units.NAME
    unit.write_text(units.signed("[Service]\n", user=True))
    assert "of another version of genred; the new one: genred service install" in genred("service", "status").out
    unit.write_text("[Service]\n")
    assert "not as genred ships it" in genred("service", "status").out
    assert genred("service", "install").code == 1


def test_a_genred_that_may_be_gone_tomorrow_makes_no_service(
    genred: Genred, systemd: FakeSystemd, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `uvx genred` and `pipx run genred` are: in a cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", sysconfig.get_path("scripts"))
    ran = genred("service", "install", music)
    assert (ran.code, "lies in a cache" in ran.err) == (1, True)
    assert systemd.calls() == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("install",), 10, "name the folders with your music"),
        (("install", "none"), 1, "none: no such folder"),
        (("install", "--as", "nobody"), 2, "--as goes with --system"),
        (("install", "--system", "/"), 1, "takes root"),
        (("uninstall", "--system"), 1, "takes root"),
        (("install", ""), 2, "an empty word names no file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_told(
    genred: Genred, systemd: FakeSystemd, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """With the exit code of its kind."""
    ran = genred("service", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
