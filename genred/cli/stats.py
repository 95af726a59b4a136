"""The command that counts: stats."""

import csv
import sys
from collections.abc import Mapping

import click

from genred.cli import show
from genred.cli.options import CSV, Common, common, not_both

_MONTHS = 24  # more of them are a long way to scroll


@click.command()
@CSV
@common
def stats(common: Common, as_csv: bool) -> None:
    """Count by outcome, genre, model and month, and say how often people corrected genred.

    Files count as they were last seen, also those that were deleted since.

    \b
    genred stats
    genred stats --json | jq .genre
    """
    not_both(common, as_csv)
    with common.reading() as database:
        found = database.counts()
    if common.json:
        show.say_json(found)
    elif as_csv:
        counts_as_csv(found)
    else:
        counts(found)


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
        (
            "stands now",
            sum(by["now_by"].values()),
            f"{now('genred')} by genred, {now('you')} by you; as last seen, deleted files too",
        ),
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
    """Print a header and one row a count (RFC 4180)."""
    writer = csv.writer(sys.stdout)
    writer.writerow(("by", "value", "count"))
    writer.writerows((name, value, count) for name, values in by.items() for value, count in values.items())


def _share(part: int, whole: int) -> str:
    share = part / whole if whole else 0.0
    return f"{share:.0%}" if share >= 0.1 or not part else f"{share:.2%}"
