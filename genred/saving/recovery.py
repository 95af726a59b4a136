"""Resolve writes that were begun and not finished.

A crash leaves an intent in the journal, and hashes tell what became of it:

====================================  =================================================================================
intent                                what it means
====================================  =================================================================================
not ready                             never swapped: the temporary is removed, the intent forgotten
ready, the name holds the new file    swapped: the temporary (the old file) is removed, the write finished
ready, the name holds the old file    not swapped: the temporary (the new file) is removed, the intent forgotten
ready, the temporary holds neither    somebody's file was swapped out in that instant: it is swapped back
ready, the name holds neither         somebody wrote since: that file stays, the temporary is removed, the intent
                                      forgotten
====================================  =================================================================================
"""

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from genred.errors import FileError, HistoryError
from genred.fs.files import open_regular, readable, sha256, stamp_of
from genred.history.journal import Intent, Journal
from genred.saving import kernel

NOT_YET = "not resolved yet"


def recover(journal: Journal) -> list[str]:
    """Resolve all of them, by somebody who holds the journal alone; return what became of each, in words."""
    return [f"{readable(intent.path)}: {_resolve(intent, journal)}" for intent in journal.unfinished()]


def follow(path: Path, journal: Journal) -> None:
    """Resolve the save of a file whose folder was renamed since, by somebody who holds the journal alone.

    The temporary lies beside the file, and nothing else has its name.
    """
    for intent in journal.unfinished():
        if path.name == intent.path.name and is_beside(path, intent):
            journal.move(intent, path.parent)
    recover(journal)


def is_beside(path: Path, intent: Intent) -> bool:
    """Return whether the temporary of an intent lies beside a file, and no longer where it was made."""
    return not os.path.lexists(intent.temp) and os.path.lexists(path.with_name(intent.temp.name))


def settle(write_ids: Collection[int], journal: Journal) -> None:
    """Clear up after saves that failed half way; what can't be done now is left to `recover`."""
    if write_ids:
        with suppress(OSError, HistoryError):
            for intent in journal.unfinished():
                if intent.id in write_ids:
                    _resolve(intent, journal)


def _resolve(intent: Intent, journal: Journal) -> str:
    try:
        gone = not (os.path.lexists(intent.path) or os.path.lexists(intent.temp))
        if gone and not os.path.lexists(intent.path.parent):
            return f"{NOT_YET}: its folder isn't there"
        if gone and os.stat(intent.path.parent).st_dev != intent.before.dev:
            return f"{NOT_YET}: its disk isn't there"
        if intent.ready:
            return _resolve_ready(intent, journal)
        kernel.remove(intent.temp)
        journal.abandon(intent.id)
        return "not saved, as it was"
    except (OSError, FileError) as error:
        return f"{NOT_YET}: {error}"


def _resolve_ready(intent: Intent, journal: Journal) -> str:
    path, temp = intent.path, intent.temp
    there, aside = _sha256_at(path), _sha256_at(temp)
    old, new = intent.before_sha256, intent.after_sha256
    if there == new and aside in (old, None):
        kernel.sync_folder(path.parent)
        kernel.remove(temp)
        journal.finish({intent.id: stamp_of(path)})
        return "saved"
    if there == new and aside != new:
        kernel.exchange(temp, path)
        if _sha256_at(temp) != new:  # that file was replaced once more meanwhile: the latest wins
            kernel.exchange(temp, path)
    elif aside not in (old, new, None):
        return f"not resolved: {readable(temp)} is none of genred's"
    kernel.remove(temp)
    journal.abandon(intent.id)
    return "not saved, as it was" if there == old else "somebody else's change is kept"


def _sha256_at(path: Path) -> bytes | None:
    """Return the hash of a file; None if there is nothing, empty bytes if there is something that is no file."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return b""
        with open_regular(path) as file:
            return sha256(file)
    except FileNotFoundError:
        return None
