"""What commands have in common: their options, and how they complain."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from genred import config
from genred.errors import GenredError, WatchError
from genred.fs.files import readable
from genred.model import installed

if TYPE_CHECKING:
    from genred.analysis.analyser import Analyser
    from genred.history.history import History
    from genred.model.classifier import GenreClassifier

F = TypeVar("F", bound=Callable[..., Any])

SOME_FAILED = 3
INTERRUPTED = 130


@dataclass(frozen=True)
class Common:
    """What every command understands."""

    file: Path | None
    json: bool
    verbosity: int

    def load(self) -> config.Config:
        loaded = config.load(config.find(self.file))
        loaded = loaded.with_changes("model", path=loaded.model.path or installed.path_in_use())
        from genred.service.logs import set_up_logging

        levels = ["error", "warning", loaded.service.log_level, "debug"]
        set_up_logging(levels[max(0, min(3, 2 + self.verbosity))])
        return loaded

    @contextmanager
    def reading(self) -> Iterator["History"]:
        """Open the history for reading."""
        settings = self.load()
        from genred.history.history import History

        history = History.open(settings.database, readonly=True)
        try:
            yield history
        finally:
            history.close()

    def names_model(self) -> bool:
        """Tell whether model.path names a model, which then stays in use whatever else is installed."""
        return bool(config.load(config.find(self.file)).model.path)


EVERYWHERE = ("file", "as_json", "quiet", "verbose")
"""The names of the options that `common` adds."""


def common(command: F) -> F:
    """Add the options that every command understands; they arrive as the argument ``common``."""

    options = [
        click.option("--config", "file", type=click.Path(path_type=Path), help="Configuration file to use."),
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
        click.option("-q", "--quiet", count=True, help="Say less; twice: errors only."),
        click.option("-v", "--verbose", count=True, help="Say more."),
    ]

    @wraps(command)
    def wrapped(file: Path | None, as_json: bool, quiet: int, verbose: int, **rest: Any) -> Any:
        return command(Common(file, as_json, verbose - quiet), **rest)

    decorated: Any = wrapped
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # click's decorators keep the type of what they wrap


DIRS = click.argument("directories", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
FILES = click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
DRY_RUN = click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
CSV = click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet: RFC 4180 with a header, times in UTC.")


def not_both(common: Common, as_csv: bool) -> None:
    """Refuse two forms at once."""
    if common.json and as_csv:
        raise click.UsageError("--json or --csv, not both.")


def analyser_of(settings: config.Config) -> "Analyser":
    """Make what listens, as it is configured."""
    from genred.analysis.analyser import Analyser

    return Analyser(settings.service, settings.model, config.cache_dir())


def model_of(settings: config.Config) -> "GenreClassifier":
    """Load the model in use."""
    from genred.analysis.analyser import load_model

    return load_model(settings.model, config.cache_dir())


def watching(settings: config.Config, directories: Sequence[Path]) -> config.Config:
    """Return the configuration with the folders that were named, which must be there, instead of its own."""
    for path in directories:
        if not path.is_dir():
            raise WatchError(f"{readable(path)}: no such folder")
    return named(settings, directories)


def named(settings: config.Config, directories: Sequence[Path]) -> config.Config:
    """Return the configuration with the folders that were named, if any were, instead of its own."""
    if not directories:
        return settings
    return settings.with_changes("watch", directories=tuple(path.absolute() for path in directories))


def complain(error: GenredError) -> None:
    """Say an error on stderr, each line of it with the name of the program."""
    for text in str(error).splitlines():
        click.echo(f"genred: {text}", err=True)


def moment(text: str) -> str:
    """A time as a person gives it, as the history holds it."""
    from genred.history.records import iso

    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    if text[-1:] in units and text[:-1].isdigit():
        return iso(datetime.now().astimezone() - timedelta(**{units[text[-1]]: int(text[:-1])}))
    try:
        return iso(datetime.fromisoformat(text).astimezone())
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time; give 2026-11-22, 2026-11-22T18:30, 90m, 12h or 7d") from None
