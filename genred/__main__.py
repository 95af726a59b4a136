"""The `genred` command, as a module that costs nothing: every worker imports its parent's main module once more."""

import _signal as signal  # type: ignore[import-not-found]  # built in: no time for a Ctrl-C to come
from os import environ


def main() -> None:
    """Run the command; Ctrl-C ends it at once and without a word, until there is something to be put in order."""
    environ.setdefault("PYTHONSAFEPATH", "1")  # what is started must not take a module.py of the current folder
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # or else this runs behind a shell
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from genred import cli

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cli.main()
    finally:
        if interruptible:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left to be put in order


if __name__ == "__main__":
    main()
