"""The proof that nothing but the genre changed: all that a file's tags hold, twice, to be compared.

The tags are held as mutagen understands them, and tag by tag as bytes, which show what mutagen drops or mends in
silence.
"""

import struct
from collections.abc import Iterable
from hashlib import blake2b
from io import BytesIO
from typing import Any, BinaryIO

from mutagen import apev2, asf, id3, mp4

from genred.tags import fields, windows
from genred.tags.containers import Ends, Form, Kind, ends, need_at, read_at, size_of
from genred.tags.readers import ilst, load, ogg_comment, v1_frames
from genred.tags.splice import FLAC_COMMENT, FLAC_PADDING, dsf_tag, flac_blocks, id3_chunks, info_items, info_lists


def dump(file: BinaryIO, kind: Kind) -> dict[str, object]:
    """Return what `genred.tags.dump` does, of an open file."""
    loaded = load(file, kind)
    seen = {"kind": kind, "info": _stream(loaded.info), "seen": _seen(file, kind, loaded)}
    return seen | _raw(file, kind)


def same(before: dict[str, object], after: dict[str, object], *, converted: bool) -> bool:
    """Return whether nothing but the genre differs."""
    ignored = {"id3v2"} if converted else set()
    if "id3v1 at the end" in before and "id3v2" not in before:
        ignored = {"id3v2"}  # a new tag repeats ID3v1, and "seen" holds what either says
    kept = [{key: value for key, value in held.items() if value and key not in ignored} for held in (before, after)]
    return kept[0] == kept[1]


def _stream(info: Any) -> dict[str, object]:
    """Return what mutagen tells of the audio, without values that it derives from the size of the file or its tags."""
    derived = {"bitrate", "length", "frame_offset", "sketchy"}
    said = {key: value for key, value in vars(info).items() if isinstance(value, int | float | str | bool)}
    return {key: value for key, value in said.items() if not key.startswith("_") and key not in derived}


def _plain(value: Any) -> object:
    """Return a value that can be compared: bytes become digests, and odd objects their contents."""
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
            # The raw bytes show the encoding of a text, and another version of ID3 needs another encoding.
            inner = {key: _plain(item) for key, item in getattr(value, "__dict__", {}).items() if key != "encoding"}
            return (type(value).__name__, inner) if inner else repr(value)


_NOTHING = _plain(b"")


def _seen(file: BinaryIO, kind: Kind, loaded: Any) -> dict[str, object]:
    """Return every field but the genre, as mutagen understands it."""
    tags = loaded.tags
    if kind in (Kind.MPEG, Kind.ADTS, Kind.TTA):
        tags = _id3_or_v1(file, ends(file))
    seen: dict[str, object] = {}
    match tags:
        case dict() | id3.ID3Tags():
            seen = {key: _plain(frame) for key, frame in tags.items() if not _is_genre(key, frame)}
        case apev2.APEv2():
            seen = {key: (item.kind, _plain(item.value)) for key, item in tags.items() if key.lower() != "genre"}
        case mp4.MP4Tags():
            seen = {key: _plain(value) for key, value in tags.items() if not _is_genre_atom(key)}
        case asf.ASFTags():
            kept = ((key, value) for key, value in sorted(tags, key=_name) if not windows.is_genre(key))
            seen = {"fields": [(key, _attribute(value)) for key, value in kept]}
        case list():
            seen = {"fields": [(key, _plain(value)) for key, value in tags if key.lower() != "genre"]}
    return {key: value for key, value in seen.items() if value}


def _is_genre(key: str, frame: Any) -> bool:
    return key.startswith("TCON") or (key.startswith("TXXX") and fields.names_genre(frame.desc))


def _is_genre_atom(key: str) -> bool:
    return key == "\xa9gen" or (key.startswith("----:") and fields.names_genre(key.rpartition(":")[2]))


def _name(item: tuple[str, Any]) -> str:
    return item[0]


def _attribute(value: Any) -> object:
    return value.TYPE, value.language, value.stream, _plain(value.value)


def _id3_or_v1(file: BinaryIO, around: Ends) -> Any:
    """Return what readers of ID3 see: the ID3v2 tag, else the ID3v1 tag as ID3v2 frames."""
    if around.id3v2.end:
        return id3.ID3(BytesIO(read_at(file, 0, around.id3v2.end)), load_v1=False)
    return v1_frames(file, around) or None


