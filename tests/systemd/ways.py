"""The ways to install genred, gone there and back as somebody would who has just got the wheel.

Each begins where nothing of genred is, has a song tagged, installs a newer wheel, and removes all. There is no network:
the wheels of what genred needs are in the machine. What was typed, and what came of it, is kept for a reader.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from machine import Machine
from shell import Failed, eventually

NEWER = "99.0"
WHEEL, NEWER_WHEEL = "/usr/src/wheel/genred-*.whl", "/usr/src/newer/genred-*.whl"

PIPX = "PIP_NO_INDEX=1 PIP_FIND_LINKS='/usr/src/wheels /usr/src/tools' /opt/tools/pipx/bin/pipx"
UV = "/opt/tools/uv/bin/uv"
UV_INSTALL = f"{UV} tool install --quiet --offline --no-index --find-links=/usr/src/wheels --python=/usr/bin/python3"


@dataclass
class Traveller:
    """Somebody in the machine at a shell.

    Parameters
    ----------
    machine
        The machine.
    user
        Who they are.
    before
        What the shell reads when they log in.
    """

    machine: Machine
    user: str
    before: str = "PATH=$HOME/.local/bin:$PATH"
    transcript: list[str] = field(default_factory=list)

    def types(self, command: str, *expected: str, code: int = 0) -> str:
        """Type a command, which must end so and say that; what it said."""
        said = self.machine.sh(f'{self.before}; set +e; ({command}); echo "[$?]"', self.user)
        said, _, ended = said.rpartition("[")
        self.transcript += [f"$ {command}", said.rstrip(), *([f"[exit code {ended[:-1]}]"] if ended != "0]" else [])]
        missing = [words for words in expected if words not in said]
        if ended != f"{code}]" or missing:
            raise Failed(f"`{command}` ended with {ended[:-1]}, not {code}, or without {missing}:\n{said}")
        return said

    def tagged(self, name: str) -> None:
        """Wait until a song is tagged."""
        ask = f"{self.before}; genred history --outcome tagged --json"
        eventually(f"{name} is tagged", lambda: f"/{name}" in self.machine.sh(ask, self.user), 400, every=2)
        self.types("genred history --limit 1", "tagged")


def newcomer(machine: Machine, name: str) -> Traveller:
    """Somebody who has nothing but a folder for music, and whose systemd runs."""
    machine.sh(f"useradd --create-home {name}; loginctl enable-linger {name}")
    uid = machine.account(name)[0]
    eventually("the user's manager is up", (machine.root / f"run/user/{uid}/systemd/private").exists, 30)
    machine.sh("mkdir ~/Music", name)
    return Traveller(machine, name)


def by_pipx(machine: Machine, song: Path) -> Traveller:
    """For oneself, by pipx."""
    return _for_oneself(
        newcomer(machine, "pia"),
        song,
        f"{PIPX} install --quiet {WHEEL}",
        f"{PIPX} install --quiet --force {NEWER_WHEEL}",
        f"{PIPX} uninstall genred",
    )


def by_uv(machine: Machine, song: Path) -> Traveller:
    """For oneself, by uv."""
    return _for_oneself(
        newcomer(machine, "uwe"),
        song,
        f"{UV_INSTALL} {WHEEL}",
        f"{UV_INSTALL} --force {NEWER_WHEEL}",
        f"{UV} tool uninstall genred",
    )


def _for_oneself(them: Traveller, song: Path, install: str, update: str, uninstall: str) -> Traveller:
    music = them.machine.root.joinpath(f"home/{them.user}/Music")
    uid, gid, home = them.machine.account(them.user)
    them.types(install)
    them.types("genred service status", "there is no service", code=3)
    them.types("genred service install", "name the folders with your music", code=10)
    them.types("genred service install -q -n ~/Music", f"would write {home}/.config/systemd/user/genred.service")
    them.types("genred service install ~/Music", "runs       watching 1 root", "take back  genred service uninstall")
    them.types("genred service install ~/Music", "there is nothing to change")
    _put(song, music / "first.ogg", uid, gid)
    them.tagged("first.ogg")
    them.types("genred service status", "active since", f"{home}/.local/bin/genred", "first.ogg")
    them.types(update)
    them.types("genred service status", "of another version of genred", f"this genred is {NEWER}")
    them.types("genred service install", "wrote ", "genred.service")
    them.types("genred service status", f"as genred {NEWER} ships it", f"version    {NEWER}\n")
    _put(song, music / "second.ogg", uid, gid)
    them.tagged("second.ogg")
    them.types("echo Nice=5 >> ~/.config/systemd/user/genred.service")
    them.types("genred service uninstall", "isn't as `genred service install` wrote it", code=1)
    them.types("sed -i /Nice=5/d ~/.config/systemd/user/genred.service")
    them.types("genred service uninstall", "removed", "kept")
    them.types("genred service uninstall", "there is no service to remove")
    them.types("systemctl --user list-unit-files 'genred*'; true", "0 unit files listed")
    them.types(uninstall)
    left = them.types("find ~/.config ~/.local/state -type f | sort").split()
    wanted = {f"{home}/.config/genred/config.toml", f"{home}/.local/state/genred/history.db"}
    others = {file for file in left if not file.startswith((f"{home}/.local/state/", f"{home}/.config/uv/"))}
    if not wanted <= set(left) or others - wanted:
        raise Failed(f"left over: {left}")
    return them


def for_the_machine(machine: Machine, song: Path) -> Traveller:
    """For the machine, in the place of the service that is there, by uv for all users."""
    root = Traveller(machine, "root")
    uid, gid, _ = machine.account("listener")
    everywhere = "UV_TOOL_DIR=/opt/uv UV_TOOL_BIN_DIR=/usr/local/bin"
    root.types("/opt/genred/bin/genred service uninstall --system", "removed    /etc/systemd/system/genred.service\n")
    root.types("mv /etc/genred /etc/genred.aside")
    root.types(f"{everywhere} {UV_INSTALL} {WHEEL}")
    Traveller(machine, "neighbour").types("genred service install --system /srv/music", "takes root", code=1)
    root.types("genred service install ~", "you are root", code=1)
    root.types("genred service install --system /opt", "belongs to root", code=1)
    root.types("genred service install --system --as ghost /srv/music", "there is no user ghost", code=1)
    root.types("genred service install --system --as neighbour /srv/music", "neighbour may not write there", code=1)
    root.types("genred service install --system /srv/music", "runs       watching 1 root", "as         listener")
    root.types("genred service install --system", "there is nothing to change")
    _put(song, machine.root / "srv/music/machine.ogg", uid, gid)
    root.tagged("machine.ogg")
    root.types(f"{everywhere} {UV_INSTALL} --force {NEWER_WHEEL}")
    root.types("genred service install --system", "wrote ", "as         listener")
    root.types("genred service status --system", f"version    {NEWER}\n", "/usr/local/bin/genred")
    config = machine.root / "etc/genred/config.toml"
    config.write_text(config.read_text() + "[tagz]\n")
    root.types("genred service install --system", "config.toml", "no such section", code=10)
    config.write_text(config.read_text().replace("[tagz]\n", ""))
    root.types("genred service uninstall --system", "removed    /etc/systemd/system/genred.service\n", "kept ")
    left = "find /etc/systemd/system -path '*/genred.service*' ! -path '*/impatient.conf' -type f"
    root.types(f"{left} | grep . && exit 1; exit 0")
    root.types(f"{everywhere} {UV} tool uninstall genred")
    root.types("rm -r /etc/genred && mv /etc/genred.aside /etc/genred")
    root.types("/opt/genred/bin/genred service install --system", "wrote      /etc/systemd/system/genred.service\n")
    return root


def failing(machine: Machine) -> Traveller:
    """A start that fails: the log is shown, and nothing is left."""
    them = newcomer(machine, "otto")
    them.before = "PATH=/opt/genred/bin:$PATH"
    them.types('genred config init ~/Music && sed -i \'s/^path = ""/path = "nowhere"/\' ~/.config/genred/config.toml')
    them.types("genred service install", "the end of its log:", "nowhere", "all is again as it was before", code=1)
    them.types("find ~/.config -type f", "config.toml")
    them.types("find ~/.config/systemd -name '*genred*' | grep . && exit 1; exit 0")
    them.types("XDG_RUNTIME_DIR= genred service install ~/Music", "your own systemd doesn't answer", code=1)
    them.types("XDG_RUNTIME_DIR= genred service status", "your own systemd doesn't answer", code=1)
    return them


def _put(song: Path, target: Path, uid: int, gid: int) -> None:
    aside = target.with_suffix(".part")
    shutil.copyfile(song, aside)
    shutil.chown(aside, uid, gid)
    aside.rename(target)
