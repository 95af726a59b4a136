"""The promises of the shipped units, checked one by one with the real genred under a real systemd."""

import argparse
import fcntl
import json
import os
import re
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ways
from machine import Machine, alone, booted, exists, status
from shell import Failed, eventually, expect, skip, step
from tree import demand, newer, tree

REPOSITORY = Path(__file__).resolve().parents[2]
SONGS = REPOSITORY.parent / "shared" / "corpus" / "songs"
DROP_INS = "etc/systemd/system/genred.service.d"
SYSTEM, USER = "listener", "neighbour"
SYSTEM_HISTORY = "sqlite:////var/lib/genred/history.db"

# Quick answers, whatever the model thinks of the song: what is tried here are the units.
IMPATIENT = (
    r"[Service]\nRestartSec=1s\n"
    r"Environment=GENRED_MODEL_MIN_CONFIDENCE=0.01 GENRED_SERVICE_WORKERS=2\n"
    r"Environment=GENRED_WATCH_SETTLE_SECONDS=1 GENRED_WATCH_ALBUM_SECONDS=1\n"
)

# acl_ea_header and entries: owner rw-, user 1001 r--, group r--, mask rw-, others r--; see acl(5).
ACCESS_LIST = struct.pack(
    "<I" + 5 * "HHI", 2, *(1, 6, 2**32 - 1), *(2, 4, 1001), *(4, 4, 2**32 - 1), *(16, 6, 2**32 - 1), *(32, 4, 2**32 - 1)
)


@dataclass
class Service:
    """genred as a unit of the system, or of a user.

    Parameters
    ----------
    machine
        Where it runs.
    user
        Whose manager it belongs to; root is the system's.
    library
        A folder it watches, as seen from out here.
    """

    machine: Machine
    user: str
    library: Path

    def systemctl(self, arguments: str, *, check: bool = True) -> str:
        scope = "" if self.user == "root" else "--user "
        return self.machine.sh(f"systemctl --no-pager {scope}{arguments}", self.user, check=check)

    def ask(self, name: str) -> str:
        """A property of the unit, see systemctl(1), show."""
        return self.systemctl(f"show genred --value --property={name}")

    def is_(self, state: str) -> bool:
        return f"{self.ask('ActiveState')}/{self.ask('SubState')}" == state

    def settled(self) -> str | None:
        """Its state, if that is running or failed."""
        return next((state for state in ("active/running", "failed/failed") if self.is_(state)), None)

    def started(self, seconds: float = 400) -> float:
        """Wait until it is ready; how long that took since its process began."""
        state = eventually("genred is ready", self.settled, seconds)
        expect(state == "active/running", f"it is {state}")
        microseconds = int(self.ask("ActiveEnterTimestampMonotonic")) - int(self.ask("ExecMainStartTimestampMonotonic"))
        return microseconds / 1e6

    def pids(self) -> tuple[int, list[int]]:
        """The main process and the workers, children of what they are forked from, by their numbers out here."""
        main = self.machine.processes()[int(self.ask("MainPID"))]
        return main, [worker for child in _children(main) for worker in _children(child)]

    def put(self, song: Path, name: str) -> Path:
        """Copy a song into the library, as its owner."""
        target = self.library / name
        shutil.copyfile(song, target)
        st = self.library.stat()
        os.chown(target, st.st_uid, st.st_gid)
        return target

    def history(self) -> list[dict[str, Any]]:
        """Its rows, newest first."""
        return [json.loads(line) for line in self.genred("history --json").splitlines() if line.startswith("{")]

    def says(self) -> dict[str, Any]:
        """What it says of itself to the one as whom it runs."""
        said = self.genred("status --json").splitlines()[-1]  # after what it says of a bad configuration
        return dict(json.loads(said))

    def watches(self) -> bool:
        return bool(self.says()["state"] == "watching")

    def knows(self, name: str) -> bool:
        """Whether a file with this in its name is in the history."""
        return any(name in Path(row["path"]).name for row in self.history())

    def genred(self, arguments: str, user: str = "") -> str:
        """The output of a command about this service; of its own user's, unless another is named."""
        own, at = (self.user, "") if self.user != "root" else (SYSTEM, f"GENRED_HISTORY_URL={SYSTEM_HISTORY} ")
        return self.machine.sh(f"{at}/opt/genred/bin/genred {arguments}", user or own)

    def tagged(self, *paths: Path) -> list[str]:
        """Wait until files are tagged; the genre of the first."""
        names = {path.name for path in paths}

        def rows() -> list[dict[str, Any]]:
            found = [row for row in self.history() if Path(row["path"]).name in names]
            return found if {Path(row["path"]).name for row in found} == names else []

        found = eventually(f"{', '.join(sorted(names))} in the history", rows, 60 + 5 * len(names), every=1)
        others = [row for row in found if row["outcome"] != "tagged"]
        expect(not others, f"not tagged: {others}")
        expect(len(found) == len(names), "some were tagged twice")
        return list(found[0]["written"])

    @contextmanager
    def changed(self, text: str) -> Iterator[None]:
        """The system's unit with something added for a while, started anew with it if it can be."""
        file = self.machine.root / DROP_INS / "changed.conf"
        file.write_text(f"[Service]\n{text}\n")
        self.systemctl("daemon-reload")
        self.systemctl("restart genred", check=False)
        try:
            yield
        finally:
            file.unlink()
            self.systemctl("daemon-reload")

    def log(self, since: str = "") -> str:
        scope = "--unit" if self.user == "root" else "--user-unit"
        return self.machine.sh(f"journalctl --no-pager --output=cat {scope}=genred {since}")


