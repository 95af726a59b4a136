"""Tell what a folder is mounted from, by which name to know it again, and whether changes in it send events.

inotify reports what this kernel did. It doesn't report what another machine did to a share, or what a FUSE daemon did
to the files behind it, so such folders have to be scanned.
"""

import os
import re
import select
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

_EVENTLESS = frozenset(
    {"9p", "afs", "afpfs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse", "gfs2", "glusterfs", "gpfs", "lustre"}
    | {"ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"}
)
_NUMBERED_BY_DEVICE = frozenset({"exfat", "f2fs", "fuseblk", "hfsplus", "msdos", "ntfs3", "udf", "vfat", "xfs"})


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo; see proc(5)."""

    id: int
    device: str
    top: str
    point: Path
    kind: str
    source: str

    @property
    def eventless(self) -> bool:
        """True if files can change there without an event; false for fuseblk, which is a local disk."""
        return self.kind in _EVENTLESS or self.kind.startswith("fuse.")


def read_mounts(table: Path = Path("/proc/self/mountinfo")) -> tuple[Mount, ...]:
    """Return the mounts that this process sees, oldest first; none if there is no /proc."""
    try:
        return _parsed(table.read_bytes())
    except OSError:
        return ()


def mount_of(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """Return the mount of a resolved path: the deepest; of several at one point the last, which hides the others."""
    around = [mount for mount in mounts if path.is_relative_to(mount.point)]
    return max(reversed(around), key=lambda mount: len(mount.point.parts), default=None)


def eventless(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """Return the mount in or around a resolved folder that sends no events; None if all of the folder sends them."""
    mounts = tuple(mounts)
    candidates = (mount_of(path, mounts), *mounts_below(path, mounts))
    return next((mount for mount in candidates if mount is not None and mount.eventless), None)


def mounts_below(path: Path, mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """Return the mounts inside a folder."""
    return tuple(mount for mount in mounts if path in mount.point.parents)


def file_system(path: Path, mounts: Iterable[Mount]) -> str:
    """Return a name for the file system of a resolved folder; it stays the same after a reboot if the kernel knows one.

    Most local file systems have an identifier on the disk. Some are only known by the number of their device: the
    number changes with the order in which disks are plugged in, and two sticks in the same socket have the same, but
    their size tells most of them apart. A share is named after its source; it is not asked, because it may take long
    to answer.

    Raises
    ------
    OSError
        If the file system doesn't answer.
    """
    mount = mount_of(path, mounts)
    if mount is None:
        return "unknown"
    if mount.eventless:
        return f"{mount.kind} {mount.source} {mount.top}"
    st = os.statvfs(path)
    size = st.f_blocks * st.f_frsize if mount.kind in _NUMBERED_BY_DEVICE else ""
    return f"{mount.kind} {f'{st.f_fsid:x}' if st.f_fsid else mount.source} {mount.top} {size}".rstrip()


class MountTable:
    """Tells whether anything was mounted or unmounted since the last question; without /proc, nothing ever was."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._table: BinaryIO | None = None
        with suppress(OSError):
            self._table = open("/proc/self/mountinfo", "rb")  # noqa: SIM115 - open as long as this object is used
            self._poll.register(self._table, select.POLLPRI)

    def changed(self) -> bool:
        """Return whether anything was mounted or unmounted since the last call."""
        return self._table is not None and bool(self._poll.poll(0))

    def close(self) -> None:
        if self._table is not None:
            self._table.close()
            self._table = None


@lru_cache(maxsize=1)  # every root is checked every few seconds, and the table hardly ever changes
def _parsed(table: bytes) -> tuple[Mount, ...]:
    return tuple(map(_parse, table.splitlines()))


def _parse(line: bytes) -> Mount:
    # 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    fields, _, rest = line.partition(b" - ")
    number, _, device, top, point = map(_unescaped, fields.split(b" ")[:5])
    kind, source = map(_unescaped, rest.split(b" ")[:2])
    return Mount(int(number), device, top, Path(point), kind, source)


def _unescaped(field: bytes) -> str:
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), field))
