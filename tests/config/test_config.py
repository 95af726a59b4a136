from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred import config
from genred.config import toml
from genred.errors import ConfigError
from genred.genres import built_in

GENRES = list(built_in().nodes)

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


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
        ("\n[tags]\n\nmode = 'kepp'", ":4: tags.mode: must be one of keep, merge, overwrite, off; did you mean keep?"),
        ("[watch]\npolling = 'often'", ":2: watch.polling: must be one of auto, true, false"),
        ("[model]\ntarget_precision = 80", ":2: model.target_precision: must be a share of one: 0.8 for 80 %"),
        ("[model]\ntarget_precision = 1", ":2: model.target_precision: expected a number below 1.0"),
        ("[model]\ntarget_precision = -80", ":2: model.target_precision: expected a number above 0.0"),
        ("[model]\nmin_confidence = 52.5", ":2: model.min_confidence: must be a share of one: 0.525 for 52.5 %"),
        ("[watch]\ndirectories = ['Music']", ":2: watch.directories: expected an absolute path, got 'Music'"),
        ("[genres.aliases]\nRap = 3", ":1: genres.aliases: expected text in quotes, got a whole number"),
        ("watch = 3", ":1: watch: must be a section: [watch]"),
        ("[history]\nurl = 'mysql://x'", ":2: history.url: must be sqlite:/// and the path of a file"),
        ("[history]\nurl = 'sqlite:///'", ":2: history.url: must be sqlite:/// and the path of a file"),
        ("[watch\n", ":1: not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_line_its_key_and_what_would_do(tmp_path: Path, text: str, said: str) -> None:
    """A person finds the mistake without reading the source."""
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        config.load(file, {})
    assert str(error.value).startswith(f"{file}{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[genres.aliases]\nRap = 'Trap'\nTrap = 'Rap'\n",
            ":2: genres.aliases: 'Rap' leads back to itself\n{file}:3: genres.aliases: 'Trap' leads back to itself",
        ),
        (
            "[genres]\naliases = { 'Hip Hop' = 'Pop', 'hip-hop' = 'Rock' }\n",
            ":2: genres.aliases: 'hip-hop' is 'Rock', and 'Hip Hop', the same word, is 'Pop'",
        ),
        (
            "[genres.spelling]\nRock = 'ROCK'\nrock = 'Rock!'\n",
            ":3: genres.spelling: 'rock' is 'Rock!', and 'Rock', the same word, is 'ROCK'",
        ),
        ("[genres]\naliases = { Rock = '' }\n", ":2: genres.aliases: '' is no name of a genre"),
        ("[genres]\naliases = { '*' = 'Rock' }\n", ":2: genres.aliases: '*' is no name of a genre"),
        ("[genres]\nspelling = { Rock = 'A; B' }\n", ":2: genres.spelling: 'A; B' is more than one genre"),
        ("[genres]\naliases = { Rock = 'A|B' }\n", ":2: genres.aliases: 'A|B' is more than one genre"),
        ("[genres]\nspelling = { Rock = ' ' }\n", ":2: genres.spelling: ' ' is no name of a genre"),
        ('[genres]\nspelling = { Rock = "a\\u0000b" }\n', ":2: genres.spelling: 'a\\x00b' is no name of a genre"),
    ],
)
def test_a_vocabulary_that_contradicts_itself_is_a_mistake(tmp_path: Path, text: str, said: str) -> None:
    """No reading of it could be the one that was meant."""
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        config.load(file, {})
    assert str(error.value) == f"{file}{said.format(file=file)}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "aliases = { Rap = 'Hipp Hop' }",
            "neither the vocabulary nor the model knows 'Hipp Hop'; did you mean Hip-Hop?",
        ),
        ("aliases = { 'Hip Hop' = 'Hip-Hop' }", "'Hip Hop' and 'Hip-Hop' are one word anyway"),
        ("aliases = { A = 'B', B = 'Rock' }", "'B' is an alias too, and only one step is taken; name 'Rock' itself"),
        ("whitelist = ['Rock', 'Regge']", "neither the vocabulary nor the model knows 'Regge'; did you mean Reggae?"),
        ("whitelist = ['Rock', 'rock music']", "'rock music' is Rock, which is there already"),
        (
            "whitelist = ['Jazz']\nspelling = { Rock = 'ROCK' }",
            "'Rock' is never written: genres.whitelist leaves it out",
        ),
        ("spelling = { Polkka = 'polka' }", "neither the vocabulary nor the model knows 'Polkka'; "),
        ("spelling = { Rock = 'Other' }", "'Other' says nothing, and so counts as no genre"),
        ("aliases = { House = 'House' }", "'House' is a genre of its own anyway"),
        ("no_genre = ['Podcast', 'unknown']", "'unknown' counts as no genre anyway"),
        ("aliases = { Rap = 'Unknown' }", "'Unknown' says nothing; genres.no_genre is for that"),
        ("spelling = { Rock = 'jazz music' }", "'jazz music' is read as Jazz, another genre"),
        ("spelling = { Rock = 'Mine' }\nno_genre = ['mine']", "'Mine' says nothing, and so counts as no genre"),
    ],
)
def test_what_can_hardly_be_meant_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    """It is obeyed all the same."""
    file = write(tmp_path, f"[genres]\n{text}\n")
    [doubt] = config.doubts(config.load(file, {}), file, GENRES, {})
    assert not doubt.fatal
    assert f"warning: {said}" in str(doubt)
    key = doubt.key.partition(".")[2]
    assert doubt.line == 2 + next(n for n, line in enumerate(text.splitlines()) if line.startswith(key))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mode = 'merge'", ':2: tags.mode: warning: with max_genres = 1, "merge" does no more than "keep"'),
        ("mode = 'off'\nmax_genres = 2", ':3: tags.max_genres: warning: nothing is written with tags.mode = "off"'),
        ("mode = 'merge'\nmax_genres = 2", ""),
        ("mode = 'off'", ""),
        ("max_genres = 3", ""),
    ],
)
def test_keys_that_together_do_nothing_are_a_warning(tmp_path: Path, text: str, said: str) -> None:
    """Nobody waits in vain for genres to be merged."""
    file = write(tmp_path, f"[tags]\n{text}\n")
    found = config.doubts(config.load(file, {}), file, GENRES, {})
    assert [str(doubt).startswith(f"{file}{said}") for doubt in found] == ([True] if said else [])


