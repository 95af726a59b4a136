"""A made-up history of some hundred decisions, so that pages have something to show."""

import os
from dataclasses import replace
from itertools import cycle, product
from pathlib import Path

from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.records import Outcome, Record
from genred.names import Labels

ALBUMS = 40
TRACKS = 10
GENRES = ("Rock", "Jazz", "Electronic", "Folk", "Metal")
EVIL = "<script>alert(1)</script> & \"quoted\" 'too'"
"""The name of a folder."""
ODD = os.fsdecode(b"M\xfcnchen\n\x1b[31m.flac")
"""The name of a file that is no UTF-8, has two lines, and turns terminals red."""


def tell(database: Path, music: Path, albums: int = ALBUMS) -> None:
    """Record forty albums, or fewer, of ten tracks, one named with markup; the files are there, and hold one byte each.

    Of ten tracks, genred tags five, keeps two, abstains on one, skips one and fails with one.
    """
    outcomes = cycle([Outcome.TAGGED] * 5 + [Outcome.KEPT] * 2 + [Outcome.ABSTAINED, Outcome.SKIPPED, Outcome.FAILED])
    history = History.open(database)
    history.start_run("scan", "0")
    for album, track in product(range(albums), range(TRACKS)):
        artist = f"Artist {album // 2}"
        folder = music / (EVIL if album == 0 else artist) / f"Album {album}"
        folder.mkdir(parents=True, exist_ok=True)
        name = ODD if (album, track) == (0, 3) else f"{track:02} Title {track}.mp3"
        (folder / name).write_bytes(b"x")
        genre = GENRES[album % len(GENRES)]
        labels = Labels(artist=artist, album=f"Album {album}", album_artist=artist)
        history.record(_decision(folder / name, next(outcomes), genre, labels))
    history.close()


def _decision(path: Path, outcome: Outcome, genre: str, labels: Labels) -> Record:
    draft = Record(path, outcome, "no audio can be read from it", stamp=stamp_of(path), labels=labels)
    match outcome:
        case Outcome.TAGGED:
            sure = replace(draft, genre=genre, confidence=0.9, model="builtin", evidence="album")
            return replace(sure, written=(genre,), reason="sure enough")
        case Outcome.KEPT:
            return replace(draft, previous=(genre,), reason="a person's genre is there")
        case Outcome.ABSTAINED:
            return replace(draft, confidence=0.42, model="builtin", reason=f"{genre} 0.42 is below 0.71")
        case Outcome.SKIPPED:
            return replace(draft, reason="it has another hard link")
        case _:
            return draft
