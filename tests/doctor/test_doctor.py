import os
import platform
import re
import stat
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from genred.analysis.cluster import Cluster
from genred.config import Cluster as Settings
from genred.config import Config, Tags
from genred.doctor import cluster, diagnose, folders, holdings, machine, service
from genred.doctor.finding import Check, Finding, State, examine, ok
from genred.fs import locks
from genred.fs.mounts import read_mounts
from genred.history.history import History
from genred.history.journal import Begun, Journal
from genred.history.records import Outcome, Record
from genred.service import units
from genred.service.status import Board
from genred.watching.walk import WatchOptions
from tests.command import Genred

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
OPTIONS = WatchOptions.of(Config().watch)
TAGS = Tags()


def told(findings: Iterator[Finding], check: str) -> Finding:
    """The only finding of a check."""
    [found] = [finding for finding in findings if finding.check == check]
    return found


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two files in a folder and one in a folder inside of it."""
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    for name in ("a.mp3", "b.mp3", "album/c.flac"):
        (folder / name).write_bytes(b"x")
    return folder


# -- how checks are done -----------------------------------------------------------------------------------------------


def test_a_check_that_hangs_is_left_behind() -> None:
    """It is told that there was no answer, and the others are told all the same, in their order."""
    hangs = threading.Event()

    def never() -> list[Finding]:
        hangs.wait(60)
        return []

    waited: list[str] = []
    checks = [Check("share", never, patience=0.05, hint="unplug it"), Check("disk", lambda: [ok("disk", "there")])]
    share, disk = examine(checks, waited.append)
    hangs.set()
    assert (share.state, share.message, share.hint) == (State.FAIL, "no answer after 0 s", "unplug it")
    assert disk == ok("disk", "there")
    assert waited == ["share"]


def test_a_check_that_breaks_is_told_as_it_broke() -> None:
    """What is broken in a way nobody thought of must not hide the rest."""

    def breaks() -> list[Finding]:
        raise ZeroDivisionError("division\nby zero")

    first, second = examine([Check("sums", breaks), Check("disk", lambda: [ok("disk", "there")])])
    assert (first.state, first.message) == (State.FAIL, "division by zero (ZeroDivisionError)")
    assert second.state is State.OK


# -- the machine -------------------------------------------------------------------------------------------------------


def test_libraries_are_held_against_the_bounds_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing or too old is named; what the package needs only for its tests doesn't count."""
    assert told(machine.python(), "libraries").state is State.OK
    needed = ["click>=99", "no-such-library", "also-not; extra == 'dev'", "numpy"]
    monkeypatch.setattr(machine, "requires", lambda name: needed)
    found = told(machine.python(), "libraries")
    assert found.state is State.FAIL
    assert "click" in found.message
    assert "no-such-library is missing" in found.message
    assert "also-not" not in found.message


def test_what_is_newer_than_what_was_tested_is_noted_and_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """By more than its last number, with what was tested; Python too."""
    versions = {"av": "99.1.0", "numpy": "2.5.99"}
    monkeypatch.setattr(machine, "installed", lambda library: versions.get(library.name, library.oldest))
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    found = told(machine.python(), "libraries")
    assert found.state is State.OK
    assert re.search(r"; newer than what genred was tested with: av 99\.1\.0 \([\d.]+\)$", found.message)
    python = told(machine.python(), "python")
    assert python.state is State.OK
    assert re.match(r"3\.99\.0, .*; it was tested with Python 3\.\d+ to 3\.\d+$", python.message)


def test_the_size_of_the_installation_is_told() -> None:
    """All that genred needs counts, also what it needs through others, and no package twice."""
    [found] = machine.installation()
    assert found.state is State.OK
    size, packages = re.findall(r"([\d,]+) MB in (\d+) packages", found.message)[0]
    assert int(size.replace(",", "")) > 300
    assert int(packages) > 30
    assert "scipy" in found.message


