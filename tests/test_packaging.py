"""What is built from this tree: the archive of sources, and the wheel from it. Installing it is CI's business."""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from genred import __version__
from genred.config import Watch

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = {".ci", "benchmarks", "docs", "genred", "packaging", "systemd", "tests"}
FILES = {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "config.example.toml", "pyproject.toml"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of sources, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    build(REPOSITORY, "sdist", folder)
    with tarfile.open(folder / f"genred-{__version__}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / f"genred-{__version__}"


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build(sources, "wheel", folder)
    return zipfile.ZipFile(folder / f"genred-{__version__}-py3-none-any.whl")


def build(tree: Path, target: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def kept(folder: Path) -> set[str]:
    """The files below a folder, without what Python and the tools leave behind."""
    return {
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file()
        and "__pycache__" not in file.parts
        and not any(part.endswith("_cache") for part in file.parts)
    }


def test_archive_has_what_it_takes_to_build_and_test_and_nothing_else(sources: Path) -> None:
    """Every file of the folders of sources; no audio, no caches, nothing that lies around."""
    assert {path.name for path in sources.iterdir()} == SOURCES | FILES
    for name in SOURCES:
        assert kept(sources / name) == kept(REPOSITORY / name)
    assert not [path for path in sources.rglob("*") if "__pycache__" in path.parts]
    assert not [path for path in sources.rglob("*") if path.suffix[1:] in Watch().extensions]
    sizes = {path: path.stat().st_size for path in sources.rglob("*") if path.is_file()}
    assert sum(size for path, size in sizes.items() if path.parent.name == "data") < 5_400_000
    rest = {path: size for path, size in sizes.items() if path.parent.name != "data"}
    assert max(rest.values()) < 100_000
    # Text is written by hand, and grows with what it is about; a picture or a table is soon too much.
    assert sum(size for path, size in rest.items() if b"\0" in path.read_bytes()) < 250_000


def test_wheel_has_the_package_and_its_data(wheel: zipfile.ZipFile) -> None:
    """Modules, migrations, the training table, the units and the example, as files and not as links; manual pages."""
    names = set(wheel.namelist())
    assert {f"genred/{name}" for name in kept(REPOSITORY / "genred")} <= names
    outside = {name for name in names if not name.startswith(("genred/", f"genred-{__version__}.dist-info/"))}
    assert {Path(name).name for name in outside} == {"genred.1", "genred.toml.5", "genred.service.8", "genred.py"}
    assert "beetsplug/genred.py" in names
    assert "beetsplug/__init__.py" not in names  # the folder is beets' own
    units = ("genred.service", "genred-hook@.service", "genred-web.service", "genred-web.socket")
    names_of_units = [f"systemd/{folder}{unit}" for folder in ("", "user/") for unit in units]
    names_of_units += [f"systemd/genred-metrics.{kind}" for kind in ("service", "timer")]
    assert wheel.read("genred/data/history.md") == (REPOSITORY / "docs" / "history.md").read_bytes()
    for name in ("config.example.toml", *names_of_units):
        assert wheel.read(f"genred/data/{name}") == (REPOSITORY / name).read_bytes()


def test_wheel_says_who_it_is(wheel: zipfile.ZipFile) -> None:
    """Name, version, licence, the README as description, and the command."""
    folder = f"genred-{__version__}.dist-info"
    fields = HeaderParser().parsestr(wheel.read(f"{folder}/METADATA").decode())
    assert (fields["Name"], fields["Version"], fields["License-Expression"]) == ("genred", __version__, "MIT")
    assert fields.get_payload() == (REPOSITORY / "README.md").read_text()
    assert "genred = genred.__main__:main" in wheel.read(f"{folder}/entry_points.txt").decode()
