"""The command that shows the manual: man."""

import sys
from pathlib import Path

import click

from genred.cli import manual


@click.command()
@click.argument("page", type=click.Choice(list(manual.PAGES)), default="genred")
@click.pass_context
def man(ctx: click.Context, page: str) -> int:
    """Show a manual page, also where `man` doesn't find it.

    \b
    genred man genred.toml
    genred man genred.service | man -l -       # not on a terminal: the page itself
    """
    import shutil
    import subprocess
    from tempfile import TemporaryDirectory

    text = manual.page(page, ctx.find_root())
    if not sys.stdout.isatty() or not shutil.which("man"):
        click.echo(text, nl=False)
        return 0
    with TemporaryDirectory() as folder:
        file = Path(folder, f"{page}.{manual.PAGES[page]}")
        file.write_text(text, "utf-8")
        return subprocess.run(["man", "-l", file], check=False).returncode
