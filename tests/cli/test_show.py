"""What people read: decisions on a line, paths that fit."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from genred.cli import show
from genred.history.records import Outcome, Record


@pytest.mark.parametrize(
    ("path", "width", "shown"),
    [
        ("/home/you/Music/a.mp3", 40, "~/Music/a.mp3"),
        ("/media/disk/Music/Nina Simone/Pastel Blues/01 Song.mp3", 40, "…/Nina Simone/Pastel Blues/01 Song.mp3"),
        ("/home/you/Music/Nina Simone/01 Song.mp3", 30, "…/Music/Nina Simo…/01 Song.mp3"),
    ],
)
def test_the_outermost_folders_go_first(monkeypatch: pytest.MonkeyPatch, path: str, width: int, shown: str) -> None:
    """And one's own home is `~`."""
    monkeypatch.setenv("HOME", "/home/you")
    assert show.shortened(path, width) == shown


def test_artist_album_and_name_keep_their_beginnings() -> None:
    """The longest of them is cut most, and the name keeps its end."""
    path = "/music/Nina Simone/Pastel Blues (remastered, 2005) [flac]/10 Sinnerman, or how it all began.flac"
    assert show.shortened(path, 60) == "…/Nina Sim…/Pastel B…/10 Sinnerman, or how it all began.flac"
    assert show.shortened(path, 40) == "…/Nina Si…/Pastel…/10 Sinnerma…gan.flac"
    assert show.shortened("/music/01 A song with a very long title.mp3", 24) == "01 A song with…itle.mp3"


@given(st.lists(st.text("abc 作é", min_size=1, max_size=40), min_size=1, max_size=6), st.integers(20, 120))
def test_a_path_fits(parts: list[str], width: int) -> None:
    """However deep, long and wide it is."""
    assert cell_len(show.shortened("/" + "/".join(parts), width)) <= width


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            Record(Path("/m/a.mp3"), Outcome.TAGGED, "Blues 0.70, 0.52 needed", "Blues", 0.7, (), ("Blues",), "m"),
            "tagged    Blues 0.70  /m/a.mp3",
        ),
        (
            Record(Path("/m/a.mp3"), Outcome.TAGGED, "a person set it", "Zydeco", written=("Zydeco",)),
            "tagged    /m/a.mp3: Zydeco, a person set it",
        ),
        (
            Record(Path("/m/a.mp3"), Outcome.ABSTAINED, "0.40 is too little", None, 0.4, model="m"),
            "abstained /m/a.mp3: 0.40 is too little",
        ),
        (Record(Path("/m/a.mp3"), Outcome.FAILED, "no audio in it"), "failed    /m/a.mp3: no audio in it"),
    ],
)
def test_a_decision_says_its_number_once(record: Record, line: str) -> None:
    """Or its reason, which has the number in it."""
    assert show.decision(record) == line
