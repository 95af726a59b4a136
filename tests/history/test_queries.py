"""Questions to the history: what they find, and that they stay quick as it grows."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from benchmarks.history import asked, made, track
from genred.history import queries, schema
from genred.history.database import MIGRATIONS
from genred.history.files_now import Wanted
from genred.history.history import History
from genred.history.records import Outcome, Query, Record
from tests.recipes import eventful, recipes

SOME = 200  # hundreds of steps: the tally grows with the months

# Nothing can be looked up for these, and the document says so.
READS_ALL = {"For which reasons do files fail or get skipped?", "What has this in its name?", "Which albums are mixed?"}
READS_ALL |= {"What do I call the music of one artist?", "What was decided by the album, and what by your own genres?"}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return eventful(tmp_path_factory.mktemp("recipes") / "history.db")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, Path]]:
    """A history of a quarter and one of three, at the same pace."""
    folder = tmp_path_factory.mktemp("grown")
    return [(size, made(folder / f"{size}.db", size)) for size in (27_000, 81_000)]


@pytest.mark.parametrize(("title", "sql"), list(recipes()))
def test_each_recipe_of_the_documents_finds_something(database: Path, title: str, sql: str) -> None:
    """They run as they stand."""
    with closing(sqlite3.connect(database)) as db:
        assert db.execute(sql).fetchall(), title


def steps(db: sqlite3.Connection, ask: Callable[[], object]) -> int:
    """What SQLite does for a question, in hundreds of its machine's instructions: the same on every machine."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    db.set_progress_handler(tick, 100)
    ask()
    db.set_progress_handler(None, 0)
    return count


def test_recipes_stay_quick_as_the_history_grows(grown: list[tuple[int, Path]]) -> None:
    """Three times the decisions cost a recipe no more, but for those that the document says read all."""
    slow = set()
    for title, sql in recipes():
        spent = []
        for _, path in grown:
            with closing(sqlite3.connect(path)) as db:
                spent.append(steps(db, lambda: db.execute(sql).fetchall()))  # noqa: B023 - called at once
        if spent[1] > 1.5 * spent[0] + SOME:
            slow.add(title)
    assert slow == READS_ALL


def test_commands_stay_quick_as_the_history_grows(grown: list[tuple[int, Path]]) -> None:
    """The same of every filter of `genred history`, and of `genred stats`."""
    spent: dict[str, list[int]] = {}
    for size, path in grown:
        history = History.open(path)
        with history.asking() as db:
            pass  # the pool gives the same one again
        for name, query in asked(size).items():
            spent.setdefault(name, []).append(steps(db, lambda: list(history.records(query))))  # noqa: B023 - at once
        spent.setdefault("stats", []).append(steps(db, history.counts))
        history.close()
    assert {name for name, (small, large) in spent.items() if large > 1.5 * small + SOME} == set()


def test_pages_stay_quick_as_the_history_grows(grown: list[tuple[int, Path]]) -> None:
    """The same of every table to leaf through, at its beginning and in its middle, and of all figures."""
    spent: dict[str, list[int]] = {}
    for size, path in grown:
        history = History.open(path)
        with history.asking() as db:
            pass  # the pool gives the same one again
        for name, ask in leafed(history, size).items():
            spent.setdefault(name, []).append(steps(db, ask))
        history.close()
    assert {name for name, (small, large) in spent.items() if large > 1.5 * small + SOME} == set()


def leafed(history: History, size: int) -> dict[str, Callable[[], object]]:
    """What pages ask; what no index helps with is kept by the clock, and not here."""
    turn, figures = history.browsing, history.figures
    middle, path = size // 2, Path(track(size // 2))
    failed = Query(outcomes=(Outcome.FAILED,))
    return {
        "decisions": partial(turn.decisions, Query()),
        "decisions from the middle": partial(turn.decisions, failed, below=middle),
        "decisions back from the middle": partial(turn.decisions, failed, above=middle),
        "decisions, the latest": partial(turn.decisions, Query(latest=True, outcomes=(Outcome.TAGGED,), twentieth=19)),
        "files": partial(turn.files, Wanted()),
        "files from the middle": partial(turn.files, Wanted(), after=path),
        "files back from the middle": partial(turn.files, Wanted(), before=path),
        "files of a genre": partial(turn.files, Wanted(genre="disco"), after=path),
        "files of nobody": partial(turn.files, Wanted(by="nobody"), after=path),
        "files below a folder": partial(turn.files, Wanted(path=path.parent)),
        "months": figures.months,
        "authors": figures.by_author,
        "genres": figures.genres,
        "outcomes": figures.outcomes,
        "confidence": figures.confidence,
        "reasons": partial(figures.reasons, 20),
        "mixed albums": figures.mixed,
    }


