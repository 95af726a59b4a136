import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import mutagen
import numpy as np
import pytest
from rich.console import Console

from genred import tags
from genred.cli import explanation
from genred.config import Config
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.records import Outcome, Record, Standing
from genred.model.classifier import GenreClassifier
from genred.model.evidence import Kind, Owner
from genred.model.prediction import Prediction
from genred.model.table import Table
from genred.sound.features import FEATURE_NAMES, FEATURE_VERSION
from genred.tagging.case import Whose
from genred.tagging.explain import Explanation, explain
from genred.tagging.judging import judge_stored
from genred.tagging.policy import Decision
from genred.tagging.tagger import Tagger
from genred.watching.walk import WatchOptions
from tests import rawtags
from tests.command import Genred
from tests.fakes import FakeAnalyser, decisions
from tests.makeaudio import make

CONFIG = Config().with_changes("model", min_confidence=0.9)


def vector(shift: float, level: float = 0.0) -> np.ndarray:
    """Features of a track that lies somewhere between Jazz (0) and Rock (1)."""
    x = np.full(len(FEATURE_NAMES), shift)
    x[:2] = level, 30.0
    return x.astype("<f4")


def doubtful(model: GenreClassifier) -> np.ndarray:
    """Features of a track that the model takes for Rock at 0.7."""
    jazz, rock = 0.0, 1.0
    for _ in range(40):
        middle = (jazz + rock) / 2
        sure = model.predict_proba(vector(middle)[None])[0, 1] > 0.7
        jazz, rock = (jazz, middle) if sure else (middle, rock)
    return vector(rock)


@pytest.fixture(scope="module")
def model() -> GenreClassifier:
    """One that knows Jazz and Rock, which lie 1 apart in every feature."""
    rng = np.random.default_rng(0)
    y = np.array(["Jazz", "Rock"] * 20)
    X = rng.normal(size=(40, len(FEATURE_NAMES))) + (y == "Rock")[:, None]
    X[:, :2] = 0.0, 30.0
    groups = np.array([f"artist {i // 4}" for i in range(40)])
    return GenreClassifier().fit(Table(X.astype(np.float32), y, groups, np.array(["library"] * 40)), name="own")


class Listener(FakeAnalyser):
    """Hears the same in every file."""

    def __init__(self, model: GenreClassifier, x: np.ndarray) -> None:
        super().__init__()
        self.model, self.x = model, x
        self.model_name = model.name
        self.feature_version = FEATURE_VERSION

    def warm_up(self, stop: threading.Event | None = None, tell: Callable[[str], None] = print) -> None:
        pass

    def vector(self, path: Path) -> bytes:
        return self.x.tobytes()

    def judge(self, vectors: Sequence[bytes], owners: Sequence[Owner]) -> list[Prediction]:
        self.model.min_confidence = CONFIG.model.min_confidence
        return judge_stored(self.model, vectors, owners)

    def remember(self, vector: bytes) -> Prediction:
        return self.judge([vector], [Owner()])[0]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return make(tmp_path / "song.flac", 0.1)


def told(
    song: Path,
    model: GenreClassifier,
    history: History | None = None,
    x: np.ndarray | None = None,
    config: Config = CONFIG,
    analyser: FakeAnalyser | None = None,
) -> Explanation:
    listener = analyser or Listener(model, vector(1.0) if x is None else x)
    with ExitStack() as stack:
        if history is None:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            history = stack.enter_context(closing(History.open(folder / "history.db")))
        return explain(song, config, WatchOptions.of(config.watch), model, history, listener)


def test_it_listens_once_and_says_what_would_become_of_a_file(song: Path, model: GenreClassifier) -> None:
    """Candidates, families, thresholds, and tracks it was trained on with who made them; nothing is written."""
    before = song.read_bytes()
    said = told(song, model)
    assert (said.decision.outcome, said.decision.written, said.whose) == (Outcome.TAGGED, ("Rock",), Whose.NOBODY)
    assert (said.was_heard, said.past, said.obstacles, said.written) == (False, (), (), "Rock")
    assert {near.genre for near in said.surroundings.nearest} <= {"Jazz", "Rock"}
    assert said.surroundings.nearest[0].artist.startswith("artist ")
    assert said.surroundings.nearest[0].source == "library"
    assert [near.distance for near in said.surroundings.nearest] == sorted(
        n.distance for n in said.surroundings.nearest
    )
    assert [step.needed for step in said.steps] == sorted(step.needed for step in said.steps)
    assert song.read_bytes() == before


