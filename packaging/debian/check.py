"""Check the Debian packages: lintian, piuparts, and the life of an installation in a booted Debian."""

import argparse
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import deb
from chroot import inside
from deb import RELEASES, REPOSITORY, STORE, system, workshop
from machine import Machine, alone, booted
from mutagen.flac import FLAC
from shell import Failed, eventually, expect, skip, step
from tree import demand

from tests.makeaudio import make

OWNER, NEIGHBOUR = "listener", "neighbour"
GENRE = "Krautrock"
HISTORY = "/var/lib/genred/history.db"
METRICS = "run/genred-metrics/genred.prom"
NEXT = "9.9.9"
# What `genred doctor` looks at, too: the unit in force is the one that this genred ships.
SHIPPED = """/opt/genred/bin/python3 - <<'END'
from genred.service import units
assert units.installed(user={user}).files[0].read_text() == units.shipped(user={user})
END"""
PREPARE = f"""
useradd --uid 1000 --user-group --create-home {OWNER}
useradd --uid 1001 --user-group --create-home {NEIGHBOUR}
install -d -o {OWNER} -g {OWNER} /srv/music /srv/music/album
printf '#!/bin/sh\\nexec "$@"\\n' > /usr/local/bin/sudo && chmod +x /usr/local/bin/sudo
loginctl enable-linger {NEIGHBOUR}
"""


def lintian(release: str, package: Path) -> str:
    """It has no error and no warning that isn't overridden with a reason; what is for information alone, is shown."""
    with workshop(release) as (root, temporary):
        judge = f"lintian --fail-on error,warning --display-info /srv/{package.name} >/tmp/said 2>&1"
        ended = inside(root, judge, temporary, {f"/srv/{package.name}": package})
        said = (temporary / "said").read_text()
    expect(ended == 0, said)
    return said.strip()


def piuparts(release: str, package: Path) -> str:
    """Installing, removing and purging leave nothing behind in a tree."""
    if not shutil.which("piuparts"):
        skip("needs piuparts")
    tree = system(release)
    mirror = (tree / "etc/apt/sources.list").read_text().split()[1]
    options = [f"--existing-chroot={tree}", f"--distribution={release}", f"--mirror={mirror} main"]
    options.append("--ignore=/var/cache/debconf/tmp.ci/")  # apt's, of any package
    log = STORE / release / "piuparts.log"
    command = ["piuparts", *options, "--no-eatmydata", f"--log-file={log}", str(package)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    expect(done.returncode == 0, "\n".join(done.stdout.splitlines()[-40:]))
    return done.stdout.splitlines()[-1]


def life(release: str, package: Path) -> str:
    """Installed, configured, at work, upgraded, removed, purged, and installed again, as a person does it."""
    higher = newer(package)
    with booted(system(release), STORE / release, {}) as machine:
        there = STORE / release / "run/srv"
        for deb in (package, higher):
            shutil.copy(deb, there / deb.name)
        machine.sh(PREPARE)
        house = House(machine, there / "music")
        for text, part in (
            ("installed", partial(installed, house, package)),
            ("configured and at work", partial(at_work, house)),
            ("for a user", partial(of_user, house)),
            ("upgraded at work", partial(upgraded, house, higher)),
            ("removed", partial(removed, house)),
            ("purged", partial(purged, house)),
            ("installed again", partial(again, house, higher)),
        ):
            began = time.monotonic()
            print(f"ok    {release} {text}: {part()} ({time.monotonic() - began:.0f} s)", flush=True)
    return "all of it"


class House:
    """A machine with a music folder.

    Parameters
    ----------
    machine
        The machine.
    music
        The folder, as seen from out here.
    """

    def __init__(self, machine: Machine, music: Path) -> None:
        self.machine, self.music = machine, music
        self.before: dict[str, bytes] = {}

    def put(self, number: int, genre: str = "") -> Path:
        """Put a track into the album, as the owner of the folder does."""
        aside = make(self.music / f"{number:02d}.part", 20.0, kind="flac", freq=200 + 50 * number)
        track = FLAC(aside)
        track.update(artist="Sine", album="Tones", title=f"Tone {number}", tracknumber=str(number))
        if genre:
            track["genre"] = genre
        track.save()
        shutil.chown(aside, 1000, 1000)
        path = self.music / "album" / f"{number:02d}.flac"
        aside.rename(path)
        self.before[path.name] = path.read_bytes()
        return path

    def genred(self, arguments: str) -> str:
        """What a command says to the owner of the music, about the service's history."""
        return self.machine.sh(f"GENRED_HISTORY_URL=sqlite:///{HISTORY} genred {arguments}", OWNER)

    def show(self, name: str) -> str:
        """A property of the machine's unit."""
        return self.machine.sh(f"systemctl show genred --value --property={name}")

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.genred("status --json").splitlines()[-1]))

    def ready(self) -> bool:
        """Say whether the service has read all that was there."""
        said = self.status()
        return said.get("state") == "watching" and said.get("unread") == 0

    def tagged(self, path: Path) -> None:
        """Wait until a track has the genre of its album."""
        eventually(f"{path.name} has a genre", lambda: FLAC(path).get("genre") == [GENRE], 600, every=1)


