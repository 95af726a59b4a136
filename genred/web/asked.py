"""Albums with something to ask about, a page at a time, and the questions of one album, judged by a worker."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from genred.errors import FileError
from genred.fs.files import readable
from genred.history.questions import Waiting
from genred.history.records import Outcome, Record
from genred.model import installed
from genred.names import album_folder
from genred.tagging.asking import Inquiry, beside
from genred.tagging.judging import Ear, Judge
from genred.tagging.policy import Policy
from genred.tagging.rehearing import hear_now
from genred.tagging.review import Question, questions, to_review_in, words
from genred.web.site import Site

ALBUMS = 24
"""Albums on a page of the list."""
MOST_TRACKS = 100
"""Files of one folder that are asked about at once."""
_ROWS = 1000
"""Files that are looked at to find the albums of a page."""


@dataclass(frozen=True, slots=True)
class Album:
    """An album with something to ask about, as the tags name it."""

    at: Path
    """The first file of it that waits for an answer."""
    title: str
    artist: str
    waiting: int
    """Files of it that wait for an answer, as far as they were looked at."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files that are judged together: one question for all of them, and one for each."""

    whole: Inquiry | None
    """None for a single file."""
    each: tuple[Inquiry, ...]


def albums(site: Site, since: Path, *, skipped: bool) -> tuple[list[Album], Path | None]:
    """Return albums in the order of their paths, and where the next page begins; None where this is the last one."""
    found: dict[Path, list[Waiting]] = {}
    rows = site.history.questions.waiting(since, _ROWS + 1, skipped=skipped)
    for row in filter(lambda row: site.is_inside(row.path), rows[:_ROWS]):
        folder = album_folder(row.path)
        if folder not in found and len(found) == ALBUMS:
            return [_album(*item) for item in found.items()], row.path
        found.setdefault(folder, []).append(row)
    return [_album(*item) for item in found.items()], rows[_ROWS].path if len(rows) > _ROWS else None


def after(site: Site, at: Path, *, skipped: bool) -> Path | None:
    """Return the first file of the next album with something to ask about; None behind the last one."""
    here, since = album_folder(at), at
    while rows := site.history.questions.waiting(since, _ROWS, skipped=skipped):
        for row in rows:
            if album_folder(row.path) != here and row.path != at and site.is_inside(row.path):
                return row.path
        if len(rows) < _ROWS:
            return None
        since = Path(f"{rows[-1].path}\1")  # nothing but the end of a name comes before it
    return None


def in_album(site: Site, at: Path, *, skipped: bool) -> tuple[list[Group], int]:
    """Return the questions of the album that a file is of, and how many more of its files wait for an answer."""
    records = to_review_in(site.history, album_folder(at), skipped=skipped)
    shown = records[:MOST_TRACKS]
    return list(_grouped(judged(site, shown))), len(records) - len(shown)


def is_waiting(site: Site, at: Path, *, skipped: bool) -> bool:
    """Return whether there is something to ask about the album that a file is of."""
    return bool(to_review_in(site.history, album_folder(at), skipped=skipped))


def judged(site: Site, records: Sequence[Record]) -> list[Question]:
    """Return the questions about some decisions; a worker judges."""
    if not records:
        return []
    with site.analysing() as analyser:
        if not analyser.model_name:
            analyser.warm_up()
        ear = Ear(analyser.model_name, analyser.feature_version, analyser.judge)
        judge = Judge.of(site.config, site.history, ear)
        hear = partial(hear_now, site.history, analyser)
        return list(questions(records, judge, Policy.of(site.config), hear))


def genres(site: Site) -> list[str]:
    """Return the genres that complete what a person types."""
    return words(Policy.of(site.config), installed.heard_genres(site.config), site.history)


def told(results: Iterable[Record | FileError]) -> list[str]:
    """Return what became of answers, in sentences."""
    done = Counter[str]()
    failed: list[str] = []
    for result in results:
        if isinstance(result, FileError):
            failed.append(f"{readable(Path(result.path.name))}: {result.reason}.")
        else:
            done[_done(result)] += 1
    return [f"{what}: {count} {'file' if count == 1 else 'files'}." for what, count in done.items()] + failed


def _done(record: Record) -> str:
    match record.outcome:
        case Outcome.SKIPPED:
            return "Skipped"
        case Outcome.UNDONE:
            return "Taken back, and open again"
        case Outcome.KEPT:
            return f"Confirmed {record.genre or ', '.join(record.previous)}"
        case _:
            return f"Wrote {', '.join(record.written)}"


def _grouped(asked: Sequence[Question]) -> Iterator[Group]:
    left = list(asked)
    while left:
        whole = beside(left[0], left)
        left = [question for question in left if question not in whole.questions]
        yield Group(whole if whole.is_whole else None, tuple(Inquiry((question,)) for question in whole.questions))


def _album(folder: Path, rows: Sequence[Waiting]) -> Album:
    titles = Counter(row.labels.album for row in rows if row.labels is not None and row.labels.album)
    artists = Counter(_artist(row) for row in rows if _artist(row))
    title = titles.most_common(1)[0][0] if titles else readable(Path(folder.name))
    artist = artists.most_common(1)[0][0] if artists else readable(Path(folder.parent.name))
    return Album(rows[0].path, title, artist, len(rows))


def _artist(row: Waiting) -> str:
    labels = row.labels
    if labels is None:
        return ""
    return labels.album_artist or ("Various artists" if labels.compilation else labels.artist)