def test_what_was_heard_is_not_heard_again(song: Path, model: GenreClassifier, history: History) -> None:
    """Unless the file changed since; a new name is no change."""
    analyser = Listener(model, doubtful(model))
    list(Tagger(CONFIG, history, analyser).process([song]))
    analyser.heard.clear()
    said = told(song, model, history, analyser=analyser)
    assert (said.was_heard, said.decision.outcome, analyser.heard) == (True, Outcome.ABSTAINED, [])
    assert [record.outcome for record in said.past] == [Outcome.ABSTAINED]
    moved = song.rename(song.with_name("moved.flac"))
    assert told(moved, model, history, analyser=analyser).past == said.past
    moved.rename(song).write_bytes(song.read_bytes() + b"more")
    assert not told(song, model, history, analyser=analyser).was_heard


def test_a_model_that_hears_it_otherwise_now_is_told_of(song: Path, model: GenreClassifier, history: History) -> None:
    """And how to apply it."""
    tags.write_genres(song, ["Rock"])
    record = Record(song, Outcome.TAGGED, "Rock 0.60", written=("Rock",), stamp=stamp_of(song))
    history.record(replace(record, features=(FEATURE_VERSION, vector(0.0).tobytes())))
    said = told(song, model, history)
    assert said.decision.written == ("Rock",)
    assert said.changes[0].startswith("`genred scan --redecide` would make it Jazz")


def test_doubt_names_the_precision_at_which_it_would_answer(song: Path, model: GenreClassifier) -> None:
    """In words, and none that changes nothing."""
    said = told(song, model, x=doubtful(model))
    assert said.decision.outcome is Outcome.ABSTAINED
    answered = next(step for step in reversed(said.steps) if step.genre)
    assert (
        said.changes[0] == f"with model.target_precision = {answered.precision:g} it would be tagged {answered.genre}"
    )
    assert "`genred set GENRE FILE`" in said.changes[-1]
    assert len(said.changes) == 2


def test_silence_is_past_any_setting(song: Path, model: GenreClassifier) -> None:
    """No precision asked for would name a genre."""
    said = told(song, model, x=vector(1.0, level=-90.0))
    assert (said.decision.reason, said.heard.genre) == ("silence", None)
    assert "no confidence asked for would" in said.changes[0]


def test_a_strange_sound_is_beyond_the_limit(song: Path, model: GenreClassifier) -> None:
    """The score and the limit are told."""
    noise = np.random.default_rng(1).normal(0, 30, len(FEATURE_NAMES)).astype("<f4")
    noise[:2] = 0.0, 30.0
    said = told(song, model, x=noise)
    assert said.surroundings.strangeness > said.surroundings.limit
    assert "anything the model was trained on" in said.decision.reason


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"section": "tags", "mode": "off"}, 'with tags.mode = "keep" it would be tagged Rock'),
        ({"section": "genres", "whitelist": ("Jazz",)}, "with genres.whitelist = [] it would be tagged Rock"),
    ],
)
def test_a_setting_in_the_way_is_named(
    song: Path, model: GenreClassifier, change: dict[str, object], hint: str
) -> None:
    """With what would become of the file without it."""
    section = str(change["section"])
    config = CONFIG.with_changes(section, **{key: value for key, value in change.items() if key != "section"})
    assert hint in told(song, model, config=config).changes


def test_a_hard_link_in_the_way_is_named(song: Path, model: GenreClassifier) -> None:
    """What keeps the file from being written is found out without writing."""
    os.link(song, song.with_name("seeding"))
    said = told(song, model)
    assert said.decision.outcome is Outcome.SKIPPED
    assert "2 hard links" in said.obstacles[0]
    assert 'with tags.hardlinks = "break" it would be tagged Rock' in said.changes
    assert any(change.startswith("once it may be written to") for change in said.changes)


def test_a_persons_genre_is_theirs(song: Path, model: GenreClassifier) -> None:
    """By default it is kept, and only overwriting would replace it; what it means to genred is told."""
    tags.write_genres(song, ["Classic Rock"])
    said = told(song, model, x=vector(0.0))
    assert (said.whose, said.decision.outcome) == (Whose.PERSON, Outcome.KEPT)
    assert (said.meanings, list(said.kinds)) == ({"Classic Rock": "Rock"}, ["Classic Rock"])
    assert 'with tags.mode = "overwrite" it would be tagged Jazz' in said.changes
    tags.write_genres(song, ["rock music"])
    assert told(song, model).meanings == {"rock music": "Rock"}
    assert not told(song, model).kinds
    tags.write_genres(song, ["Polka"])
    assert told(song, model).meanings == {"Polka": None}


