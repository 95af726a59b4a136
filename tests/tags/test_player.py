"""A player shows the genre: Debian's MPD, with nothing to play to, over one file of each format."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genred.tags import edit_clone
from tests.makeaudio import make
from tests.mpd import serving
from tests.tags.test_programs import KINDS, ffmpeg


@pytest.fixture
def mpd(tmp_path: Path) -> Iterator[Callable[[], dict[str, str]]]:
    """A player of its own over a folder `music`: what it shows, as file to genre."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    with serving(tmp_path) as mpc:

        def shown() -> dict[str, str]:
            mpc("update", "--wait")
            return dict(line.split("\t") for line in mpc("listall", "-f", "%file%\t%genre%").splitlines())

        yield shown


@pytest.mark.parametrize("named", [False, True], ids=["bare", "with a title"])
def test_a_player_shows_the_genre_of_every_format(
    mpd: Callable[[], dict[str, str]], tmp_path: Path, named: bool
) -> None:
    """Of files without another word in their tags, and of files with a title as FFmpeg writes it.

    MPD reads AIFF through libsndfile, and where that finds a title in a chunk of its own, MPD looks at no ID3 tag.
    """
    plain = make(tmp_path / "plain.wav", 0.5)
    for kind in (*KINDS, "aac"):
        song = tmp_path / f"song.{kind}"
        if named:
            ffmpeg(*(("-write_id3v2", "1") if kind in ("aac", "aiff") else ()))(plain, song)
        else:
            make(song, 0.5)
        clone = Path(shutil.copy(song, tmp_path / "music"))
        edit_clone(song, clone, ["Zeuhl"])
    missing = {path for path, genre in mpd().items() if genre != "Zeuhl"}
    assert missing == ({"song.aiff"} if named else set())
