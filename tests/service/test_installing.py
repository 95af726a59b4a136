"""From an installed genred to a service and back, with a systemd that isn't there; tests/systemd/run has a real one."""

import os
import pwd
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from genred import config
from genred.errors import ConfigError, LockedError, ServiceError, WatchError
from genred.fs.locks import locked
from genred.service import units
from genred.service.installing import Plan, carry_out, plan
from genred.service.manager import Manager
from genred.service.removing import Removal, removal, remove
from tests.service.systemd import FakeSystemd

ME = pwd.getpwuid(os.getuid()).pw_name


class Place:
    """A manager with a systemd, a program and music; the machine's is asked by root, a person's by somebody else."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch, *, user: bool) -> None:
        self.manager = Manager(
            user, base / "units", base / "etc/genred/config.toml", base / "state", base / "cache", base / "bin"
        )
        self.systemd = FakeSystemd(base / "bin", self.manager.folder)
        self.program = base / "bin" / "my genred"
        self.program.write_text("#!/bin/sh\n")
        self.program.chmod(0o755)
        self.music = base / "my 100% music"
        self.music.mkdir()
        monkeypatch.setenv("PATH", f"{base}/bin:{os.environ['PATH']}")
        monkeypatch.setattr(os, "geteuid", lambda: 1000 if user else 0)

    def plan(self, *folders: Path, file: Path | None = None) -> Plan:
        runs_as = "" if self.manager.user else ME
        return plan(self.manager, folders or (self.music,), self.program, file, runs_as)

    def files(self) -> dict[str, str]:
        """All files of the service, with their texts."""
        base = self.manager.folder.parent
        found = [*self.manager.folder.rglob("*"), *(base / "etc").rglob("*")]
        return {str(file.relative_to(base)): file.read_text() for file in found if file.is_file()}


@pytest.fixture(params=["user", "system"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch, user=request.param == "user")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch, user=True)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch, user=False)


ALL = {"etc/genred/config.toml", "units/genred.service", "units/genred.service.d/library.conf"}


def test_three_files_make_a_service_that_runs(place: Place) -> None:
    """The unit is the shipped one; the drop-in names the program and the configuration, whatever signs are in them."""
    carry_out(place.plan())
    assert place.systemd.calls() == ["daemon-reload", "enable genred.service", "restart genred.service"]
    assert (place.systemd.is_("running"), place.systemd.is_("enabled")) == (True, True)
    files = place.files()
    assert files.keys() == ALL
    assert config.load(place.manager.config_file, {}).watch.directories == (place.music,)
    unit, drop_in = files["units/genred.service"], files["units/genred.service.d/library.conf"]
    assert units.compared(unit, user=place.manager.user) == "current"
    assert units.intact(drop_in)
    assert units.setting([drop_in], "ExecStart") == f"{place.program} run"
    assert "my\\x20genred" in drop_in
    assert units.setting([drop_in], "Environment=GENRED_CONFIG") == str(place.manager.config_file)


def test_the_machines_service_runs_as_somebody_and_opens_the_music(machine: Place) -> None:
    """Whoever was named once is remembered, and the history is where all find it."""
    carry_out(machine.plan())
    drop_in = machine.files()["units/genred.service.d/library.conf"]
    assert units.setting([drop_in], "User") == ME
    assert units.opened([drop_in]) == [machine.music]
    assert config.load(machine.manager.config_file, {}).database == machine.manager.state / "history.db"
    again = plan(machine.manager, (), machine.program)
    assert (again.runs_as, again.commands) == (ME, [])


def test_a_second_time_changes_nothing(place: Place) -> None:
    """Nothing is written, and systemd is told nothing."""
    carry_out(place.plan())
    place.systemd.calls()
    again = place.plan()
    assert (again.commands, [draft for draft in again.drafts if draft.new]) == ([], [])
    carry_out(again)
    assert place.systemd.calls() == []


def test_a_rehearsal_touches_nothing(place: Place) -> None:
    """A plan only says what it would do."""
    assert {draft.path.name for draft in place.plan().drafts} == {"config.toml", "genred.service", "library.conf"}
    assert (place.files(), place.systemd.calls()) == ({}, [])


def test_a_stopped_service_is_started_again(place: Place) -> None:
    """Also one that failed too often; its files stay as they are."""
    carry_out(place.plan())
    (place.systemd.here / "running").unlink()
    place.systemd.be("failed")
    place.systemd.calls()
    carry_out(place.plan())
    assert place.systemd.calls() == ["reset-failed genred.service", "restart genred.service"]


def test_after_an_update_the_unit_is_the_new_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of another version are replaced, and what runs is started anew; the configuration stays."""
    with monkeypatch.context() as earlier:
        earlier.setattr(units, "__version__", "0.0.9")
        earlier.setattr(units, "shipped", lambda *, user: "[Service]\nExecStart=/old\n")
        carry_out(place.plan())
    with place.manager.config_file.open("a") as file:
        file.write("# mine\n")
    assert units.compared(place.files()["units/genred.service"], user=place.manager.user) == "older"
    place.systemd.calls()
    carry_out(plan(place.manager, (), place.program))
    assert place.systemd.calls() == ["daemon-reload", "restart genred.service"]
    assert units.compared(place.files()["units/genred.service"], user=place.manager.user) == "current"
    assert place.files()["etc/genred/config.toml"].endswith("# mine\n")


