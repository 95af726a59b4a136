"""Build the Debian package of this checkout, in a clean tree of a Debian release."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from chroot import NOT_COPIED, inside
from machine import alone, overlay
from shell import Failed, step
from tree import debootstrap, demand

REPOSITORY = Path(__file__).resolve().parents[2]
RELEASES = {"bookworm": 12, "trixie": 13}
STORE = Path("/var/tmp/genred-debian")  # noqa: S108 - only root gets there
SYSTEM = "ca-certificates,dbus,libpam-systemd,python3,systemd,systemd-sysv"
TOOLS = "debhelper lintian python3-venv"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", nargs="?", choices=RELEASES, default="trixie")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist", help="where the package goes")
    options = parser.parse_args()
    demand()
    alone()
    print(build(options.release, options.out))
    return 0


def build(release: str, out: Path) -> Path:
    """Build the package; the file that it is."""
    with workshop(release) as (root, temporary):
        source = root / "srv/genred"
        shutil.copytree(REPOSITORY, source, symlinks=True, ignore=NOT_COPIED)
        shutil.copytree(REPOSITORY / "packaging/debian", source / "debian", ignore=NOT_COPIED)
        (source / "debian/changelog").write_text(changelog(release))
        # No compiler is there, and none is needed: build-essential is what isn't checked.
        if inside(root, "cd /srv/genred; dpkg-buildpackage --build=binary --no-check-builddeps", temporary):
            raise Failed("dpkg-buildpackage failed")
        (built,) = (root / "srv").glob("genred_*.deb")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(built, out))


@contextmanager
def workshop(release: str) -> Iterator[tuple[Path, Path]]:
    """A tree with what builds and judges packages, thrown away afterwards, and a folder to be its /tmp."""
    tools = STORE / release / "tools"
    with TemporaryDirectory() as temporary:
        if not tools.is_dir():
            base = system(release)
            unfinished = tools.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            step("cp", "--archive", base, unfinished)
            install = "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends"
            if inside(unfinished, f"{install} {TOOLS} >/dev/null", Path(temporary)):
                raise Failed(f"{TOOLS} can't be installed")
            unfinished.rename(tools)
        root = overlay(tools, STORE / release / "work")
        try:
            yield root, Path(temporary)
        finally:
            step("umount", root)
            shutil.rmtree(root.parent)


def system(release: str) -> Path:
    """A tree of a release that can be booted, made once."""
    base = STORE / release / "system"
    base.parent.mkdir(parents=True, exist_ok=True)
    if not base.is_dir():
        debootstrap(base, release, SYSTEM)
    return base


def version() -> str:
    """The version of genred, for Debian."""
    (found,) = re.findall(r'^__version__ = "(.+)"$', (REPOSITORY / "genred/__init__.py").read_text(), re.MULTILINE)
    return ordered(found)


def ordered(version: str) -> str:
    """A version as Debian orders versions: 1.0rc1 becomes 1.0~rc1, which comes before 1.0."""
    return re.sub(r"\.?(a|b|rc|dev)(?=\d)", r"~\1", version)


def changelog(release: str) -> str:
    """The changelog of the package: the newest section of CHANGELOG.md. A package for a newer Debian is a newer one."""
    section = (REPOSITORY / "CHANGELOG.md").read_text().split("\n## ")[1]
    entries = [" ".join(entry.split()) for entry in re.split(r"^- ", section, flags=re.MULTILINE)[1:]]
    maintainer = re.findall(r"^Maintainer: (.+)$", Path(__file__).with_name("control").read_text(), re.MULTILINE)[0]
    return "\n".join(
        [
            f"genred ({version()}+deb{RELEASES[release]}) {release}; urgency=medium",
            "",
            *(textwrap.fill(entry, 78, initial_indent="  * ", subsequent_indent="    ") for entry in entries),
            "",
            f" -- {maintainer}  {format_datetime(datetime.fromtimestamp(written(), UTC))}",
            "",
        ]
    )


def written() -> float:
    """When this checkout was written: its commit, or else SOURCE_DATE_EPOCH or the file with the version."""
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return float(epoch)
    git = ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"]
    said = subprocess.run(git, capture_output=True, text=True, check=False).stdout if shutil.which("git") else ""
    return float(said.strip() or (REPOSITORY / "genred/__init__.py").stat().st_mtime)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as reason:
        sys.exit(str(reason))
