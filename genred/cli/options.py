"""What commands have in common: their options, and how they complain."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from genred import config
from genred.cli.arguments import ADDRESS, PATH
from genred.errors import GenredError, WatchError
from genred.fs.files import readable
from genred.genres import count_as_no_genre
from genred.model import installed

if TYPE_CHECKING:
    from genred.analysis.analyser import Analyser
    from genred.history.log import Log
    from genred.model.classifier import GenreClassifier

F = TypeVar("F", bound=Callable[..., Any])

SOME_FAILED = 3
INTERRUPTED = 130


@dataclass(frozen=True)
class Common:
    """What the options that every command understands say, whether they stand before the command or after it."""

    file: Path | None = None
    """The configuration file that was named."""
    json: bool = False
    verbosity: int = 0
    """How many times more was asked for than less."""
    dry_run: bool = False
    """``--dry-run`` was said before the command."""

    def load(self) -> config.Config:
        """Load the configuration, and have this process log and count as no genre what it says."""
        loaded = installed.with_model(config.load(config.find(self.file)))
        count_as_no_genre(loaded.genres.no_genre)
        from genred.service.logs import set_up_logging

        levels = ["error", "warning", loaded.service.log_level, "debug"]
        set_up_logging(levels[max(0, min(3, 2 + self.verbosity))])
        return loaded

    @contextmanager
    def reading(self) -> Iterator["Log"]:
        """Open the log of the history."""
        settings = self.load()
        from genred.history.log import reading

        with reading(settings.database) as log:
            yield log

    def names_model(self) -> bool:
        """Tell whether model.path names a model, which then stays in use whatever else is installed."""
        return bool(config.load(config.find(self.file)).model.path)


EVERYWHERE = ("file", "as_json", "quiet", "verbose")
"""The names of the options that `everywhere` adds."""

_SAID = "genred.cli.options"


def said(ctx: click.Context) -> Common:
    """Return what the common options say, of this context and of those around it."""
    common: Common = ctx.meta.get(_SAID, Common())
    return common


def _noted(*names: str, change: Callable[[Common, Any], Common], **attributes: Any) -> Callable[[F], F]:
    """Make an option whose value is added to what was said before, and is no argument of the command."""

    def note(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            ctx.meta[_SAID] = change(said(ctx), value)

    return click.option(*names, callback=note, expose_value=False, **attributes)


_COMMON: list[Callable[[Any], Any]] = [
    _noted(
        *("--config", "file"),
        type=PATH,
        change=lambda common, file: replace(common, file=file),
        help="Configuration file to use.",
    ),
    _noted(
        *("--json", "as_json"),
        is_flag=True,
        change=lambda common, _: replace(common, json=True),
        help="One JSON object a line.",
    ),
    _noted(
        *("-q", "--quiet"),
        count=True,
        change=lambda common, times: replace(common, verbosity=common.verbosity - times),
        help="Say less; twice: errors only.",
    ),
    _noted(
        *("-v", "--verbose"),
        count=True,
        change=lambda common, times: replace(common, verbosity=common.verbosity + times),
        help="Say more.",
    ),
]


def everywhere(command: F) -> F:
    """Add the options that are understood everywhere: by genred itself, by each group and by each command."""
    for option in reversed(_COMMON):
        command = option(command)
    return command


def common(command: F) -> F:
    """Add the options that are understood everywhere; what they say arrives as the argument ``common``."""

    @wraps(command)
    def wrapped(**rest: Any) -> Any:
        ctx = click.get_current_context()
        common = said(ctx)
        if common.dry_run and ctx.invoked_subcommand is None:
            if "dry_run" not in rest:
                raise click.UsageError(f"`{ctx.command_path}` has no --dry-run.")
            rest["dry_run"] = True
        return command(common, **rest)

    decorated: Any = everywhere(wrapped)
    return decorated  # type: ignore[no-any-return]  # click's decorators keep the type of what they wrap


DRY_RUN_BEFORE = _noted(
    *("-n", "--dry-run"),
    is_flag=True,
    change=lambda common, _: replace(common, dry_run=True),
    help="Say what would be done, and do nothing.",
)
DRY_RUN = click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
SCHEDULER = click.option(
    "--scheduler", metavar="ADDRESS", type=ADDRESS, help="Have a Dask cluster hear: tcp://desk:8786."
)
CSV = click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet: RFC 4180 with a header, times in UTC.")


def not_both(common: Common, as_csv: bool) -> None:
    """Refuse two forms at once."""
    if common.json and as_csv:
        raise click.UsageError("--json or --csv, not both.")


def analyser_of(settings: config.Config) -> "Analyser":
    """Make what listens, as it is configured."""
    from genred.analysis.analyser import Analyser

    return Analyser.of(settings)


def model_of(settings: config.Config) -> "GenreClassifier":
    """Load the model in use."""
    from genred.model import storage

    return storage.configured(settings.model, config.cache_dir(), settings.vocabulary)


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