def test_a_list_that_allows_nothing_is_a_warning(tmp_path: Path) -> None:
    """It allows everything: nobody asks for no genre at all by an empty list."""
    (tmp_path / "list.txt").write_text("# mine\n")
    file = write(tmp_path, f"[genres]\nwhitelist_file = '{tmp_path}/list.txt'\n")
    [doubt] = config.doubts(config.load(file, {}), file, GENRES, {})
    assert (doubt.key, doubt.line) == ("genres.whitelist_file", 2)
    assert str(doubt).endswith("list.txt holds no genre, so any may be written")


def test_files_and_patterns_of_genres_that_cannot_be_read_are_mistakes(tmp_path: Path) -> None:
    """Each with its line; what else the configuration says can be understood all the same."""
    (tmp_path / "tree.yaml").write_text("- a: [")
    lines = [
        "[genres]",
        f"tree = '{tmp_path}/tree.yaml'",
        "whitelist_file = '/nowhere'",
        "aliases = { '/a(/' = 'Rock', '/b+/' = '\\2', '/c+/' = 'Pop', '/(d)+/' = '\\1' }",
    ]
    file = write(tmp_path, "\n".join(lines))
    settings, mistakes = config.check(file, {})
    assert [(mistake.line, mistake.key) for mistake in mistakes] == [
        *((4, "genres.aliases"), (4, "genres.aliases")),
        *((2, "genres.tree"), (3, "genres.whitelist_file")),
    ]
    assert "'/a(/' is no regular expression: " in mistakes[0].message
    assert "not YAML" in mistakes[2].message
    assert "can't be read (No such file or directory)" in mistakes[3].message
    assert settings.genres.aliases == {"/c+/": "Pop", "/(d)+/": "\\1"}
    assert settings.vocabulary.canonical("CC") == "Pop"


