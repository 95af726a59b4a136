"""A shelf of made-up albums to review: real files, with covers, and a model that was told what it hears in them."""

import os
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from genred import tags
from genred.analysis.cover import cover
from genred.config import Config, Watch
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.records import Outcome, Record
from genred.model.evidence import Ground, Kind, Owner
from genred.model.prediction import Candidate, Prediction
from genred.names import Labels
from genred.sound import FEATURE_VERSION, audio, mp3
from genred.web.pool import Pool
from tests.fakes import FakeAnalyser
from tests.makeaudio import make

ODD = os.fsdecode(b"Caf\xe9 <b>\"late\" & 'early'.flac")
"""The name of a file that is no UTF-8, and holds markup."""

ALBUMS = {
    ("Marlow & the Ferrymen", "Low Tide Letters"): (
        ("Folk", 0.46),
        [
            "Salt on the Window",
            "Harbour Clerk",
            "Low Tide Letter",
            "Nine Ropes",
            "The Kittiwake",
            "Old Money, Wet Wood",
        ],
    ),
    ("Ninth Avenue Quartet", "Rooms Without Doors"): (
        ("Jazz", 0.52),
        ["Stairwell", "A Chair for Ida", "Rooms Without Doors", "Blue Linoleum", "Lift Out of Order"],
    ),
    ("Kestrel Engine", "Voltage Season"): (
        ("Electronic", 0.41),
        ["Relay", "Coil/Uncoil", "Overhead Line", "Voltage Season"],
    ),
    ("Orla Fenn", "Winter Gardens"): (("Classical", 0.37), ["Glasshouse", "Frost Fair"]),
    ("The Paper Lions", "Matchbox Weather"): (("Rock", 0.44), ["Tinder", "Matchbox Weather", "Second Fuse"]),
    ("Sister Cartography", "Unmapped"): (("Pop", 0.39), ["Legend", "Scale Bar", "North Arrow"]),
}
OTHERS = {
    "Folk": (("Country", 0.21), ("Rock", 0.12), ("Blues", 0.06), ("Pop", 0.04)),
    "Jazz": (("Blues", 0.17), ("Soul", 0.11), ("Classical", 0.05)),
    "Electronic": (("Ambient", 0.24), ("Hip-Hop", 0.09), ("Pop", 0.05), ("Rock", 0.03)),
    "Classical": (("Ambient", 0.31), ("Folk", 0.14)),
    "Rock": (("Metal", 0.2), ("Pop", 0.19), ("Punk", 0.05)),
    "Pop": (("Electronic", 0.33), ("Rock", 0.11)),
}
NOT_MUSIC = Prediction(None, 0.0, (Candidate("Spoken Word", 0.08),), "it is not like any music that was learnt from")


class Told(FakeAnalyser):
    """Hears what it was told to; plays and shows what workers would."""

    def warm_up(self, *_: object, **__: object) -> None:
        self.model_name, self.feature_version = "builtin", FEATURE_VERSION

    def judge(self, vectors: Sequence[bytes], owners: Sequence[Owner]) -> list[Prediction]:
        return [_with_owner(heard, owner) for heard, owner in zip(super().judge(vectors, owners), owners, strict=True)]

    def excerpt(self, path: Path) -> bytes:
        return mp3.encode(audio.read_excerpts(path))

    def cover(self, path: Path) -> bytes | None:
        return cover(path)


def _with_owner(heard: Prediction, owner: Owner) -> Prediction:
    """Return the prediction for a track whose owner gave a genre to others of its album."""
    if not owner.mates:
        return heard
    word, count = max(owner.mates.items(), key=lambda item: item[1])
    ground = Ground(Kind.MATES, word, 0.9, count, count, 3.0)
    others = tuple(candidate for candidate in heard.candidates if candidate.genre != word)[:2]
    return replace(heard, candidates=(Candidate(word, 0.66), *others), grounds=(ground,))


def workers(told: Told) -> Pool:
    """Return what lends the pages this one analyser."""
    told.model_name = ""
    return Pool(make=lambda config: told)


