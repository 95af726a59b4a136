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
    history,
    man,
    model,
    review,
    run,
    scan,
    set,
    stats,
    status,
    train,
    undo,
)
from genred.cli.options import DRY_RUN_BEFORE, INTERRUPTED, complain, everywhere
from genred.cli.sections import Sections
from genred.dependencies import blame
from genred.errors import GenredError


def main() -> NoReturn:
    """The `genred` command."""
    try:
        sys.exit(cli.main(prog_name="genred", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except GenredError as error:
        complain(error)
        sys.exit(error.exit_code)
    except (AttributeError, ImportError, TypeError) as error:
        if (broken := blame(error)) is None:
            raise
        complain(broken)
        sys.exit(broken.exit_code)


@click.group(
    cls=Sections,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "color": False if os.environ.get("NO_COLOR") else None,  # https://no-color.org; click doesn't look
    },
    sections={
        "At work": [run.run, scan.scan, classify.classify, review.review, set.set_, undo.undo],
        "Questions": [history.history, stats.stats, explain.explain, status.status],
        "The model": [train.train, evaluate.evaluate, model.model],
        "Configuration and service": [doctor.doctor, config.config_, completion.completion, man.man],
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