def prepare(machine: Machine, run: Path) -> tuple[Service, Service]:
    """Two people with music, and genred installed for all and for one of them, word for word as in the README."""
    machine.sh(
        f"""
        useradd --uid 1000 --user-group --create-home {SYSTEM}
        useradd --uid 1001 --user-group --create-home {USER}
        groupadd --gid 2000 media && usermod --append --groups media {SYSTEM}
        install -d -o {SYSTEM} -g {SYSTEM} /srv/music /srv/disk
        install -d -m 1777 /srv/open /etc/open /var/lib/open /opt/open
        printf '#!/bin/sh\\nexec "$@"\\n' > /usr/local/bin/sudo && chmod +x /usr/local/bin/sudo
        mkdir -p /{DROP_INS} && printf '{IMPATIENT}' > /{DROP_INS}/impatient.conf
        loginctl enable-linger {USER}
        """
    )
    machine.sh(
        f"""
        mkdir -p ~/Music ~/.local/bin ~/.config/systemd/user/genred.service.d
        ln -s /opt/genred/bin/genred ~/.local/bin/genred
        printf '{IMPATIENT}' > ~/.config/systemd/user/genred.service.d/impatient.conf
        """,
        USER,
    )
    manager = machine.root / "run/user/1001/systemd/private"
    eventually("the user's manager is up", manager.exists, 30)
    for_oneself, for_all = readme()
    machine.sh(f"PATH=$HOME/.local/bin:$PATH\n{for_oneself}", USER)
    machine.sh(for_all)
    return Service(machine, "root", run / "srv/music"), Service(machine, USER, run / "home" / USER / "Music")


def readme() -> list[str]:
    """The two scripts of the README's section on the service, without what put genred in its place."""
    section = (REPOSITORY / "README.md").read_text().split("## As a service")[1].split("\n## ")[0]
    scripts = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return ["".join(line for line in script.splitlines(True) if " install ." not in line) for script in scripts]


# -- the promises --------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """What a check has: both services, and a song."""

    system: Service
    user: Service
    song: Path


Check = Callable[[Bench], str]
CHECKS: dict[str, Check] = {}


def promise(text: str) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        CHECKS[text] = check
        return check

    return keep


@promise("the system unit gets ready, as the owner of the library")
def gets_ready(bench: Bench) -> str:
    seconds = bench.system.started()
    main, workers = bench.system.pids()
    users = {status(pid)["Uid"].split()[0] for pid in (main, *workers)}
    expect(users == {str(bench.system.machine.account(SYSTEM)[0])}, f"it runs as {users}")
    return f"{seconds:.0f} s for the very first start, beside that of the user's unit"


@promise("it tags what arrives, and the history and `systemctl status` say so")
def tags(bench: Bench) -> str:
    system = bench.system
    began = time.monotonic()
    path = system.put(bench.song, "first" + bench.song.suffix)
    genres = system.tagged(path)
    seconds = time.monotonic() - began
    st = path.stat()
    expect(st.st_uid == system.machine.account(SYSTEM)[0], f"the file belongs to {st.st_uid} now")
    eventually("STATUS names the file", lambda: path.name in system.systemctl("status genred"), 10)
    text = re.search(r'Status: "(.*)"', system.systemctl("status genred"))
    return f"{', '.join(genres)} after {seconds:.1f} s; {text[1] if text else ''}"


