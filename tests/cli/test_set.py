"""What `genred set` does with what it is given."""

from pathlib import Path

from genred import tags
from tests.command import Genred
from tests.makeaudio import make


def test_a_folder_means_the_music_below_it(genred: Genred, tmp_path: Path) -> None:
    """What isn't music is passed over; a folder without any is told, and the rest is done."""
    songs = [make(tmp_path / name, 0.1) for name in ("one.flac", "two.flac")]
    inner = tmp_path / "album" / "disc 1"
    inner.mkdir(parents=True)
    songs.append(songs[0].rename(inner / "one.flac"))
    (tmp_path / "album" / "cover.jpg").write_bytes(b"no music")
    (tmp_path / "empty").mkdir()
    rehearsed = genred("set", "-n", "Zydeco", tmp_path / "album")
    assert (rehearsed.code, rehearsed.out.count("\n")) == (0, 1)
    assert rehearsed.err == "1 file looked at (dry run)\n"
    assert genred("set", "-nq", "Zydeco", tmp_path / "album").err == ""
    ran = genred("set", "Zydeco", tmp_path / "album", tmp_path / "empty", songs[1])
    assert ran.code == 3
    assert f"{tmp_path}/empty: there is no music in it" in ran.err
    assert [tags.read_genres(song) for song in songs[1:]] == [["Zydeco"], ["Zydeco"]]
