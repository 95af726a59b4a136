"""The words that a person types: none may be empty, and a moment may be said in several ways."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click
import pytest

from genred.cli import cli
from genred.history.moments import moment
from tests.command import Genred


def parameters(command: click.Command = cli, name: str = "genred") -> Iterator[tuple[str, click.Parameter]]:
    """Yield every argument, and every option that takes a value, with the command it belongs to."""
    for parameter in command.params:
        if not (isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count)):
            yield f"{name} {parameter.opts[0]}", parameter
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from parameters(inner, f"{name} {inner.name}")


@pytest.mark.parametrize(("name", "parameter"), [pytest.param(*each, id=each[0]) for each in parameters()])
def test_no_word_may_be_empty(name: str, parameter: click.Parameter) -> None:
    """A variable that isn't set is neither the current folder, nor no genre, nor no filter."""
    with pytest.raises(click.ClickException) as refused:
        parameter.type.convert("", parameter, None)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan", ""],
        ["scan", "--redecide", "a", ""],
        ["run", ""],
        ["set", "", "song.mp3"],
        ["set", " ", "song.mp3"],
        ["set", "Jazz", ""],
        ["undo", ""],
        ["review", "set", ".", ""],
        ["review", "--path", ""],
        ["history", "--since", ""],
        ["--config", "", "history"],
        ["train", "--from-tags", ""],
        ["config", "init", ""],
    ],
)
def test_an_empty_word_is_a_usage_error(genred: Genred, arguments: list[str]) -> None:
    """Nothing is done for the other words either."""
    ran = genred(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Invalid value" in ran.err


NOW = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2 weeks ago", timedelta(weeks=2)),
        ("1 hour", timedelta(hours=1)),
        ("5min", timedelta(minutes=5)),
    ],
)
def test_a_moment_is_so_long_ago(text: str, ago: timedelta) -> None:
    """As it is written short, and as it is said."""
    assert datetime.fromisoformat(moment(text, NOW)) == NOW - ago


@pytest.mark.parametrize(("text", "day"), [("today", 26), ("Yesterday", 25), ("last week", 19), ("2026-11-20", 20)])
def test_a_day_begins_at_midnight_here(text: str, day: int) -> None:
    """Whatever time of the day it is."""
    here = datetime(2026, 11, day).astimezone()
    assert datetime.fromisoformat(moment(text, NOW.astimezone())) == here


@pytest.mark.parametrize("text", ["", "tomorrowish", "7", "99999999999999d", "0001-01-01T00:00+23:59", "-3d"])
def test_what_is_no_moment_is_told(genred: Genred, text: str) -> None:
    """However far it is from one, and as a usage error where it is an option."""
    with pytest.raises(ValueError, match="is not a time"):
        moment(text, NOW)
    assert genred("history", "--since", text).code == 2
