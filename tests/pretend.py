"""Programs that the documents call and a test must not: a package manager, systemd, root.

Each is this file under another name. It checks what it is asked as far as it can, leaves behind what the real one
would, and refuses what it doesn't know, so that a command that can't be right fails here too. `genred` is the real one,
but that `run` ends, once it has tagged a song that is copied into its folder, and `web`, once it has answered; for
`service`, the machine's files are below another root, and whoever runs the test owns its music.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.request import urlopen

NAMES = (
    "genred",
    "journalctl",
    "jq",
    "loginctl",
    "pip",
    "pipx",
    "pytest",
    "python3",
    "sudo",
    "sysctl",
    "systemctl",
    "uv",
)
HOME, ROOT, SONG = (Path(os.environ.get(name, "/")) for name in ("HOME", "PRETEND_ROOT", "PRETEND_SONG"))
GENRED = (sys.executable, "-m", "genred")


def put(folder: Path, *names: str) -> None:
    """Make programs of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        file = folder / name
        file.write_text(f"#!{sys.executable}\nfrom tests.pretend import main\nmain()\n")
        file.chmod(0o755)


def genred(*arguments: str) -> int:
    if arguments[0] == "run":
        return _run(*arguments)
    if arguments[0] == "web":
        return _web(*arguments)
    if arguments[0] == "service":
        whose = ("--as", pwd.getpwuid(os.getuid()).pw_name) if {"install", "--system"} <= set(arguments) else ()
        return subprocess.run([sys.executable, "-c", _SERVICE, *arguments, *whose], check=False).returncode
    code = subprocess.run([*GENRED, *arguments], check=False).returncode
    return 0 if arguments[0] == "doctor" and code == 3 else code  # not all is well where tests run


_SERVICE = """
import os, pathlib, sys
from genred import cli
from genred.service.manager import Manager
root = pathlib.Path(os.environ["PRETEND_ROOT"])
places = "etc/systemd/system", "etc/genred/config.toml", "var/lib/genred", "var/cache/genred"
Manager.machine = lambda: Manager(False, *(root / place for place in places))
os.geteuid = lambda: 0 if "--system" in sys.argv else 1000
cli.main()
"""


def _run(*arguments: str) -> int:
    """Start it, copy a song in once it watches, and stop it when the song is tagged."""
    folder = Path(arguments[-1])
    with subprocess.Popen([*GENRED, *arguments], env=os.environ | {"GENRED_WATCH_SETTLE_SECONDS": "0.2"}) as process:
        watching = _awaited('"watching"', "status", "--json")
        shutil.copy(SONG, folder / f"new{SONG.suffix}")
        tagged = watching and _awaited("tagged", "history", "--path", str(folder))
        process.terminate()
    return 0 if tagged and process.returncode == 0 else 1


def _web(*arguments: str) -> int:
    """Start it at a free port, ask for its health where it says that it listens, and stop it."""
    environment = os.environ | {"GENRED_WEB_PORT": "0"}
    with subprocess.Popen([*GENRED, *arguments], env=environment, stderr=subprocess.PIPE, text=True) as process:
        url = next(iter(process.stderr or ()), "").strip()
        well = url.startswith("http://") and urlopen(f"{url}healthz").read() == b"ok\n"  # noqa: S310 - it said http
        process.terminate()
    return 0 if well and process.returncode == 0 else 1


