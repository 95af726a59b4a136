"""The genre vocabulary: the meanings of spellings, the families of genres, and the user's own spellings."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

PARENT: dict[str, str] = {
    "Metal": "Rock",
    "Punk": "Rock",
    "Disco": "Pop",
}
"""Each subgenre with the genre that it belongs to, for an honest answer where only the family is clear."""

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "Blues": (),
    "Classical": ("Classic", "Classical Music", "Klassik", "Classique", "Orchestral", "Baroque"),
    "Country": ("Country & Western", "Country and Western"),
    "Disco": (),
    "Electronic": ("Electronica", "Electro", "Electronic Music", "Techno", "House", "Trance", "Dance", "EDM", "IDM"),
    "Folk": ("Folk Music", "Singer-Songwriter"),
    "Hip-Hop": ("Hip Hop", "Rap", "Rap/Hip-Hop", "Hip-Hop/Rap", "Hip Hop/Rap", "Hip-Hop & Rap"),
    "Jazz": (),
    "Latin": ("Latin Music", "Latino"),
    "Metal": ("Heavy Metal", "Death Metal", "Black Metal", "Thrash Metal"),
    "Pop": ("Pop Music",),
    "Punk": ("Punk Rock", "Hardcore Punk"),
    "R&B": ("RnB", "R'n'B", "Rhythm and Blues", "Soul", "Soul/R&B", "R&B/Soul", "Soul R&B", "soul_rnb"),
    "Reggae": ("Dub", "Ska", "Dancehall"),
    "Rock": ("Rock Music", "Rock & Roll", "Rock and Roll", "Classic Rock", "Hard Rock", "Pop/Rock", "Alternative Rock"),
}

GENRES = tuple(_SPELLINGS)
"""All genres, in the vocabulary's own spelling."""

_GENERIC = """
None, Null, Nil, N/A, N.A., Not Set, Not Specified, Not Available, Not Applicable, Unknown, Unknown Genre,
Genre Unknown, Undefined, Unspecified, Unset, No Genre, Untagged, Other, Others, Other Genre, Misc,
Miscellaneous, Default, Default Genre, Genre, Audio, Music, Unclassifiable, Unclassified, Uncategorized,
Uncategorised,
Unbekannt, Unbekanntes Genre, Genre unbekannt, Sonstige, Sonstiges, Andere, Kein Genre, Inconnu, Inconnue,
Genre inconnu, Autre, Autres, Divers, Non classé, Aucun, Aucun genre, Desconocido, Género desconocido, Otro,
Otros, Sin género, Sin clasificar, Ninguno, Sconosciuto, Genere sconosciuto, Altro, Nessuno, Nessun genere,
Desconhecido, Gênero desconhecido, Género desconhecido, Outro, Outros, Sem gênero, Nenhum, Onbekend,
Onbekend genre, Overig, Overige, Geen genre, Okänd, Okänt, Okänd genre, Övrigt, Ukendt, Ukendt genre, Ukjent,
Ukjent sjanger, Andet, Annet, Tuntematon, Tuntematon genre, Óþekkt, Tundmatu, Nezināms, Nežinomas, Nieznany,
Nieznane, Nieznany gatunek, Inny, Inne, Neznámý, Neznámý žánr, Neznáme, Ostatní, Jiné, Neznano, Nepoznato,
Nepoznat, Ismeretlen, Ismeretlen műfaj, Egyéb, Necunoscut, Gen necunoscut, Неизвестно, Неизвестный,
Неизвестный жанр, Другое, Прочее, Разное, Невідомо, Невідомий жанр, Неизвестен, Непознато, Непознат, Άγνωστο,
Άγνωστο είδος, Bilinmeyen, Bilinmiyor, Bilinmeyen tür, 不明, 未知, その他, ジャンル不明, 不明なジャンル, 未知流派,
未知风格, 未知类型, 未知類型, 不详, 不詳, 其他, 其它, 알 수 없음, 알 수 없는 장르, غير معروف, ناشناخته, לא ידוע,
अज्ञात, ไม่ทราบ, ไม่รู้จัก, Không rõ, Không xác định, Tidak diketahui, Tak diketahui, Desconegut, Ezezaguna, Descoñecido
"""
"""The words that rippers, players and shops fill in when they know no genre, in many languages."""


def key(name: str) -> str:
    """Return what the spellings of one genre have in common: "hiphop" of "Hip Hop", "hip-hop" and "HIPHOP"."""
    plain = unicodedata.normalize("NFKD", name).casefold().replace("&", "n").replace(" and ", "n")
    return re.sub(r"[\W_]+", "", plain)


