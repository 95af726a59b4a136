"""What `genred genres` tells of the tree."""

from contextlib import closing
from pathlib import Path

import pytest

from genred.config import Config
from genred.errors import FileError
from genred.genres import built_in
from genred.history.history import History
from genred.model.installed import BUILTIN_GENRES
from genred.model.prediction import Prediction
from genred.tagging.tagger import Tagger
from tests.command import Genred
from tests.fakes import FakeAnalyser, sure
from tests.makeaudio import make

KEYS = {"name", "parent", "parents", "spellings", "kinds", "written", "files", "heard"}


@pytest.fixture
def library(tmp_path: Path, home: Path) -> None:
    """Files with genres of many a spelling in the history."""
    genres = ["Death Metal", "death-metal", "Melodic Dubstep", "Blurgh", "Metal", "Techno"]
    with closing(History.open(Config().database)) as history:
        history.start_run("scan", "0")
        songs = {make(tmp_path / f"{n}.flac", 0.1): genre for n, genre in enumerate(genres)}
        hears: dict[str, Prediction | FileError] = {song.name: sure(genre) for song, genre in songs.items()}
        list(Tagger(Config(), history, FakeAnalyser(hears)).process(list(songs)))


def test_every_genre_of_the_tree_is_told_to_scripts(genred: Genred) -> None:
    """With its parents, spellings, kinds, how it is written, and how many files have it."""
    found = {genre["name"]: genre for genre in genred("genres", "--json").json}
    assert list(found) == list(built_in().nodes)
    assert all(set(genre) == KEYS for genre in found.values())
    assert found["Metal"]["parent"] == "Rock"
    assert found["Acid Jazz"]["parents"] == ["Jazz", "Electronic"]
    assert found["Blues"]["parent"] is None
    assert "Rap" in found["Hip-Hop"]["spellings"]
    assert (found["Metal"]["heard"], found["Techno"]["heard"]) == (True, False)


@pytest.mark.usefixtures("library")
def test_the_tree_is_a_tree_with_what_files_have_in_it(genred: Genred) -> None:
    """Spellings and kinds count as their genre; what no file has and the model doesn't tell apart is left out."""
    lines = genred("genres").out.splitlines()
    rock = lines.index("Rock")
    assert lines[rock + 1 : rock + 3] == [
        "  Metal                         *        1",
        "    Death Metal                          2",
    ]
    assert "    Dubstep                              1" in lines
    assert "  Bass Music" in lines
    assert "  Alternative" not in lines
    assert lines[-2:] == ["in files, and on no genre of the tree:", "  Blurgh                                 1"]
    assert "  Alternative" in genred("genres", "--all").out.splitlines()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("metal", "Metal is a genre of the tree."),
        ("heavy  metal", "heavy  metal is another name for Metal."),
        ("lofi house", "Lo-Fi House is a kind of House."),
        ("Melodic Dubstep", "Melodic Dubstep counts as a kind of Dubstep, by its words."),
    ],
)
def test_where_a_name_lands_and_why(genred: Genred, name: str, said: str) -> None:
    """One sentence, then the branch."""
    ran = genred("genres", name)
    assert (ran.code, ran.out.splitlines()[0]) == (0, said)


def test_the_branch_is_shown_from_its_broad_genre_down(genred: Genred) -> None:
    """With what the genre is also called and under, and its kinds."""
    told = genred("genres", "Death Metal").out
    assert "\n\nRock\n  Metal                         *\n    Death Metal\n      Melodic" in told
    assert "kinds: * Death Metal, Death 'n' Roll" in told
    assert "also under: Funk & Soul, Electronic" in genred("genres", "disco").out
    (asked,) = genred("genres", "lofi house", "--json").json
    assert set(asked) == KEYS | {"asked", "meaning", "way"}
    assert (asked["name"], asked["meaning"], asked["way"]) == ("House", "Lo-Fi House", "kind")


def test_a_name_that_lands_nowhere_is_told(genred: Genred) -> None:
    """With the nearest name that there is."""
    ran = genred("genres", "Reggea")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "genred: no genre is called 'Reggea'; did you mean Reggae?\n"
    assert "`genred genres --all` lists all" in genred("genres", "xyzzy").err


def test_the_words_of_the_configuration_count(genred: Genred, tmp_path: Path) -> None:
    """Aliases are spellings, a genre is shown as it is written, and a tree of one's own is the tree."""
    (tmp_path / "tree.yaml").write_text("- rock:\n  - krautrock\n  - polka\n")
    file = tmp_path / "c.toml"
    words = "aliases = { Tunes = 'Rock', 'Heavy Metal' = 'Heavy Metal' }\nspelling = { Rock = 'ROCK' }\n"
    file.write_text(f"[genres]\n{words}whitelist = ['Rock', 'Polka']\ntree = '{tmp_path}/tree.yaml'\n", "utf-8")
    (rock,) = genred("--config", file, "--json", "genres", "tunes").json
    assert (rock["name"], rock["written"], rock["way"]) == ("Rock", "ROCK", "alias")
    assert "Tunes" in rock["spellings"]
    assert genred("--config", file, "genres", "tunes").out.startswith("tunes is Rock: genres.aliases says so.")
    own = genred("--config", file, "genres", "heavy metal").out
    assert own.startswith("heavy metal is Heavy Metal, a kind of Metal: genres.aliases says so.")
    found = {genre["name"]: genre for genre in genred("--config", file, "genres", "--json").json}
    assert found["Polka"]["parents"] == found["Krautrock"]["parents"] == ["Rock"]
    assert (found["Metal"]["written"], found["Jazz"]["written"]) == ("ROCK", None)
    assert "Heavy Metal" not in found["Metal"]["spellings"]
    assert "\n    Heavy Metal                             ROCK\n" in genred("--config", file, "genres").out


def test_what_the_model_in_use_tells_apart_is_marked(genred: Genred, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the built-in one, or of one's own; what a model recognises too seldom isn't told apart."""
    heard = [genre["name"] for genre in genred("genres", "--json").json if genre["heard"]]
    assert heard == ["Classical", "Metal"]
    monkeypatch.setenv("GENRED_MODEL_PATH", "")
    heard = [genre["name"] for genre in genred("genres", "--json").json if genre["heard"]]
    assert sorted(map(str, heard)) == list(BUILTIN_GENRES)  # without Folk and others, which it recognises too seldom


@pytest.mark.usefixtures("own_no_genre")
def test_what_counts_as_no_genre_is_told(genred: Genred, tmp_path: Path) -> None:
    """By genred, or by the user."""
    file = tmp_path / "config.toml"
    file.write_text("[genres]\nno_genre = ['My Music']\n")
    for name in ("Unknown", "my music"):
        said = genred("--config", file, "genres", name)
        assert (said.code, said.err) == (1, f"genred: {name!r} counts as no genre\n")
