import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred.errors import DecodeError, FileError
from genred.fs.files import Stamp, is_gone, open_regular, readable, stamp_of, write_whole


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path.name)
    os.chdir(here)


@pytest.mark.parametrize("make", [make_fifo, make_link, make_socket, Path.mkdir])
def test_what_is_not_a_file_is_refused_without_blocking(tmp_path: Path, make: object) -> None:
    """A fifo named .flac or a link to /dev/zero hangs every decoder; here it is an error at once."""
    path = tmp_path / "x.flac"
    make(path)  # type: ignore[operator]  # one of four makers
    with pytest.raises(FileError):
        stamp_of(path)
    with pytest.raises(FileError), open_regular(path):
        pass


def test_a_missing_file_is_told_apart(tmp_path: Path) -> None:
    """Nothing there is said as such, and isn't worth another try."""
    with pytest.raises(FileError, match="no such file") as error:
        stamp_of(tmp_path / "x")
    assert not error.value.transient


def test_a_file_is_recognised_after_a_remount() -> None:
    """Other device and inode numbers don't make a library new; other times or another size do."""
    stamp = Stamp(dev=1, ino=2, size=3, mtime_ns=4, ctime_ns=5)
    assert stamp.matches(replace(stamp, dev=9, ino=9))
    for name in ("size", "mtime_ns", "ctime_ns"):
        assert not stamp.matches(replace(stamp, **{name: 9}))


def test_a_file_is_gone_only_where_its_disk_is_there(tmp_path: Path) -> None:
    """Deleted alone or with its folder; on a disk that is away, it may be there."""
    dev = os.stat(tmp_path).st_dev
    for path in (tmp_path / "x", tmp_path / "no" / "such" / "x", tmp_path / "file" / "x"):
        (tmp_path / "file").touch()
        assert is_gone(path, dev)
        assert not is_gone(path, dev + 1)
    (tmp_path / "x").touch()
    assert not is_gone(tmp_path / "x", dev)
    assert not is_gone(tmp_path / ("x" * 300), dev)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was there before stays until all of the new is written, and nothing lies around."""
    path = tmp_path / "x"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, "no bytes")  # type: ignore[arg-type]  # what fails in the middle
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one_and_a_device_is_written_to(tmp_path: Path) -> None:
    """Who writes to /dev/null as root has a /dev/null afterwards."""
    (tmp_path / "link").symlink_to("file")
    for content in (b"the first", b"another"):
        write_whole(tmp_path / "link", content)
        assert (tmp_path / "file").read_bytes() == content
    (tmp_path / "null").symlink_to("/dev/null")
    write_whole(tmp_path / "null", b"nothing")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    with pytest.raises(OSError, match="No such device"):
        write_whole(tmp_path / "pipe", b"to nobody")
    assert {path.name for path in tmp_path.iterdir()} == {"link", "file", "null", "pipe"}
    assert (tmp_path / "link").is_symlink()
    assert Path("/dev/null").is_char_device()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path, b"a folder")


def test_a_file_error_survives_the_way_back_from_a_worker() -> None:
    """Pickling keeps class, path, reason and whether to try again."""
    import pickle

    error = pickle.loads(pickle.dumps(DecodeError(Path("/a"), "why", transient=True)))  # noqa: S301 - our own bytes
    assert (type(error), error.path, error.reason, error.transient) == (DecodeError, Path("/a"), "why", True)


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_any_name_can_be_shown_on_one_line(name: bytes) -> None:
    """Names are bytes; what is shown is printable and encodes to UTF-8."""
    shown = readable(Path(os.fsdecode(name)))
    assert shown.isprintable()
    shown.encode()