@promise("kill -9 in the middle of a write: started again, no worker left, the write resolved")
def killed(bench: Bench) -> str:
    system = bench.system
    main, workers = system.pids()
    restarts = int(system.ask("NRestarts"))
    songs = [system.put(bench.song, f"killed {i}{bench.song.suffix}") for i in range(6)]
    size = bench.song.stat().st_size
    left = eventually("a write begins", lambda: list(system.library.glob(".genred-*.tmp")), 60, every=0.0005)
    os.kill(main, signal.SIGKILL)
    left = [path for path in left if path.exists()]
    eventually("the workers are gone", lambda: not any(map(exists, workers)), 10)
    eventually("it is started again", lambda: int(system.ask("NRestarts")) == restarts + 1, 30)
    system.started()
    eventually("nothing is left over", lambda: not list(system.library.glob(".genred-*")), 20)
    system.tagged(*songs)
    for path in songs:
        expect(abs(path.stat().st_size - size) < 100_000, f"{path.name} has {path.stat().st_size} bytes")
    resolved = re.findall("cut short earlier, now resolved: .*: (.*)", system.log())
    expect(bool(resolved) or not left, "the journal of the service names no write that was cut short")
    return f"{len(left)} left half done: {', '.join(resolved) or 'none'}; all {len(songs)} tagged in the end"


@promise("a hang: the watchdog starts it again, and the log says where it hung")
def hangs(bench: Bench) -> str:
    system = bench.system
    with system.changed("WatchdogSec=10s"):
        system.started()
        main, workers = system.pids()
        os.kill(main, signal.SIGSTOP)
        began = time.monotonic()
        eventually("it is another process", lambda: not exists(main), 60)
        seconds = time.monotonic() - began
        eventually("the workers are gone", lambda: not any(map(exists, workers)), 10)
        system.started()
    log, restarts = system.log(), system.ask("NRestarts")
    expect("Watchdog timeout" in log, "systemd's log speaks of no watchdog")
    expect("Fatal Python error: Aborted" in log, "no traceback in the log")
    expect(restarts == "1", f"{restarts} restarts")
    return f"ended {seconds:.1f} s after the hang (WatchdogSec=10s)"


@promise("stop, with files in hand, takes less than TimeoutStopSec and is clean")
def stops(bench: Bench) -> str:
    system = bench.system
    songs = [system.put(bench.song, f"stopped {i}{bench.song.suffix}") for i in range(8)]

    def done() -> int:
        return sum(Path(row["path"]) in {Path("/srv/music", song.name) for song in songs} for row in system.history())

    eventually("it is at work", done, 60)
    seconds = stopped(system)
    by_then = done()
    system.systemctl("start genred")
    system.started()
    system.tagged(*songs)
    return f"{seconds:.1f} s, {by_then} of {len(songs)} done by then, the others after the next start"


@promise("stop during the very first start is as quick and as clean")
def stops_early(bench: Bench) -> str:
    system = bench.system
    system.systemctl("stop genred")
    system.machine.sh("mv /var/cache/genred /var/cache/genred.aside; mkdir -m 700 /var/cache/genred")
    system.systemctl("start --no-block genred")
    eventually("it says what it waits for", lambda: "what listens" in system.ask("StatusText"), 20)
    time.sleep(3)  # well into it
    try:
        return f"{stopped(system):.1f} s"
    finally:
        system.machine.sh("rm -r /var/cache/genred; mv /var/cache/genred.aside /var/cache/genred")
        system.systemctl("start genred")
        system.started()


def stopped(service: Service) -> float:
    """Stop it; how long that took."""
    began = time.monotonic()
    service.systemctl("stop genred")
    seconds = time.monotonic() - began
    result, code = service.ask("Result"), service.ask("ExecMainStatus")
    expect((result, code) == ("success", "0"), f"result {result}, exit code {code}, after {seconds:.1f} s")
    limit = service.ask("TimeoutStopUSec")
    expect(seconds < 90 and limit == "1min 30s", f"it took {seconds:.1f} s of {limit}")
    return seconds


@promise("a mistake in the configuration: exit code 10, the log says where, and no restarts")
def mistaken(bench: Bench) -> str:
    system = bench.system
    config = system.machine.root / "etc/genred/config.toml"
    before = config.read_text()
    config.write_text("watch.directories = ['/srv/music']\n[tags]\nmode = 'kepe'\n")
    try:
        system.systemctl("restart genred", check=False)
        eventually("it failed", lambda: system.is_("failed/failed"), 30)
        time.sleep(3)  # longer than RestartSec
        expect(system.is_("failed/failed"), f"it is {system.ask('ActiveState')} again")
        code, restarts = system.ask("ExecMainStatus"), system.ask("NRestarts")
        expect((code, restarts) == ("10", "0"), f"exit code {code}, {restarts} restarts")
        said = [line for line in system.log().splitlines() if "config.toml" in line][-1:]
        expect(bool(said), "the log doesn't say what is wrong")
    finally:
        config.write_text(before)
    system.systemctl("start genred")
    system.started()
    return said[0]


