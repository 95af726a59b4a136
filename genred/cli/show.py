"""What people and scripts read on stdout: records, predictions, counts and settings, as text and as JSON."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genred.errors import FileError
from genred.files import readable

if TYPE_CHECKING:
    from genred.analysis import Look
    from genred.prediction import Prediction
    from genred.records import Record

_COLOURS = {"tagged": "green", "failed": "red", "skipped": "yellow", "abstained": "bright_black", "undone": "magenta"}


def say_json(value: Mapping[str, Any]) -> None:
    """One object, one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def record_as_json(record: "Record") -> dict[str, Any]:
    """A decision with the keys that scripts rely on: those of the view ``history``."""
    same = ("id", "at", "outcome", "genre", "confidence", "previous", "written", "model", "run", "reason")
    return {"path": readable(record.path)} | {name: getattr(record, name) for name in same}


def look_as_json(look: "Look | FileError", model: str) -> dict[str, Any]:
    """What was heard in a file, with the keys that scripts rely on; the path is the caller's to add."""
    if isinstance(look, FileError):
        return {"error": look.reason}
    prediction = look.prediction
    if prediction is None:
        raise ValueError("only the tags were looked at")
    return {
        "genre": prediction.genre,
        "confidence": prediction.confidence,
        "candidates": [{"genre": c.genre, "probability": c.probability} for c in prediction.candidates],
        "decision": "abstained" if prediction.genre is None else "tagged",
        "reason": prediction.reason,
        "model": model,
    }


def prediction(path: Path, heard: "Prediction") -> None:
    """A prediction with its candidates as bars."""
    answer = click.style(heard.genre or "not sure", bold=True)
    click.echo(f"{readable(path)}\n  {answer} ({heard.reason})")
    for candidate in heard.candidates[:5]:
        if candidate.probability >= 0.01:
            click.echo(f"    {candidate.genre:<12} {candidate.probability:>4.0%}  {_bar(candidate.probability)}")


def records(found: Iterable["Record"]) -> None:
    """Decisions: a table on a terminal, else lines of fields separated by tabs, times in UTC."""
    if not sys.stdout.isatty():
        for record in found:
            sure = "" if record.confidence is None else f"{record.confidence:.2f}"
            fields = (record.at or "", record.outcome, _genre(record), sure, readable(record.path), record.reason)
            click.echo("\t".join(fields))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("when", "run", "outcome", "genre"):
        table.add_column(name, no_wrap=True)
    table.add_column("file", ratio=3, overflow="fold")
    table.add_column("why", ratio=2)
    for record in found:
        when = datetime.fromisoformat(record.at or "").astimezone().strftime("%Y-%m-%d %H:%M")
        outcome = Text(record.outcome, style=_COLOURS.get(record.outcome, ""))
        genre = _genre(record)
        sure = f" {record.confidence:.2f}" if genre and record.confidence is not None else ""
        # Text, not str: square brackets in names are no markup.
        table.add_row(when, str(record.run), outcome, *map(Text, (genre + sure, readable(record.path), record.reason)))
    Console().print(table)


def counts(by: Mapping[str, Mapping[str, int]]) -> None:
    """Counts under headings, as bars."""
    for name, values in by.items():
        click.echo(click.style(f"by {name}", bold=True))
        most = max(values.values(), default=1)
        for value, count in values.items():
            click.echo(f"  {value:<24} {count:>9,}  {_bar(count / most)}")


def settings(values: Mapping[str, Mapping[str, Any]], origin: str) -> None:
    """A configuration as the TOML that would make it."""
    click.echo(f"# {origin}")
    for section, keys in values.items():
        click.echo(f"\n[{section}]")
        for key, value in keys.items():
            click.echo(f"{key} = {_toml(value)}")


def _genre(record: "Record") -> str:
    return ", ".join(record.written) or record.genre or ""


def _bar(share: float) -> str:
    return "▇" * max(1, round(30 * share))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
