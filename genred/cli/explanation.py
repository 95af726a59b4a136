"""An explanation on stdout: as JSON with keys that scripts rely on, and for reading."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genred.cli import show
from genred.fs.files import readable
from genred.history.records import Author, Outcome, Record
from genred.tagging import grounds
from genred.tagging.case import Whose
from genred.tagging.company import Company
from genred.tagging.explain import Explanation

_SHOWN = 5
_WORDS = 8
_INDENT = (0, 0, 0, 2)

_WHOSE = {
    Whose.NOBODY: "the tag names no genre",
    Whose.GENERIC: "it says {}, which says nothing and counts as none",
    Whose.GENRED: "it says {}, which genred wrote",
    Whose.PERSON: "it says {}, which a person chose",
}


def as_json(told: Explanation) -> dict[str, Any]:
    """Return all of an explanation, in plain types."""
    return {
        "path": readable(told.path),
        "decision": told.decision.outcome,
        "written": told.decision.written,
        "reason": told.decision.reason,
        "genres": told.genres,
        "places": [{"where": place.where, "genres": place.genres} for place in told.places if place.genres],
        "whose": told.whose,
        "meanings": told.meanings,
        "model": told.model,
        "was_heard": told.was_heard,
        "genre": told.heard.genre,
        "confidence": told.heard.confidence,
        "candidates": [{"genre": c.genre, "probability": c.probability} for c in told.heard.candidates],
        "families": [{"genre": f.genre, "probability": f.probability, "members": f.members} for f in told.families],
        "needed": told.needed,
        "thresholds": [{"precision": s.precision, "needed": s.needed, "genre": s.genre} for s in told.steps],
        "strangeness": told.surroundings.strangeness,
        "strangeness_limit": told.surroundings.limit,
        "nearest": [
            {"genre": near.genre, "artist": near.artist, "source": near.source, "distance": near.distance}
            for near in told.surroundings.nearest
        ],
        "words": [{"word": word, "probability": probability} for word, probability in told.words[:_WORDS]],
        "spelled": told.written,
        "obstacles": told.obstacles,
        "history": [record.as_json() for record in told.past],
        "would_change": told.changes,
        "evidence": told.heard.evidence,
        "grounds": [
            {"kind": it.kind, "genre": it.genre, "share": it.share, "count": it.count, "of": it.of, "weight": it.weight}
            for it in told.heard.grounds
        ],
        "album": _album_as_json(told.company),
    }


def _album_as_json(company: Company) -> dict[str, Any]:
    return {
        "title": company.title,
        "artist": company.artist,
        "tracks": list(map(readable, company.tracks)),
        "heard": company.heard,
        "genres": [{"genre": said.genre, "by": said.by, "tracks": said.count} for said in company.said],
    }


def as_text(told: Explanation, console: Console) -> None:
    """For reading in a terminal."""
    with console.capture() as drawn:
        console.print(Text(readable(told.path)), soft_wrap=True)
        console.print(Padding(Text.assemble((_verdict(told), "bold"), f": {told.decision.reason}"), _INDENT))
        for title, lines in _sections(told):
            console.print(Text(f"\n{title}", style="bold"), soft_wrap=True)
            console.print(Padding(Group(*lines), _INDENT))
    for line in drawn.get().splitlines():
        print(line.rstrip())


def _verdict(told: Explanation) -> str:
    verdict = f"{told.decision.outcome} {', '.join(told.decision.written)}".strip()
    if told.decision.outcome is not Outcome.TAGGED or told.whose is Whose.GENRED:
        return verdict
    return f"would be {verdict}" + (f" by `{told.takes}`" if told.takes else "")


def _sections(told: Explanation) -> Iterator[tuple[str, Iterable[RenderableType]]]:
    known = "as it was heard before" if told.was_heard else "heard just now"
    words = ", ".join(word for word, _ in told.words[:_WORDS])
    said = Text(f"in listeners' words: {words}", style="dim")
    if told.heard.grounds:
        yield f"What speaks for {told.heard.genre or told.heard.candidates[0].genre}, and against it", [_grounds(told)]
        yield f"All of that together, to {told.model}, {known}", [_bars(told), said]
    else:
        yield f"What it sounds like to {told.model}, {known}", [_bars(told), said]
    if len(told.company.tracks) > 1:
        yield "Its album, which is judged as one", map(Text, _album(told.company))
    yield "What an answer takes", [_steps(told)]
    share = told.surroundings.strangeness / told.surroundings.limit
    far = "farther from all training music than the model judges" if share > 1 else "within what the model judges"
    near = "Nearest in the training music (1.0: as far as neighbours are there)"
    yield near, [Text(f"{far}: {_percent(share).strip()} of the limit"), _nearest(told)]
    yield (
        "Its tag",
        [
            Text(_WHOSE[told.whose].format(", ".join(told.genres))),
            *_places(told),
            *map(Text, _meant(told)),
            *_writing(told),
        ],
    )
    if told.past:
        yield "So far", [_past(told.past)]
    yield "What would change it", [_list(told.changes)]


def _grounds(told: Explanation) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for words, weight in grounds.lines(told.heard.grounds, told.company):
        table.add_row(Text(words), Text(weight, style="dim"))
    return table


def _album(company: Company) -> Iterator[str]:
    whole = len(company.tracks)
    count = f"{whole} tracks, {'all' if company.heard == whole else company.heard or 'none'} of them heard"
    yield f"{grounds.name(company)}: {count}" if grounds.name(company) else count
    if said := grounds.said(company):
        yield said
    if any(it.by is Author.GENRED for it in company.said):
        yield "what genred wrote speaks for nothing until you confirm it (`genred set`, `genred review`)"


def _bars(told: Explanation) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for candidate in told.heard.candidates[:_SHOWN]:
        table.add_row(candidate.genre, _percent(candidate.probability), show.bar(candidate.probability))
    alone = {candidate.genre: candidate.probability for candidate in told.heard.candidates}
    for family in told.families:
        if family.probability >= max(alone[member] for member in family.members) + 0.01:
            together = Text(f" {' + '.join(family.members)}", style="dim")
            bar = Text(show.bar(family.probability), style="dim") + together
            table.add_row(Text(f"all {family.genre}", style="dim"), _percent(family.probability), bar)
    return table


def _steps(told: Explanation) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for step in told.steps:
        needed = f"{step.needed:.2f}" if step.needed <= 1 else "more than there is"
        answer = Text(step.genre or "no answer", style="" if step.genre else "dim")
        mark = "asked for" if step.needed == told.needed else ""
        table.add_row(f"to be right{_percent(step.precision)}", needed, answer, mark)
    if all(step.needed != told.needed for step in told.steps):
        table.add_row("asked for", f"{told.needed:.2f}", Text(told.heard.genre or "no answer"))
    return table


def _nearest(told: Explanation) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for near in told.surroundings.nearest:
        table.add_row(f"{near.distance:.1f}", near.genre, f"{near.artist}, {near.source}")
    return table


def _meant(told: Explanation) -> Iterator[str]:
    for name, genre in told.meanings.items():
        if genre is None and told.whose is Whose.PERSON:
            yield f"the model knows no {name}; genres.aliases can say what it means"
        elif genre not in (None, name):
            yield f"{name} is {'a kind of' if name in told.kinds else 'taken for'} {genre}"
    best = told.heard.genre or told.heard.candidates[0].genre
    if told.written is None:
        yield f"{best} is not in genres.whitelist"
    elif told.written != best:
        yield f"{best} is written as {told.written} (genres.spelling, genres.aliases, genres.whitelist)"


def _places(told: Explanation) -> Iterator[RenderableType]:
    """Draw where each genre stands, if that is in more than one place."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for place in told.places:
        table.add_row(Text(place.where), Text(", ".join(place.genres) or "nothing"))
    if sum(bool(place.genres) for place in told.places) > 1 or (len(told.places) > 1 and not told.places[0].genres):
        yield table


def _writing(told: Explanation) -> Iterator[RenderableType]:
    yield _list(told.obstacles) if told.obstacles else Text("the file can be written")


def _past(records: Iterable[Record]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for record in records:
        when = datetime.fromisoformat(record.at or "").astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(when, record.outcome, Text(record.reason))
    return table


def _list(lines: Iterable[str]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for line in lines:
        table.add_row("-", Text(line))
    return table


def _percent(share: float) -> str:
    return f"{share:5.0%}".replace("%", " %")
