"""A group of commands whose help shows them under headings."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click


class Sections(click.Group):
    """A group of commands under headings, in the order given.

    Parameters
    ----------
    sections
        Heading -> commands.
    **attrs
        As for `click.Group`.
    """

    def __init__(self, *, sections: Mapping[str, Sequence[click.Command]], **attrs: Any) -> None:
        super().__init__(**attrs)
        self.sections = sections
        for command in (command for commands in sections.values() for command in commands):
            self.add_command(command)
        _summarise(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click's own, by section."""
        widest = max(map(len, self.commands))
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                rows = [(f"{command.name or '':<{widest}}", command.short_help or "") for command in commands]
                formatter.write_dl(rows)


def _summarise(group: click.Group) -> None:
    """Give each command a line for lists and completion, which click would else cut out of its help.

    What the help says behind a semicolon or colon is for whoever asks for it.
    """
    for command in group.commands.values():
        command.short_help = re.split("[;:.]", " ".join((command.help or "").split()))[0]
        if isinstance(command, click.Group):
            _summarise(command)
