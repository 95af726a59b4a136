"""What is heard of a file, for a browser to play, and the cover of its album: both are made by workers."""

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from genred.errors import FileError
from genred.web import http, render
from genred.web.guard import Refusal
from genred.web.site import NoSuchFile

_KEEP = {"Cache-Control": "private, max-age=3600"}
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")


def excerpt(request: Request) -> Response:
    """Answer with the very seconds of a file that are analysed, as MP3; a part of it where a part is asked for."""
    site, path = http.site(request), _file(request)
    with site.analysing() as analyser:
        data = site.kept.of("excerpt", path, analyser.excerpt)
    return _part(data, request.headers.get("range", ""), "audio/mpeg")


def cover(request: Request) -> Response:
    """Answer with the cover of the album that a file belongs to, or with a drawing that stands for it."""
    site, path = http.site(request), _file(request)
    try:
        with site.analysing() as analyser:
            data = site.kept.of("cover", path, lambda path: analyser.cover(path) or b"")
    except FileError:
        data = b""
    if not data:
        drawing = (render.FOLDER / "static" / "cover.svg").read_bytes()
        return Response(drawing, media_type="image/svg+xml", headers=_KEEP)
    return Response(data, media_type="image/jpeg", headers=_KEEP)


def _file(request: Request) -> Path:
    path = http.path_asked(request)
    if path is None:
        raise NoSuchFile
    return http.site(request).file(path)


def _part(data: bytes, wanted: str, kind: str) -> Response:
    """Answer with the bytes that are asked for: some players take nothing whole."""
    headers = {**_KEEP, "Accept-Ranges": "bytes"}
    if (match := _RANGE.fullmatch(wanted)) is None:
        return Response(data, media_type=kind, headers=headers)
    first, last = int(match[1]), min(int(match[2] or len(data)), len(data) - 1)
    if first > last:
        raise Refusal(416, "There is no such part of it.", Content_Range=f"bytes */{len(data)}")
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], 206, media_type=kind, headers=headers)
