import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genred import cli, tags
from genred.history.history import History
from tests.command import Genred
from tests.makeaudio import make


def database(home: Path) -> History:
    history = History.open(home / "state" / "genred" / "history.db")
    history.start_run("scan", "0")
    return history


@pytest.mark.slow
def test_a_folder_from_classify_to_undo(genred: Genred, tmp_path: Path, home: Path) -> None:
    """Ask, rehearse, tag, look it up, take it back, set it: each command does what its help says."""
    music = tmp_path / "music"
    music.mkdir()
    song, noise = make(music / "song.mp3", 5.0, noise=0.03), make(music / "noise.FLAC", 5.0, noise=0.3)
    (music / "text.mp3").write_text("no music " * 100)
    before = song.read_bytes()

    asked = genred("classify", "--json", song, music / "text.mp3", music / "none.mp3")
    assert asked.code == 3
    assert [set(line) for line in asked.json] == [
        {"path", "genre", "confidence", "candidates", "decision", "reason", "model"},
        {"path", "error"},
        {"path", "error"},
    ]
    assert asked.json[0]["genre"] == "Classical"
    assert not (home / "state" / "genred" / "history.db").exists()

    rehearsed = genred("scan", "--dry-run", "--json", music)
    assert {(line["outcome"], line["id"]) for line in rehearsed.json} == {("tagged", None), ("failed", None)}
    assert song.read_bytes() == before

    scanned = genred("scan", music)
    assert scanned.code == 3
    assert "3 files looked at: 2 tagged, 1 failed" in scanned.err
    assert tags.read_genres(noise) == ["Metal"]
    assert "nothing new" in genred("scan", music).err
    kept = make(music / "kept.flac", 0.1)
    tags.write_genres(kept, ["Polka"])
    assert genred("scan", "-n", music).out == ""
    assert "kept.flac" in genred("-v", "scan", music).out

    (line,) = genred("history", "--json", "--genre", "classical").json
    keys = ["id", "at", "path", "outcome", "genre", "confidence", "previous", "written", "model", "run", "reason"]
    assert list(line) == keys
    assert (line["path"], line["written"]) == (str(song), ["Classical"])
    assert "2 " in genred("stats").out

    assert genred("undo", "-n", "--last", "1").code == 0
    assert genred("undo", song).code == 0
    assert song.read_bytes() == before
    assert genred("undo", song).code == 3

    assert genred("set", "Zydeco", song).code == 0
    assert tags.read_genres(song) == ["Zydeco"]
    assert "nothing new" in genred("scan", music).err


DRY_RUNS = [
    "set -n Polka {song}",
    "undo -n --last 1",
    "scan -n {song}",
    "review accept -n {song}",
    "review skip -n {song}",
]


@pytest.mark.slow
def test_a_dry_run_needs_no_writing(
    genred: Genred, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history that only its owner may write is read, and where there is none, none is made; no run is begun."""
    song = make(tmp_path / "song.flac", 4.0, noise=0.03)
    state = home / "state" / "genred"
    for words in DRY_RUNS:
        assert genred(*words.format(song=song).split()).code in (0, 3)
    assert not (state / "history.db").exists()
    assert genred("set", "Zydeco", song).code == 0
    before = (state / "history.db").read_bytes(), song.read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or not state.is_relative_to(path))
    for words in DRY_RUNS:
        ran = genred(*words.format(song=song).split())
        assert "can't be written" not in ran.err
        assert ran.code in (0, 3)
    assert ((state / "history.db").read_bytes(), song.read_bytes()) == before
    assert genred("set", "Polka", song).code == 10


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["histori"], 2, "Did you mean"),
        (["history", "--since", "someday"], 2, "is not a time"),
        (["classify"], 2, "Missing argument"),
        (["undo"], 2, "name files or folders"),
        (["run"], 1, "no folder to look at"),
        (["scan", "/no/such/folder"], 1, "/no/such/folder: no such folder"),
        (["run", "/no/such/folder"], 1, "/no/such/folder: no such folder"),
        (["history"], 10, "no history yet"),
        (["history", "--config", "/no/such/file"], 10, "/no/such/file: no such configuration file"),
        (["train", "/no/such/folder"], 10, "/no/such/folder: no such folder or CSV manifest"),
    ],
)
def test_a_mistake_has_a_message_and_an_exit_code(genred: Genred, arguments: list[str], code: int, said: str) -> None:
    """Never a traceback for what a person can cause."""
    ran = genred(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_what_is_no_model_is_exit_12(genred: Genred, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What isn't a model is refused by name."""
    (tmp_path / "x.genred").write_bytes(b"no model")
    monkeypatch.setenv("GENRED_MODEL_PATH", str(tmp_path / "x.genred"))
    ran = genred("classify", make(tmp_path / "x.wav"))
    assert ran.code == 12
    assert str(tmp_path / "x.genred") in ran.err


def test_what_is_no_database_is_exit_10(genred: Genred, home: Path) -> None:
    """And it is left as it is."""
    file = home / "state" / "genred" / "history.db"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"somebody's diary, not a database at all, and quite long" * 20)
    ran = genred("history")
    assert ran.code == 10
    assert "file is not a database" in ran.err
    assert file.read_bytes().startswith(b"somebody's diary")


def test_light_commands_import_nothing_heavy(home: Path) -> None:
    """Help, questions and settings answer at once: no numerical library, decoder, watcher or SQLAlchemy is imported."""
    database(home).close()
    script = (
        "import json, sys\nfrom genred import cli\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['genred', *arguments]\n"
        "    try:\n        cli.main()\n    except SystemExit:\n        pass\n"
        "    heavy = {'librosa', 'sklearn', 'numba', 'scipy', 'numpy', 'joblib', 'av', 'watchdog', 'mutagen',\n"
        "             'alembic', 'sqlalchemy', 'pebble', 'packaging', 'pathspec'} & set(sys.modules)\n"
        "    if heavy:\n        sys.exit(f'{arguments}: {heavy}')\n"
    )
    helps = [[*name, "--help"] for name in ([], *([name] for name in cli.cli.commands), ["model", "use"])]
    light = [
        "history",
        "history --genre Rock --since 7d --json",
        "stats",
        "status",
        "status --prometheus -",
        "genres",
        "model list",
        "config show",
        "config check",
        "completion fish",
        "man",
    ]
    arguments = json.dumps([*helps, *(command.split() for command in light)])
    ran = subprocess.run([sys.executable, "-c", script, arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_every_command_is_in_the_readme() -> None:
    """A user never needs the source."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for name in cli.cli.commands:
        assert f"`genred {name}" in readme, name


def test_no_module_of_the_current_folder_is_run(tmp_path: Path, tiny_model: Path) -> None:
    """Whatever lies among downloads: by the processes that are started, too."""
    for name in ("socket.py", "tomllib.py", "genred.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')\n")
    song = make(tmp_path / "tone.flac", 4.0, noise=0.03)
    environment = os.environ | {"GENRED_MODEL_PATH": str(tiny_model), "GENRED_SERVICE_WORKERS": "1"}
    command = [str(Path(sys.executable).with_name("genred")), "classify", str(song)]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "was_run").exists()
