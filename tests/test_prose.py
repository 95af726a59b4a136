"""How the code speaks: a function's docstring begins with a verb."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recipes import REPOSITORY

PACKAGE = REPOSITORY / "genred"

ROOMS = sorted(place.name for place in PACKAGE.iterdir() if place.name not in {"__pycache__", "data", "py.typed"})

QUESTIONS = {"What", "Whether", "How", "Where", "Which", "Who", "Whose", "When", "Why"}
NOUNS = {"A", "All", "An", "Each", "Every", "It", "Its", "One", "That", "The", "Their", "These", "This", "Those"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def docstrings(path: Path) -> Iterator[tuple[Function, str]]:
    """Yield the functions of a file that have a docstring, with it; properties, which are nouns, are left out."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function) and (text := ast.get_docstring(node)):
            decorators = {it.id for it in node.decorator_list if isinstance(it, ast.Name)}
            if not decorators & {"property", "cached_property"}:
                yield node, text


@pytest.mark.parametrize("room", ROOMS)
def test_a_docstring_begins_with_a_verb(room: str) -> None:
    """A question or a noun in its place leaves a reader to guess what is returned or done."""
    place = PACKAGE / room
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    wrong = [
        f"{file.relative_to(REPOSITORY)}:{node.lineno}: {node.name}: {text.splitlines()[0]}"
        for file in files
        for node, text in docstrings(file)
        if text.split()[0] in QUESTIONS | NOUNS
    ]
    assert files
    assert not wrong, "\n".join(wrong)
