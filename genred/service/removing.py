"""The way back from `genred service install`: what it wrote is removed, and nothing else."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genred.errors import ServiceError
from genred.fs.files import readable
from genred.service import units
from genred.service.manager import Manager, text_of


@dataclass(frozen=True, slots=True)
class Removal:
    """What `remove` removes."""

    manager: Manager
    files: tuple[Path, ...]

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """The words for systemctl, before the files are removed and after that."""
        return [("disable", "--now", units.NAME), ("daemon-reload",)] if self.files else []


def removal(manager: Manager) -> Removal:
    """Find out what there is to remove.

    Raises
    ------
    ServiceError
        If a file isn't as `genred service install` wrote it.
    """
    manager.demand()
    files = tuple(path for path in (manager.unit, manager.drop_in) if path.is_symlink() or path.exists())
    for path in files:
        if path.is_symlink() or not units.intact(text_of(path) or ""):
            how = f"`{manager.typed('disable', '--now', 'genred')}` stops the service, and the file is yours to remove"
            raise ServiceError(f"{readable(path)}: isn't as `genred service install` wrote it, so it stays; {how}")
    if not files and (found := manager.installed()) and found.files:
        raise ServiceError(f"{readable(found.files[0])}: `genred service install` didn't write it, so it stays")
    return Removal(manager, files)


def remove(removal: Removal) -> None:
    """Stop the service, and remove what `carry_out` wrote but for the configuration.

    Raises
    ------
    ServiceError
        If systemd or the file system refuses.
    """
    manager, (stop, read_again) = removal.manager, removal.commands
    manager.do(*stop)
    try:
        for path in removal.files:
            path.unlink()
    except OSError as error:
        raise ServiceError(f"{readable(path)}: can't be removed ({error.strerror})") from error
    with suppress(OSError):  # a person's own drop-in may be there
        manager.drop_in.parent.rmdir()
    manager.do(*read_again)
    with suppress(ServiceError):  # mostly it is forgotten already
        manager.do("reset-failed", units.NAME)
