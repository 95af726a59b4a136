"""The manual pages: genred(1) from the commands, genred.toml(5) from the example, genred.service(8) from the units.

man(7) source, made from what there is, so that no page can say what isn't so.
"""

import inspect
import os
import re
import textwrap
import time
from collections.abc import Iterable, Iterator

import click

from genred import __version__
from genred.cli.options import EVERYWHERE
from genred.cli.sections import Sections
from genred.config import toml

PAGES = {"genred": 1, "genred.toml": 5, "genred.service": 8}
"""Page -> section of the manual."""

_ENVIRONMENT = {
    "GENRED_CONFIG": "The configuration file, where --config names none.",
    "GENRED_SECTION_KEY": "Overrides a key of the configuration: GENRED_TAGS_MODE=off. See genred.toml(5).",
    "NO_COLOR": "If set, nothing is coloured.",
    "XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME": "Where configuration, history and cache are kept.",
}
_FILES = {
    "~/.config/genred/config.toml, /etc/genred/config.toml": "The configuration; the first there is.",
    "~/.local/state/genred/history.db": 'What happened, with what undo needs; SQLite, with the view "history".',
    "~/.local/state/genred/models": "Models of your own.",
    "~/.cache/genred": "What can be made again: the fitted model, filters, compiled code.",
    "/var/lib/genred, /var/cache/genred": "The same, of the machine's service.",
}
_STATUS = {
    "0": "Done.",
    "1": "It can't go on; the message says why.",
    "2": "A mistake on the command line.",
    "3": "Some files failed, the rest is done; or doctor found a fault, or service status no service that runs.",
    "10": "The configuration or the database can't be used.",
    "11": "Another genred is at work on the same history.",
    "12": "The model can't be used, or must not be.",
    "130": "Interrupted.",
}


