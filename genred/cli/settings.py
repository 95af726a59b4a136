"""The commands about the configuration."""

import click

from genred import config
from genred.cli import show
from genred.cli.options import Common, common
from genred.errors import ConfigError
from genred.files import readable


@click.group("config")
def config_() -> None:
    """The configuration."""


@config_.command("systemd")
@common
def config_systemd(common: Common) -> None:
    """A drop-in for genred.service: the owner of the library, and its folders opened for writing."""
    folders = common.load().watch.directories
    if not folders:
        raise ConfigError("watch.directories names no folder")
    click.echo("[Service]")
    try:
        click.echo(f"User={folders[0].owner()}\nGroup={folders[0].group()}")
    except (OSError, KeyError) as error:
        raise ConfigError(f"{readable(folders[0])}: its owner can't be told ({error})") from error
    for folder in folders:
        # "-": a disk that isn't there must not keep the service from starting.
        click.echo("ReadWritePaths=-" + str(folder).replace("%", "%%").replace(" ", "\\x20"))


@config_.command("show")
@common
def config_show(common: Common) -> None:
    """Effective values, wherever they come from."""
    file = config.find(common.file)
    values = config.load(file).as_dict()
    if common.json:
        show.say_json(values)
        return
    show.settings(values, f"from {file or 'no file'}, the environment and the defaults")


@config_.command("check")
@common
def config_check(common: Common) -> int:
    """Every mistake, with its file, line and key."""
    file = config.find(common.file)
    _, mistakes = config.check(file)
    for mistake in mistakes:
        if common.json:
            show.say_json({"file": mistake.file, "line": mistake.line, "key": mistake.key, "message": mistake.message})
        else:
            click.echo(str(mistake))
    if not mistakes and not common.json:
        click.echo(f"{file or 'no configuration file; the defaults'}: ok")
    return ConfigError.exit_code if mistakes else 0
