import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from genred import config
from genred.cli import cli, manual

REPOSITORY = Path(__file__).resolve().parents[2]
GENRED = [sys.executable, "-m", "genred"]


def commands(command: click.Command = cli, name: str = "genred") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield name, command
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from commands(inner, f"{name} {inner.name}")


def examples(command: click.Command) -> list[str]:
    """The examples in a command's help: what is shown as it stands."""
    paragraphs = (command.help or "").split("\n\n")
    lines = [line.strip() for text in paragraphs if text.strip().startswith("\b") for line in text.splitlines()[1:]]
    return [line for line in lines if line]


every = pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)


@every
def test_every_command_explains_itself(name: str, command: click.Command) -> None:
    """A sentence that fits its group's list, an example of its own, and a word about each option."""
    assert command.short_help is not None
    assert 10 < len(command.short_help) < 100
    assert any(name in example for example in examples(command))
    unexplained = [each.name for each in command.params if isinstance(each, click.Option) and not each.help]
    assert not unexplained


@pytest.mark.parametrize(
    "example", sorted({line for _, command in [*commands(), ("", cli)] for line in examples(command)})
)
def test_every_example_is_understood(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the help shows can be typed."""
    monkeypatch.chdir(tmp_path)
    said = re.split(r"\s{2,}|\s[|>#]|\s&&", example)[0]
    words = [os.path.expanduser(word) for word in shlex.split(said)]
    begin = words.index("genred")
    assert all(word == "sudo" or "=" in word for word in words[:begin])
    command: click.Command = cli
    with ExitStack() as contexts:
        ctx = contexts.enter_context(command.make_context("genred", words[begin + 1 :]))
        while isinstance(command, click.Group) and (rest := [*ctx._protected_args, *ctx.args]):
            name, found, arguments = command.resolve_command(ctx, rest)
            assert found is not None
            command, ctx = found, contexts.enter_context(found.make_context(name, arguments, parent=ctx))


@pytest.mark.parametrize("width", [80, 120])
def test_help_fits_the_terminal(width: int) -> None:
    """No line is longer than the terminal is wide, and no sentence is cut."""
    ctx = click.Context(cli, info_name="genred", terminal_width=width, color=False)
    text = cli.get_help(ctx)
    assert max(map(len, text.splitlines())) <= width
    assert "..." not in text.replace("[ARGS]...", "")
    for heading in cli.sections:
        assert f"\n{heading}:\n" in text


def test_a_misspelt_command_or_option_is_recognised() -> None:
    """The nearest one there is, is named."""
    for arguments, near in ((["docter"], "doctor"), (["scan", "--dry-rum"], "--dry-run"), (["model", "lst"], "list")):
        ran = subprocess.run([*GENRED, *arguments], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert f"Did you mean '{near}'?" in ran.stderr or f"Did you mean {near}?" in ran.stderr, ran.stderr


# -- completion --------------------------------------------------------------------------------------------------


def offered(*words: str) -> list[str]:
    """What bash is told to offer for the last of these words."""
    said = {
        "_GENRED_COMPLETE": "bash_complete",
        "COMP_WORDS": shlex.join(["genred", *words]),
        "COMP_CWORD": str(len(words)),
    }
    ran = subprocess.run(GENRED, env=os.environ | said, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in ran.stdout.splitlines()]


def test_the_shell_completes_what_there_is() -> None:
    """Commands, options, outcomes, genres, models."""
    assert offered("cla") == ["classify"]
    assert offered("scan", "--re") == ["--redecide"]
    assert offered("history", "--outcome", "ta") == ["tagged"]
    assert offered("set", "hi") == ["Hip-Hop"]
    assert offered("history", "--genre", "R") == ["R\\&B", "Reggae", "Rock"]
    assert offered("model", "use", "") == ["builtin"]


def test_completion_imports_nothing_heavy() -> None:
    """It runs at each press of the key."""
    script = (
        "import sys, os\nfrom genred import cli\n"
        "os.environ.update(_GENRED_COMPLETE='bash_complete', COMP_WORDS='genred set R', COMP_CWORD='2')\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'librosa', 'sklearn', 'numba', 'scipy', 'numpy', 'av', 'mutagen', 'sqlalchemy', 'pebble', 'rich'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_one(shell: str) -> None:
    """It is printed whole, and the shell itself finds no fault in it."""
    script = subprocess.run([*GENRED, "completion", shell], capture_output=True, text=True, check=True).stdout
    assert "_GENRED_COMPLETE" in script
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


# -- manual pages ------------------------------------------------------------------------------------------------


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
