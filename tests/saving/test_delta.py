"""Deltas: whatever the two files, what was comes back byte for byte, and little is kept for it."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred.saving import delta


def undo_record(old: bytes, new: bytes) -> bytes:
    return delta.make(io.BytesIO(old), io.BytesIO(new))


def restored(new: bytes, record: bytes) -> bytes:
    out = io.BytesIO()
    delta.apply(io.BytesIO(new), record, out)
    return out.getvalue()


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


# Files that share pieces: what a change to a tag makes of them.
pieces = st.lists(st.sampled_from([noise(n, n) for n in (1, 7, 33, 64, 300, 5000)] + [bytes(100)]), max_size=8)
files = st.one_of(st.binary(max_size=300), pieces.map(b"".join))


@given(files, files)
def test_any_two_files_round_trip(old: bytes, new: bytes) -> None:
    """Applying a delta to the new file gives the old one, whatever they are."""
    assert restored(new, undo_record(old, new)) == old


@given(files, st.integers(0, 300), st.integers(0, 300), st.binary(max_size=60))
def test_a_splice_round_trips(old: bytes, start: int, length: int, put: bytes) -> None:
    """A file with bytes replaced by others comes back."""
    new = old[:start] + put + old[start + length :]
    assert restored(new, undo_record(old, new)) == old


def test_a_hundred_changed_blocks_round_trip() -> None:
    """Large files with many small differences come back, across the boundaries of the blocks read."""
    old = bytearray(noise(3 << 20))
    new = bytearray(old)
    for at in range(1000, len(new), 30_011):
        new[at] ^= 0xFF
    record = undo_record(bytes(old), bytes(new))
    assert restored(bytes(new), record) == old
    assert len(record) < 1500


def test_moved_artwork_is_not_copied() -> None:
    """A megabyte of picture that moved by a few bytes costs next to nothing."""
    picture, audio = noise(1 << 20, 1), noise(1 << 20, 2)
    old = b"head" + b"Rock" + picture + bytes(1000) + audio
    new = b"head" + b"Electronic" + picture + bytes(994) + audio
    record = undo_record(old, new)
    assert restored(new, record) == old
    assert len(record) < 200


def test_two_pieces_that_changed_places_are_not_copied() -> None:
    """A library that writes the fields in another order costs no copy of them either."""
    a, b = noise(300_000, 3), noise(200_000, 4)
    old, new = b"<" + a + b + b">", b"[" + b + b"--" + a + b"]"
    record = undo_record(old, new)
    assert restored(new, record) == old
    assert len(record) < 300


def test_a_table_of_offsets_costs_a_fraction_of_itself() -> None:
    """Offsets that all moved by the same amount, between audio that stayed, are kept compressed."""
    offsets = list(range(3_000_000, 5_000_000, 2000))
    audio = noise(100_000)
    old = b"".join(n.to_bytes(4, "big") for n in offsets) + audio
    new = b"".join((n + 1024).to_bytes(4, "big") for n in offsets) + bytes(1024) + audio
    record = undo_record(old, new)
    assert restored(new, record) == old
    assert len(record) < 4000


def test_equal_files_need_nothing() -> None:
    """Nothing changed, nothing kept."""
    assert len(undo_record(noise(10_000), noise(10_000))) < 40


def test_a_damaged_record_is_refused() -> None:
    """A record that lost a byte raises rather than writing something else."""
    old, new = noise(1000, 5), noise(1000, 6)
    record = undo_record(old, new)
    for bad in (record[:-9], b"", record[: len(record) // 2], b"\0" * 30):
        if bad:
            with pytest.raises(ValueError, match="undo record"):
                restored(new, bad)


def test_a_record_for_another_file_is_refused() -> None:
    """A record that copies more than the file has raises."""
    old = noise(10_000, 7)
    record = undo_record(old + b"x", old)
    with pytest.raises(ValueError, match="undo record"):
        restored(b"short", record)
