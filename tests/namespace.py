"""Limits and mounts of a test's own, without being root."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def in_a_namespace(setup: str, script: str, root: Path) -> str:
    """The output of a script that runs with limits and mounts of its own, where the system allows it."""
    try:
        subprocess.run(["unshare", "-Urm", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no user namespaces here")
    head = f"""
        import os, subprocess, sys
        sys.path[:0] = [{str(Path(__file__).parents[1])!r}]
        from contextlib import closing
        from pathlib import Path
        from tests.watching.listener import AUDIO, Listener
        music = Path({str(root)!r})
    """
    program = textwrap.dedent(head) + textwrap.dedent(script)
    shell = f'{setup} && exec {sys.executable} -W error -c "$0"'
    result = subprocess.run(["unshare", "-Urm", "sh", "-c", shell, program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout
