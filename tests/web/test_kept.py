"""What workers made is kept as long as there is room."""

from pathlib import Path

from genred.web.kept import Kept


def test_what_was_made_is_made_once_as_long_as_the_file_is_the_same(tmp_path: Path) -> None:
    """And anew when the file has changed; an excerpt is no cover."""
    song, made = tmp_path / "song", []
    song.write_bytes(b"1")
    kept = Kept()

    def make(path: Path) -> bytes:
        made.append(path)
        return path.read_bytes()

    assert [kept.of("excerpt", song, make) for _ in range(2)] == [b"1", b"1"]
    assert (kept.of("cover", song, make), len(made)) == (b"1", 2)
    song.write_bytes(b"22")
    assert (kept.of("excerpt", song, make), len(made)) == (b"22", 3)


def test_what_nobody_asked_for_the_longest_goes_first(tmp_path: Path) -> None:
    """And what is too large for all of the room is not kept at all."""
    songs, made = [tmp_path / name for name in "abc"], []
    kept = Kept(most_bytes=20)

    def make(path: Path) -> bytes:
        made.append(path.name)
        return bytes(10)

    for song in songs:
        song.touch()
    for song in (*songs[:2], songs[0], songs[2], *songs[:2]):
        kept.of("cover", song, make)
    assert made == ["a", "b", "c", "b"]
    assert len(kept.of("excerpt", songs[0], lambda path: bytes(100))) == 100
    assert len(kept.of("excerpt", songs[0], lambda path: bytes(3))) == 3