def installed(house: House, package: Path) -> str:
    machine = house.machine
    said = machine.sh(f"DEBIAN_FRONTEND=noninteractive apt-get install -y /srv/{package.name}")
    expect("README.Debian" in said, f"it doesn't say what to do next: {said}")
    expect(house.show("UnitFileState") == "disabled" and house.show("ActiveState") == "inactive", "the unit is in use")
    machine.sh("systemctl start genred")
    expect(house.show("ActiveState") == "inactive", f"without folders it is {house.show('ActiveState')}")
    expect("genred" not in machine.sh("systemctl --failed --no-legend"), "a unit failed")
    machine.account("genred")
    said = machine.sh(
        "genred --version; man --version >/dev/null 2>&1 && man -w genred genred.toml genred.service; true"
    )
    for file in ("man/man1/genred.1.gz", "bash-completion/completions/genred", "zsh/vendor-completions/_genred"):
        expect((machine.root / "usr/share" / file).is_file(), f"no {file}")
    size = machine.sh("du -sm /opt/genred").split()[0]
    return f"{said}, {size} MB in /opt/genred with what was compiled"


def commands(number: int) -> str:
    """The lines of README.Debian that begin a service: for the machine, for a user."""
    text = (REPOSITORY / "packaging/debian/genred.README.Debian").read_text()
    blocks: list[str] = re.findall(r"(?:^  \S.*\n)+", text, re.MULTILINE)
    return blocks[number]


def beside() -> str:
    """What the documents say begins the metrics and a hook, but for the files that the package has brought."""
    lines = []
    for document, heading in (("service", "## Metrics"), ("hooks", "For the machine")):
        part = (REPOSITORY / f"docs/{document}.md").read_text().split(heading)[1].split("```sh\n")[1].split("```")[0]
        lines += [line for line in part.splitlines() if " cp " not in line and " ln " not in line]
    return "\n".join(lines)


def at_work(house: House) -> str:
    for number in (1, 2, 3):
        house.put(number, GENRE)
    began = time.monotonic()
    house.machine.sh(commands(0))
    first = time.monotonic() - began
    expect(house.show("ActiveState") == "active", f"it is {house.show('ActiveState')}")
    expect(house.show("User") == OWNER, f"it runs as {house.show('User')}")
    eventually("it knows the album", house.ready, 600)
    began = time.monotonic()
    house.tagged(house.put(4))
    seconds = time.monotonic() - began
    house.machine.sh(SHIPPED.format(user=False))
    house.machine.sh(beside())
    eventually("metrics are written", (house.machine.root / METRICS).exists, 60)
    return f"ready after {first:.0f} s, {GENRE} {seconds:.0f} s after the song"


def of_user(house: House) -> str:
    machine = house.machine
    eventually("the user's manager is up", (machine.root / "run/user/1001/systemd/private").exists, 300)
    machine.sh("mkdir -p ~/Music", NEIGHBOUR)
    machine.sh(commands(1), NEIGHBOUR)
    machine.sh(SHIPPED.format(user=True), NEIGHBOUR)
    said = machine.sh("genred status; systemctl --user disable --now genred", NEIGHBOUR)
    return said.splitlines()[0]


