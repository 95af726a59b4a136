"""A machine whose first process is systemd: an overlay on the tree, thrown away afterwards.

It has a network of its own with nothing in it, and no device of the host.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shell import Failed, eventually, step


def alone() -> None:
    """Start again in namespaces of our own: whatever ends this process ends the machine, and unmounts its disk."""
    if os.environ.get("GENRED_ALONE") != "yes":
        os.environ["GENRED_ALONE"] = "yes"
        namespaces = ["unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
        os.execvp(  # noqa: S606 - our own arguments
            "unshare", [*namespaces, sys.executable, *sys.argv]
        )


class Machine:
    """A booted machine; `booted` makes one.

    Parameters
    ----------
    leader
        Its first process, as numbered here.
    """

    def __init__(self, leader: int) -> None:
        self.root = Path(f"/proc/{leader}/root")  # with all that is mounted in there
        self._leader = leader

    def sh(self, script: str, user: str = "root", *, check: bool = True) -> str:
        """The output of a shell script run in the machine, with the environment of a login.

        Raises
        ------
        Failed
            If it doesn't end well, and that is checked.
        """
        uid, gid, home = self.account(user)
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": home,
            "USER": user,
            "XDG_RUNTIME_DIR": f"/run/user/{uid}",
        }
        enter = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups"] if uid else []
        done = subprocess.run(
            [*enter, *become, "/bin/sh", "-ec", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=900,
            check=False,
        )
        if check and done.returncode:
            raise Failed(f"`{script.strip()}` ended with {done.returncode}:\n{done.stdout.strip()}")
        return done.stdout.strip()

    def account(self, user: str) -> tuple[int, int, str]:
        """Of a user: number, number of the group, home."""
        for line in (self.root / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, _, home, _ = line.split(":")
            if name == user:
                return int(uid), int(gid), home
        raise Failed(f"there is no user {user}")

    def processes(self) -> dict[int, int]:
        """Every process in the machine: its number there, and here."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "ns/pid") == os.readlink(f"/proc/{self._leader}/ns/pid"):
                    found[int(status(int(folder.name))["NSpid"].split()[-1])] = int(folder.name)
            except OSError:
                continue  # it ended meanwhile
        return found


def status(pid: int) -> dict[str, str]:
    """What the kernel says of a process: proc(5), status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def overlay(base: Path, run: Path) -> Path:
    """Lay an empty disk in the folder ``run`` over a tree; the root of both, where writing leaves the tree as it is."""
    shutil.rmtree(run, ignore_errors=True)
    for name in ("upper", "work", "root"):
        (run / name).mkdir(parents=True)
    root = run / "root"
    step("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={base},upperdir={run}/upper,workdir={run}/work", root)
    return root


@contextmanager
def booted(base: Path, store: Path, shares: dict[Path, str]) -> Iterator[Machine]:
    """A machine that came up; ``shares`` are folders of this one to be seen in it, read-only."""
    run = store / "run"
    root = overlay(base, run)
    for name in ("srv", "home"):
        (run / name).mkdir()
    # Music lies on a plain folder: what an overlay can't do is nobody's case.
    binds = [
        f"--bind={run}/srv:/srv",
        f"--bind={run}/home:/home",
        *(f"--bind-ro={here}:{there}" for here, there in shares.items()),
    ]
    options = ["--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--hostname=machine"]
    with open(run / "console", "w") as console:
        nspawn = subprocess.Popen(
            ["systemd-nspawn", *options, f"--directory={root}", *binds, "--boot"],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        )
    try:
        leader = eventually("the machine starts", lambda: _leader(nspawn.pid), 60)
        machine = Machine(leader)
        eventually(f"systemd comes up (see {run}/console)", lambda: _is_up(machine), 120)
        yield machine
    finally:
        nspawn.terminate()
        try:
            nspawn.wait(30)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait()


def _leader(pid: int) -> int | None:
    """The first process of the machine, once its root is the machine's; not the one that makes it, and goes."""
    with suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            is_first = status(child)["NSpid"].split()[-1] == "1"
            if is_first and not os.path.samefile(f"/proc/{child}/root", "/"):
                return child
    return None


def _is_up(machine: Machine) -> bool:
    # "degraded" is up, too: a container can't have everything a stock Debian wants.
    return machine.sh("systemctl is-system-running", check=False) in ("running", "degraded")