def test_what_beets_users_have_is_read_from_where_they_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree and a whitelist, beside the configuration's own entries."""
    monkeypatch.setenv("HOME", str(tmp_path))
    beets = tmp_path / ".config" / "beets"
    beets.mkdir(parents=True)
    (beets / "genres-tree.yaml").write_text("- dance:\n  - techno\n")
    (beets / "whitelist.txt").write_text("dance\nhip hop\n")
    own = "tree = '~/.config/beets/genres-tree.yaml'\nwhitelist_file = '~/.config/beets/whitelist.txt'\n"
    file = write(tmp_path, f"[genres]\n{own}whitelist = ['Jazz']\n")
    words = config.load(file, {}).vocabulary
    assert words.ancestors("Techno") == ("Dance",)
    assert list(words.chain("Techno")) == ["Dance"]
    assert words.allows("Jazz")
    assert words.allows("Rap")
    assert not words.allows("Rock")
    assert config.doubts(config.load(file, {}), file, GENRES, {}) == []


@pytest.mark.parametrize(
    ("ignore", "said"),
    [
        ("#recycle", r"""'#recycle' is a comment in gitignore syntax; write "\\#recycle"""),
        ("Live [1999", r"""'Live [1999' has a [ without its ]; write "Live \\[1999" if you mean the sign"""),
        ("[[:alpha:]]*", "has a class such as [:alpha:], which is not understood"),
        ("[z-a]", "is no pattern (bad character range z-a"),
        ("a\\", r"""ends with a backslash; write "a\\\\" if you mean the sign"""),
        ("*/Live/*", """may mean two things, since * stops at a slash; write "/*/Live/*", or ** to cross slashes"""),
        ("a ", """'a ' ends with a blank, which doesn't count; write "a\""""),
        ("!/", "'!/' is no pattern"),
        ("~/Demos", "'~/Demos' fits to nothing: a pattern begins in each of watch.directories"),
        ("./Demos", "has one slash at a time, not ./"),
        ("a//b", "'a//b' fits to nothing"),
        ("", "'' is no pattern"),
    ],
)
def test_a_pattern_that_means_nothing_or_two_things_is_a_mistake(tmp_path: Path, ignore: str, said: str) -> None:
    """What every earlier pattern meant is still meant, or it is refused, with what to write instead."""
    file = write(tmp_path, f"[watch]\nignore = [\n'books',\n{toml.dumps(ignore)}]\n")
    settings, [mistake] = config.check(file, {})
    assert ": watch.ignore: " in str(mistake)
    assert said in str(mistake)
    assert settings.watch.ignore == ("books",)


def test_a_name_that_no_file_can_have_is_a_mistake(tmp_path: Path) -> None:
    """It is the name of a file in a folder, and not a path."""
    _, [mistake] = config.check(write(tmp_path, "[watch]\nignore_files = ['a/.ndignore']"), {})
    assert str(mistake).endswith(":2: watch.ignore_files: 'a/.ndignore' is no name of a file")


@pytest.mark.parametrize(
    ("ignore", "said"),
    [
        (["*"], ["'*' leaves everything alone"]),
        (["*", "!*/", "!*.flac"], []),
        (["!a", "b"], ["'!a' takes back nothing"]),
        (["b", "!a", "/*/Live/", "a/*", "*.live.mp3"], []),
    ],
)
def test_patterns_that_leave_all_or_nothing_alone_are_a_warning(
    tmp_path: Path, ignore: list[str], said: list[str]
) -> None:
    """Neither can be meant."""
    file = write(tmp_path, f"[watch]\nignore = {toml.dumps(ignore)}\n")
    found = config.doubts(config.load(file, {}), file, GENRES, {})
    assert [told in str(doubt) for told, doubt in zip(said, found, strict=True)] == [True] * len(said)


def test_a_pattern_that_names_the_folder_itself_is_a_warning(tmp_path: Path) -> None:
    """Patterns begin there, so it would leave nothing alone; the message has what would do."""
    file = write(tmp_path, f"[watch]\ndirectories = ['{tmp_path}']\nignore = ['{tmp_path}/Books']\n")
    [doubt] = config.doubts(config.load(file, {}), file, GENRES, {})
    assert str(doubt).endswith("write '/Books'")


def test_reading_tags_for_nothing_is_a_warning(tmp_path: Path) -> None:
    """Whoever wants no evidence from tags wants no reading of them either; each of the two alone has a use for it."""
    file = write(tmp_path, "[evidence]\nmates = false\nartist = false\n")
    [doubt] = config.doubts(config.load(file, {}), file, GENRES, {})
    assert (doubt.fatal, doubt.key) == (False, "evidence.library")
    for text in ("mates = false", "artist = false", "mates = false\nartist = false\nlibrary = false"):
        file = write(tmp_path, f"[evidence]\n{text}\n")
        assert config.doubts(config.load(file, {}), file, GENRES, {}) == []


def test_a_vocabulary_that_means_something_is_left_in_peace(tmp_path: Path) -> None:
    """So are the genres that only a model of one's own knows."""
    genres = "aliases = { 'Rap Français' = 'Hip-Hop' }\nwhitelist = ['rap', 'Zydeco']\nspelling = { Rap = 'Rap' }\n"
    file = write(tmp_path, f"[genres]\n{genres}")
    assert config.doubts(config.load(file, {}), file, [*GENRES, "Zydeco"], {}) == []


def test_folders_that_are_missing_or_nested_are_warnings(tmp_path: Path) -> None:
    """A disk may be away."""
    names = [str(tmp_path), str(tmp_path / "none"), str(tmp_path / "genred.toml")]
    file = write(tmp_path, f"[watch]\ndirectories = {toml.dumps(names)}\n")
    missing, no_folder = config.doubts(config.load(file, {}), file, GENRES, {})
    assert "none is not there; it is watched when it appears" in missing.message
    assert "genred.toml is not a folder" in no_folder.message
    (tmp_path / "none").mkdir()
    nested, _ = config.doubts(config.load(file, {}), file, GENRES, {})
    assert nested.message == f"{tmp_path / 'none'} is inside {tmp_path} already"


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ("'music' = '/mnt'", "must be an absolute path, got 'music'"),
        ("'/music' = '~/music'", "must be an absolute path, got '~/music'"),
        ("'/srv/../music' = '/mnt'", "begins with one slash and has neither .. nor NUL, got '/srv/../music'"),
        ("'//music' = '/mnt'", "begins with one slash and has neither .. nor NUL, got '//music'"),
        ('"/music" = "/mnt/\\u0000"', r"begins with one slash and has neither .. nor NUL, got '/mnt/\x00'"),
        ("'/music' = '/mnt/a', '/music/' = '/mnt/b'", "'/music/' is called '/mnt/b', and '/music', the same folder"),
    ],
)
def test_folders_at_a_cluster_that_cannot_be_meant_are_mistakes(tmp_path: Path, paths: str, said: str) -> None:
    """They would fit to no file, or one of two would count without a word."""
    file = write(tmp_path, f"[cluster]\nscheduler = 'tcp://desk:8786'\npaths = {{ {paths} }}\n")
    checked, [mistake] = config.check(file, {})
    assert (mistake.key, mistake.line, mistake.fatal) == ("cluster.paths", 3, True)
    assert said in mistake.message
    with pytest.raises(ConfigError, match=r"cluster\.paths: "):
        config.load(file, {})
    assert len(checked.cluster.paths) == paths.count("=") - 1


