"""Make pages from templates: every value is escaped, and names of files are readable whatever their bytes are."""

import os
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from genred import __version__
from genred.fs.files import readable

FOLDER = Path(__file__).parent
"""The folder in which templates and static files lie."""


def page(template: str, **values: Any) -> bytes:
    """Return a page in UTF-8."""
    return environment().get_template(template).render(values).encode("utf-8", "backslashreplace")


@cache
def environment() -> Environment:
    """Return the environment of all templates, made once."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "moment": moment, "path": path, "ref": ref, "percent": percent}
    made.filters |= {"name": name, "folder": folder, "shown": shown, "prose": prose}
    made.globals |= {"version": __version__, "stylesheet": stylesheet}
    return made


def prepare() -> None:
    """Compile all templates, so that nobody waits for it at their first page."""
    made = environment()
    for template in made.list_templates():
        made.get_template(template)


def prose(text: str) -> Markup:
    """Return a sentence in which what stands between backticks is a command."""
    parts = [
        escape(part) if at % 2 == 0 else Markup("<code>{}</code>").format(part)
        for at, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def number(value: float) -> str:
    """Return a number with commas between thousands."""
    return f"{value:,}"


def percent(share: float) -> str:
    """Return a share of one in whole percent."""
    return f"{share:.0%}"


def moment(iso: str) -> Markup:
    """Return a moment of the history as an element that holds it exactly and shows it in the time of this machine."""
    shown = datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(iso, shown)


def path(value: Path) -> str:
    """Return a path for people, on one line and in valid Unicode."""
    return readable(value)


def ref(value: Path) -> str:
    """Return a path for a query string or a field of a form, which names the file whatever its bytes are."""
    return quote_from_bytes(os.fsencode(value))


def name(value: Path) -> str:
    """Return the name of a file for people, without its folder."""
    return readable(Path(value.name))


def folder(value: Path) -> str:
    """Return the folder of a file for people."""
    return readable(value.parent)


def shown(text: str) -> str:
    """Return what somebody typed so that a page can hold it: bytes that are no UTF-8 are escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def stylesheet() -> Markup:
    """Return the stylesheet, for a page that is to need nothing else."""
    return Markup((FOLDER / "static" / "style.css").read_text("utf-8"))  # noqa: S704 - it is ours
