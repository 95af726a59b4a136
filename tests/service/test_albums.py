"""Albums that arrive while the service is at work: real events, real workers, real tags."""

import shutil
from pathlib import Path

import mutagen
import pytest

from genred import tags
from genred.history.records import Outcome
from tests.makeaudio import make
from tests.service.running import Service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def track(path: Path, **fields: str) -> Path:
    """Make music that is sure to be heard as something, and label it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path, 5.0, noise=0.03)
    tagged = mutagen.File(path)
    tagged.update(fields)
    tagged.save()
    return path


def test_an_album_that_arrives_track_by_track_is_one(service: Service, tmp_path: Path) -> None:
    """As rsync brings it: each under a temporary name first; the history says that the album decided."""
    ready = track(tmp_path / "ready.flac", artist="A", album="One")
    service.start()
    album = service.music / "One"
    album.mkdir()
    for number in (1, 2, 3):
        hidden = album / f".{number}.flac.Xb31qz"
        shutil.copy(ready, hidden)
        hidden.rename(album / f"{number}.flac")
    records = service.wait_for(3)
    assert [(record.outcome, record.written, record.evidence) for record in records] == [
        (Outcome.TAGGED, ("Classical",), "album")
    ] * 3
    assert service.stop() == 0


def test_a_track_without_a_genre_gets_the_word_of_its_mates(service: Service, tmp_path: Path) -> None:
    """They were there before genred, and nobody touches them; the word is none that the model knows."""
    album = service.music / "Neu"
    owned = [track(album / f"{n:02}.flac", artist="Neu!", album="Neu!", genre="Krautrock") for n in range(1, 5)]
    before = [path.read_bytes() for path in owned]
    late = track(tmp_path / "late.flac", artist="Neu!", album="Neu!")
    service.start()
    shutil.copy(late, album / "05.flac")
    (record,) = service.wait_for(1)
    assert (record.written, record.evidence) == (("Krautrock",), "mates")
    assert tags.read_genres(album / "05.flac") == ["Krautrock"]
    assert service.stop() == 0
    assert [path.read_bytes() for path in owned] == before


def test_the_owners_words_are_known_before_their_old_music_is_heard(service: Service) -> None:
    """With `watch.backlog = "process"`: also where the artist's other albums come later in the alphabet."""
    track(service.music / "A First" / "01.flac", artist="Neu!", album="First")
    track(service.music / "Z Last" / "01.flac", artist="Neu!", album="Last", genre="Krautrock")
    service.settings = {"GENRED_WATCH_BACKLOG": "process"}
    service.start()
    records = {record.path.parent.name: record for record in service.wait_for(2)}
    assert records["Z Last"].outcome is Outcome.KEPT
    assert (records["A First"].written, records["A First"].evidence) == (("Krautrock",), "artist")
    assert service.stop() == 0