def upgraded(house: House, higher: Path) -> str:
    before = house.show("MainPID"), house.genred("history --json")
    house.machine.sh(f"DEBIAN_FRONTEND=noninteractive apt-get install -y /srv/{higher.name}")
    expect(house.show("ActiveState") == "active", f"it is {house.show('ActiveState')}")
    expect(house.show("MainPID") != before[0], "it was not started again")
    eventually("it watches", house.ready, 600)
    expect(house.status()["version"] == NEXT, f"{house.status()['version']} is at work")
    expect(house.genred("history --json") == before[1], "the history is another one")
    path = house.music / "album/04.flac"
    house.genred(f"undo /srv/music/album/{path.name}")
    expect(path.read_bytes() == house.before[path.name], "undo did not put back what was there")
    house.tagged(house.put(5))
    said = f'version="{NEXT}"'
    eventually("the metrics are of that version", lambda: said in (house.machine.root / METRICS).read_text(), 120)
    running = house.machine.sh("systemctl is-active genred-metrics.timer genred-hook@mpd", check=False)
    expect(running == "active\nactive", f"of the timer and the hook it is said: {running}")
    return f"version {NEXT} is at work, 04.flac is as it was, 05.flac is {GENRE}"


def removed(house: House) -> str:
    machine, music = house.machine, contents(house.music)
    machine.sh("DEBIAN_FRONTEND=noninteractive apt-get remove -y genred")
    expect(not (machine.root / "opt/genred").exists(), "/opt/genred is still there")
    expect("genred" not in machine.sh("systemctl --failed --no-legend"), "a unit failed")
    expect("/opt/genred" not in machine.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"), "it is still at work")
    for kept in ("etc/genred/config.toml", HISTORY[1:]):
        expect((machine.root / kept).is_file(), f"/{kept} is gone")
    expect(contents(house.music) == music, "the music is not what it was")
    return "configuration, history and music are there"


def purged(house: House) -> str:
    machine, music = house.machine, contents(house.music)
    said = machine.sh("DEBIAN_FRONTEND=noninteractive apt-get purge -y genred")
    expect("/var/lib/genred stays" in said, f"it doesn't say what stays: {said}")
    found = machine.sh("find / -xdev \\( -path /proc -o -path /sys \\) -prune -o -name '*genred*' -print").split()
    expect(found == ["/var/lib/genred"], f"left: {found}")
    expect((machine.root / HISTORY[1:]).is_file(), "the history is gone")
    expect(contents(house.music) == music, "the music is not what it was")
    return f"left: {', '.join(found)}"


def again(house: House, package: Path) -> str:
    house.machine.sh(f"DEBIAN_FRONTEND=noninteractive apt-get install -y /srv/{package.name}")
    house.genred("undo /srv/music")
    expect(contents(house.music) == house.before, "undo did not put back what was there")
    return "undo put back every file, to the byte"


def contents(music: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in music.rglob("*.flac")}


def newer(package: Path) -> Path:
    """The same package with a higher version, of genred too."""
    folder = package.parent / "higher"
    shutil.rmtree(folder, ignore_errors=True)
    step("dpkg-deb", "--raw-extract", package, folder)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"(?<=^Version: ).*$", NEXT, control.read_text(), flags=re.MULTILINE))
    (module,) = folder.glob("opt/genred/lib/*/site-packages/genred/__init__.py")
    module.write_text(re.sub(r'(?<=__version__ = ").*(?=")', NEXT, module.read_text()))
    step("dpkg-deb", "-Znone", "--build", folder, package.parent)
    shutil.rmtree(folder)
    return next(package.parent.glob(f"genred_{NEXT}_*.deb"))


CHECKS: dict[str, Callable[[str, Path], str]] = {"lintian": lintian, "piuparts": piuparts, "life": life}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", choices=RELEASES)
    parser.add_argument("only", nargs="*", help="some of lintian, piuparts, life")
    parser.add_argument("--package", type=Path, help="the package; built where none is named")
    options = parser.parse_args()
    demand()
    alone()
    home = STORE / options.release
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home, os.O_RDONLY)  # held until this process ends
    fcntl.flock(lock, fcntl.LOCK_EX)
    package = options.package or deb.build(options.release, home / "package")
    print(f"{package.name}: {package.stat().st_size / 1e6:.0f} MB, {installed_size(package) / 1e3:.0f} MB installed")
    failed = 0
    for name in options.only or CHECKS:
        try:
            print(f"ok    {options.release} {name}: {CHECKS[name](options.release, package)}", flush=True)
        except Failed as reason:
            failed += 1
            print(f"FAIL  {options.release} {name}: {reason}", flush=True)
    return 1 if failed else 0


def installed_size(package: Path) -> int:
    return int(step("dpkg-deb", "--field", package, "Installed-Size"))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as reason:
        sys.exit(str(reason))
