"""The spellings of genres: what those of one genre have in common, and the words that say nothing."""

import re
import unicodedata
from collections.abc import Iterable

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

_LISTS = re.compile(r"[;|\0\n]+")
_JOINTS = re.compile(r"[;/,|\\\0\n]+")


def key(name: str) -> str:
    """Return what the spellings of one genre have in common: "hiphop" of "Hip Hop", "hip-hop" and "HIPHOP".

    A name of nothing but pictures is its pictures; of one of other signs, nothing is left.
    """
    plain = unicodedata.normalize("NFKD", name).casefold().replace("&", "n").replace(" and ", "n")
    return re.sub(r"[\W_]+", "", plain) or "".join(sign for sign in plain if unicodedata.category(sign) == "So")


_GENERIC_KEYS = frozenset(key(name) for name in ("", *re.split("[,\n]", _GENERIC)))


_no_genre: frozenset[str] = frozenset()
"""The keys of what the user of this process counts as no genre."""


def count_as_no_genre(names: Iterable[str]) -> None:
    """Set what counts as no genre in this process, beside what says nothing to anybody."""
    global _no_genre
    _no_genre = frozenset(map(key, names))


def is_generic(name: str) -> bool:
    """Return whether a genre says nothing ("Unknown", "Other; None" ...), and so counts as no genre."""
    return _says_nothing(name) or all(map(_says_nothing, pieces(name)))


def _says_nothing(name: str) -> bool:
    return (own := key(name)) in _GENERIC_KEYS or own in _no_genre


def is_line(text: str) -> bool:
    """Return whether a text is one line that a terminal and a tag can hold, without signs that control them."""
    return not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text)


def pieces(text: str) -> list[str]:
    """Return the pieces of a text that joins genres ("Rock; Pop", "Rock/Pop"), in whatever way; blank ones too."""
    return _JOINTS.split(text)


def listed(text: str) -> list[str]:
    """Return the pieces of a text that lists genres by a sign that no genre has in its name ("Rock; Pop/Rock")."""
    return _LISTS.split(text)
