"""Every place of a file that names its genre to some reader: what a save would replace, hide or contradict.

The first place is the one that the genre is written to, and is there even if it says nothing. The tags that are parsed
on the way name the artist and the album too: whoever asks for these as well hands in a list that collects the tags.
"""

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any, BinaryIO

from mutagen import apev2, id3
from mutagen._vorbis import VCommentDict

from genred.genres import ID3V1, Place
from genred.tags import matroska, movie, ogg, windows
from genred.tags.containers import IFF, Chunk, Ends, Form, Kind, chunks, ends, need_at, read_at
from genred.tags.fields import names_genre
from genred.tags.readers import ape_keys, load, ogg_codec, place_of, v1_genres
from genred.tags.splice import dsf_tag

Parsed = list[Any]
"""Tags as mutagen parsed them, or as `labels.Texts`; those that readers prefer come first."""


def places_in(file: BinaryIO, kind: Kind, parsed: Parsed | None = None) -> list[Place]:
    """Find the places of an open file that name a genre; the first is the one that is written to.

    Numbers are read as the names that they stand for; empty texts are left out.

    Parameters
    ----------
    file, kind
        The file and its container.
    parsed
        Gets the tags that were parsed, for `labels.labels_of`.
    """
    tags: Parsed = [] if parsed is None else parsed
    match kind:
        case Kind.MP4:
            found = movie.places_in(file, tags)
        case Kind.OGG:
            found = _ogg(file, tags)
        case Kind.ASF:
            found = _asf(file, tags)
        case Kind.WAVE | Kind.AIFF | Kind.DSDIFF:
            found = _iff(file, kind, tags)
        case Kind.DSF:
            span = dsf_tag(file)
            found = _id3(need_at(file, span.start, span.end - span.start), tags)
        case Kind.MATROSKA:
            tags.append(matroska.texts(file))
            found = iter([place_of("Matroska GENRE", tags[-1].get("genre", ()))])
        case _:
            found = _stream(file, kind, tags)
    first, *others = found
    return [first, *(place for place in others if place.genres)]


def _stream(file: BinaryIO, kind: Kind, parsed: Parsed) -> Iterator[Place]:
    around = ends(file)
    form = main_form(file, kind, around)
    if form is None:
        parsed.append(load(file, kind).tags or {})
        main = place_of(VORBIS, _texts(parsed[-1], "genre"))
    found = list(_around(file, around, parsed))
    if form is not None:
        where = APE if form is Form.APE else TCON
        main = next((place for place in found if place.where == where), Place(where, ()))
    yield main
    yield from (place for place in found if place is not main)


_V1 = {"artist": "TPE1", "album": "TALB"}
TCON, APE, VORBIS = "ID3v2 TCON", "APEv2 Genre", "Vorbis comment GENRE"


def main_form(file: BinaryIO, kind: Kind, around: Ends) -> Form | None:
    """Return the form of tag that the genre of a plain stream is written to; None for FLAC, which has comments.

    For MPEG audio it is ID3v2, or APEv2 if only an APEv2 tag names the music (one of mp3gain's doesn't).
    """
    if kind is Kind.FLAC:
        return None
    if kind not in (Kind.MPEG, Kind.ADTS, Kind.TTA):
        return Form.APE
    named = bool({"title", "artist", "album"} & ape_keys(file, around.ape))
    return Form.APE if named and not around.id3v2.end else Form.ID3V2


def _around(file: BinaryIO, around: Ends, parsed: Parsed) -> Iterator[Place]:
    """Read the tags in front of a stream and behind it; the tags that readers find first get the plainest names."""
    for tag in around.front + around.back:
        data = need_at(file, tag.span.start, tag.span.end - tag.span.start)
        is_first = tag.span in (around.id3v2, around.ape)
        match tag.form:
            case Form.ID3V2:
                tail = "" if is_first else " of another tag" if tag in around.front else " of a tag at the end"
                yield from _id3(data, parsed, tail)
            case Form.APE:
                yield place_of(APE if is_first else f"{APE} of another tag", _ape(data, parsed))
            case Form.ID3V1:
                frames = id3.ParseID3v1(data) or {}
                parsed.append({name: frames[key].text for name, key in _V1.items() if key in frames})
                yield place_of(ID3V1, v1_genres(frames))


