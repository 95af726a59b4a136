"""The albums in a folder: which tracks belong together, by their labels and, where there are none, by the folder.

A folder is taken with its discs (`genred.names.album_folder`). In it, tracks with one title of an album and one artist
of the album are an album. An album by many artists is one album for each of them: what holds for one says little about
the others. Tracks without a title are an album if one artist made them, or if nobody says who did and the folder looks
like an album; an inbox, downloads and collected singles are none, so that each track in them stands alone. Pure.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from genred.genres import is_generic
from genred.names import Labels, album_folder, name_key

Album = tuple[Path, ...]
"""The tracks of one album, in the order of their names."""

LARGEST_UNNAMED = 50
"""Of tracks without labels and without numbers, so many are taken for an album at most."""

_NO_TITLE = """
Unknown Album, Untitled Album, No Album, Unbekanntes Album, Album inconnu, Álbum desconocido, Album sconosciuto,
Onbekend album, Álbum desconhecido, Okänt album, Ukendt album, Ukjent album, Tuntematon albumi, Nieznany album,
Неизвестный альбом, 不明なアルバム, 未知专辑, Singles, Non-Album Tracks, [non-album tracks]
"""
_COLLECTED = """
Downloads, Download, Inbox, Incoming, New, Unsorted, To Sort, Singles, Tracks, Songs, Music, My Music, Audio, MP3, Misc,
Miscellaneous, Various, Mixed, Temp, Tmp, Desktop, Favorites, Favourites, Podcasts, YouTube, SoundCloud, Musik, Neu,
Lieder, Musique, Téléchargements, Música, Descargas, Canciones, Musica, Muziek, Musik, Muzyka, Музыка, Загрузки
"""
"""Names of folders in which music is only collected."""
_NUMBERED = re.compile(r"(?:(?:cd|dis[ck]|track|side)?[\s._-]*)?(?:\d{1,2}[-._])?(\d{1,3})(?!\d)", re.IGNORECASE)


def albums(tracks: Mapping[Path, Labels]) -> list[Album]:
    """Return the albums that the tracks of one folder and its discs make; each track is in one of them.

    Parameters
    ----------
    tracks
        All tracks there, with their labels.
    """
    titled: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(tracks):
        titled[_title(tracks[path])].append(path)
    untitled = titled.pop("", [])
    found = [album for members in titled.values() for album in _of_one_title(members, tracks)]
    if len(found) == 1 and len(untitled) < len(found[0]):
        joining = [path for path in untitled if _fits(tracks[path], found[0], tracks)]
        found = [tuple(sorted((*found[0], *joining)))]
        untitled = [path for path in untitled if path not in joining]
    return sorted([*found, *_without_title(untitled, tracks, alone=bool(found))])


def _title(labels: Labels) -> str:
    return "" if labels.album_key in _NO_TITLE_KEYS or is_generic(labels.album) else labels.album_key


def _of_one_title(members: list[Path], tracks: Mapping[Path, Labels]) -> list[Album]:
    """Return the albums among tracks that name one title, which may be that of several ("Greatest Hits")."""
    if any(tracks[path].is_by_many for path in members):
        return [tuple(group) for group in _by_artist(members, tracks)]
    named = [path for path in members if tracks[path].album_artist]
    rest = [path for path in members if not tracks[path].album_artist]
    groups = _grouped(named, lambda path: tracks[path].album_artist_key)
    strangers = []
    for path in rest:
        own = groups.get(tracks[path].artist_key)
        strangers.append(path) if own is None else own.append(path)
    if len(groups) == 1 and all(not tracks[path].artist_key for path in strangers):
        next(iter(groups.values())).extend(strangers)
        strangers = []
    made = [strangers] if _one_made(strangers, tracks) else _by_artist(strangers, tracks)
    return [tuple(sorted(group)) for group in (*groups.values(), *made) if group]


def _without_title(members: list[Path], tracks: Mapping[Path, Labels], *, alone: bool) -> list[Album]:
    """Return the albums among tracks that name no title; ``alone`` if the folder holds an album beside them."""
    if members and not alone and _one_made(members, tracks) and _looks_like_an_album(members, tracks):
        main = _main_artist(members, tracks)
        together = [path for path in members if tracks[path].artist_key in ("", main)]
        strangers = [path for path in members if path not in together]
        return [tuple(together), *((path,) for path in strangers)]
    return [(path,) for path in members]


def _looks_like_an_album(members: list[Path], tracks: Mapping[Path, Labels]) -> bool:
    """Return whether the folder of tracks without a title is one in which music isn't just collected."""
    if len({album_folder(path) for path in members}) > 1:
        return False
    if name_key(album_folder(members[0]).name) in _COLLECTED_KEYS:
        return False
    if any(tracks[path].artist_key for path in members) or len(members) <= LARGEST_UNNAMED:
        return True
    numbers = [match[1] for path in members if (match := _NUMBERED.match(path.stem))]
    return 2 * len(numbers) > len(members)


def _one_made(members: list[Path], tracks: Mapping[Path, Labels]) -> bool:
    """Return whether one artist made more than half of the tracks that name an artist, or none of them names one."""
    named = [key for path in members if (key := tracks[path].artist_key)]
    return not named or 2 * max(Counter(named).values()) > len(named)


def _main_artist(members: list[Path], tracks: Mapping[Path, Labels]) -> str:
    named = Counter(key for path in members if (key := tracks[path].artist_key))
    return max(named, key=lambda key: named[key], default="")


def _fits(labels: Labels, album: Album, tracks: Mapping[Path, Labels]) -> bool:
    """Return whether a track that names no title may be of an album; one that says it is by many is of none."""
    return not labels.is_by_many and labels.artist_key in ("", *(tracks[path].artist_key for path in album))


def _by_artist(members: list[Path], tracks: Mapping[Path, Labels]) -> list[list[Path]]:
    """Return tracks by their artists; a track that names none stands alone."""
    groups = _grouped(members, lambda path: tracks[path].artist_key)
    unnamed = groups.pop("", [])
    return [*groups.values(), *([path] for path in unnamed)]


def _grouped(members: Iterable[Path], key: Callable[[Path], str]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path in members:
        groups.setdefault(key(path), []).append(path)
    return groups


_NO_TITLE_KEYS = frozenset(Labels(album=name).album_key for name in re.split("[,\n]", _NO_TITLE)) | {""}
_COLLECTED_KEYS = frozenset(name_key(name) for name in re.split("[,\n]", _COLLECTED) if name.strip())
