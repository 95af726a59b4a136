"""The command that says what happened: history, for people, spreadsheets and scripts."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred.cli import completing, show
from genred.cli.arguments import GENRE, MOMENT, NUMBER, PATH
from genred.cli.options import CSV, Common, common, not_both
from genred.fs.files import readable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from genred.history.records import Record

_OUTCOMES = click.Choice(["tagged", "kept", "abstained", "skipped", "failed", "undone"])
_EVIDENCE = click.Choice(["track", "album", "artist", "mates"])
_AT_ONCE = 30  # as many as fit about one screen
_COLOURS = {"tagged": "green", "failed": "red", "skipped": "yellow", "undone": "magenta"}
_ROOMY = 100  # columns of a terminal from which on the reason stands beside the file and not below it


GENRES = click.option(
    "--genre",
    "genres",
    multiple=True,
    type=GENRE,
    shell_complete=completing.genres,
    help="Only this genre; several times: any.",
)
OUTCOMES = click.option(
    "--outcome", "outcomes", type=_OUTCOMES, multiple=True, help="Only this outcome; several: any of these."
)
KINDS = click.option(
    "--evidence",
    type=_EVIDENCE,
    multiple=True,
    help="Only what this decided: how the track or its album sounds, your genres on the artist's other albums, or on"
    " the album's other tracks.",
)
SINCE = click.option(
    "--since", metavar="WHEN", type=MOMENT, help="2026-11-22, 2026-11-22T18:30, yesterday, or back from now: 90m, 7d."
)
BELOW = click.option("--path", type=PATH, help="One file, or all below a folder.")


@click.command()
@GENRES
@OUTCOMES
@KINDS
@SINCE
@click.option("--until", metavar="WHEN", type=MOMENT, help="Before that moment.")
@BELOW
@click.option("--run", "run_id", type=NUMBER, metavar="ID", help="One run of genred.")
@click.option("--limit", type=NUMBER, metavar="N", help=f"At most so many.  [default: {_AT_ONCE} on a terminal]")
@click.option(
    "--datasette",
    is_flag=True,
    help="Show nothing, but print the questions of docs/history.md as metadata for Datasette.",
)
@click.option(
    "--backup",
    "target",
    type=PATH,
    metavar="FILE",
    help="Show nothing, but copy all of the history to a file, or over an earlier backup of it, while genred goes on.",
)
@CSV
@common
def history(
    common: Common,
    genres: tuple[str, ...],
    outcomes: tuple[str, ...],
    evidence: tuple[str, ...],
    since: str | None,
    until: str | None,
    path: Path | None,
    run_id: int | None,
    limit: int | None,
    datasette: bool,
    target: Path | None,
    as_csv: bool,
) -> None:
    """Show what happened, newest first; of several filters, all must hold.

    \b
    genred history --since 7d --outcome failed --outcome skipped
    genred history --path ~/Music/Jazz --genre Rock
    genred history --evidence mates       where your genres on the same album decided
    genred history --csv > history.csv
    genred history --backup /srv/backup/history.db
    """
    if target is not None:
        if any((genres, outcomes, evidence, since, until, path, run_id, limit, datasette, as_csv)):
            raise click.UsageError("--backup takes all of the history, and no other option of this command.")
        from genred.cli.backup import back_up

        back_up(common, target)
        return
    if datasette:
        from genred.history import recipes

        click.echo(json.dumps(recipes.datasette(common.load().database.stem), indent=2))
        return
    from genred.history.records import Outcome, Query

    tell = _way(common, as_csv)
    to_person = tell is print_table
    query = Query(
        genres=genres,
        outcomes=tuple(map(Outcome, outcomes)),
        evidence=evidence,
        since=since,
        until=until,
        path=path.resolve() if path else None,  # as it was recorded
        run=run_id,
        limit=limit or (_AT_ONCE if to_person else None),
    )
    with common.reading() as database:
        told = tell(database.records(query))
    if not told and common.verbosity >= 0:
        click.echo("genred: nothing in the history matches", err=True)
    elif to_person and limit is None and told == _AT_ONCE:
        click.echo(f"\nThe newest {told}; more with --limit.", err=True)


def _way(common: Common, as_csv: bool) -> Callable[[Iterable["Record"]], int]:
    """Choose how decisions are printed."""
    not_both(common, as_csv)
    if common.json:
        return print_json
    if as_csv:
        return print_csv
    return print_table if sys.stdout.isatty() else print_lines


def print_json(found: Iterable["Record"]) -> int:
    """Print one object a line, with the keys of the view ``history``; return how many, as do the other three."""
    return _each(found, lambda record: print(json.dumps(record.as_json(), ensure_ascii=False)))


def print_lines(found: Iterable["Record"]) -> int:
    """Fields separated by tabs, times in UTC: for a pipe."""

    def tell(record: "Record") -> None:
        sure = "" if record.confidence is None else f"{record.confidence:.2f}"
        fields = (record.at or "", record.outcome, _genre(record), sure, readable(record.path), record.reason)
        print("\t".join(fields))

    return _each(found, tell)


def print_csv(found: Iterable["Record"]) -> int:
    """Print a header and one row a decision (RFC 4180), values as in the view ``history``."""
    from genred.history.records import KEYS

    writer = csv.DictWriter(sys.stdout, KEYS)
    writer.writeheader()

    def tell(record: "Record") -> None:
        lists = {name: json.dumps(getattr(record, name), ensure_ascii=False) for name in ("previous", "written")}
        writer.writerow(record.as_json() | lists)

    return _each(found, tell)


def print_table(found: Iterable["Record"]) -> int:
    """Print a table for each day, in local time; the reason goes below the file where it doesn't fit beside it."""
    rest = iter(found)
    count = 0
    table = Table()
    while batch := list(islice(rest, 500)):
        count += len(batch)
        table.print(batch)
    return count


