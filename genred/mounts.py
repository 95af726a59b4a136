"""What a folder is mounted from, and whether changes there send events.

inotify tells what this kernel did. What another machine did to a share, or a FUSE daemon to what lies behind it,
is never told, so such folders have to be scanned.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_EVENTLESS = frozenset(
    {"9p", "afs", "afpfs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse", "gfs2", "glusterfs", "gpfs", "lustre"}
    | {"ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"}
)


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo; see proc(5)."""

    id: int
    point: Path
    kind: str

    @property
    def eventless(self) -> bool:
        """Whether files can change there without an event (fuseblk is a local disk and isn't meant)."""
        return self.kind in _EVENTLESS or self.kind.startswith("fuse.")


def read_mounts(table: Path = Path("/proc/self/mountinfo")) -> tuple[Mount, ...]:
    """The mounts this process sees, oldest first; none if there is no /proc."""
    try:
        lines = table.read_bytes().splitlines()
    except OSError:
        return ()
    return tuple(_parse(line) for line in lines)


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


def _parse(line: bytes) -> Mount:
    # 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    fields, _, source = line.partition(b" - ")
    number, _, _, _, point = fields.split(b" ")[:5]
    unescaped = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), point)
    return Mount(int(number), Path(unescaped.decode("utf-8", "surrogateescape")), source.split(b" ")[0].decode())