@pytest.mark.parametrize("name", ["genred.service", "genred.service.d/library.conf"])
def test_a_file_that_a_person_changed_is_never_overwritten_or_removed(place: Place, name: str) -> None:
    """Neither by an installation nor by a removal; the message names it."""
    carry_out(place.plan())
    with (place.manager.folder / name).open("a") as file:
        file.write("Nice=5\n")
    before = place.files()
    for tried in (place.plan, lambda: removal(place.manager)):
        with pytest.raises(ServiceError, match=f"{name}: isn't as `genred service install` w"):
            tried()
    assert place.files() == before


def test_a_link_in_the_place_of_a_unit_stays(place: Place, tmp_path: Path) -> None:
    """So systemd masks a unit, and so people keep their files elsewhere."""
    carry_out(place.plan())
    place.manager.unit.rename(tmp_path / "elsewhere")
    place.manager.unit.symlink_to(tmp_path / "elsewhere")
    for tried in (place.plan, lambda: removal(place.manager)):
        with pytest.raises(ServiceError, match="isn't as"):
            tried()


def test_a_unit_of_a_package_is_used(place: Place) -> None:
    """It gets a configuration and a drop-in, and outlives their removal."""
    place.systemd.packaged.parent.mkdir()
    place.systemd.packaged.write_text("[Service]\n")
    carry_out(place.plan())
    assert place.files().keys() == ALL - {"units/genred.service"}
    assert place.systemd.is_("running")
    remove(removal(place.manager))
    assert place.files().keys() == {"etc/genred/config.toml"}
    assert place.systemd.packaged.exists()
    with pytest.raises(ServiceError, match="didn't write it"):
        removal(place.manager)


def test_a_unit_that_somebody_put_elsewhere_stays_alone(own: Place, tmp_path: Path) -> None:
    """It isn't hidden by another one."""
    own.manager = replace(own.manager, vendor=tmp_path / "usr")
    own.systemd.packaged.parent.mkdir()
    own.systemd.packaged.write_text("[Service]\n")
    with pytest.raises(ServiceError, match="somebody put this unit there"):
        own.plan()
    assert own.files() == {}


def test_a_unit_that_was_copied_by_hand_is_taken_over(place: Place) -> None:
    """As long as it is the shipped one, to the letter."""
    place.manager.folder.mkdir()
    place.manager.unit.write_text(units.shipped(user=place.manager.user))
    carry_out(place.plan())
    assert units.intact(place.manager.unit.read_text())


