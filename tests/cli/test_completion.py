"""What a shell offers at the press of a key."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest

GENRED = [sys.executable, "-m", "genred"]


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
    assert offered("set", "hip") == ["Hip\\ House", "Hip-Hop"]
    assert offered("history", "--genre", "Reg") == ["Reggae", "Reggae\\ Fusion", "Reggaeton"]
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
