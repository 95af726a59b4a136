from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred import config
from genred.errors import ConfigError

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"


def write(folder: Path, text: str) -> Path:
    file = folder / "genred.toml"
    file.write_text(text)
    return file


def test_the_example_parses_to_exactly_the_defaults() -> None:
    """Whoever copies the example has changed nothing."""
    assert config.load(EXAMPLE, {}) == config.Config()


def test_the_example_shows_every_key() -> None:
    """No key is left for the source to tell."""
    text = EXAMPLE.read_text()
    for section, keys in config.Config().as_dict().items():
        assert f"[{section}]" in text
        for key in keys:
            assert f"\n{key} = " in text, f"{section}.{key}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[watch]\nsettle_second = 3", ":2: watch.settle_second: no such key; did you mean settle_seconds?"),
        ("[tagz]\n", ":1: tagz: no such section; did you mean tags?"),
        ("\n[tags]\n\nmode = 'kepp'", ":4: tags.mode: must be one of keep, merge, overwrite, off"),
        ("[watch]\npolling = 'often'", ":2: watch.polling: must be one of auto, true, false"),
        ("[model]\ntarget_precision = 80", ":2: model.target_precision: expected 'float' < 1.0"),
        ("[watch]\ndirectories = ['Music']", ":2: watch.directories: expected an absolute path, got 'Music'"),
        ("[genres.aliases]\nRap = 3", ":1: genres.aliases: expected 'str', got 'int'"),
        ("watch = 3", ":1: watch: must be a section: [watch]"),
        ("[history]\nurl = 'mysql://x'", ":2: history.url: "),
        ("[watch\n", ":1: not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_line_its_key_and_what_would_do(tmp_path: Path, text: str, said: str) -> None:
    """A person finds the mistake without reading the source."""
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        config.load(file, {})
    assert str(error.value).startswith(f"{file}{said}")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Nobody has to run the check three times to find three mistakes."""
    file = write(tmp_path, "[tags]\nmode = 1\nmax_genres = 0\n[watch]\nfoo = 1\n")
    _, mistakes = config.check(file, {})
    assert [mistake.key for mistake in mistakes] == ["tags.mode", "tags.max_genres", "watch.foo"]


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """GENRED_SECTION_KEY stands above the file."""
    file = write(tmp_path, "[tags]\nmode = 'merge'\nmax_genres = 2\n")
    loaded = config.load(file, {"GENRED_TAGS_MODE": "off", "GENRED_WATCH_DIRECTORIES": "/a:/b"})
    assert (loaded.tags.mode, loaded.tags.max_genres) == ("off", 2)
    assert loaded.watch.directories == (Path("/a"), Path("/b"))


def test_a_mistake_in_the_environment_names_the_variable() -> None:
    """It isn't looked for in the file."""
    with pytest.raises(ConfigError, match=r"\$GENRED_TAGS_MODE: tags.mode: must be one of"):
        config.load(None, {"GENRED_TAGS_MODE": "sometimes"})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A typing error in --config doesn't silently mean the defaults."""
    with pytest.raises(ConfigError, match="no such configuration file"):
        config.find(tmp_path / "none.toml")


def test_the_users_file_is_found_before_the_systems(home: Path) -> None:
    """$XDG_CONFIG_HOME comes before /etc."""
    file = home / "config" / "genred" / "config.toml"
    file.parent.mkdir(parents=True)
    file.touch()
    assert config.find() == file


def test_systemd_says_where_state_and_cache_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """StateDirectory= and CacheDirectory= stand above the user's folders."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/genred:/other")
    monkeypatch.setenv("CACHE_DIRECTORY", "/var/cache/genred")
    assert config.Config().database == Path("/var/lib/genred/history.db")
    assert config.cache_dir() == Path("/var/cache/genred")


@given(st.binary(max_size=200))
def test_no_file_makes_the_check_crash(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Whatever the file holds, the answer is a list of mistakes."""
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(content)
    config.check(file, {})
