"""What the owner calls the music around a track; and that genred never believes itself."""

import os
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import mutagen.flac
import pytest

from genred.config import Config, Evidence, Tags
from genred.fs.files import Stamp
from genred.genres import Vocabulary
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.library import Indexed
from genred.history.records import Author, Outcome, Query
from genred.model.evidence import Owner
from genred.names import Labels
from genred.tagging.catalogue import REST_SECONDS, Cataloguer
from genred.tagging.evidence import Witness
from genred.tagging.tagger import Tagger
from genred.tagging.undo import undo_write
from tests.fakes import FakeAnalyser, sure
from tests.makeaudio import make

FIRST = Labels("Ann", "", "First")


def track(path: str, genres: str = "", labels: Labels = FIRST, by: Author = Author.YOU) -> Indexed:
    """Return a known track; genres are joined by a comma."""
    names = tuple(genres.split(",")) if genres else ()
    stamp = Stamp(1, abs(hash(path)) % 2**40, 10, 10, 10)
    return Indexed(Path("/m", path), stamp, labels, names, by if names else None)


def witness(history: History, evidence: Evidence | None = None, vocabulary: Vocabulary | None = None) -> Witness:
    return Witness(history.library, vocabulary or Vocabulary(), evidence or Evidence())


def heard(history: History, *album: Indexed, evidence: Evidence | None = None) -> list[tuple[object, object]]:
    """Return what speaks for each track: its mates, and the artist's other albums."""
    return [(owner.mates, owner.artist) for owner in witness(history, evidence).about(album).owners]


# -- counting --------------------------------------------------------------------------------------------------------


def test_mates_are_the_other_tracks_of_the_album(history: History) -> None:
    """A track says nothing about itself; one with two genres is half a track of each; generic words are none."""
    album = [track("1", "Jazz"), track("2", "Jazz,Blues"), track("3", "Unknown"), track("4")]
    assert [mates for mates, _ in heard(history, *album)] == [
        {"Jazz": 0.5, "Blues": 0.5},
        {"Jazz": 1},
        {"Jazz": 1.5, "Blues": 0.5},
        {"Jazz": 1.5, "Blues": 0.5},
    ]


def test_words_of_one_meaning_are_one_word(history: History) -> None:
    """By the vocabulary where it knows them, by their letters where it doesn't; lists in one text are lists."""
    words = ["hip hop", "Rap", "Krautrock", "Kraut-Rock; Jazz", ""]
    album = [track(str(number), word) for number, word in enumerate(words)]
    assert heard(history, *album)[-1][0] == {"Hip-Hop": 2, "Krautrock": 1.5, "Jazz": 0.5}


def test_of_an_artist_other_albums_count_as_albums(history: History) -> None:
    """Ten tracks are one album; the album itself, on all of its discs, is no other."""
    history.library.note_all(
        [
            *(track(f"b/{n}", "Krautrock", Labels("Ann", "", "Second")) for n in range(10)),
            track("c/1", "Krautrock", Labels("Ann feat. Bob", "", "Third")),
            track("c/2", "Pop", Labels("Ann", "", "Third")),
            track("d/1", "Folk", Labels("Ann", "", "First (Disc 2)")),
            track("e/1", "Rock", Labels("Ann", "", "Fourth"), Author.GENRED),
        ]
    )
    assert heard(history, track("a/1")) == [({}, {"Krautrock": 1.5, "Pop": 0.5})]


def test_a_track_of_a_compilation_asks_for_its_own_artist(history: History) -> None:
    """Many artists have no music of their own."""
    history.library.note_all(
        [
            track("b/1", "Jazz", Labels("Ann", "", "Second")),
            track("c/1", "Rock", Labels("Bob", "", "Third")),
            track("d/1", "Pop", Labels("Dan", "Various Artists", "Other Hits")),
        ]
    )
    hits = [track(f"a/{name}", "", Labels(name, "Various Artists", "Hits")) for name in ("Ann", "Bob", "Eve")]
    assert [artist for _, artist in heard(history, *hits)] == [{"Jazz": 1}, {"Rock": 1}, {}]


def test_the_whole_library_says_how_often_a_word_is_used(history: History) -> None:
    """In albums, by the name of the genre."""
    history.library.note_all([track("b", "Rap", Labels("A", "", "B")), track("c", "hiphop,Odd", Labels("B", "", "C"))])
    (owner,) = witness(history).about([track("a/1")]).owners
    assert owner.library == {"Hip-Hop": 1.5, "Odd": 0.5}


