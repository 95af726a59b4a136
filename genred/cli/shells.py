"""What a shell wants of a program: completion, and manual pages."""

import sys
from pathlib import Path

import click
from click import shell_completion

from genred.cli import manual


class _Bash(shell_completion.BashComplete):
    """click's own, but for genres such as R&B, which bash would take for two commands."""

    def format_completion(self, item: shell_completion.CompletionItem) -> str:
        if item.type == "plain":
            item.value = "".join(c if c.isalnum() or c in "-_./=" else f"\\{c}" for c in str(item.value))
        return super().format_completion(item)


shell_completion.add_completion_class(_Bash)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, genres and models.

    \b
    genred completion bash > ~/.local/share/bash-completion/completions/genred
    genred completion fish > ~/.config/fish/completions/genred.fish
    genred completion zsh > ~/.zfunc/_genred     # fpath+=~/.zfunc before compinit
    """
    kind = shell_completion.get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"nothing is known of {shell}")
    click.echo(kind(ctx.find_root().command, {}, "genred", "_GENRED_COMPLETE").source())


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