def fill(place: Path) -> tuple[Config, Told]:
    """Make a shelf of albums about which genred abstained; two tracks of one have a person's genre."""
    music = place / "Music"
    told = Told()
    config = Config(watch=Watch(directories=(music,))).with_changes("history", url=f"sqlite:///{place}/history.db")
    history = History.open(config.database)
    history.start_run("scan", "0")
    for number, ((artist, album), (best, titles)) in enumerate(ALBUMS.items()):
        folder = music / artist / album
        folder.mkdir(parents=True)
        if number != 3:
            (folder / "cover.jpg").write_bytes(draw(number))
        for track, title in enumerate(titles, 1):
            path = folder / f"{track:02} {title.replace('/', '-')}.flac"
            _abstain(history, told, path, best, track, Labels(artist, "", album))
    for track in (6, 7):
        _named(history, music / "Ninth Avenue Quartet/Rooms Without Doors", track, "Cool Jazz")
    hits = music / "Various" / "Harbour Lights, Vol. 2"
    hits.mkdir(parents=True)
    (hits / "folder.jpg").write_bytes(draw(7))
    for track, artist in enumerate(("Orla Fenn", "The Paper Lions", "Orla Fenn"), 1):
        labels = Labels(artist, "Various Artists", "Harbour Lights, Vol. 2")
        _abstain(history, told, hits / f"{track:02} {artist} live.flac", ("Pop", 0.36), track, labels)
    odd = music / "Recordings"
    odd.mkdir()
    for name in (ODD, "Platform 4 at Noon.flac"):
        told.hears[name] = NOT_MUSIC
        _abstain(history, told, odd / name, None, 0, Labels())
    history.close()
    return config, told


def _abstain(
    history: History, told: Told, path: Path, best: tuple[str, float] | None, track: int, labels: Labels
) -> None:
    seconds = 12.0 if labels.album == "Winter Gardens" else 0.5  # long enough to be stopped
    make(path.with_name("new.flac"), seconds, freq=220.0 * 1.06**track, noise=0.02).rename(path)
    reason = NOT_MUSIC.reason
    if best is not None:
        genre, share = best[0], best[1] - 0.015 * track
        reason = f"{genre} {share:.2f} is below 0.71"
        guesses = tuple(Candidate(*pair) for pair in ((genre, share), *OTHERS[genre]))
        told.hears[path.name] = Prediction(None, share, guesses, reason)
    told.feature_version = FEATURE_VERSION
    draft = Record(path, Outcome.ABSTAINED, reason, model="builtin", stamp=stamp_of(path), labels=labels)
    history.record(replace(draft, confidence=0.4, features=(FEATURE_VERSION, told.vector(path))))


def _named(history: History, folder: Path, track: int, genre: str) -> None:
    path = make(folder / f"{track:02} Encore {track - 5}.flac", 0.2)
    tags.write_genres(path, [genre])
    labels = Labels("Ninth Avenue Quartet", "", "Rooms Without Doors")
    history.record(Record(path, Outcome.KEPT, "a person's", previous=(genre,), stamp=stamp_of(path), labels=labels))


def draw(number: int, size: int = 360) -> bytes:
    """Return a cover: a few shapes in a few colours, others for each number."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:size, 0:size] / size
    colours = rng.uniform(30, 225, (4, 3))
    picture = colours[0] + (colours[1] - colours[0]) * y[..., None]
    for colour in colours[2:]:
        (cx, cy), r = rng.uniform(0.2, 0.8, 2), rng.uniform(0.15, 0.4)
        inside = np.hypot(x - cx, y - cy) < r if number % 2 else abs(x - cx) + abs(y - cy) < r
        picture[inside] = 0.25 * picture[inside] + 0.75 * colour
    frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), "rgb24").reformat(format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = size, size, "yuvj420p", Fraction(1, 25)
    encoder.qmin = encoder.qmax = 3
    frame.pts = 0
    return b"".join(map(bytes, [*encoder.encode(frame), *encoder.encode(None)]))
