"""What `genred model` does with names of models."""

from pathlib import Path

import pytest

from genred.model import storage
from tests.command import Genred


@pytest.fixture
def own(tiny_model: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of one's own that is not in use."""
    from genred.model import installed

    file = installed.file_of("own")
    file.parent.mkdir(parents=True)
    storage.save(storage.load(tiny_model), file)
    return file


def test_a_model_is_shown_by_its_name(genred: Genred, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is in use."""
    assert genred("model", "show", "own", "--json").json[0]["tracks"] == 24
    monkeypatch.delenv("GENRED_MODEL_PATH")
    assert genred("model", "use", "own").out == "own is in use\n"
    assert genred("model", "show").out.startswith("tiny")


def test_a_model_that_is_not_there_is_told_with_what_makes_one(genred: Genred) -> None:
    """By name, and by what else there is."""
    ran = genred("model", "show", "own")
    assert (ran.code, ran.out) == (12, "")
    assert ran.err == "genred: no model named own; there are: builtin; `genred train` makes one of your own\n"


def test_a_state_folder_of_somebody_else_is_told(genred: Genred, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do, by whatever command."""
    monkeypatch.delenv("GENRED_MODEL_PATH", raising=False)

    def readlink(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("genred.model.installed.os.readlink", readlink)
    ran = genred("genres")
    assert ran.code == 10
    assert "models: can't be read (Permission denied); ask as the user whom genred runs as" in ran.err


@pytest.mark.parametrize("name", ["../own", "/etc/passwd", ".current"])
def test_the_name_of_a_model_is_no_path(genred: Genred, name: str) -> None:
    """Neither to read one nor to write one."""
    assert genred("model", "use", name).code == 2
    assert genred("train", "/no/such/music", "--name", name).code == 2
