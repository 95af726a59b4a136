import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from genred import tags
from genred.cli.review import terminal
from genred.cli.review.interview import Interview
from genred.cli.review.player import Player
from genred.cli.review.terminal import Screen
from genred.config import Config
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.genres import Vocabulary
from genred.history.history import History
from genred.history.records import Outcome, Query, Record, Standing
from genred.learning import own_tags
from genred.model.classifier import GenreClassifier
from genred.model.evidence import Owner
from genred.model.prediction import Candidate, Prediction
from genred.names import Labels
from genred.sound.features import FEATURE_VERSION
from genred.tagging.answers import Answers
from genred.tagging.evidence import Witness
from genred.tagging.judging import Ear, Judge
from genred.tagging.policy import Policy
from genred.tagging.review import Question, meant, questions, to_review, together, why_not, words
from genred.tagging.tagger import Tagger
from tests.command import Genred
from tests.fakes import FakeAnalyser, decisions, hearing, sure
from tests.makeaudio import make


class FakeModel(GenreClassifier):
    """Judges a vector of one number by what it was told for that number, and by the owner's words for its album."""

    def __init__(self, *predictions: Prediction) -> None:
        super().__init__()
        self.name = "fake"
        self.classes_ = np.array(["Hip-Hop", "Jazz", "Rock"])
        self._predictions = predictions

    def judge(self, X: np.ndarray, owners: Sequence[Owner]) -> list[Prediction]:
        return [self._said(int(number), owner) for number, owner in zip(X[:, 0], owners, strict=True)]

    def _said(self, number: int, owner: Owner) -> Prediction:
        alone = self._predictions[number]
        if not owner.mates:
            return alone
        word = max(owner.mates, key=lambda it: owner.mates[it])
        return replace(alone, candidates=(Candidate(word, 0.6), *alone.candidates))


def unsure(confidence: float = 0.4, **probabilities: float) -> Prediction:
    candidates = tuple(Candidate(genre.replace("_", "-"), p) for genre, p in probabilities.items())
    return Prediction(None, confidence, candidates, f"{confidence} is too little")


MODEL = FakeModel(
    unsure(Rock=0.4, Jazz=0.3, Hip_Hop=0.2),
    unsure(Jazz=0.4, Rock=0.35, Hip_Hop=0.1),
    unsure(0.0, Hip_Hop=0.9, Rock=0.1),
)


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    """A history with the run of a review begun."""
    history = History.open(home / "history.db")
    history.start_run("review", "0")
    yield history
    history.close()


@pytest.fixture
def music(tmp_path: Path, history: History) -> list[Path]:
    """Two albums: two songs that genred wasn't sure of, and one that isn't music."""
    songs = [make(_in(tmp_path, name), 0.1) for name in ("b/2.flac", "b/1.flac", "a/speech.flac")]
    for number, song in enumerate(songs):
        abstain(history, song, number)
    return songs


def deaf(paths: Collection[Path]) -> dict[Path, bytes]:
    """Hear nothing: all features are of this version."""
    return {}


def _in(folder: Path, name: str) -> Path:
    (folder / name).parent.mkdir(exist_ok=True)
    return folder / name


def abstain(history: History, song: Path, number: int = 0, **values: Any) -> Record:
    features = (FEATURE_VERSION, np.array([number], "<f4").tobytes())
    record = Record(song, Outcome.ABSTAINED, "not sure", stamp=stamp_of(song), features=features, **values)
    return history.record(record)


def named(history: History, path: Path, genre: str) -> None:
    """Give a song a genre of a person's."""
    tags.write_genres(make(path, 0.1), [genre])
    history.record(Record(path, Outcome.KEPT, "", previous=(genre,), stamp=stamp_of(path)))


def names(found: Sequence[Record]) -> list[str]:
    return [f"{record.path.parent.name}/{record.path.name}" for record in found]


def asked(history: History, below: Path | None = None, **words: object) -> list[Question]:
    return list(asking(history, to_review(history, below), Vocabulary(**words)))  # type: ignore[arg-type]  # of the test


