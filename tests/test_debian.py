"""The Debian package, as far as it can be judged without building it; packaging/debian/check does the rest."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from genred import __version__
from genred.cli import cli
from tests.recipes import REPOSITORY

DEBIAN = REPOSITORY / "packaging/debian"
SYSTEM = sorted(path.name for path in (REPOSITORY / "systemd").glob("genred*") if "@" not in path.name)


def python(code: str, **environment: str) -> str:
    """The output of a line of Python where packaging/debian is at work."""
    path = os.pathsep.join(map(str, (DEBIAN, REPOSITORY / "tests/systemd", REPOSITORY)))
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path} | environment, capture_output=True, text=True, check=True
    ).stdout


def field(name: str) -> str:
    [value] = re.findall(rf"^{name}: (.*)$", (DEBIAN / "control").read_text(), re.MULTILINE)
    return str(value)


def test_version_of_the_package_is_genreds() -> None:
    """The changelog is made from genred's version and newest changes, in the form that dpkg reads."""
    changelog = python("import deb; print(deb.changelog('bookworm'), end='')", SOURCE_DATE_EPOCH="1795744800")
    first, *_, last = changelog.splitlines()
    assert first == f"genred ({__version__}+deb12) bookworm; urgency=medium"
    assert last == f" -- {field('Maintainer')}  Fri, 27 Nov 2026 02:00:00 +0000"
    assert re.search(r"^  \* ", changelog, re.MULTILINE)
    assert max(map(len, changelog.splitlines()[:-1])) <= 80
    if shutil.which("dpkg-parsechangelog"):
        read = ["dpkg-parsechangelog", "--all", "--file", "-", "--show-field", "Version"]
        done = subprocess.run(read, input=changelog, capture_output=True, text=True, check=True)
        assert (done.stdout.strip(), done.stderr) == (f"{__version__}+deb12", "")


def test_the_authors_have_one_name() -> None:
    """In the licence, in the metadata of the Python package, and in those of Debian's."""
    [author] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["authors"]
    assert field("Maintainer").startswith(f"{author['name']} <")
    for file in (REPOSITORY / "LICENSE", DEBIAN / "copyright"):
        assert re.search(rf"opyright (\(c\) )?2026 {author['name']}\b", file.read_text()), file


def test_a_version_before_a_release_is_before_it_for_debian_too() -> None:
    """What PEP 440 puts before a release has a tilde."""
    found = python("import deb; print([deb.ordered(v) for v in ('1.0', '1.0rc1', '1.0.dev3', '1.0a2')])")
    assert found.strip() == "['1.0', '1.0~rc1', '1.0~dev3', '1.0~a2']"


def test_nothing_newer_than_what_was_tried_gets_into_the_package() -> None:
    """The constraints for pip name each library of genred's, and leave room for what pyproject.toml allows."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = {Requirement(line).name: Requirement(line) for line in project["dependencies"]}
    extras = project["optional-dependencies"]
    wanted |= {Requirement(line).name: Requirement(line) for line in [*extras["metrics"], *extras["web"]]}
    pins = [Requirement(line) for line in python(f"exec(open({str(DEBIAN / 'pins.py')!r}).read())").splitlines()]
    assert {pin.name for pin in pins} >= set(wanted)
    for pin in pins:
        [below] = pin.specifier
        assert below.operator == "<"
        if pin.name in wanted:
            [oldest] = (bound.version for bound in wanted[pin.name].specifier if bound.operator == ">=")
            assert Version(oldest) < Version(below.version)


def test_what_the_package_installs_is_there() -> None:
    """Files of the repository that debian/ names, and the units that rules takes from the wheel."""
    lines = [line for name in ("docs", "examples") for line in (DEBIAN / f"genred.{name}").read_text().splitlines()]
    lines += [line.split()[0] for line in (DEBIAN / "genred.install").read_text().splitlines()]
    assert [line for line in lines if not list(REPOSITORY.glob(line))] == []
    rules = (DEBIAN / "rules").read_text()
    kinds = {"genred": ["service"], "genred-web": ["service", "socket"], "genred-metrics": ["service", "timer"]}
    units = [f"{name}.{suffix}" for name, suffixes in kinds.items() for suffix in suffixes]
    assert re.findall(r"cp \$\(UNITS\)/(\S+)", rules) == units
    assert sorted(re.findall(r"cp \$\(UNITS\)/(\S+)", rules)) == sorted(SYSTEM)


def test_an_upgrade_starts_again_what_it_stopped() -> None:
    """Each unit of the machine, the timer of the metrics too; none is enabled by an installation."""
    calls = re.findall(r"^\tdh_installsystemd (.*)$", (DEBIAN / "rules").read_text(), re.MULTILINE)
    names = {name.split(".")[0] for name in SYSTEM}
    assert {re.sub(r"--name=\S+ ", "", call) for call in calls} == {"--no-enable --no-restart-after-upgrade"}
    assert {found for call in calls for found in re.findall(r"--name=(\S+)", call)} | {"genred"} == names


def test_the_units_start_what_the_package_installs_as_the_user_that_it_makes() -> None:
    """ExecStart= is in /opt/genred, where /usr/bin/genred leads; User= is in sysusers.d."""
    unit = (REPOSITORY / "systemd/genred.service").read_text()
    program, command = (DEBIAN / "genred.links").read_text().split()
    assert f"\nExecStart={program} run\n" in unit
    assert command == "/usr/bin/genred"
    [user] = re.findall(r"^User=(\w+)$", unit, re.MULTILINE)
    assert f"\nu {user} " in (DEBIAN / "genred.sysusers").read_text()
    for user_unit in (REPOSITORY / "systemd/user").glob("*.service"):
        assert "\nExecStart=%h/.local/bin/genred " in user_unit.read_text()  # what rules replaces


@pytest.mark.parametrize("name", ["preinst", "postinst", "prerm", "postrm"])
def test_what_dpkg_runs_is_shell(name: str) -> None:
    """Each script stops at a mistake, has a place for debhelper's lines, and can be read by sh."""
    script = DEBIAN / f"genred.{name}"
    assert script.read_text().startswith("#!/bin/sh\nset -e\n")
    assert "\n#DEBHELPER#\n" in script.read_text()
    subprocess.run(["sh", "-n", script], check=True)


def test_no_script_takes_the_history_or_the_music() -> None:
    """What purging removes by name is configuration and cache; a folder with anything in it stays."""
    script = (DEBIAN / "genred.postrm").read_text().replace("\\\n", "")
    removed = [word for line in re.findall(r"\brm (-.*)", script.split("cat <<")[0]) for word in line.split()[1:]]
    assert removed
    assert all(word in {"/var/cache/genred", "/var/lib/genred-hooks"} or word.startswith("/etc/") for word in removed)
    assert "rmdir --ignore-fail-on-non-empty /var/lib/genred" in script


def test_the_commands_that_the_package_tells_of_are_there() -> None:
    """README.Debian names only commands of genred."""
    text = Path(DEBIAN / "genred.README.Debian").read_text()
    named = set(re.findall(r"^  (?:sudo )?genred (\w+)", text, re.MULTILINE)) | set(re.findall(r"`genred (\w+)", text))
    assert named
    assert named <= set(cli.commands)