_CANONICAL = {key(s): genre for genre, others in _SPELLINGS.items() for s in (genre, *others)}
_GENERIC_KEYS = frozenset(key(name) for name in ("", *re.split("[,\n]", _GENERIC)))
_JOINTS = re.compile(r"[;/,|\\\0\n]+")


def spellings(genre: str) -> tuple[str, ...]:
    """Return the other spellings that the vocabulary knows of a genre."""
    return _SPELLINGS.get(genre, ())


def canonical(name: str) -> str:
    """Return the vocabulary's name for a spelling; the name itself, trimmed, if the vocabulary doesn't know it."""
    return _CANONICAL.get(key(name), name.strip())


def is_generic(name: str) -> bool:
    """Return whether a genre says nothing ("Unknown", "Other; None" ...), and so counts as no genre."""
    return key(name) in _GENERIC_KEYS or all(key(part) in _GENERIC_KEYS for part in _JOINTS.split(name))


ID3V1 = "ID3v1"
"""The name of the place that holds a number from a fixed list, and so can name only the genres of that list."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file that may name genres, and the genres that it names."""

    where: str
    """The tag and its field, by the names under which a person would look for them."""
    genres: tuple[str, ...]


def said(places: Sequence[Place]) -> tuple[str, ...]:
    """Return all genres that a file names: those of its first place, then others that other places name.

    A place that says nothing ("Unknown") counts only if no place says anything.
    """
    telling = [place for place in places if not all(map(is_generic, place.genres))]
    if not telling:
        return next((place.genres for place in places if place.genres), ())
    first, *others = telling
    found = list(first.genres)
    known = _meanings(found)
    for genre in (genre for place in others for genre in place.genres if not is_generic(genre)):
        if not _meanings([genre]) <= known:
            found.append(genre)
            known |= _meanings([genre])
    return tuple(found)


def _meanings(names: Sequence[str]) -> set[str]:
    """Return the meanings of some genres, in whatever way the genres are joined."""
    parts = [part for name in names for part in _JOINTS.split(name)]
    return {key(canonical(part)) for part in parts if not is_generic(part)}


def parts(name: str) -> list[str]:
    """Return the genres that one text names ("Soul; Jazz"), as they are spelt; generic ones are left out.

    A text that the vocabulary knows as a whole ("Pop/Rock") names one genre.
    """
    if key(name) in _CANONICAL:
        return [name.strip()]
    pieces = (piece.strip().removeprefix("& ").removeprefix("and ") for piece in _JOINTS.split(name))
    return [piece for piece in pieces if not is_generic(piece)]


def is_said(places: Iterable[Place], genres: Sequence[str], separator: str) -> bool:
    """Return whether a file names these genres, and no place in the file names another genre.

    The first place must name them; the other places may be silent. A tag without lists has the genres as one text.
    """
    first, *others = [*places] or [Place("", ())]
    return _agrees(first, genres, separator) and all(
        _agrees(place, genres, separator) or all(map(is_generic, place.genres)) for place in others
    )


def _agrees(place: Place, genres: Sequence[str], separator: str) -> bool:
    if place.where == ID3V1:
        return [key(name) for name in place.genres] == [key(name) for name in genres[:1]]
    return place.genres in (tuple(genres), (separator.join(genres),))


@dataclass(frozen=True)
class Vocabulary:
    """A user's own words on top of genred's.

    Parameters
    ----------
    aliases
        Spelling -> genre, on top of the spellings that genred knows.
    whitelist
        The only genres that may be written, in any spelling; empty if all may be.
    spelling
        Genre -> the word that is written into files ("Hip-Hop" -> "Rap").
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    whitelist: Collection[str] = ()
    spelling: Mapping[str, str] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Return whether a spelling means one of the genres that genred or this user names."""
        named = {key(word) for word in (*_CANONICAL, *self.aliases, *self.aliases.values(), *self.spelling)}
        return key(name) in named

    def canonical(self, name: str) -> str:
        """Return the genre that a spelling means to this user."""
        mine = {key(spelling): genre for spelling, genre in self.aliases.items()}
        return canonical(mine.get(key(name), name))

    def allows(self, genre: str) -> bool:
        """Return whether a genre of the model may be written."""
        return not self.whitelist or self.canonical(genre) in {self.canonical(name) for name in self.whitelist}

    def words(self) -> set[str]:
        """Return every genre that this user may mean, in the user's own spelling."""
        named = {*_SPELLINGS, *self.aliases.values(), *self.whitelist}
        return {self.written(genre) for genre in named} | set(self.spelling.values())

    def written(self, genre: str) -> str:
        """Return the word that is written into a file for a genre of the model."""
        mine = {self.canonical(name): spelling for name, spelling in self.spelling.items()}
        genre = self.canonical(genre)
        return mine.get(genre, genre)
