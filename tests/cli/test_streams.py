"""Whatever the three streams are: closed, full, cut short, of another encoding."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from genred import tags
from tests.makeaudio import make
from tests.recipes import eventful

GENRED = f"{sys.executable} -m genred"


@pytest.fixture
def database(home: Path) -> Path:
    """The history of some events."""
    file = home / "state" / "genred" / "history.db"
    eventful(file)
    return file


def shell(script: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", script], env={**os.environ, **(environ or {})}, capture_output=True, check=False, timeout=100
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_as_good_as_none(database: Path, closed: str) -> None:
    """Nothing is printed there, and nothing is printed into a file that happens to get its number."""
    before = database.read_bytes()
    for command in ("history", "history --json", "history --csv", "stats", "status"):
        ran = shell(f"{GENRED} {command} {closed}")
        assert (ran.returncode, ran.stderr) == (0, b"")
    assert database.read_bytes() == before


@pytest.mark.parametrize("command", ["history", "history --json", "stats", "config show", "--help", "completion bash"])
def test_a_full_disk_is_said_in_a_sentence(database: Path, command: str) -> None:
    """And is no success: a script must not take half of it for all."""
    ran = shell(f"{GENRED} {command} > /dev/full")
    assert (ran.returncode, ran.stderr) == (1, b"genred: the output can't be written (No space left on device)\n")
    assert shell(f"{GENRED} {command} 2>/dev/full >/dev/null").returncode == 0


def test_a_reader_that_has_seen_enough_is_no_trouble(database: Path) -> None:
    """`| head` and a pager that is left."""
    ran = shell(f"set -o pipefail; {GENRED} history --json | true; {GENRED} history | head -1 >/dev/null")
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("command", [["history"], ["classify", "song.flac"]])
def test_ctrl_c_is_quiet_whenever_it_comes(command: list[str], seconds: float, tmp_path: Path, home: Path) -> None:
    """From the first line of genred on; what Python itself does before that is Python's."""
    make(tmp_path / "song.flac", 1.0)
    process = subprocess.Popen(
        [sys.executable, "-m", "genred", *command], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while process.poll() is None and not catches_ctrl_c(process.pid):
        time.sleep(0.001)
    while process.poll() is None and catches_ctrl_c(process.pid):  # Python's own beginning
        time.sleep(0.001)
    time.sleep(seconds)  # what is tried is time
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert b"Traceback" not in err
    assert b"Error" not in err


def catches_ctrl_c(pid: int) -> bool:
    """Tell whether a process has a handler for SIGINT; see proc(5)."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    caught = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:")), 0)
    return bool(caught & 1 << signal.SIGINT - 1)


# -- encodings ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Locales of other encodings, made here; few machines have them."""
    if not shutil.which("localedef") or not Path("/usr/share/i18n/locales/de_DE").exists():
        pytest.skip("needs localedef and the sources of locales")
    folder = tmp_path_factory.mktemp("locales")
    for name, source, encoding in (("de_DE.ISO-8859-1", "de_DE", "ISO-8859-1"), ("ja_JP.eucJP", "ja_JP", "EUC-JP")):
        command = ["localedef", "--no-archive", "-i", source, "-f", encoding, str(folder / name)]
        subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"LC_ALL": "de_DE.ISO-8859-1"}, marks=pytest.mark.slow),
        pytest.param({"LC_ALL": "ja_JP.eucJP"}, marks=pytest.mark.slow),
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=lambda environ: environ["LC_ALL"],
)
def test_every_command_works_in_any_locale(
    environ: dict[str, str], locales: Path, tmp_path: Path, tiny_model: Path, home: Path
) -> None:
    """Files are found and tagged whatever their names; what the encoding lacks is printed as something that it has."""
    music = tmp_path / "Musik für Élise 作曲家"
    music.mkdir()
    song = make(music / "Größe “1”.mp3", 5.0, noise=0.03)
    settings = {"GENRED_MODEL_PATH": str(tiny_model), "GENRED_MODEL_MIN_CONFIDENCE": "0.5", "LOCPATH": str(locales)}
    settings |= environ | {"COLUMNS": "120"}
    for command in (
        'classify "$1"/*',
        'explain "$1"/*',
        'scan "$1"',
        "history",
        "stats",
        'set "R&B" "$1"/*',
        "undo --last 1",
        "review list",
        'history --path "$1" --json',
        'config init "$1"',
        "scan",
        'set -n Éthio "$1"/*',
        "model show",
        "doctor >/dev/null; true",
        "--help",
        "man >/dev/null",
    ):
        ran = shell(f"set -- '{music}'; {GENRED} {command}", settings)
        assert b"Traceback" not in ran.stderr, f"{command}: {ran.stderr.decode(errors='replace')}"
        assert ran.returncode == 0, f"{command}: {ran.stderr.decode(errors='replace')}"
        assert b"\\u2587" not in ran.stdout, f"{command}: a bar is printed as an escape"
    assert tags.read_genres(song) == ["Classical"]


def test_a_table_needs_no_more_than_ascii(database: Path) -> None:
    """Also on a terminal."""
    settings = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "60", "TERM": "xterm"}
    read, write = pty.openpty()
    subprocess.run([sys.executable, "-m", "genred", "history"], env=settings, stdout=write, check=True)
    os.close(write)
    assert b"\\u" not in os.read(read, 100_000)
    os.close(read)
