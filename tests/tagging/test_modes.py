"""What each mode leaves in a file, as readers nobody here wrote see it."""

from pathlib import Path

import pytest

from genred import tags
from genred.config import Config
from genred.history.history import History
from genred.history.records import Outcome, Record
from genred.tagging.tagger import Tagger
from tests.fakes import FakeAnalyser, sure
from tests.makeaudio import make, suffix
from tests.readers import READERS, verdict
from tests.tagging.test_policy import LEFT, cells

LISTS = ("flac", "mp3")
"""Formats in which genres are a list; `tests.tags.test_readers` asks more readers about all formats."""

ASKED = [reader for reader in READERS if reader.name in ("pytaglib", "tinytag", "ffprobe") and reader.is_here]


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize(
    ("mode", "number"), [(mode, number) for mode in ("keep", "merge", "overwrite", "off") for number in (1, 2)]
)
def test_readers_see_what_the_page_tells(tmp_path: Path, history: History, mode: str, number: int, kind: str) -> None:
    """The fine genre first, then the one above it, as values of their own; a file that is left says what it said."""
    asked = [(said, now) for of, up_to, said, now in cells() if (of, up_to) == (mode, number)]
    settings = Config().with_changes("tags", mode=mode, max_genres=number)
    for n, (said, now) in enumerate(asked):
        there = [] if said == "nothing" else said.split("; ")
        song = make(tmp_path / f"{n}{suffix(kind)}", 0.2, kind=kind)
        tags.write_genres(song, there)
        found = Tagger(settings, history, FakeAnalyser({song.name: sure("Metal")})).process([song])
        (record,) = (one for one in found if isinstance(one, Record))
        then = there if now == LEFT else now.split("; ")
        assert record.outcome is (Outcome.KEPT if now == LEFT else Outcome.TAGGED)
        seen = {reader.name: reader.read(song) for reader in ASKED}
        for name, shown in seen.items():
            assert shown == then or verdict(shown, then) in ("=", "joined", "one"), f"{name} shows {shown}"
        assert seen["pytaglib"] == then
