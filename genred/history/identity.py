"""Recognise files: one answer to "which known file is this?" for tagging, explaining, learning and undoing.

A path is only a name. What is known belongs to a file, and goes with it when it is renamed, moved to another disk,
restored from a backup, or seen under a second name. `Stamp` names the ways in which two looks can be at the same file;
here they are asked in the order of what they prove:

1. the name has the same inode: the file, whatever was edited in it;
2. another name had this inode, size and time: the file was renamed, or has two names (a hard link, a bind mount);
3. the name has the same size and time of modification: its disk was mounted anew, or it was copied back;
4. another name, which is gone, had the same size and time of modification: it was moved or restored;
5. the name was known: what lies there now is the file, edited by replacement, or another file. Only its sound can tell.

A copy beside its original is a file of its own; `copied_answer` finds out whether its genre is genred's all the same.
"""

import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

from genred.errors import FileError
from genred.fs.files import Stamp, open_regular, sha256, stamp_of
from genred.genres import Place, is_said, said
from genred.history.history import History
from genred.history.records import Author, Known


def recognise(history: History, path: Path, stamp: Stamp) -> Known | None:
    """Return what is known of the file at a path, whatever its name was; failing that, what is known of the name.

    Parameters
    ----------
    history
        What is known.
    path, stamp
        The file as it is now.
    """
    here = history.files.known(path)
    if here is not None and here.stamp.same_file(stamp):
        return here
    namesakes = sorted(history.files.of_file(stamp), key=lambda known: is_at(known.path, stamp))
    if namesakes:
        return namesakes[0]
    if here is not None and here.stamp.same_content(stamp):
        return here
    moved = [known for known in history.files.of_content(stamp) if not os.path.lexists(known.path)]
    named = [known for known in moved if known.path.name == path.name]
    # An archive gives all that is unpacked from it one time in whole seconds; then the size alone would decide.
    exact = moved if stamp.mtime_ns % 1_000_000_000 else []
    return next(iter(named or exact), here)


def is_at(path: Path, stamp: Stamp) -> bool:
    """Return whether a name is that of this very file."""
    try:
        return stamp_of(path).same_file(stamp)
    except FileError:
        return False


def follow(history: History, known: Known, path: Path, stamp: Stamp) -> None:
    """Note the name and the times that a known file has now; a second name of it is noted beside the first."""
    if known.path != path and is_at(known.path, stamp):
        history.files.name_also(known, path, stamp)
    elif (known.path, known.stamp) != (path, stamp):
        history.files.refresh(known, path, stamp)


def copied_answer(history: History, path: Path, stamp: Stamp, places: Sequence[Place], separator: str) -> int | None:
    """Return the write of genred's whose genres came with a file, because it is a copy; None where they are a person's.

    A copy that kept its times is known by size and time. One that didn't is read, but only where a tagged file of its
    size is known, and compared with the sha256 that tag writes left. The original may still be there, or be gone. What
    a person confirmed for the original is theirs in the copy too.
    """
    for original, write in _originals(history, path, stamp):
        answer = history.answer(write)
        is_confirmed = original.by is Author.YOU and is_said(places, original.genres, separator)
        if answer is not None and is_said(places, answer, separator) and not is_confirmed:
            return write
    return None


def author(history: History, path: Path, stamp: Stamp, places: Sequence[Place], separator: str) -> Author | None:
    """Return who wrote the genres that a file names now; None where it names none.

    A genre that genred wrote is genred's in every copy of the file, until a person changes or confirms it.
    """
    if not said(places):
        return None
    known = history.files.known(path)
    wrote = history.answer(known.wrote) if known is not None and known.wrote is not None else None
    if known is not None and wrote is not None and is_said(places, wrote, separator):
        return known.by or Author.GENRED
    is_copy = copied_answer(history, path, stamp, places, separator) is not None
    return Author.GENRED if is_copy else Author.YOU


def _originals(history: History, path: Path, stamp: Stamp) -> Iterator[tuple[Known, int]]:
    """Yield the files of which this one is a copy, as a tag write left them, and the write."""
    if not history.files.count_tagged(stamp.size):
        return
    tagged = [(known, known.wrote) for known in history.files.of_content(stamp) if known.path != path]
    yield from ((known, write) for known, write in tagged if write is not None)
    if (digest := sha256_of(path)) is not None:
        yield from ((known, write) for known, write in history.files.left_as(stamp.size, digest) if known.path != path)


def is_original(history: History, known: Known, path: Path, stamp: Stamp) -> bool:
    """Return whether a tagged file was replaced by what it was before genred wrote to it.

    That is what synchronising with an untagged master copy does: another file, the old bytes, the old time. A person
    who removes the genre leaves a new time.
    """
    if known.wrote is None or known.stamp.same_file(stamp):
        return False
    originals = history.files.originals(known, stamp)
    return bool(originals) and sha256_of(path) in originals


def sha256_of(path: Path) -> bytes | None:
    """Return the hash of a file, None where it can't be read."""
    try:
        with open_regular(path) as file:
            return sha256(file)
    except (FileError, OSError):
        return None


def sounds_alike(one: bytes, other: bytes) -> bool:
    """Return whether two vectors of features are of the same piece."""
    pairs = list(zip(array("f", one), array("f", other), strict=True))
    # The libraries of another year hear the same piece a little differently, never most of it.
    return 2 * sum(abs(old - new) > 0.01 * abs(old) for old, new in pairs) <= len(pairs)
