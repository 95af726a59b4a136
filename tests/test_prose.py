"""How the code speaks: a function's docstring begins with a verb, and an exception to a rule gives its reason."""

import ast
import re
import tokenize
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
    """Yield the functions of a file that have a docstring, with it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function) and (text := ast.get_docstring(node)):
            yield node, text


def unwanted(node: Function) -> set[str]:
    """Return the words that a docstring must not begin with; a property is a thing, and may be named as one."""
    decorators = {it.id for it in node.decorator_list if isinstance(it, ast.Name)}
    return QUESTIONS if decorators & {"property", "cached_property"} else QUESTIONS | NOUNS


@pytest.mark.parametrize("room", ROOMS)
def test_a_docstring_begins_with_a_verb(room: str) -> None:
    """A question or a noun in its place leaves a reader to guess what is returned or done."""
    place = PACKAGE / room
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    wrong = [
        f"{file.relative_to(REPOSITORY)}:{node.lineno}: {node.name}: {text.splitlines()[0]}"
        for file in files
        for node, text in docstrings(file)
        if text.split()[0] in unwanted(node)
    ]
    assert files
    assert not wrong, "\n".join(wrong)


EXCEPTION = re.compile(r"# (?:type: ignore\[[\w, -]+\]|noqa: [A-Z0-9, ]+)(.*)")


def exceptions(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file on which a rule doesn't hold, each with what follows in the comment."""
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT and (found := EXCEPTION.match(token.string)):
                yield token.start[0], found[1]


@pytest.mark.parametrize("folder", ["genred", "tests", "benchmarks", "docs"])
def test_an_exception_to_a_rule_gives_its_reason(folder: str) -> None:
    """A reader can't know whether a warning is wrong, or was only in the way."""
    files = sorted((REPOSITORY / folder).rglob("*.py"))
    wrong = [
        f"{file.relative_to(REPOSITORY)}:{line}"
        for file in files
        for line, reason in exceptions(file)
        if not re.search(r"[a-z]{2}", reason)
    ]
    assert files
    assert not wrong, "\n".join(wrong)
