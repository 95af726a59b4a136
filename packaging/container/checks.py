"""What docs/container.md says of the image, tried one by one with podman, real music, and somebody who owns it."""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests/systemd"))

from engine import BASE, IMAGE, LOCKED, Container, build, configure, demand, inspect, podman, started  # noqa: E402
from shell import Failed, eventually, skip, step  # noqa: E402

SONGS = HERE.parents[2] / "shared" / "corpus" / "songs"
OWNER = 1500, 1600
QUADLET = os.environ.get("QUADLET", "/usr/libexec/podman/quadlet")
COMPOSE = os.environ.get("COMPOSE") or shutil.which("docker-compose")
STATE, CACHE, NOTES = "check-state", "check-cache", "check-notes"
KEEP = (f"--volume={STATE}:/var/lib/genred", f"--volume={CACHE}:/var/cache/genred")

# Quick answers, whatever the model thinks of the song.
IMPATIENT = (
    "--env=GENRED_MODEL_MIN_CONFIDENCE=0.01",
    "--env=GENRED_SERVICE_WORKERS=2",
    "--env=GENRED_WATCH_SETTLE_SECONDS=1",
    "--env=GENRED_WATCH_ALBUM_SECONDS=1",
)


def expect(truth: bool, otherwise: str) -> None:
    if not truth:
        raise Failed(otherwise)


def library(store: Path) -> Path:
    """An empty folder for music, of somebody who isn't root."""
    folder = store / "music"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chown(folder, *OWNER)
    return folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def at_work(store: Path, *options: str) -> AbstractContextManager[Container]:
    user = f"--user={OWNER[0]}:{OWNER[1]}"
    return started("genred-check", library(store), user, *KEEP, *IMPATIENT, *options)


# --- the checks ---


def the_image_has_what_runs_and_nothing_else(store: Path, song: Path) -> None:
    """No root, no pip, no compiler, no lists of packages; labels, a signal, a healthcheck, volumes."""
    found = inspect(IMAGE, "image")
    config = found["Config"]
    expect(config["User"] == "1000:1000", f"it runs as {config['User']}")
    expect(config["StopSignal"] in ("SIGTERM", "15"), f"it is stopped by {config['StopSignal']}")
    expect(set(config["Volumes"]) == {"/var/lib/genred", "/var/cache/genred"}, f"volumes: {config['Volumes']}")
    expect("org.opencontainers.image.version" in config["Labels"], f"labels: {config['Labels']}")
    expect("genred" in str(found["HealthCheck"] if "HealthCheck" in found else found["Healthcheck"]), "no healthcheck")
    mounted = Path(podman("image", "mount", IMAGE))
    try:
        unwanted = ["usr/bin/pip3", "usr/bin/gcc", "usr/bin/cc", "source", "wheel", "pip", "root/.cache"]
        there = [name for name in unwanted if (mounted / name).exists()]
        there += [str(path) for path in (mounted / "var/lib/apt/lists").glob("*_*")]
        there += [str(path) for path in (mounted / "opt/genred").rglob("pip")]
        expect(not there, f"left over: {there}")
        added = (found["Size"] - inspect(BASE, "image")["Size"]) / 1e6
        ours = step("du", "--summarize", "--block-size=1MB", mounted / "opt/genred").split()[0]
        print(f"    {added:.0f} MB beside its Debian, {ours} MB of them /opt/genred", flush=True)
    finally:
        podman("image", "unmount", IMAGE)


def a_song_that_arrives_is_tagged(store: Path, song: Path) -> None:
    """As the owner of the library, on a root that can't be written, without rights and network, by an event."""
    with at_work(store) as genred:
        began = time.monotonic()
        genred.ready()
        print(f"    ready after {time.monotonic() - began:.0f} s, first start", flush=True)
        roots = genred.says()["roots"]
        expect([root["state"] for root in roots] == ["watched"], f"the folder sends no events: {roots}")
        file = genred.put(song, "song" + song.suffix)
        row = genred.decided(file)
        owner = file.stat().st_uid, file.stat().st_gid
        expect(owner == OWNER, f"the file belongs to {owner} now")
        expect(bool(row["written"]), f"no genre in {row}")
        print(f"    {row['written'][0]} {row['confidence']}", flush=True)
        processes = genred.sh("grep -h -E '^(Name|Uid|CapEff|NoNewPrivs|Seccomp):' /proc/[0-9]*/status")
        expect(set(re.findall(r"CapEff:\s+(\w+)", processes)) == {"0" * 16}, f"rights:\n{processes}")
        expect(set(re.findall(r"Uid:\s+(\d+)", processes)) == {str(OWNER[0])}, f"users:\n{processes}")
        expect(bool(genred.sh("touch /x /opt/genred/x 2>&1 || echo no").endswith("no")), "its root can be written")


