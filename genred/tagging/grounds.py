"""Evidence in words: what people are told of an album, and of what speaks for its genre."""

from collections.abc import Iterator
from math import exp

from genred.history.records import Author
from genred.model.evidence import Ground, Kind
from genred.tagging.company import Company

_AUTHORS = {Author.YOU: "you", Author.GENRED: "genred"}
_MOST = 1000.0


def said(company: Company) -> str:
    """Return what the tracks of an album are called; empty where nobody called them anything."""
    counted = [(it.count, it.genre, _AUTHORS[it.by]) for it in company.said]
    told = [f"{count} {genre} ({author})" for count, genre, author in counted[1:]]
    for count, genre, author in counted[:1]:
        told.insert(0, f"{count} of {len(company.tracks)} tracks here: {genre} ({author})")
    return ", ".join(told)


def name(company: Company) -> str:
    """Return the name of an album, or of an artist's tracks on an album by many; empty where it has none."""
    if company.is_by_many:
        return f"{company.artist or 'one artist'} on {company.title or 'an album by many'}"
    return f"{company.title} by {company.artist}" if company.title and company.artist else company.title


def lines(grounds: tuple[Ground, ...], company: Company) -> Iterator[tuple[str, str]]:
    """Yield each kind of evidence in words, with its weight in words."""
    for ground in grounds:
        yield words(ground, company), _weight(ground)


def words(ground: Ground, company: Company) -> str:
    """Return one kind of evidence in words."""
    is_one = ground.count == ground.of == 1
    share = f"{ground.count:g} of {ground.of:g} other"
    tracks = "the other track of this album" if is_one else f"{share} tracks of this album"
    match ground.kind:
        case Kind.MATES:
            return f"{tracks} say{'s' if is_one else ''} {ground.genre} (you)"
        case Kind.ARTIST:
            albums = "the other album" if is_one else f"{share} albums"
            by = f"{albums} by {company.artist or 'the artist'}"
            return f"{by} say{'s' if is_one else ''} {ground.genre} (you)"
        case Kind.ALBUM:
            return f"{tracks} sound{'s' if is_one else ''} like {ground.genre}"
        case Kind.TRACK:
            return f"this track alone sounds like {ground.genre} {ground.share:.2f}"


def _weight(ground: Ground) -> str:
    """Return by what evidence multiplies the odds, in words."""
    times = exp(min(abs(ground.weight), 50.0))
    if times < 1.05:
        return "no matter"
    number = f"{_MOST:,.0f}+" if times > _MOST else f"{times:.1f}" if times < 10 else f"{times:,.0f}"
    return f"{number} times {'likelier' if ground.weight > 0 else 'less likely'}"
