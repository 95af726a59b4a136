"""A player of its own: Debian's MPD over one folder, with nothing to play to."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Mpc = Callable[..., str]
"""Runs `mpc`, and returns what it printed."""


@contextmanager
def serving(folder: Path) -> Iterator[Mpc]:
    """Serve what is in `folder`/music, at the socket `folder`/s."""
    if shutil.which("mpd") is None or shutil.which("mpc") is None:
        pytest.skip("needs mpd and mpc")
    (folder / "music").mkdir(exist_ok=True)
    socket = folder / "s"
    if len(os.fsencode(socket)) > 100:
        pytest.skip("needs a temporary folder with a shorter name")
    places = {"music_directory": "music", "db_file": "db", "log_file": "log", "pid_file": "pid", "bind_to_address": "s"}
    lines = [f'{key} "{folder / name}"' for key, name in places.items()]
    config = folder / "mpd.conf"
    config.write_text("\n".join([*lines, 'audio_output {\n type "null"\n name "nothing"\n}', ""]), "utf-8")

    def mpc(*words: str) -> str:
        command = ["mpc", f"--host={socket}", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    subprocess.run(["mpd", config], check=True, capture_output=True)  # it returns when it listens
    try:
        yield mpc
    finally:
        subprocess.run(["mpd", "--kill", config], check=True, capture_output=True)
