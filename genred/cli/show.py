"""What people and scripts read on stdout: predictions and settings as text and as JSON, decisions as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genred.config import toml
from genred.errors import FileError
from genred.fs.files import readable

if TYPE_CHECKING:
    from genred.analysis.analyser import Look
    from genred.history.records import Record
    from genred.model.prediction import Prediction

KEYS = ("id", "at", "path", "outcome", "genre", "confidence", "previous", "written", "model", "run", "reason")
"""The columns of the view ``history``, which scripts rely on."""


def say_json(value: Mapping[str, Any]) -> None:
    """One object, one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def record_as_json(record: "Record") -> dict[str, Any]:
    """A decision with the keys that scripts rely on: those of the view ``history``."""
    return {name: getattr(record, name) for name in KEYS} | {"path": readable(record.path)}


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
            click.echo(f"    {candidate.genre:<12} {candidate.probability:>4.0%}  {bar(candidate.probability)}")


def settings(values: Mapping[str, Mapping[str, Any]], origin: str) -> None:
    """A configuration as the TOML that would make it."""
    click.echo(f"# {origin}")
    for section, keys in values.items():
        click.echo(f"\n[{section}]")
        for key, value in keys.items():
            click.echo(f"{key} = {toml.dumps(value)}")


def bar(share: float) -> str:
    """A share of one as a bar of up to 30 columns."""
    return "▇" * max(1, round(30 * share))
