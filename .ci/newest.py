"""Run a command in a Debian release with a newer Python than this machine's, in a copy of this repository.

Usage: newest.py COMMAND [RELEASE] (a line for the shell, and the codename of a release of Debian). In there, `python`
is that of an environment with genred and the newest dependencies. The tree is made once by debootstrap, and kept in the
cache; the exit status is the command's, or 0 where this can't be done here, with the reason.
"""

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/systemd"))

from shell import SKIPPED, skip, step  # noqa: E402
from tree import debootstrap  # noqa: E402

PACKAGES = "ca-certificates,python3,python3-venv"
PIP = (sys.executable, "-m", "pip")
STORE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genred-ci"
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "dist", "build")
INSTALL = """
cd /srv/genred
test -d /srv/venv || python3 -m venv /srv/venv
/srv/venv/bin/pip install --quiet --upgrade --upgrade-strategy eager -e '.[dev]'
PATH=/srv/venv/bin:$PATH
"""


def main(command: str, codename: str = "trixie") -> int:
    if os.geteuid() != 0:
        skip("needs root, for a chroot")
    if missing := [tool for tool in ("debootstrap", "unshare", "apt-get") if not shutil.which(tool)]:
        skip(f"needs {', '.join(missing)}")
    if subprocess.run(["unshare", "--mount", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        skip("needs the right to mount")
    tree = STORE / codename
    STORE.mkdir(parents=True, exist_ok=True)
    lock = os.open(STORE / f"{codename}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # held until this process ends: another one would take the copy away
    if not tree.is_dir():
        debootstrap(tree, codename, PACKAGES)
    copy = tree / "srv/genred"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT, copy, symlinks=True, ignore=NOT_COPIED)
    with TemporaryDirectory(dir=STORE) as temporary:
        os.chmod(temporary, 0o1777)  # noqa: S103 - as /tmp is: some tests become another user
        mounts = {"/proc": "/proc", "/dev": "/dev", "/tmp": temporary} | {file: file for file in settings()}  # noqa: S108
        if (shared := ROOT.parent / "shared").is_dir():
            mounts["/srv/shared"] = str(shared.resolve())
        for where, what in mounts.items():
            target = tree / where[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch() if os.path.isfile(what) else target.mkdir(exist_ok=True)
        steps = [shlex.join(["mount", "--rbind", what, f"{tree}{where}"]) for where, what in mounts.items()]
        steps.append(shlex.join(["exec", "chroot", str(tree), "/bin/sh", "-ec", INSTALL + command]))
        inside = ["unshare", "--mount", "sh", "-ec", "\n".join(steps)]
        return subprocess.run(inside, check=False, env=environment()).returncode


def settings() -> Iterator[str]:
    """What pip needs to find packages as it does out here: files of settings, those that they name, the network's."""
    files = re.findall(r"^ *(/.*), exists: True$", step(*PIP, "config", "debug"), flags=re.MULTILINE)
    named = re.findall(r"(?<=[' ])/[^\s']+", step(*PIP, "config", "list"))
    certificates = [os.environ.get(name, "") for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]
    for file in dict.fromkeys([*files, *named, *certificates, "/etc/resolv.conf", "/etc/hosts"]):
        if Path(file).is_file():
            yield file


def environment() -> dict[str, str]:
    """What is the same in there: where pip finds packages, and whether this is CI."""
    kept = re.compile(r"PIP_.*|CI|SSL_CERT_.*|REQUESTS_CA_BUNDLE|.*_proxy", re.IGNORECASE)
    same = {name: value for name, value in os.environ.items() if kept.fullmatch(name)}
    return same | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except SystemExit as end:
        sys.exit(0 if end.code == SKIPPED else end.code)
