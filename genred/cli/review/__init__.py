"""The commands of the review: asked on a terminal, or accept, set, skip and list for scripts."""

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from genred.cli import completing, show
from genred.cli.arguments import GENRE, PATH
from genred.cli.options import DRY_RUN, Common, analyser_of, common, model_of
from genred.cli.outcomes import each
from genred.cli.set import obey
from genred.errors import FileError
from genred.fs.files import readable

if TYPE_CHECKING:
    from rich.console import Console

    from genred.config import Config
    from genred.history.history import History
    from genred.history.records import Record
    from genred.tagging.review import Question

F = TypeVar("F", bound=Callable[..., Any])

PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=PATH)


def _which(command: F) -> F:
    """Add the options that say what is asked about."""
    options: list[Callable[[Any], Any]] = [
        click.option("--path", "below", type=PATH, help="One file, or all below a folder."),
        click.option("--tagged", default=0, metavar="N", help="Also the N tags that genred was least sure of."),
        click.option("--skipped", is_flag=True, help="What was skipped before, and nothing else."),
    ]
    decorated = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


@click.group(invoke_without_command=True)
@_which
@common
@click.pass_context
def review(context: click.Context, common: Common, below: Path | None, tagged: int, skipped: bool) -> int:
    """Answer what genred was not sure of: accept a guess, say another genre, or skip.

    On a terminal it asks, album by album; elsewhere it lists. What you say is written at once, is never overruled, and
    `genred train --from-tags` learns from it.

    \b
    genred review --path ~/Music/Album
    genred review --tagged 20          also the tags it was least sure of
    """
    if context.invoked_subcommand is not None:
        if any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in context.params):
            name = context.invoked_subcommand
            raise click.UsageError(f"--path, --tagged and --skipped go behind the command: genred review {name} ...")
        return 0
    from rich.console import Console

    console = Console()
    asked = (below.resolve() if below else None, tagged, skipped)
    can_ask = console.is_interactive and not console.is_dumb_terminal and sys.stdin.isatty()
    if common.json or not can_ask:
        return _list(common, console, *asked)
    return _interview(common, console, *asked)


@review.command("list")
@_which
@common
def list_(common: Common, below: Path | None, tagged: int, skipped: bool) -> int:
    """List what there is to review, without asking.

    \b
    genred review list --json | jq -r .path
    """
    from rich.console import Console

    return _list(common, Console(), below.resolve() if below else None, tagged, skipped)


@review.command()
@PATHS
@DRY_RUN
@common
def accept(common: Common, paths: Sequence[Path], dry_run: bool) -> int:
    """Write the best guess; a folder means all in it that there is to review.

    Where genred tagged a file so, this confirms the tag.

    \b
    genred review accept ~/Music/Album
    """
    from genred.service.session import deciding
    from genred.tagging.review import accepted
    from genred.tagging.tagger import Tagger

    settings = common.load()
    with deciding(settings, "review", dry_run=dry_run) as history, analyser_of(settings) as analyser:
        tagger = Tagger(settings, history, analyser, dry_run=dry_run)

        def take(question: "Question") -> "Record":
            return tagger.set_genre(question.path, accepted(question))

        return each(common, _named(paths, settings, history), take, dry_run=dry_run)


@review.command("set")
@PATHS
@click.argument("genre", type=GENRE, shell_complete=completing.genres)
@DRY_RUN
@common
def set_(common: Common, paths: Sequence[Path], genre: str, dry_run: bool) -> int:
    """Write a genre of your own, as `genred set` does; a folder means all in it that there is to review.

    \b
    genred review set ~/Music/Album Zydeco
    """
    return obey(common, _files(paths, common.load()), genre, dry_run=dry_run)


@review.command()
@PATHS
@DRY_RUN
@common
def skip(common: Common, paths: Sequence[Path], dry_run: bool) -> int:
    """Don't ask again until genred decides anew; the files are not touched.

    \b
    genred review skip ~/Music/Speeches
    """
    from genred.service.session import deciding
    from genred.tagging import answers

    settings = common.load()
    with deciding(settings, "review", dry_run=dry_run) as history:

        def skip(question: "Question") -> "Record":
            return answers.skip(question.record, history, dry_run=dry_run)

        return each(common, _named(paths, settings, history), skip, dry_run=dry_run)


def _list(common: Common, console: "Console", below: Path | None, tagged: int, skipped: bool) -> int:
    settings = common.load()
    from genred.history.history import History
    from genred.tagging.review import to_review

    with closing(History.open(settings.database, readonly=True)) as history:
        found = to_review(history, below, tagged=tagged, skipped=skipped)
        asked = _questions(found, settings, history)
        if common.json:
            for question in asked:
                show.say_json(question.as_json())
        elif not console.is_terminal:
            for question in asked:
                best = question.guesses[0] if question.guesses and question.is_judged else None
                genre, sure = (best.genre, f"{best.probability:.2f}") if best else ("", "")
                click.echo("\t".join([genre, sure, readable(question.path), question.reason]))
        elif found:
            _print_albums(console, asked)
        else:
            click.echo("nothing to review")
    return 0


