"""The house: each library is used in one room, and each room is in the map."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "genred"

ROOMS_OF = {
    "alembic": {"history/schema.py", "history/migrations"},
    "av": {"sound", "analysis/cover.py"},
    "click": {"cli"},
    "distributed": {"analysis"},
    "jinja2": {"web/render.py"},
    "joblib": {"learning/labels.py"},
    "librosa": {"sound/filters.py"},
    "markupsafe": {"web/charts.py", "web/evaluation.py", "web/render.py"},
    "msgspec": {"config", "model/storage.py"},
    "mutagen": {"tags"},
    "numpy": {"analysis", "learning", "model", "saving/delta.py", "sound", "tagging", "web/evaluation.py"},
    "packaging": {"doctor"},
    "pathspec": {"config/gitignore.py"},
    "pebble": {"analysis"},
    "prometheus_client": {"service/metrics.py"},
    "prompt_toolkit": {"cli/review/terminal.py"},
    "regex": {"config/gitignore.py", "genres/vocabulary.py"},
    "rich": {"cli"},
    "scipy": {"sound", "model"},
    "sklearn": {"model"},
    "soxr": {"sound/ears.py"},
    "sqlalchemy": {"history"},
    "starlette": {"web"},
    "threadpoolctl": {"model"},
    "uvicorn": {"web/server.py"},
    "watchdog": {"watching/inotify.py"},
    "yaml": {"genres/beets.py"},
}
"""Where each library that is not Python's own may be imported: rooms, or files of them."""


def imports() -> dict[str, set[str]]:
    """Return, for each library outside of Python and genred, the files that import it."""
    import sys

    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"genred"}:
                found[name].add(str(file.relative_to(PACKAGE)))
    return found


def test_each_library_is_used_in_its_room() -> None:
    """A new library gets a line in the table, and one that is gone loses its line."""
    found = imports()
    assert found.keys() == ROOMS_OF.keys()
    for library, files in found.items():
        strangers = {file for file in files if not any(Path(file).is_relative_to(room) for room in ROOMS_OF[library])}
        assert not strangers, f"{library} is imported outside of its room"
