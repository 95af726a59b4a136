"""The genre of a file: it is read through mutagen and written into the tag's own bytes; all else is proven untouched.

What players read decides which tag the genre goes to: the one that already describes the music. Every other place that
names a genre is kept in step, so that no two players disagree:

=====================  =========================================================================================
MP3, AAC, True Audio   ID3v2 where there is one, else an APEv2 tag that names the music, else a new ID3v2.4 tag.
                       A file with only ID3v1 gets an ID3v2 tag that repeats ID3v1: players that find an ID3v2 tag
                       (FFmpeg's, for one) look no further, and title and artist would seem lost.
FLAC, Ogg              the Vorbis comment (GENRE, one field for each)
MP4                    ``©gen``; the numeric ``gnre`` goes, a free-form GENRE follows
Windows Media          ``WM/Genre``
WAV, AIFF, DSF, DFF    the ID3v2 chunk; IGNR as well where a WAV file has an INFO list
APE, MPC, WV, OFR, TAK the APEv2 tag
=====================  =========================================================================================

An ID3v2 tag keeps its version, 2.2 included, unless the caller asks for another. Its genres are texts, never numbers.
The genre is written into the bytes of the tag: mutagen's own save renders whole tags anew, and under the same proof as
here (`edit_clone`) 49 of the 282 files of three tag libraries' test suites, which are now tagged, had to be refused.
These functions meet hostile bytes: run them in a process that may die.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from genred.errors import FileError, TagError
from genred.fs.files import open_regular
from genred.genres import Place, is_said, said
from genred.names import Labels
from genred.tags import pictures, proof, readers, writers
from genred.tags.containers import Kind, sniff
from genred.tags.labels import labels_of
from genred.tags.payload import READ_ONLY, payload_hash
from genred.tags.places import places_in
from genred.tags.writers import Id3Version

__all__ = ["Id3Version", "dump", "edit_clone", "read", "read_genres", "read_picture", "read_places", "write_genres"]


def read(path: Path) -> tuple[tuple[Place, ...], Labels]:
    """Return every place of a file that names its genre, as `read_places`, and its labels; the tags are parsed once.

    Raises
    ------
    TagError
        As `read_genres`.
    """
    parsed: list[Any] = []
    with _understood(path, os.O_RDONLY) as (file, kind):
        return tuple(places_in(file, kind, parsed)), labels_of(parsed)


def read_places(path: Path) -> tuple[Place, ...]:
    """Return every place of a file that names its genre; the first is the one that is written to, even if it is silent.

    Every place is among them that a save would replace, or that some reader prefers to what a save writes.

    Raises
    ------
    TagError
        As `read_genres`.
    """
    places, _ = read(path)
    return places


def read_genres(path: Path) -> list[str]:
    """Return the genres that a file names in any place: numbers as names, empty ones left out.

    Raises
    ------
    TagError
        If the file holds no tags genred knows how to read, or they are damaged.
    """
    return list(said(read_places(path)))


def read_picture(path: Path) -> bytes | None:
    """Return the picture in a file's tags, the front cover before others; None where there is none fit to be shown.

    Raises
    ------
    TagError
        As `read_genres`.
    """
    with _understood(path, os.O_RDONLY) as (file, kind):
        return pictures.in_tags(file, kind)


def write_genres(path: Path, genres: Sequence[str], *, id3_version: Id3Version = "keep", separator: str = "; ") -> None:
    """Set the genres in a file, in place, so only ever in a private copy; an empty list removes the field.

    Parameters
    ----------
    path
        The private copy.
    genres
        The genres that the file is to name; one value for each where the tag has lists.
    id3_version
        The version of an ID3v2 tag; a version that the tag doesn't have converts all its frames, "keep" changes none.
    separator
        Joins the genres in ID3v2.2 and 2.3, which have no lists.

    Raises
    ------
    TagError
        If the file can't be tagged. The file may be changed already.
    """
    with _understood(path, os.O_RDWR) as (file, kind):
        readers.load(file, kind)  # what mutagen can't read nobody could check afterwards
        writers.write(file, kind, writers.Wish(list(genres), id3_version, separator))


def dump(path: Path) -> dict[str, object]:
    """Return all that a file's tags hold but the genre, and what is known of the stream, to be compared with `==`.

    The tags are there twice: as mutagen understands them ("seen"), and tag by tag as bytes, large ones as digests.

    Raises
    ------
    TagError
        As `read_genres`.
    """
    with _understood(path, os.O_RDONLY) as (file, kind):
        return proof.dump(file, kind)


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
        now, places = dump(clone), read_places(clone)
    except TagError as error:
        raise TagError(original, error.reason, transient=error.transient) from error
    if not proof.same(said, now, converted=id3_version != "keep"):
        raise TagError(original, "more than the genre would have changed; nothing was written")
    if not is_said(places[:1], wanted, separator):
        raise TagError(original, f"the genre would have read {_text(places[0])}; nothing was written")
    for place in places[1:]:
        if not is_said([places[0], place], wanted, separator):
            raise TagError(original, f"{place.where} would still say {_text(place)}, and genred can't write there")


def _text(place: Place) -> str:
    return repr(", ".join(place.genres)[:80])


@contextmanager
def _understood(path: Path, flags: int) -> Iterator[tuple[BinaryIO, Kind]]:
    """Open a file of a kind that genred knows; raise a `TagError` with the reason if anything goes wrong."""
    try:
        with open_regular(path) if flags == os.O_RDONLY else open(os.open(path, flags | os.O_NOFOLLOW), "r+b") as file:
            kind = sniff(file)
            if kind is None:
                empty = not os.fstat(file.fileno()).st_size
                raise TagError(path, "it is empty" if empty else "genred knows no tags for this kind of file")
            if kind is Kind.MATROSKA and flags != os.O_RDONLY:
                raise TagError(path, READ_ONLY)
            yield file, kind
    except FileError:
        raise
    except MemoryError as error:
        raise TagError(path, "its tags need more memory to read than a worker may take") from error
    # Anything at all: hostile files make mutagen raise IndexError, struct.error, MemoryError and more.
    except Exception as error:
        told = error.args[0] if error.args and isinstance(error.args[0], OSError) else error  # mutagen wraps them
        if isinstance(told, OSError):
            raise TagError(path, f"its tags can't be reached: {told.strerror or told}", transient=True) from error
        what = "its tags can't be read" if flags == os.O_RDONLY else "it can't be tagged"
        raise TagError(path, f"{what} ({str(error) or type(error).__name__})") from error
