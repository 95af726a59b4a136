"""The page that shows an evaluation."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from genred.cli import cli
from genred.model.evaluation import Evaluation
from genred.web.charts import confusion
from genred.web.evaluation import page
from tests.makeaudio import make

GENRES = ("Jazz", "R&B", "<i>")


def evaluation(seed: int) -> Evaluation:
    rng = np.random.default_rng(seed)
    truth = np.array([GENRES[i % 3] for i in range(90)])
    return Evaluation(GENRES, truth, rng.dirichlet([1, 1, 1], 90))


class Elements(HTMLParser):
    """Every element of a page, with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_needs_nothing_else() -> None:
    """No script, no address: it can be mailed, and opened without a network."""
    elements = Elements(page("own", evaluation(0), evaluation(1))).found
    assert not {"script", "link", "img", "iframe", "i"} & {tag for tag, _ in elements}
    assert not any({"src", "href"} & attributes.keys() for _, attributes in elements)


def test_every_count_of_the_matrix_is_there() -> None:
    """In their order, and said in words for who points at a cell; names are text and never markup."""
    found = evaluation(0)
    svg = ElementTree.fromstring(confusion(found.genres, found.confusion.tolist()))  # noqa: S314 - ours
    cells = [group for group in svg if group.tag == "g"]
    counts = [int(cell.findtext("text") or 0) for cell in cells]
    assert counts == found.confusion.ravel().tolist()
    assert cells[5].findtext("title") == f"{counts[5]} of 30 R&B taken for <i>"


def test_what_is_never_answered_is_named() -> None:
    """With the reason; a page of a model that answers all of its genres has no such line."""
    assert "recognised in fewer than 3 of 10 tracks: &lt;i&gt;, Jazz." in page(
        "own", replace(evaluation(0), untold=frozenset({"Jazz", "<i>"}))
    )
    assert "Never answered" not in page("own", evaluation(0))


@pytest.mark.parametrize("both", [False, True])
def test_the_model_in_use_is_drawn_where_there_is_one(both: bool) -> None:
    """A second line in each curve, a mark on each genre's recall, a second column of figures."""
    elements = Elements(page("own", evaluation(0), evaluation(1) if both else None)).found
    classes = [attributes.get("class") for _, attributes in elements]
    assert [classes.count("new"), classes.count("old"), classes.count("was")] == [2, 2 * both, 3 * both]


@pytest.mark.slow
def test_evaluate_writes_the_page(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of music in folders named by genre; where it can't be written is told before anything is listened to."""
    monkeypatch.setenv("GENRED_MODEL_PATH", str(tiny_model))
    for genre in ("Classical", "Metal"):
        folder = tmp_path / "music" / genre
        folder.mkdir(parents=True)
        make(folder / "a.flac", 4.0)
    report = tmp_path / "report.html"
    done = CliRunner().invoke(cli, ["evaluate", str(tmp_path / "music"), "--report", str(report)])
    assert done.exit_code == 0, done.output
    assert "Confusion matrix" in report.read_text(encoding="utf-8")
    missing = CliRunner().invoke(cli, ["evaluate", "/no/such/music", "--report", str(tmp_path / "no" / "report.html")])
    assert missing.exit_code == 2
    assert "No such file or directory" in missing.output
