"""The libraries that genred is built on: the versions that were tried, and the undocumented names that genred uses."""

import linecache
import re
from dataclasses import dataclass
from inspect import getmodule
from types import FrameType, ModuleType, TracebackType

from genred.errors import DependencyError

PYTHON = ("3.11", "3.14")
"""The oldest and the newest Python that the whole test suite passed on."""


@dataclass(frozen=True, slots=True)
class Library:
    """A library, and the range of its versions that the test suite passed with."""

    name: str
    """The name of its distribution."""
    oldest: str
    """The lower bound in pyproject.toml."""
    newest: str
    """The newest release on the day of the last look; a version with the same first two numbers counts as the same."""
    extra: str = ""
    """The extra that it comes with; empty where genred does nothing without it."""
    package: str = ""
    """The name under which it is imported, if that is another one."""
    undocumented: tuple[str, ...] = ()
    """Names that genred uses and the library's documentation doesn't promise: module, colon, name; a method's arguments
    in brackets. A library may take these names away without a word, so a test looks for each."""

    def __str__(self) -> str:
        return self.name

    @property
    def module(self) -> str:
        return self.package or self.name


LIBRARIES = (
    Library("alembic", "1.16", "1.20.1"),
    Library(
        "av",
        "15",
        "19.0.2",
        undocumented=(
            "av.audio.resampler:AudioResampler",
            "av.container:InputContainer",
            "av.error:InvalidDataError",
            "av.error:EOFError",
            "av.error:PatchWelcomeError",
        ),
    ),
    Library("beets", "2.14", "2.14.1", extra="beets"),
    Library("click", "8.4", "8.5.1"),
    Library(
        "distributed",
        "2026.1.2",
        "2026.8.0",
        extra="dask",
        undocumented=("distributed.worker:Worker.state",),
    ),
    Library("jinja2", "3.1.6", "3.1.6"),
    Library("joblib", "1.5", "1.6.0"),
    Library("librosa", "0.11", "1.0.0", undocumented=("librosa.filters:get_window",)),
    Library("markupsafe", "3.0", "3.0.4"),
    Library("msgspec", "0.20", "0.22.0"),
    Library(
        "mutagen",
        "1.47",
        "1.48.1",
        undocumented=(
            "mutagen.mp4._atom:Atoms.path",
            "mutagen.mp4:MP4Tags._render(key, value)",
            "mutagen.ogg:OggPage.replace",
            "mutagen.ogg:OggPage.to_packets",
            "mutagen.ogg:OggPage.from_packets",
            "mutagen._vorbis:VCommentDict",
            "mutagen.id3:ParseID3v1",
            "mutagen.id3:TCON.GENRES",
        ),
    ),
    Library("numpy", "2.0.2", "2.5.5"),
    Library("packaging", "24.2", "26.4"),
    Library(
        "pebble",
        "5.2.3",
        "5.2.3",
        undocumented=("pebble:CONSTS.sleep_unit", "pebble:ProcessExpired.exitcode"),
    ),
    Library("pathspec", "1.1", "1.1.1"),
    Library("prometheus-client", "0.21", "0.26.0", extra="metrics", package="prometheus_client"),
    Library("prompt-toolkit", "3.0.50", "3.0.53", package="prompt_toolkit"),
    Library("pyyaml", "6.0", "6.0.4", package="yaml"),
    Library("regex", "2025.9.1", "2026.11.19"),
    Library("rich", "14", "15.0.0"),
    Library("scikit-learn", "1.7", "1.9.1", package="sklearn"),
    Library("scipy", "1.15.3", "1.18.1"),  # before, median_filter is another one each time
    Library("soxr", "0.5", "1.1.0"),
    Library(
        "sqlalchemy",
        "2.0.40",
        "2.1.9",
        undocumented=(
            "sqlalchemy:UnaryExpression.__init__(element, operator, type_)",
            "sqlalchemy.sql.operators:custom_op",
        ),
    ),
    Library("starlette", "1.7", "1.10.0", extra="web"),
    Library("threadpoolctl", "3.1", "3.8.0"),
    Library(
        "uvicorn",
        "0.40",
        "0.54.0",
        extra="web",
        undocumented=(
            "uvicorn:Server.on_tick(counter)",
            "uvicorn:Server.shutdown(sockets)",
            "uvicorn:Server.started",
            "uvicorn:Server.startup(sockets)",
            "uvicorn.protocols.http.h11_impl:H11Protocol.connection_lost(exc)",
            "uvicorn.protocols.http.h11_impl:H11Protocol.connection_made(transport)",
            "uvicorn.protocols.http.h11_impl:H11Protocol.cycle",
            "uvicorn.protocols.http.h11_impl:H11Protocol.loop",
            "uvicorn.protocols.http.h11_impl:H11Protocol.transport",
            "uvicorn.protocols.http.h11_impl:RequestResponseCycle.response_complete",
        ),
    ),
    Library(
        "watchdog",
        "7.1",
        "7.1.0",
        undocumented=(
            "watchdog.observers.api:BaseObserver.__init__(inotify_fd)",
            "watchdog.observers.inotify:InotifyEmitter._inotify",
            "watchdog.observers.inotify:InotifyEmitter._inotify_fd",
            "watchdog.observers.inotify:InotifyEmitter.get_event_mask_from_filter",
            "watchdog.observers.inotify:InotifyWatchGroup.__init__(is_recursive, event_mask)",
            "watchdog.observers.inotify:InotifyWatchGroup._inotify_fd",
            "watchdog.observers.inotify:InotifyWatchGroup._remove_watch_internally(wd)",
            "watchdog.observers.inotify:InotifyWatchGroup.deactivate",
            "watchdog.observers.inotify_c:InotifyConstants.IN_UNMOUNT",
            "watchdog.observers.inotify_c:InotifyEvent.is_ignored",
            "watchdog.observers.inotify_c:InotifyEvent.is_queue_overflow",
            "watchdog.observers.inotify_c:InotifyFD._add_callback(path, mask, callback, id_)",
            "watchdog.observers.inotify_c:InotifyFD._get_or_create_watch(path, mask)",
            "watchdog.observers.inotify_c:InotifyFD._inotify_fd",
            "watchdog.observers.inotify_c:InotifyFD._watch_for_wd",
            "watchdog.observers.inotify_c:InotifyFD.handle_event(event)",
        ),
    ),
)

