"""Pass on the kernel's events of one folder (watchdog lives here).

watchdog mends its watches after an overflow of the kernel's queue, and says nothing of what was lost; it passes in
silence over a limit that keeps folders from being watched, and over the end of a watch. All that is told here.
"""

import errno
import os
from collections.abc import Collection
from pathlib import Path
from typing import cast

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

from genred.watching.hints import Hints

# Opening and reading a file are nobody's business, and every kind left out delays the overflow of the kernel's queue.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileClosedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]
_LIMITS = {errno.ENOSPC: "fs.inotify.max_user_watches", errno.EMFILE: "fs.inotify.max_user_instances"}


class EventSource:
    """Watch a folder, and pass on what happens there.

    Parameters
    ----------
    path
        The folder, resolved.
    hints
        Takes what happens.
    recursive
        Whether folders inside it are watched, too.
    rules
        Names of files that say what is left alone in their folders: the end of one is news, too.

    Raises
    ------
    OSError
        If not even the folder itself can be watched; see `cause`.
    """

    def __init__(self, path: Path, hints: Hints, *, recursive: bool, rules: Collection[str] = ()) -> None:
        self._reader = _Reader(path, hints)
        self._observer = _Observer(self._reader)
        self._reader.start()
        try:
            self._observer.schedule(_Reporter(hints, rules), path, recursive=recursive, event_filter=_EVENTS)
            self._observer.start()
        except OSError:
            self._observer.stop()
            raise

    @property
    def broken(self) -> bool:
        """Return whether nothing comes any more: the watch of the folder itself has ended, or a thread has."""
        threads = (self._observer, self._reader, *self._observer.emitters)
        return self._reader.blind or not all(thread.is_alive() for thread in threads)

    @property
    def confused(self) -> bool:
        """Return whether events may carry wrong paths."""
        return self._reader.confused

    @property
    def limit(self) -> OSError | None:
        """Return why some folder can't be watched; None where all are."""
        return self._reader.limit

    def close(self) -> None:
        self._observer.stop()
        self._observer.join()


def cause(error: OSError) -> str:
    """Return in words why a folder can't be watched."""
    return f"{_LIMITS[error.errno]} is too low" if error.errno in _LIMITS else str(error.strerror)


class _Reporter(FileSystemEventHandler):
    """Make a hint of each event."""

    def __init__(self, hints: Hints, rules: Collection[str]) -> None:
        self._hints = hints
        self._rules = frozenset(rules)

    def dispatch(self, event: FileSystemEvent) -> None:
        gone = Path(os.fsdecode(event.src_path))
        if gone.name in self._rules:
            self._hints.changed(gone)
        if not isinstance(event, FileDeletedEvent):
            self._hints.changed(Path(os.fsdecode(event.dest_path or event.src_path)), folder=event.is_directory)


class _Observer(BaseObserver):
    """Stop the reader of the kernel's queue together with what it feeds."""

    def __init__(self, reader: "_Reader") -> None:
        super().__init__(_Emitter, inotify_fd=reader)
        self._reader = reader

    def on_thread_stop(self) -> None:
        super().on_thread_stop()
        self._reader.stop()
        self._reader.join()


class _Reader(InotifyFD):
    """Read the kernel's queue, and notice what watchdog passes over."""

    def __init__(self, path: Path, hints: Hints) -> None:
        super().__init__()
        os.set_inheritable(self._inotify_fd, False)
        self._path = os.fsencode(path)
        self._hints = hints
        self._top: WatchDescriptor | None = None
        self.confused = False
        self.blind = False
        self.limit: OSError | None = None

    def handle_event(self, event: InotifyEvent) -> None:
        # By the time somebody looks, another disk with the same numbers may be mounted there, or another folder may
        # have the same inode. Of a watch that was taken back, as after an overflow, watchdog knows nothing any more.
        top_ended = event.is_ignored and event.wd == self._top and event.wd in self._watch_for_wd
        if top_ended or event.mask & InotifyConstants.IN_UNMOUNT:
            self.blind = True
            self._hints.look()
        super().handle_event(event)  # mends the watches; only then does a scan see what they don't
        if event.is_queue_overflow:
            self._hints.lost("the kernel's queue overflowed")

    def _add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        # watchdog's own warns of every folder that was found both by its event and by the walk of the one above.
        try:
            watch = self._get_or_create_watch(path, mask)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self.limit = self.limit or error
                self._hints.wake()
            raise
        watch.callbacks[id_] = callback
        if path == self._path:
            self._top = watch.wd
        return watch.wd


class _Folders(InotifyWatchGroup):
    """Keep watchdog's account of which watch is which folder, which the renaming of folders can upset.

    The KeyError that follows would end the reader's thread. Here it is a sign that events carry wrong paths.
    """

    def _remove_watch_internally(self, wd: WatchDescriptor) -> None:
        try:
            super()._remove_watch_internally(wd)
        except KeyError:
            cast(_Reader, self._inotify_fd).confused = True


class _Emitter(InotifyEmitter):
    def on_thread_start(self) -> None:
        self._inotify = _Folders(
            self._inotify_fd,
            os.fsencode(self.watch.path),
            is_recursive=self.watch.is_recursive,
            event_mask=self.get_event_mask_from_filter(),
        )

    def on_thread_stop(self) -> None:
        # watchdog's own forgets it first, and logs an error if an event comes just then.
        if self._inotify is not None:
            self._inotify.deactivate()
