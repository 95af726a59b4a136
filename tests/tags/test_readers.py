"""Readers nobody here wrote see the genres; `python -m tests.readers` prints the table."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest
from mutagen import id3

from genred.errors import TagError
from genred.genres import is_generic, key
from genred.tags import read_genres, write_genres
from tests.makeaudio import make
from tests.readers import ONE, READERS, TAGGED, TWO, Reader, verdict, write

LISTS = [kind for kind in TAGGED if kind != "wv"]  # of APEv2 lists TagLib alone shows the second


@pytest.fixture(params=READERS, ids=lambda reader: reader.name)
def reader(request: pytest.FixtureRequest) -> Reader:
    found: Reader = request.param
    if not found.is_here:
        pytest.skip(f"needs {found.name}")
    return found


@pytest.mark.parametrize("kind", TAGGED)
def test_one_genre_is_seen_by_every_reader_of_the_format(tmp_path: Path, reader: Reader, kind: str) -> None:
    """Exactly as it was written, and the one before is gone."""
    if kind in reader.blind:
        pytest.skip(f"{reader.name} does not read {kind}")
    assert reader.read(write(tmp_path, kind, ONE)) == ONE


@pytest.mark.parametrize("kind", TAGGED)
def test_several_genres_are_several_values(tmp_path: Path, kind: str) -> None:
    """Some reader shows them one by one, and each shows one of them at least, and nothing else."""
    readers = [reader for reader in READERS if reader.is_here and kind not in reader.blind]
    if not {"taglib", "tinytag" if kind in LISTS else "taglib"} & {reader.module for reader in readers}:
        pytest.skip("needs a reader that shows lists")
    path = write(tmp_path, kind, TWO)
    seen = Counter(verdict(reader.read(path), TWO) for reader in readers)
    assert seen["="]
    assert set(seen) <= {"=", "joined", "one"}


@pytest.mark.parametrize("separator", ["; ", " / ", "\\\\"])
def test_id3v23_holds_one_text_with_the_separator(tmp_path: Path, reader: Reader, separator: str) -> None:
    """Lists came with ID3v2.4: what every reader sees here is the text with the separator asked for."""
    if "mp3" in reader.blind:
        pytest.skip(f"{reader.name} does not read mp3")
    path = make(tmp_path / "song.mp3", 0.3)
    id3.ID3(path).save(path, v2_version=3)
    write_genres(path, TWO, separator=separator)
    shown = reader.read(path)
    # "/" separates values in ID3v2.3 for some readers.
    assert verdict(shown, TWO) in ("=", "joined")
    assert shown == [separator.join(TWO)] or separator == " / "


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_other_reader_sees_a_genre_that_genred_does_not(corpus: Path, reader: Reader) -> None:
    """Of the files of three tag libraries' test suites; those that are a tag without any audio are nobody's music."""
    if reader.name == "kid3-cli":
        pytest.skip("it is TagLib in a costly coat, and hangs on some of these files")
    missed = {}
    ours = {}
    for path in sorted(p for p in (corpus / "tagfiles").rglob("*") if p.is_file()):
        try:
            ours[path] = key(" ".join(read_genres(path)))
        except TagError as error:
            if error.reason != "genred knows no tags for this kind of file":
                ours[path] = ""
    for path, answered in answers(reader, list(ours)).items():
        shown = [genre for genre in answered if not is_generic(genre)]
        if not all(key(genre) in ours[path] for genre in shown):
            missed[path.name] = shown
    assert missed == {}


def answers(reader: Reader, paths: list[Path]) -> dict[Path, list[str]]:
    """What a reader shows of each file."""
    if reader.read_all is not None:
        return reader.read_all(paths)
    return {path: answer(reader, path) for path in paths}


def answer(reader: Reader, path: Path) -> list[str]:
    """What a reader shows; nothing where it can't read the file."""
    try:
        return reader.read(path)
    except (subprocess.CalledProcessError, UnicodeDecodeError, ValueError, OSError):
        return []
    except Exception as error:  # a reader's own, of damaged files
        if type(error).__module__.startswith(reader.module or "-"):
            return []
        raise
