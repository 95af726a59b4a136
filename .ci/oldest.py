"""Print constraints that hold each library at the oldest version that pyproject.toml promises to work with."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"

project = tomllib.loads(PROJECT.read_text())["project"]
extras = project["optional-dependencies"]
for line in (*project["dependencies"], *extras["beets"], *extras["dask"], *extras["metrics"], *extras["web"]):
    needed = Requirement(line)
    (oldest,) = (bound.version for bound in needed.specifier if bound.operator == ">=")
    print(f"{needed.name}=={oldest}")