def test_folders_at_a_cluster_may_be_inside_one_another(tmp_path: Path) -> None:
    """The longest counts, which is said; a name with a slash at its end is the same, and so may be its place."""
    (tmp_path / "live").mkdir()
    text = f"'{tmp_path}' = '/mnt', '{tmp_path}/' = '/mnt/', '{tmp_path}/live' = '/mnt/others/live'"
    file = write(tmp_path, f"[cluster]\npaths = {{ {text} }}\n")
    assert config.doubts(config.load(file, {}), file, GENRES, {}) == []


def test_folders_at_a_cluster_that_are_missing_here_or_one_there_are_warnings(tmp_path: Path) -> None:
    """A disk may be away, and a cluster may have in one folder what is in two here."""
    text = f"'{tmp_path}' = '/mnt', '{tmp_path}/none' = '/mnt/', '{tmp_path}/genred.toml' = '/mnt/x'"
    file = write(tmp_path, f"[cluster]\npaths = {{ {text} }}\n")
    both, missing, no_folder = config.doubts(config.load(file, {}), file, GENRES, {})
    assert (both.key, both.line, both.fatal) == ("cluster.paths", 2, False)
    assert f"'{tmp_path}/none' and '{tmp_path}' are both called '/mnt/' at the cluster" in both.message
    assert f"'{tmp_path}/none' is not there" in missing.message
    assert f"'{tmp_path}/genred.toml' is not a folder" in no_folder.message


def test_a_doubt_about_the_environment_names_the_variable() -> None:
    """It isn't looked for in the file."""
    environ = {"GENRED_GENRES_WHITELIST": "Rokc"}
    [doubt] = config.doubts(config.load(None, environ), None, GENRES, environ)
    assert str(doubt).startswith("$GENRED_GENRES_WHITELIST: genres.whitelist: warning: ")


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=40)


@given(st.lists(names, max_size=4))
def test_a_configuration_for_some_folders_is_the_example_with_them_in_it(
    tmp_path_factory: pytest.TempPathFactory, folders: list[str]
) -> None:
    """Whatever they are called, it says just that, and the defaults for the rest."""
    paths = tuple(Path("/", name) for name in folders)
    file = tmp_path_factory.getbasetemp() / "example.toml"
    file.write_text(toml.example(paths), newline="")
    assert config.load(file, {}) == config.Config().with_changes("watch", directories=paths)


def test_a_name_that_toml_cannot_hold_is_refused() -> None:
    """Names are bytes, TOML is Unicode."""
    with pytest.raises(ConfigError, match=r"caf\\xe9: TOML can't hold this name"):
        toml.example([Path("/caf\udce9")])


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Nobody has to run the check three times to find three mistakes."""
    file = write(tmp_path, "[tags]\nmode = 1\nmax_genres = 0\n[watch]\nfoo = 1\n")
    _, mistakes = config.check(file, {})
    assert [mistake.key for mistake in mistakes] == ["tags.mode", "tags.max_genres", "watch.foo"]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Editors of other systems write one, and lines keep their numbers."""
    file = tmp_path / "genred.toml"
    file.write_text("[tags]\nmax_genres = 2\n", encoding="utf-8-sig")
    assert config.load(file, {}).tags.max_genres == 2
    file.write_text("[tags]\nmax_genres = 0\n", encoding="utf-8-sig")
    assert config.check(file, {})[1][0].line == 2


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
    with pytest.raises(ConfigError, match=r"must be a share of one: 0.8 for 80 %"):
        config.load(None, {"GENRED_MODEL_TARGET_PRECISION": "80"})


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


def test_patterns_are_words_of_their_own(tmp_path: Path) -> None:
    """What they have in common with a word, or with each other, when their signs are left out, is nothing."""
    file = tmp_path / "config.toml"
    words = (
        '"/.*core/" = "Hardcore", "Core" = "Rock", "/.+core/" = "Punk", "/heavy|hard/" = "Metal", "Heavyhard" = "Pop"'
    )
    file.write_text(f"[genres]\naliases = {{ {words} }}\n")
    assert config.load(file, {}).genres.aliases["Core"] == "Rock"