def test_a_generic_genre_counts_as_none(song: Path, model: GenreClassifier) -> None:
    """It would be replaced."""
    tags.write_genres(song, ["Unknown"])
    said = told(song, model)
    assert (said.whose, said.decision.outcome, said.meanings) == (Whose.GENERIC, Outcome.TAGGED, {})


def test_its_own_tag_is_its_own_until_a_person_decides(song: Path, model: GenreClassifier, history: History) -> None:
    """Then nothing changes it but that person."""
    analyser = Listener(model, vector(1.0))
    tagger = Tagger(CONFIG, history, analyser)
    list(tagger.process([song]))
    said = told(song, model, history)
    assert (said.whose, said.decision.outcome, said.decision.written) == (Whose.GENRED, Outcome.TAGGED, ("Rock",))
    tags.write_genres(song, ["Polka"])
    said = told(song, model, history)
    assert (said.whose, said.decision.outcome) == (Whose.PERSON, Outcome.KEPT)
    assert said.decision.reason == "genred wrote Rock and a person changed that"
    tagger.set_genre(song, "Jazz")
    said = told(song, model, history)
    assert said.decision.reason == "a person decided: a person set it"
    assert said.changes == ("only you: `genred set GENRE FILE`",)


def test_a_copy_says_what_genred_said(song: Path, model: GenreClassifier, history: History) -> None:
    """Its genre is genred's, and is kept as any genre is."""
    list(Tagger(CONFIG, history, Listener(model, vector(1.0))).process([song]))
    copy = song.with_name("copy.flac")
    copy.write_bytes(song.read_bytes())
    said = told(copy, model, history)
    assert (said.whose, said.decision.outcome) == (Whose.GENRED, Outcome.KEPT)


@pytest.mark.parametrize(
    ("watch", "reason"),
    [
        ({"directories": "other"}, "it is in none of watch.directories"),
        ({"ignore": ("song*",)}, "it is left alone: watch.ignore has 'song*'"),
        ({"extensions": ("mp3",)}, "its name is passed over (watch.extensions, watch.recursive)"),
        ({"recursive": False, "directories": ".."}, "its name is passed over (watch.extensions, watch.recursive)"),
        ({".ndignore": "*.flac\n"}, "it is left alone: {folder}/.ndignore, line 1, has '*.flac'"),
    ],
)
def test_what_no_scan_comes_to_is_left_alone(
    song: Path, model: GenreClassifier, capsys: pytest.CaptureFixture[str], watch: dict[str, object], reason: str
) -> None:
    """The decision says that and why, for people and for scripts, and what would look at the file all the same."""
    if patterns := watch.pop(".ndignore", None):
        (song.parent / ".ndignore").write_text(str(patterns))
    folders = (song.parent / str(watch.pop("directories", ".")),)
    reason = reason.format(folder=song.parent)
    said = told(song, model, config=CONFIG.with_changes("watch", directories=folders, **watch))
    assert (said.decision, said.obstacles) == (Decision(Outcome.SKIPPED, reason), (reason,))
    assert said.changes[0] == "`genred scan FILE` looks at it all the same: tagged Rock"
    as_json = explanation.as_json(said)
    assert (as_json["decision"], as_json["written"], as_json["reason"]) == ("skipped", (), reason)
    explanation.as_text(said, Console(width=200, highlight=False))
    head = capsys.readouterr().out.splitlines()[1]
    assert head == f"  skipped: {reason}"


def test_what_genred_wrote_stands_in_a_folder_that_is_left_alone_since(
    song: Path, model: GenreClassifier, history: History
) -> None:
    """The file has that genre, and keeps it."""
    list(Tagger(CONFIG, history, Listener(model, vector(1.0))).process([song]))
    ignored = CONFIG.with_changes("watch", directories=(song.parent,), ignore=("song*",))
    said = told(song, model, history, config=ignored)
    assert (said.decision.outcome, said.decision.written) == (Outcome.TAGGED, ("Rock",))
    assert said.obstacles == ("it is left alone: watch.ignore has 'song*'",)