def test_a_configuration_is_never_overwritten(place: Place) -> None:
    """Folders that it has may be named, also folders in them; one that it lacks is refused."""
    file = place.manager.config_file
    file.parent.mkdir(parents=True)
    file.write_text(f"[watch]\ndirectories = ['{place.music}']\n")
    (place.music / "Jazz").mkdir()
    place.plan(place.music / "Jazz")
    with pytest.raises(ConfigError, match=r"is there already, so it stays, and its watch.directories lacks .*/bin;"):
        place.plan(place.music, place.systemd.here)
    file.write_text("[wach]\n")
    with pytest.raises(ConfigError, match="no such section"):
        place.plan()
    file.write_text("")
    with pytest.raises(ConfigError, match="names no folder"):
        plan(place.manager, (), place.program, None, ME)


def test_another_configuration_is_remembered(own: Place, tmp_path: Path) -> None:
    """The service reads the one that was named, also after the next installation, which doesn't name it."""
    carry_out(own.plan(file=tmp_path / "other.toml"))
    assert not own.manager.config_file.exists()
    assert plan(own.manager, (), own.program).commands == []


@pytest.mark.parametrize(
    ("folders", "error", "message"),
    [
        ((), ConfigError, "there is no configuration yet"),
        (("none",), WatchError, "none: no such folder"),
        (("bin/systemctl",), WatchError, "systemctl: no folder"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    place: Place, tmp_path: Path, folders: Sequence[str], error: type[Exception], message: str
) -> None:
    """Before anything is written."""
    with pytest.raises(error, match=message):
        plan(place.manager, [tmp_path / name for name in folders], place.program, None, ME)
    assert place.files() == {}


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused(own: Place) -> None:
    """genred could tag nothing there."""
    own.music.chmod(0o555)
    with pytest.raises(WatchError, match="you may not write there"):
        own.plan()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run as somebody else")
def test_the_owner_must_be_able_to_write_and_to_start_genred(machine: Place) -> None:
    """A folder of root's needs a name, and the one who is named is tried out."""
    with pytest.raises(ServiceError, match="belongs to root"):
        plan(machine.manager, [machine.music], machine.program)
    with pytest.raises(WatchError, match="nobody may not write there"):
        plan(machine.manager, [machine.music], machine.program, None, "nobody")
    with pytest.raises(ServiceError, match="nobody can't start it"):
        plan(machine.manager, [Path("/tmp")], machine.program, None, "nobody")
    os.chown(machine.music, pwd.getpwnam("nobody").pw_uid, -1)
    other = machine.music.with_name("other")
    other.mkdir()
    os.chown(other, pwd.getpwnam("daemon").pw_uid, -1)
    with pytest.raises(ServiceError, match=r"belongs to nobody, and .* to daemon; say as whom"):
        plan(machine.manager, [machine.music, other], machine.program)


def test_nobody_of_that_name(machine: Place) -> None:
    """A name that isn't a user's is refused."""
    with pytest.raises(ServiceError, match="there is no user ghost"):
        plan(machine.manager, [machine.music], machine.program, None, "ghost")


def test_another_genred_at_work_is_told_beforehand(own: Place) -> None:
    """A `genred run` in a terminal has the history, so that the service couldn't start."""
    own.manager.state.mkdir()
    with locked(own.manager.state / "run.lock"), pytest.raises(LockedError, match="another genred is at work"):
        own.plan()


def test_the_machines_genred_in_the_same_folders_is_told_beforehand(own: Place) -> None:
    """One is enough; in other folders it is in nobody's way."""
    own.systemd.has_machine(own.music.with_name("others"))
    own.plan()
    own.systemd.has_machine(own.music / "Jazz")
    with pytest.raises(ServiceError, match=r"the machine's genred is at work in .*/Jazz, and one is enough"):
        own.plan()


def test_a_start_that_fails_shows_the_log_and_leaves_nothing(place: Place) -> None:
    """Not even the folders that were made."""
    place.systemd.be("broken")
    (place.systemd.here / "log").write_text("config.toml:3: a mistake\n")
    with pytest.raises(ServiceError) as refused:
        carry_out(place.plan())
    assert "Job for genred.service failed." in str(refused.value)
    assert "  config.toml:3: a mistake\n" in str(refused.value)
    assert place.files() == {}
    assert not place.manager.folder.exists()
    assert not place.systemd.is_("enabled")


class Impatient(Manager):
    """Somebody presses Ctrl-C while genred starts."""

    def do(self, *words: str) -> None:
        if words[0] == "restart":
            raise KeyboardInterrupt
        super().do(*words)


def test_ctrl_c_leaves_nothing(place: Place) -> None:
    """As a start that fails."""
    place.manager = Impatient(*astuple(place.manager))
    with pytest.raises(KeyboardInterrupt):
        carry_out(place.plan())
    assert place.files() == {}
    assert place.systemd.calls()[-2:] == ["disable --now genred.service", "daemon-reload"]


def test_a_stopped_service_that_does_not_start_is_not_tried_again(place: Place) -> None:
    """It is stopped as before, and stays enabled."""
    carry_out(place.plan())
    (place.systemd.here / "running").unlink()
    place.systemd.be("broken")
    place.systemd.calls()
    with pytest.raises(ServiceError):
        carry_out(place.plan())
    assert place.systemd.calls() == ["restart genred.service", "stop genred.service", "daemon-reload"]
    assert place.systemd.is_("enabled")


def test_an_update_that_does_not_start_puts_the_old_files_back(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """And starts what ran before."""
    with monkeypatch.context() as earlier:
        earlier.setattr(units, "__version__", "0.0.9")
        carry_out(place.plan())
    before = place.files()
    place.systemd.be("broken")
    place.systemd.calls()
    with pytest.raises(ServiceError, match="as it was before"):
        carry_out(place.plan())
    assert place.files() == before
    assert place.systemd.calls()[-2:] == ["daemon-reload", "restart genred.service"]
    assert place.systemd.is_("enabled")


def test_a_place_that_cannot_be_written_is_told(place: Place) -> None:
    """With its name, and what was written before is taken back."""
    made = place.plan()
    place.manager.folder.write_text("no folder")
    with pytest.raises(ServiceError, match=r"units/genred.service: can't be written \(Not a directory\)"):
        carry_out(made)
    assert place.files() == {}


def test_a_manager_that_does_not_look_there_is_told(place: Place, tmp_path: Path) -> None:
    """As one of a person's that knows nothing of $XDG_CONFIG_HOME."""
    script = place.systemd.here / "systemctl"
    script.write_text(script.read_text().replace(f"{place.manager.folder}/genred.service", "/nowhere"))
    with pytest.raises(ServiceError, match="systemd doesn't look for units in"):
        carry_out(place.plan())
    assert place.files() == {}


def test_a_removal_leaves_the_configuration_and_what_is_not_its_own(place: Place) -> None:
    """A person's own drop-in stays; a second removal finds nothing."""
    carry_out(place.plan())
    mine = place.manager.drop_in.with_name("override.conf")
    mine.write_text("[Service]\nNice=5\n")
    place.systemd.calls()
    remove(removal(place.manager))
    assert place.systemd.calls() == [
        "disable --now genred.service",
        "daemon-reload",
        "reset-failed genred.service",
    ]
    assert place.files().keys() == {"etc/genred/config.toml", "units/genred.service.d/override.conf"}
    assert removal(place.manager) == Removal(place.manager, ())
    mine.unlink()
    carry_out(place.plan())
    remove(removal(place.manager))
    assert not mine.parent.exists()


@pytest.mark.parametrize(
    ("user", "uid", "message"),
    [(True, 0, "you are root"), (False, 1000, "takes root")],
    ids=["root's own", "the machine's without root"],
)
def test_the_wrong_person_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: bool, uid: int, message: str
) -> None:
    """Root's own service is hardly meant, and nobody else makes the machine's."""
    place = Place(tmp_path, monkeypatch, user=user)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    with pytest.raises(ServiceError, match=message):
        place.plan()


def test_a_systemd_that_is_not_there_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """None at all, or one that doesn't answer, as behind su or in a container."""
    place.systemd.be("away")
    with pytest.raises(ServiceError, match="systemd doesn't answer"):
        place.plan()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServiceError, match="there is no systemd"):
        place.plan()
