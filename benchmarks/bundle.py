"""Read the variables of a TensorFlow checkpoint without TensorFlow.

A checkpoint of the "bundle" format is two files: ``.index``, a sorted string table (LevelDB's format) from names to
`BundleEntryProto`, and ``.data-00000-of-00001``, the arrays one after the other in little-endian order.
"""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FOOTER = 48
_MAGIC = 0xDB4775248B80FB57
_FLOAT = 1
_TYPE, _SHAPE, _OFFSET, _SIZE = 1, 2, 4, 5  # fields of BundleEntryProto


def variables(index: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """Read every variable of type float32.

    Raises
    ------
    ValueError
        If ``index`` is no such table.
    """
    (magic,) = struct.unpack("<Q", index[-8:])
    if magic != _MAGIC:
        raise ValueError("not the index of a TensorFlow checkpoint")
    footer = index[-_FOOTER:]
    _, at = _handle(footer, 0)
    (where, size), _ = _handle(footer, at)
    found = {}
    for _, value in _entries(index[where : where + size]):
        (where, size), _ = _handle(value, 0)
        for key, entry in _entries(index[where : where + size]):
            if key and (array := _array(entry, data)) is not None:  # the empty key describes the bundle itself
                found[key.decode()] = array
    return found


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Read the keys and values of a block; a key leaves out what it shares with the one before."""
    (n_restarts,) = struct.unpack("<I", block[-4:])
    at, end, key = 0, len(block) - 4 * (n_restarts + 1), b""
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + length]
        at += own + length


def _array(entry: bytes, data: bytes) -> NDArray[np.float32] | None:
    fields = dict(_fields(entry))
    if fields.get(_TYPE) != _FLOAT:
        return None
    dimensions = [dict(_fields(value)) for field, value in _fields(fields[_SHAPE]) if field == 2]
    shape = [int(dimension.get(1, 0)) for dimension in dimensions]
    offset = int(fields.get(_OFFSET, 0))
    return np.frombuffer(data[offset : offset + int(fields[_SIZE])], "<f4").reshape(shape)


def _fields(message: Any) -> Iterator[tuple[int, Any]]:
    """Read the fields of a protocol buffer: numbers, and bytes where a field is a text or a message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
                yield tag >> 3, value
            case 2:
                length, at = _varint(message, at)
                yield tag >> 3, message[at : at + length]
                at += length
            case 5:  # a checksum
                at += 4
            case kind:
                raise ValueError(f"a field of kind {kind} in an entry of the index")


def _handle(block: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = _varint(block, at)
    size, at = _varint(block, at)
    return (offset, size), at


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
