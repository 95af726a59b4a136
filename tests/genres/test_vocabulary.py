"""A user's own words: they win over genred's."""

import pytest

from genred.genres import Landing, Vocabulary, Way


def test_a_user_has_words_of_their_own() -> None:
    """Aliases, whitelist and spelling work together, in any spelling."""
    mine = Vocabulary(aliases={"Tunes": "Pop"}, whitelist=["hip hop", "tunes"], spelling={"hiphop": "Rap"})
    assert mine.canonical("TUNES") == "Pop"
    assert mine.written("Hip-Hop") == "Rap"
    assert mine.allows("Pop")
    assert not mine.allows("Rock")


def test_a_genre_that_is_its_own_alias_is_one_of_its_own() -> None:
    """The tree takes Heavy Metal for Metal; a person who doesn't has the last word, and it stays a kind of it."""
    assert Vocabulary().canonical("heavy metal") == "Metal"
    mine = Vocabulary(aliases={"Heavy Metal": "Heavy Metal", "HM": "heavy metal"})
    assert [mine.canonical(name) for name in ("heavy-metal", "HM", "Metal")] == ["Heavy Metal", "Heavy Metal", "Metal"]
    assert mine.ancestors("HM") == ("Metal", "Rock")
    assert mine.land("HM") == Landing("Metal", Way.ALIAS, "Heavy Metal")
    assert list(mine.chain("HM")) == ["Heavy Metal", "Metal", "Rock"]
    assert Vocabulary(aliases={"House": "House"}).canonical("house music") == "House"


def test_a_pattern_that_leads_to_nothing_says_nothing() -> None:
    """The group that holds the meaning may be empty."""
    mine = Vocabulary(aliases={"/(a*)jazz/": r"\1"})
    assert mine.canonical("jazz") == "Jazz"
    assert mine.canonical("aaJazz") == "aa"


def test_what_stands_above_a_genre_is_called_by_the_users_words_too() -> None:
    """Who calls Electronic Dance finds House under that, may write that alone, and backs off to it."""
    mine = Vocabulary(aliases={"Electronic": "Dance", "Heavy Metal": "Heavy Metal"}, whitelist=["Dance"])
    assert mine.line("deep house") == ("Deep House", "House", "Dance")
    assert mine.ancestors("House") == ("Dance",)
    assert mine.allowed("House") == "Dance"
    assert mine.line("Electronic") == mine.line("Dance") == ("Dance",)
    assert mine.line("heavy metal") == ("Heavy Metal", "Metal", "Rock")


def test_an_alias_may_be_a_pattern() -> None:
    """A regular expression between slashes, for whole names in any capitals; plain spellings come first."""
    mine = Vocabulary(aliases={"/.*core/": "Hardcore", "Mathcore": "Math Rock", r"/(\w+) rulez/": r"\1"})
    assert mine.canonical("DEATHCORE") == "Hardcore"
    assert mine.canonical("mathcore") == "Math Rock"
    assert mine.canonical("core values") == "core values"
    assert mine.canonical("Techno rulez") == "Techno"
    assert "Hardcore" in mine.words()
    assert r"\1" not in mine.words()


def test_a_pattern_that_takes_too_long_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would take longer than the machine lasts; it is named, with the name it was tried on, and costs no more."""
    monkeypatch.setattr("genred.genres.vocabulary.PATIENCE", 0.05)
    mine = Vocabulary(aliases={"/(a|aa)+$/": "Hardcore"})
    assert mine.canonical("aaaa") == "Hardcore"
    assert mine.canonical("a" * 60 + "!") == "a" * 60 + "!"
    assert "expression /(a|aa)+$/ takes too long to try on 'aaaa" in caplog.text
    caplog.clear()
    assert [mine.canonical("a" * 60 + "?"), mine.canonical("b")] == ["a" * 60 + "?", "b"]
    assert not caplog.text


def test_a_finer_genre_is_written_as_the_nearest_that_may_be() -> None:
    """So a short whitelist makes broad genres of fine answers."""
    mine = Vocabulary(whitelist=["Rock", "jazz"], spelling={"Rock": "ROCK"})
    assert mine.allowed("Death Metal") == "Rock"
    assert list(mine.chain("Death Metal")) == ["ROCK"]
    assert mine.allowed("Polka") is None
    assert list(mine.chain("Polka")) == []


def test_a_text_is_split_where_it_names_several() -> None:
    """Names that hold a slash themselves stay whole."""
    split = Vocabulary().split
    assert split("Electronic; House") == ["Electronic", "House"]
    assert split("Rock; Pop") == ["Rock", "Pop"]
    assert split("Blues/Jazz") == ["Blues", "Jazz"]
    assert split("Pop/Rock") == ["Pop/Rock"]
    assert split("R&B/Soul; Hip-Hop/Rap") == ["R&B/Soul", "Hip-Hop/Rap"]
    assert split(" Zydecu ") == ["Zydecu"]
    assert split("Folk, World, & Country") == ["Folk", "World", "Country"]
    assert split("") == []
    assert Vocabulary(aliases={"Blues/Jazz": "Blues"}).split("blues / jazz") == ["blues / jazz"]


def test_a_name_is_known_if_it_is_one_not_if_its_words_are() -> None:
    """So the owner's own words stay theirs."""
    mine = Vocabulary(aliases={"x": "Blurgh"}, spelling={"Krach": "Noise!"})
    assert all(map(mine.knows, ("rap", "Lo-Fi House", "X", "blurgh", "krach")))
    assert not any(map(mine.knows, ("Grandma's House", "Blorgh")))
