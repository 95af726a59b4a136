"""Make the undo record of a changed file: the old file, byte for byte, without a copy of what both have in common.

A save that changes one tag moves the rest of the file: artwork by a few bytes, the audio by a block, every entry of a
table of chunk offsets by the same amount. The delta is a gzipped list of "copy from the new file" and "these bytes".
Beginnings and ends of the two files are compared first. In between, both are read side by side while they agree; where
one of them is shifted, a polynomial hash of blocks finds the place again, as rsync does.

Memory is bounded, whatever the size of the files.
"""

import gzip
import zlib
from io import BytesIO
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20
SMALLEST = 32  # bytes in a block of the index
ENTRIES = 1 << 16  # the most that the index holds; larger files get larger blocks
AGREE = 16  # this many bytes must agree after a difference before the files count as side by side again
WINDOW = 64  # the most bytes of difference that are searched for that

_P = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_UNP = pow(_P, -1, 1 << 64)


def make(old: BinaryIO, new: BinaryIO) -> bytes:
    """Return a delta that makes `old` from `new`; both files must be readable and seekable."""
    old_end, new_end = old.seek(0, 2), new.seek(0, 2)
    head = _run(old, 0, new, 0, min(old_end, new_end))
    tail = _run_back(old, old_end, new, new_end, min(old_end, new_end) - head)
    script = _Script()
    script.copy(0, head)
    _middle(script, old, head, old_end - tail, new, head, new_end - tail)
    script.copy(new_end - tail, tail)
    return script.finish()


def apply(new: BinaryIO, delta: bytes, out: BinaryIO) -> None:
    """Write to `out` the old file that `make` was given with this new one.

    Raises
    ------
    ValueError
        If the delta is damaged. The caller has to make sure (by a hash) that `new` is the right file.
    """
    try:
        with gzip.GzipFile(fileobj=BytesIO(delta)) as script:
            at = 0
            while (word := _read_number(script)) is not None:
                length, copied = word >> 1, word & 1
                if copied:
                    step = _read_number(script) or 0
                    at += -(step >> 1) if step & 1 else step >> 1
                    new.seek(at)
                    at += length
                _pour(new if copied else script, out, length)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            raise
        raise ValueError("the undo record is damaged") from error


def _pour(source: BinaryIO | gzip.GzipFile, out: BinaryIO, length: int) -> None:
    while length:
        block = source.read(min(BLOCK, length))
        if not block:
            raise ValueError("the undo record doesn't belong to this file")
        out.write(block)
        length -= len(block)


class _Script:
    """A gzip stream of copies and literals; neighbouring copies become one."""

    def __init__(self) -> None:
        self._buffer = BytesIO()
        self._gzip = gzip.GzipFile(fileobj=self._buffer, mode="wb", mtime=0)
        self._at = 0
        self._pending = (0, 0)

    def copy(self, start: int, length: int) -> None:
        at, before = self._pending
        if at + before == start:
            self._pending = at, before + length
        else:
            self._flush()
            self._pending = start, length

    def literal(self, old: BinaryIO, start: int, end: int) -> None:
        self._flush()
        self._gzip.write(_number((end - start) << 1))
        old.seek(start)
        _pour(old, self._gzip, end - start)  # type: ignore[arg-type] # a GzipFile writes like any other file

    def finish(self) -> bytes:
        self._flush()
        self._gzip.close()
        return self._buffer.getvalue()

    def _flush(self) -> None:
        start, length = self._pending
        if length:
            step = start - self._at
            self._gzip.write(_number(length << 1 | 1) + _number(abs(step) << 1 | (step < 0)))
            self._at = start + length
        self._pending = self._at, 0


def _middle(script: _Script, old: BinaryIO, i: int, i_end: int, new: BinaryIO, j: int, j_end: int) -> None:
    index: _Index | None = None
    while i < i_end:
        length = _run(old, i, new, j, min(i_end - i, j_end - j))
        if length:
            script.copy(j, length)
            i, j = i + length, j + length
            continue
        gap = _gap(old, i, new, j, min(i_end - i, j_end - j))
        if gap:
            script.literal(old, i, i + gap)
            i, j = i + gap, j + gap
            continue
        index = index or _Index(new, j, j_end)
        found, at = index.find(old, i, i_end)
        if found > i:
            script.literal(old, i, found)
        i, j = found, at