def _id3(data: bytes, parsed: Parsed, tail: str = "") -> Iterator[Place]:
    """Read an ID3v2 tag: its genre, and user-defined texts named "genre"."""
    if not data:
        yield Place(TCON + tail, ())
        return
    tags = id3.ID3(BytesIO(data), load_v1=False)
    parsed.append(tags)
    yield place_of(TCON + tail, (genre for frame in tags.getall("TCON") for genre in frame.genres))
    for frame in tags.getall("TXXX"):
        if names_genre(frame.desc):
            yield place_of(f"ID3v2 TXXX {frame.desc}{tail}", map(str, frame.text))


def _ape(data: bytes, parsed: Parsed) -> Iterable[str]:
    if data[-16:-12] == bytes(4):  # of a tag without items mutagen says that there is none
        return ()
    parsed.append(apev2.APEv2(BytesIO(data)))
    value = parsed[-1].get("Genre")
    return list(value) if isinstance(value, apev2.APETextValue) else ()


def _texts(tags: Any, key: str) -> Sequence[str]:
    texts: Sequence[str] = tags.get(key) or []
    return texts


def _iff(file: BinaryIO, kind: Kind, parsed: Parsed) -> Iterator[Place]:
    found: list[Place] = []
    infos: Parsed = []
    tail = ""
    for chunk in _chunks_there(file, kind):
        if chunk.name.lower() == b"id3 ":
            found += _id3(read_at(file, chunk.data, chunk.size), parsed, tail)
            tail = " of another chunk"
        elif chunk.name == b"LIST" and read_at(file, chunk.data, 4) == b"INFO":
            found += _info(file, chunk, infos)
    parsed += infos
    main = next((place for place in found if place.where == TCON), Place(TCON, ()))
    yield main
    yield from (place for place in found if place is not main)


def _chunks_there(file: BinaryIO, kind: Kind) -> Iterator[Chunk]:
    """Walk the chunks up to the end of the file or one that is cut short, as readers do, whatever the form claims."""
    try:
        yield from chunks(file, IFF[kind])
    except ValueError:
        return


def _info(file: BinaryIO, info: Chunk, parsed: Parsed) -> Iterator[Place]:
    texts: dict[str, list[str]] = {}
    parsed.append(texts)
    try:
        for item in chunks(file, IFF[Kind.WAVE], info.data + info.size, info.data + 4):
            name = item.name.upper()
            if name in (b"IGNR", b"IART", b"IPRD"):
                texts[name.decode().lower()] = [_plain(read_at(file, item.data, item.size))]
            if name == b"IGNR":
                yield place_of("INFO IGNR", texts["ignr"])
    except ValueError:
        return


def _plain(raw: bytes) -> str:
    text = raw.partition(b"\0")[0]
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")


def _ogg(file: BinaryIO, parsed: Parsed) -> Iterator[Place]:
    parsed.append(load(file, Kind.OGG).tags or {})
    yield place_of(VORBIS, _texts(parsed[-1], "genre"))
    _, _, main = ogg_codec(file)
    others = list(ogg.comments(file))
    others.remove(next(found for found in others if found[0] == main))
    for _, comment in others:
        yield place_of(f"{VORBIS} of another stream", _texts(VCommentDict(comment, framing=False), "genre"))


def _asf(file: BinaryIO, parsed: Parsed) -> Iterator[Place]:
    parsed.append(load(file, Kind.ASF).tags or {})
    tags: list[tuple[str, Any]] = list(parsed[-1])
    yield place_of("WM/Genre", [str(value) for name, value in tags if name == "WM/Genre"])
    for name, value in tags:
        if name != "WM/Genre" and windows.is_genre(name):
            yield place_of(name, [str(value)])
