"""The units, as far as they can be judged without booting anything; tests/systemd/run tries them for real."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from genred import errors
from genred.cli.follow import follow
from genred.cli.manual import PAGES
from genred.config import Service, Web
from genred.service.manager import STATE

REPOSITORY = Path(__file__).resolve().parents[2]
SYSTEM = REPOSITORY / "systemd" / "genred.service"
USER = REPOSITORY / "systemd" / "user" / "genred.service"

WEB, USER_WEB = SYSTEM.with_name("genred-web.service"), USER.with_name("genred-web.service")
HOOK, USER_HOOK = (unit.with_name("genred-hook@.service") for unit in (SYSTEM, USER))
METRICS, TIMER = SYSTEM.with_name("genred-metrics.service"), SYSTEM.with_name("genred-metrics.timer")
SOCKETS = [unit.with_suffix(".socket") for unit in (WEB, USER_WEB)]

# What systemd.service(5) asks of every unit explains itself.
PLAIN = {"Description", "Documentation", "Type", "NotifyAccess", "ExecStart", "WantedBy", "Restart", "RestartSec"}

units = pytest.mark.parametrize("unit", [SYSTEM, USER], ids=["system", "user"])
# How a unit names the folders of history and cache.
PLACES = {"Environment", "ReadWritePaths", "StateDirectory", "StateDirectoryMode", "CacheDirectory"}

SERVICES, NAMES = [SYSTEM, USER, WEB, USER_WEB], ["system", "user", "web", "user-web"]
services = pytest.mark.parametrize("unit", SERVICES, ids=NAMES)
hooks = pytest.mark.parametrize("unit", [HOOK, USER_HOOK], ids=["hook", "user-hook"])
analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")


def settings(unit: Path) -> dict[str, list[str]]:
    """Each key with its values, in their order; a repeated key adds one."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize(
    "unit",
    [*SERVICES, HOOK, USER_HOOK, *SOCKETS, METRICS, TIMER],
    ids=lambda unit: f"{unit.parent.name}-{unit.name}",
)
def test_every_line_is_explained(unit: Path) -> None:
    """A setting stands below a comment in its own paragraph, unless its name says it all."""
    unexplained = []
    for paragraph in unit.read_text().split("\n\n"):
        explained = False
        for line in paragraph.splitlines():
            explained |= line.startswith("#")
            if "=" in line and not explained and line.partition("=")[0] not in {*PLAIN, "After"}:
                unexplained.append(line)
    assert not unexplained


def test_every_unit_names_its_manual_page() -> None:
    """`systemctl status` and `systemctl help` lead to the page that genred has of its units."""
    [page] = [f"man:{name}({section})" for name, section in PAGES.items() if name == "genred.service"]
    files = [*SYSTEM.parent.glob("genred*"), *USER.parent.iterdir()]
    assert {path.name: settings(path).get("Documentation") for path in files} == {path.name: [page] for path in files}


@services
def test_no_restart_where_it_would_not_help(unit: Path) -> None:
    """The exit codes that prevent a restart are those of usage, configuration, history, lock and model."""
    hopeless = (errors.ConfigError, errors.HistoryError, errors.LockedError, errors.ModelError)
    codes = {2} | {kind.exit_code for kind in hopeless}
    [given] = settings(unit)["RestartPreventExitStatus"]
    assert {int(code) for code in given.split()} == codes


@hooks
def test_a_hook_starts_the_new_program_after_an_update(unit: Path) -> None:
    """A history of a newer genred (exit 10) is one that the new program reads; a mistake in the options stays one."""
    [given] = settings(unit)["RestartPreventExitStatus"]
    assert {int(code) for code in given.split()} == {2, errors.LockedError.exit_code}


@hooks
def test_a_hook_is_started_as_genred_understands_it(unit: Path) -> None:
    """Its options are those of the command, and its file is where nobody else reads it."""
    [start] = settings(unit)["ExecStart"]
    words = shlex.split(start.replace("$HOOK_OPTIONS", "--map /srv/music .").replace("${HOOK}", "mpd"))[2:]
    assert follow.make_context("follow", words).params["hook"] == "mpd"
    assert "install -m 600" in unit.read_text() or "install -D -m 600" in unit.read_text()


@units
def test_watchdog_is_patient_enough(unit: Path) -> None:
    """Five times what a file may take pass between two signs of life at worst, and the watchdog waits longer."""
    [watchdog] = settings(unit)["WatchdogSec"]
    minutes = int(watchdog.removesuffix("min"))
    assert 60 * minutes > 5 * Service().timeout_seconds


@pytest.mark.parametrize(
    ("one", "other"), [(SYSTEM, USER), (WEB, USER_WEB), (HOOK, USER_HOOK)], ids=["service", "web", "hook"]
)
def test_both_units_behave_alike(one: Path, other: Path) -> None:
    """All that isn't about sandboxing and places is the same in both units."""
    keys = (
        "Type",
        "ExecReload",
        "Restart",
        "RestartSec",
        "TimeoutStartSec",
        "TimeoutStopSec",
        "WatchdogSec",
        "KillMode",
        "OOMPolicy",
    )
    system, user = settings(one), settings(other)
    assert {key: system.get(key) for key in keys} == {key: user.get(key) for key in keys}


