"""Which mounts send events, and by which name a file system is known again."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from genred.fs.mounts import Mount, eventless, file_system, mount_of, mounts_below, read_mounts
from tests.namespace import in_a_namespace

TABLE = rb"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /srv/nas rw,relatime - autofs systemd-1 rw
31 30 0:41 / /srv/nas rw,relatime shared:9 master:2 - nfs4 nas:/music rw
32 22 0:42 / /home/me/My\040Music\012\303\251 rw - fuse.sshfs me@host: rw
33 22 8:1 / /media/usb rw - fuseblk /dev/sdb1 rw
34 22 0:44 / /srv/music rw - btrfs /dev/sdc rw
35 34 0:43 / /srv/music/share rw - cifs //nas/share rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> tuple[Mount, ...]:
    table = tmp_path / "mountinfo"
    table.write_bytes(TABLE)
    return read_mounts(table)


@pytest.mark.parametrize(
    ("path", "kind", "silent"),
    [
        ("/home/me/Music", "ext4", False),
        ("/srv/nas", "nfs4", True),
        ("/srv/nas/a/b", "nfs4", True),
        ("/srv/nasty", "ext4", False),
        ("/home/me/My Music\né/x", "fuse.sshfs", True),
        ("/media/usb/music", "fuseblk", False),
        ("/srv/music/a", "btrfs", False),
        ("/srv/music/share/a", "cifs", True),
    ],
)
def test_the_deepest_and_last_mount_counts(mounts: tuple[Mount, ...], path: str, kind: str, silent: bool) -> None:
    """A path lies on the deepest mount around it, on the last of several there, and network and FUSE send no events."""
    mount = mount_of(Path(path), mounts)
    assert mount is not None
    assert (mount.kind, mount.eventless) == (kind, silent)


def test_mounts_inside_a_folder_are_seen(mounts: tuple[Mount, ...]) -> None:
    """A share mounted somewhere below a local folder is found, the folder's own mount isn't."""
    assert [mount.kind for mount in mounts_below(Path("/srv/music"), mounts)] == ["cifs"]


def test_a_share_in_a_local_folder_makes_it_eventless(mounts: tuple[Mount, ...]) -> None:
    """A folder with a share in it can't be left to events, nor can one inside a share; a local one beside it can."""
    reasons = [eventless(Path(path), mounts) for path in ("/srv", "/srv/nas/a", "/media")]
    assert [reason and reason.kind for reason in reasons] == ["nfs4", "nfs4", None]


def test_this_system_has_mounts() -> None:
    """The real table is read, and everything lies on some mount; without one there are none."""
    assert mount_of(Path("/proc/self"), read_mounts()) in read_mounts()
    assert read_mounts(Path("/nonexistent")) == ()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/nas/a", "nfs4 nas:/music /"),
        ("/home/me/My Music\né", "fuse.sshfs me@host: /"),
        ("/srv/music/share/a", "cifs //nas/share /"),
    ],
)
def test_a_share_is_known_by_where_it_comes_from(mounts: tuple[Mount, ...], path: str, name: str) -> None:
    """Without being asked, for it may be long in answering; here it doesn't even exist."""
    assert file_system(Path(path), mounts) == name


def test_a_local_file_system_is_known_by_what_is_on_the_disk(tmp_path: Path, mounts: tuple[Mount, ...]) -> None:
    """Everywhere on it the same, another for another; a folder of it that is mounted elsewhere has its own."""
    here = file_system(tmp_path, read_mounts())
    assert file_system(tmp_path.parent, read_mounts()) == here
    assert file_system(Path("/proc"), read_mounts()) != here
    mounted = replace(mounts[0], point=tmp_path, top="/music")
    assert file_system(tmp_path, [*read_mounts(), mounted]) != here


def test_a_kind_that_has_only_a_number_is_known_by_its_size_too(tmp_path: Path, mounts: tuple[Mount, ...]) -> None:
    """Two sticks that come to the same socket one after the other have the same number."""
    stick = replace(mounts[0], point=tmp_path, kind="exfat")
    st = os.statvfs(tmp_path)
    assert file_system(tmp_path, [stick]) == f"exfat {st.f_fsid:x} / {st.f_blocks * st.f_frsize}"


def test_without_a_table_nothing_is_known_and_nothing_changes(tmp_path: Path) -> None:
    """Where there is no /proc a folder has no more than that."""
    assert file_system(tmp_path, ()) == "unknown"


def test_a_mount_is_noticed(tmp_path: Path) -> None:
    """And an unmount; once each."""
    script = """
        from genred.fs.mounts import MountTable
        with closing(MountTable()) as table:
            for command in (["mount", "-t", "tmpfs", "none"], ["umount"]):
                assert not table.changed()
                subprocess.run([*command, music], check=True)
                assert table.changed()
            assert not table.changed()
    """
    in_a_namespace("true", script, tmp_path)
