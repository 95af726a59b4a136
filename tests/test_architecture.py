"""The page about the architecture names what is there: every room, in the order of imports, and every module."""

import re
import tomllib
from collections.abc import Iterator

from tests.recipes import REPOSITORY

PACKAGE = REPOSITORY / "genred"
PAGE = re.sub(
    r"^```.*?^```", "", (REPOSITORY / "docs/architecture.md").read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
)


def rows() -> Iterator[list[str]]:
    """Yield the cells of each row of the table of rooms, top down."""
    table = PAGE.partition("## The rooms")[2].partition("\n## ")[0]
    for line in table.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def named(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def modules(room: str) -> set[str]:
    """Return the modules of a room as the page names them: migrations as a folder, a package's own file not at all."""
    files = [path.relative_to(PACKAGE / room) for path in (PACKAGE / room).rglob("*.py")]
    found = {path.with_suffix("").as_posix() for path in files if path.name != "__init__.py"}
    return {"migrations/" if name.startswith("migrations/") else name for name in found}


def test_the_rooms_stand_in_the_order_of_their_imports() -> None:
    """The page and the contract of imports name the same rooms, line by line, and no other room is there."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    (contract,) = [it for it in settings["tool"]["importlinter"]["contracts"] if it["type"] == "layers"]
    layers = [layer.split(" | ") for layer in contract["layers"] if layer != "__main__"]
    assert [named(room) for room, *_ in rows()] == layers
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert {room for layer in layers for room in layer} == there - {"__init__", "__main__"}


def test_every_module_is_named_in_its_room() -> None:
    """A new module gets a name on the page, and one that is gone loses it."""
    for cell, _, listed in rows():
        rooms = named(cell)
        parts = dict(re.findall(r"(\w+): ([^;]+)", listed)) if len(rooms) > 1 else {rooms[0]: listed}
        assert {room: set(named(text)) for room, text in parts.items() if text} == {
            room: modules(room) for room in rooms if modules(room)
        }


def test_every_file_that_the_page_sends_a_reader_to_is_there() -> None:
    """Names with a slash are files or folders, in the package or beside it."""
    sent = [name for name in named(PAGE.partition("## The loop")[2]) if re.fullmatch(r"[\w.]+/[\w./]*", name)]
    assert len(sent) > 10
    assert [name for name in sent if not (PACKAGE / name).exists() and not (REPOSITORY / name).exists()] == []
