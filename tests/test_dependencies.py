"""What genred uses of its libraries: that it is there, that it is on the list, and what happens where it is gone."""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path
from pkgutil import walk_packages
from types import FunctionType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import genred
from genred.dependencies import LIBRARIES, PYTHONS_OWN, blame, installed
from genred.errors import TagError
from genred.sound import audio
from tests.makeaudio import make

USES = [use for library in LIBRARIES for use in library.undocumented] + list(PYTHONS_OWN)


@pytest.mark.parametrize("use", USES)
def test_what_nobody_promises_is_there(use: str) -> None:
    """Each attribute exists, or is set when the thing is made, and takes the arguments that genred gives it."""
    place, names, arguments = re.fullmatch(r"([\w.]+):([\w.]+)(?:\((.*)\))?", use).groups()  # type: ignore[union-attr]  # or the list is wrong
    thing: object = import_module(place)
    for name in names.split("."):
        assert hasattr(thing, name) or name in made_by(thing), f"{thing} has no {name}"
        thing = getattr(thing, name, None)
    if arguments:
        assert callable(thing)
        parameters = inspect.signature(thing).parameters
        takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
        assert takes_any or set(arguments.split(", ")) <= set(parameters)


def made_by(kind: object) -> set[str]:
    """The attributes that a class and what it inherits from set when a thing of it is made."""
    makers = [base.__dict__.get("__init__") for base in getattr(kind, "__mro__", ())]
    return {name for maker in makers if isinstance(maker, FunctionType) for name in maker.__code__.co_names} | {
        name for base in getattr(kind, "__mro__", ()) for name in getattr(base, "__annotations__", {})
    }


def test_every_private_thing_that_is_used_is_on_the_list() -> None:
    """Of classes that genred builds upon: the private names it overrides or reads; and modules that are private."""
    listed = {re.split(r"[:.(]", use.split("(")[0])[-1] for use in USES}
    used = {name for kind in built_upon() for name in private_names(kind)}
    assert used
    assert used - listed == set()
    sources = "\n".join(file.read_text() for file in Path(genred.__file__).parent.rglob("*.py"))
    hidden = re.findall(r"^\s*(?:from|import) ((?!genred)\w+(?:\.\w+)*\._\w[\w.]*)", sources, flags=re.MULTILINE)
    assert {place for place in hidden if not any(use.startswith(f"{place}:") for use in USES)} == set()


def built_upon() -> Iterator[type]:
    """The classes of genred that inherit from a library's."""
    for module in walk_packages(genred.__path__, "genred."):
        if not module.name.startswith("genred.migrations"):
            for kind in vars(import_module(module.name)).values():
                if inspect.isclass(kind) and kind.__module__ == module.name and any(map(is_a_librarys, kind.__mro__)):
                    yield kind


def is_a_librarys(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in {library.module for library in LIBRARIES}


def private_names(kind: type) -> Iterator[str]:
    """What a class overrides or reads of the private parts of a library's class that it inherits from."""
    bases = [base for base in kind.__mro__ if is_a_librarys(base)]
    theirs = {name for base in bases for name in {*vars(base), *made_by(base)}}
    members = [member for member in vars(kind).values() if isinstance(member, FunctionType)]
    methods = [member for member in members if member.__module__ == kind.__module__]
    names = {name for method in methods for name in (method.__name__, *method.__code__.co_names)}
    yield from (name for name in names & theirs if name.startswith("_") and not name.startswith("__"))


def is_of(item: Requirement, extra: str) -> bool:
    """Whether an extra asks for a package; the empty one is what everybody gets."""
    if item.marker is None:
        return not extra
    return bool(extra) and item.marker.evaluate({"extra": extra})


def test_the_list_is_that_of_the_package() -> None:
    """Every library the package asks for, from the version it asks for; and none that was never tried."""
    asked = list(map(Requirement, requires("genred") or ()))
    extras = sorted({library.extra for library in LIBRARIES})
    assert extras == ["", "beets", "dask", "metrics", "web"]
    for extra in extras:
        there = {library.name for library in LIBRARIES if library.extra == extra}
        assert there == {item.name for item in asked if is_of(item, extra)}
    needed = {item.name: item for item in asked if any(is_of(item, extra) for extra in extras)}
    for library in LIBRARIES:
        bounds = [item.version for item in needed[library.name].specifier if item.operator == ">="]
        assert bounds == [library.oldest], library
        assert Version(library.oldest) <= Version(library.newest)
        assert installed(library)


def test_an_argument_that_is_gone_is_the_librarys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one was in PyAV 19: the message names the library, its version, and those that were tested."""
    monkeypatch.setattr(audio, "_ANY_METADATA", {"gone": True})
    with pytest.raises(TypeError) as caught:
        audio.read_excerpts(make(tmp_path / "tone.wav", 1.0))
    told = str(blame(caught.value))
    av = next(library for library in LIBRARIES if library.name == "av")
    assert told.startswith(f"av {installed(av)} doesn't work with this genred, which was tested with 15 to")
    assert "'gone'" in told
    assert len(told.splitlines()) == 1


def test_a_name_that_is_gone_is_the_librarys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what reads hostile files takes it for the file's fault."""
    path = make(tmp_path / "tone.wav", 1.0)
    monkeypatch.delattr("av.open")
    with pytest.raises(AttributeError) as caught:
        audio.read_excerpts(path)
    assert str(blame(caught.value)).startswith("av ")
    wrapped = TagError(path, "its tags can't be read")
    wrapped.__cause__ = caught.value
    assert str(blame(wrapped)).startswith("av ")


def test_what_is_genreds_own_mistake_is_blamed_on_nobody(tmp_path: Path) -> None:
    """Nor what a file does to a library: the one is loud, the other that file's alone."""
    unchecked: Any = audio
    mistakes: list[Callable[[], object]] = [unchecked.plan, lambda: unchecked.plan("x"), lambda: unchecked.nothing]
    for mistake in mistakes:
        with pytest.raises((AttributeError, TypeError)) as caught:
            mistake()
        assert blame(caught.value) is None


def test_a_library_that_changed_is_told_once_and_no_file_has_failed(tmp_path: Path, tiny_model: Path) -> None:
    """A whole pass with a PyAV whose `open` takes no options: one line, exit 1, nothing recorded."""
    (tmp_path / "music").mkdir()
    for number in range(3):
        make(tmp_path / f"music/{number}.wav", 1.0)
    changed = "import av\nreal = av.open\nav.open = lambda file, mode='r': real(file, mode)\n"
    (tmp_path / "sitecustomize.py").write_text(changed)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "GENRED_SERVICE_WORKERS": "2"}
    environment["GENRED_MODEL_PATH"] = str(tiny_model)

    def genred(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "genred", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    scanned = genred("scan", tmp_path / "music")
    assert scanned.returncode == 1
    assert len(re.findall(r"^genred: av .* doesn't work with this genred", scanned.stderr, flags=re.MULTILINE)) == 1
    assert "Traceback" not in scanned.stderr
    assert genred("history", "--json").stdout == ""