def test_every_default_kind_of_file_has_a_decoder_but_one() -> None:
    """OptimFROG has none, is looked at so that the history says so, and is no fault."""
    found = told(machine.decoders(Config().watch.extensions), "decoders")
    assert found.state is State.OK
    assert "for 21 of 22 kinds of file; ofr has none" in found.message
    found = told(machine.decoders(["mp3", "midi"]), "decoders")
    assert (found.state, found.message) == (State.WARN, "no decoder for midi")


def test_a_clock_that_was_never_set_is_a_fault() -> None:
    """A board without a battery begins in 1970."""
    assert told(machine.clock(NOW), "clock").state is State.OK
    assert told(machine.clock(datetime(1970, 1, 1, tzinfo=UTC)), "clock").state is State.FAIL


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A kernel with small limits."""
    limits = tmp_path / "proc" / "sys" / "fs" / "inotify"
    limits.mkdir(parents=True)
    for name, value in (("max_user_watches", 100), ("max_user_instances", 2), ("max_queued_events", 16384)):
        (limits / name).write_text(f"{value}\n")
    return tmp_path / "proc"


@pytest.mark.parametrize(
    ("count", "state", "said"),
    [(70, State.OK, "70 folders"), (90, State.WARN, "nearly too low"), (101, State.WARN, "scanned every minute")],
)
def test_folders_are_held_against_the_limit_of_watches(proc: Path, count: int, state: State, said: str) -> None:
    """A limit that is reached, or nearly, is told with the line that raises it."""
    [found] = machine.inotify(count, 1, proc=proc)
    assert (found.check, found.state) == ("inotify", state)
    assert said in found.message
    assert ("sysctl -w fs.inotify.max_user_watches=524288" in found.hint) == (state is State.WARN)


def test_inotify_instances_and_the_queue_have_limits_too(proc: Path) -> None:
    """Those of this user that are in use count, and so does the limit of a user namespace."""
    descriptors = proc / "4711" / "fd"
    descriptors.mkdir(parents=True)
    (descriptors / "3").symlink_to("anon_inode:inotify")
    (descriptors / "4").symlink_to("/dev/null")
    (proc / "sys/fs/inotify/max_queued_events").write_text("100\n")
    assert "1 of 2 inotify instances" in list(machine.inotify(1, 2, proc=proc))[1].message
    assert [found.state for found in machine.inotify(1, 1, proc=proc)] == [State.OK, State.WARN]
    (proc / "sys" / "user").mkdir()
    (proc / "sys" / "user" / "max_inotify_watches").write_text("10\n")
    assert "max_user_watches is 10," in next(machine.inotify(20, 1, proc=proc)).message


# -- the folders -------------------------------------------------------------------------------------------------------


def look(root: Path, tags: Tags = TAGS) -> list[Finding]:
    return list(folders.folder(root, OPTIONS, tags, {}))


def test_a_folder_with_nothing_wrong(music: Path) -> None:
    """Each of its lines says so."""
    found = look(music)
    assert {(finding.check, finding.state) for finding in found} == {
        ("folder", State.OK),
        ("permissions", State.OK),
        ("space", State.OK),
    }
    assert "3 files in 2 folders" in found[0].message


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """Its disk may be away."""
    [found] = look(tmp_path / "none")
    assert (found.check, found.state) == ("folder", State.FAIL)


def test_files_that_would_not_be_written_are_counted_by_reason(music: Path) -> None:
    """By the very rule that a save goes by."""
    (music / "a.mp3").chmod(0o400)
    found = told(iter(look(music)), "permissions")
    assert (found.state, found.message.partition(": ")[2]) == (
        State.WARN,
        "1 of 3 files can't be written. 1: it is read-only",
    )
    for name in ("b.mp3", "album/c.flac"):
        (music / name).chmod(0o400)
    assert told(iter(look(music)), "permissions").state is State.FAIL


def test_hard_links_and_links_out_of_a_folder_are_told(music: Path) -> None:
    """They are left alone, which is no fault; a link to inside is none out of it."""
    os.link(music / "a.mp3", music.parent / "seed.mp3")
    (music / "out.mp3").symlink_to("/etc/passwd")
    (music / "in.mp3").symlink_to("b.mp3")
    (music / "elsewhere").symlink_to(music.parent)
    found = look(music)
    assert "33% of the files (1) have other hard links and are skipped" in told(iter(found), "hardlinks").message
    assert "2 symbolic links lead out of it" in told(iter(found), "symlinks").message
    assert "lose them when they are written" in told(iter(look(music, Tags(hardlinks="break"))), "hardlinks").message


def test_a_library_too_large_is_looked_at_for_a_few_seconds(music: Path) -> None:
    """After some, files are only counted; after some more, what is told is told of those that were counted."""
    times = iter([0.0, 0.0, 5.0])
    seen = folders.survey(music, OPTIONS, clock=lambda: next(times))
    assert (seen.files, seen.looked_at, seen.whole) == (3, 2, True)
    times = iter([0.0, 0.0, 8.0])
    seen = folders.survey(music, OPTIONS, clock=lambda: next(times))
    assert (seen.files, seen.folders, seen.whole) == (2, 1, False)


def test_files_of_the_future_speak_of_a_wrong_clock(music: Path) -> None:
    """Theirs or ours."""
    far = datetime.now(UTC).timestamp() + 1e7
    os.utime(music / "a.mp3", (far, far))
    assert "1 file is dated in the future" in told(iter(look(music)), "clock").message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_folders_that_cannot_be_read_are_told(music: Path) -> None:
    """What is in them is never found."""
    (music / "album").chmod(0)
    found = look(music)[0]
    (music / "album").chmod(stat.S_IRWXU)
    assert found.state is State.WARN
    assert "1 can't be read" in found.message


def test_a_folder_that_is_left_alone_as_a_whole_is_told(music: Path) -> None:
    """A file in it says so, perhaps for another program; its songs don't count."""
    options = WatchOptions.of(Config().watch)
    surveys: dict[Path, folders.Survey] = {}
    (music / ".nomedia").touch()
    found = next(folders.folder(music, options, TAGS, surveys))
    assert (found.state, found.message) == (State.WARN, f"{music}: {music}/.nomedia says that there is no music")
    list(folders.folder(music, options, TAGS, surveys))
    assert surveys[music].files == 0


