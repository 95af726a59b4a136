"""The questions of docs/history.md, which the package carries, as pages of Datasette."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

_ASKED = (
    ("'/srv/music/Nina Simone/'", ":folder || '/'"),
    ("'/srv/music/Nina Simone0'", ":folder || '0'"),
    ("'Nina Simone'", ":artist"),
    ("'%husband%'", "'%' || :name || '%'"),
)
_PATH = re.compile(r"'/srv/music/[^']+'")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A question and one statement that answers it."""

    title: str
    """The question."""
    remark: str
    """What is to be said of it, as Markdown; mostly nothing."""
    sql: str
    """The statement, with the document's own music as examples."""

    @property
    def asking(self) -> str:
        """The statement with parameters instead of the examples."""
        sql = self.sql
        for example, parameter in _ASKED:
            sql = sql.replace(example, parameter)
        return _PATH.sub(":path", sql)


def recipes() -> Iterator[Recipe]:
    """Yield the recipes of the document, in its order; a question with two statements comes twice."""
    document = resources.files("genred").joinpath("data", "history.md").read_text("utf-8")
    for part in re.split("^### ", document, flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        remark, *blocks = re.split(r"^```sql\n(.*?)^```", rest, flags=re.MULTILINE | re.DOTALL)
        for statement in (each for block in blocks[::2] for each in block.split(";\n")):
            if statement.strip():
                yield Recipe(title, remark.strip(), statement.strip())


def datasette(database: str) -> dict[str, Any]:
    """Return metadata for Datasette: the recipes as queries, and the views with what is newest first.

    Parameters
    ----------
    database
        The name of the database: that of its file, without the suffix.
    """
    queries: dict[str, dict[str, str]] = {}
    for recipe in recipes():
        name = "-".join(re.findall("[a-z0-9]+", recipe.title.lower()))
        title = recipe.title
        if name in queries:
            name, title = f"{name}-2", f"{title} (2)"
        queries[name] = {"title": title, "description": recipe.remark.replace("`", ""), "sql": recipe.asking}
    newest = {"sort_desc": "id"}
    return {
        "title": "genred",
        "description": "What genred decided about the music, and what the files have now",
        "databases": {database: {"queries": queries, "tables": {"history": newest, "evidence": newest}}},
    }