def asking(
    history: History,
    records: Sequence[Record],
    vocabulary: Vocabulary | None = None,
    hear: Callable[[Collection[Path]], dict[Path, bytes]] = deaf,
) -> Iterator[Question]:
    policy = Policy("keep", 1, vocabulary or Vocabulary())
    witness = Witness(history.library, policy.vocabulary, Config().evidence)
    return questions(records, Judge(history, witness, Ear.of(MODEL), together=True), policy, hear)


def answering(history: History) -> Answers:
    analyser = FakeAnalyser()
    return Answers(Tagger(Config(), history, analyser), history, analyser, Config().tags)


def test_it_asks_album_by_album_with_guesses_in_the_users_words(history: History, music: list[Path]) -> None:
    """Folders in order, then names; what is not whitelisted is no guess, two words for one genre are one guess."""
    assert names(to_review(history)) == ["a/speech.flac", "b/1.flac", "b/2.flac"]
    assert names(to_review(history, music[0].parent)) == ["b/1.flac", "b/2.flac"]
    speech, first, _ = asked(history, spelling={"Hip-Hop": "Rap"}, aliases={"Jazz": "Rock"})
    assert (speech.is_judged, first.is_judged) == (False, True)
    assert [(guess.genre, round(guess.probability, 2)) for guess in first.guesses] == [("Rock", 0.75), ("Rap", 0.1)]
    assert [guess.genre for guess in asked(history, whitelist=["Jazz"])[1].guesses] == ["Jazz"]


def test_what_is_settled_is_not_asked_about(history: History, music: list[Path], tmp_path: Path) -> None:
    """Neither what a person decided, nor what changed or went, nor what has a genre of somebody's own."""
    abstain(history, make(tmp_path / "theirs.flac", 0.1), previous=("Polka",))
    history.record(Record(make(tmp_path / "kept.flac", 0.1), Outcome.KEPT, "", stamp=stamp_of(tmp_path / "kept.flac")))
    Tagger(Config(), history, FakeAnalyser()).set_genre(music[0], "Rock")
    music[1].write_bytes(music[1].read_bytes() + b"more")
    music[2].unlink()
    assert to_review(history) == []
    assert "a person has decided" in why_not(history, music[0]).reason
    assert "it changed since" in why_not(history, music[1]).reason
    assert "hasn't listened" in why_not(history, tmp_path / "new.flac").reason


def test_its_least_sure_tags_come_when_asked_for(history: History, tmp_path: Path) -> None:
    """As many as are asked for, guessed anew; what it added to a person's genre stays."""
    for name, confidence, previous in (("a", 0.9, ()), ("b", 0.6, ()), ("c", 0.5, ("Polka",)), ("d", 0.7, ())):
        song = make(tmp_path / f"{name}.flac", 0.1)
        features = (FEATURE_VERSION, np.array([0], "<f4").tobytes())
        written = (*previous, "Jazz")
        record = Record(song, Outcome.TAGGED, "", "Jazz", confidence, previous, written, "m", stamp=stamp_of(song))
        history.record(Record(**{name: getattr(record, name) for name in record.__slots__} | {"features": features}))
    assert to_review(history) == []
    found = to_review(history, tagged=3)
    assert [record.path.stem for record in found] == ["b", "d"]
    (question, _) = asking(history, found)
    guesses = [("Rock", 0.4), ("Jazz", 0.3), ("Hip-Hop", 0.2)]
    assert [(guess.genre, guess.probability) for guess in question.guesses] == guesses
    (question,) = asking(history, found[:1], Vocabulary(spelling={"Jazz": "Fusion"}))
    guesses = [("Rock", 0.4), ("Fusion", 0.3), ("Hip-Hop", 0.2), ("Jazz", 0.0)]
    assert [(guess.genre, guess.probability) for guess in question.guesses] == guesses


