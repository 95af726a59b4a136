"""What the documents say can be typed: shell blocks are run, options in the prose are there, links lead somewhere.

`pytest -s tests/test_docs.py` prints the commands that ran.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from genred.cli import cli
from tests import pretend
from tests.makeaudio import make
from tests.recipes import REPOSITORY

README = REPOSITORY / "README.md"
DOCUMENTS = [README, *sorted((REPOSITORY / "docs").glob("*.md"))]

# The beginning of a command -> why no test of a document runs it.
NOT_RUN = {
    "sudo tests/systemd/run": "boots a system; tests/service/test_units.py does, when asked for it",
    "genred follow": "goes on until it is stopped; tests/cli/test_follow.py",
    "MPD_HOST=/run/mpd/socket genred follow": "goes on until it is stopped; tests/service/test_players.py",
    "sudo packaging/debian/build": "builds a package, which takes minutes; packaging/debian/check",
    "sudo apt install ./dist": "needs the package; packaging/debian/check",
    "sudo packaging/container/check": "builds an image, which takes minutes",
    "podman ": "needs the image; packaging/container/check does all of it",
    "GENRED_MUSIC=": "needs Docker; tests/test_container.py reads the file",
    "genred train --from-tags": "needs a library of some hundred songs; tests/learning/test_own_tags.py",
    "genred model use": "there is no other model; tests/learning/test_labels.py",
    "dask ": "goes on until it is stopped; tests/analysis/test_cluster.py starts both",
    "genred scan --scheduler": "needs a cluster; tests/analysis/test_cluster.py",
    "genred train --scheduler": "needs a cluster; tests/analysis/test_cluster.py",
    "beet ": "another program, with music of its own; tests/beets does it",
    "pipx inject beets": "another program's environment; tests/beets has it",
    "pipx run datasette": "starts a server, and needs the network",
}


def ids(file: Path) -> str:
    return file.name


every = pytest.mark.parametrize("document", DOCUMENTS, ids=ids)


def scripts(text: str) -> list[str]:
    """The shell blocks, and what is typed in the blocks that show a terminal; without what is not run."""
    found = []
    for kind, block in re.findall(r"^```(sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines = block.splitlines()
        if kind == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found.append("\n".join(line for line in lines if not line.startswith(tuple(NOT_RUN))))
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, cache: Path, tiny_model: Path) -> Iterator[Path]:
    """A checkout, a home with music, another root, and on the PATH what tests.pretend pretends."""
    place = tmp_path_factory.mktemp("machine") / "place"
    home, root, checkout = place / "home", place / "root", place / "checkout"
    for folder in (
        home / "Music/Jazz",
        root / "srv/music",
        root / "etc/systemd/system",
        root / "etc/sysctl.d",
        root / "var/lib/prometheus/node-exporter",
        checkout,
    ):
        folder.mkdir(parents=True)
    for entry in REPOSITORY.iterdir():
        if not entry.name.startswith(".") and entry.name != "dist":
            (checkout / entry.name).symlink_to(entry)
    song = make(checkout / "song.mp3", 5.0, noise=0.03)
    shutil.copy(song, home / "Music/song.mp3")
    make(home / "Music/noise.flac", 5.0, noise=0.3)
    pretend.put(place / "bin", *pretend.NAMES)
    values = {
        "HOME": home,
        "PATH": f"{home}/.local/bin:{place}/bin:{os.environ['PATH']}",
        "PYTHONPATH": REPOSITORY,
        "PRETEND_ROOT": root,
        "PRETEND_SONG": song,
        "XDG_CACHE_HOME": cache,
        "GENRED_MODEL_PATH": tiny_model,
        "GENRED_MODEL_MIN_CONFIDENCE": "0.5",
        "GENRED_SERVICE_WORKERS": "1",
        "GENRED_SERVICE_NICE": "0",  # tests share the machine as it is
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, str(value))
        yield place


@pytest.fixture(scope="module")
def machines(place: Path) -> dict[bool, Path]:
    """Copies of a machine, without genred, and with it: installed once, as the README says."""
    with pytest.MonkeyPatch.context() as patch:
        alone(patch)
        bare = Path(shutil.copytree(place, place.with_name("bare"), symlinks=True))
        set_up(place)
        return {False: bare, True: Path(shutil.copytree(place, place.with_name("installed"), symlinks=True))}


def alone(patch: pytest.MonkeyPatch) -> None:
    """Leave state and configuration to HOME."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        patch.delenv(name, raising=False)


