"""What people and scripts read on stdout: predictions and settings as text and as JSON, decisions as JSON."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genred.config import toml
from genred.errors import FileError
from genred.fs.files import readable

if TYPE_CHECKING:
    from rich.console import OverflowMethod

    from genred.analysis import Analysis
    from genred.history.records import Record
    from genred.model.prediction import Prediction

_DECIDED = {
    "album": "its album sounds so",
    "mates": "you call its album so",
    "artist": "you call its artist so",
}
"""What decided, in a few words, where that was more than the sound of the track."""


def say_json(value: Mapping[str, Any]) -> None:
    """Print one object on one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def analysis_as_json(look: "Analysis | FileError", model: str) -> dict[str, Any]:
    """Return what was heard in a file, with the keys that scripts rely on; the caller adds the path."""
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
    """Print a prediction with its candidates as bars."""
    answer = click.style(heard.genre or "not sure", bold=True)
    click.echo(f"{readable(path)}\n  {answer} ({heard.reason})")
    for candidate in heard.candidates[:5]:
        if candidate.probability >= 0.01:
            click.echo(f"    {candidate.genre:<12} {candidate.probability:>4.0%}  {bar(candidate.probability)}")


def settings(values: Mapping[str, Mapping[str, Any]], origin: str) -> None:
    """Print a configuration as the TOML that would make it."""
    click.echo(f"# {origin}")
    for section, keys in values.items():
        click.echo(f"\n[{section}]")
        for key, value in keys.items():
            click.echo(f"{key} = {toml.dumps(value)}")


def decision(record: "Record", width: int | None = None) -> str:
    """Return a decision on one line: how sure it was or why it fell so, never both.

    Parameters
    ----------
    record
        The decision.
    width
        The columns that there are, for which the path is shortened; None: the path is whole.
    """
    what = ", ".join(record.written) or record.genre or ""
    by_model = record.model is not None and record.confidence is not None and record.outcome == "tagged"
    before = f"{record.outcome:<9} {what} {record.confidence:.2f}  " if by_model else f"{record.outcome:<9} "
    after = f": {what + ', ' if record.written else ''}{record.reason}"
    if by_model:
        after = f": {_DECIDED[record.evidence]}" if record.evidence in _DECIDED else ""
    path = readable(record.path)
    if width is not None:
        path = shortened(path, max(40, width - len(before) - len(after)))
    return before + path + after


def counted(count: int, noun: str) -> str:
    """Return a count of things, one or several."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def width() -> int | None:
    """Return the columns of the terminal that stdout is; None where it is none, and nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def shortened(path: str, width: int) -> str:
    """Return a path that fits: its outermost folders go first, then each folder and the name lose a part of theirs.

    Artist and album are recognised by how they begin, files by how they begin and end.
    """
    from rich.cells import cell_len

    home = f"{Path.home()}/"
    path = path.replace(home, "~/", 1) if path.startswith(home) else path
    if cell_len(path) <= width:
        return path
    *above, name = path.split("/")
    more = glyph("…", "..")
    for gone in range(1, len(above) - 1):
        if cell_len(rest := "/".join([more, *above[gone:], name])) <= width:
            return rest
    for folders in (above[-2:], above[-1:]):
        spare = width - cell_len(more) - 1 - len(folders)
        least = sum(min(_LEAST, cell_len(folder)) for folder in folders)
        for_name = min(cell_len(name), spare - least)
        if folders and for_name >= min(cell_len(name), max(20, width // 2)):
            rooms = [cell_len(folder) for folder in folders]
            while sum(rooms) > spare - for_name:
                rooms[rooms.index(max(rooms))] -= 1
            begun = [_cut(folder, room, 0) for folder, room in zip(folders, rooms, strict=True)]
            return "/".join([more, *begun, _cut(name, for_name, 8)])
    if cell_len(name) < width - cell_len(more):
        return next(more + path[at:] for at in range(len(path)) if cell_len(more + path[at:]) <= width)
    return _cut(name, width, 8)


_LEAST = 8
"""Columns of a folder's name by which it is recognised still."""


def _cut(name: str, width: int, end: int) -> str:
    """Return a name that fits, with up to ``end`` columns of its end."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(name) <= width:
        return name
    more = glyph("…", "..")
    last = next(name[at:] for at in range(len(name) + 1) if cell_len(name[at:]) <= end)
    return set_cell_size(name, width - cell_len(last) - cell_len(more)).rstrip() + more + last


def bar(share: float) -> str:
    """Return a share of one as a bar of up to 30 columns."""
    return glyph("▇", "#") * max(1, round(30 * share))


def glyph(sign: str, plain: str) -> str:
    """Return a sign, or where stdout's encoding has none such, what stands for it in ASCII."""
    try:
        sign.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return sign


def cut() -> "OverflowMethod":
    """Return how rich cuts what is too long: with an ellipsis, where stdout's encoding has one."""
    return "ellipsis" if glyph("…", "") else "crop"