def test_what_it_wrote_into_what_nobody_can_judge_now_stays_the_first_guess(history: History, tmp_path: Path) -> None:
    """As sure as it was then: nothing better is known."""
    song = make(tmp_path / "song.flac", 0.1)
    features = (FEATURE_VERSION, np.array([2], "<f4").tobytes())
    stamp = stamp_of(song)
    history.record(Record(song, Outcome.TAGGED, "", "Jazz", 0.6, (), ("Jazz",), "m", stamp=stamp, features=features))
    (question,) = asking(history, to_review(history, tagged=1))
    assert (question.is_judged, question.guesses[0]) == (False, Candidate("Jazz", 0.6))


def test_the_persons_answers_for_mates_come_before_what_it_wrote(history: History, music: list[Path]) -> None:
    """Of two tracks tagged Jazz, one is corrected: that is the first guess for the other, and Jazz is still one."""
    for number, song in enumerate(music[:2]):
        features = (FEATURE_VERSION, np.array([number], "<f4").tobytes())
        wrote = Record(song, Outcome.TAGGED, "", "Jazz", 0.7, (), ("Jazz",), "m", stamp=stamp_of(song))
        history.record(replace(wrote, features=features))
    Tagger(Config(), history, FakeAnalyser()).set_genre(music[0], "Zydeco")
    (question,) = asking(history, to_review(history, music[1], tagged=1))
    assert [guess.genre for guess in question.guesses][:2] == ["Zydeco", "Jazz"]


def test_what_an_earlier_genred_heard_is_asked_about_with_guesses(history: History, music: list[Path]) -> None:
    """Its features can't be compared, so it is heard again; no other file is."""
    song = music[1]
    history.record(Record(song, Outcome.ABSTAINED, "not sure", stamp=stamp_of(song), features=("of old", bytes(4))))
    asked_for: list[Path] = []

    def hear(paths: Collection[Path]) -> dict[Path, bytes]:
        asked_for.extend(paths)
        return {song: np.array([1], "<f4").tobytes()}

    _, question, _ = asking(history, to_review(history), hear=hear)
    assert (question.path, asked_for) == (song, [song])
    assert [guess.genre for guess in question.guesses] == ["Jazz", "Rock", "Hip-Hop"]


def test_a_skip_is_remembered_until_genred_decides_anew(history: History, music: list[Path]) -> None:
    """It is a line in the log; file and standing stay as they are, and it can be seen again."""
    before = music[0].read_bytes()
    list(answering(history).give(asked(history, music[0]), None))
    assert names(to_review(history)) == ["a/speech.flac", "b/1.flac"]
    assert names(to_review(history, skipped=True)) == ["b/2.flac"]
    assert names(to_review(history, music[0], skipped=None)) == ["b/2.flac"]
    known = history.files.known(music[0])
    assert (music[0].read_bytes(), known and known.standing) == (before, Standing.DONE)
    assert [heard.path for heard in history.analysed(FEATURE_VERSION, music[0])] == [music[0]]
    abstain(history, music[0])
    assert len(to_review(history)) == 3


@pytest.mark.parametrize("genre", ["Zydeco", "Jazz", None])
@pytest.mark.parametrize("tagged", [False, True])
def test_an_answer_taken_back_leaves_everything_as_it_was(
    history: History, tmp_path: Path, genre: str | None, tagged: bool
) -> None:
    """The bytes of the file, what genred knows of it, and that it is asked about."""
    song = make(tmp_path / "song.flac", 0.1)
    list(Tagger(Config(), history, FakeAnalyser({"song.flac": sure("Jazz")} if tagged else {})).process([song]))
    before = history.files.genres_written(song), sha256(song.read_bytes()).digest()
    (question,) = asking(history, to_review(history, song, tagged=1))
    answers = answering(history)
    ((_, given),) = list(answers.give([question], genre))
    assert isinstance(given, Record)
    assert not to_review(history, song, tagged=1)
    ((again, undone),) = list(answers.take_back())
    assert isinstance(undone, Record)
    assert (undone.outcome, undone.undoes, len(answers)) == (Outcome.UNDONE, given.id, 0)
    assert (history.files.genres_written(song), sha256(song.read_bytes()).digest()) == before
    assert to_review(history, song, tagged=1) == [again.record]
    assert [heard.path for heard in history.analysed("0", song)] == [song]


