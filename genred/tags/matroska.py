"""The tags of a Matroska file, which genred reads and doesn't write."""

from collections import defaultdict
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from genred.tags.containers import need_at, read_at, size_of

SEGMENT, CLUSTER, TAGS, TAG, SIMPLE_TAG, NAME, TEXT = (
    *(0x18538067, 0x1F43B675, 0x1254C367, 0x7373, 0x67C8, 0x45A3, 0x4487),
)
LARGEST_TEXT = 1 << 16


class Element(NamedTuple):
    """An EBML element: its number, and the offsets at which its data start and end."""

    number: int
    start: int
    end: int


def texts(file: BinaryIO) -> dict[str, list[str]]:
    """Return the texts of all tags by the name of the tag, in small letters, whatever the tags describe."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    end = size_of(file)
    for segment in _elements(file, 0, end):
        if segment.number == SEGMENT:
            for tags in _elements(file, segment.start, segment.end):
                if tags.number == TAGS:
                    for name, text in _texts(file, tags):
                        found[name].append(text)
    return dict(found)


def _texts(file: BinaryIO, parent: Element) -> Iterator[tuple[str, str]]:
    children = list(_elements(file, parent.start, parent.end))
    texts = {child.number: _text(file, child) for child in children if child.number in (NAME, TEXT)}
    if texts.get(TEXT):
        yield texts.get(NAME, "").casefold(), texts[TEXT]
    for child in children:
        if child.number in (TAG, SIMPLE_TAG):
            yield from _texts(file, child)


def _text(file: BinaryIO, element: Element) -> str:
    raw = read_at(file, element.start, min(element.end - element.start, LARGEST_TEXT))
    return raw.decode("utf-8", "replace").strip("\0").strip()


def _elements(file: BinaryIO, start: int, end: int) -> Iterator[Element]:
    at = start
    while at < end:
        number, data = _number(file, at, marker=True)
        size, data = _number(file, data, marker=False)
        if size is None and number not in (SEGMENT, CLUSTER):
            raise ValueError("a Matroska element has no size")
        # In an unfinished recording, elements of a cluster are read as if they stood beside the cluster.
        stop = data + size if size is not None else end if number == SEGMENT else data
        if number is not None:
            yield Element(number, data, min(stop, end))
        at = stop


def _number(file: BinaryIO, at: int, *, marker: bool) -> tuple[int | None, int]:
    """Read a number of variable length, with or without its marker, and the offset behind it; None for all bits set."""
    first = need_at(file, at, 1)[0]
    width = 9 - first.bit_length()
    if width > 8:
        raise ValueError("its Matroska elements don't add up")
    raw = int.from_bytes(need_at(file, at, width), "big")
    if marker:
        return raw, at + width
    value = raw & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else value, at + width