def test_a_share_without_events_is_told(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is scanned, which is well; unless the configuration forbids that."""
    table = music.parent / "mountinfo"
    table.write_text("1 0 0:1 / / rw - nfs4 server:/music rw\n")
    monkeypatch.setattr(folders, "read_mounts", lambda: read_mounts(table))
    surveys: dict[Path, folders.Survey] = {}
    found = next(folders.folder(music, OPTIONS, TAGS, surveys))
    assert found.state is State.OK
    assert "nfs4 sends no events, so it is scanned every 60 s" in found.message
    assert surveys[music].eventless
    never = WatchOptions.of(Config().with_changes("watch", polling=False).watch)
    found = next(folders.folder(music, never, TAGS, surveys))
    assert (found.state, found.hint) == (State.WARN, 'set watch.polling = "auto"')


@pytest.mark.parametrize(("free", "state"), [(10 << 20, State.FAIL), (500 << 20, State.WARN), (5 << 30, State.OK)])
def test_room_is_judged_by_what_a_save_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: State
) -> None:
    """Also of a folder that is yet to be made."""
    real = os.statvfs(tmp_path)
    values = [*real[:4], free // real.f_frsize, *real[5:]]  # f_bavail
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(values))
    assert folders.room("history", tmp_path / "not" / "yet").state is state


# -- what it holds -----------------------------------------------------------------------------------------------------


def judge(path: Path, *, working: bool = False) -> list[Finding]:
    return list(holdings.history(path, NOW, working))


def test_a_sound_history_is_only_looked_at(history: History) -> None:
    """Its size, and what one file takes; nothing is written, and none is made where there is none."""
    history.record(Record(Path("/music/x.mp3"), Outcome.FAILED, "damaged"))
    history.close()
    before = {file.name: file.read_bytes() for file in history.path.parent.glob("history.db*")}
    [found] = [finding for finding in judge(history.path) if finding.check == "history"]
    assert found.state is State.OK
    assert "whole" in found.message
    assert {file.name: file.read_bytes() for file in history.path.parent.glob("history.db*")} == before
    none = history.path.with_name("none.db")
    assert "none yet" in judge(none)[0].message
    assert not none.exists()


def test_a_history_of_another_schema_is_told_and_left(history: History) -> None:
    """An older one is no fault, a newer one is; neither is touched."""
    with history.writing() as db:
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    [found] = judge(history.path)
    assert (found.state, "schema 0001" in found.message) == (State.OK, True)
    with history.writing() as db:
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    [found] = judge(history.path)
    assert (found.state, "a newer genred" in found.message) == (State.FAIL, True)


def test_a_damaged_history_is_a_fault(history: History) -> None:
    """Whether SQLite finds that out when it opens it, or when it reads all of it."""
    with history.writing() as db:
        for number in range(2000):
            history.insert(db, Record(Path(f"/music/{number}.mp3"), Outcome.FAILED, "x" * 100))
    history.close()
    content = bytearray(history.path.read_bytes())
    for page in range(5, len(content) // 4096, 3):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    history.path.write_bytes(content)
    assert judge(history.path)[0].state is State.FAIL
    history.path.write_bytes(b"somebody's diary" * 500)
    assert "file is not a database" in judge(history.path)[0].message


def test_a_history_that_cannot_be_read_is_no_damage(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't to be moved away."""
    monkeypatch.setattr(os, "access", lambda path, mode: path != history.path)
    [found] = judge(history.path)
    assert (found.state, found.hint) == (State.FAIL, "")
    assert "can't be read by you" in found.message


def test_writes_that_were_cut_short_are_told_unless_one_may_be_going_on(history: History, music: Path) -> None:
    """The next start resolves them."""
    from genred.fs.files import stamp_of

    path = music / "a.mp3"
    draft = Record(path, Outcome.TAGGED, "Rock 0.9", written=("Rock",))
    Journal(history).begin([Begun(path, path.with_name("t"), stamp_of(path), draft)])
    assert "1 writes were cut short" in judge(history.path)[1].message
    assert len(judge(history.path, working=True)) == 1


def test_a_history_of_the_future_speaks_of_a_wrong_clock(history: History) -> None:
    """Or of one that was wrong then."""
    history.record(Record(Path("/music/x.mp3"), Outcome.FAILED, "damaged"))
    assert not [found for found in holdings.history(history.path, datetime.now(UTC), False) if found.check == "clock"]
    long_ago = datetime.now(UTC) - timedelta(days=1)
    assert told(holdings.history(history.path, long_ago, False), "clock").state is State.FAIL


def test_whether_a_genred_is_at_work_is_seen_without_its_lock_being_taken(tmp_path: Path) -> None:
    """And without the lock file being made."""
    database = tmp_path / "history.db"
    assert not holdings.at_work(database)
    assert not database.with_name("run.lock").exists()
    with locks.locked(database.with_name("run.lock")) as fd:
        assert holdings.at_work(database)
        with Board(fd, "run"):
            assert "run, process" in told(holdings.lock(database), "lock").message
    assert not holdings.at_work(database)


def test_a_model_is_loaded_in_a_worker_which_listens_to_a_tone(tiny_model: Path) -> None:
    """As the service does it: so workers start, and the cache can be written."""
    settings = Config().with_changes("model", path=str(tiny_model))
    loaded, listened = holdings.model(settings)
    assert (loaded.check, loaded.state) == ("model", State.OK)
    assert str(tiny_model) in loaded.message
    assert (listened.check, listened.state) == ("listening", State.OK)


def test_a_damaged_model_is_a_fault(tmp_path: Path, tiny_model: Path) -> None:
    """It would be refused, and the finding says why."""
    damaged = tmp_path / tiny_model.name
    damaged.write_bytes(tiny_model.read_bytes()[:-1])
    [found] = holdings.model(Config().with_changes("model", path=str(damaged)))
    assert found.state is State.FAIL
    assert f"{damaged}: damaged" in found.message


# -- the service -------------------------------------------------------------------------------------------------------


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Systemd":
    """A systemctl that says what it is told to."""
    systemd = Systemd(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return systemd


class Systemd:
    """The unit of the machine as it is installed; there is none of a user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "genred.service"
        self.drop_in = folder / "library.conf"
        self.says(active="active")

    def says(self, **said: str) -> None:
        values = {"active": "active", "enabled": "enabled", "result": "success", "reload": "no"} | said
        lines = [
            "LoadState=loaded",
            f"ActiveState={values['active']}",
            f"UnitFileState={values['enabled']}",
            f"Result={values['result']}",
            "User=nobody",
            f"NeedDaemonReload={values['reload']}",
            f"FragmentPath={self.file}",
            f"DropInPaths={self.drop_in}",
        ]
        program = self.folder / "systemctl"
        said_lines = "\n".join(lines)
        program.write_text(f'#!/bin/sh\n[ "$1" = --user ] && exit 1\ncat <<"E"\n{said_lines}\nE\n')
        program.chmod(0o755)

    def install(self, text: str, folders: list[Path]) -> None:
        self.file.write_text(text)
        self.drop_in.write_text(units.drop_in(folders) + "\n")


DATABASE = Path("/var/lib/genred/history.db")


def test_a_unit_as_it_is_shipped_and_for_these_folders_is_well(systemd: "Systemd", tmp_path: Path) -> None:
    """Names with spaces and percent signs survive the way through the drop-in."""
    odd = tmp_path / "my 100% music"
    odd.mkdir()
    systemd.install(units.shipped(user=False), [odd])
    [found] = service.unit([odd / "inside", odd], DATABASE, of_user=False)
    assert (found.state, found.message) == (State.OK, "the unit is active, enabled")
    assert not list(service.unit([odd], DATABASE, of_user=True))


def test_what_has_drifted_from_the_unit_is_told(systemd: "Systemd", music: Path) -> None:
    """Another text, a folder that it doesn't open, a history that nobody looks at, a missing reload."""
    systemd.install(units.shipped(user=False) + "\nNice=5\n", [music / "album"])
    systemd.says(reload="yes")
    found = list(service.unit([music], Path("/elsewhere/history.db"), of_user=False))
    assert [finding.state for finding in found] == [State.OK, State.WARN, State.WARN, State.FAIL, State.WARN]
    assert found[1].hint == "sudo systemctl daemon-reload"
    assert "is not the unit that this genred ships" in found[2].message
    assert f"doesn't open {music} for writing" in found[3].message
    assert "history.url" in found[4].hint


@pytest.mark.parametrize(
    ("said", "state", "message"),
    [
        ({"active": "failed", "result": "exit-code"}, State.FAIL, "the unit failed (exit-code)"),
        ({"active": "inactive", "enabled": "disabled"}, State.WARN, "the unit is inactive and doesn't start by itself"),
    ],
)
def test_a_unit_that_does_not_run_is_told(
    systemd: "Systemd", music: Path, said: dict[str, str], state: State, message: str
) -> None:
    """With the command that helps."""
    systemd.install(units.shipped(user=False), [music])
    systemd.says(**said)
    [found] = service.unit([music], DATABASE, of_user=False)
    assert (found.state, found.message) == (state, message)
    assert "systemctl" in found.hint


def test_another_user_than_the_services_is_told(systemd: "Systemd", music: Path) -> None:
    """What root may do says nothing of what the service may."""
    systemd.install(units.shipped(user=False), [music])
    found = told(service.user(DATABASE), "user")
    assert (found.state, found.hint) == (State.WARN, "sudo -u nobody genred doctor")


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_configuration_is_judged_as_far_as_it_was_understood(tmp_path: Path, music: Path, tiny_model: Path) -> None:
    """A mistake in it is a fault, and the rest is looked at all the same."""
    file = tmp_path / "c.toml"
    tables = f"[watch]\ndirectories = ['{music}']\n[tags]\nmode = 'x'\n[genres]\nwhitelist = ['Rokc']\n"
    file.write_text(f"{tables}[model]\npath = '{tiny_model}'\n[cluster]\nscheduler = 'tcp://127.0.0.1:1'\n")
    found = list(diagnose(file))
    mistake, doubt = (finding for finding in found if finding.check == "config")
    assert (mistake.state, f"{file}:4: tags.mode: must be" in mistake.message) == (State.FAIL, True)
    assert (doubt.state, f"{file}:6: genres.whitelist: neither" in doubt.message) == (State.WARN, True)
    assert told(iter(found), "inotify").message.startswith("2 folders to watch")
    assert told(iter(found), "lock").state is State.OK
    assert told(iter(found), "cluster").state is State.WARN


def test_doctor_says_each_finding_as_an_object_and_ends_with_3_at_a_fault(
    genred: Genred, tmp_path: Path, music: Path
) -> None:
    """Stable keys for scripts; 0 where nothing fails."""
    file = tmp_path / "c.toml"
    file.write_text(f"[watch]\ndirectories = ['{music}']\n")
    ran = genred("doctor", "--json", "--config", file)
    assert ran.code == 0, ran.out
    assert {tuple(line) for line in ran.json} == {("check", "state", "message", "hint")}
    assert {"python", "libraries", "folder", "permissions", "space", "decoders", "history", "model", "inotify"} <= {
        line["check"] for line in ran.json
    }
    file.write_text("[watch]\ndirectories = ['/no/such/folder']\n")
    ran = genred("doctor", "-q", "--config", file)
    assert ran.code == 3
    assert "fail\tfolder\t/no/such/folder: No such file or directory\tmount its disk" in ran.out
    assert "ok\t" not in ran.out


# -- the cluster -------------------------------------------------------------------------------------------------------

HERE = Settings("tcp://127.0.0.1:1")


def test_no_cluster_is_asked_where_none_is_configured() -> None:
    """Nothing is said about it, and Dask isn't needed."""
    assert list(cluster.cluster(Config())) == []


def test_a_cluster_without_its_library_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service would end with the same complaint."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    [found] = cluster.cluster(Config(cluster=HERE))
    assert (found.check, found.state) == ("cluster", State.FAIL)
    assert "tcp://127.0.0.1:1: the library distributed is missing" in found.message
    assert found.hint.startswith("pip install 'genred[dask]'")


def test_a_cluster_that_is_away_is_a_warning() -> None:
    """The machine hears alone meanwhile."""
    [found] = cluster.cluster(Config(cluster=HERE))
    assert (found.check, found.state) == ("cluster", State.WARN)
    assert found.message.startswith("tcp://127.0.0.1:1: no scheduler answers there")
    assert found.message.endswith("; this machine hears alone")


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        ({"tcp://a:1": "", "tcp://b:1": ""}, [(State.OK, "tcp://127.0.0.1:1: 2 workers hear 4 files at once")]),
        (
            {"tcp://a:1": "", "tcp://b:1": "numpy 2.3.1 instead of 2.4.0"},
            [
                (State.OK, "tcp://127.0.0.1:1: 1 worker hears 4 files at once"),
                (State.WARN, "tcp://b:1 is not asked: numpy 2.3.1 instead of 2.4.0"),
            ],
        ),
        (
            {"tcp://b:1": "it doesn't answer"},
            [
                (State.WARN, "tcp://127.0.0.1:1: no worker has the genred of this machine, which hears alone"),
                (State.WARN, "tcp://b:1 is not asked: it doesn't answer"),
            ],
        ),
    ],
)
def test_workers_that_disagree_are_named(
    monkeypatch: pytest.MonkeyPatch, workers: dict[str, str], said: list[tuple[State, str]]
) -> None:
    """With what is different at each."""
    monkeypatch.setattr(Cluster, "differences", lambda self: workers)
    monkeypatch.setattr(Cluster, "at_once", 4)
    findings = list(cluster.cluster(Config(cluster=HERE)))
    assert [(found.state, found.message) for found in findings] == said
    hangs = [found for found in findings if "doesn't answer" in found.message]
    assert all("hangs" in (found.hint or "") for found in hangs)
