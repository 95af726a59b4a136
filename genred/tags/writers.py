"""Write the genre into each kind of tag, with the file around the tag untouched; only ever in a private copy."""

import struct
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, BinaryIO, Literal

from mutagen import id3, mp4
from mutagen.ogg import OggPage

from genred.tags import fields, windows
from genred.tags.containers import Form, Kind, Span, Tag, atoms, ends, need_at, read_at, size_of
from genred.tags.places import main_form
from genred.tags.readers import OGG_FLAC_COMMENT, ilst, ogg_comment, v1_frames
from genred.tags.splice import (
    FLAC_COMMENT,
    dsf_tag,
    flac_blocks,
    id3_chunks,
    info_items,
    info_lists,
    put_chunk,
    put_dsf_tag,
    render_flac,
    set_info,
    splice,
)

Id3Version = Literal["keep", "2.3", "2.4"]


@dataclass(frozen=True, slots=True)
class Wish:
    """The genres that are to be written, and the form that they are to have in ID3v2."""

    genres: list[str]
    version: Id3Version
    separator: str

    @property
    def major(self) -> int:
        """The version of a new ID3v2 tag. 2.4 has lists and UTF-8, and every player still cared for reads it."""
        return 3 if self.version == "2.3" else 4


def write(file: BinaryIO, kind: Kind, wish: Wish) -> None:
    match kind:
        case Kind.OGG:
            _write_ogg(file, wish)
        case Kind.MP4:
            _write_mp4(file, wish)
        case Kind.ASF:
            _write_asf(file, wish)
        case Kind.WAVE | Kind.AIFF | Kind.DSDIFF:
            _write_iff(file, kind, wish)
        case Kind.DSF:
            span = dsf_tag(file)
            tag = read_at(file, span.start, span.end - span.start)
            if tag or wish.genres:
                put_dsf_tag(file, span, _id3(tag, wish))
        case _:
            _write_stream(file, kind, wish)


def _write_stream(file: BinaryIO, kind: Kind, wish: Wish) -> None:
    """Write to the main tag of a plain stream, and to every other tag that names a genre.

    The tags are written from the back of the file to its front, so that the offsets before each stay true. In True
    Audio files, FFmpeg reads the APEv2 tag if there is one, but TagLib and mutagen read ID3v2.
    """
    around = ends(file)
    form = main_form(file, kind, around)
    mains = {around.ape if form is Form.APE or kind is Kind.TTA else None, around.id3v2 if form is Form.ID3V2 else None}
    for tag in reversed(around.back):
        _set_tag(file, tag, wish, always=tag.span in mains, behind=True)
    if form is Form.APE and not around.ape and wish.genres:
        splice(file, Span(around.audio.end, around.audio.end), fields.set_ape(b"", wish.genres))
    if kind is Kind.FLAC:
        _set_flac(file, around.audio.start, wish)
    for tag in reversed(around.front):
        _set_tag(file, tag, wish, always=tag.span in mains)
    if form is Form.ID3V2 and not around.id3v2.end and wish.genres:
        splice(file, Span(0, 0), _id3(b"", wish, _frames_from_v1(file, wish)))


def _set_tag(file: BinaryIO, tag: Tag, wish: Wish, *, always: bool, behind: bool = False) -> None:
    """Put the genres into a tag around a stream, if the tag names any, or if ``always`` is set."""
    data = need_at(file, tag.span.start, tag.span.end - tag.span.start)
    match tag.form:
        case Form.ID3V1:
            new = data[:127] + bytes([_v1_number(wish)])
        case Form.APE:
            names = any(key.upper() == b"GENRE" for key, _ in fields.parse_ape(data))
            new = fields.set_ape(data, wish.genres) if names or always else data
        case Form.ID3V2:
            parsed = fields.parse_id3(data)
            names = any(fields.is_genre_frame(parsed.major, raw) for _, raw in parsed.frames)
            if names and behind:
                new = fields.set_id3(parsed, wish.genres, wish.separator, at_the_end=True)
            elif names or always:
                new = _id3(data, wish if always else replace(wish, version="keep"))
            else:
                new = data
    if new != data:
        splice(file, tag.span, new)


def _v1_number(wish: Wish) -> int:
    known = [genre.lower() for genre in id3.TCON.GENRES]
    first = wish.genres[0].lower() if wish.genres else ""
    return known.index(first) if first in known else 255


def _set_flac(file: BinaryIO, start: int, wish: Wish) -> None:
    blocks, span = flac_blocks(file, start)
    place = next((i for i, (code, _) in enumerate(blocks) if code == FLAC_COMMENT), None)
    if place is None and wish.genres:
        place = 1
        blocks.insert(1, (FLAC_COMMENT, struct.pack("<I6sI", 6, b"genred", 0)))
    if place is not None:
        comment, rest = fields.set_vorbis(blocks[place][1], wish.genres)
        blocks[place] = FLAC_COMMENT, comment + rest
        splice(file, span, render_flac(blocks, span.end - span.start))


