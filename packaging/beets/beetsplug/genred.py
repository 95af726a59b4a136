"""The genred plugin for beets: a genre from the sound for music that has none, on import and with `beet genred`.

Nothing of genred is imported before there is something to hear, so that `beet ls` stays as quick as it is.
"""

import atexit
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from optparse import Values
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import beets
from beets.dbcore import types
from beets.exceptions import UserError
from beets.library import Album, Item, Library
from beets.plugins import BeetsPlugin
from beets.ui import Subcommand, should_write, show_model_changes

if TYPE_CHECKING:
    from beets.importer import ImportSession, ImportTask

    from genred.history.records import Record
    from genred.names import Labels
    from genred.tagging.advice import Adviser

CONFIDENCE = "genred_confidence"
"""How sure genred was of a track's genre."""
GENRES = "genred_genres"
"""What genred said, as one text; a track whose genres are others now was corrected by a person."""

_WORDS = {"tagged": "filled in", "kept": "had a genre", "abstained": "not sure", "failed": "failed"}


class GenredPlugin(BeetsPlugin):
    """Ask genred about tracks without a genre."""

    item_types: ClassVar[dict[str, types.Type[Any, Any]]] = {CONFIDENCE: types.Float(2)}

    def __init__(self) -> None:
        super().__init__()
        self.config.add({"auto": True})
        self._opened = ExitStack()
        self._adviser: Adviser | None = None
        self._is_told = False
        if self.config["auto"].get(bool):
            self.import_stages = [self.imported]
            self.register_listener("import_begin", self._look_at_order)
        self.register_listener("cli_exit", self._close)
        atexit.register(self._close)  # beets says nothing where it ends by an error or Ctrl-C

    def commands(self) -> Sequence[Subcommand]:
        """Return the command `beet genred`."""
        command = Subcommand("genred", help="fill in missing genres by how the music sounds")
        option = command.parser.add_option
        option("-p", "--pretend", action="store_true", help="show the genres, and change nothing")
        option("-w", "--write", action="store_true", default=None, help="write the genres into the files")
        option("-W", "--nowrite", action="store_false", dest="write", help="change beets' library alone")
        command.func = self._command
        return [command]

    def imported(self, session: "ImportSession", task: "ImportTask") -> None:
        """Fill in the genres of what is imported; beets writes them when it writes the files."""
        from genred.errors import GenredError

        items = task.imported_items()
        try:
            for item in self._filled_in(items):
                item.store()
        except GenredError as error:
            if not self._is_told:
                self._log.warning("no genres are filled in: {}", error)
            self._is_told = True
            return
        if task.is_album and _fill_in_album(task.album, items):
            task.album.store(inherit=False)

    def _command(self, lib: Library, options: Values, query: list[str]) -> None:
        from genred.errors import GenredError

        counts: Counter[str] = Counter()
        try:
            for album, asked in _by_album(lib, lib.items(query)):
                # The other tracks of the album count, though the query doesn't name them.
                items = list(album.items()) if album else asked
                only = {item.id for item in asked}
                for item in self._filled_in(items, only, counts):
                    show_model_changes(item, fields=["genres", CONFIDENCE])
                    if not options.pretend:
                        item.try_sync(write=should_write(options.write), move=False)
                if album and not options.pretend and _fill_in_album(album, items):
                    album.store(inherit=False)
        except GenredError as error:
            raise UserError(f"genred: {error}") from error
        words = {**_WORDS, "tagged": "to fill in"} if options.pretend else _WORDS
        self._log.info("{}", ", ".join(f"{counts[it]} {words[it]}" for it in words if counts[it]) or "no track matches")

    def _filled_in(
        self, items: Sequence[Item], only: Collection[int | None] | None = None, counts: Counter[str] | None = None
    ) -> Iterator[Item]:
        """Yield those of the tracks of an album that got a genre just now; only beets' object of them has it yet."""
        by_path = {Path(os.path.realpath(item.filepath)): item for item in items}
        for record in self._advice(by_path):
            item = by_path[record.path]
            if only is not None and item.id not in only:
                continue
            if counts is not None:
                counts[record.outcome] += 1
            if record.outcome == "tagged":
                item.genres = list(record.written)
                item[GENRES] = _text(record.written)
                item[CONFIDENCE] = record.confidence
                yield item
            else:
                tell = self._log.warning if record.outcome == "failed" else self._log.info
                tell("{}: {}", item, record.reason)

    def _advice(self, items: Mapping[Path, Item]) -> "Iterator[Record]":
        from genred.tagging.advice import Adviser, Track

        if self._adviser is None:
            self._adviser = self._opened.enter_context(Adviser.opened())
        tracks = [
            Track(path, _labels(item), tuple(item.genres), by_genred=item.get(GENRES) == _text(item.genres))
            for path, item in items.items()
        ]
        return self._adviser.advise(tracks)

    def _look_at_order(self, **_: Any) -> None:
        names = beets.config["plugins"].as_str_seq()
        if "lastgenre" in names and names.index("lastgenre") > names.index(self.name):
            self._log.warning("name genred after lastgenre in plugins, or lastgenre finds nothing left to do")

    def _close(self, **_: Any) -> None:
        self._adviser = None
        self._opened.close()


def _text(genres: Iterable[str]) -> str:
    return "; ".join(genres)


def _labels(item: Item) -> "Labels":
    from genred.names import Labels

    return Labels(item.artist, item.albumartist, item.album, bool(item.comp))


def _by_album(lib: Library, items: Iterable[Item]) -> Iterator[tuple[Album | None, list[Item]]]:
    """Yield tracks by their albums, and those of none by their folders."""
    for (number, _), group in groupby(sorted(items, key=_place), _place):
        found = list(group)
        yield (lib.get_album(number) if number else None), found


def _place(item: Item) -> tuple[int, bytes]:
    return (item.album_id, b"") if item.album_id else (0, os.path.dirname(item.path))


def _fill_in_album(album: Album, items: Iterable[Item]) -> bool:
    """Give an album without a genre that of most of its tracks; return whether there is one."""
    from genred.genres import is_generic

    genres = [tuple(item.genres) for item in items]
    said, count = Counter(genres).most_common(1)[0] if genres else ((), 0)
    if not said or 2 * count <= len(genres) or not all(map(is_generic, album.genres)):
        return False
    album.genres = list(said)
    return True