def test_what_changed_after_the_question_keeps_its_change(history: History, music: list[Path]) -> None:
    """One answer for a whole album writes to the others."""
    album = asked(history, music[0].parent)
    tags.write_genres(music[1], ["Polka"])
    (_, refused), (_, given) = answering(history).give(album, "Jazz")
    assert isinstance(refused, FileError)
    assert isinstance(given, Record)
    assert (tags.read_genres(music[1]), tags.read_genres(music[0])) == (["Polka"], ["Jazz"])


def test_an_albums_guesses_are_the_mean_of_what_was_judged(history: History, music: list[Path]) -> None:
    """What the model has no opinion of has no say."""
    everything = together(asked(history))
    assert [(guess.genre, round(guess.probability, 3)) for guess in everything] == [
        ("Rock", 0.375),
        ("Jazz", 0.35),
        ("Hip-Hop", 0.15),
    ]
    assert together(asked(history)[:1])[0].genre == "Hip-Hop"


def test_genres_complete_from_all_that_a_person_may_mean(history: History, music: list[Path]) -> None:
    """The model's, the vocabulary's, their spellings and aliases, and what they set before."""
    Tagger(Config(), history, FakeAnalyser()).set_genre(music[0], "Zydeco")
    policy = Policy("keep", 1, Vocabulary(aliases={"x": "Schlager"}, spelling={"Hip-Hop": "Rap"}))
    found = words(policy, map(str, MODEL.classes_), history)
    assert {"Zydeco", "Schlager", "Rap", "Jazz", "Reggae"} <= set(found)
    assert "Hip-Hop" not in found
    assert found == sorted(found, key=str.casefold)


@pytest.mark.parametrize(
    ("typed", "genre", "known"),
    [
        ("Rap", "Rap", True),
        ("Techno", "Techno", True),  # a spelling that genred understands is written as they write it
        ("hip hop", "Hip-Hop", True),
        ("Jaz", "Jazz", False),
        ("Blurgh", "Blurgh", False),
    ],
)
def test_a_slip_is_noticed_and_a_new_genre_is_allowed(typed: str, genre: str, known: bool) -> None:
    """Known ones are taken as they are spelled."""
    assert meant(typed, ["Hip-Hop", "Jazz"], Vocabulary()) == (genre, known)


@given(st.sampled_from(["Hip-Hop", "R&B", "Drum and Bass", "Jazz"]), st.data())
def test_case_and_punctuation_are_no_slip(word: str, data: st.DataObject) -> None:
    """However a genre of theirs is typed, it is that genre."""
    typed = "".join(data.draw(st.sampled_from([c.upper(), c.lower()])) for c in word).replace("-", " ")
    assert meant(typed, ["Hip-Hop", "R&B", "Drum and Bass", "Jazz"], Vocabulary()) == (word, True)


def test_corrections_teach(history: History, tmp_path: Path) -> None:
    """What genred wrote doesn't until a person accepts it; what they change in a player does, and stays."""
    songs = [make(tmp_path / f"{number}.flac", 0.1) for number in range(8)]
    analyser = FakeAnalyser({song.name: sure("Jazz") for song in songs})
    tagger = Tagger(Config(), history, analyser)
    list(tagger.process(songs))
    list(tagger.process([songs[7].rename(tmp_path / "moved.flac"), *songs[:7]]))
    songs[7] = songs[7].with_name("moved.flac")

    def labels() -> dict[str, str]:
        found = own_tags.by_a_person(songs, analyser, history, Vocabulary())
        return {item.path.name: item.genre for item in found.labelled}

    assert labels() == {}
    songs[6] = songs[6].rename(tmp_path / "not looked at since.flac")
    assert labels() == {}
    tagged = list(asking(history, to_review(history, songs[0], tagged=1)))
    ((_, confirmed),) = list(answering(history).give(tagged, tagged[0].guesses[0].genre))
    assert isinstance(confirmed, Record)
    assert confirmed.reason == "a person confirmed it"
    tags.write_genres(songs[1], ["Polka"])
    assert [record.outcome for record in decisions(tagger.process(songs))] == [Outcome.KEPT]
    assert labels() == {"0.flac": "Jazz", "1.flac": "Polka"}
    overwriting = Tagger(Config().with_changes("tags", mode="overwrite"), history, analyser)
    assert list(overwriting.process(songs)) == []
    assert list(overwriting.redecide(hearing("Rock"))) != []
    assert (tags.read_genres(songs[0]), tags.read_genres(songs[1])) == (["Jazz"], ["Polka"])