def _raw(file: BinaryIO, kind: Kind) -> dict[str, object]:
    """Return every tag in a file as bytes without the genre; tags that hold only a genre are left out."""
    held: dict[str, object] = {}
    match kind:
        case Kind.OGG:
            _, _, packet = ogg_comment(file)
            vendor, entries, rest = fields.parse_vorbis(packet)
            held["vorbis"] = [_plain(vendor), *_entries(entries)]
            held["rest"] = _plain(rest.rstrip(b"\0"))
        case Kind.MP4:
            held |= _raw_mp4(file)
        case Kind.WAVE | Kind.AIFF | Kind.DSDIFF:
            held |= _numbered(_raw_id3(need_at(file, c.data, c.size)) for c in id3_chunks(file, kind))
            if kind is Kind.WAVE:
                lists = (info_items(file, info) for info in info_lists(file))
                held["info lists"] = [[_plain(raw) for name, raw in items if name != b"IGNR"] for items in lists]
        case Kind.DSF:
            span = dsf_tag(file)
            held |= _raw_id3(read_at(file, span.start, span.end - span.start))
        case Kind.ASF:
            (size,) = struct.unpack("<Q", need_at(file, 16, 8))
            held["header"] = [_plain(data) for _, data in windows.without_genres(need_at(file, 0, size))]
        case _:
            held |= _raw_stream(file, kind)
    return held


def _numbered(tags: Iterable[dict[str, object]]) -> dict[str, object]:
    """Join several tags of one kind: the first keeps its name, the others get a number."""
    return {f"{name} {i}" if i else name: held for i, tag in enumerate(tags) for name, held in tag.items()}


def _entries(entries: list[bytes]) -> list[object]:
    return [_plain(entry) for entry in entries if entry.partition(b"=")[0].upper() != b"GENRE"]


def _raw_id3(data: bytes) -> dict[str, object]:
    if not data:
        return {}
    tag = fields.parse_id3(data)
    frames = [(name, _plain(raw)) for name, raw in tag.frames if not fields.is_genre_frame(tag.major, raw)]
    return {"id3v2": (tag.major, frames, _plain(tag.junk))} if frames or tag.junk else {}


def _raw_stream(file: BinaryIO, kind: Kind) -> dict[str, object]:
    around = ends(file)
    held: dict[str, object] = {}
    if kind is Kind.FLAC:
        blocks, _ = flac_blocks(file, around.audio.start)
        comments = [data for code, data in blocks if code == FLAC_COMMENT]
        if comments and (entries := _entries(fields.parse_vorbis(comments[0])[1])):
            held["vorbis"] = entries
        others = [block for block in blocks if block[0] not in (FLAC_PADDING, FLAC_COMMENT)]
        held["blocks"] = [(code, _plain(data)) for code, data in others] + [_plain(data) for data in comments[1:]]
    at = around.audio.end
    between: list[object] = []
    for tag in around.back:  # Lyrics3 may stand on either side of an APEv2 tag
        between.append(_plain(read_at(file, at, tag.span.start - at)))
        at = tag.span.end
    # A new tag brings one more gap between two tags; this gap is empty, so empty gaps don't count.
    held["between"] = [said for said in (*between, _plain(read_at(file, at, size_of(file) - at))) if said != _NOTHING]
    for where, tags in (("", around.front), (" at the end", around.back)):
        for form in Form:
            spans = [tag.span for tag in tags if tag.form is form]
            found = _numbered(_raw_tag(form, need_at(file, span.start, span.end - span.start)) for span in spans)
            held |= {name + where: said for name, said in found.items()}
    return held


def _raw_tag(form: Form, data: bytes) -> dict[str, object]:
    match form:
        case Form.ID3V2:
            return _raw_id3(data)
        case Form.APE:
            return {"ape": [(key, _plain(raw)) for key, raw in fields.parse_ape(data) if key.upper() != b"GENRE"]}
        case Form.ID3V1:
            return {"id3v1": data[:127]}


def _raw_mp4(file: BinaryIO) -> dict[str, object]:
    others = ((name, raw) for name, raw in ilst(file) if name not in (b"gnre", b"\xa9gen"))
    kept = [(name, _plain(raw)) for name, raw in others if fields.free_form_genre(raw) is None]
    return {"items": kept} if kept else {}