def _run(old: BinaryIO, i: int, new: BinaryIO, j: int, limit: int) -> int:
    """Count the bytes that agree from here on."""
    done, step = 0, 256
    while done < limit:
        a, b = _pair(old, i + done, new, j + done, min(step, limit - done))
        if a != b:
            return done + int(np.argmax(_bytes(a) != _bytes(b)))
        done, step = done + len(a), min(step * 4, BLOCK)
    return done


def _run_back(old: BinaryIO, i: int, new: BinaryIO, j: int, limit: int) -> int:
    """Count the bytes that agree up to here."""
    done, step = 0, 256
    while done < limit:
        size = min(step, limit - done)
        a, b = _pair(old, i - done - size, new, j - done - size, size)
        if a != b:
            return done + int(np.argmax((_bytes(a) != _bytes(b))[::-1]))
        done, step = done + size, min(step * 4, BLOCK)
    return done


def _gap(old: BinaryIO, i: int, new: BinaryIO, j: int, limit: int) -> int:
    """Count the bytes until the two files agree again, side by side; return 0 if they don't soon."""
    a, b = _pair(old, i, new, j, min(WINDOW + AGREE, limit))
    same = "".join("=" if x == y else "!" for x, y in zip(a, b, strict=True))
    return max(same.find("=" * AGREE), 0)


def _pair(old: BinaryIO, i: int, new: BinaryIO, j: int, size: int) -> tuple[bytes, bytes]:
    old.seek(i)
    new.seek(j)
    a, b = old.read(size), new.read(size)
    if len(a) != size or len(b) != size:
        raise ValueError("a file became shorter while it was read")
    return a, b


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


class _Index:
    """The places of blocks of bytes in a part of a file."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file, self._start = file, start
        self._size = SMALLEST
        while (end - start) // self._size > ENTRIES:
            self._size *= 2
        hashes = []
        for at in range(start, end, BLOCK):
            file.seek(at)
            data = file.read(min(BLOCK, end - at) // self._size * self._size)
            hashes.append((_bytes(data).astype(np.uint64) + 1).reshape(-1, self._size) @ _powers(_P, self._size))
        every = np.concatenate(hashes) if hashes else np.empty(0, np.uint64)
        self._hashes, self._places = np.unique(every, return_index=True)

    def find(self, old: BinaryIO, i: int, end: int) -> tuple[int, int]:
        """Return the next place in `old` whose bytes are in the file, and their place there; `end` if there is none."""
        step = 4096
        at = i
        while at + self._size <= end:
            old.seek(at)
            data = old.read(min(step + self._size - 1, end - at))
            hashes = _hashes(data, self._size)
            spots = np.searchsorted(self._hashes, hashes)
            spots[spots == len(self._hashes)] = 0
            for hit in np.flatnonzero(self._hashes[spots] == hashes) if len(self._hashes) else ():
                place = self._start + int(self._places[spots[hit]]) * self._size
                self._file.seek(place)
                if self._file.read(self._size) == data[hit : hit + self._size]:
                    back = _run_back(old, at + int(hit), self._file, place, min(at + int(hit) - i, place))
                    return at + int(hit) - back, place - back
            at, step = at + len(hashes), min(step * 2, BLOCK)
        return end, 0


def _hashes(data: bytes, size: int) -> NDArray[np.uint64]:
    """Return the hash of every run of `size` bytes: sum of byte[k] * P**k modulo 2**64, from prefix sums."""
    if len(data) < size:
        return np.empty(0, np.uint64)
    powers = _powers(_P, len(data))
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum((_bytes(data).astype(np.uint64) + 1) * powers, out=sums[1:])
    found: NDArray[np.uint64] = (sums[size:] - sums[:-size]) * _powers(_UNP, len(data) - size + 1)
    return found


def _powers(base: int, count: int) -> NDArray[np.uint64]:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _number(value: int) -> bytes:
    """Encode an unsigned number, seven bits in each byte, the low ones first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _read_number(script: gzip.GzipFile) -> int | None:
    value = shift = 0
    while byte := script.read(1):
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return value
    return None
