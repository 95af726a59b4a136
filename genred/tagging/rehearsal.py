"""The owner's library as a rehearsal knows it: what is noted, and tags that were read and are noted nowhere."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

from genred.history.library import Album, Indexed, Library
from genred.history.records import Author
from genred.names import VARIOUS

_Tracks = Counter[tuple[str, ...]]
_Albums = defaultdict[tuple[str, str], _Tracks]


class Rehearsed:
    """Answers the questions of `Library` with more files than the history knows; keeps counts, and no files.

    Parameters
    ----------
    library
        What is noted.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._artists: defaultdict[str, _Albums] = defaultdict(_albums)
        self._folders: defaultdict[Path, _Tracks] = defaultdict(Counter)
        self._shares: tuple[Mapping[tuple[str, ...], float], Mapping[tuple[str, ...], float]] = {}, {}

    def add(self, track: Indexed) -> None:
        """Count a file, once; one that a person gave no genre to says nothing, and one that is noted counts already."""
        if track.by is not Author.YOU or track.labels is None or not track.genres:
            return
        if any(known.by is Author.YOU and known.labels is not None for known in self._library.of([track.path])):
            return
        labels = track.labels
        for artist in {labels.artist_key, labels.album_artist_key} - {""}:
            self._artists[artist][labels.album_artist_key, labels.album_key][track.genres] += 1
        if not labels.album_key:
            self._folders[track.path.parent][track.genres] += 1
        self._shares = {}, {}

    def by_artist(self, artists: Collection[str]) -> dict[str, list[Album]]:
        """Return the albums of artists, as `Library.by_artist`."""
        found: dict[str, list[Album]] = {}
        for artist, noted in self._library.by_artist(artists).items():
            albums = _albums()
            for album in noted:
                albums[album.artist, album.album].update(album.tracks)
            for identity, tracks in self._artists.get(artist, {}).items():
                albums[identity].update(tracks)
            found[artist] = [Album(*identity, tracks) for identity, tracks in albums.items()]
        return found

    def shares(self) -> Mapping[tuple[str, ...], float]:
        """Return how often genres are used, as `Library.shares`; the same mapping until it is another."""
        noted = self._library.shares()
        if self._shares[0] is not noted:
            shares = defaultdict[tuple[str, ...], float](float, noted)
            titled = (tracks for albums in self._titled().values() for tracks in albums.values())
            for tracks in (*self._folders.values(), *titled):
                for genres, count in tracks.items():
                    shares[genres] += count / tracks.total()
            self._shares = noted, shares
        return self._shares[1]

    def artists(self, albums: int) -> list[list[Album]]:
        """Return albums by artist, as `Library.artists`."""
        titled = [albums for artist, albums in self._titled().items() if artist != VARIOUS]
        own = [[Album(*identity, tracks) for identity, tracks in albums.items()] for albums in titled]
        return self._library.artists(albums) + own[:albums]

    def _titled(self) -> dict[str, dict[tuple[str, str], _Tracks]]:
        """Return the albums that name a title, by their artists."""
        return {
            artist: {identity: tracks for identity, tracks in albums.items() if identity[0] == artist and identity[1]}
            for artist, albums in self._artists.items()
        }


def _albums() -> _Albums:
    return defaultdict(Counter)
