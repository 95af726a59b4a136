"""The history and its counts as people and spreadsheets read them on stdout."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred.cli import show
from genred.fs.files import readable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from genred.history.records import Record

_COLOURS = {"tagged": "green", "failed": "red", "skipped": "yellow", "undone": "magenta"}
_ROOMY = 100  # columns of a terminal from which on the reason stands beside the file and not below it
_MONTHS = 24  # more of them are a long way to scroll


def as_json(found: Iterable["Record"]) -> int:
    """One object a line, with the keys of the view ``history``; returns how many, as do the other three."""
    return _each(found, lambda record: print(json.dumps(show.record_as_json(record), ensure_ascii=False)))


def as_lines(found: Iterable["Record"]) -> int:
    """Fields separated by tabs, times in UTC: for a pipe."""

    def tell(record: "Record") -> None:
        sure = "" if record.confidence is None else f"{record.confidence:.2f}"
        fields = (record.at or "", record.outcome, _genre(record), sure, readable(record.path), record.reason)
        print("\t".join(fields))

    return _each(found, tell)


def as_csv(found: Iterable["Record"]) -> int:
    """A header and one row a decision (RFC 4180), values as in the view ``history``."""
    writer = csv.DictWriter(sys.stdout, show.KEYS)
    writer.writeheader()

    def tell(record: "Record") -> None:
        lists = {name: json.dumps(getattr(record, name), ensure_ascii=False) for name in ("previous", "written")}
        writer.writerow(show.record_as_json(record) | lists)

    return _each(found, tell)


def as_table(found: Iterable["Record"]) -> int:
    """A table for each day, in local time; the reason below the file where it doesn't fit beside it."""
    from rich.console import Console

    console = Console(highlight=False)
    rest = iter(found)
    count = 0
    told = None
    while batch := list(islice(rest, 500)):
        count += len(batch)
        genres = min(24, max(len(_genre(record)) + 5 for record in batch))
        runs = max(len(f"run {record.run}") for record in batch)
        for day, records in groupby(batch, lambda record: f"{_when(record):%a %d %b %Y}"):
            if day != told:
                console.print(f"\n{day}" if told else day, style="bold")
                told = day
            for row in _rows(records, console.width, genres, runs):
                console.print(row)
    return count


def _each(found: Iterable["Record"], tell: Callable[["Record"], None]) -> int:
    count = 0
    for record in found:
        tell(record)
        count += 1
    return count


def _rows(records: Iterable["Record"], width: int, genres: int, runs: int) -> Iterator["RenderableType"]:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    widths = [5, runs, 9, genres]
    left = max(20, width - sum(widths) - 2 * len(widths))
    beside = width >= _ROOMY
    widths += [left * 9 // 20, left - left * 9 // 20 - 2] if beside else [left]
    for record in records:
        row = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for column in widths:
            row.add_column(width=column, overflow="fold")
        # Text, not str: square brackets in names are no markup.
        outcome = Text(record.outcome, _COLOURS.get(record.outcome, ""))
        name, why = Text(_shortened(readable(record.path), widths[4])), Text(record.reason, "dim")
        cells = [Text(f"{_when(record):%H:%M}"), Text(f"run {record.run}", "dim"), outcome, _answer(record, genres)]
        row.add_row(*cells, name, *([why] if beside else []))
        yield row
        if not beside and not (record.model and record.outcome == "tagged"):  # there the answer says it
            yield Padding(why, (0, 0, 0, 5 + 2 + runs + 2))


def _answer(record: "Record", width: int) -> "Text":
    from rich.text import Text

    genre = _genre(record)
    if not genre or record.confidence is None:
        return Text(genre)
    answer = Text(genre)
    answer.truncate(width - 5, overflow="ellipsis")
    return answer.append(f" {record.confidence:.2f}", "dim")


def _shortened(path: str, width: int) -> str:
    """As much of the end of a path as fits; the name keeps its beginning as well, where it doesn't fit alone."""
    from rich.cells import cell_len, set_cell_size

    home = f"{Path.home()}/"
    path = path.replace(home, "~/", 1) if path.startswith(home) else path
    if cell_len(path) <= width:
        return path
    name = path.rpartition("/")[2]
    if cell_len(name) < width:
        return next(end for at in range(len(path)) if cell_len(end := f"…{path[at:]}") <= width)
    return f"{set_cell_size(name, width - 9).rstrip()}…{name[-8:]}"


def counts(by: Mapping[str, Mapping[str, int]]) -> None:
    """Shares in words, counts under headings as bars."""
    shares = by["shares"]
    heard, written = shares["heard"], shares["written"]
    corrected = shares["changed"] + shares["undone"]
    ways = f"{shares['changed']:,} changed, {shares['undone']:,} undone"

    def now(author: str) -> str:
        return f"{by['now_by'].get(author, 0):,}"

    told = (
        ("heard", heard, ""),
        ("answered", shares["answered"], f"{_share(shares['answered'], heard)} of what it heard"),
        ("written", written, ""),
        ("corrected", corrected, f"{_share(corrected, written)} of what it wrote: {ways}"),
        ("set by hand", shares["set"], ""),
        ("stands now", sum(by["now_by"].values()), f"{now('genred')} by genred, {now('you')} by you"),
    )
    for name, count, remark in told:
        click.echo(f"{name:<11} {count:>11,}  {remark}".rstrip())
    headings = {"now": "genres that files have now", "now_genred": "of these, written by genred"}
    headings |= {"outcome": "decisions", "genre": "genres written, with those undone since"}
    headings |= {"model": "written by model", "month": "written in"}
    widest = max((len(value) for name in headings for value in by[name]), default=0)
    for name, heading in headings.items():
        values = list(by[name].items())[-_MONTHS:] if name == "month" else list(by[name].items())
        if values:
            click.echo(click.style(f"\n{heading}", bold=True))
        most = max((count for _, count in values), default=1)
        for value, count in values:
            click.echo(f"  {value:<{widest}} {count:>11,}  {show.bar(count / most)}")


def counts_as_csv(by: Mapping[str, Mapping[str, int]]) -> None:
    """A header and one row a count (RFC 4180)."""
    writer = csv.writer(sys.stdout)
    writer.writerow(("by", "value", "count"))
    writer.writerows((name, value, count) for name, values in by.items() for value, count in values.items())


def _share(part: int, whole: int) -> str:
    share = part / whole if whole else 0.0
    return f"{share:.0%}" if share >= 0.1 or not part else f"{share:.2%}"


def _genre(record: "Record") -> str:
    return ", ".join(record.written) or record.genre or ""


def _when(record: "Record") -> datetime:
    return datetime.fromisoformat(record.at or "").astimezone()
