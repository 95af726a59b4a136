"""The command that makes a shell complete: completion."""

import click
from click import shell_completion


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
