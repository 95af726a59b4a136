"""A small Debian of this machine's release, with genred in /opt/genred; made once, and kept.

Nothing of this machine's settings gets in: packages are fetched out here, and installed in there without any network.
"""

import hashlib
import os
import platform
import re
import shutil
import sys
import zipfile
from pathlib import Path

from shell import skip, step

EXTRAS = "metrics,web"
INSTALLERS = ("pipx", "uv", "pip")  # the last is what pipx has to have at hand
PACKAGES = "systemd,systemd-sysv,dbus,libpam-systemd,python3,python3-venv"
SCRIPTS = Path("/usr/share/debootstrap/scripts")
TOOLS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "unshare": "util-linux",
    "apt-get": "apt (a Debian)",
}


def demand() -> None:
    """Skip unless all that is needed is here."""
    if os.geteuid() != 0:
        skip("needs root, to boot a container")
    if missing := sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)}):
        skip(f"needs {', '.join(missing)}")


def tree(store: Path, source: Path) -> Path:
    """The tree, with genred built from ``source``."""
    base, wheels, wheel = store / "debian", store / "wheels", store / "wheel"
    if not base.is_dir():
        _debootstrap(base)
    shutil.rmtree(wheel, ignore_errors=True)
    _pip("wheel", "--no-deps", f"--wheel-dir={wheel}", source)
    built = next(wheel.glob("*.whl"))
    installed = base / "opt/genred/installed"
    wanted = _requirements(built)
    if not installed.is_file() or installed.read_text() != wanted:
        shutil.rmtree(wheels, ignore_errors=True)
        version = next((base / "usr/lib").glob("python3.*")).name.removeprefix("python")
        _pip("download", f"--dest={wheels}", "--only-binary=:all:", f"--python-version={version}", f"{built}[{EXTRAS}]")
        install = f"$pip --find-links=/wheels 'genred[{EXTRAS}]'"
        _within(base, wheels, f"rm -rf /opt/genred; python3 -m venv /opt/genred; {install}")
        installed.write_text(wanted)
    _within(base, wheel, "$pip --no-deps --force-reinstall /wheels/*.whl")
    if not (base / "opt/tools").is_dir():
        version = next((base / "usr/lib").glob("python3.*")).name.removeprefix("python")
        _pip("download", f"--dest={store}/tools", "--only-binary=:all:", f"--python-version={version}", *INSTALLERS)
        install = "/opt/tools/$tool/bin/pip install --quiet --no-index --find-links=/wheels $tool"
        _within(base, store / "tools", f"for tool in pipx uv; do python3 -m venv /opt/tools/$tool; {install}; done")
    return base


def newer(store: Path, source: Path, version: str) -> None:
    """Build the wheel of a later version, whose units are others."""
    later, wheel = store / "later", store / "newer"
    for folder in (later, wheel):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        source, later, symlinks=True, ignore=shutil.ignore_patterns(".*", "tests", "benchmarks", "__pycache__")
    )
    module = later / "genred/__init__.py"
    module.write_text(re.sub('__version__ = ".*"', f'__version__ = "{version}"', module.read_text()))
    for unit in (later / "systemd").rglob("genred.service"):
        unit.write_text(unit.read_text().replace("Nice=10", "Nice=11"))
    _pip("wheel", "--no-deps", f"--wheel-dir={wheel}", later)


def _debootstrap(base: Path) -> None:
    debootstrap(base, platform.freedesktop_os_release().get("VERSION_CODENAME", ""), PACKAGES)


def debootstrap(base: Path, codename: str, packages: str) -> None:
    """Make a small Debian of some release at ``base``, whole or not at all, from the machine's own mirror."""
    mine = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    targets = step("apt-get", "indextargets", "--format=$(CODENAME) $(COMPONENT) $(REPO_URI)").splitlines()
    mirrors = [line.split()[2] for line in targets if line.startswith(f"{mine} main ")]
    if not mirrors:
        skip(f"needs apt sources for {mine or 'a Debian release'}, and `apt-get update`")
    print(f"making a {codename} in {base}: some minutes, once", flush=True)
    unfinished = base.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    script = SCRIPTS / codename  # of a release that is newer than this machine's debootstrap, none
    script = script if script.exists() else SCRIPTS / "sid"
    step("debootstrap", "--variant=minbase", f"--include={packages}", codename, unfinished, mirrors[0], script)
    unfinished.rename(base)


def _requirements(wheel: Path) -> str:
    """What a wheel depends on, with its extras, as one number."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = [line for line in archive.read(name).splitlines() if line.startswith(b"Requires-Dist:")]
    return hashlib.sha256(b"\n".join([EXTRAS.encode(), *sorted(lines)])).hexdigest()


def _pip(*arguments: str | Path) -> None:
    step(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def _within(base: Path, wheels: Path, script: str) -> None:
    script = f"pip='/opt/genred/bin/pip install --quiet --no-index'; {script}"
    nspawn = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--pipe")
    step(*nspawn, f"--directory={base}", f"--bind-ro={wheels}:/wheels", "/bin/sh", "-ec", script)
