"""The plugin for beets, in beets' own test harness: `beet import` and `beet genred`, with music to hear."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from beets import plugins
from beets.exceptions import UserError
from beets.library import Item
from beets.test.helper import AutotagStub, ImportHelper, PluginMixin
from mediafile import MediaFile

from genred.config import load
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.records import Outcome, Record, Standing
from tests.makeaudio import make


class Beets(PluginMixin, ImportHelper):
    """A library of beets with the plugin, and music to import."""

    plugin = "genred"

    def add(self, name: str, *, noise: float = 0.3, artist: str = "Them", genres: list[str] | None = None) -> Path:
        """Make a track to import, as noisy as the model's metal; its folder is its album."""
        path = Path(self.temp_path, "incoming", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path, 5.0, noise=noise)
        file = MediaFile(path)
        file.update({"title": path.stem, "album": path.parent.name, "artist": artist, "albumartist": artist})
        file.genres = genres
        file.save()
        return path

    def bring_in(self, *options: str) -> None:
        """Import what there is, as it is."""
        self.run_command("import", "-qA", *options, str(self.temp_path / "incoming"))

    def match(self) -> None:
        """Import what there is, with labels that beets looked up."""
        stub = AutotagStub(AutotagStub.IDENT).install()
        self.setup_importer(os.fsencode(self.temp_path / "incoming")).run()  # type: ignore[arg-type]  # its types say str, and it takes bytes
        stub.restore()
        plugins.send("cli_exit", lib=self.lib)

    def item(self, title: str) -> Item:
        (item,) = self.lib.items(f"title::^{title}$")
        return item


@pytest.fixture
def beets(genred: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beets]:
    harness = Beets()
    harness.setup_beets()
    yield harness
    harness.teardown_beets()


def test_an_album_gets_its_genre_on_import(beets: Beets) -> None:
    """Each track in beets' library and in its file, with how sure genred was; and the album."""
    for number in (1, 2):
        beets.add(f"Loud/{number}.mp3")
    beets.match()
    for item in beets.lib.items():
        assert (item.genres, item.genred_genres) == (["Metal"], "Metal")
        assert 0.5 <= item.genred_confidence <= 1
        assert MediaFile(item.filepath).genres == ["Metal"]
    assert [album.genres for album in beets.lib.albums()] == [["Metal"]]
    assert len(beets.lib.items("genred_confidence:0.5..")) == 2


@pytest.mark.slow
def test_an_import_that_leaves_the_tags_as_they_are_writes_no_genre(beets: Beets) -> None:
    """As with anything that beets learns on such an import, `beet write` writes it."""
    path = beets.add("Loud/1.mp3")
    before = path.read_bytes()
    beets.bring_in()
    assert beets.item("1").genres == ["Metal"]
    assert beets.item("1").filepath.read_bytes() == path.read_bytes() == before
    beets.run_command("write", "genred_confidence:0..")
    assert MediaFile(beets.item("1").filepath).genres == ["Metal"]


def test_a_genre_that_is_there_stays_and_counts(beets: Beets) -> None:
    """A person's genre isn't touched, and it outweighs the sound of the track beside it; "Unknown" is no genre."""
    for number in range(3):
        beets.add(f"Loud/{number}.flac", genres=["Schlager"])
    beets.add("Loud/new.flac", genres=["Unknown"])
    beets.bring_in()
    assert [item.genres for item in beets.lib.items()] == [["Schlager"]] * 4
    assert [item.title for item in beets.lib.items("genred_confidence:0..")] == ["new"]


@pytest.mark.slow
def test_singletons_are_judged_one_by_one(beets: Beets) -> None:
    """Each by its own sound."""
    beets.add("mixed/loud.flac", artist="A")
    beets.add("mixed/quiet.flac", noise=0.02, artist="B")
    beets.bring_in("-s")
    assert beets.item("loud").genres == ["Metal"]
    assert beets.item("quiet").genres == ["Classical"]


def test_the_command_pretends_leaves_files_alone_or_writes(beets: Beets) -> None:
    """As it is told to; by default it writes, as beets does elsewhere."""
    beets.add("Loud/1.mp3")
    beets.config["genred"]["auto"] = False
    beets.unload_plugins()
    beets.load_plugins()
    beets.bring_in()
    assert beets.item("1").genres == []
    beets.run_command("genred", "-p")
    assert beets.item("1").genres == []
    beets.run_command("genred", "-W", "title:1")
    assert beets.item("1").genres == ["Metal"]
    assert MediaFile(beets.item("1").filepath).genres is None
    beets.run_command("modify", "-yW", "genred_confidence:0..", "genres=", "genred_confidence!", "genred_genres!")
    assert beets.item("1").get("genred_genres") is None
    beets.run_command("genred")
    assert MediaFile(beets.item("1").filepath).genres == ["Metal"]
    assert [album.genres for album in beets.lib.albums()] == [["Metal"]]


def test_what_cant_be_read_is_told_and_the_rest_goes_on(beets: Beets, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged file, one that is gone, and one that a person decided about in genred."""
    for name in ("damaged", "gone", "whole", "decided"):
        beets.add(f"Loud/{name}.flac")
    beets.config["genred"]["auto"] = False
    beets.unload_plugins()
    beets.load_plugins()
    beets.bring_in()
    beets.item("damaged").filepath.write_bytes(b"no music" * 200)
    beets.item("gone").filepath.unlink()
    history = History.open(load(None).database)
    decided = Path(beets.item("decided").filepath).resolve()
    history.start_run("undo", "0")
    history.record(Record(decided, Outcome.UNDONE, "undone", stamp=stamp_of(decided), standing=Standing.PERSON))
    history.close()
    with caplog.at_level(logging.INFO, "beets"):
        beets.run_command("genred")
    assert {item.title: item.genres for item in beets.lib.items()} == {
        "damaged": [],
        "gone": [],
        "decided": [],
        "whole": ["Metal"],
    }
    assert "gone: no such file" in caplog.text
    assert "damaged: no audio that can be decoded" in caplog.text
    assert "1 filled in, 1 had a genre, 2 failed" in caplog.text


def test_a_mistake_in_the_configuration_keeps_nothing_from_being_imported(
    beets: Beets, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import says once that there are no genres, and why; the command is an error."""
    monkeypatch.setenv("GENRED_TAGS_MODE", "sometimes")
    for album in ("one", "two"):
        beets.add(f"{album}/1.flac")
    beets.bring_in()
    assert [item.genres for item in beets.lib.items()] == [[], []]
    assert caplog.text.count("no genres are filled in: $GENRED_TAGS_MODE: tags.mode: must be one of keep") == 1
    with pytest.raises(UserError, match=r"genred: .*tags.mode: must be one of keep"):
        beets.run_command("genred")


def test_the_order_of_the_plugins_is_looked_at(beets: Beets, caplog: pytest.LogCaptureFixture) -> None:
    """Named before lastgenre, genred would leave nothing to it."""
    beets.add("Loud/1.flac", genres=["Rock"])
    beets.config["plugins"] = ["lastgenre", "genred"]
    beets.bring_in()
    assert "lastgenre" not in caplog.text
    beets.config["plugins"] = ["genred", "lastgenre"]
    beets.bring_in()
    assert "name genred after lastgenre in plugins" in caplog.text


def test_beets_starts_without_genred() -> None:
    """The plugin imports nothing of genred before there is something to hear."""
    code = "import sys, beetsplug.genred; print([name for name in sys.modules if name.partition('.')[0] == 'genred'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
