"""One screen at a time and the key that answers it, or a line with completion (prompt_toolkit lives here)."""

import termios
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent
from prompt_toolkit.layout import Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genred.cli import show
from genred.model.prediction import Candidate


@dataclass(frozen=True)
class Screen:
    """What a person sees while they think: what it is about, guesses, and the keys with what they do."""

    title: str
    corner: str
    text: str
    guesses: Sequence[Candidate]
    keys: Sequence[tuple[str, str]]
    note: str = ""

    def __rich__(self) -> Group:
        head = Table.grid(expand=True, padding=(0, 2, 0, 0))
        head.add_column(ratio=1, overflow=show.cut(), no_wrap=True)
        head.add_column(justify="right", no_wrap=True)
        head.add_row(Text(self.title, style="bold"), Text(self.corner, style="dim"))
        bars = Table.grid(padding=(0, 2, 0, 0))
        for number, guess in enumerate(self.guesses, 1):
            style = "green" if number == 1 else ""
            share = Text(f"{guess.probability:4.0%}".replace("%", " %"), style=style)
            bars.add_row(str(number), Text(guess.genre, style=style), share, Text(show.bar(guess.probability), style))
        keys = Text("   ").join(Text.assemble((key, "bold reverse"), f" {does}") for key, does in self.keys)
        rows: list[RenderableType] = [Padding(bars, (0, 2)), ""] if self.guesses else []
        rows += [Text(self.note, style="yellow")] if self.note else []
        return Group(head, Text(self.text, style="dim"), "", *rows, keys)


def press(screen: Screen) -> str:
    """Show a screen until a key is pressed, and leave no trace of it.

    What was typed before it was shown answers nothing.

    Raises
    ------
    KeyboardInterrupt, EOFError
        On Ctrl-C, Ctrl-D.
    """
    keys = KeyBindings()

    @keys.add("<any>")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=event.data.lower())

    keys.add("enter")(lambda event: event.app.exit(result="enter"))
    keys.add("escape", eager=True)(lambda event: event.app.exit(result="escape"))
    keys.add("c-c")(lambda event: event.app.exit(exception=KeyboardInterrupt))
    keys.add("c-d")(lambda event: event.app.exit(exception=EOFError))
    window = Window(FormattedTextControl(lambda: _drawn(screen), show_cursor=False), dont_extend_height=True)
    app: Application[str] = Application(Layout(window), key_bindings=keys, erase_when_done=True)
    clear_typeahead(app.input)
    with suppress(termios.error):  # not a terminal: nothing was typed into it
        termios.tcflush(app.input.fileno(), termios.TCIFLUSH)
    return app.run()


def ask(screen: Screen, words: Sequence[str]) -> str:
    """Show a screen until a genre is typed, completed from ``words``; empty where the person thinks better of it."""
    keys = KeyBindings()
    keys.add("escape", eager=True)(lambda event: event.app.exit(result=""))
    session: PromptSession[str] = PromptSession(erase_when_done=True, key_bindings=keys)
    completer = WordCompleter(list(words), ignore_case=True, sentence=True, match_middle=True)
    typed = session.prompt(
        lambda: [*_drawn(screen).__pt_formatted_text__(), ("", "\n\n  genre: ")], completer=completer
    )
    return typed.strip()


def _drawn(screen: Screen) -> ANSI:
    """Draw a screen with rich at the width of this moment."""
    drawn = StringIO()
    width = get_app().output.get_size().columns - 2
    canvas = Console(file=drawn, force_terminal=True, color_system="standard", width=width, highlight=False)
    canvas.print(Padding(screen, (0, 0, 0, 2)))
    return ANSI("\n" + drawn.getvalue().rstrip("\n"))
