"""The review on a terminal: one question at a time, answered by single keys; what was answered stays above it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genred.cli import show
from genred.cli.review.player import Player
from genred.cli.review.terminal import Screen
from genred.errors import FileError
from genred.fs.files import readable
from genred.history.records import Outcome, Record
from genred.names import album_folder
from genred.tagging.answers import Answers, is_open
from genred.tagging.asking import Inquiry, beside, doubt
from genred.tagging.review import Question


class Interview:
    """Asks about files, album by album, until the person has had enough; every answer is written at once.

    Parameters
    ----------
    console
        Where what became of files is printed.
    press, ask
        Of `genred.cli.review.terminal`.
    player
        The person's own.
    questions
        Makes questions of decisions.
    answers
        Takes the answers.
    words
        The genres that complete what a person types.
    meant
        What a person typed to the genre, and whether it is known; see `genred.tagging.review.meant`.
    """

    def __init__(
        self,
        console: Console,
        press: Callable[[Screen], str],
        ask: Callable[[Screen, Sequence[str]], str],
        player: Player,
        *,
        questions: Callable[[Sequence[Record]], Sequence[Question]],
        answers: Answers,
        words: Sequence[str],
        meant: Callable[[str, Sequence[str]], tuple[str, bool]],
    ) -> None:
        self._console = console
        self._press = press
        self._ask = ask
        self._player = player
        self._questions = questions
        self._answers = answers
        self._words = list(words)
        self._meant = meant
        self._album: Path | None = None
        self._asked: dict[Record, Question] = {}

    def run(self, records: Sequence[Record]) -> int:
        """Ask about decisions, which come album by album; how many are left."""
        self._left = list(records)
        self._total = len(self._left)
        self._failed = 0
        try:
            with suppress(EOFError):
                while self._go_on() if self._left else self._is_taken_back():
                    pass
        finally:
            self._player.stop()
        return len(self._left) + self._failed

    def _go_on(self) -> bool:
        """Ask about the next file, or the rest of its album; False where the person has had enough."""
        if not is_open(self._left[0], self._answers.history):
            self._say(self._left.pop(0).path, show.glyph("·", "."), "changed meanwhile, left out", "dim")
            return True
        album = self._enter_album()
        whole, note = False, ""
        while True:
            asked = album if whole else Inquiry((album.first,))
            screen = self._screen(asked, len(album.questions), note)
            key = self._press(screen)
            note = ""
            if key == "q":
                return False
            if key == "u" and self._answers:
                return self._take_back()
            if key == "a" and album.is_whole:
                whole = not whole
            elif key == "p":
                note = self._player.toggle(album.first.path)
            elif key == "s":
                return self._answer(asked, None)
            elif genre := self._genre(key, asked, screen):
                return self._answer(asked, genre)

    def _is_taken_back(self) -> bool:
        """At the end the last answer can still be taken back."""
        if not self._answers:
            return False
        keys = [(_enter(), "done"), ("u", "undo")]
        done = Screen("That was all.", f"{self._total} of {self._total}", "Every answer is written.", (), keys)
        return self._press(done) == "u" and self._take_back()

    def _enter_album(self) -> Inquiry:
        """Return the questions of the album in hand; print the name of its folder where it is another than before."""
        folder = album_folder(self._left[0].path)
        records = list(takewhile(lambda record: album_folder(record.path) == folder, self._left))
        if folder != self._album:
            self._album, self._asked = folder, {}
            self._console.print(heading(folder), overflow=show.cut(), no_wrap=True)
        unknown = [record for record in records if record not in self._asked]
        self._asked |= dict(zip(unknown, self._questions(unknown), strict=True))
        return beside(self._asked[records[0]], [self._asked[record] for record in records])

    def _screen(self, asked: Inquiry, in_album: int, note: str) -> Screen:
        keys = []
        guesses = asked.guesses
        if guesses:
            numbers = f"1-{len(guesses)}" if len(guesses) > 1 else "1"
            keys = [(_enter(), "accept"), (numbers, "choose")] if asked.is_judged else [(numbers, "accept")]
        keys += [("g", "other genre")]
        keys += [("a", "one file" if asked.is_whole else "album")] if in_album > 1 else []
        keys += [("s", "skip"), ("p", "play")] + ([("u", "undo")] if self._answers else []) + [("q", "quit")]
        position = f"{self._total - len(self._left) + 1} of {self._total}"
        return Screen(asked.title, position, "\n".join(asked.told), guesses, keys, note)

    def _genre(self, key: str, asked: Inquiry, screen: Screen) -> str | None:
        """Return the genre that a key stands for, None where it stands for none."""
        if key == "g":
            return self._other_genre(screen)
        if key == "enter" and not asked.is_judged:
            return None  # what the model has no opinion of is not accepted in passing
        chosen = {str(number): guess.genre for number, guess in enumerate(screen.guesses, 1)}
        return chosen.get("1" if key == "enter" else key)

    def _other_genre(self, screen: Screen) -> str | None:
        """Read a genre that the person types; return None where they think better of it."""
        screen = replace(screen, keys=[(_enter(), "write it"), ("tab", "complete"), ("esc", "back")], note="")
        typed = self._ask(screen, self._words)
        if not typed:
            return None
        genre, known = self._meant(typed, self._words)
        if known:
            return genre
        keys = [("y", "write it")] if genre == typed else [("y", f"yes, {genre}"), ("n", f"no, {typed}")]
        keys = [*keys, ("esc", "back")] if genre else [("esc", "back")]
        key = self._press(replace(screen, text=doubt(typed, genre), guesses=(), keys=keys))
        return {"y": genre, "n": typed if genre != typed else None}.get(key) if genre else None

    def _answer(self, asked: Inquiry, genre: str | None) -> bool:
        self._player.stop()
        for question, done in self._answers.give(asked.questions, genre):
            self._tell(question, done)
            self._left.remove(question.record)
        self._forget(asked.first)
        if genre and genre not in self._words:
            self._words.append(genre)
        return True

    def _take_back(self) -> bool:
        for question, done in self._answers.take_back():
            self._tell(question, done)
            if isinstance(done, Record):
                self._left.insert(0, question.record)
            self._forget(question)
        return True

    def _forget(self, answered: Question) -> None:
        """Forget the questions about an album that was answered in part: the answer speaks for the rest of it."""
        self._asked = {record: it for record, it in self._asked.items() if not it.is_beside(answered)}

    def _tell(self, question: Question, done: Record | FileError) -> None:
        if isinstance(done, FileError):
            self._failed += 1
            self._say(question.path, show.glyph("✗", "x"), done.reason, "red")
        else:
            self._say(question.path, *_mark(done))

    def _say(self, path: Path, mark: str, what: str, style: str) -> None:
        """Print what became of a file, as a line that stays."""
        line = Table.grid(padding=(0, 2, 0, 0), expand=True)
        line.add_column(width=1)
        line.add_column(min_width=14, max_width=40, overflow="fold")
        line.add_column(ratio=1, overflow=show.cut(), no_wrap=True)
        line.add_row(Text(mark, style=style), Text(what, style=style), Text(_name(path)))
        self._console.print(Padding(line, (0, 0, 0, 2)))


def heading(folder: Path) -> Text:
    """Return the name of an album: of artist and album, more often than not."""
    return Text.assemble("\n", (f"{_name(folder.parent)}/", "dim"), (_name(folder), "bold"))


def _mark(done: Record) -> tuple[str, str, str]:
    """Return the sign for what became of a file, what it is in words, and its colour."""
    if done.outcome is Outcome.SKIPPED:
        return show.glyph("–", "-"), "skipped", "dim"
    if done.outcome is Outcome.UNDONE:
        return show.glyph("↶", "<"), "taken back", "yellow"
    return show.glyph("✓", "+"), done.genre or "", "green"


def _enter() -> str:
    return show.glyph("⏎", "enter")


def _name(path: Path) -> str:
    return readable(Path(path.name))
