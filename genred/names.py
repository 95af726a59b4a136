"""The names of artists and albums, compared as people mean them; pure."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Labels:
    """The artist and the album that a file's tags name, as they are spelt; empty where the tags name none."""

    artist: str = ""
    """The artist of the track."""
    album_artist: str = ""
    """The artist of the whole album, where the tags tell the two apart."""
    album: str = ""
    compilation: bool = False
    """True where a flag says that the album is by many artists."""

    @property
    def is_by_many(self) -> bool:
        """Return whether the album is by many artists, by its flag or by what stands for an artist's name."""
        return self.compilation or is_various(self.album_artist)

    @property
    def artist_key(self) -> str:
        """The key of the track's artist; the album's artist stands in; empty where nobody is named."""
        return name_key(self.artist) or ("" if self.is_by_many else name_key(self.album_artist))

    @property
    def album_artist_key(self) -> str:
        """The key of the album's artist, who is the track's unless the tags say otherwise; `VARIOUS` for many."""
        if self.is_by_many:
            return VARIOUS
        return name_key(self.album_artist) or name_key(self.artist)

    @property
    def album_key(self) -> str:
        """The key of the album, the same for all of its discs; empty where no album is named."""
        return album_key(self.album)


NAMELESS = Labels()
VARIOUS = "various artists"
"""The key of the artist of a compilation."""

_VARIOUS = """
Various Artists, Various Artist, Various, VA, V.A., V/A, Multiple Artists, Compilation, Soundtrack, Original Soundtrack,
Verschiedene Interpreten, Verschiedene, Diverse Interpreten, Diverse, Artistes Divers, Artistes Variés,
Multi-interprètes, Varios Artistas, Varios, Vários Artistas, Vários, Artisti Vari, Autori Vari, AA.VV.,
Diverse Artiesten, Diverse Artister, Blandade Artister, Różni Wykonawcy, Eri esittäjiä, Разные исполнители,
ヴァリアス・アーティスト, オムニバス
"""

_ARTICLE = "the|a|an|der|die|das|le|la|les|los|las|el|il|lo|gli|de|het|os|as"
_ARTICLE_LAST = re.compile(rf"(.+\S)\s*,\s*({_ARTICLE})\s*")
_GUEST = re.compile(r"\s*[(\[]?(?<![\w.])(?:feat|ft|featuring)(?:\.\s*|\s+)(?!and\b)\w.*", re.DOTALL)
_AND = re.compile(r"(?<=\s)[&+](?=\s)")
_NUMBER = r"(?:\d{1,2}|one|two|three|four|i{1,3}|iv)"
_DISC = re.compile(rf"[\s,;:-]*[(\[]?\b(?:dis[ck]|cd)\s*(?:no\.?|nr\.?|#)?\s*{_NUMBER}\b.*")
_DISC_FOLDER = re.compile(
    r"(?:cd|dis[ck]|disque|dvd|lp|side)[\s._#-]*(?:no\.?)?\s*(?:\d{1,2}|[a-h]|one|two|three|four)\b.*", re.DOTALL
)
_MARKS = re.compile("[\u0300-\u036f]")  # accents of letters that stand without them, too; other scripts keep theirs


def name_key(name: str) -> str:
    """Return what the spellings of one artist's name have in common; empty if the name is.

    "Beatles, The" and "THE BEATLES" are one, with accents or without; "&" is "and"; guests are left out.
    A name of signs alone ("!!!") is its own key.
    """
    return _reduced(_GUEST.sub("", _plain(name)) or _plain(name))


def album_key(name: str) -> str:
    """Return what the names of one album's discs have in common ("Mellon Collie (Disc 2)"); empty if the name is."""
    plain = _plain(name)
    return _reduced(_DISC.sub("", plain) or plain)


def album_folder(path: Path) -> Path:
    """Return the folder of the album that a track may be of: of a track in a disc's folder ("CD1") the folder above."""
    folder = path.parent
    return folder.parent if is_disc(folder.name) else folder


def is_disc(folder: str) -> bool:
    """Return whether a folder's name is that of a disc of an album: "CD1", "Disc 2 - Live"."""
    return _DISC_FOLDER.match(folder.casefold()) is not None


def is_various(name: str) -> bool:
    """Return whether a name stands for many artists."""
    return bool(name) and name_key(name) in _VARIOUS_KEYS


def _plain(name: str) -> str:
    """Return a name in small letters without accents, its values after the first left out."""
    first = re.split("[\0;]", name.strip(" \0;"), maxsplit=1)[0]
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", first).casefold())
    return " ".join(unicodedata.normalize("NFKC", bare).split())


def _reduced(plain: str) -> str:
    if match := _ARTICLE_LAST.fullmatch(plain):
        plain = f"{match[2]} {match[1]}"
    words = _AND.sub("and", plain)
    kept = "".join(letter for letter in words if unicodedata.category(letter)[0] in "LNM" or letter == " ")
    key = " ".join(kept.split())
    return key.removeprefix("the ") or plain


_VARIOUS_KEYS = frozenset(name_key(name) for name in re.split("[,\n]", _VARIOUS) if name.strip())
