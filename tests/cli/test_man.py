"""The manual pages, and the command that shows them."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from genred import config
from genred.cli import cli, manual
from tests.cli.test_help import commands

REPOSITORY = Path(__file__).resolve().parents[2]
GENRED = [sys.executable, "-m", "genred"]


def page(name: str) -> str:
    return manual.page(name, click.Context(cli, info_name="genred"))


def read(name: str, *command: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which(command[0]):
        pytest.skip(f"needs {command[0]}")
    environ = os.environ | {"MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, input=page(name), env=environ, capture_output=True, text=True, check=False)


pages = pytest.mark.parametrize("name", manual.PAGES)


@pages
def test_mandoc_finds_no_fault_in_a_page(name: str) -> None:
    """Not even one of style."""
    assert read(name, "mandoc", "-Tlint").stdout == ""


@pages
def test_groff_warns_of_nothing_in_a_page(name: str) -> None:
    """`man --warnings` has nothing to say."""
    ran = read(name, "man", "--warnings", "-l", "-")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_pages_say_what_there_is() -> None:
    """Every command and option, every key of the configuration, every setting of the units."""
    assert "\\-\\-config PATH" in page("genred")  # a minus that can be copied, and no hyphen
    program = page("genred").replace("\\-", "-")
    for name, command in commands():
        assert f"\\fB{name}\\fR" in program
        for option in (each for each in command.params if isinstance(each, click.Option)):
            assert option.opts[-1] in program, f"{name} {option.opts}"
    for section, keys in config.Config().as_dict().items():
        assert f".SH [{section}]\n" in page("genred.toml")
        for key in keys:
            assert f"\\fB{key}\\fR" in page("genred.toml")
    unit = (REPOSITORY / "systemd" / "genred.service").read_text()
    service = page("genred.service").replace("\\-", "-").replace("\\(ti", "~").replace("\\(aq", "'")
    missing = [line for line in unit.splitlines() if line and line[0] not in "#[" and f"\n.B {line}\n" not in service]
    assert not missing


def test_man_shows_a_page_also_where_nothing_is_installed() -> None:
    """Not on a terminal it is the page itself."""
    ran = subprocess.run([*GENRED, "man", "genred.toml"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(".TH GENRED.TOML 5 ")


def test_the_wheel_carries_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The build hook puts each where `man` looks beside the program, and takes its copies away again."""
    pytest.importorskip("hatchling", reason="needs hatchling")
    spec = importlib.util.spec_from_file_location("manpages", REPOSITORY / "docs" / "manpages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    hook = module.ManualPages(str(REPOSITORY), {}, None, None, str(tmp_path), "wheel")
    data: dict[str, dict[str, str]] = {"shared_data": {}}
    hook.initialize("standard", data)
    places = {"share/man/man1/genred.1", "share/man/man5/genred.toml.5", "share/man/man8/genred.service.8"}
    assert set(data["shared_data"].values()) == places
    assert all(Path(file).read_text().startswith(".TH GENRED") for file in data["shared_data"])
    hook.finalize("standard", data, "")
    assert not any(Path(file).exists() for file in data["shared_data"])
