"""The commands: arguments in, printing out. Results go to stdout, progress and logs to stderr.

Whatever is slow to import is imported inside the command that needs it, so that `genred history` answers at once.
"""

import os
import sys
from typing import NoReturn

import click

from genred import __version__
from genred.cli import (
    classify,
    completion,
    config,
    doctor,
    evaluate,
    explain,
    follow,
    genres,
    history,
    man,
    model,
    report,
    review,
    run,
    scan,
    service,
    set,
    stats,
    status,
    streams,
    train,
    undo,
    web,
)
from genred.cli.options import DRY_RUN_BEFORE, INTERRUPTED, complain, everywhere
from genred.cli.sections import Sections
from genred.dependencies import blame
from genred.errors import GenredError


def main() -> NoReturn:
    """Run the `genred` command."""
    streams.prepare()
    code: int | None = 0
    try:
        code = cli.main(streams.words(), prog_name="genred", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except GenredError as error:
        complain(error)
        code = error.exit_code
    except streams.OutputError as error:
        streams.drop_output()
        if not error.nobody_reads:  # or else `| head` has seen enough
            code = 1
            click.echo(f"genred: the output can't be written ({error})", err=True)
    except (AttributeError, ImportError, TypeError) as error:
        if (broken := blame(error)) is None:
            raise
        complain(broken)
        code = broken.exit_code
    sys.exit(code or 0)


@click.group(
    cls=Sections,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "color": False if os.environ.get("NO_COLOR") else None,  # https://no-color.org; click doesn't look
    },
    sections={
        "At work": [run.run, scan.scan, classify.classify, review.review, set.set_, undo.undo],
        "Questions": [
            history.history,
            follow.follow,
            stats.stats,
            explain.explain,
            genres.genres,
            status.status,
            report.report,
            web.web,
        ],
        "The model": [train.train, evaluate.evaluate, model.model],
        "Configuration and service": [service.service, doctor.doctor, config.config_, completion.completion, man.man],
    },
)
@everywhere
@DRY_RUN_BEFORE
@click.version_option(__version__, prog_name="genred")
def cli() -> None:
    """Music arrives in a folder, and a moment later it carries a genre.

    \b
    genred run ~/Music                watch a folder
    genred scan -n ~/Music            what would become of what is there
    genred classify song.mp3          ask, and change nothing
    genred undo --last 1              take the last tag back
    genred doctor                     is all well?
    """
