"""podman as this machine can run it, and the image, on a small Debian that is made here: no registry is asked."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shell import Failed, eventually, skip, step
from tree import debootstrap

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = "localhost/debian:trixie-slim"
IMAGE = "localhost/genred:check"

# As docs/container.md runs it: no rights, no network, and a root that nobody writes to.
LOCKED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=none")


def demand() -> None:
    """Skip unless all that is needed is here."""
    if os.geteuid() != 0:
        skip("needs root, for debootstrap")
    if missing := [tool for tool in ("podman", "debootstrap", "apt-get") if not shutil.which(tool)]:
        skip(f"needs {', '.join(missing)}")


def configure(store: Path) -> None:
    """Have podman keep everything in ``store``, and ask for little."""
    limits = ["nofile=4096:4096", "nproc=4096:4096"]  # podman's own are more than every machine may give
    engine = '[engine]\nruntime = "runc"\n' if shutil.which("runc") else ""  # crun knows no mixed control groups
    (store / "containers.conf").write_text(f"[containers]\ndefault_ulimits = {json.dumps(limits)}\n{engine}")
    storage = f'driver = "overlay"\ngraphroot = "{store}/storage"\nrunroot = "{store}/run"\n'
    (store / "storage.conf").write_text(f"[storage]\n{storage}")
    os.environ["CONTAINERS_CONF"] = str(store / "containers.conf")
    os.environ["CONTAINERS_STORAGE_CONF"] = str(store / "storage.conf")


def build(store: Path) -> None:
    """Build the image from this repository, on a Debian that stands for the public base image."""
    if subprocess.run(["podman", "image", "exists", BASE], check=False).returncode:
        if not (store / "base").is_dir():
            debootstrap(store / "base", "trixie", "tzdata")
        archive = store / "base.tar"
        step("tar", "--create", f"--directory={store / 'base'}", f"--file={archive}", ".")
        step("podman", "import", "--quiet", archive, BASE)
        archive.unlink()
    settings = store / "settings"
    shutil.rmtree(settings, ignore_errors=True)
    settings.mkdir()
    (settings / "pip.conf").write_text("\n".join(["[global]", *_pip_settings(settings)]) + "\n")
    volumes = [f"--volume={settings}:/mnt:ro", f"--volume={settings}/pip.conf:/etc/pip.conf:ro"]
    options = ["--format=docker", "--network=host", f"--build-arg=BASE={BASE}", f"--tag={IMAGE}", *volumes]
    file = REPOSITORY / "packaging/container/Containerfile"
    print("building the image", flush=True)
    step("podman", "build", *options, f"--file={file}", REPOSITORY)


def _pip_settings(folder: Path) -> Iterator[str]:
    """What pip is told on this machine, each once; files that it names are copied to ``folder``, seen as /mnt."""
    listed = step(sys.executable, "-m", "pip", "config", "list")
    values = {key.rpartition(".")[2]: value for key, value in re.findall(r"^(\S+)='(.*)'$", listed, re.MULTILINE)}
    for key, value in values.items():
        if Path(value).is_file():
            shutil.copy(value, folder / key)
            value = f"/mnt/{key}"
        yield f"{key} = {value}"


def podman(*arguments: str | Path) -> str:
    """The output of podman, which must succeed."""
    return step("podman", *arguments).strip()


def inspect(what: str, kind: str = "container") -> dict[str, Any]:
    """What podman knows of a thing."""
    found: list[dict[str, Any]] = json.loads(podman(kind, "inspect", what))
    return found[0]


class Container:
    """genred at work in a container; `started` makes one.

    Parameters
    ----------
    name
        As podman knows it.
    library
        The folder that is /music in it.
    """

    def __init__(self, name: str, library: Path) -> None:
        self.name = name
        self.library = library

    def genred(self, arguments: str, *, check: bool = True) -> str:
        """The output of a command that somebody runs in it."""
        return self.sh(f"genred {arguments}", check=check)

    def sh(self, script: str, *, user: str = "", check: bool = True) -> str:
        command = ["podman", "exec", *([f"--user={user}"] if user else []), self.name, "sh", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise Failed(f"`{script}` ended with {done.returncode}:\n{done.stdout}{done.stderr}\n{self.log()}")
        return done.stdout.strip()

    def says(self) -> dict[str, Any]:
        """What it says of itself."""
        said: dict[str, Any] = json.loads(self.genred("status --json"))
        return said

    def history(self) -> list[dict[str, Any]]:
        """Its rows, newest first."""
        return [json.loads(line) for line in self.genred("history --json").splitlines()]

    def log(self) -> str:
        return podman("logs", self.name)

    def ready(self) -> None:
        """Wait until it watches."""
        eventually(f"{self.name} watches", self._watches, 600, every=1)

    def _watches(self) -> bool:
        state = inspect(self.name)["State"]
        if not state["Running"]:
            raise Failed(f"it ended with {state['ExitCode']}:\n{self.log()}")
        said = self.genred("status --json", check=False)
        return said.startswith("{") and json.loads(said).get("state") == "watching"

    def put(self, song: Path, name: str) -> Path:
        """Copy a song into the library from outside of the container, as the owner of the library."""
        target = self.library / name
        shutil.copyfile(song, target)
        owner = self.library.stat()
        os.chown(target, owner.st_uid, owner.st_gid)
        return target

    def decided(self, path: Path, outcome: str = "tagged") -> dict[str, Any]:
        """Wait until something became of a file; its newest row."""

        def row() -> dict[str, Any] | None:
            rows = [row for row in self.history() if row["path"] == f"/music/{path.name}"]
            return rows[0] if rows and rows[0]["outcome"] == outcome else None

        return eventually(f"{path.name} is {outcome}\n{self.log()[-2000:]}", row, 180, every=1)


@contextmanager
def started(name: str, library: Path, *options: str, command: Sequence[str] = ("run",)) -> Iterator[Container]:
    """A container that runs genred, and is removed in the end with what is its own."""
    mounts = [f"--volume={library}:/music"]
    podman("run", "--detach", f"--name={name}", *LOCKED, *mounts, *options, IMAGE, *command)
    try:
        yield Container(name, library)
    finally:
        subprocess.run(["podman", "rm", "--force", "--volumes", name], capture_output=True, check=False)
