"""Other genreds at work, which a new service would be in the way of."""

from genred import config
from genred.errors import LockedError, ServiceError
from genred.fs.files import readable
from genred.service import units
from genred.service.manager import Manager
from genred.service.status import ask, how_to_stop, lock_of


def refuse_rivals(manager: Manager, settings: config.Config) -> None:
    """Refuse if another genred is at work on the same history, or the machine's on the same folders as a person's.

    Raises
    ------
    GenredError
        If there is one; the message says how to stop it.
    """
    database = manager.history(settings)
    lock = lock_of(database)
    at_work, _ = ask(lock)
    if at_work:
        raise LockedError(f"another genred is at work on {readable(database)}; {how_to_stop(lock)}")
    machine = units.installed(user=False) if manager.user else None
    if not machine or not machine.runs:
        return
    for theirs in units.opened(machine.texts()):
        for mine in settings.watch.directories:
            if theirs.is_relative_to(mine) or mine.is_relative_to(theirs):
                how = "to stop it: sudo systemctl disable --now genred"
                raise ServiceError(f"the machine's genred is at work in {readable(theirs)}, and one is enough; {how}")
