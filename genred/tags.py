"""The genre of a file: read through mutagen, written into the tag's own bytes, and everything else proven untouched.

Which tag is a file's tag is decided by what players read. The genre goes to the tag that already describes the music;
a second tag that also names a genre is kept in step, so that no two players disagree:

=====================  =========================================================================================
MP3, True Audio        ID3v2 where there is one, else an APEv2 tag that names the music, else a new ID3v2.4 tag.
                       A file with only ID3v1 gets an ID3v2 tag that repeats ID3v1: players that find an ID3v2 tag
                       (FFmpeg's, for one) look no further, and title and artist would seem lost.
FLAC, Ogg              the Vorbis comment (GENRE, one field for each)
MP4                    ``©gen``; the numeric ``gnre`` goes
Windows Media          ``WM/Genre``
WAV, AIFF, DSF, DFF    the ID3v2 chunk
APE, MPC, WV, OFR, TAK the APEv2 tag
=====================  =========================================================================================

An ID3v2 tag keeps its version, 2.2 included, unless another is asked for. Its genres are texts, never numbers.
These functions meet hostile bytes: run them in a process that may die.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from mutagen import (
    aiff,
    apev2,
    asf,
    dsdiff,
    dsf,
    flac,
    id3,
    monkeysaudio,
    mp3,
    mp4,
    musepack,
    oggflac,
    oggopus,
    oggspeex,
    oggtheora,
    oggvorbis,
    optimfrog,
    tak,
    trueaudio,
    wave,
    wavpack,
)
from mutagen.mp4._atom import Atoms
from mutagen.ogg import OggPage

from genred import fields
from genred.containers import Ends, Kind, Span, ends, need_at, read_at, size_of, sniff
from genred.errors import FileError, TagError
from genred.files import open_regular
from genred.payload import payload_hash
from genred.splice import (
    FLAC_COMMENT,
    FLAC_PADDING,
    dsf_tag,
    flac_blocks,
    id3_chunk,
    info_items,
    info_list,
    put_chunk,
    put_dsf_tag,
    render_flac,
    set_info,
    splice,
)

Id3Version = Literal["keep", "2.3", "2.4"]

READERS: Final = {
    Kind.MPEG: mp3.MP3,
    Kind.TTA: trueaudio.TrueAudio,
    Kind.FLAC: flac.FLAC,
    Kind.MP4: mp4.MP4,
    Kind.ASF: asf.ASF,
    Kind.WAVE: wave.WAVE,
    Kind.AIFF: aiff.AIFF,
    Kind.DSF: dsf.DSF,
    Kind.DSDIFF: dsdiff.DSDIFF,
    Kind.APE: monkeysaudio.MonkeysAudio,
    Kind.MUSEPACK: musepack.Musepack,
    Kind.WAVPACK: wavpack.WavPack,
    Kind.OPTIMFROG: optimfrog.OptimFROG,
    Kind.TAK: tak.TAK,
}
# How each codec's first Ogg packet starts, how its comment packet starts, and who reads it.
OGG_FLAC_COMMENT = (b"\x04", b"\x84")
OGG: Final = (
    (b"\x01vorbis", (b"\x03vorbis",), oggvorbis.OggVorbis),
    (b"OpusHead", (b"OpusTags",), oggopus.OggOpus),
    (b"Speex   ", (b"",), oggspeex.OggSpeex),
    (b"\x80theora", (b"\x81theora",), oggtheora.OggTheora),
    (b"\x7fFLAC", OGG_FLAC_COMMENT, oggflac.OggFLAC),
)


def read_genres(path: Path) -> list[str]:
    """The genres in a file's tags as a person would see them: numbers in names, empty ones left out.

    Raises
    ------
    TagError
        If the file holds no tags genred knows how to read, or they are damaged.
    """
    with _understood(path, os.O_RDONLY) as (file, kind):
        return _genres(file, kind)


def write_genres(path: Path, genres: Sequence[str], *, id3_version: Id3Version = "keep", separator: str = "; ") -> None:
    """Set the genres in a file, in place: only ever on a private copy. None at all removes the field.

    Parameters
    ----------
    path
        The private copy.
    genres
        What it shall say; many values where the tag has them.
    id3_version
        The version of an ID3v2 tag; another than it has converts all its frames, "keep" changes none.
    separator
        Joins the genres in ID3v2.2 and 2.3, which have no lists.

    Raises
    ------
    TagError
        If the file can't be tagged. It may be changed already.
    """
    with _understood(path, os.O_RDWR) as (file, kind):
        _load(file, kind)  # what mutagen can't read nobody could check afterwards
        _write(file, kind, _Wish(list(genres), id3_version, separator))


def dump(path: Path) -> dict[str, object]:
    """All that a file's tags hold but the genre, and what is said of the stream, to be compared with `==`.

    Twice: as mutagen understands it ("seen"), and tag by tag as bytes, large ones as digests.

    Raises
    ------
    TagError
        As `read_genres`.
    """
    with _understood(path, os.O_RDONLY) as (file, kind):
        loaded = _load(file, kind)
        held: dict[str, object] = {"kind": kind, "info": _stream(loaded.info)}
        held["seen"] = _seen(file, kind, loaded)
        held |= _raw(file, kind)
        return held


def edit_clone(
    original: Path, clone: Path, genres: Sequence[str], id3_version: Id3Version = "keep", separator: str = "; "
) -> None:
    """Set the genres in a private clone and prove that nothing else about it changed.

    Raises
    ------
    TagError
        If the file can't be tagged, or the proof fails. The clone is then of no use; the original was only read.
    """
    wanted = [genre.strip() for genre in genres if genre.strip()]
    sound, said = payload_hash(original), dump(original)
    try:
        write_genres(clone, wanted, id3_version=id3_version, separator=separator)
        if payload_hash(clone) != sound:
            raise TagError(original, "the audio would have changed; nothing was written")
        now, shown = dump(clone), read_genres(clone)
    except TagError as error:
        raise TagError(original, error.reason, transient=error.transient) from error
    if not _same(said, now, converted=id3_version != "keep"):
        raise TagError(original, "more than the genre would have changed; nothing was written")
    if shown not in (wanted, [separator.join(wanted)]):
        raise TagError(original, f"the genre would have read {', '.join(shown)[:80]!r}; nothing was written")


def _same(before: dict[str, object], after: dict[str, object], *, converted: bool) -> bool:
    """Whether nothing but the genre differs."""
    ignored = {"id3v2"} if converted else set()
    if "id3v1" in before and "id3v2" not in before:
        ignored = {"id3v2"}  # a new tag repeats ID3v1, and "seen" holds what either says
    kept = [{key: value for key, value in held.items() if value and key not in ignored} for held in (before, after)]
    return kept[0] == kept[1]


@contextmanager
def _understood(path: Path, flags: int) -> Iterator[tuple[BinaryIO, Kind]]:
    """An open file of a kind genred knows; whatever goes wrong with it is a `TagError` that says why."""
    try:
        with open_regular(path) if flags == os.O_RDONLY else open(os.open(path, flags | os.O_NOFOLLOW), "r+b") as file:
            kind = sniff(file)
            if kind is None:
                raise TagError(path, "genred knows no tags for this kind of file")
            yield file, kind
    except FileError:
        raise
    # Anything at all: hostile files make mutagen raise IndexError, struct.error, MemoryError and more.
    except Exception as error:
        told = error.args[0] if error.args and isinstance(error.args[0], OSError) else error  # mutagen wraps them
        if isinstance(told, OSError):
            raise TagError(path, f"its tags can't be reached: {told.strerror or told}", transient=True) from error
        raise TagError(path, f"its tags can't be read: {error or type(error).__name__}") from error


def _load(file: BinaryIO, kind: Kind) -> Any:
    """The file as mutagen sees it."""
    reader = READERS.get(kind) or _ogg_codec(file)[1]
    file.seek(0)
    return reader(file)


def _ogg_codec(file: BinaryIO) -> tuple[tuple[bytes, ...], Any, int]:
    """Of the first stream with tags: how its comment packet may start, who reads it, its serial number."""
    file.seek(0)
    page = OggPage(file)
    while page.first:
        for head, comments, reader in OGG:
            if page.packets[0].startswith(head):
                return comments, reader, page.serial
        page = OggPage(file)
    raise ValueError("it is an Ogg file without a codec that genred knows")


def _genres(file: BinaryIO, kind: Kind) -> list[str]:
    found = _shown(_load(file, kind).tags)
    if not found and kind in (Kind.MPEG, Kind.TTA):
        span = ends(file).ape
        found = _shown(_ape(file, span)) if span else []
    return found


def _shown(tags: Any) -> list[str]:
    """The genres of a tag, whatever its container."""
    match tags:
        case id3.ID3Tags():
            values = [genre for frame in tags.getall("TCON") for genre in frame.genres]
        case mp4.MP4Tags():
            values = tags.get("\xa9gen", [])
        case apev2.APEv2():
            values = list(tags["Genre"]) if "Genre" in tags else []
        case asf.ASFTags():
            values = [str(value) for value in tags.get("WM/Genre", [])]
        case None:
            values = []
        case _:
            values = tags.get("genre", [])
    return [value.strip() for value in values if value.strip()]


def _ape(file: BinaryIO, span: Span) -> apev2.APEv2:
    return apev2.APEv2(BytesIO(need_at(file, span.start, span.end - span.start)))


def _stream(info: Any) -> dict[str, object]:
    """What is said of the audio, but what is worked out from the size of the file or of its tags."""
    derived = {"bitrate", "length", "frame_offset", "sketchy"}
    said = {key: value for key, value in vars(info).items() if isinstance(value, int | float | str | bool)}
    return {key: value for key, value in said.items() if not key.startswith("_") and key not in derived}


def _plain(value: Any) -> object:
    """A value to compare: large or odd ones as digests."""
    match value:
        case bytes():
            return len(value), blake2b(value, digest_size=16).hexdigest()
        case str() | int() | float() | None:
            return value
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict() | id3.ID3Tags():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            # How a text is encoded is seen in the raw bytes, and another version of ID3 has to do it otherwise.
            inner = {key: _plain(item) for key, item in getattr(value, "__dict__", {}).items() if key != "encoding"}
            return (type(value).__name__, inner) if inner else repr(value)


def _seen(file: BinaryIO, kind: Kind, loaded: Any) -> dict[str, object]:
    """Every field but the genre as mutagen understands it."""
    tags = loaded.tags
    if kind in (Kind.MPEG, Kind.TTA):
        tags = _id3_or_v1(file, ends(file))
    seen: dict[str, object] = {}
    match tags:
        case dict() | id3.ID3Tags():
            seen = {key: _plain(frame) for key, frame in tags.items() if not key.startswith("TCON")}
        case apev2.APEv2():
            seen = {key: (item.kind, _plain(item.value)) for key, item in tags.items() if key.lower() != "genre"}
        case mp4.MP4Tags():
            seen = {key: _plain(value) for key, value in tags.items() if key != "\xa9gen"}
        case asf.ASFTags():
            seen = {"fields": [(key, _attribute(value)) for key, value in sorted(tags, key=_name) if key != "WM/Genre"]}
        case list():
            seen = {"fields": [(key, _plain(value)) for key, value in tags if key.lower() != "genre"]}
    return {key: value for key, value in seen.items() if value}


def _name(item: tuple[str, Any]) -> str:
    return item[0]


def _attribute(value: Any) -> object:
    return value.TYPE, value.language, value.stream, _plain(value.value)


def _id3_or_v1(file: BinaryIO, around: Ends) -> Any:
    """What readers of ID3 see: the ID3v2 tag, else the ID3v1 tag in its terms."""
    if around.id3v2.end:
        return id3.ID3(BytesIO(read_at(file, 0, around.id3v2.end)), load_v1=False)
    return _v1_frames(file, around) or None


def _v1_frames(file: BinaryIO, around: Ends) -> dict[str, Any]:
    """The ID3v1 tag as ID3v2.4 frames."""
    found = id3.ParseID3v1(read_at(file, around.id3v1.start, 128)) if around.id3v1 else None
    frames = {key: frame for key, frame in (found or {}).items() if key != "TCON"}
    comment = frames.pop("COMM", None)
    if comment is not None:
        comment.desc = ""  # mutagen marks where it is from; for everybody else it is the comment
        frames[comment.HashKey] = comment
    return frames


def _raw(file: BinaryIO, kind: Kind) -> dict[str, object]:
    """Every tag in a file as bytes, each without its genre; a tag that holds no more than that isn't there."""
    held: dict[str, object] = {}
    match kind:
        case Kind.OGG:
            _, _, packet = _ogg_comment(file)
            vendor, entries, rest = fields.parse_vorbis(packet)
            held["vorbis"] = [_plain(vendor), *_entries(entries)]
            held["rest"] = _plain(rest.rstrip(b"\0"))
        case Kind.MP4:
            held |= _raw_mp4(file)
        case Kind.WAVE | Kind.AIFF | Kind.DSDIFF:
            chunk = id3_chunk(file, kind)
            tag = need_at(file, chunk.data, chunk.size) if chunk else b""
            held |= _raw_id3(tag)
            if kind is Kind.WAVE and (info := info_list(file)):
                held["info list"] = [_plain(raw) for name, raw in info_items(file, info) if name != b"IGNR"]
        case Kind.DSF:
            span = dsf_tag(file)
            held |= _raw_id3(read_at(file, span.start, span.end - span.start))
        case Kind.ASF:
            pass  # mutagen's view keeps type, language and stream of every attribute
        case _:
            held |= _raw_stream(file, kind)
    return held