def test_an_owner_whose_words_agree_is_trusted_more_than_one_whose_words_do_not(history: History) -> None:
    """It is learnt from the library; a person who tags at random has no word that foretells the next."""
    words = ("Rock", "Jazz", "Folk", "Pop", "Kids")
    trusts = []
    for mess in (0, 1):
        for artist, album, number in product(range(40), range(4), range(4)):
            word = words[(artist + mess * (7 * album + 3 * number)) % 5]
            labels = Labels(f"Artist {artist}", "", f"Album {album}")
            history.library.note_all([track(f"{artist}-{album}-{number}", word, labels)])
        (owner,) = witness(history).about([track("more")]).owners
        trusts.append(owner.trust)
    agreeing, messy = trusts
    assert agreeing.mates < messy.mates
    assert agreeing.artist < messy.artist


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence(mates=False), [({}, {"Rock": 1})]),
        (Evidence(artist=False), [({"Jazz": 1}, {})]),
        (Evidence(mates=False, artist=False), [({}, {})]),
    ],
)
def test_each_kind_can_be_switched_off(
    history: History, evidence: Evidence, expected: list[tuple[object, object]]
) -> None:
    """Somebody's artist tags may be a mess."""
    mate, other = track("a/2", "Jazz"), track("b/1", "Rock", Labels("Ann", "", "Second"))
    history.library.note_all([mate, other])
    assert heard(history, track("a/1"), mate, evidence=evidence)[:1] == expected


def test_a_file_whose_tags_were_not_read_says_nothing(history: History) -> None:
    """Nobody knows of which album it is; its genres may be known all the same."""
    bare = replace(track("a/1"), labels=None)
    assert heard(history, bare, track("a/2", "Jazz"))[0] == ({"Jazz": 1}, {})


# -- spelling --------------------------------------------------------------------------------------------------------


def test_a_word_is_written_as_the_nearest_music_spells_it(history: History) -> None:
    """Eleven tracks that say "Rap" are followed by a twelfth, whatever the tree calls it."""
    album = [track("1", "Rap"), track("2", "Rap"), track("3", "Hip Hop"), track("4")]
    assert witness(history).about(album).written("Hip-Hop", Vocabulary()) == "Rap"
    history.library.note_all([track("b/1", "HIPHOP", Labels("Ann", "", "Second"))])
    assert witness(history).about([track("4")]).written("Hip-Hop", Vocabulary()) == "HIPHOP"


def test_from_the_library_only_another_spelling_of_the_same_word_is_taken(history: History) -> None:
    """That an owner has House in the library makes no Techno House."""
    words = ("House", "hip hop", "hip hop", "HipHop")
    history.library.note_all(track(word + str(n), word, Labels(str(n), "", str(n))) for n, word in enumerate(words))
    told = witness(history).about([track("a/1", "", Labels("Z", "", "Z"))])
    assert told.written("Electronic", Vocabulary()) == "Electronic"
    assert told.written("Hip-Hop", Vocabulary()) == "hip hop"


def test_a_spelling_that_is_configured_is_the_one_that_is_written(history: History) -> None:
    """A person who says how a genre is written means it."""
    vocabulary = Vocabulary(spelling={"Electronic": "Elektronisch"})
    told = witness(history, vocabulary=vocabulary).about([track("1", "Techno"), track("2")])
    assert told.written("Electronic", vocabulary) == "Elektronisch"


def test_an_alias_names_the_genre_that_it_means(history: History) -> None:
    """The user's own vocabulary comes first."""
    vocabulary = Vocabulary(aliases={"Kraut": "Rock"})
    told = witness(history, vocabulary=vocabulary).about([track("1", "Kraut"), track("2")])
    assert told.owners[1].mates == {"Rock": 1}


# -- never itself ----------------------------------------------------------------------------------------------------


class Music:
    """Real files, a tagger that hears Jazz in each, and the reading of tags in the background."""

    def __init__(self, folder: Path, history: History) -> None:
        self.history = history
        self.folder = folder
        self.analyser = FakeAnalyser({f"{n}.flac": sure("Jazz") for n in range(9)})
        self.tagger = Tagger(Config(), history, self.analyser)
        self.now = 0.0
        self.cataloguer = Cataloguer(history, self.analyser, "; ", lambda: self.now)
        for n in range(2):
            self.song(n)

    def song(self, number: int, genre: str = "") -> Path:
        song = make(self.folder / f"{number}.flac", 0.2, freq=400 + number)
        file = mutagen.flac.FLAC(song)
        file["artist"], file["album"] = ["Ann"], ["First"]
        if genre:
            file["genre"] = [genre]
        file.save()
        return song

    def tag(self) -> None:
        list(self.tagger.process(sorted(self.folder.iterdir())))

    def arrive(self, folder: Path) -> None:
        """Note what lies in a folder as backlog, as on a disk that is new, and read its tags."""
        found = [(str(path), Stamp.of(os.stat(path))) for path in sorted(folder.iterdir())]
        self.history.files.note_backlog(found, backlog=True)
        self.read(folder)

    def read(self, folder: Path) -> None:
        """Read what is to be read in a folder, as a service does in the course of time."""
        self.now += REST_SECONDS
        self.cataloguer.step([folder], 60)

    def about(self, folder: Path) -> Owner:
        """Return what the owner says about one more track in a folder."""
        more = replace(track("more"), path=folder / "more.flac")
        return witness(self.history).about([*self.history.library.folder(folder), more]).owners[-1]