def _awaited(word: str, *command: str) -> bool:
    """Whether a command of genred says a word before long; the first start makes ready."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        if word in subprocess.run([*GENRED, *command], capture_output=True, text=True, check=False).stdout:
            return True
        time.sleep(0.5)
    return False


def pip(*arguments: str) -> int:
    return _install(Path(sys.argv[0]).parent, *arguments)


def pipx(*arguments: str) -> int:
    return _install(HOME / ".local/bin", *arguments)


def uv(*arguments: str) -> int:
    if arguments[0] == "tool":
        return _install(HOME / ".local/bin", *arguments[1:])
    return int(arguments != ("build", "--wheel"))


def _install(folder: Path, action: str, *arguments: str) -> int:
    """Into a folder of programs, from a checkout or a wheel; or out of it again."""
    if action == "uninstall":
        (folder / "genred").unlink()
        return int(arguments != ("genred",))
    *options, what = arguments
    if action != "install" or not set(options) <= {"-e", "--upgrade", "--force", "--quiet"}:
        return 1
    where, _, extras = what.partition("[")
    if where.endswith(".whl"):
        return int(not zipfile.is_zipfile(where))
    project = (Path(where) / "pyproject.toml").read_text()
    if extras and f"{extras.rstrip(']')} = [" not in project:
        return 1
    put(folder, "genred", *(["pytest"] if extras else []))
    return 0


def python3(*arguments: str) -> int:
    if arguments[:2] != ("-m", "venv"):
        return 1
    put(Path(arguments[2]) / "bin", "pip", "python3")
    return 0


def pytest(*arguments: str) -> int:
    return int(bool(arguments))


def sudo(*command: str) -> int:
    # Root has another home, and finds the machine's configuration, which is not at its place here.
    (ROOT / "root").mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"HOME": str(ROOT / "root"), "GENRED_HISTORY_URL": f"sqlite:///{ROOT}/history.db"}
    if (ROOT / "etc/genred/config.toml").exists():
        environment["GENRED_CONFIG"] = str(ROOT / "etc/genred/config.toml")
    return subprocess.run(command, env=environment, check=False).returncode


def journalctl(*arguments: str) -> int:
    """Whether the fields that are asked for are those that genred logs."""
    fields = re.findall(r"\bGENRED_\w+(?==)", " ".join(arguments))
    known = (Path(__file__).parents[1] / "genred/service/logs.py").read_text()
    return int(
        not {"-u", "genred"} <= set(arguments) or any(field.removeprefix("GENRED_") not in known for field in fields)
    )


def jq(*arguments: str) -> int:
    return int(not arguments)


def loginctl(*arguments: str) -> int:
    return int(arguments[0] != "enable-linger")


def sysctl(*arguments: str) -> int:
    return int(arguments != ("--system",) or not list((ROOT / "etc/sysctl.d").glob("*genred*.conf")))


def systemctl(*arguments: str) -> int:
    """Whether the unit is where it belongs, and what it starts, reads and writes is there."""
    ours = "--user" in arguments
    action, *names = [word for word in arguments if not word.startswith("--")]
    folder = HOME / ".config/systemd/user" if ours else ROOT / "etc/systemd/system"
    if action == "show":
        print("\n".join(_shown(folder, *names)))
        return 0
    if action in ("daemon-reload", "reset-failed"):
        return 0
    actions = ("enable", "disable", "start", "stop", "restart", "reload", "status")
    known = "genred", "genred.service", "genred-web.socket", "genred-hook@mpd", "genred-metrics.timer"
    if len(names) != 1 or names[0] not in known or action not in actions:
        return 1
    if names[0].startswith("genred-hook@"):
        return _hook(names[0].partition("@")[2], folder, ours=ours)
    service, _, kind = names[0].partition(".")
    unit = (folder / f"{service}.service").read_text()
    drop_in = folder / f"{service}.service.d/{'owner' if kind == 'timer' else 'library'}.conf"
    settled = drop_in.read_text() if drop_in.exists() else ""
    settings = dict(re.findall(r"^(\w+)=(.+)$", unit + settled, re.MULTILINE))
    program = Path(settings["ExecStart"].split()[0].replace("%h", str(HOME)))
    well = os.access(program if program.exists() else f"{ROOT}{program}", os.X_OK)
    well &= action != "reload" or "ExecReload" in settings
    if kind in ("socket", "timer"):
        said = {"socket": "ListenStream=127.0.0.1:8420", "timer": "OnUnitActiveSec=1min"}
        well &= said[kind] in (folder / names[0]).read_text()
    if not ours:
        well &= "User=" in settled and (kind == "timer" or f"ReadWritePaths=-{ROOT}/srv/music" in settled)
    if service == "genred" and well and action in ("start", "restart", "enable", "disable", "stop"):
        (folder / "running").write_text("no" if action in ("disable", "stop") else "")
    return int(not well)


def _shown(folder: Path, *names: str) -> list[str]:
    """What is said of a unit: once it was started or enabled, it runs."""
    file, mark = folder / "genred.service", folder / "running"
    if not names or not file.exists():
        return ["LoadState=not-found"]
    state = "active" if mark.exists() and not mark.read_text() else "inactive"
    drop_ins = " ".join(map(str, folder.glob("genred.service.d/*.conf")))
    return [
        *("LoadState=loaded", "UnitFileState=enabled", "Result=success", f"ActiveState={state}"),
        *(f"FragmentPath={file}", f"DropInPaths={drop_ins}"),
    ]


def _hook(name: str, folder: Path, *, ours: bool) -> int:
    """Whether the unit has its settings, for nobody else's eyes, and an owner who can't write to the library."""
    unit = (folder / "genred-hook@.service").read_text()
    file = re.findall(r"^EnvironmentFile=(.*)$", unit, re.MULTILINE)[0].replace("%i", name)
    there = Path(file.replace("%h", str(HOME)) if ours else f"{ROOT}{file}")
    well = there.stat().st_mode & 0o777 == 0o600
    if not ours:
        drop_in = (folder / "genred-hook@.service.d/owner.conf").read_text()
        well &= "User=" in drop_in and "ReadWritePaths" not in drop_in
    return int(not well)


def main() -> None:
    name = Path(sys.argv[0]).name
    assert name in NAMES
    sys.exit(globals()[name](*sys.argv[1:]))
