"""Put the manual pages into the wheel, made from the commands as they are: `man genred` finds them beside `genred`.

A build hook of hatchling; pyproject.toml names it, and what the commands import to say what they are.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPages(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        import click

        from genred.cli import cli, manual

        self._folder = TemporaryDirectory()
        for name, section in manual.PAGES.items():
            file = Path(self._folder.name, f"{name}.{section}")
            file.write_text(manual.page(name, click.Context(cli, info_name="genred")), "utf-8")
            build_data["shared_data"][str(file)] = f"share/man/man{section}/{file.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        self._folder.cleanup()