@pytest.mark.parametrize(
    ("standing", "command", "obstacle"),
    [
        (Standing.BACKLOG, "genred scan", "and `genred run` leaves it alone"),
        (Standing.TRIED, "genred scan", "`genred run` leaves it alone until `genred scan` decides"),
        (Standing.DONE, "genred scan --redecide", ""),
    ],
)
def test_the_command_that_a_decision_takes_is_in_its_head(
    song: Path,
    model: GenreClassifier,
    history: History,
    capsys: pytest.CaptureFixture[str],
    standing: Standing,
    command: str,
    obstacle: str,
) -> None:
    """Where the service leaves a file alone, because it was there before, was a trial, or is decided about already."""
    heard = (FEATURE_VERSION, vector(1.0).tobytes())
    history.record(Record(song, Outcome.ABSTAINED, "", stamp=stamp_of(song), standing=standing, features=heard))
    said = told(song, model, history)
    explanation.as_text(said, Console(width=200, highlight=False))
    assert capsys.readouterr().out.splitlines()[1].startswith(f"  would be tagged Rock by `{command}`: Rock ")
    assert all(obstacle in told for told in said.obstacles)
    assert bool(said.obstacles) == bool(obstacle)
    assert any(f"`{command}" in change for change in said.changes)


# -- in its album ----------------------------------------------------------------------------------------------------


def track(folder: Path, number: int, genre: str = "", **labels: str) -> Path:
    """Make a track that is told from others by its length."""
    folder.mkdir(exist_ok=True)
    path = make(folder / f"{number:02}.flac", 0.1 + number / 50)
    tagged = mutagen.File(path)
    tagged.update({"artist": "A", "album": "One"} | labels | ({"genre": genre} if genre else {}))
    tagged.save()
    return path