def run(script: str, place: Path, trace: Path) -> None:
    """As it stands, but that what belongs to the machine is below another root."""
    moved = re.sub(r"(?<![\w.~}$])/(opt|etc|srv|var)/", rf"{place}/root/\1/", script)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"exec 9>>{trace}; BASH_XTRACEFD=9; set -x; {moved}"],
        cwd=place / "checkout",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


def set_up(place: Path) -> None:
    """genred installed as both services, by the README, some songs tagged, and the history migrated once."""
    section = README.read_text().partition("## As a service")[2].partition("\n## ")[0]
    for script in scripts(section):
        run(script, place, Path(os.devnull))
    run("genred scan ~/Music", place, Path(os.devnull))
    database = place / "home/.local/state/genred/history.db"
    shutil.copy(database, f"{database}.schema-0001")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not shutil.which("sqlite3"), reason="needs sqlite3, as those who follow the documents do")
@pytest.mark.parametrize("document", [file for file in DOCUMENTS if any(scripts(file.read_text()))], ids=ids)
def test_every_command_of_a_document_does_its_work(
    document: Path, place: Path, machines: dict[bool, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of a document run in their order, each document on a machine of its own."""
    alone(monkeypatch)
    shutil.rmtree(place)
    shutil.copytree(machines[document != README], place, symlinks=True)
    ran = place / "ran"
    for script in scripts(document.read_text()):
        run(script, place, ran)
    print(f"\n{document.name}", ran.read_text().replace(f"{place}/", ""), sep="\n")


def test_what_is_not_run_is_in_a_document() -> None:
    """No exception outlives its command."""
    lines = [line.removeprefix("$ ") for document in DOCUMENTS for line in document.read_text().splitlines()]
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in lines)] == []


@every
def test_commands_in_the_prose_are_understood(document: Path) -> None:
    """Every command and option that a sentence or a table names is there."""
    for said in re.findall(r"`(?:sudo )?(genred [^`]+)`", document.read_text()):
        ours = re.split(r" \| (?!-)", said)[0]
        missing = unknown(shlex.split(ours.replace("\\|", " "))[1:])
        assert not missing, f"{said}: {missing}"


def unknown(words: Sequence[str]) -> list[str]:
    """Words of a command line that name no command or option."""
    command: click.Command = cli
    missing = []
    for word in words:
        if isinstance(command, click.Group) and re.fullmatch(r"[a-z]+", word):
            inner = command.commands.get(word)
            missing += [] if inner else [word]
            command = inner or command
        elif word.startswith("-"):
            names = {name for option in command.params for name in [*option.opts, *option.secondary_opts]}
            missing += [] if word.partition("=")[0] in {*names, "--help", "--version"} else [word]
    return missing


def test_messages_in_the_troubleshooting_are_those_of_genred() -> None:
    """What stands in double quotes there can be read on a screen."""
    sources = "\n".join(file.read_text() for file in (REPOSITORY / "genred").rglob("*.py"))
    prose = re.sub(r"`[^`]*`", "", (REPOSITORY / "docs/troubleshooting.md").read_text())
    said = re.findall(r'"([^"\n]+ [^"\n]+)"', prose)
    assert len(said) > 10
    assert [message for message in said if message not in sources] == []


@every
def test_links_lead_somewhere(document: Path) -> None:
    """To a file of this tree."""
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target