@promise(
    "a reload takes a new folder, keeps all else, and one with mistakes is refused, in the log and `genred status`"
)
def reloads(bench: Bench) -> str:
    system, machine = bench.system, bench.system.machine
    config = machine.root / "etc/genred/config.toml"
    before = config.read_text()
    machine.sh(f"install -d -o {SYSTEM} -g {SYSTEM} /srv/second")
    second = Service(machine, "root", system.library.with_name("second"))
    second.put(bench.song, f"old{bench.song.suffix}")
    try:
        with system.changed("ReadWritePaths=/srv/second"):
            system.started()
            main, workers = system.pids()
            config.write_text("watch.directories = ['/srv/music', '/srv/second']\n")
            took = reloaded(system, lambda said: len(said["roots"]) == 2)
            genres = system.tagged(second.put(bench.song, f"new{bench.song.suffix}"))
            expect(all(not row["path"].endswith(f"old{bench.song.suffix}") for row in system.history()), "old was new")

            config.write_text("watch.directories = ['/srv/music']\n[tags]\nmode = 'kepe'\n")
            reloaded(system, lambda said: bool(said["mistakes"]))
            said = system.says()
            expect(len(said["roots"]) == 2 and said["state"] == "watching", f"it is {said}")
            expect("config.toml:3: tags.mode" in said["mistakes"][0], said["mistakes"][0])
            expect("config.toml:3: tags.mode" in system.log(), "the log doesn't say what is wrong")
            eventually("STATUS says it", lambda: "config.toml:3: tags.mode" in system.ask("StatusText"), 10)
            expect("config.toml:3" in system.genred("status"), "`genred status` doesn't say what is wrong")
            still = second.put(bench.song, f"still{bench.song.suffix}")
            eventually(
                "it goes on", lambda: (system.says()["last"] or {}).get("path") == f"/srv/second/{still.name}", 60
            )

            config.write_text(before)
            reloaded(system, lambda said: len(said["roots"]) == 1 and not said["mistakes"])
            expect(system.pids() == (main, workers), "it isn't the same process with the same workers")
            expect(system.ask("NRestarts") == "0", "it was restarted")
    finally:
        config.write_text(before)
        system.systemctl("restart genred")
        system.started()
    return f"{', '.join(genres)} in the new folder, {took:.1f} s for a reload; {said['mistakes'][0]}"


def reloaded(service: Service, true: Callable[[dict[str, Any]], bool]) -> float:
    """Reload it, and wait until it says what must be true then; how long that took."""
    began = time.monotonic()
    service.systemctl("reload genred")
    eventually("it is reloaded", lambda: (said := service.says())["state"] == "watching" and true(said), 60)
    eventually("systemd knows", lambda: service.is_("active/running"), 10)
    return time.monotonic() - began


@promise("`genred status` answers the owner beside the service, and tells others whom to ask")
def status_beside(bench: Bench) -> str:
    system, user = bench.system, bench.user
    for service in (system, user):
        service.started()
        eventually("it says that it watches", service.watches, 10)
        said = service.says()
        expect(said["running"] and str(said["pid"]) == service.ask("MainPID"), f"it says {said}")
        expect(said["model"].startswith("builtin") and said["roots"][0]["state"] == "watched", f"it says {said}")
    try:
        system.genred("status", USER)
    except Failed as refused:
        expect("ended with 10" in str(refused) and "ask as the user" in str(refused), str(refused))
    else:
        raise Failed("another user may read it")
    return system.genred("status").splitlines()[0]


@promise("the journal has the parts of a decision as fields, and asks by them")
def fields(bench: Bench) -> str:
    for service, unit in ((bench.system, "_SYSTEMD_UNIT"), (bench.user, "_SYSTEMD_USER_UNIT")):
        service.started()
        service.tagged(service.put(bench.song, f"noted{bench.song.suffix}"))
        bad = service.put(bench.song, "bad\n.mp3")
        bad.write_bytes(b"no music here")
        eventually("the bad file is in the history", partial(service.knows, "bad"), 60)
        for outcome, priority, name in (("tagged", "6", f"noted{bench.song.suffix}"), ("failed", "4", "bad\\n.mp3")):
            ask = f"journalctl --output=json --lines=1 {unit}=genred.service GENRED_OUTCOME={outcome}"
            entry = json.loads(service.machine.sh(ask))
            expect(entry["GENRED_PATH"].endswith("/" + name), f"the path is {entry['GENRED_PATH']}")
            expect((entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]) == (priority, "genred"), f"it is {entry}")
            expect(name in entry["MESSAGE"] and entry["MESSAGE"].startswith(outcome), entry["MESSAGE"])
    return ", ".join(f"{key}={value}" for key, value in sorted(entry.items()) if key.startswith("GENRED"))


