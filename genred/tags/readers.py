"""A file's tags as mutagen sees them, and the texts and raw bytes that mutagen finds best."""

import errno
import os
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from types import SimpleNamespace
from typing import Any, BinaryIO, Final

from mutagen import (
    aac,
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

from genred.genres import Place
from genred.tags.containers import (
    RIFF,
    STREAMS,
    Ends,
    Kind,
    Span,
    chunks,
    ends,
    iff_end,
    is_rf64,
    is_streamed,
    need_at,
    read_at,
)

READERS: Final = {
    Kind.MPEG: mp3.MP3,
    Kind.ADTS: aac.AAC,
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


OGG_FLAC_COMMENT = (b"\x04", b"\x84")

# The start of each codec's first Ogg packet, the starts that its comment packet may have, and its reader.
OGG: Final = (
    (b"\x01vorbis", (b"\x03vorbis",), oggvorbis.OggVorbis),
    (b"OpusHead", (b"OpusTags",), oggopus.OggOpus),
    (b"Speex   ", (b"",), oggspeex.OggSpeex),
    (b"\x80theora", (b"\x81theora",), oggtheora.OggTheora),
    (b"\x7fFLAC", OGG_FLAC_COMMENT, oggflac.OggFLAC),
)


class _From:
    """The part of a file from an offset on, for reading."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file, self._start = file, start
        self.seek(0)

    def seek(self, offset: int, whence: int = 0) -> int:
        at = self._file.seek(offset + (self._start if whence == 0 else 0), whence)
        if at < self._start:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return at - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def load(file: BinaryIO, kind: Kind) -> Any:
    """Return the file as mutagen sees it."""
    if kind is Kind.WAVE and (is_rf64(file) or is_streamed(file)):  # here mutagen can read only the tag
        found = (c for c in chunks(file, RIFF, iff_end(file, RIFF)) if c.name.lower() == b"id3 ")
        tags = next((id3.ID3(BytesIO(need_at(file, c.data, c.size))) for c in found), None)
        return SimpleNamespace(info=SimpleNamespace(), tags=tags)
    reader = READERS.get(kind) or ogg_codec(file)[1]
    # Some streams should have no tags in front; mutagen passes over one such tag at most.
    return reader(_From(file, ends(file).audio.start if kind in STREAMS.values() and kind is not Kind.TTA else 0))


def ogg_codec(file: BinaryIO) -> tuple[tuple[bytes, ...], Any, int]:
    """Return the possible starts of the first tagged stream's comment packet, its reader and its serial number."""
    file.seek(0)
    page = OggPage(file)
    while page.first:
        for head, comments, reader in OGG:
            if page.packets[0].startswith(head):
                return comments, reader, page.serial
        page = OggPage(file)
    raise ValueError("it is an Ogg file without a codec that genred knows")


def ogg_comment(file: BinaryIO) -> tuple[list[OggPage], bytes, bytes]:
    """Return the pages that hold the comment packet, the start of the packet, and the comment itself."""
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
    """Return the atoms of the item list of an MP4 file: name, raw bytes."""
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


def ape_keys(file: BinaryIO, span: Span | None) -> set[str]:
    """Return the names of the items of an APEv2 tag, in small letters."""
    data = need_at(file, span.start, span.end - span.start) if span else b""
    if data[-16:-12] in (b"", bytes(4)):  # mutagen says of a tag without items that it isn't there
        return set()
    return {key.lower() for key in apev2.APEv2(BytesIO(data))}


def v1_genres(frames: Mapping[str, Any]) -> list[str]:
    """Return the genre of an ID3v1 tag, which mutagen has as frames, in a list; empty if there is none."""
    frame = frames.get("TCON")
    return list(frame.genres) if frame else []


def v1_frames(file: BinaryIO, around: Ends) -> dict[str, Any]:
    """Return the ID3v1 tag as ID3v2.4 frames, without its genre."""
    found = id3.ParseID3v1(read_at(file, around.id3v1.start, 128)) if around.id3v1 else None
    frames = {key: frame for key, frame in (found or {}).items() if key != "TCON"}
    comment = frames.pop("COMM", None)
    if comment is not None:
        comment.desc = ""  # mutagen marks the comment as one of ID3v1; every other program has it as the plain comment
        frames[comment.HashKey] = comment
    return frames


_NUMBERED = re.compile(r"\((\d+|RX|CR)\)")


def place_of(where: str, texts: Iterable[str]) -> Place:
    """Return a place with the genres that its texts name: numbers as the genres they stand for, without empty texts.

    ID3 has genres as numbers in brackets, and converters copy these numbers into tags that know no numbers.
    """
    named = (
        name.strip()
        for text in texts
        for name in (id3.TCON(encoding=3, text=[text]).genres if _NUMBERED.match(text) else [text])
    )
    # A user may have chosen the name of the field; no more of it is shown than fits on a line of a terminal.
    shown = "".join(letter if letter.isprintable() else "?" for letter in where[:80])
    return Place(shown, tuple(name for name in named if name))
