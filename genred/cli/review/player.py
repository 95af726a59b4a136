"""The person's own player, started beside a review and stopped when they go on."""

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

_MOMENT = 0.3
"""Seconds in which a player that can't play gives up."""

_PLAYERS = (
    ("mpv", "--no-video", "--really-quiet"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"),
)


class Player:
    """A command that plays one file: $GENRED_PLAYER, else mpv or ffplay, else what the desktop opens music with.

    Never in the way: it neither reads the keyboard nor writes to the terminal, and nobody waits for it.
    """

    def __init__(self) -> None:
        self.command = _find()
        self._process: subprocess.Popen[bytes] | None = None

    def toggle(self, path: Path) -> str:
        """Play a file, or stop where something plays; what came of it, for the person to read."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
            return "stopped"
        if not self.command:
            return "no player found: name one in $GENRED_PLAYER, or install mpv"
        try:
            self._process = subprocess.Popen(
                [*self.command, os.fspath(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            return f"{self.command[0]} can't be started: {error.strerror}"
        with suppress(subprocess.TimeoutExpired):
            if code := self._process.wait(_MOMENT):
                return f"{self.command[0]} can't play it (exit {code})"
        return f"playing with {self.command[0]}; p stops it"

    def stop(self) -> None:
        """Stop what was started here; what a desktop's player was handed is that player's business."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(1)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._process = None


def _find() -> tuple[str, ...]:
    chosen = os.environ.get("GENRED_PLAYER")
    if chosen:
        return tuple(shlex.split(chosen))
    for command in _PLAYERS:
        if shutil.which(command[0]):
            return command
    has_desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return ("xdg-open",) if has_desktop and shutil.which("xdg-open") else ()
