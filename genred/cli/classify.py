"""The command that asks and changes nothing: classify."""

from collections.abc import Sequence
from pathlib import Path

import click

from genred.cli import show
from genred.cli.arguments import FILES
from genred.cli.options import SOME_FAILED, Common, analyser_of, common
from genred.errors import FileError
from genred.fs.files import readable


@click.command()
@FILES
@common
def classify(common: Common, paths: Sequence[Path]) -> int:
    """Print genres with probabilities; write nothing, record nothing.

    \b
    genred classify song.mp3
    genred classify --json *.flac | jq -r '.genre'
    """
    from genred.analysis import Ask
    from genred.cli.progress import waiting

    settings = common.load()
    failed = False
    with analyser_of(settings) as analyser:
        with waiting("loading the model"):
            analyser.warm_up()
        # A link that a person names themselves is followed.
        looks = analyser.analyse((path.resolve() for path in paths), Ask.SOUND)
        for path, (_, look) in zip(paths, looks, strict=True):
            failed |= isinstance(look, FileError)
            if common.json:
                show.say_json({"path": readable(path)} | show.analysis_as_json(look, analyser.model_name))
            elif isinstance(look, FileError):
                click.echo(f"genred: {readable(path)}: {look.reason}", err=True)
            elif look.prediction is not None:
                show.prediction(path, look.prediction)
    return SOME_FAILED if failed else 0