# -- on a terminal ---------------------------------------------------------------------------------------------------


class FakePlayer(Player):
    def __init__(self) -> None:
        self.played: list[str] = []

    def toggle(self, path: Path) -> str:
        self.played.append(path.name)
        return "playing"

    def stop(self) -> None:
        self.played.append("stop")


class Person:
    """Presses keys in turn and types lines; remembers what was shown. Has had enough in the end."""

    def __init__(self, *keys: str, typed: Sequence[str] = ()) -> None:
        self.keys = list(keys)
        self.typed = list(typed)
        self.saw: list[Screen] = []

    def press(self, screen: Screen) -> str:
        self.saw.append(screen)
        return self.keys.pop(0) if self.keys else "q"

    def ask(self, screen: Screen, words: Sequence[str]) -> str:
        return self.typed.pop(0)


def interview(history: History, person: Person, player: Player | None = None, tagged: int = 0) -> tuple[int, str]:
    """What is left, and what was printed."""
    printed = StringIO()
    left = Interview(
        Console(file=printed, width=80),
        person.press,
        person.ask,
        player or FakePlayer(),
        questions=lambda records: list(asking(history, records)),
        answers=answering(history),
        words=["Hip-Hop", "Jazz", "Rock"],
        meant=lambda typed, words: meant(typed, words, Vocabulary()),
    ).run(to_review(history, tagged=tagged))
    return left, printed.getvalue()


def test_keys_accept_skip_and_quit(history: History, music: list[Path]) -> None:
    """Progress is kept: every answer is written when it is given."""
    person = Person("s", "2")
    left, printed = interview(history, person)
    assert left == 1
    assert [screen.corner for screen in person.saw] == ["1 of 3", "2 of 3", "3 of 3"]
    assert tags.read_genres(music[1]) == ["Rock"]
    assert [line.split() for line in printed.splitlines() if line.strip()][1:4] == [
        ["–", "skipped", "speech.flac"],
        [*f"{music[1].parent.parent.name}/b".split()],
        ["✓", "Rock", "1.flac"],
    ]
    assert names(to_review(history)) == ["b/2.flac"]


def test_enter_accepts_only_what_the_model_stands_behind(history: History, music: list[Path]) -> None:
    """A key pressed in passing makes no Hip-Hop of speech; the first guess has to be chosen."""
    interview(history, Person("enter", "x", "9", "s", "enter"))
    assert (tags.read_genres(music[2]), tags.read_genres(music[1])) == ([], ["Jazz"])


def test_the_footer_names_every_key_that_answers(history: History, music: list[Path]) -> None:
    """Enter too, where it accepts; for what isn't judged it does nothing and isn't there."""
    person = Person("s", "q")
    interview(history, person)
    speech, song = ([key for key, _ in screen.keys] for screen in person.saw)
    assert (speech[:2], song[:2]) == (["1-2", "g"], ["⏎", "1-3"])


def test_the_genres_of_its_album_are_shown_and_who_gave_them(history: History, music: list[Path]) -> None:
    """For one file as for all; those of a folder inside are not among them, nor is a genre that says nothing."""
    for name, genre in (
        ("3.flac", "Pop"),
        ("4.flac", "Pop"),
        ("5.flac", "Polka"),
        ("6.flac", "Misc"),
        ("in/7.flac", "Jazz"),
    ):
        named(history, _in(music[0].parent, name), genre)
    rock = make(music[0].parent / "8.flac", 0.1)
    history.record(Record(rock, Outcome.TAGGED, "", "Rock", 0.9, (), ("Rock",), "m", stamp=stamp_of(rock)))
    person = Person("s", "a", "q")
    interview(history, person)
    beside = "2 of 7 tracks here: Pop (you), 1 Polka (you), 1 Rock (genred)"
    assert [screen.text.partition("\n")[2] for screen in person.saw] == ["", beside, beside]