def test_the_pages_are_locked_down_as_the_service_is() -> None:
    """They write the same files, and start the same workers; the difference is how they step back for others."""
    theirs = settings(SYSTEM)
    different = {key for key, values in settings(WEB).items() if theirs.get(key) != values} - PLACES
    assert different == {"Description", "After", "Requires", "ExecStart", "WatchdogSec", "IOSchedulingClass"}
    left_out = theirs.keys() - settings(WEB).keys() - PLACES
    assert left_out == {"TimeoutStartSec", "Nice", "CPUWeight", "WantedBy"}


@pytest.mark.parametrize("unit", [WEB, METRICS, HOOK], ids=["web", "metrics", "hook"])
def test_what_runs_beside_the_service_leaves_its_folders_to_their_owner(unit: Path) -> None:
    """systemd gives a folder of StateDirectory= to the unit's user, who need not be the service's."""
    made = {key: settings(SYSTEM)[key] for key in ("StateDirectory", "CacheDirectory")}
    assert [key for key, names in made.items() if settings(unit).get(key) == names] == []
    places = dict(word.split("=", 1) for line in settings(unit)["Environment"] for word in line.split())
    assert places["STATE_DIRECTORY"] == str(STATE)
    allowed = {f"-{folder}" for name, folder in places.items() if name.endswith("_DIRECTORY")}
    assert set(" ".join(settings(unit).get("ReadWritePaths", [])).split()) == (allowed if unit != HOOK else set())


def test_the_metrics_can_do_less_than_the_pages() -> None:
    """They only read, so fewer system calls are left and no memory is both written and run; they see when it booted."""
    theirs, own = settings(WEB), settings(METRICS)
    assert {key for key in theirs if key.startswith(("Protect", "Private", "Restrict", "Capab", "Lock"))} <= own.keys()
    different = {key for key, values in theirs.items() if key in own and own[key] != values} - PLACES
    about_it = {"Description", "Type", "ExecStart", "IOSchedulingClass", "TasksMax", "MemoryMax"}
    assert different == about_it | {"SystemCallFilter", "MemoryDenyWriteExecute"}
    assert own["ReadWritePaths"] == ["-/var/lib/genred"]


@pytest.mark.parametrize("unit", SOCKETS, ids=["system", "user"])
def test_systemd_listens_where_genred_would(unit: Path) -> None:
    """At the default address: this machine alone."""
    assert settings(unit)["ListenStream"] == [f"{Web().host}:{Web().port}"]


def test_the_kernel_knows_the_limits() -> None:
    """Each key of the snippet for sysctl is one of its own."""
    text = (REPOSITORY / "systemd" / "60-genred-inotify.conf").read_text()
    keys = re.findall(r"^([\w.]+) = \d+$", text, re.MULTILINE)
    assert len(keys) == 3
    assert all(Path("/proc/sys", *key.split(".")).is_file() for key in keys)


@analyze
@pytest.mark.parametrize(
    "unit",
    [*SERVICES, HOOK, USER_HOOK, METRICS, TIMER],
    ids=[*NAMES, "hook", "user-hook", "metrics", "timer"],
)
def test_systemd_understands_it(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say."""
    assert complaints(unit, tmp_path) == []


def complaints(unit: Path, folder: Path) -> list[str]:
    """Return what `systemd-analyze verify` says of a unit that is copied to a folder, in which drop-ins may be."""
    # The program need not be installed where this runs.
    for each in unit.parent.glob("genred*.*"):
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", each.read_text(), flags=re.MULTILINE)
        (folder / each.name).write_text(text)
    copy = folder / unit.name
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(["--user"] if unit.parent == USER.parent else []), copy],
        env=os.environ | {"XDG_RUNTIME_DIR": str(runtime), "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in (done.stdout + done.stderr).splitlines() if "genred" in line]


@analyze
def test_systemd_understands_the_drop_in_for_a_cluster(tmp_path: Path) -> None:
    """It stands in docs/scale.md, and opens what the unit closes."""
    (block,) = re.findall(r"^```ini\n(.*?)^```", (REPOSITORY / "docs/scale.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "genred.service.d").mkdir()
    drop_in = tmp_path / "genred.service.d" / "cluster.conf"
    drop_in.write_text(block)
    assert complaints(SYSTEM, tmp_path) == []
    closed, opened = settings(SYSTEM), settings(drop_in)
    assert {"PrivateNetwork", "RestrictAddressFamilies", "ProcSubset"} <= closed.keys() & opened.keys()
    assert closed["IPAddressDeny"] == ["any"]
    assert opened["IPAddressAllow"]


@analyze
@pytest.mark.parametrize(
    ("unit", "most"),
    [(SYSTEM, 1.0), (WEB, 1.0), (METRICS, 1.0), (HOOK, 1.5)],
    ids=["service", "web", "metrics", "hook"],
)
def test_system_unit_is_not_exposed(unit: Path, most: float) -> None:
    """`systemd-analyze security` gives the system unit at most 1.0 of 10, and a half more with a network."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    if "offline" in done.stderr:
        pytest.skip("needs a systemd-analyze that knows --offline (250 or newer)")
    score = re.search(r"exposure level for genred\S*\.service: ([\d.]+)", done.stdout)
    assert score is not None
    assert float(score[1]) <= most


@pytest.mark.skipif(
    os.environ.get("GENRED_SYSTEMD_TESTS") != "1", reason="takes minutes; GENRED_SYSTEMD_TESTS=1 asks for it"
)
@pytest.mark.timeout(1800)
def test_units_keep_their_promises_under_systemd() -> None:
    """genred with its real model, in both units, under a real systemd in a container."""
    done = subprocess.run([REPOSITORY / "tests" / "systemd" / "run"], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
