import base64
import struct
from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from mutagen import asf, flac, id3, mp4
from mutagen.asf._attrs import ASFByteArrayAttribute

from genred.analysis.cover import LONGEST, cover, shrink
from genred.errors import FileError
from genred.tags import pictures
from tests.makeaudio import make

RED, BLUE = (220, 30, 30), (30, 30, 220)


def picture(colour: tuple[int, int, int] = RED, codec: str = "mjpeg", width: int = 64, height: int = 48) -> bytes:
    """Return a picture of one colour."""
    pixels = {"mjpeg": "yuvj420p", "png": "rgb24", "libwebp": "yuv420p"}[codec]
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), colour, np.uint8), "rgb24").reformat(format=pixels)
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, pixels, Fraction(1, 25)
    frame.pts = 0
    return b"".join(map(bytes, [*encoder.encode(frame), *encoder.encode(None)]))


def seen(data: bytes | None) -> tuple[tuple[int, int], str]:
    """Return the size of a JPEG, and its colour in a word."""
    assert data is not None
    with av.open(BytesIO(data), "r") as file:
        assert file.format.name == "jpeg_pipe"
        frame = next(file.decode(file.streams.video[0]))
    r, _, b = frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0)
    return (frame.width, frame.height), "red" if r > b else "blue"


def of_flac(data: bytes, use: int = 3) -> flac.Picture:
    made = flac.Picture()
    made.data, made.type, made.mime = data, use, "image/jpeg"
    return made


def put_into_flac(path: Path, *found: tuple[int, bytes]) -> None:
    file = flac.FLAC(path)
    for use, data in found:
        file.add_picture(of_flac(data, use))
    file.save()


def put_into_comment(path: Path, *found: tuple[int, bytes]) -> None:
    file = mutagen.File(path)
    file["metadata_block_picture"] = [base64.b64encode(of_flac(data, use).write()).decode() for use, data in found]
    file.save()


def put_into_id3(path: Path, *found: tuple[int, bytes]) -> None:
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    for use, data in found:
        file.tags.add(id3.APIC(encoding=3, mime="image/jpeg", type=use, desc=str(use), data=data))
    file.save()


def put_into_mp4(path: Path, *found: tuple[int, bytes]) -> None:
    file = mp4.MP4(path)
    file["covr"] = [mp4.MP4Cover(data) for _, data in sorted(found, key=lambda it: it[0] != 3)]
    file.save()


def put_into_ape(path: Path, *found: tuple[int, bytes]) -> None:
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    for use, data in found:
        file.tags["Cover Art (Front)" if use == 3 else "Cover Art (Back)"] = b"x.jpg\0" + data
    file.save()


def put_into_asf(path: Path, *found: tuple[int, bytes]) -> None:
    file = asf.ASF(path)
    head = "image/jpeg\0".encode("utf-16-le") + "\0".encode("utf-16-le")
    file["WM/Picture"] = [
        ASFByteArrayAttribute(struct.pack("<BI", use, len(data)) + head + data) for use, data in found
    ]
    file.save()


@pytest.mark.parametrize(
    ("suffix", "put"),
    [
        ("flac", put_into_flac),
        ("flac", put_into_comment),
        ("ogg", put_into_comment),
        ("opus", put_into_comment),
        ("mp3", put_into_id3),
        ("wav", put_into_id3),
        ("aiff", put_into_id3),
        ("m4a", put_into_mp4),
        ("wv", put_into_ape),
        ("wma", put_into_asf),
    ],
)
def test_the_front_cover_in_the_tags_of_each_kind_of_file(
    tmp_path: Path, suffix: str, put: Callable[..., None]
) -> None:
    """It comes before the picture of the back, and before one that lies in the folder."""
    song = make(tmp_path / f"x.{suffix}", 0.2)
    (tmp_path / "cover.jpg").write_bytes(picture(BLUE, width=10))
    put(song, (4, picture(BLUE)), (3, picture(RED)))
    assert seen(cover(song)) == ((64, 48), "red")


@pytest.mark.parametrize("name", ["cover.jpg", "Folder.JPG", "front.png", "AlbumArt.webp"])
def test_a_picture_beside_the_music(tmp_path: Path, name: str) -> None:
    """Under one of the usual names, of whatever of the three kinds its bytes are; for the discs of an album, too."""
    disc = tmp_path / "CD 1"
    disc.mkdir()
    song = make(disc / "x.flac", 0.2)
    assert cover(song) is None
    codec = {".png": "png", ".webp": "libwebp"}.get(Path(name).suffix.lower(), "mjpeg")
    (tmp_path / name).write_bytes(picture(RED, codec))
    assert seen(cover(song)) == ((64, 48), "red")
    (tmp_path / "another.jpg").write_bytes(picture(BLUE))
    (disc / name).write_bytes(picture(BLUE, "png"))
    assert seen(cover(song)) == ((64, 48), "blue")


@pytest.mark.parametrize("codec", ["mjpeg", "png", "libwebp"])
def test_a_large_picture_is_made_small(codec: str) -> None:
    """With its proportions; a small one stays as small as it is."""
    assert seen(shrink(picture(RED, codec, 1500, 1000))) == ((LONGEST, 320), "red")
    assert seen(shrink(picture(BLUE, codec, 31, 17))) == ((31, 17), "blue")


def test_what_is_no_picture_is_never_shown(tmp_path: Path) -> None:
    """Markup, a damaged picture, one too large, one behind a link, and what is no file: none of them, and no error."""
    song = make(tmp_path / "x.flac", 0.2)
    put_into_flac(song, (3, b"<svg onload='alert(1)'/>"))
    for data in (b"<svg/>", picture()[:200], b"\xff\xd8\xff", picture() + bytes(pictures.LARGEST), b"RIFF\0\0\0\0WEBP"):
        (tmp_path / "cover.jpg").write_bytes(data)
        assert cover(song) is None
    outside = tmp_path.parent / f"{tmp_path.name}.jpg"
    outside.write_bytes(picture())
    (tmp_path / "cover.jpg").unlink()
    (tmp_path / "cover.jpg").symlink_to(outside)
    (tmp_path / "folder.jpg").mkdir()
    assert cover(song) is None


def test_a_picture_of_a_gigapixel_is_not_unpacked() -> None:
    """A few bytes of PNG may claim any size."""
    small = picture(codec="png")
    huge = small[:16] + struct.pack(">II", 30_000, 30_000) + small[24:]
    assert shrink(huge) is None


def test_a_file_whose_tags_cannot_be_read_has_the_cover_of_its_folder(tmp_path: Path) -> None:
    """It is the album's cover; but a file that isn't there has none."""
    (tmp_path / "x.mp3").write_bytes(b"nothing")
    (tmp_path / "cover.jpg").write_bytes(picture())
    assert seen(cover(tmp_path / "x.mp3"))[1] == "red"
    with pytest.raises(FileError, match="no such file"):
        cover(tmp_path / "gone.mp3")
