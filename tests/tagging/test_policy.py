"""What is written, by mode and number of genres: the table of docs/genres.md, cell by cell."""

import re
from collections.abc import Iterator

import pytest

from genred import config
from genred.genres import Vocabulary, count_as_no_genre
from genred.history.records import Outcome
from genred.tagging.policy import Policy
from tests.fakes import UNSURE, sure
from tests.recipes import REPOSITORY

LEFT = "-"
"""A cell for a file that is left as it is."""


def cells() -> Iterator[tuple[str, int, str, str]]:
    """Yield mode, number, what the file says and what it says then, of each cell of the table."""
    page = (REPOSITORY / "docs/genres.md").read_text("utf-8")
    section = page.partition("## How many are written")[2].partition("\n## ")[0]
    head, _, *rows = re.findall(r"^\|(.*)\|$", section, flags=re.MULTILINE)
    _, _, *files = (cell.strip() for cell in head.split("|"))
    for row in rows:
        mode, number, *then = (cell.strip() for cell in row.split("|"))
        for said, now in zip(files, then, strict=True):
            yield mode, int(number), said, now


@pytest.mark.parametrize(("mode", "number", "said", "now"), list(cells()))
def test_the_page_tells_what_is_written(mode: str, number: int, said: str, now: str) -> None:
    """The answer is Metal, which is a kind of Rock."""
    there = [] if said == "nothing" else said.split("; ")
    decision = Policy(mode, number, Vocabulary()).decide(there, sure("Metal"))
    assert "; ".join(decision.written) == ("" if now == LEFT else now)
    assert decision.outcome is (Outcome.KEPT if now == LEFT else Outcome.TAGGED)


def test_the_page_tells_of_every_mode_with_one_genre_and_with_two() -> None:
    """And of files that say nothing, something else, the answer, and the genre above it."""
    asked = {(mode, number) for mode, number, _, _ in cells()}
    assert {(mode, number) for mode in ("keep", "merge", "overwrite", "off") for number in (1, 2)} <= asked
    assert {said for _, _, said, _ in cells()} >= {"nothing", "Unknown", "Polka", "Metal", "Rock"}


@pytest.mark.parametrize("mode", ["keep", "merge", "overwrite", "off"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_nothing_is_written_where_it_is_not_sure(mode: str, number: int) -> None:
    """Whatever is configured."""
    for there in ([], ["Unknown"], ["Polka"]):
        assert not Policy(mode, number, Vocabulary()).decide(there, UNSURE).written


def test_a_genre_with_several_parents_is_written_with_the_main_one_first() -> None:
    """As many as fit, the nearest first, and none twice."""
    assert Policy("keep", 3, Vocabulary()).decide([], sure("Acid Jazz")).written == ("Acid Jazz", "Jazz", "Electronic")
    assert Policy("keep", 2, Vocabulary()).decide([], sure("Acid Jazz")).written == ("Acid Jazz", "Jazz")
    one_word = Vocabulary(spelling={"Metal": "Heavy", "Rock": "Heavy"})
    assert Policy("keep", 3, one_word).decide([], sure("Metal")).written == ("Heavy",)
    assert Policy("keep", 3, one_word).decide([], sure("Metal")).reason.startswith("Heavy (Metal): ")


def test_merging_knows_what_is_said_in_other_words_and_in_one_text() -> None:
    """A tag without lists has its genres in one text; each counts."""
    merging = Policy("merge", 2, Vocabulary())
    assert merging.decide(["heavy metal"], sure("Metal")).written == ("heavy metal", "Rock")
    assert merging.decide(["Rock; Metal"], sure("Metal")).reason == "it says Metal, Rock already"
    assert merging.decide(["Polka; Waltz"], sure("Metal")).reason.startswith("it has as many genres as tags.max_genres")
    assert merging.decide(["Unknown", "Polka"], sure("Metal")).written == ("Polka", "Metal")


def test_the_whitelist_makes_broad_genres_of_fine_answers() -> None:
    """What is written is the nearest genre above the answer that may be, and the reason says so."""
    decision = Policy("keep", 2, Vocabulary(whitelist=["rock", "jazz"])).decide([], sure("Metal"))
    assert (decision.written, decision.reason) == (("Rock",), "Metal 0.9; genres.whitelist has Rock")
    refused = Policy("keep", 2, Vocabulary(whitelist=["jazz"])).decide([], sure("Metal"))
    assert (refused.outcome, refused.reason) == (Outcome.ABSTAINED, "Metal is not in genres.whitelist")


@pytest.mark.usefixtures("own_no_genre")
def test_what_a_user_says_is_no_genre_is_filled_in() -> None:
    """It gives way as "Unknown" does."""
    count_as_no_genre(["My Music"])
    assert Policy("keep", 1, Vocabulary()).decide(["my music"], sure("Metal")).written == ("Metal",)
    assert Policy("keep", 1, Vocabulary()).decide(["my music", "Polka"], sure("Metal")).outcome is Outcome.KEPT


def test_the_policy_has_the_words_of_the_configuration() -> None:
    """Those of its files too."""
    settings = config.Config().with_changes("genres", aliases={"Tunes": "Pop"})
    settings = settings.with_changes("tags", mode="merge", max_genres=2)
    policy = Policy.of(settings)
    assert (policy.mode, policy.max_genres, policy.vocabulary.canonical("tunes")) == ("merge", 2, "Pop")
