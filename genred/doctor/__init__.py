"""Check that everything works, and say how to fix what doesn't.

A check changes nothing, and no check is waited for without end.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from genred import config
from genred.doctor import cluster, folders, holdings, machine, service
from genred.doctor.finding import Check, Finding, State, examine, fail, ok, warn
from genred.model import installed
from genred.watching.walk import WatchOptions

__all__ = ["Finding", "State", "diagnose"]

FIRST_START_SECONDS = 300.0  # filters are designed, and the built-in model fitted
FIRST_START_HINT = "a first start on a busy machine takes long: run `genred doctor` again"
LARGE_SECONDS = 120.0  # a history of millions of decisions is read from end to end


def diagnose(file: Path | None, waiting: Callable[[str], None] = lambda name: None) -> Iterator[Finding]:
    """Yield everything that can be found out about a configuration on this machine.

    Parameters
    ----------
    file
        The configuration. A value that can't be understood is a finding, and its default is used instead.
    waiting
        Called with the name of a check that takes long.
    """
    settings, mistakes = config.check(file)
    settings = installed.with_model(settings)
    roots = [path.absolute() for path in settings.watch.directories]
    database = settings.database
    now = datetime.now(UTC)
    surveys: dict[Path, folders.Survey] = {}
    options = WatchOptions.of(settings.watch)
    look = partial(folders.folder, options=options, tags=settings.tags, surveys=surveys)
    working = holdings.at_work(database)
    yield from examine(
        [
            Check("python", machine.python),
            Check("clock", partial(machine.clock, now)),
            Check("user", partial(service.user, database)),
            Check("config", partial(_configuration, file, settings, mistakes)),
            *(Check("folder", partial(look, root)) for root in dict.fromkeys(roots)),
            Check("space", machine.installation),
            Check("space", lambda: [folders.room("history", database.parent)]),
            Check("space", lambda: [folders.room("cache", config.cache_dir())]),
            Check("decoders", partial(machine.decoders, settings.watch.extensions), FIRST_START_SECONDS),
            Check("history", partial(holdings.history, database, now, working), LARGE_SECONDS),
            Check("lock", partial(holdings.lock, database)),
            *(Check("unit", partial(service.unit, roots, database, of_user=of_user)) for of_user in (False, True)),
            Check("model", partial(holdings.model, settings), FIRST_START_SECONDS, FIRST_START_HINT),
            Check("cluster", partial(cluster.cluster, settings), FIRST_START_SECONDS, "look for a worker that hangs"),
        ],
        waiting,
    )
    watched = [survey for survey in surveys.values() if not survey.eventless]
    count, whole = sum(survey.folders for survey in watched), all(survey.whole for survey in watched)
    yield from examine([Check("inotify", partial(machine.inotify, count, len(watched), whole=whole))])


def _configuration(file: Path | None, settings: config.Config, mistakes: Sequence[config.Mistake]) -> Iterator[Finding]:
    doubts = config.doubts(settings, file, installed.known_genres(settings))
    for mistake in (*mistakes, *doubts):
        yield (fail if mistake.fatal else warn)("config", str(mistake).replace(" warning:", ""))
    if not settings.watch.directories:
        yield warn("config", "watch.directories names no folder", "genred config init ~/Music")
    elif not mistakes and not doubts:
        yield ok("config", f"{file}: no mistakes" if file else "no file; the environment and the defaults")
