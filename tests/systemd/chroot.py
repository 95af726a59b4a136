"""A command in a tree of Debian, with this machine's network, and with pip finding packages as it does out here."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from shell import step

NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "dist", "build")
"""What a copy of this repository for the tree does without."""

PIP = (sys.executable, "-m", "pip")


def inside(tree: Path, script: str, temporary: Path, mounts: Mapping[str, Path] | None = None) -> int:
    """Run a line of the shell in a tree.

    Parameters
    ----------
    tree
        The root of its files.
    script
        For the shell; ends where one of its commands fails.
    temporary
        A folder that is its /tmp.
    mounts
        What else is to be seen in there: where, and what.

    Returns
    -------
    int
        The exit status.
    """
    os.chmod(temporary, 0o1777)  # noqa: S103 - as /tmp is: some tests become another user
    seen = {"/proc": Path("/proc"), "/dev": Path("/dev"), "/tmp": temporary}
    seen |= {str(file): file for file in _settings()} | dict(mounts or {})
    for where, what in seen.items():
        target = tree / where[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch() if what.is_file() else target.mkdir(exist_ok=True)
    steps = [shlex.join(["mount", "--rbind", str(what), f"{tree}{where}"]) for where, what in seen.items()]
    steps.append(shlex.join(["exec", "chroot", str(tree), "/bin/sh", "-ec", script]))
    namespace = ["unshare", "--mount", "sh", "-ec", "\n".join(steps)]
    return subprocess.run(namespace, check=False, env=_environment()).returncode


def _settings() -> Iterator[Path]:
    """What pip needs to find packages as it does out here: files of settings, those that they name, the network's."""
    files = re.findall(r"^ *(/.*), exists: True$", step(*PIP, "config", "debug"), flags=re.MULTILINE)
    named = re.findall(r"(?<=[' ])/[^\s']+", step(*PIP, "config", "list"))
    certificates = [os.environ.get(name, "") for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]
    for file in dict.fromkeys([*files, *named, *certificates, "/etc/resolv.conf", "/etc/hosts"]):
        if Path(file).is_file():
            yield Path(file)


def _environment() -> dict[str, str]:
    """What is the same in there: where pip finds packages, and whether this is CI."""
    kept = re.compile(r"PIP_.*|CI|SSL_CERT_.*|REQUESTS_CA_BUNDLE|.*_proxy", re.IGNORECASE)
    same = {name: value for name, value in os.environ.items() if kept.fullmatch(name)}
    return same | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