def _entries(entries: list[bytes]) -> list[object]:
    return [_plain(entry) for entry in entries if entry.partition(b"=")[0].upper() != b"GENRE"]


def _raw_id3(data: bytes) -> dict[str, object]:
    if not data:
        return {}
    tag = fields.parse_id3(data)
    frames = [(name, _plain(raw)) for name, raw in tag.frames if name not in (b"TCON", b"TCO")]
    return {"id3v2": (tag.major, frames, _plain(tag.junk))} if frames or tag.junk else {}


def _raw_stream(file: BinaryIO, kind: Kind) -> dict[str, object]:
    around = ends(file)
    held = _raw_id3(read_at(file, 0, around.id3v2.end))
    if kind is Kind.FLAC:
        blocks, _ = flac_blocks(file, around.audio.start)
        comments = [data for code, data in blocks if code == FLAC_COMMENT]
        if comments and (entries := _entries(fields.parse_vorbis(comments[0])[1])):
            held["vorbis"] = entries
        others = [block for block in blocks if block[0] not in (FLAC_PADDING, FLAC_COMMENT)]
        held["blocks"] = [(code, _plain(data)) for code, data in others] + [_plain(data) for data in comments[1:]]
    if around.ape:
        items = fields.parse_ape(need_at(file, around.ape.start, around.ape.end - around.ape.start))
        held["ape"] = [(key, _plain(raw)) for key, raw in items if key.upper() != b"GENRE"]
    stop = around.id3v1.start if around.id3v1 else size_of(file)
    ape = around.ape or Span(around.audio.end, around.audio.end)
    # Lyrics3 may stand on either side of an APEv2 tag.
    held["between"] = [_plain(read_at(file, a, b - a)) for a, b in ((around.audio.end, ape.start), (ape.end, stop))]
    if around.id3v1:
        held["id3v1"] = read_at(file, around.id3v1.start, 127)
    return held


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be written, and how ID3v2 is to hold it."""

    genres: list[str]
    version: Id3Version
    separator: str

    @property
    def major(self) -> int:
        """The version of a new ID3v2 tag. 2.4 has lists and UTF-8, and every player still cared for reads it."""
        return 3 if self.version == "2.3" else 4


def _write(file: BinaryIO, kind: Kind, wish: _Wish) -> None:
    match kind:
        case Kind.MPEG | Kind.TTA:
            _write_mpeg(file, kind, wish)
        case Kind.FLAC:
            _write_flac(file, wish)
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
            around = ends(file)
            _keep_v1_in_step(file, around, wish)
            if around.ape or wish.genres:
                _write_ape(file, around, wish)
            _keep_id3_in_step(file, around, wish)


def _write_mpeg(file: BinaryIO, kind: Kind, wish: _Wish) -> None:
    """ID3v2, or an APEv2 tag where only that names the music (the one of mp3gain doesn't).

    Of True Audio files FFmpeg reads the APEv2 tag where there is one, TagLib and mutagen ID3v2.
    """
    around = ends(file)
    keys = {key.lower() for key in _ape(file, around.ape)} if around.ape else set()
    ape_first = not around.id3v2.end and bool({"title", "artist", "album"} & keys)
    _keep_v1_in_step(file, around, wish)  # from the back of the file to its front: the offsets before stay true
    if ape_first or "genre" in keys or (around.ape and kind is Kind.TTA):
        _write_ape(file, around, wish)
    if not ape_first and (around.id3v2.end or wish.genres):
        tag = read_at(file, 0, around.id3v2.end)
        splice(file, around.id3v2, _id3(tag, wish, () if tag else _frames_from_v1(file, around, wish)))


def _write_flac(file: BinaryIO, wish: _Wish) -> None:
    around = ends(file)
    _keep_v1_in_step(file, around, wish)
    if around.ape and "Genre" in _ape(file, around.ape):
        _write_ape(file, around, wish)
    blocks, span = flac_blocks(file, around.audio.start)
    place = next((i for i, (code, _) in enumerate(blocks) if code == FLAC_COMMENT), None)
    if place is None and wish.genres:
        place = 1
        blocks.insert(1, (FLAC_COMMENT, struct.pack("<I6sI", 6, b"genred", 0)))
    if place is not None:
        comment, rest = fields.set_vorbis(blocks[place][1], wish.genres)
        blocks[place] = FLAC_COMMENT, comment + rest
        splice(file, span, render_flac(blocks, span.end - span.start))
    _keep_id3_in_step(file, around, wish)


def _write_ape(file: BinaryIO, around: Ends, wish: _Wish) -> None:
    span = around.ape or Span(around.audio.end, around.audio.end)
    splice(file, span, fields.set_ape(need_at(file, span.start, span.end - span.start), wish.genres))


def _keep_v1_in_step(file: BinaryIO, around: Ends, wish: _Wish) -> None:
    if around.id3v1:
        known = [genre.lower() for genre in id3.TCON.GENRES]
        first = wish.genres[0].lower() if wish.genres else ""
        number = known.index(first) if first in known else 255
        splice(file, Span(around.id3v1.end - 1, around.id3v1.end), bytes([number]))


def _keep_id3_in_step(file: BinaryIO, around: Ends, wish: _Wish) -> None:
    """An ID3v2 tag in front of a stream that isn't tagged so, where it names a genre."""
    tag = read_at(file, 0, around.id3v2.end)
    if tag and any(name in (b"TCON", b"TCO") for name, _ in fields.parse_id3(tag).frames):
        splice(file, around.id3v2, _id3(tag, wish))


def _id3(tag: bytes, wish: _Wish, frames: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """An ID3v2 tag with the genres; a new one, with these frames, where `tag` is empty."""
    parsed = fields.parse_id3(tag) if tag else fields.new_id3(wish.major, frames)
    if wish.version != "keep" and parsed.major != wish.major:
        # Years and dates are other frames in the other version: here mutagen translates.
        translated = id3.ID3(BytesIO(tag), load_v1=False, v2_version=wish.major)
        parsed = replace(_rendered(translated, wish), size=parsed.size)
    return fields.set_id3(parsed, wish.genres, wish.separator)


def _rendered(tags: Any, wish: _Wish) -> fields.Id3:
    out = BytesIO()
    tags.save(out, v1=0, v2_version=wish.major, v23_sep=wish.separator, padding=lambda _: 0)
    return fields.parse_id3(out.getvalue())


def _frames_from_v1(file: BinaryIO, around: Ends, wish: _Wish) -> list[tuple[bytes, bytes]]:
    """What ID3v1 says, as frames of a new ID3v2 tag."""
    tags = id3.ID3()
    for frame in _v1_frames(file, around).values():
        tags.add(frame)
    if wish.major == 3:
        tags.update_to_v23()
    return _rendered(tags, wish).frames if tags else []


def _write_iff(file: BinaryIO, kind: Kind, wish: _Wish) -> None:
    chunk = id3_chunk(file, kind)
    tag = need_at(file, chunk.data, chunk.size) if chunk else b""
    if tag or wish.genres:
        name = chunk.name if chunk else b"id3 " if kind is Kind.WAVE else b"ID3 "
        put_chunk(file, kind, chunk, name, _id3(tag, wish))
    if kind is Kind.WAVE:
        set_info(file, wish.separator.join(wish.genres))


def _ogg_comment(file: BinaryIO) -> tuple[list[OggPage], bytes, bytes]:
    """The pages that hold the comment packet, how it starts, and the comment itself."""
    starts, _, serial = _ogg_codec(file)
    file.seek(0)
    pages: list[OggPage] = []
    while not pages or not (pages[-1].complete or len(pages[-1].packets) > 1):
        page = OggPage(file)
        if page.serial == serial and not page.first:
            pages.append(page)
    packet = OggPage.to_packets(pages)[0]
    start = next((start for start in starts if packet.startswith(start)), None)
    if start is None:
        raise ValueError("its second Ogg packet is no comment")
    if starts == OGG_FLAC_COMMENT:
        start = packet[:4]  # a FLAC block header: type and three bytes of length
    return pages, start, packet[len(start) :]


def _write_ogg(file: BinaryIO, wish: _Wish) -> None:
    pages, start, old = _ogg_comment(file)
    comment, rest = fields.set_vorbis(old, wish.genres)
    if start[:1] in OGG_FLAC_COMMENT:
        start = start[:1] + len(comment + rest).to_bytes(3, "big")
    else:
        rest = _fitted(rest, len(old) - len(comment))
    new = start + comment + rest
    OggPage.replace(file, pages, _repaged(pages, new))


def _fitted(rest: bytes, room: int) -> bytes:
    """What follows a Vorbis comment (a framing bit, padding), cut or filled with zeros to fit the room."""
    kept = rest[:1] + rest[1:].rstrip(b"\0")
    return kept + bytes(room - len(kept) if room >= len(kept) else fields.PADDING)


def _repaged(pages: list[OggPage], packet: bytes) -> list[OggPage]:
    """The pages with another first packet; as many as before where it fits, as all behind would be renumbered."""
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


def _ilst(file: BinaryIO) -> list[tuple[bytes, bytes]]:
    """The atoms of the item list of an MP4 file: name, raw bytes."""
    tree = Atoms(file)
    try:
        udta = tree.path(b"moov", b"udta")[-1]
        metas = [child for child in udta.children if child.name == b"meta"]
        if not metas:
            return []
    except KeyError:
        return []
    try:
        ilst = tree.path(b"moov", b"udta", b"meta", b"ilst")[-1]
    except KeyError:
        raise ValueError("its MP4 metadata are of a form genred does not write") from None
    return [(child.name, need_at(file, child.offset, child.length)) for child in ilst.children]


class _RawItems(mp4.MP4Tags):
    """MP4 tags that are written as the bytes they were; mutagen makes room for them and mends the chunk offsets."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.raw = raw

    def items(self) -> list[tuple[str, None]]:
        return [("ilst", None)]

    def _render(self, key: str, value: object) -> bytes:
        return self.raw


def _write_mp4(file: BinaryIO, wish: _Wish) -> None:
    children = _ilst(file)
    if children or wish.genres:
        file.seek(0)
        _RawItems(fields.set_ilst(children, wish.genres)).save(file, padding=_padding)


def _raw_mp4(file: BinaryIO) -> dict[str, object]:
    kept = [(name, _plain(raw)) for name, raw in _ilst(file) if name not in (b"gnre", b"\xa9gen")]
    return {"items": kept} if kept else {}


def _write_asf(file: BinaryIO, wish: _Wish) -> None:
    file.seek(0)
    loaded = asf.ASF(file)
    loaded["WM/Genre"] = wish.genres
    file.seek(0)
    loaded.save(file, padding=_padding)


def _padding(info: Any) -> int:
    """Keep what padding there is; add some where a tag had to grow."""
    return int(info.padding) if info.padding >= 0 else fields.PADDING
