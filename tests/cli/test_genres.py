"""What `genred genres` tells of the vocabulary."""

import pytest

from tests.command import Genred


def test_every_genre_has_a_name_a_parent_and_spellings(genred: Genred) -> None:
    """For scripts; the list for people has a line for each."""
    found = {genre["name"]: genre for genre in genred("genres", "--json").json}
    assert set(found["Metal"]) == {"name", "parent", "spellings", "written"}
    assert found["Metal"]["parent"] == "Rock"
    assert "Hip Hop" in found["Hip-Hop"]["spellings"]  # type: ignore[operator]
    assert len(genred("genres").out.splitlines()) == len(found)


def test_a_spelling_leads_to_its_genre(genred: Genred) -> None:
    """Also one's own, written as one wants it."""
    assert genred("genres", "heavy  metal").out.startswith("Metal  a kind of Rock; Heavy Metal")
    ran = genred("genres", "Hevy Metal")
    assert (ran.code, ran.out) == (1, "")
    assert "did you mean Metal?" in ran.err


def test_the_words_of_the_configuration_count(genred: Genred, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Aliases are spellings, and a genre is shown as it is written."""
    file = tmp_path_factory.mktemp("c") / "c.toml"
    file.write_text("[genres]\naliases = { Krautrock = 'Rock' }\nspelling = { Rock = 'ROCK' }\n", "utf-8")
    (rock,) = genred("--config", file, "--json", "genres", "krautrock").json
    assert (rock["name"], rock["written"]) == ("Rock", "ROCK")
    assert "Krautrock" in rock["spellings"]  # type: ignore[operator]