def every_command_works_beside_it(store: Path, song: Path) -> None:
    """History, explain, doctor, a scan by the service, and undo to the byte, by `podman exec`."""
    with at_work(store) as genred:
        genred.ready()
        file = genred.put(song, "undo" + song.suffix)
        before = digest(song)
        genred.decided(file)
        expect(digest(file) != before, "it wrote nothing")
        genred.genred(f"explain /music/{file.name}")
        genred.genred("scan")
        findings = [json.loads(line) for line in genred.genred("doctor --json", check=False).splitlines()]
        bad = [finding for finding in findings if finding["state"] != "ok"]
        expect(not bad, f"doctor finds {bad}")
        genred.genred("undo --last 1")
        expect(digest(file) == before, "undo didn't restore the file")
        expect(genred.history()[0]["outcome"] == "undone", f"{genred.history()[0]}")
        genred.genred("config check")


def its_health_is_told(store: Path, song: Path) -> None:
    """Healthy while it works, with a sign of life that goes on while nothing happens; not once it is stopped."""
    with at_work(store) as genred:
        genred.ready()
        podman("healthcheck", "run", genred.name)
        first = genred.says()["alive"]
        eventually("another sign of life", lambda: genred.says()["alive"] > first, 60)
        genred.sh("kill -9 $(pgrep -f 'genred run' | tail -1) 2>/dev/null || kill -9 $(cat /proc/1/task/1/children)")
        eventually("its end", lambda: not inspect(genred.name)["State"]["Running"], 60)
        expect(inspect(genred.name)["State"]["ExitCode"] == 137, "the end of genred isn't the container's")


def a_stop_is_quick_and_a_start_goes_on(store: Path, song: Path) -> None:
    """SIGTERM reaches it, and it ends well; a new container on the same volumes knows what was done."""
    with at_work(store) as genred:
        genred.ready()
        file = genred.put(song, "kept" + song.suffix)
        genred.decided(file)
        began = time.monotonic()
        podman("stop", "--time=90", genred.name)
        took = time.monotonic() - began
        state = inspect(genred.name)["State"]
        expect(state["ExitCode"] == 0, f"it ended with {state['ExitCode']}:\n{genred.log()}")
        print(f"    stopped after {took:.1f} s", flush=True)
        genred.put(song, "meanwhile" + song.suffix)
        podman("start", genred.name)
        genred.ready()
        genred.decided(file.with_name("meanwhile" + song.suffix))
    with started("genred-again", store / "music", f"--user={OWNER[0]}:{OWNER[1]}", *KEEP, *IMPATIENT) as again:
        again.ready()
        rows = [row for row in again.history() if row["path"] == f"/music/{file.name}"]
        expect([row["outcome"] for row in rows] == ["tagged"], f"it began anew: {rows}")


def a_kill_harms_nothing(store: Path, song: Path) -> None:
    """Nor does it leave anything: processes of workers are buried, and the next start goes on."""
    with at_work(store) as genred:
        genred.ready()
        files = [genred.put(song, f"kill{number}{song.suffix}") for number in range(3)]
        podman("kill", "--signal=KILL", genred.name)
        podman("start", genred.name)
        genred.ready()
        for file in files:
            genred.decided(file)
        expect(not list(genred.library.glob(".genred-*")), "it left something in the library")
        dead = genred.sh("grep -l 'State:.Z' /proc/[0-9]*/status || true")
        expect(not dead, f"dead processes: {dead}")