def test_the_answer_for_one_track_speaks_for_the_rest_of_its_album(history: History, music: list[Path]) -> None:
    """It is the first guess for the next one; taken back, it is none any more."""
    person = Person("s", "g", "y", "u", "q", typed=["Zydeco"])
    interview(history, person)
    before, _, then, again = person.saw[1:]
    assert (before.guesses[0].genre, then.guesses[0].genre, again.guesses[0].genre) == ("Jazz", "Zydeco", "Jazz")
    assert "1 of 2 tracks here: Zydeco (you)" in then.text


def test_on_a_compilation_an_answer_for_the_album_is_one_for_the_artist(history: History, tmp_path: Path) -> None:
    """The tracks of the others are asked about for themselves."""
    for number, artist in enumerate(("A", "B", "A")):
        path = make(_in(tmp_path, f"hits/{number}.flac"), 0.1 + number / 50)
        abstain(history, path, labels=Labels(artist, "Various Artists", "Hits"))
    person = Person("a", "2", "q")
    left, _ = interview(history, person)
    assert ([screen.title for screen in person.saw], left) == (["0.flac", "the 2 files by A", "1.flac"], 1)
    assert "a" not in dict(person.saw[2].keys)


def test_the_discs_of_an_album_are_one_album(history: History, tmp_path: Path) -> None:
    """One answer settles both."""
    for name in ("disc 1/1.flac", "disc 2/1.flac"):
        path = tmp_path / "box" / name
        path.parent.mkdir(parents=True)
        abstain(history, make(path, 0.1), labels=Labels("A", "", f"Box ({path.parent.name})"))
    person = Person("a", "1")
    left, printed = interview(history, person)
    assert (person.saw[1].title, left, printed.count("✓")) == ("the whole album, 2 files", 0, 2)


def test_one_answer_for_the_album_and_one_key_to_take_it_back(history: History, music: list[Path]) -> None:
    """All files of it are written, and all are open again; at the very end too."""
    before = [song.read_bytes() for song in music]
    person = Person("s", "a", "1", "u", "a", "2", "done")
    left, printed = interview(history, person)
    assert (person.saw[2].title, person.saw[3].title) == ("the whole album, 2 files", "That was all.")
    assert [guess.genre for guess in person.saw[2].guesses] == ["Rock", "Jazz", "Hip-Hop"]
    assert (printed.count("✓"), printed.count("↶"), left) == (4, 2, 0)
    assert [tags.read_genres(song) for song in music[:2]] == [["Jazz"], ["Jazz"]]
    abstain(history, music[2], 2)
    assert interview(history, Person("s", "u"))[0] == 1
    assert music[2].read_bytes() == before[2]


def test_another_genre_is_completed_corrected_or_confirmed(history: History, music: list[Path]) -> None:
    """A slip is asked about, a new one too; thinking better of it comes back to the question."""
    person = Person("g", "g", "y", "g", "escape", "g", "y", typed=["", "Jaz", "Blurgh", "Blurgh"])
    interview(history, person)
    assert "Did you mean Jazz?" in person.saw[2].text
    assert "Blurgh is a new genre" in person.saw[4].text
    assert (tags.read_genres(music[2]), tags.read_genres(music[1])) == (["Jazz"], ["Blurgh"])
    assert tags.read_genres(music[0]) == []


