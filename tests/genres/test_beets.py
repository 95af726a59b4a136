"""What beets users have is read as it is."""

import os
from pathlib import Path

import pytest

from genred.errors import ConfigError
from genred.genres import Vocabulary, beets

GENRES_TREE = """
- electronic:
    - house:
        - deep house
        - hip house
    - 2 tone   # a comment
- hip hop:
    - hip house
    - "trap"
- other:
    - worldbeat
- rock:
    - rock music
- punk rock:
    - polka
- 1980
"""


LAUGHS = list(zip("abcdefg", ["", *"abcdef"], strict=True))


def own(folder: Path, text: str) -> Path:
    file = folder / "genres-tree.yaml"
    file.write_text(text, "utf-8")
    return file


def test_the_persons_tree_stands_in_place_of_genreds(tmp_path: Path) -> None:
    """Genres that it names are kinds of what it says and of nothing else; others stay where they are."""
    tree = beets.tree(own(tmp_path, GENRES_TREE))
    assert tree.ancestors("Deep House") == ("House", "Electronic")
    assert tree.nodes["Hip House"].parents == ("House", "Hip-Hop")
    assert tree.nodes["2 Tone"].parents == ("Electronic",)
    assert tree.nodes["Rock"].parents == tree.nodes["Worldbeat"].parents == tree.nodes["1980"].parents == ()
    assert tree.ancestors("Polka") == ("Punk",)
    assert tree.ancestors("Melodic Dubstep") == ("Dubstep", "Bass Music", "Electronic")
    assert tree.canonical("Rap") == "Hip-Hop"
    assert "Other" not in tree.nodes


def test_a_name_in_small_letters_gets_capitals_where_genred_knows_none(tmp_path: Path) -> None:
    """As beets writes it."""
    tree = beets.tree(own(tmp_path, "- blurgh:\n  - very blurgh\n  - McBlurgh\n"))
    assert [name for name in tree.nodes if "Blurgh" in name] == ["Blurgh", "Very Blurgh", "McBlurgh"]
    words = Vocabulary(tree=tree)
    assert list(words.chain("very  blurgh")) == ["Very Blurgh", "Blurgh"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a: [", "not YAML"),
        ("just a word", "no tree of genres"),
        ("", "no tree of genres"),
        ("- !!python/x y", "not YAML"),
        ("[]", "no tree of genres"),
        ("- &x [*x]", "its lists lie in one another without an end"),
        ("&x\na: *x", "its lists lie in one another without an end"),
        (
            "\n".join(f"{name}: &{name} [{', '.join([f'*{below}' if below else 'x'] * 9)}]" for name, below in LAUGHS),
            "more than 100,000 entries",
        ),
        ("- jazz:\n  - rock\n- rock:\n  - jazz", "Jazz stands under itself"),
        ("- a:\n  - b:\n    - c:\n      - a", "A stands under itself"),
        ('- "a\\e[31mb"', "'a.*31mb' is no name of a genre"),
    ],
)
def test_what_is_no_tree_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """With the file's name, and what is wrong."""
    with pytest.raises(ConfigError, match=said):
        beets.tree(own(tmp_path, text))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Missing, a folder, without an end, far too large, or of other bytes than text."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**30)
    for name in ("pipe", "large", "/dev/zero"):
        with pytest.raises(ConfigError, match="not a file of genres"):
            beets.tree(tmp_path / name)
    for name, said in (("none", "No such file"), (".", "Is a directory"), ("bytes", "not UTF-8 text")):
        with pytest.raises(ConfigError, match=said):
            beets.whitelist(tmp_path / name)


def test_a_whitelist_has_a_genre_a_line(tmp_path: Path) -> None:
    """Comments and empty lines are left out."""
    file = tmp_path / "whitelist.txt"
    file.write_text("# mine\nhip hop\n\n  delta blues \n", "utf-8")
    assert beets.whitelist(file) == ("hip hop", "delta blues")