@pytest.fixture
def music(tmp_path: Path, history: History) -> Music:
    (tmp_path / "music").mkdir()
    return Music(tmp_path / "music", history)


def test_what_genred_wrote_is_no_evidence(music: Music) -> None:
    """Otherwise one wrong answer would make the next."""
    music.tag()
    assert [record.outcome for record in music.history.records(Query())] == [Outcome.TAGGED] * 2
    assert music.about(music.folder).mates == {}


def test_what_a_person_set_is_evidence(music: Music) -> None:
    """Also where genred had written it, and the person said that it is right."""
    music.tag()
    music.tagger.set_genre(music.folder / "0.flac", "Jazz")
    music.tagger.set_genre(music.folder / "1.flac", "Fusion")
    assert music.about(music.folder).mates == {"Jazz": 1, "Fusion": 1}


def test_a_backup_of_what_genred_wrote_is_no_evidence(music: Music, tmp_path: Path) -> None:
    """With its times kept and without, the original there or gone."""
    music.tag()
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    shutil.copytree(music.folder, kept)
    fresh.mkdir()
    for song in music.folder.iterdir():
        shutil.copyfile(song, fresh / song.name)
        os.utime(fresh / song.name, ns=(1, 1))
    for folder in (kept, fresh):
        music.arrive(folder)
        assert [file.genres for file in music.history.library.folder(folder)] == [("Jazz",)] * 2
        assert music.about(folder).mates == {}
    shutil.rmtree(music.folder)
    again = tmp_path / "again"
    shutil.copytree(kept, again)
    music.arrive(again)
    assert music.about(again).mates == {}


def test_the_backup_of_a_persons_genre_is_evidence(music: Music, tmp_path: Path) -> None:
    """It is theirs wherever it lies."""
    music.song(2, "Folk")
    music.tag()
    shutil.copytree(music.folder, tmp_path / "copy")
    music.arrive(tmp_path / "copy")
    assert music.about(tmp_path / "copy").mates == {"Folk": 1}


def test_a_moved_folder_keeps_whose_its_genres_are(music: Music, tmp_path: Path) -> None:
    """Renamed, or carried to another disk while nobody looked."""
    music.song(2, "Folk")
    music.tag()
    moved = tmp_path / "moved"
    music.folder.rename(moved)
    list(music.tagger.process(sorted(moved.iterdir())))
    assert music.about(moved).mates == {"Folk": 1}
    other = tmp_path / "other"
    shutil.copytree(moved, other)
    shutil.rmtree(moved)
    list(music.tagger.process(sorted(other.iterdir())))
    assert music.about(other).mates == {"Folk": 1}


def test_a_deleted_album_says_nothing(music: Music, tmp_path: Path) -> None:
    """Nor do the deleted tracks of an album that is there; whoever deletes music takes back what they said of it."""
    second = tmp_path / "second"
    second.mkdir()
    for number, genre in enumerate(("Folk", "Pop")):
        song = music.song(number, genre).rename(second / f"{number}.flac")
        file = mutagen.flac.FLAC(song)
        file["album"] = ["Second"]
        file.save()
    music.arrive(second)
    assert music.about(music.folder).artist == {"Folk": 0.5, "Pop": 0.5}
    (second / "1.flac").unlink()
    assert music.about(music.folder).artist == {"Folk": 1}
    assert music.about(second).mates == {"Folk": 1}
    shutil.rmtree(second)
    assert music.about(music.folder).artist == {}


def test_an_undone_write_is_no_evidence(music: Music) -> None:
    """What is put back is the person's: a genre, or none."""
    config = Config().with_changes("tags", mode="overwrite")
    music.song(1, "Folk")
    list(Tagger(config, music.history, music.analyser).process(sorted(music.folder.iterdir())))
    assert music.about(music.folder).mates == {}
    journal = Journal(music.history)
    for write in journal.undoable(Query()):
        undo_write(music.history, write, Tags())
    assert music.about(music.folder).mates == {"Folk": 1}


def test_a_genre_that_a_person_changed_afterwards_is_evidence(music: Music) -> None:
    """In a player, say; and so is one that they change again when genred looks at the file no more."""
    music.tag()
    for word in ("Fusion", "Bebop"):
        file = mutagen.flac.FLAC(music.folder / "0.flac")
        file["genre"] = [word]
        file.save()
        music.tag()
        music.read(music.folder)
        assert music.about(music.folder).mates == {word: 1}
