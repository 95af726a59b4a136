"""Filters are librosa's, whoever kept them, and nobody who listens imports librosa."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest

from genred.errors import DependencyError
from genred.sound import SR, filters

design = filters.designed.__wrapped__
"""What is done where no filters are at hand in this process."""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds the filters, and the file that they are in."""
    filters.designed()
    content = filters.place().read_bytes()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    filters.place().parent.mkdir()
    filters.place().write_bytes(content)
    return filters.place()


def same(one: filters.Filters, other: filters.Filters) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in filters.Filters.__slots__)


def test_filters_are_those_of_librosa() -> None:
    """Each window and each bank, to rounding."""
    found = filters.designed()
    expected = {
        "window": librosa.filters.get_window("hann", 2048),
        "semitone_window": librosa.filters.get_window("hann", 8192),
        "mels": librosa.filters.mel(sr=SR, n_fft=2048, n_mels=40, fmin=30, fmax=8000),
        "chroma": librosa.filters.chroma(sr=SR, n_fft=2048, tuning=0.0),
        "ears_window": librosa.filters.get_window("hann", 512),
        "ears_mels": librosa.filters.mel(sr=16000, n_fft=512, n_mels=96),
    }
    assert expected.keys() == set(filters.Filters.__slots__)
    for name, array in expected.items():
        np.testing.assert_allclose(getattr(found, name), array, rtol=1e-6, atol=1e-9, err_msg=name)
        assert getattr(found, name).dtype == np.float32
        assert not getattr(found, name).flags.writeable
    np.testing.assert_array_equal(found.chroma, expected["chroma"])


def test_designing_filters_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """numba keeps what it compiles of librosa, and there is nothing to keep."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    filters._asked()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_filters_that_are_kept_are_not_designed_again(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started for them."""
    monkeypatch.setattr(sys, "executable", "/nothing")
    assert filters.are_kept()
    assert same(design(), filters.designed())


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:1000], id="half written"),
        pytest.param(lambda content: content + b"\0", id="too long"),
        pytest.param(lambda content: content[:5000] + b"\0\0\0\0" + content[5004:], id="another number"),
        pytest.param(lambda content: bytes(len(content)), id="zeros"),
    ],
)
def test_what_is_not_as_it_was_written_is_never_believed(kept: Path, damage: Callable[[bytes], bytes]) -> None:
    """Whatever is in the file's place."""
    with pytest.raises(ValueError, match="other filters"):
        filters._read(damage(kept.read_bytes()))


def test_filters_of_other_versions_are_never_believed(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where somebody put them in the place of these."""
    content = kept.read_bytes()
    monkeypatch.setattr(filters, "_key", lambda: b"another librosa")
    assert not filters.are_kept()
    with pytest.raises(ValueError, match="other filters"):
        filters._read(content)


@pytest.mark.slow
def test_a_damaged_file_is_made_anew(kept: Path) -> None:
    """The next process finds it whole."""
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1])
    assert same(design(), filters.designed())
    assert kept.read_bytes() == whole
    assert [path for path in kept.parent.iterdir() if path.is_file()] == [kept]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "fifo", "no folder"])
def test_filters_are_designed_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A cache that can't be written, or read, costs time only."""
    wanted = filters.designed()
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    if kind == "no folder":
        cache.touch()
    else:
        filters.place().parent.mkdir(parents=True)
        os.mkfifo(filters.place()) if kind == "fifo" else filters.place().mkdir()
    assert same(design(), wanted)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ImportError('no librosa here')", "no librosa here"),
        ("def get_window(kind): ...\ndef mel(): ...", "get_window() takes 1 positional argument"),
        ("raise MemoryError", None),
        ("import os; os.abort()", None),
    ],
)
def test_a_librosa_that_does_not_fit_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str | None
) -> None:
    """With its version and those that were tried; what dies for want of memory is no misfit."""
    (tmp_path / "librosa").mkdir()
    (tmp_path / "librosa/__init__.py").touch()
    (tmp_path / "librosa/filters.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(DependencyError if said else MemoryError) as caught:
        design()
    assert not filters.are_kept()
    if said:
        assert str(caught.value).startswith("librosa ")
        assert said in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_importing_features_imports_neither_librosa_nor_numba() -> None:
    """Nor does computing them, once filters are kept."""
    filters.designed()
    code = (
        "import sys; from genred.sound import features; features.extract(())\n"
        "sys.exit(', '.join({'librosa', 'numba'} & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_asking_whether_filters_are_kept_is_quick() -> None:
    """The main process asks, and imports no numpy for it."""
    code = "import sys; from genred.sound import filters; filters.are_kept(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
