"""Run a command in a Debian release with a newer Python than this machine's, in a copy of this repository.

Usage: newest.py COMMAND (a line for the shell). In there, `python` is that of an environment with genred and the
newest dependencies. The tree is made once by debootstrap, and kept in the cache; the exit status is the command's, or 0
where this can't be done here, with the reason.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/systemd"))

from chroot import NOT_COPIED, inside  # noqa: E402
from shell import SKIPPED, skip  # noqa: E402
from tree import debootstrap  # noqa: E402

CODENAME = "trixie"
PACKAGES = "ca-certificates,python3,python3-venv"
STORE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genred-ci"
INSTALL = """
cd /srv/genred
test -d /srv/venv || python3 -m venv /srv/venv
/srv/venv/bin/pip install --quiet --upgrade --upgrade-strategy eager -e '.[dev]'
PATH=/srv/venv/bin:$PATH
"""


def main(command: str) -> int:
    if os.geteuid() != 0:
        skip("needs root, for a chroot")
    if missing := [tool for tool in ("debootstrap", "unshare", "apt-get") if not shutil.which(tool)]:
        skip(f"needs {', '.join(missing)}")
    if subprocess.run(["unshare", "--mount", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        skip("needs the right to mount")
    tree = STORE / CODENAME
    STORE.mkdir(parents=True, exist_ok=True)
    lock = os.open(STORE, os.O_RDONLY)  # held until this process ends: another one would take the copy away
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not tree.is_dir():
        debootstrap(tree, CODENAME, PACKAGES)
    copy = tree / "srv/genred"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT, copy, symlinks=True, ignore=NOT_COPIED)
    with TemporaryDirectory(dir=STORE) as temporary:
        shared = ROOT.parent / "shared"
        mounts = {"/srv/shared": shared.resolve()} if shared.is_dir() else {}
        return inside(tree, INSTALL + command, Path(temporary), mounts)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except SystemExit as end:
        sys.exit(0 if end.code == SKIPPED else end.code)
