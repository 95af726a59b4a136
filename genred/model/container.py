"""One file of JSON and numbers: what a model is kept in. Nothing in it is ever run.

Four parts, each of which says where it ends: a line that names the kind of file; a line of JSON, which tells what it is
to who wants no more; a line of JSON with the rest of the texts; numbers; and the SHA-256 of all before it::

    genred model
    {"model": "5", "features": "1", "card": {...}}
    {"shapes": {...}, "texts": {...}}
    ...
"""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from genred.errors import FileError, ModelError
from genred.fs.files import open_regular, readable, write_whole

SUFFIX = ".genred"

_KIND = b"genred model\n"
_LARGEST = 2**30
_LONGEST_LINE = 2**26
_ALIGNED = 64
"""Numbers begin at a multiple of so many bytes, padded by spaces: read where they lie, they needn't be copied."""


@dataclass(frozen=True, eq=False)
class Content:
    """What a file holds."""

    head: Any
    """JSON that `read_head` gives too."""
    texts: Any
    """JSON."""
    numbers: memoryview


def write(path: Path, head: Any, texts: Any, numbers: bytes) -> None:
    """Write whole or not at all, readable by others but writable by the owner only.

    Raises
    ------
    ModelError
        If there is no room, or no permission.
    """
    import hashlib  # here and not above, as in `read`: commands that answer at once read no more than a head

    begin = _KIND + _line(head) + json.dumps(texts).encode()
    begin += b" " * (-(len(begin) + 1) % _ALIGNED) + b"\n"
    content = begin + numbers
    try:
        write_whole(path, content + hashlib.sha256(content).digest())
    except OSError as error:
        raise ModelError(f"{readable(path)}: the model can't be kept there ({error.strerror})") from error


def read(path: Path) -> Content:
    """Read what `write` wrote, and nothing else.

    Raises
    ------
    ModelError
        If there is nothing, something else, or not all of it as it was written.
    """
    import hashlib

    name = readable(path)
    try:
        with open_regular(path.resolve()) as file:
            content = file.read(_LARGEST + 1)
    except FileError as error:
        raise ModelError(f"{name}: no model that can be read ({error.reason})") from error
    except (OSError, RuntimeError) as error:  # a loop of links
        raise ModelError(f"{name}: no model that can be read ({error})") from error
    if not content.startswith(_KIND):
        raise ModelError(_stranger(path))
    if len(content) > _LARGEST:
        raise ModelError(f"{name}: too large for a model")
    whole, digest = content[:-32], content[-32:]
    if hashlib.sha256(whole).digest() != digest:
        raise ModelError(f"{name}: damaged: it isn't what was saved; train anew")
    file = BytesIO(whole)
    try:
        head, texts = _lines(file)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name}: not a model that genred saved ({error})") from error
    return Content(head, texts, memoryview(whole)[file.tell() :])


def read_head(path: Path) -> dict[str, Any]:
    """Return what a file says of itself, unchecked; empty where it says nothing."""
    try:
        with open_regular(path.resolve()) as file:
            found = _json(file) if file.read(len(_KIND)) == _KIND else None
    except (FileError, OSError, RuntimeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(file: BinaryIO) -> tuple[Any, Any]:
    file.seek(len(_KIND))
    return _json(file), _json(file)


def _json(file: BinaryIO) -> Any:
    return json.loads(file.readline(_LONGEST_LINE))


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _stranger(path: Path) -> str:
    if path.suffix == ".joblib":
        return f"{readable(path)}: saved by an earlier genred, in a form that is no longer read; train anew"
    return f"{readable(path)}: not a genred model"