def test_no_genre_is_no_answer(history: History, music: list[Path]) -> None:
    """What says nothing can't be written, in whatever key that is confirmed, and completes no word that is typed."""
    person = Person("g", "y", "g", "n", "q", typed=["Unknown", "misc"])
    interview(history, person)
    for screen in person.saw[1:4:2]:
        assert screen.text.endswith("counts as no genre. To leave it without one, skip it.")
        assert [key for key, _ in screen.keys] == ["esc"]
    assert all(tags.read_genres(song) == [] for song in music)
    history.record(Record(music[0], Outcome.TAGGED, "a person set it", genre="Unknown", written=("Unknown",)))
    assert "Unknown" not in words(Policy.of(Config()), ["Jazz"], history)


def test_what_cannot_be_written_is_said_and_stays_open(history: History, music: list[Path]) -> None:
    """The next one is asked about."""
    os.link(music[1], music[1].with_name("seeding"))
    abstain(history, music[1], 1)
    left, printed = interview(history, Person("s", "1", "1"))
    assert "hard links" in printed
    assert left == 1
    assert names(to_review(history)) == ["b/1.flac"]


def test_what_changes_meanwhile_is_left_out(history: History, music: list[Path]) -> None:
    """Somebody's edit is not asked over."""

    class Slow(Person):
        def press(self, screen: Screen) -> str:
            tags.write_genres(music[1], ["Polka"])
            return super().press(screen)

    _, printed = interview(history, Slow("s", "1"))
    assert "changed meanwhile" in printed
    assert tags.read_genres(music[0]) == ["Rock"]


def test_music_plays_beside_the_question_and_stops_at_the_answer(history: History, music: list[Path]) -> None:
    """And when the person quits."""
    player = FakePlayer()
    person = Person("p", "s", "p")
    interview(history, person, player)
    assert player.played == ["speech.flac", "stop", "1.flac", "stop"]
    assert person.saw[1].note == "playing"


def test_a_tag_that_is_right_is_confirmed(history: History, tmp_path: Path) -> None:
    """Enter on one of genred's own tags says that it is right; nothing is written."""
    song = make(tmp_path / "song.flac", 0.1)
    list(Tagger(Config(), history, FakeAnalyser({song.name: sure("Jazz")})).process([song]))
    before = song.read_bytes()
    person = Person("1")
    interview(history, person, tagged=1)
    assert "genred wrote Jazz" in person.saw[0].text
    assert song.read_bytes() == before
    (latest, _) = history.records(Query(path=song))
    assert latest.reason == "a person confirmed it"


@pytest.mark.parametrize(
    ("sent", "key"), [("S", "s"), ("\r", "enter"), ("\x1b", "escape"), ("\x1b[A", ""), ("3", "3"), ("é", "é")]
)
def test_a_key_is_told_by_its_name(sent: str, key: str) -> None:
    """Special keys answer nothing."""
    screen = Screen("song", "1 of 1", "why", [Candidate("Rock", 0.4)], [("q", "quit")], "note")
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(sent)
        pressed = terminal.press(screen)
    assert pressed == key or (key == "" and len(pressed) != 1)


@pytest.mark.parametrize(("sent", "error"), [("\x03", KeyboardInterrupt), ("\x04", EOFError)])
def test_the_usual_ways_out_work(sent: str, error: type[BaseException]) -> None:
    """Ctrl-C interrupts, Ctrl-D ends, at a question as at a line."""
    screen = Screen("song", "1 of 1", "why", [], [("q", "quit")])
    for ask in (terminal.press, lambda screen: terminal.ask(screen, ["Rock"])):
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            pipe.send_text(sent)
            with pytest.raises(error):
                ask(screen)


def test_a_line_is_completed(tmp_path: Path) -> None:
    """Tab takes what fits, Enter ends it, Escape thinks better of it."""
    screen = Screen("song", "1 of 1", "why", [], [])
    for sent, typed in (("jaz\t\r", "jaz"), ("  Polka \r", "Polka"), ("Pol\x1b", "")):
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            pipe.send_text(sent)
            assert terminal.ask(screen, ["Jazz"]).casefold() in (typed.casefold(), "jazz")


