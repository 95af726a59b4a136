"""What `genred train` tells."""

from pathlib import Path

import mutagen.flac
import pytest

from genred.model import installed
from tests.command import Genred
from tests.makeaudio import make


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_model_of_ones_own_music_is_compared_and_its_limits_are_told(genred: Genred, tmp_path: Path) -> None:
    """It is saved beside the one that the configuration names, and knows no genre beyond those it was taught."""
    for genre, noise in (("Classical", 0.03), ("Metal", 0.3)):
        (tmp_path / "music" / genre).mkdir(parents=True)
        for number in range(8):
            song = make(tmp_path / "music" / genre / f"{number}.flac", 4.0, freq=300 + 60 * number, noise=noise)
            tagged = mutagen.flac.FLAC(song)
            tagged["artist"] = f"{genre} {number // 2}"
            tagged.save()
    said = genred("train", tmp_path / "music", "--name", "mine")
    assert said.code == 0, said.err
    assert "16 tracks, 2 genres, artists of the test part unheard" in said.out
    (entry,) = installed.entries()
    *_, aside, limits = said.out.splitlines()
    assert aside == f"{entry.name} was put aside: model.path names another model, which stays in use"
    assert limits == "it takes all music for one of these genres; --with-builtin adds the others"
