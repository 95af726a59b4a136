"""A file's tags as mutagen sees them, and the places of those that mutagen knows best."""

from io import BytesIO
from typing import Any, BinaryIO, Final

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

from genred.tags.containers import Ends, Kind, Span, ends, need_at, read_at

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


def load(file: BinaryIO, kind: Kind) -> Any:
    """The file as mutagen sees it."""
    reader = READERS.get(kind) or ogg_codec(file)[1]
    file.seek(0)
    return reader(file)


def ogg_codec(file: BinaryIO) -> tuple[tuple[bytes, ...], Any, int]:
    """Of the first stream with tags: how its comment packet may start, who reads it, its serial number."""
    file.seek(0)
    page = OggPage(file)
    while page.first:
        for head, comments, reader in OGG:
            if page.packets[0].startswith(head):
                return comments, reader, page.serial
        page = OggPage(file)
    raise ValueError("it is an Ogg file without a codec that genred knows")


def ogg_comment(file: BinaryIO) -> tuple[list[OggPage], bytes, bytes]:
    """The pages that hold the comment packet, how it starts, and the comment itself."""
    starts, _, serial = ogg_codec(file)
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


def ilst(file: BinaryIO) -> list[tuple[bytes, bytes]]:
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


def ape_tag(file: BinaryIO, span: Span) -> apev2.APEv2:
    return apev2.APEv2(BytesIO(need_at(file, span.start, span.end - span.start)))


def v1_frames(file: BinaryIO, around: Ends) -> dict[str, Any]:
    """The ID3v1 tag as ID3v2.4 frames."""
    found = id3.ParseID3v1(read_at(file, around.id3v1.start, 128)) if around.id3v1 else None
    frames = {key: frame for key, frame in (found or {}).items() if key != "TCON"}
    comment = frames.pop("COMM", None)
    if comment is not None:
        comment.desc = ""  # mutagen marks where it is from; for everybody else it is the comment
        frames[comment.HashKey] = comment
    return frames


def genres_in(file: BinaryIO, kind: Kind) -> list[str]:
    found = _shown(load(file, kind).tags)
    if not found and kind in (Kind.MPEG, Kind.TTA):
        span = ends(file).ape
        found = _shown(ape_tag(file, span)) if span else []
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