def page(name: str, ctx: click.Context) -> str:
    """Return a manual page.

    Parameters
    ----------
    name
        One of `PAGES`.
    ctx
        The context of the program.
    """
    lines = {"genred": _program, "genred.toml": _configuration, "genred.service": _service}[name](ctx)
    # As help2man does; https://reproducible-builds.org/docs/source-date-epoch/
    date = time.strftime("%Y-%m-%d", time.gmtime(float(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    header = [f'.TH {name.upper()} {PAGES[name]} {date} "genred {__version__}" "genred"', ".nh", ".ad l"]
    others = ", ".join(f".BR {other} ({section})" for other, section in PAGES.items() if other != name).split(", ")
    return "\n".join([*header, *lines, ".SH SEE ALSO", *others, ""])


def _program(ctx: click.Context) -> Iterator[str]:
    group = ctx.command
    yield from [".SH NAME", "genred \\- a genre for every file that arrives in a music library"]
    yield from [".SH SYNOPSIS", ".B genred", "\\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]"]
    yield ".SH DESCRIPTION"
    yield from _help(group)
    yield ".SH COMMANDS"
    sections = group.sections if isinstance(group, Sections) else {}
    for heading, commands in sections.items():
        yield f".SS {_plain(heading)}"
        for command in commands:
            yield from _command(command, ctx)
    yield ".SH OPTIONS"
    yield "Of genred itself:"
    yield from [".PP", "Before the command or after it:"]
    yield from _options(group.params, ctx)
    for heading, table in (("EXIT STATUS", _STATUS), ("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        yield f".SH {heading}"
        for term, text in table.items():
            yield from _item(f".B {_plain(term)}", text)


def _command(command: click.Command, parent: click.Context) -> Iterator[str]:
    """Describe a command with its own options; describe those of a group one by one."""
    ctx = click.Context(command, info_name=command.name, parent=parent)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        usage = " ".join(command.collect_usage_pieces(ctx))
        yield from [".TP", f"\\fB{_plain(ctx.command_path)}\\fR {_plain(usage)}"]
        yield from _help(command, within=".IP")
        own = list(_options([each for each in command.params if each.name not in EVERYWHERE], ctx))
        yield from [".RS", *own, ".RE"] if own else []
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from _command(inner, ctx)


def _options(parameters: Iterable[click.Parameter], ctx: click.Context) -> Iterator[str]:
    for parameter in parameters:
        if record := parameter.get_help_record(ctx):
            yield from _item(f".B {_plain(record[0])}", record[1])


def _help(command: click.Command, within: str = ".PP") -> Iterator[str]:
    """Yield the paragraphs of a help text; what click is told by \\b not to wrap is an example."""
    for number, paragraph in enumerate(inspect.cleandoc(command.help or "").split("\n\n")):
        if paragraph.startswith("\b\n"):
            yield from [within, ".EX", *map(_plain, paragraph.split("\n")[1:]), ".EE"]
        else:
            yield from [within] if number else []
            yield from _text(paragraph)


def _configuration(__: click.Context) -> Iterator[str]:
    yield from [".SH NAME", "genred.toml \\- configuration of genred"]
    before, *sections = re.split(r"^\[(\w+)\]$", toml.example(), flags=re.MULTILINE)
    yield ".SH DESCRIPTION"
    yield from _text(" ".join(re.findall(r"^# (.*)$", before, re.MULTILINE)))
    for name, body in zip(sections[::2], sections[1::2], strict=True):
        yield f".SH [{name}]"
        # Comments, then what they are about: key = value, which may go on over indented lines.
        for comment, key, value in re.findall(r"^((?:#.*\n)*)(\w+) = (.*(?:\n(?: .*|\]))*)", body, re.MULTILINE):
            default = " ".join(value.split())
            short = len(default) < 40
            text = " ".join(re.findall(r"^# (.*)$", comment, re.MULTILINE))
            tag = f"\\fB{key}\\fR" + (f" = {_plain(default)}" if short else "")
            yield from _item(tag, text + ("" if short else f" The default is {default}."))


def _service(__: click.Context) -> Iterator[str]:
    from genred.service.units import shipped

    yield from [".SH NAME", "genred.service \\- genred as a service of systemd"]
    for heading, user in (("THE UNIT OF THE MACHINE", False), ("THE UNIT OF A USER", True)):
        opening, *sections = re.split(r"^\[(\w+)\]$", shipped(user=user), flags=re.MULTILINE)
        yield f".SH {heading}"
        about, _, install = opening.partition("# Install:  ")
        yield from _text(" ".join(re.findall(r"^# (.*)$", about, re.MULTILINE)))
        yield from [".PP", ".EX", *(_plain(line.strip("# ")) for line in install.split("\n") if line), ".EE"]
        for name, body in zip(sections[::2], sections[1::2], strict=True):
            yield f".SS [{name}]"
            for comment, settings in re.findall(r"((?:^#.*\n)*)((?:^[^#\n].*\n?)+)", body, re.MULTILINE):
                first, *more = map(_plain, settings.splitlines())
                yield from [".TP", f".B {first}", *(line for text in more for line in (".TQ", f".B {text}"))]
                yield from _text(" ".join(line.strip("# ") for line in comment.splitlines()))


def _item(tag: str, text: str) -> Iterator[str]:
    yield from [".TP", tag, *_text(text)]


def _text(text: str) -> list[str]:
    """Return a paragraph, each sentence on lines of its own, as man(7) wants it."""
    sentences = re.split(r"(?<=[.!?]) (?=[A-Z])", " ".join(text.split()))
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, 70, break_on_hyphens=False)]
    return [_plain(line) for line in lines] or ["\\&"]


# groff_char(7): what else would become a typographer's quote, hyphen or accent, and could not be copied.
_ESCAPES = str.maketrans({"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"})


def _plain(text: str) -> str:
    """Text in which nothing is taken for a request, and hyphens can be copied."""
    escaped = text.translate(_ESCAPES)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped
