"""What is left alone: by patterns, and by files that lie in the folders."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genred.config.gitignore import Patterns
from genred.watching.walk import WatchOptions, left_alone, walk, walk_below, wanted

EXTENSIONS = frozenset({".mp3"})
NAMES = ("a", "b", "ab", "#a", "!a", "a b", "[a]", "a\\")
SONGS = ("a.mp3", "b.mp3", "ab.mp3", "#a.mp3", "!a.mp3", "a b .mp3", "[a].mp3")
SEGMENTS = st.one_of(
    st.sampled_from(
        ("*", "**", "a", "b", "*.mp3", "a*", "?", "??", "[ab]", "[!a]*", "[a-c].mp3", "\\a", "a\\ b", "\\[a\\]*")
    ),
    st.text("ab*?.mp3[]!#\\ ", min_size=1, max_size=4),
)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """A line of a gitignore file."""
    body = "/".join(draw(st.lists(SEGMENTS, min_size=1, max_size=3)))
    before, after = draw(st.sampled_from(("", "", "!", "/", "!/"))), draw(st.sampled_from(("", "/")))
    return f"{before}{body}{after}"


LINES = st.lists(patterns(), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of git's with folders in folders, and songs in each of them."""
    top = tmp_path_factory.mktemp("tree")
    subprocess.run(["git", "init", "-q", top], check=True)
    for folder in (
        top,
        *(top / one for one in NAMES),
        *(top / one / two for one in NAMES for two in ("a", "b", "[a]")),
    ):
        folder.mkdir(exist_ok=True)
        for song in SONGS:
            (folder / song).touch()
    return top


def left_by_git(tree: Path) -> set[str]:
    """The songs that git ignores."""
    songs = [str(path.relative_to(tree)) for path in tree.rglob("*.mp3")]
    command = ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "-z", "--stdin"]
    done = subprocess.run(command, cwd=tree, input="\0".join(songs), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return set(filter(None, done.stdout.split("\0")))


def left_by_genred(tree: Path, options: WatchOptions) -> set[str]:
    found = {os.path.relpath(path, tree) for path, _ in walk(tree, options)}
    songs = {str(path.relative_to(tree)) for path in tree.rglob("*.mp3")}
    assert {song for song in songs if not wanted(tree / song, tree, options)} == songs - found
    return songs - found


def understood(lines: Iterable[str]) -> bool:
    try:
        return bool(Patterns(lines))
    except ValueError:
        return False


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(
    lines=LINES.filter(understood), inner=LINES.filter(understood), where=st.sampled_from(("a", "b", "a/a", "[a]/b"))
)
def test_patterns_mean_what_they_mean_to_git(
    tree: Path, lines: Sequence[str], inner: Sequence[str], where: str
) -> None:
    """In `watch.ignore`, in a file at the top, and in another one further down that has the last word there."""
    for file in tree.rglob(".gitignore"):
        file.unlink()
    (tree / ".gitignore").write_text("\n".join(lines))
    assert left_by_genred(tree, WatchOptions(extensions=EXTENSIONS, ignore=tuple(lines))) == left_by_git(tree)
    (tree / where / ".gitignore").write_text("\r\n".join(inner))
    assert left_by_genred(tree, WatchOptions(extensions=EXTENSIONS, ignore_files=(".gitignore",))) == left_by_git(tree)


SETTINGS = WatchOptions(extensions=EXTENSIONS, ignore_files=(".ndignore", ".nomedia", ".ignore"))


def songs_in(tmp_path: Path, *names: str) -> list[Path]:
    songs = [tmp_path / name for name in names]
    for song in songs:
        song.parent.mkdir(parents=True, exist_ok=True)
        song.touch()
    return songs


def found(root: Path, options: WatchOptions = SETTINGS) -> list[str]:
    return [os.path.relpath(path, root) for path, _ in walk(root, options)]


def test_a_file_without_a_pattern_leaves_its_folder_alone(tmp_path: Path) -> None:
    """One with comments alone too, and what lies below; .nomedia whatever it says, or is."""
    songs_in(tmp_path, "a/1.mp3", "b/c/2.mp3", "d/3.mp3", "e/4.mp3", "f/5.mp3")
    (tmp_path / "a/.ndignore").touch()
    (tmp_path / "b/.ignore").write_text("# not ours\n\n")
    (tmp_path / "d/.nomedia").write_text("!*.mp3")
    (tmp_path / "e/.nomedia").symlink_to("nowhere")
    assert found(tmp_path) == ["f/5.mp3"]
    assert len(found(tmp_path, WatchOptions(extensions=EXTENSIONS))) == 5


def test_one_file_takes_back_nothing_that_another_kind_says(tmp_path: Path) -> None:
    """Somebody wanted it left alone."""
    songs_in(tmp_path, "a/1.mp3", "a/2.mp3")
    (tmp_path / ".ndignore").write_text("1.mp3")
    (tmp_path / "a/.ignore").write_text("!1.mp3")
    assert found(tmp_path) == ["a/2.mp3"]
    (tmp_path / "a/.ndignore").write_text("!1.mp3")
    assert found(tmp_path) == ["a/1.mp3", "a/2.mp3"]


@pytest.mark.parametrize("kind", ["a folder", "a fifo", "a loop", "too large", "no pattern"])
def test_what_cant_be_understood_leaves_its_folder_alone(tmp_path: Path, kind: str) -> None:
    """It is read in no time, whatever it is, and the reason is told."""
    (song, _) = songs_in(tmp_path, "a/1.mp3", "2.mp3")
    file = tmp_path / "a/.ndignore"
    match kind:
        case "a folder":
            file.mkdir()
        case "a fifo":
            os.mkfifo(file)
        case "a loop":
            file.symlink_to(file)
        case "too large":
            file.write_text("x\n" * 40_000)
        case "no pattern":
            file.write_text("x\nLive [1999\n")
    assert found(tmp_path) == ["2.mp3"]
    told = left_alone(song, tmp_path, SETTINGS)
    assert told is not None
    assert told.startswith(str(file))
    assert told.endswith("its folder is left alone")


@pytest.mark.parametrize(
    ("pattern", "path"), [("*a" * 12 + "*b", "a" * 250 + "b.ogg"), ("**/a/" * 12 + "b", "a/" * 99)]
)
def test_stars_that_would_take_for_ever_do_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, pattern: str, path: str
) -> None:
    """An album that somebody made for that can't stop genred; what takes too long even so leaves all of it alone."""
    assert Patterns([pattern]).deciding(path, folder=False) is None
    monkeypatch.setattr("genred.config.gitignore.PATIENCE", 1e-6)
    read = Patterns(["!*.ogg", pattern])
    for name in (path * 9, "x.ogg"):
        found = read.deciding(name, folder=False)
        assert found is not None
        assert (found.ignores, found.text) == (True, pattern)
    assert caplog.text.count("takes too long") == 1


def test_the_reason_names_the_file_and_the_line(tmp_path: Path) -> None:
    """Or the pattern of the configuration, or the name itself."""
    (song,) = songs_in(tmp_path, "a/b/1.mp3")
    assert left_alone(song, tmp_path, SETTINGS) is None
    (tmp_path / "a/.ndignore").write_text("# mine\nb/\n")
    assert left_alone(song, tmp_path, SETTINGS) == f"{tmp_path}/a/.ndignore, line 2, has 'b/'"
    options = WatchOptions(extensions=EXTENSIONS, ignore=("*.flac", "/a/"))
    assert left_alone(song, tmp_path, options) == "watch.ignore has '/a/'"
    assert left_alone(tmp_path / "~1.mp3", tmp_path, options) == "such names are passed over: ~1.mp3"


def test_odd_names_are_matched_sign_by_sign(tmp_path: Path) -> None:
    """Line ends and bytes that are no Unicode are signs like others."""
    names = [b"a\nb/1.mp3", b"\xff/2.mp3", "ü.mp3".encode()]
    for name in names:
        path = os.path.join(os.fsencode(tmp_path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            pass
    everything = WatchOptions(extensions=EXTENSIONS)
    assert len(found(tmp_path, everything)) == 3
    for pattern in ("a?b/", "?/", "?.mp3"):
        assert len(found(tmp_path, WatchOptions(extensions=EXTENSIONS, ignore=("1.mp3", "2.mp3", "ü.mp3")))) == 0
        assert len(found(tmp_path, WatchOptions(extensions=EXTENSIONS, ignore=(pattern,)))) < 3
    (tmp_path / ".ndignore").write_bytes(b"\xff\r\n")
    assert sorted(found(tmp_path)) == ["a\nb/1.mp3", "ü.mp3"]


def test_a_folder_inside_is_asked_about_on_the_way_to_it(tmp_path: Path) -> None:
    """What appears in a folder that is left alone isn't walked through."""
    songs_in(tmp_path, "a/b/1.mp3")
    assert len(list(walk_below(tmp_path / "a/b", tmp_path, SETTINGS))) == 1
    (tmp_path / "a/.ndignore").touch()
    assert list(walk_below(tmp_path / "a/b", tmp_path, SETTINGS)) == []
    assert list(walk_below(tmp_path / "a", tmp_path, SETTINGS)) == []