def a_reload_takes_a_new_configuration(store: Path, song: Path) -> None:
    """SIGHUP from outside, a mistake is told and changes nothing."""
    folder = store / "config"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "config.toml").write_text("[service]\nlog_level = 'debug'\n")
    with at_work(store, f"--volume={folder}:/etc/genred:ro") as genred:
        genred.ready()
        (folder / "config.toml").write_text("[tags]\nmode = 'no such'\n")
        podman("kill", "--signal=HUP", genred.name)
        eventually("it refuses", lambda: genred.says()["mistakes"], 60)
        (folder / "config.toml").write_text("[tags]\nmode = 'off'\n")
        podman("kill", "--signal=HUP", genred.name)
        eventually("it obeys", lambda: not genred.says()["mistakes"], 60)


def nobody_needs_to_say_who_they_are(store: Path, song: Path) -> None:
    """Without --user it is user 1000, and new volumes are theirs."""
    folder = library(store)
    os.chown(folder, 1000, 1000)
    with started("genred-default", folder, *IMPATIENT) as genred:
        genred.ready()
        expect(genred.sh("id -u") == "1000", "it is somebody else")
        genred.decided(genred.put(song, "default" + song.suffix))


def the_pages_are_served_too(store: Path, song: Path) -> None:
    """`genred web` from the same image, on the same volumes, with a password; here on the loopback alone."""
    folder = store / "config"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "password").write_text("correct horse battery\n")
    os.chmod(folder / "password", 0o640)
    os.chown(folder / "password", *OWNER)
    options = [option for option in LOCKED if not option.startswith("--network")]
    port = "18420"
    volumes = [*KEEP, f"--volume={store / 'music'}:/music", f"--volume={folder}:/etc/genred:ro"]
    settings = [f"--env=GENRED_WEB_PORT={port}", "--env=GENRED_WEB_PASSWORD_FILE=/etc/genred/password"]
    user = f"--user={OWNER[0]}:{OWNER[1]}"
    name = "genred-web"
    podman("run", "--detach", f"--name={name}", *options, "--network=host", user, *volumes, *settings, IMAGE, "web")
    try:
        ask = ["curl", "--silent", "--fail", "--noproxy", "*", f"http://127.0.0.1:{port}"]

        def answer() -> bool:
            done = subprocess.run([*ask[:-1], f"{ask[-1]}/healthz"], capture_output=True, text=True, check=False)
            return done.stdout.strip() == "ok"

        eventually(f"the pages\n{podman('logs', name)}", answer, 60)
        said = step(*ask[:-1], "--header", "Authorization: Bearer correct horse battery", f"{ask[-1]}/api/status")
        expect(json.loads(said)["database"] == "/var/lib/genred/history.db", said)
    finally:
        podman("rm", "--force", "--volumes", name)