PYTHONS_OWN = (
    "multiprocessing.forkserver:ensure_running",
    "multiprocessing.forkserver:main",
    "multiprocessing.process:BaseProcess._config",
    "multiprocessing.util:Finalize(exitpriority)",
)
"""The undocumented names of Python's own library that genred uses."""

_MISFIT = re.compile(r"\(\) (got an? unexpected|got multiple values|takes |missing \d+ required)|no keyword arguments")


def installed(library: Library) -> str:
    """Return the version of a library that is installed; empty if the library isn't installed."""
    from importlib.metadata import PackageNotFoundError, version  # here and not above: seldom wanted, and slow

    try:
        return version(library.name)
    except PackageNotFoundError:
        return ""


def blame(error: BaseException) -> DependencyError | None:
    """Return the error to show to a person if a library isn't as genred knows it; None if an error is of another kind.

    Parameters
    ----------
    error
        The error that was raised, with its traceback; an error that it was raised from counts too.
    """
    found = _misfit(error)
    if found is None and error.__cause__ is not None and not _of_a_thing(error.__cause__):
        found = _misfit(error.__cause__)
    if found is None:
        return None
    return unfit(*found)


def unfit(library: Library, text: str) -> DependencyError:
    """Return the error to show to a person if a library isn't as genred knows it; ``text`` says what it lacks."""
    there = installed(library)
    state = f"{library} {there} doesn't work" if there else f"{library} isn't there to work"
    tested = f"was tested with {library.oldest} to {library.newest}"
    cure = f"pip install '{library}>={library.oldest},<={library.newest}'"
    return DependencyError(f"{state} with this genred, which {tested} ({text}); {cure}")


def _misfit(error: BaseException) -> tuple[Library, str] | None:
    """Return the library that lacks what genred asks of it, and the error in one line; None if no library does."""
    frames = _frames(error.__traceback__)
    ours = [index for index, frame in enumerate(frames) if _is_ours(frame)]
    # A call that a library refuses ends in genred's own frame, or in the first one of a function that is compiled.
    # If the error comes from deeper inside of a library, the file is odd, or the library itself.
    if not ours or len(frames) - ours[-1] > 2:
        return None
    last, beyond = frames[ours[-1]], frames[ours[-1] + 1 :]
    match error:
        case ImportError():
            suspects = [error.name or ""]
        case AttributeError() if not beyond:
            suspects = [_home(error.obj)]
        case TypeError() if _MISFIT.search(str(error)):
            suspects = _named(last, error.__traceback__)
        case _:
            return None
    library = next((library for name in suspects if (library := _library(name))), None)
    return None if library is None else (library, " ".join(str(error).split()))


def _of_a_thing(error: BaseException) -> bool:
    """Return whether an attribute is missing in what a library made of a file: the cause may be the file."""
    return isinstance(error, AttributeError) and not isinstance(error.obj, ModuleType | type)


def _frames(traceback: TracebackType | None) -> list[FrameType]:
    frames = []
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return frames


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in ("genred", "__mp_main__")


def _named(frame: FrameType, traceback: TracebackType | None) -> list[str]:
    """Return the modules of all names on the line of a frame at which an error was raised."""
    while traceback is not None and traceback.tb_frame is not frame:
        traceback = traceback.tb_next
    line = linecache.getline(frame.f_code.co_filename, traceback.tb_lineno if traceback else frame.f_lineno)
    names = re.findall(r"(?<![.\w])[a-zA-Z_]\w*", line)
    scope = frame.f_globals | frame.f_locals
    return [_home(scope[name]) for name in names if name in scope]


def _home(thing: object) -> str:
    """Return the name of the module that a thing is, or is from."""
    module = getmodule(thing) or getmodule(type(thing))
    return module.__name__ if module is not None else ""


def _library(module: str) -> Library | None:
    top = module.partition(".")[0]
    return next((library for library in LIBRARIES if library.module == top), None)