PROBE = """\
find / -type d \\( -perm -0002 -o -user listener \\) -not -path '/proc/*' 2>/dev/null | while read -r folder; do
    touch "$folder/probe" 2>/dev/null && rm "$folder/probe" && echo "$folder"
done | sort > "$1"
"""


@promise("nothing but library, state and cache can be written; no network; no others' processes")
def confined(bench: Bench) -> str:
    system, machine = bench.system, bench.system.machine
    (machine.root / "opt/probe").write_text(PROBE)
    machine.sh(f"install -d -o {SYSTEM} /srv/music/album")
    machine.sh("sh /opt/probe /tmp/probed", SYSTEM)
    free = set((machine.root / "tmp/probed").read_text().split())
    with system.changed("ExecStartPre=/bin/sh /opt/probe /var/lib/genred/probed"):
        inside = set((machine.root / "var/lib/genred/probed").read_text().split())
    ours = ("/srv/music", "/var/lib/genred", "/var/cache/genred")
    own = {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"}  # these go when it stops
    outside = {folder for folder in inside if not folder.startswith(ours)} - own
    barred = {folder for folder in free if not folder.startswith(ours)} - own
    expect(not outside, f"it can write to {', '.join(sorted(outside))}")
    expect("/srv/music/album" in inside, "it can't write to the library")
    expect({"/srv/open", "/etc/open", "/opt/open", "/home/listener", "/run/lock"} <= barred, "the probe proves nothing")
    with system.changed("Restart=no\nExecStartPre=/opt/genred/bin/python -c 'import socket; socket.socket()'"):
        expect(system.ask("Result") == "exit-code", "it can open a network socket")
    with system.changed("Restart=no\nExecStartPre=/bin/sh -c '! test -d /proc/1'"):
        expect(system.ask("Result") == "success", "it sees the processes of others")
    system.systemctl("restart genred")
    system.started()
    return f"{len(barred)} folders that its user may write to are closed to it ({', '.join(sorted(barred)[:4])} ...)"


@promise("what a file has stays: its group, and an access list that names others")
def dressed(bench: Bench) -> str:
    system = bench.system
    kept = []
    for name, group, others in (("group", 2000, b""), ("list", 1000, ACCESS_LIST), ("both", 2000, ACCESS_LIST)):
        path = system.library / f"with {name}{bench.song.suffix}"
        aside = system.library / f"{path.name}.part"
        shutil.copyfile(bench.song, aside)
        os.chown(aside, 1000, group)
        aside.chmod(0o664)
        if others:
            os.setxattr(aside, "system.posix_acl_access", others)
        aside.rename(path)
        system.tagged(path)
        expect(path.stat().st_gid == group, f"{path.name} is of group {path.stat().st_gid} now")
        expect(not others or os.getxattr(path, "system.posix_acl_access") == others, f"{path.name} lost its list")
        kept.append(name)
    return ", ".join(kept)


@promise("a disk that is mounted after the start, taken away and mounted again, is watched")
def disk_comes(bench: Bench) -> str:
    return mounted(bench, "/srv/disk", ("late", "again"))


@promise("a folder that isn't there yet doesn't keep it from starting, and is watched when a disk is mounted there")
def folder_comes(bench: Bench) -> str:
    return mounted(bench, "/srv/stick", ("new",))


def mounted(bench: Bench, folder: str, names: tuple[str, ...]) -> str:
    """Have a second folder in the configuration, and mount a disk there with a song for each name."""
    system, machine = bench.system, bench.system.machine
    config = machine.root / "etc/genred/config.toml"
    library = machine.root / DROP_INS / "library.conf"
    before = config.read_text(), library.read_text()
    try:
        config.write_text(f"watch.directories = ['/srv/music', '{folder}']\n")
        machine.sh("/opt/genred/bin/genred service install --system")
        for name in names:
            song = f"{folder}/{name}{bench.song.suffix}"
            machine.sh(f"mkdir -p {folder} && mount -t tmpfs -o uid=1000,gid=1000 disk {folder}")
            time.sleep(6)  # what is there when a folder is seen for the first time is left alone
            machine.sh(f"cp '/srv/{bench.song.name}' {song} && chown {SYSTEM}: {song}")
            system.tagged(Path(song))
            machine.sh(f"umount {folder}")
            time.sleep(6)  # longer than between two looks at whether a folder is the same
    finally:
        machine.sh(f"umount {folder}", check=False)
        config.write_text(before[0])
        library.write_text(before[1])
        system.systemctl("daemon-reload")
        system.systemctl("restart genred")
        system.started()
    return f"tagged {', '.join(names)}"


@promise("the user's unit does the same: ready, tags, killed and started again, stops")
def user_unit(bench: Bench) -> str:
    user = bench.user
    first = user.started()
    genres = user.tagged(user.put(bench.song, "first" + bench.song.suffix))
    main, workers = user.pids()
    os.kill(main, signal.SIGKILL)
    eventually("the workers are gone", lambda: not any(map(exists, workers)), 10)
    eventually("it is started again", lambda: user.ask("NRestarts") == "1", 30)
    user.started()
    user.tagged(user.put(bench.song, "second" + bench.song.suffix))
    seconds = stopped(user)
    return f"first start {first:.0f} s, {', '.join(genres)}, stopped in {seconds:.1f} s"


# Said to the pages by somebody in the machine: sets a genre as a script does, and prints what came of it.
VISIT = """
import http.cookiejar, json, sys, urllib.request
jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
ask, at = urllib.request.build_opener(jar).open, "http://127.0.0.1:8420"
print(ask(at + "/healthz", timeout=60).status)
token = json.load(ask(at + "/api/session", timeout=60))["token"]
sent = json.dumps({"genre": "Zydeco", "path": [sys.argv[1]]}).encode()
headers = {"X-CSRF-Token": token, "Content-Type": "application/json"}
print(json.load(ask(urllib.request.Request(at + "/api/set", sent, headers), timeout=600))[0]["outcome"])
"""


@promise("the pages: systemd opens the socket, a visitor starts them, and a genre is set beside the service")
def pages(bench: Bench) -> str:
    machine, system = bench.system.machine, bench.system
    part = (REPOSITORY / "docs/web.md").read_text().split("For the machine")[1].split("```sh\n")[1].split("```")[0]
    part = "".join(line for line in part.splitlines(keepends=True) if " install " not in line)  # it is, of the tree
    machine.sh(f"cd /usr/src/genred\n{part}")
    expect(machine.sh("systemctl show --value --property=ActiveState genred-web").strip() == "inactive", "it runs")
    path = system.put(bench.song, "visited" + bench.song.suffix)
    system.tagged(path)
    for _ in range(2):
        there = f"/srv/music/{path.name}"
        said = machine.sh(f"/opt/genred/bin/python - '{there}' <<'EOF'\n{VISIT}\nEOF", USER).split()
        expect(said == ["200", "tagged"] or said == ["200", "kept"], f"it says {said}")
        main = machine.processes()[int(machine.sh("systemctl show --value --property=MainPID genred-web"))]
        expect(status(main)["Uid"].split()[0] == str(machine.account(SYSTEM)[0]), "it runs as somebody else")
        memory = int(status(main)["VmRSS"].split()[0]) // 1024
        os.kill(main, signal.SIGKILL)
        eventually("it is gone", partial(_is_gone, main), 10)
    genres = machine.sh(f"/opt/genred/bin/genred explain '{there}' 2>&1; true", SYSTEM)
    expect("Zydeco" in genres, f"nobody knows of the genre: {genres}")
    machine.sh("systemctl disable --now genred-web.socket genred-web.service 2>&1; true")
    leaves_the_history(machine, "genred-web")
    machine.sh("systemctl stop genred-web.socket genred-web.service; systemctl reset-failed 'genred-web*'", check=False)
    return f"{' '.join(said)}, {memory} MB; {' '.join(genres.split())[:120]}"


# In the place of a hook: writes down what it is told, and fails where it can write elsewhere or has no network.
TELL = (
    "cat >> /var/lib/genred-hooks/told; ! touch /var/lib/genred/x 2>/dev/null && ! touch /srv/music/x 2>/dev/null"
    " && python3 -c 'import socket;"
    ' server = socket.create_server(("127.0.0.1", 0)); socket.create_connection(server.getsockname())\''
)


@promise("a hook beside the service: it has a network, writes its notes alone, and loses nothing by a kill -9")
def hook(bench: Bench) -> str:
    machine, system = bench.system.machine, bench.system
    part = (REPOSITORY / "docs/hooks.md").read_text().split("For the machine")[1].split("```sh\n")[1].split("```")[0]
    machine.sh(f"cd /usr/src/genred\n{part}")
    unit = (REPOSITORY / "systemd/genred-hook@.service").read_text()
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    start = start.replace("--hook ${HOOK}", f'--batch 1 --exec "{TELL.replace(chr(34), chr(92) + chr(34))}"')
    drop_in = machine.root / "etc/systemd/system/genred-hook@mpd.service.d/own.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(f"[Service]\nRestartSec=1s\nExecStart=\nExecStart={start}\n")
    machine.sh("systemctl daemon-reload && systemctl restart genred-hook@mpd")

    def told() -> list[str]:
        text = machine.sh("cat /var/lib/genred-hooks/told 2>/dev/null || true")
        return [Path(json.loads(line)["path"]).name for line in text.splitlines()]

    def ask(name: str) -> str:
        return machine.sh(f"systemctl show --value --property={name} genred-hook@mpd").strip()

    songs = [system.put(bench.song, f"hook {number}{bench.song.suffix}") for number in range(3)]
    system.tagged(*songs)
    eventually("the hook is told", lambda: sorted(told()) == sorted(song.name for song in songs), 60)
    eventually("it is noted", lambda: "1 decision" in (log := _hook_log(machine)) or "3 decisions" in log, 30)
    main = machine.processes()[int(ask("MainPID"))]
    expect(status(main)["Uid"].split()[0] == str(machine.account(SYSTEM)[0]), "it runs as somebody else")
    memory = int(status(main)["VmRSS"].split()[0]) // 1024
    os.kill(main, signal.SIGKILL)
    eventually("it is gone", partial(_is_gone, main), 10)
    songs.append(system.put(bench.song, f"hook late{bench.song.suffix}"))
    system.tagged(songs[-1])
    eventually("it is told of what came meanwhile", lambda: songs[-1].name in told(), 90)
    expect(sorted(told()) == sorted(song.name for song in songs), f"it was told {told()}")
    machine.sh("systemctl stop genred-hook@mpd")
    expect(ask("Result") == "success", f"it stops with {ask('Result')}")
    machine.sh("systemctl disable genred-hook@mpd 2>&1")
    return f"{len(songs)} decisions, each once; {memory} MB"


def _hook_log(machine: Machine) -> str:
    return machine.sh("journalctl --no-pager --output=cat --unit=genred-hook@mpd")


@promise("metrics: a timer has them written each minute, whole, for everybody to read; the history stays its owner's")
def metrics(bench: Bench) -> str:
    machine, system = bench.system.machine, bench.system
    system.started()
    part = (REPOSITORY / "docs/service.md").read_text().split("## Metrics")[1].split("```sh\n")[1].split("```")[0]
    collected = "/var/lib/prometheus/node-exporter"
    machine.sh(f"mkdir -p {collected}; cd /usr/src/genred\n{part}")
    file = machine.root / "run/genred-metrics/genred.prom"
    eventually("they are written", file.exists, 60)
    with open(file) as reader:
        first = os.fstat(reader.fileno())
        eventually("they are written anew", lambda: not os.path.samestat(first, file.stat()), 120)
        seconds = file.stat().st_mtime - first.st_mtime
        expect(len(reader.read().encode()) == first.st_size, "they changed under somebody who was to read them")
    expect(os.listdir(file.parent) == [file.name], f"beside them: {os.listdir(file.parent)}")
    owner = machine.account(SYSTEM)[0]
    expect(file.stat().st_uid == owner, f"they belong to {file.stat().st_uid}")
    text = machine.sh(f"cat {collected}/{file.name}", USER)
    expect("\ngenred_up 1.0\n" in text and "\ngenred_process_resident_memory_bytes " in text, text)
    if shutil.which("promtool"):
        step("sh", "-ec", 'said=$(promtool check metrics <"$1" 2>&1); echo "$said"; test -z "$said"', "-", file)
    system.systemctl("stop genred")
    machine.sh("systemctl start genred-metrics")
    expect("\ngenred_up 0.0\n" in file.read_text(), "of a service that is stopped they say that it is at work")
    machine.sh("systemctl disable --now genred-metrics.timer 2>&1")
    leaves_the_history(machine, "genred-metrics")
    system.systemctl("start genred")
    return f"{len(text.splitlines())} lines, once more after {seconds:.0f} s"


def leaves_the_history(machine: Machine, unit: str) -> None:
    """Start a unit as somebody whom nobody named as the owner of the library; the history stays its owner's."""
    drop_in = f"/etc/systemd/system/{unit}.service.d/zz.conf"
    machine.sh(f"printf '[Service]\nUser={USER}\n' > {drop_in}; systemctl daemon-reload")
    machine.sh(f"systemctl start {unit}", check=False)
    owner = machine.sh("stat -c %U /var/lib/genred/history.db")
    expect(owner == SYSTEM, f"the history belongs to {owner} now")
    said = machine.sh(f"journalctl --no-pager --output=cat --unit={unit} --lines=20")
    expect("Traceback" not in said, said)


@promise("from a wheel to a service and back, by pipx: installed, tags, updated, removed")
def pipx(bench: Bench) -> str:
    return told(bench, ways.by_pipx(bench.system.machine, bench.song))


@promise("from a wheel to a service and back, by uv")
def uv(bench: Bench) -> str:
    return told(bench, ways.by_uv(bench.system.machine, bench.song))


@promise("from a wheel to the machine's service and back, as root, who is told what can't be")
def machine(bench: Bench) -> str:
    return told(bench, ways.for_the_machine(bench.system.machine, bench.song))


@promise("a service that doesn't start leaves its log on the screen, and nothing on the disk")
def failing(bench: Bench) -> str:
    return told(bench, ways.failing(bench.system.machine))


def told(bench: Bench, traveller: ways.Traveller) -> str:
    """Keep what was typed and said beside the machine; where that is."""
    file = bench.system.library.parents[1] / f"{traveller.user}.txt"
    file.write_text("\n".join(line for line in traveller.transcript if line) + "\n")
    return f"{sum(line.startswith('$ ') for line in traveller.transcript)} commands, see {file}"


@promise("memory of main and worker")
def memory(bench: Bench) -> str:
    system = bench.system
    system.systemctl("restart genred")
    system.started()
    fresh = rss(system)
    began = time.monotonic()
    system.tagged(*[system.put(bench.song, f"many {i}{bench.song.suffix}") for i in range(50)])
    seconds = time.monotonic() - began
    used = rss(system)
    expect(used[0] < 100, f"the main process takes {used[0]} MB")
    return f"main {fresh[0]} -> {used[0]} MB, worker {fresh[1]} -> {used[1]} MB after 50 files in {seconds:.0f} s"


def _is_gone(pid: int) -> bool:
    return not exists(pid)


def rss(service: Service) -> tuple[int, int]:
    """Resident memory of the main process and of the largest worker, in MB."""
    main, workers = service.pids()
    sizes = [int(status(pid)["VmRSS"].split()[0]) // 1024 for pid in (main, *workers)]
    return sizes[0], max(sizes[1:])


@promise("systemd-analyze: both units verify, and the system's is not exposed")
def analysed(bench: Bench) -> str:
    system, user = bench.system, bench.user
    for service, where in ((system, ""), (user, "--user")):
        path = service.ask("FragmentPath")
        said = service.machine.sh(f"systemd-analyze verify --man=no {where} {path}", service.user)
        expect("genred" not in said, said)
    said = system.machine.sh("systemd-analyze security --no-pager genred.service | tail -1")
    score = re.search(r"genred.service: ([\d.]+)", said)
    expect(score is not None and float(score[1]) <= 1.0, said)
    return score[0] if score else ""


def _children(pid: int) -> list[int]:
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


def main() -> int:
    demand()
    parser = argparse.ArgumentParser(description="Check the shipped units under a real systemd.")
    parser.add_argument("--store", type=Path, default=Path("/var/tmp/genred-nspawn"), help="keeps what is made once")
    parser.add_argument("--source", type=Path, default=REPOSITORY, help="the genred to install")
    parser.add_argument("--song", type=Path, help="a piece of music without a genre")
    parser.add_argument("only", nargs="*", help="parts of names of checks")
    options = parser.parse_args()
    song = options.song or next(iter(sorted(SONGS.glob("Hung*.ogg"))), None)
    if song is None:
        skip("needs a song without a genre: --song FILE")
    alone()
    options.store.mkdir(parents=True, exist_ok=True)
    lock = open(options.store / "lock", "w")  # noqa: SIM115 - held until this process ends
    fcntl.flock(lock, fcntl.LOCK_EX)
    began = time.monotonic()
    base = tree(options.store, options.source)
    failed = 0
    newer(options.store, options.source, ways.NEWER)
    shares = {
        options.source / "systemd": "/usr/src/genred/systemd",
        **{options.store / name: f"/usr/src/{name}" for name in ("wheel", "newer", "wheels", "tools")},
    }
    with booted(base, options.store, shares) as machine:
        print(f"booted, {time.monotonic() - began:.0f} s", flush=True)
        system, user = prepare(machine, options.store / "run")
        shutil.copyfile(song, options.store / "run/srv" / song.name)
        bench = Bench(system, user, song)
        for text, check in CHECKS.items():
            if options.only and not any(word in check.__name__ for word in options.only):
                continue
            try:
                system.systemctl("reset-failed genred", check=False)  # starts of other checks don't count
                print(f"ok    {text}: {check(bench)}", flush=True)
            except Failed as reason:
                failed += 1
                print(f"FAIL  {text}: {reason}", flush=True)
                print(machine.sh("journalctl --no-pager --output=cat --lines=12", check=False), flush=True)
    print(f"{failed} failed, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