def a_hook_tells_what_was_written(store: Path, song: Path) -> None:
    """A second container of the image, which can't write to the history, has what the hooks over HTTP need."""
    posted: list[str] = []

    class Player(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            posted.extend(decision["path"] for decision in told)
            self.send_response_only(204)
            self.end_headers()

    options = [option for option in LOCKED if not option.startswith("--network")]
    notes = "/var/lib/genred-hooks"
    volumes = [f"--volume={STATE}:/var/lib/genred:ro", f"--volume={NOTES}:{notes}"]
    with HTTPServer(("127.0.0.1", 0), Player) as player, at_work(store) as genred:
        Thread(target=player.serve_forever, daemon=True).start()
        genred.ready()
        settings = ["--network=host", "--no-healthcheck", f"--env=HOOK_URL=http://127.0.0.1:{player.server_port}"]
        follow = ["follow", "--hook=webhook", "--after=0", "--batch=1", f"--state={notes}/told.json"]
        user = f"--user={OWNER[0]}:{OWNER[1]}"
        name = "genred-hook"
        podman("run", "--detach", f"--name={name}", *options, *settings, user, *volumes, IMAGE, *follow)
        try:
            file = genred.put(song, "told" + song.suffix)
            genred.decided(file)
            eventually("it tells of the song", lambda: f"/music/{file.name}" in posted, 120)
            noted = ["podman", "exec", name, "test", "-s", f"{notes}/told.json"]
            eventually("it is noted", lambda: subprocess.run(noted, check=False).returncode == 0, 30)
        finally:
            podman("rm", "--force", name)
            player.shutdown()


def its_readiness_reaches_systemd(store: Path, song: Path) -> None:
    """What a quadlet with Notify=true waits for arrives at the socket of the service manager; here a made-up one."""
    address = store / "notify"
    address.unlink(missing_ok=True)
    os.environ["NOTIFY_SOCKET"] = str(address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        address.chmod(0o777)
        manager.settimeout(600)
        try:
            with at_work(store, "--sdnotify=container"):
                while "READY=1" not in manager.recv(65536).decode():
                    continue
        except TimeoutError as error:
            raise Failed("systemd would wait in vain") from error
        finally:
            del os.environ["NOTIFY_SOCKET"]


def the_quadlets_are_understood(store: Path, song: Path) -> None:
    """podman's own generator makes a unit of each."""
    if not os.path.exists(QUADLET):
        print("    skipped: this podman has no quadlet; set QUADLET to one of 5.0 or newer", flush=True)
        return
    for kind, file in (([], HERE / "genred.container"), (["-user"], HERE / "user/genred.container")):
        folder = store / "quadlet"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(file, folder)
        environment = os.environ | {"QUADLET_UNIT_DIRS": str(folder)}
        command = [QUADLET, "-dryrun", *kind]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        expect(done.returncode == 0, done.stderr)
        expect("ExecStart=/usr/bin/podman run" in done.stdout, done.stdout + done.stderr)


def the_compose_file_is_understood(store: Path, song: Path) -> None:
    """Compose finds no mistake in it, and has the words of a hook's options one by one."""
    if not COMPOSE:
        print("    skipped: there is no docker-compose; set COMPOSE to one of 2.0 or newer", flush=True)
        return
    settings = ["GENRED_MUSIC=/srv/music", "GENRED_HOOK_OPTIONS=--map /music '/my media'"]
    profiles = ["--profile=web", "--profile=hook"]
    said = step("env", *settings, COMPOSE, *profiles, f"--file={HERE}/compose.yaml", "config", "--format=json")
    services = json.loads(said)["services"]
    expect(sorted(services) == ["genred", "hook", "web"], f"its services are {sorted(services)}")
    expect(services["hook"]["command"][-3:] == ["--map", "/music", "/my media"], f"{services['hook']['command']}")


CHECKS: list[Callable[[Path, Path], None]] = [
    the_image_has_what_runs_and_nothing_else,
    a_song_that_arrives_is_tagged,
    every_command_works_beside_it,
    its_health_is_told,
    a_stop_is_quick_and_a_start_goes_on,
    a_kill_harms_nothing,
    a_reload_takes_a_new_configuration,
    nobody_needs_to_say_who_they_are,
    the_pages_are_served_too,
    a_hook_tells_what_was_written,
    its_readiness_reaches_systemd,
    the_quadlets_are_understood,
    the_compose_file_is_understood,
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only the checks with one of these words in their names")
    parser.add_argument("--song", type=Path, help="a song without a genre; otherwise one of the corpus")
    parser.add_argument("--store", type=Path, default=Path("/var/tmp/genred-container"), help="where all is kept")  # noqa: S108
    parser.add_argument("--no-build", action="store_true", help="take the image that was built the last time")
    options = parser.parse_args()
    demand()
    song = options.song or next(iter(sorted(SONGS.glob("Hung*.ogg"))), None)
    if song is None:
        skip("needs a song without a genre (--song FILE)")
    options.store.mkdir(parents=True, exist_ok=True)
    lock = os.open(options.store, os.O_RDONLY)  # held until this process ends
    fcntl.flock(lock, fcntl.LOCK_EX)
    configure(options.store)
    if not options.no_build:
        build(options.store)
    for volume in (STATE, CACHE, NOTES):
        subprocess.run(["podman", "volume", "rm", "--force", volume], capture_output=True, check=False)
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        if options.words and not any(word in name for word in options.words):
            continue
        began = time.monotonic()
        try:
            check(options.store, song)
        except Failed as error:
            failed += 1
            print(f"FAILED {name}\n{error}", flush=True)
        else:
            print(f"ok     {name} ({time.monotonic() - began:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as reason:
        sys.exit(str(reason))