class Table:
    """Decisions as rows below their day, printed as they come."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)
        self._day = ""

    def print(self, batch: Sequence["Record"]) -> None:
        """Print a row for each decision, and the days that begin among them."""
        genres = min(24, max((len(_genre(record)) + 5 for record in batch), default=0))
        runs = max((len(f"run {record.run}") for record in batch), default=0)
        for day, records in groupby(batch, lambda record: f"{_when(record):%a %d %b %Y}"):
            if day != self._day:
                self._console.print(f"\n{day}" if self._day else day, style="bold")
                self._day = day
            for row in _rows(records, self._console.width, genres, runs):
                self._console.print(row)


def _each(found: Iterable["Record"], tell: Callable[["Record"], None]) -> int:
    count = 0
    for record in found:
        tell(record)
        count += 1
    return count


def _rows(records: Iterable["Record"], width: int, genres: int, runs: int) -> Iterator["RenderableType"]:
    from rich import table
    from rich.padding import Padding
    from rich.text import Text

    widths = [5, runs, 9, genres]
    left = max(20, width - sum(widths) - 2 * len(widths))
    beside = width >= _ROOMY
    widths += [left * 9 // 20, left - left * 9 // 20 - 2] if beside else [left]
    for record in records:
        row = table.Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for column in widths:
            row.add_column(width=column, overflow="fold")
        # Text, not str: square brackets in names are no markup.
        outcome = Text(record.outcome, _COLOURS.get(record.outcome, ""))
        name, why = Text(show.shortened(readable(record.path), widths[4])), Text(record.reason, "dim")
        cells = [Text(f"{_when(record):%H:%M}"), Text(f"run {record.run}", "dim"), outcome, _answer(record, genres)]
        row.add_row(*cells, name, *([why] if beside else []))
        yield row
        if not beside and not _is_answer_all(record):
            yield Padding(why, (0, 0, 0, 5 + 2 + runs + 2))


def _is_answer_all(record: "Record") -> bool:
    """Return whether the answer and its confidence say all of the reason: nothing but the track was heard."""
    return bool(record.model) and record.outcome == "tagged" and record.evidence in (None, "track")


def _answer(record: "Record", width: int) -> "Text":
    from rich.text import Text

    genre = _genre(record)
    if not genre or record.confidence is None:
        return Text(genre)
    answer = Text(genre)
    answer.truncate(width - 5, overflow=show.cut())
    return answer.append(f" {record.confidence:.2f}", "dim")


def _genre(record: "Record") -> str:
    return ", ".join(record.written) or record.genre or ""


def _when(record: "Record") -> datetime:
    return datetime.fromisoformat(record.at or "").astimezone()
