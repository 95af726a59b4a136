"""Ask whether pip finds a wheel of everything that genred needs, for each Python and machine that is promised.

Usage: wheels.py [VERSION...]: versions of Python; without one, those that pyproject.toml names. Nothing is installed,
and little more than names is downloaded. The exit status is 1 if a wheel is missing.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
MACHINES = ("x86_64", "aarch64")
LIBC = 28  # of glibc 2: Debian 10, Ubuntu 20.04, RHEL 8


def main(versions: Sequence[str]) -> int:
    project = tomllib.loads(PROJECT.read_text())["project"]
    versions = versions or re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    needed = project["dependencies"] + project["optional-dependencies"]["web"]
    return max([_ask(needed, version, machine) for version in versions for machine in MACHINES])


def _ask(needed: Sequence[str], version: str, machine: str) -> int:
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(LIBC, 16, -1)]
    platforms.append(f"--platform=manylinux2014_{machine}")
    only = ["--only-binary=:all:", f"--python-version={version}", "--implementation=cp", *platforms]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--target=/nowhere"]
    done = subprocess.run([*pip, *only, "--report=-", *needed], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"Python {version} on {machine}: a wheel is missing\n{done.stderr}")
        return 1
    found = json.loads(done.stdout)["install"]
    pure = sum("-none-any." in each["download_info"]["url"] for each in found)
    print(
        f"Python {version} on {machine}: {len(found)} wheels, {len(found) - pure} of them for this machine", flush=True
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