def _interview(common: Common, console: "Console", below: Path | None, tagged: int, skipped: bool) -> int:
    settings = common.load()
    from genred.cli.progress import waiting
    from genred.cli.review import terminal
    from genred.cli.review.interview import Interview
    from genred.cli.review.player import Player
    from genred.history.history import History
    from genred.service.session import deciding
    from genred.tagging.answers import Answers
    from genred.tagging.judging import Ear, Judge
    from genred.tagging.policy import Policy
    from genred.tagging.rehearing import hear_now
    from genred.tagging.review import meant, questions, to_review, words
    from genred.tagging.tagger import Tagger

    with closing(History.open(settings.database, readonly=True)) as history:
        found = to_review(history, below, tagged=tagged, skipped=skipped)
    if not found:
        click.echo("nothing to review")
        return 0
    with waiting("loading the model"):
        model = model_of(settings)
    # One person, one file at a time: one worker is enough.
    settings = settings.with_changes("service", workers=1)
    with deciding(settings, "review") as history, analyser_of(settings) as analyser:
        policy, judge = Policy.of(settings), Judge.of(settings, history, Ear.of(model))
        hear = partial(hear_now, history, analyser)
        left = Interview(
            console,
            terminal.press,
            terminal.ask,
            Player(),
            questions=lambda records: list(questions(records, judge, policy, hear)),
            answers=Answers(Tagger(settings, history, analyser), history, analyser, settings.tags),
            words=words(policy, map(str, model.classes_), history),
            meant=partial(meant, vocabulary=policy.vocabulary),
        ).run(found)
    click.echo(f"\n{left} left; `genred review` goes on with them" if left else "\nall reviewed")
    return 0


def _named(paths: Sequence[Path], settings: "Config", history: "History") -> list["Question | FileError"]:
    """Yield what there is to ask about each of the files, and in each of the folders, that a person named."""
    from genred.tagging.review import named

    found = named(history, paths)
    records = [item for item in found if not isinstance(item, FileError)]
    asked = iter(_questions(records, settings, history))
    return [item if isinstance(item, FileError) else next(asked) for item in found]


def _files(paths: Sequence[Path], settings: "Config") -> list[Path]:
    """Yield the files that a person named, and in named folders those that can be reviewed."""
    if not any(path.is_dir() for path in paths):
        return list(paths)
    from genred.history.history import History
    from genred.tagging.review import to_review

    with closing(History.open(settings.database, readonly=True)) as history:
        inside = {path: [record.path for record in to_review(history, path.resolve())] for path in paths}
    return [file for path in paths for file in (inside[path] if path.is_dir() and inside[path] else [path])]


def _questions(records: Sequence["Record"], settings: "Config", history: "History") -> Iterator["Question"]:
    from genred.cli.progress import waiting
    from genred.tagging.judging import Ear, Judge
    from genred.tagging.policy import Policy
    from genred.tagging.rehearing import hear_now
    from genred.tagging.review import questions

    def hear(paths: Collection[Path]) -> dict[Path, bytes]:
        if not paths:
            return {}
        with waiting("hearing again what an earlier genred heard"), analyser_of(settings) as analyser:
            return hear_now(history, analyser, paths)

    if not records:
        return iter(())
    judge = Judge.of(settings, history, Ear.of(model_of(settings)))
    return questions(records, judge, Policy.of(settings), hear)


def _print_albums(console: "Console", asked: Iterator["Question"]) -> None:
    from rich.table import Table
    from rich.text import Text

    from genred.cli.review.interview import heading
    from genred.names import album_folder
    from genred.tagging import grounds

    for album, inside in groupby(asked, key=lambda question: album_folder(question.path)):
        found = list(inside)
        console.print(heading(album), overflow=show.cut(), no_wrap=True)
        for words in filter(None, dict.fromkeys(grounds.said(question.company) for question in found)):
            console.print(Text(f"  {words}", style="dim"), overflow=show.cut(), no_wrap=True)
        table = Table.grid(expand=True, padding=(0, 2, 0, 0))
        table.add_column(ratio=3, overflow=show.cut(), no_wrap=True)
        table.add_column(ratio=2, overflow=show.cut(), no_wrap=True)
        for question in found:
            guesses = ", ".join(f"{guess.genre} {guess.probability:.0%}" for guess in question.guesses[:3])
            wrote = f"tagged {question.record.written[0]}; " if question.record.written else ""
            said = Text(wrote + guesses) if question.is_judged else Text(question.reason, style="dim")
            table.add_row(Text("  " + readable(Path(question.path.name))), said)
        console.print(table)
