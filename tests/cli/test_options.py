"""The options that are understood everywhere."""

from pathlib import Path

import pytest

from genred.history.history import History
from tests.command import Genred
from tests.makeaudio import make


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "FILE", "--json", "config", "show"],
        ["config", "--config", "FILE", "--json", "show"],
        ["config", "show", "--config", "FILE", "--json"],
        ["--json", "config", "--config", "FILE", "show"],
        ["--config", "/no/such/file", "config", "show", "--json", "--config", "FILE"],
    ],
)
def test_an_option_means_the_same_before_and_after_the_command(
    genred: Genred, tmp_path: Path, arguments: list[str]
) -> None:
    """Before it, in a group and after it; of several files the last one counts."""
    file = tmp_path / "c.toml"
    file.write_text("[tags]\nmax_genres = 3\n", encoding="utf-8")
    ran = genred(*(str(file) if word == "FILE" else word for word in arguments))
    assert (ran.code, ran.err) == (0, "")
    assert ran.json[0]["tags"]["max_genres"] == 3


def test_saying_more_and_less_adds_up(genred: Genred, home: Path) -> None:
    """-q before the command silences what is said after it, and -v after it takes that back."""
    file = home / "state" / "genred" / "history.db"
    History.open(file).close()
    assert "nothing in the history matches" in genred("history").err
    assert genred("-q", "history").err == ""
    assert genred("-v", "-q", "history").err != ""
    assert genred("-q", "history", "-v").err != ""


def test_a_rehearsal_is_one_wherever_it_is_asked_for(genred: Genred, tmp_path: Path) -> None:
    """Nothing is written; a command that has no rehearsal doesn't do the real thing instead."""
    song = make(tmp_path / "song.flac", 0.1)
    before = song.read_bytes()
    assert genred("-n", "set", "Jazz", song).code == 0
    assert song.read_bytes() == before
    for command in (["history"], ["train", tmp_path], ["review"], ["model", "use", "builtin"]):
        ran = genred("-n", *command)
        assert (ran.code, ran.out) == (2, "")
        assert "has no --dry-run" in ran.err
    assert "has no --dry-run" not in genred("-n", "review", "skip", song).err
