"""What `genred config` shows, checks and begins."""

import os
from pathlib import Path

import pytest

from tests.command import Genred


def test_config_check_names_every_mistake(genred: Genred, tmp_path: Path) -> None:
    """As text and as JSON, with exit 10; without mistakes it says so."""
    file = tmp_path / "c.toml"
    file.write_text("[tags]\nmode = 'x'\n[wach]\n")
    assert genred("config", "check", "--config", file).out.splitlines()[0].startswith(f"{file}:2: tags.mode: ")
    ran = genred("config", "check", "--json", "--config", file)
    assert ran.code == 10
    assert [(line["line"], line["key"]) for line in ran.json] == [(2, "tags.mode"), (3, "wach")]
    file.write_text("[genres]\nwhitelist = ['Rokc']\n")
    ran = genred("config", "check", "--json", "--config", file)
    assert (ran.code, [(line["line"], line["fatal"]) for line in ran.json]) == (0, [(2, False)])
    file.write_text("")
    assert genred("config", "check", "--config", file).out == f"{file}: ok\n"


def test_config_init_begins_a_configuration_and_never_overwrites_one(
    genred: Genred, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the folders given, in the user's own place or the named one; a rehearsal only prints it."""
    from genred import config

    odd = tmp_path / """my "best" 'music' \\ é"""
    odd.mkdir()
    printed = genred("config", "init", "-n", odd)
    file = home / "config" / "genred" / "config.toml"
    assert not file.exists()
    assert genred("config", "init", odd).out.startswith(f"{file}: written")
    assert file.read_text() == printed.out
    assert config.load(file, {}) == config.Config().with_changes("watch", directories=(odd,))
    assert genred("config", "check").out == f"{file}: ok\n"
    again = genred("config", "init", tmp_path)
    assert (again.code, again.out) == (10, "")
    assert "is there already" in again.err
    assert file.read_text() == printed.out
    monkeypatch.chdir(tmp_path)
    named = genred("config", "init", "--json", "--config", "new/genred.toml", "music")
    assert named.json == [{"file": "new/genred.toml"}]
    assert config.load(Path("new/genred.toml"), {}).watch.directories == (tmp_path / "music",)


def test_what_config_show_prints_is_a_configuration(genred: Genred, tmp_path: Path) -> None:
    """It parses to what is in force."""
    from genred import config

    file = tmp_path / "c.toml"
    file.write_text(
        "[tags]\nmode = 'merge'\n[genres.spelling]\n'Hip-Hop' = 'Rap \"x\"'\n[watch]\ndirectories = ['/a b']\n"
    )
    shown = tmp_path / "shown.toml"
    shown.write_text(genred("config", "show", "--config", file).out)
    assert config.load(shown, {}) == config.load(file, dict(os.environ))


def test_config_systemd_opens_the_folders_for_their_owner(genred: Genred, tmp_path: Path) -> None:
    """The drop-in survives odd names."""
    odd = tmp_path / "my 100% music"
    odd.mkdir()
    file = tmp_path / "c.toml"
    file.write_text(f"[watch]\ndirectories = ['{odd}']\n")
    lines = genred("config", "systemd", "--config", file).out.splitlines()
    assert lines[0] == "[Service]"
    assert lines[1] == f"User={tmp_path.owner()}"
    assert lines[-1].endswith("my\\x20100%%\\x20music")
