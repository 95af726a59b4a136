"""The recipes of the document as pages of Datasette."""

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from genred.history.recipes import datasette, recipes
from tests.command import Genred
from tests.recipes import eventful

ASKED = {
    "folder": "/srv/music/Nina Simone",
    "artist": "Nina Simone",
    "name": "husband",
    "path": "/srv/music/Nina Simone/Pastel Blues/01 Be My Husband.flac",
}
MOVED = "/srv/music/incoming/sinnerman.flac"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return eventful(tmp_path_factory.mktemp("recipes") / "history.db")


def test_each_statement_of_the_document_is_a_query() -> None:
    """With its question as title and what is said of it, under a name that goes into an address, one statement each."""
    queries = datasette("history")["databases"]["history"]["queries"]
    told = list(recipes())
    assert [query["title"].removesuffix(" (2)") for query in queries.values()] == [recipe.title for recipe in told]
    assert len({query["title"] for query in queries.values()}) == len(told) > 20
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in queries)
    assert all(sqlite3.complete_statement(f"{query['sql']};") for query in queries.values())
    assert queries["what-was-decided-by-the-album-and-what-by-your-own-genres"]["description"].startswith("The second")


def test_no_query_is_about_music_of_the_document(database: Path) -> None:
    """What the document gives as an example is asked for, and the example finds the same as the recipe does."""
    with closing(sqlite3.connect(database)) as db:
        for recipe in recipes():
            assert not re.search("srv|Nina|husband|sinnerman", recipe.asking), recipe.title
            asked = {name: ASKED[name] for name in re.findall(r":([a-z]+)\b", re.sub("'[^']*'", "", recipe.asking))}
            if MOVED in recipe.sql:
                asked["path"] = MOVED
            assert db.execute(recipe.asking, asked).fetchall() == db.execute(recipe.sql).fetchall() != [], recipe.title


def test_the_command_prints_it_for_the_database_of_the_configuration(
    genred: Genred, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there is a database yet or not."""
    monkeypatch.setenv("GENRED_HISTORY_URL", "sqlite:////srv/genred/all my music.db")
    ran = genred("history", "--datasette")
    assert ran.code == 0
    assert json.loads(ran.out) == datasette("all my music")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("datasette"), reason="needs datasette, which nothing else here does")
def test_datasette_answers_each_query(database: Path, tmp_path: Path) -> None:
    """The real one, and it finds what the recipe finds."""
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps(datasette("history")))
    for name in datasette("history")["databases"]["history"]["queries"]:
        page = f"/history/{name}.json?_shape=array&" + "&".join(f"{key}={value}" for key, value in ASKED.items())
        page = page.replace(ASKED["path"], MOVED) if "moved" in name else page
        command = ["datasette", str(database), "--metadata", str(metadata), "--get", page]
        answered = subprocess.run(command, capture_output=True, text=True, check=False)
        assert answered.returncode == 0, (name, answered.stdout, answered.stderr)
        assert json.loads(answered.stdout), name