def test_filters_find_what_a_plain_look_at_every_row_finds(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the way through the indexes, and with a clock that jumps."""
    rng = random.Random(0)
    folders = ("/m", "/m/a", "/m/a b", "/m0")
    times = [f"2026-11-{day:02d}T00:00:00.000Z" for day in range(1, 6)]
    for run in range(3):
        if run:
            history.start_run("run", "0")
        for _ in range(60):
            path = Path(rng.choice(folders)) / f"{rng.randrange(3)}.mp3"
            genre = rng.choice([None, "Rock", "rock", "Électro", "Jazz"])
            kind = rng.choice([None, "track", "mates"])
            history.record(Record(path, rng.choice(list(Outcome)), "", genre=genre, evidence=kind))
    with closing(sqlite3.connect(history.path)) as db, db:
        db.executemany("UPDATE records SET at = ? WHERE id = ?", [(rng.choice(times), n) for n in range(1, 181)])
    every = list(history.records(Query()))
    assert [record.id for record in every] == list(range(180, 0, -1))
    for few in (5, 10_000):
        monkeypatch.setattr("genred.history.queries.FEW", few)
        for _ in range(150):
            genres = rng.choice([(), ("ROCK",), ("rock", "éLECTRO"), ("Zydeco",)])
            outcomes = rng.choice([(), (Outcome.TAGGED,), (Outcome.FAILED, Outcome.UNDONE)])
            since, until = rng.choice([None, *times]), rng.choice([None, *times])
            below = rng.choice([None, Path("/m/a"), Path("/m/a/1.mp3"), Path("/m")])
            run_id = rng.choice([None, 2, 99])
            evidence = rng.choice([(), (), ("mates",), ("track", "mates"), ("artist",)])
            query = Query(genres, outcomes, since, until, below, run_id, 7, evidence)
            wanted = {genre.casefold() for genre in genres}
            expected = [
                record.id
                for record in every
                if (not genres or (record.genre or "").casefold() in wanted)
                and (not outcomes or record.outcome in outcomes)
                and (since is None or (record.at or "") >= since)
                and (until is None or (record.at or "") < until)
                and (below is None or record.path == below or below in record.path.parents)
                and (run_id is None or record.run == run_id)
                and (not evidence or record.evidence in evidence)
            ]
            assert [record.id for record in history.records(query)] == expected[:7], query


def test_counts_are_those_of_the_rows(database: Path) -> None:
    """The tally keeps up with the log."""
    history = History.open(database)
    counts = history.counts()
    history.close()
    assert counts["outcome"] == {"tagged": 6, "abstained": 1, "failed": 1, "kept": 2, "undone": 1}
    assert counts["genre"] == {"Blues": 4, "Jazz": 2}
    assert counts["model"] == {"builtin-1": 6}
    assert list(counts["month"].values()) == [6]
    assert counts["now"] == {"Blues": 3, "Soul": 2}
    assert counts["now_by"] == {"genred": 3, "you": 2}
    assert counts["now_genred"] == {"Blues": 3}
    assert counts["shares"] == {"heard": 7, "answered": 6, "written": 6, "undone": 1, "set": 0, "changed": 1}


def test_who_takes_back_a_genre_of_their_own_corrects_nobody(history: History) -> None:
    """Only what a model wrote counts as undone."""
    for path, model in ((Path("/m/a.mp3"), None), (Path("/m/b.mp3"), "builtin-1")):
        wrote = history.record(Record(path, Outcome.TAGGED, "", genre="Rock", written=("Rock",), model=model))
        history.record(Record(path, Outcome.UNDONE, "", undoes=wrote.id))
    assert history.counts()["shares"]["undone"] == 1


def test_a_history_of_the_first_schema_is_counted(tmp_path: Path) -> None:
    """What was recorded before there was a tally is in it after the update; the old file is kept beside it."""
    path = tmp_path / "history.db"
    engine = schema.connect(path)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with schema.writing(path, engine) as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        db.execute(sa.text("INSERT INTO runs VALUES (1, '2026-11-01T00:00:00.000Z', 'scan', '0')"))
        columns = "at, path, outcome, genre, previous, written, model, run, reason"
        values = "'2026-11-01T00:00:00.000Z', x'2f61', 'tagged', 'Rock', '[]', '[\"Rock\"]', 'm', 1, 'sure'"
        db.execute(sa.text(f"INSERT INTO records ({columns}) VALUES ({values})"))  # noqa: S608 - from here
    engine.dispose()
    history = History.open(path)
    history.start_run("scan", "0")
    history.record(Record(Path("/b"), Outcome.TAGGED, "sure", genre="Rock", written=("Rock",), model="m"))
    counts = history.counts()
    history.close()
    assert counts["genre"] == {"Rock": 2}
    assert (tmp_path / "history.db.schema-0001").exists()


def test_runs_that_wrote_tags_are_found_newest_first(history: History) -> None:
    """One that wrote nothing isn't among them; of a long one, its newest decisions are counted."""
    tagged = Record(Path("/a"), Outcome.TAGGED, "sure", genre="Jazz", model="m", written=("Jazz",))
    first = history.run
    for _ in range(3):
        history.record(tagged)
    history.start_run("run", "0")
    history.record(Record(Path("/b"), Outcome.FAILED, "no sound"))
    last = history.start_run("set", "0")
    history.record(tagged)
    found = history.runs(10)
    assert [(run.id, run.command, run.tagged, run.has_more) for run in found] == [
        (last, "set", 1, False),
        (first, "scan", 3, False),
    ]
    assert [run.id for run in history.runs(1)] == [last]
    with history.asking() as db:
        assert [(run.tagged, run.has_more) for run in queries.latest_runs(db, 10, most=2)] == [(1, False), (2, True)]
