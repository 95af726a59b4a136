"""The soak in its short form; the long one is `python -m tests.soak`."""

import os
from pathlib import Path

import pytest

from genred.history.history import History
from genred.learning.labels import Labelled
from tests.soak.day import Day
from tests.soak.judge import Judge
from tests.soak.library import Chance, Library
from tests.soak.music import label
from tests.soak.process import Clock

HOURS = float(os.environ.get("GENRED_SOAK_HOURS", "0.6"))


@pytest.mark.slow
@pytest.mark.timeout(600 + 400 * HOURS)
@pytest.mark.parametrize("seed", [1])
def test_in_the_end_everything_is_as_it_must_be(tmp_path: Path, seed: int) -> None:
    """Whatever happens to files, folders and the service, each file is whole, and tagged or left as it ought to be."""
    day = Day(tmp_path, seed, HOURS)
    day.run()
    assert day.findings == []
    assert day.decided["tagged"] > 10
    assert day.done["undone at the end"] > 10
    assert day.done["labels"] > 10


def test_what_is_wrong_is_found(tmp_path: Path, history: History) -> None:
    """The soak is worth what its judge sees: a file that nobody tagged, one that was changed, what was left behind."""
    library = Library(tmp_path, Chance(0), Clock(tmp_path / "clock"))
    for _ in range(20):
        library.copied_in()
    tagged, changed = [path for path, file in library.files.items() if file.wanted_genre][:2]
    label(tagged, genre=library.files[tagged].wanted_genre)
    changed.write_bytes(tagged.read_bytes())
    (library.roots[0] / ".genred-1.tmp").touch()
    found = Judge(library, tmp_path).look(history)
    learnt = [Labelled(path, "Jazz", "", "") for path in (tagged, changed)]
    assert [finding.path for finding in Judge(library, tmp_path).labels(learnt, set())] == [tagged, changed]
    wrong = {finding.path: finding.what for finding in found if "doesn't know" not in finding.what}
    assert tagged not in wrong
    assert wrong.pop(changed) == "its audio was changed"
    assert wrong.pop(library.roots[0] / ".genred-1.tmp") == "a temporary was left"
    assert wrong
    assert all("it was never looked at" in what for what in wrong.values())