def lines(said: Explanation, capsys: pytest.CaptureFixture[str]) -> list[str]:
    explanation.as_text(said, Console(width=80, highlight=False))
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_what_a_person_calls_the_album_is_told_first(
    tmp_path: Path, model: GenreClassifier, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    """Read in the tags of files that genred never saw; that is noted nowhere."""
    asked, *_ = (track(tmp_path / "album", number, "Polka" if number > 1 else "") for number in range(1, 5))
    said = told(asked, model, history)
    assert (said.decision.written, said.heard.evidence) == (("Polka",), Kind.MATES)
    told_lines = lines(said, capsys)
    first = told_lines.index("What speaks for Polka, and against it") + 1
    assert told_lines[first] == "3 of 3 other tracks of this album say Polka (you)  1,000+ times likelier"
    assert told_lines[first + 1].startswith("this track alone sounds like Rock")
    assert {"One by A: 4 tracks, 1 of them heard", "3 of 4 tracks here: Polka (you)"} <= set(told_lines)
    assert any("evidence.mates = false it would be tagged Rock" in change for change in said.changes)
    assert history.library.folder(asked.parent) == []


@pytest.mark.parametrize("genres", [("", "", ""), ("", "Polka", "Polka"), ("", "Rock", ""), ("Jazz", "Polka", "")])
def test_it_tells_what_the_tagger_then_does(
    tmp_path: Path, model: GenreClassifier, history: History, genres: tuple[str, ...]
) -> None:
    """With the reason, word by word, once the rest of the album was heard."""
    album = [track(tmp_path / "album", number, genre) for number, genre in enumerate(genres)]
    analyser = Listener(model, doubtful(model))
    list(Tagger(CONFIG, history, analyser).process(album[1:]))
    said = told(album[0], model, history, analyser=analyser)
    done = {record.path: record for record in decisions(Tagger(CONFIG, history, analyser).process(album[:1]))}
    record = done[album[0]]
    assert (said.decision.outcome, said.decision.reason) == (record.outcome, record.reason)
    assert said.decision.written == record.written
    again = told(album[0], model, history, analyser=analyser)
    assert (again.decision.outcome, again.decision.reason) == (record.outcome, record.reason)


def test_an_artists_other_albums_speak(tmp_path: Path, model: GenreClassifier, history: History) -> None:
    """By as many albums as there are."""
    others = [track(tmp_path / f"other {n}", n, "Polka", album=f"Other {n}") for n in range(2)]
    analyser = Listener(model, vector(1.0))
    list(Tagger(CONFIG, history, analyser).process(others))
    (ground, *_) = told(track(tmp_path / "album", 9), model, history).heard.grounds
    assert (ground.kind, ground.genre, ground.count, ground.of) == (Kind.ARTIST, "Polka", 2, 2)


def test_what_genred_wrote_beside_it_speaks_for_nothing(
    tmp_path: Path, model: GenreClassifier, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is shown as genred's, and the file is judged by sound."""
    album = [track(tmp_path / "album", number) for number in range(3)]
    analyser = Listener(model, vector(1.0))
    list(Tagger(CONFIG, history, analyser).process(album))
    said = told(album[0], model, history, analyser=analyser)
    assert {ground.kind for ground in said.heard.grounds} == {Kind.TRACK, Kind.ALBUM}
    told_lines = lines(said, capsys)
    assert "3 of 3 tracks here: Rock (genred)" in told_lines
    assert "One by A: 3 tracks, all of them heard" in told_lines
    assert any(line.startswith("what genred wrote speaks for nothing") for line in told_lines)


def test_on_a_compilation_only_the_same_artist_is_heard_with_it(
    tmp_path: Path, model: GenreClassifier, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are not its company."""
    labels = {"album": "Hits", "albumartist": "Various Artists"}
    album = [track(tmp_path / "hits", n, artist=artist, **labels) for n, artist in enumerate(("A", "B", "A"))]
    said = told(album[0], model, history)
    assert said.company.tracks == (album[0], album[2])
    assert "A on Hits: 2 tracks, 1 of them heard" in lines(said, capsys)


def test_a_file_that_is_heard_alone_has_no_album(
    song: Path, model: GenreClassifier, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then it reads as if there were no albums."""
    track(song.parent, 7, artist="somebody else")
    told_lines = lines(told(song, model), capsys)
    assert not any("album" in line for line in told_lines)
    assert any(line.startswith("What it sounds like to own-") for line in told_lines)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_reads_well_at_any_width(
    song: Path, model: GenreClassifier, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    """Every section has its heading, square brackets are no markup, and no line is longer than the terminal."""
    odd = song.rename(song.with_name("[bold]x.flac"))
    tags.write_genres(odd, ["[red]Polka"])
    explanation.as_text(told(odd, model), Console(width=width, highlight=False))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(odd)
    assert any("[red]Polka" in line for line in lines)
    assert {"What an answer takes", "Its tag", "What would change it"} <= set(lines)
    assert max(len(line) for line in lines[1:] if line.startswith(" ")) <= width


def test_it_shows_every_place_where_a_genre_stands(
    tmp_path: Path, model: GenreClassifier, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that is written to as well, if it says nothing; a field's name is a person's, and no markup."""
    song = make(tmp_path / "song.mp3", 0.2)
    label = rawtags.id3_frame("TXXX", "[red]\x1b[31m::Genre\0Zydeco")
    song.write_bytes(rawtags.id3v2(label) + song.read_bytes() + rawtags.apev2(Genre="Polka"))
    said = told(song, model)
    assert (said.genres, said.whose) == (("Zydeco", "Polka"), Whose.PERSON)
    explanation.as_text(said, Console(width=120, highlight=False))
    lines = capsys.readouterr().out.splitlines()
    places = [[cell.strip() for cell in line.split("  ") if cell] for line in lines]
    assert ["ID3v2 TCON", "nothing"] in places
    assert ["ID3v2 TXXX [red]?[31m::Genre", "Zydeco"] in places
    assert ["APEv2 Genre", "Polka"] in places
    (first, *_) = explanation.as_json(said)["places"]
    assert first == {"where": "ID3v2 TXXX [red]?[31m::Genre", "genres": ("Zydeco",)}


KEYS = [
    *("path", "decision", "written", "reason", "genres", "places", "whose", "meanings", "model", "was_heard"),
    *("genre", "confidence", "candidates", "families", "needed", "thresholds", "strangeness", "strangeness_limit"),
    *("nearest", "words", "spelled", "obstacles", "history", "would_change", "evidence", "grounds", "album"),
]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_command_has_stable_keys_and_clear_refusals(genred: Genred, tmp_path: Path) -> None:
    """Real workers, real audio; what isn't music is exit 3."""
    song = make(tmp_path / "song.mp3", 4.0, noise=0.03)
    code, out, _ = genred("explain", "--json", song)
    said = json.loads(out)
    assert (code, list(said)) == (0, KEYS)
    assert said["candidates"][0]["genre"] == "Classical"
    (tmp_path / "text.mp3").write_text("no music " * 100)
    for path, reason in (("none.mp3", "no such file"), ("", "a directory"), ("text.mp3", "")):
        code, out, err = genred("explain", tmp_path / path)
        assert (code, out) == (3, "")
        assert reason in err
        assert "Traceback" not in err
