import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from genred.cli import cli

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