@pytest.mark.parametrize("width", [80, 120])
def test_a_screen_fits(width: int) -> None:
    """Long names lose their end, not the layout."""
    screen = Screen("x" * 300, "11 of 1100", "why", [Candidate("Rock", 1.0)], [("q", "quit")])
    console = Console(file=StringIO(), width=width)
    with console.capture() as drawn:
        console.print(screen)
    assert max(map(len, drawn.get().splitlines())) <= width
    assert drawn.get().splitlines()[0].rstrip().endswith("…  11 of 1100")


def test_a_player_is_started_and_stopped_and_never_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't play is said."""
    monkeypatch.setenv("GENRED_PLAYER", f"{sys.executable} -c 'import time; time.sleep(60)'")
    player = Player()
    assert "p stops it" in player.toggle(tmp_path / "x.mp3")
    assert player.toggle(tmp_path / "x.mp3") == "stopped"
    player.stop()
    monkeypatch.setenv("GENRED_PLAYER", "false")
    assert Player().toggle(tmp_path / "x.mp3") == "false can't play it (exit 1)"
    monkeypatch.setenv("GENRED_PLAYER", "no-such-player")
    assert "can't be started" in Player().toggle(tmp_path / "x.mp3")
    monkeypatch.delenv("GENRED_PLAYER")
    monkeypatch.setenv("PATH", "")
    assert "GENRED_PLAYER" in Player().toggle(tmp_path / "x.mp3")


# -- for scripts -----------------------------------------------------------------------------------------------------

Told = Callable[..., tuple[int, list[dict[str, object]], str]]


@pytest.fixture
def told_by(genred: Genred) -> Told:
    """Run a command: its exit code, what it says as JSON, and stderr."""

    def run(*arguments: str | Path) -> tuple[int, list[dict[str, object]], str]:
        ran = genred(*arguments)
        return ran.code, ran.json if "--json" in arguments else [], ran.err

    return run


@pytest.mark.slow
def test_a_script_lists_accepts_sets_and_skips(told_by: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stable keys, beside whatever runs, and with exit 3 where there was nothing to decide."""
    album = tmp_path / "album"
    album.mkdir()
    songs = [make(album / f"{number}.mp3", 4.0, noise=0.1) for number in range(3)]
    monkeypatch.setenv("GENRED_GENRES_WHITELIST", "Blues")
    told_by("scan", "-q", album)
    monkeypatch.delenv("GENRED_GENRES_WHITELIST")
    code, lines, _ = told_by("review", "--json")
    assert (code, [line["path"] for line in lines]) == (0, list(map(str, songs)))
    keys = ["path", "album", "outcome", "written", "candidates", "reason", "model", "id", "tracks", "genres"]
    assert list(lines[0]) == keys
    candidates = lines[0]["candidates"]
    assert isinstance(candidates, list)
    best = candidates[0]["genre"]

    assert told_by("review", "accept", "-n", songs[0])[0] == 0
    assert tags.read_genres(songs[0]) == []
    code, (accepted,), _ = told_by("review", "accept", "--json", songs[0])
    assert (code, accepted["written"], tags.read_genres(songs[0])) == (0, [best], [best])
    code, (again,), _ = told_by("review", "accept", "--json", songs[0])
    assert (code, list(again)) == (3, ["path", "error"])
    assert told_by("review", "set", songs[1], "Zydeco")[0] == 0
    assert tags.read_genres(songs[1]) == ["Zydeco"]
    code, lines, _ = told_by("review", "set", "-n", "--json", album, "Polka")
    assert (code, [line["path"] for line in lines]) == (0, [str(songs[2])])
    assert told_by("review", "skip", album)[0] == 0
    assert told_by("review", "list", "--json")[1] == []
    assert len(told_by("review", "list", "--json", "--skipped")[1]) == 1
    assert told_by("review", "accept", songs[2])[0] == 0
    assert told_by("review")[0] == 0


def test_options_in_the_wrong_place_are_not_ignored(told_by: Told) -> None:
    """They would be, before the name of the command."""
    code, _, said = told_by("review", "--tagged", "5", "list")
    assert code == 2
    assert "behind the command" in said
