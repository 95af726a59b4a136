"""What a folder is mounted from, by which name to know it again, and whether changes there send events.

inotify tells what this kernel did. What another machine did to a share, or a FUSE daemon to what lies behind it,
is never told, so such folders have to be scanned.
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
        """Whether files can change there without an event (fuseblk is a local disk and isn't meant)."""
        return self.kind in _EVENTLESS or self.kind.startswith("fuse.")


def read_mounts(table: Path = Path("/proc/self/mountinfo")) -> tuple[Mount, ...]:
    """The mounts this process sees, oldest first; none if there is no /proc."""
    try:
        return _parsed(table.read_bytes())
    except OSError:
        return ()


def mount_of(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """The mount a resolved path lies on: the deepest, and of several at one point the last, which hides the others."""
    around = [mount for mount in mounts if path.is_relative_to(mount.point)]
    return max(reversed(around), key=lambda mount: len(mount.point.parts), default=None)


def eventless(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """What keeps events from coming from a resolved folder, or from a part of it; None if all of it sends them."""
    mounts = tuple(mounts)
    candidates = (mount_of(path, mounts), *mounts_below(path, mounts))
    return next((mount for mount in candidates if mount is not None and mount.eventless), None)


def mounts_below(path: Path, mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """The mounts inside a folder."""
    return tuple(mount for mount in mounts if path in mount.point.parents)


def file_system(path: Path, mounts: Iterable[Mount]) -> str:
    """A name for what a resolved folder lies on, the same after a reboot as far as the kernel knows one.

    Most local kinds have an identifier of their own on the disk. Those that are known by the number of their device
    only change it with the order of plugging in, and two sticks in one socket have the same: their size tells most of
    them apart. A share is what it is mounted from, and isn't asked: it may be long in answering.

    Raises
    ------
    OSError
        If it doesn't say.
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
    """Tells whether anything was mounted or unmounted since it was asked last; never if there is no /proc."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._table: BinaryIO | None = None
        with suppress(OSError):
            self._table = open("/proc/self/mountinfo", "rb")  # noqa: SIM115 - as long-lived as this
            self._poll.register(self._table, select.POLLPRI)

    def changed(self) -> bool:
        return self._table is not None and bool(self._poll.poll(0))

    def close(self) -> None:
        if self._table is not None:
            self._table.close()
            self._table = None


@lru_cache(maxsize=1)  # every folder is looked after every few seconds, and the table hardly ever changes
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
