"""Decisions about few files, some of them several times, drawn by lot."""

import random
from dataclasses import replace
from pathlib import Path
from zlib import crc32

from genred.fs.files import Stamp
from genred.history.history import History
from genred.history.records import Outcome, Record
from genred.names import Labels

ARTISTS = ("Björk", "The Roots", "Various")
FOLDERS = ("/m/a", "/m/a b", "/m/a/c", "/m0")
LISTS = ((), ("Rock",), ("rock", "Jazz"), ("Jazz",), ("Électro",))


def fill(history: History, rng: random.Random, decisions: int) -> None:
    """Record so many decisions."""
    for _ in range(decisions):
        path = Path(rng.choice(FOLDERS)) / f"{rng.randrange(12)} 100% Éa.mp3"
        labels = Labels(artist=rng.choice(ARTISTS), album=f"Album {rng.randrange(3)}")
        genres = rng.choice(LISTS)
        outcome = rng.choice(list(Outcome))
        draft = Record(path, outcome, rng.choice(["failed to read", "100% sure"]), stamp=stamp(path), labels=labels)
        if outcome is Outcome.TAGGED:
            model = rng.choice([None, "builtin"])
            draft = replace(draft, written=genres, genre="Rock", model=model, confidence=rng.random())
        history.record(replace(draft, previous=() if outcome is Outcome.FAILED else genres))


def stamp(path: Path) -> Stamp:
    return Stamp(1, crc32(bytes(path)), 3, 4, 5)