def _id3(tag: bytes, wish: Wish, frames: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """Return an ID3v2 tag with the genres; if `tag` is empty, a new tag with these frames."""
    parsed = fields.parse_id3(tag) if tag else fields.new_id3(wish.major, frames)
    if wish.version != "keep" and parsed.major != wish.major:
        # Years and dates are in other frames in the other version, so mutagen translates the tag.
        translated = id3.ID3(BytesIO(tag), load_v1=False, v2_version=wish.major)
        parsed = replace(_rendered(translated, wish), size=parsed.size)
    return fields.set_id3(parsed, wish.genres, wish.separator)


def _rendered(tags: Any, wish: Wish) -> fields.Id3:
    out = BytesIO()
    tags.save(out, v1=0, v2_version=wish.major, v23_sep=wish.separator, padding=lambda _: 0)
    return fields.parse_id3(out.getvalue())


def _frames_from_v1(file: BinaryIO, wish: Wish) -> list[tuple[bytes, bytes]]:
    """Return what ID3v1 says, as frames of a new ID3v2 tag."""
    tags = id3.ID3()
    for frame in v1_frames(file, ends(file)).values():
        tags.add(frame)
    if wish.major == 3:
        tags.update_to_v23()
    return _rendered(tags, wish).frames if tags else []


def _write_iff(file: BinaryIO, kind: Kind, wish: Wish) -> None:
    """Write to the first ID3v2 chunk, to others that name a genre, and to RIFF INFO.

    FFmpeg discards ID3v2 if there is a RIFF INFO list.
    """
    found = id3_chunks(file, kind)
    lists = info_lists(file) if kind is Kind.WAVE else []
    for chunk in sorted(found + lists, key=lambda chunk: -chunk.start):  # so the offsets of earlier ones stay true
        if chunk in lists:
            if chunk == lists[0] or any(name == b"IGNR" for name, _ in info_items(file, chunk)):
                set_info(file, chunk, wish.separator.join(wish.genres))
            continue
        tag = need_at(file, chunk.data, chunk.size)
        parsed = fields.parse_id3(tag)
        if chunk == found[0] or any(fields.is_genre_frame(parsed.major, raw) for _, raw in parsed.frames):
            put_chunk(file, kind, chunk, chunk.name, _id3(tag, wish))
    if not found and wish.genres:
        put_chunk(file, kind, None, b"id3 " if kind is Kind.WAVE else b"ID3 ", _id3(b"", wish))


def _write_ogg(file: BinaryIO, wish: Wish) -> None:
    pages, start, old = ogg_comment(file)
    comment, rest = fields.set_vorbis(old, wish.genres)
    if start[:1] in OGG_FLAC_COMMENT:
        start = start[:1] + len(comment + rest).to_bytes(3, "big")
    else:
        rest = _fitted(rest, len(old) - len(comment))
    new = start + comment + rest
    OggPage.replace(file, pages, _repaged(pages, new))


def _fitted(rest: bytes, room: int) -> bytes:
    """Return what follows a Vorbis comment (a framing bit, padding), cut or filled with zeros to fit the room."""
    kept = rest[:1] + rest[1:].rstrip(b"\0")
    return kept + bytes(room - len(kept) if room >= len(kept) else fields.PADDING)


def _repaged(pages: list[OggPage], packet: bytes) -> list[OggPage]:
    """Return pages with a new first packet: if it fits, as many as before, so that later pages keep their numbers."""
    *full, last = pages
    place = sum(len(page.packets[0]) for page in full)
    room = 255 - sum(len(other) // 255 + 1 for other in last.packets[1:])
    if place < len(packet) and (len(packet) - place) // 255 + 1 <= room:
        cut = copy(last)
        cut.packets = [packet[place:], *last.packets[1:]]
        head = []
        for index, page in enumerate(full):
            page_ = copy(page)
            at = sum(len(other.packets[0]) for other in full[:index])
            page_.packets = [packet[at : at + len(page.packets[0])]]
            head.append(page_)
        return [*head, cut]
    packets = OggPage.to_packets(pages)
    made: list[OggPage] = OggPage.from_packets([packet, *packets[1:]], pages[0].sequence)
    return made


class _RawItems(mp4.MP4Tags):
    """MP4 tags that are written as given bytes; mutagen makes room for the bytes and mends the chunk offsets."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # mutagen has no types
        self.raw = raw

    def items(self) -> list[tuple[str, None]]:
        return [("ilst", None)]

    def _render(self, key: str, value: object) -> bytes:
        return self.raw


def _write_mp4(file: BinaryIO, wish: Wish) -> None:
    children = ilst(file)
    if any(name.startswith(b"\0") for name, _ in children):  # a number in a table of keys in place of a name
        raise ValueError("its item list is of QuickTime's keys, which genred reads and doesn't write")
    if children or wish.genres:
        before = size_of(file)
        file.seek(0)
        _RawItems(fields.set_ilst(children, wish.genres)).save(file, padding=_padding)
        if size_of(file) != before and any(atom.name == b"moof" for atom in atoms(file, 0, size_of(file))):
            raise ValueError(
                "it is a fragmented MP4, as streams are saved: its tag has no room, and no fragment can move"
            )


def _write_asf(file: BinaryIO, wish: Wish) -> None:
    (size,) = struct.unpack("<Q", need_at(file, 16, 8))
    header = need_at(file, 0, size)
    splice(file, Span(0, size), windows.set_genres(header, wish.genres, size_of(file)))


def _padding(info: Any) -> int:
    """Keep the padding that there is; add some if the tag had to grow."""
    return int(info.padding) if info.padding >= 0 else fields.PADDING
