"""The commands about the configuration."""

from collections.abc import Sequence
from pathlib import Path

import click

from genred import config
from genred.cli import show
from genred.cli.arguments import PATH
from genred.cli.options import DRY_RUN, Common, common, everywhere
from genred.config import toml
from genred.errors import ConfigError
from genred.model import installed


@click.group("config")
@everywhere
def config_() -> None:
    """See, check and begin the configuration.

    \b
    genred config init ~/Music
    genred config check
    """


@config_.command("init")
@click.argument("directories", nargs=-1, metavar="[DIR]...", type=PATH)
@DRY_RUN
@common
def config_init(common: Common, directories: Sequence[Path], dry_run: bool) -> None:
    """Write a configuration with a comment for every key, for the folders given.

    It goes to --config, $GENRED_CONFIG or the user's own place, and never over what is there.

    \b
    genred config init ~/Music /srv/music
    sudo genred config init --config /etc/genred/config.toml /srv/music
    genred config init -n ~/Music              print it, write nothing
    """
    text = toml.example([folder.expanduser().absolute() for folder in directories])
    if dry_run:
        click.echo(text, nl=False)
        return
    file = common.file or config.place()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ConfigError(f"{file}: is there already; edit it, or name another file with --config") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be written ({error.strerror})") from error
    if common.json:
        show.say_json({"file": str(file)})
    else:
        click.echo(f"{file}: written; after a change, `genred config check` looks for mistakes")


@config_.command("systemd")
@common
def config_systemd(common: Common) -> None:
    """Print a drop-in for a unit of genred: the owner of the library, and its folders opened for writing.

    `genred service install` writes one for genred.service; this is for a unit that you install by hand.

    \b
    genred config systemd | sudo tee /etc/systemd/system/genred-web.service.d/library.conf
    """
    from genred.service import units

    click.echo(units.drop_in(common.load().watch.directories))


@config_.command("show")
@common
def config_show(common: Common) -> None:
    """Print the effective values, wherever they come from.

    \b
    genred config show
    GENRED_TAGS_MODE=off genred config show --json | jq .tags
    """
    file = config.find(common.file)
    values = config.load(file).as_dict()
    if common.json:
        show.say_json(values)
        return
    show.settings(values, f"from {file or 'no file'}, the environment and the defaults")


@config_.command("check")
@common
def config_check(common: Common) -> int:
    """Name every mistake, with its file, line and key; and what can hardly be meant, as a warning.

    With a mistake nothing starts, and the exit code is 10. A missing folder is a warning: its disk may be away.

    \b
    genred config check
    genred config check --config new.toml --json
    """
    file = config.find(common.file)
    settings, mistakes = config.check(file)
    known = installed.known_genres(settings)
    found = mistakes + config.doubts(settings, file, known)
    for mistake in found:
        if common.json:
            names = ("file", "line", "key", "message", "fatal")
            show.say_json({name: getattr(mistake, name) for name in names})
        else:
            click.echo(str(mistake))
    if not found and not common.json:
        click.echo(f"{file or 'no configuration file; the defaults'}: ok")
    return ConfigError.exit_code if mistakes else 0
