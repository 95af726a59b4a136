"""The `genred` command, as a module that costs nothing: every worker imports its parent's main module once more."""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command."""
    from genred import cli

    cli.main()


if __name__ == "__main__":
    main()
