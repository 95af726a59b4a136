"""When an album has arrived; the clock is a number, and nothing here is a file."""

from collections.abc import Collection
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from genred.fs.files import Stamp
from genred.watching.gathering import PATIENCE, Gathering
from genred.watching.scans import BATCH, portions

ALBUM = Path("/music/album")
QUIET = 10.0
STAMP = Stamp(1, 2, 3, 4, 5)


def song(name: str, folder: Path = ALBUM) -> tuple[Path, Stamp]:
    return folder / f"{name}.mp3", STAMP


def nothing() -> Collection[Path]:
    return ()


def test_an_album_is_let_go_as_a_whole_once_its_folder_is_quiet() -> None:
    """Discs in it are of it; another album isn't."""
    gathering = Gathering(QUIET)
    gathering.add([song("1")], 0)
    gathering.add([song("x", Path("/music/other"))], 1)
    gathering.add([song("2", ALBUM / "CD2")], 6)
    assert gathering.due(10.9, nothing) == []
    assert gathering.due(11, nothing) == [song("x", Path("/music/other"))]
    assert (gathering.next_due(), gathering.pending) == (16, 2)
    assert gathering.due(16, nothing) == [song("1"), song("2", ALBUM / "CD2")]
    assert (gathering.next_due(), gathering.pending) == (None, 0)


def test_what_is_still_on_its_way_keeps_the_others_waiting() -> None:
    """Be it no music, as the temporary name of rsync is not."""
    gathering = Gathering(QUIET)
    gathering.add([song("1")], 0)
    assert gathering.due(10, lambda: [ALBUM / ".2.mp3.Xb31qz"]) == []
    assert gathering.due(19.9, nothing) == []
    assert gathering.due(20, nothing) == [song("1")]


def test_nothing_waits_for_ever() -> None:
    """A folder in which a program never rests is taken as it is."""
    gathering = Gathering(QUIET)
    gathering.add([song("1")], 0)
    due = [now for now in range(200) if gathering.due(now, lambda: [ALBUM / "log.txt"])]
    assert due == [PATIENCE * QUIET]


def test_where_no_album_is_waited_for_each_file_is_let_go_at_once() -> None:
    """As `watch.album_seconds = 0` asks for, whatever else happens in the folder."""
    gathering = Gathering(0)
    gathering.add([song("1")], 5)
    assert gathering.due(5, lambda: [ALBUM / "2.mp3"]) == [song("1")]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("settle"), st.integers(0, 3), st.integers(0, 5)),
        st.tuples(st.just("busy"), st.integers(0, 3), st.integers(0, 5)),
        st.tuples(st.just("pass"), st.integers(0, 15), st.just(0)),
    ),
    max_size=60,
)


@given(steps)
def test_it_keeps_its_promises_whatever_happens(script: list[tuple[str, int, int]]) -> None:
    """Each file is let go once, with all of its folder, after a quiet while or at the end of all patience."""
    gathering, now = Gathering(QUIET), 0
    waiting: dict[Path, tuple[int, dict[Path, int]]] = {}  # since when, and since when each file
    busy: set[Path] = set()

    def ask() -> None:
        due = [path for path, _ in gathering.due(now, lambda: busy)]
        assert len(set(due)) == len(due)
        for folder in {path.parent for path in due}:
            began, files = waiting.pop(folder)
            assert {path for path in due if path.parent == folder} == files.keys()
            patient = now - began < PATIENCE * QUIET
            assert not patient or now - max(files.values()) >= QUIET
            assert not patient or not any(path.parent == folder for path in busy)

    for verb, what, name in script:
        path, stamp = song(str(name), Path(f"/music/{what}"))
        if verb == "settle":
            busy.discard(path)
            gathering.add([(path, stamp)], now)
            _, files = waiting.setdefault(path.parent, (now, {}))
            files[path] = now
        elif verb == "busy":
            busy.add(path)
        else:
            now += what
            ask()
    busy.clear()
    now += int(PATIENCE * QUIET)
    ask()
    assert (waiting, gathering.pending) == ({}, 0)


found = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 700), st.sampled_from(["", "/CD1", "/CD2"])), max_size=8)


@given(found)
def test_portions_cut_no_album_that_could_be_whole(script: list[tuple[int, int, str]]) -> None:
    """All files come, in their order, in portions that aren't too large."""
    pairs = [
        (f"/music/{number}{folder}{disc}/{n}.mp3", STAMP)
        for number, (folder, count, disc) in enumerate(script)
        for n in range(count)
    ]
    given_out = list(portions(pairs))
    assert [pair for portion in given_out for pair in portion] == pairs
    assert all(0 < len(portion) <= BATCH for portion in given_out)
    folders = [{Path(path).parent for path, _ in portion} for portion in given_out]
    for number, (folder, count, disc) in enumerate(script):
        where = Path(f"/music/{number}{folder}{disc}")
        if count <= BATCH and not disc:
            assert sum(where in each for each in folders) == 1
