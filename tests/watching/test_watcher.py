"""The watcher against the real kernel and the real watchdog.

Files settle in a quarter of a second, and where a test is about the looks, scans and tries that come seconds or minutes
apart the watcher's clock runs faster than the world's; while a file is written slowly, it is the writer who moves it.
Nothing here sleeps for a time to pass: a test reads batches until what it waits for is there; that nothing else came is
known when a later file came.
"""

import ctypes
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from genred.errors import WatchError
from genred.fs.files import Stamp, stamp_of
from genred.watching.walk import Found, WatchOptions
from genred.watching.watcher import HEARTBEAT_SECONDS, Watcher
from tests.namespace import in_a_namespace
from tests.watching.listener import AUDIO, SETTLE, Clock, Listener, everything, nothing_new

Pause = Callable[[float], None]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder on the same file system, with a finished file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "song.mp3").write_bytes(AUDIO)
    os.utime(folder / "song.mp3", (1e9, 1e9))
    return folder


def copy(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    subprocess.run(["cp", outside / "song.mp3", to], check=True)


def copy_with_times(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    subprocess.run(["cp", "-p", outside / "song.mp3", to], check=True)


def move_in(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    (outside / "song.mp3").rename(to)


def hard_link(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    to.hardlink_to(outside / "song.mp3")


def rsync(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    hidden = to.with_name(f".{to.name[:200]}.Xb31qz")
    shutil.copy(outside / "song.mp3", hidden)
    hidden.rename(to)


def torrent(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    part = to.with_name("download.!qB")
    shutil.copy(outside / "song.mp3", part)
    part.rename(to)


def browser(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    to.touch()
    part = to.with_name("download.part")
    shutil.copy(outside / "song.mp3", part)
    pause(3 * SETTLE)  # the time it takes to load
    part.rename(to)


def samba(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    for _ in range(2):
        with to.open("wb") as file:
            file.write(AUDIO)


def slowly(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    for at in range(0, len(AUDIO), 200):  # 20 writes over two seconds, eight times what it takes to settle
        with to.open("ab") as file:
            file.write(AUDIO[at : at + 200])
        pause(0.1)


def without_closing(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    with to.open("wb", buffering=0) as file:
        for at in range(0, len(AUDIO), 1000):
            file.write(AUDIO[at : at + 1000])
            pause(2 * SETTLE)


def backdated(outside: Path, to: Path, pause: Pause = time.sleep) -> None:
    for at in range(0, len(AUDIO), 1000):
        with to.open("ab") as file:
            file.write(AUDIO[at : at + 1000])
        os.utime(to, (1e9, 1e9))
        pause(SETTLE / 2)


def arriving(arrive: Callable[[Path, Path, Pause], None], outside: Path, to: Path, clock: Clock) -> threading.Thread:
    """Begin to bring a file, at the pace of a clock that is held meanwhile."""

    def bring() -> None:
        with clock.held():
            arrive(outside, to, clock.passes)

    thread = threading.Thread(target=bring)
    thread.start()
    return thread


WAYS = [copy, copy_with_times, move_in, hard_link, rsync, torrent, browser, samba, slowly, without_closing]


@pytest.mark.parametrize("arrive", WAYS, ids=lambda way: way.__name__)
def test_however_a_file_arrives_it_is_found_once_and_whole(
    music: Path, outside: Path, arrive: Callable[[Path, Path, Pause], None]
) -> None:
    """A file is passed on once, and not before all of it is there, whichever program brings it."""
    song, clock = music / "song.mp3", Clock()
    with closing(Listener(music, clock=clock)) as listener:
        thread = arriving(arrive, outside, song, clock)
        listener.finds(song)
        thread.join()
        assert listener.has_settled(music) == [song]
        assert listener.sizes[song] == len(AUDIO)


@pytest.mark.parametrize("growing", [True, False], ids=["while the next one grows", "one after the other"])
def test_an_album_that_arrives_slowly_is_passed_on_as_a_whole(music: Path, growing: bool) -> None:
    """Track by track, each under a temporary name first, as rsync brings it; the second disc is of it."""
    tracks = [music / f"album/{name}.mp3" for name in ("1", "2", "CD2/1")]
    (music / "album/CD2").mkdir(parents=True)
    clock, quiet = Clock(), 2.0

    def notices(path: Path) -> None:
        """Wait for the event, which comes at the pace of the world."""
        root = listener.watcher._roots[0]
        while path not in root._others.waiting | root._settler.waiting:
            clock.passes(0.0)

    def bring() -> None:
        with clock.held():
            for track in tracks:
                hidden = track.with_name(f".{track.name}.Xb31qz")
                for at in range(0, len(AUDIO), 200):  # 20 writes: longer than the folder would have to be quiet
                    with hidden.open("ab") as file:
                        file.write(AUDIO[at : at + 200])
                    notices(hidden)
                    clock.passes(quiet / 10 if growing else 0.0)
                hidden.rename(track)
                notices(track)
                clock.passes(quiet / 3)
            for _ in range(int(quiet / SETTLE) + 4):
                clock.passes(SETTLE)

    with closing(Listener(music, clock=clock, album_seconds=quiet)) as listener:
        thread = threading.Thread(target=bring)
        thread.start()
        listener.finds(*tracks)
        thread.join()
        assert listener.batches == [tracks]


def test_a_scan_lets_an_album_that_is_arriving_arrive(music: Path, outside: Path) -> None:
    """A track that waits for the next one has rested for long by its own times, and is not passed on by itself."""
    clock, quiet = Clock(), 0.3
    (music / "album").mkdir()
    first, second = music / "album/1.mp3", music / "album/2.mp3"
    hidden = second.with_name(".2.mp3.Xb31qz")
    with closing(Listener(music, clock=clock, album_seconds=quiet)) as listener:
        root = listener.watcher._roots[0]
        with clock.held():
            hidden.touch()
            copy(outside, first)
            while not {hidden, first} <= root._others.waiting | root._settler.waiting:
                clock.passes(0.0)
            for _ in range(5):
                clock.passes(SETTLE / 4)
            old = time.time() + 2 * quiet
            while time.time() < old:  # the times of files are those of the world
                with hidden.open("ab") as file:
                    file.write(AUDIO)
                clock.passes(0.001)
            root.hints.scan()
            clock.passes(0.001)
            clock.passes(0.001)
            hidden.rename(second)
            clock.passes(SETTLE)
        listener.finds(first, second)
        assert listener.batches == [[first, second]]


def test_odd_names_are_names(music: Path, outside: Path) -> None:
    """Whatever bytes a name is made of, the file is found under exactly these, copied or moved."""
    names = [
        b"UPPER.MP3",
        b"caf\xe9 \xff.mp3",
        b"new\nline.mp3",
        "\u202e\u05d0 \U0001f3b5.mp3".encode(),
        b"n" * 251 + b".mp3",
    ]
    with closing(Listener(music)) as listener:
        for name in names:
            copy(outside, music / os.fsdecode(name))
            (music / os.fsdecode(name)).rename(music / os.fsdecode(b"2" + name[-254:]))
            copy(outside, music / os.fsdecode(name))
        found = {os.fsencode(path.name) for path in listener.has_settled(music)}
        assert found == {*names, *(b"2" + name[-254:] for name in names)}


@pytest.mark.parametrize("when", ["before the start", "after it"])
def test_what_is_not_a_music_file_is_left_alone(music: Path, outside: Path, when: str) -> None:
    """Hidden and temporary names, other extensions, links, fifos and folders named like music are never passed on."""

    def fill() -> None:
        for name in [
            ".hidden.mp3",
            "._song.mp3",
            "~song.mp3",
            ".syncthing.song.mp3.tmp",
            ".genred-1.tmp",
            "a.mp3.part",
        ]:
            copy(outside, music / name)
        for folder in ["@eaDir", "#recycle", ".stversions", "Podcasts", "artist/demo", "lost+found"]:
            (music / folder).mkdir(parents=True)
            copy(outside, music / folder / "song.mp3")
        copy(outside, music / "cover.jpg")
        (music / "link.mp3").symlink_to(outside / "song.mp3")
        (music / "linked").symlink_to(outside)
        (music / "loop").symlink_to(music)
        (music / "folder.mp3").mkdir()
        os.mkfifo(music / "fifo.mp3")

    if when == "before the start":
        fill()
    with closing(Listener(music, ignore=("Podcasts", "**/demo/*"))) as listener:
        if when == "after it":
            fill()
        assert listener.has_settled(music) == []


def test_a_file_that_leaves_its_folder_alone_counts_at_once(music: Path) -> None:
    """What is in the folder when the file goes is found by that event, also where the file gets another name."""
    for name in ("box", "chest"):
        (music / name).mkdir()
        (music / name / ".ndignore").touch()
    with closing(Listener(music, ignore_files=(".ndignore",))) as listener:
        for name in ("box", "chest"):
            (music / name / "song.mp3").write_bytes(AUDIO)
        assert listener.has_settled(music) == []
        (music / "box/.ndignore").unlink()
        (music / "chest/.ndignore").rename(music / "chest/old")
        listener.finds(music / "box/song.mp3", music / "chest/song.mp3")


def test_a_file_that_leaves_its_folder_alone_may_come_after_the_songs(music: Path) -> None:
    """As long as the album is waited for."""
    clock = Clock()
    with closing(Listener(music, ignore_files=(".nomedia",), album_seconds=5.0, clock=clock)) as listener:
        with clock.held():
            (music / "box").mkdir()
            (music / "box/song.mp3").write_bytes(AUDIO)
            while not listener.watcher.queued:
                time.sleep(0.01)
            for _ in range(4):
                clock.passes(1.0)
            (music / "box/.nomedia").touch()
            for _ in range(5):
                clock.passes(20.0)  # more than anybody waits for an album
        assert listener.has_settled(music) == []


def test_a_tree_that_is_moved_in_is_found(music: Path, outside: Path) -> None:
    """Of a folder that is moved in, for which there is one event, every file is found, however deep."""
    songs = [Path(f"artist {a}/album {b}/{c}.mp3") for a in range(3) for b in range(3) for c in range(3)]
    for song in songs:
        (outside / song).parent.mkdir(parents=True, exist_ok=True)
        (outside / song).write_bytes(AUDIO)
    with closing(Listener(music)) as listener:
        outside.rename(music / "box")
        found = listener.has_settled(music)
        assert sorted(found) == sorted(music / "box" / song for song in [*songs, Path("song.mp3")])


def test_a_tree_that_is_made_at_once_is_found(music: Path) -> None:
    """Files made in folders that are so new that they can't be watched yet are found too, and once."""
    songs = [music / f"{a}/{b}/{c}/song.mp3" for a in range(4) for b in range(4) for c in range(4)]
    with closing(Listener(music)) as listener:
        for song in songs:
            song.parent.mkdir(parents=True)
            song.write_bytes(AUDIO)
        assert sorted(listener.has_settled(music)) == songs


def test_a_renamed_folder_is_found_under_its_new_name(music: Path) -> None:
    """When a folder is renamed, its files and those that come later are passed on under the new name only."""
    with closing(Listener(music)) as listener:
        (music / "old").mkdir()
        (music / "old" / "1.mp3").write_bytes(AUDIO)
        (music / "old").rename(music / "new")
        listener.finds(music / "new" / "1.mp3")
        (music / "new" / "2.mp3").write_bytes(AUDIO)
        assert listener.has_settled(music) == [music / "new" / "1.mp3", music / "new" / "2.mp3"]


def test_a_folder_moved_out_is_forgotten(music: Path, tmp_path: Path) -> None:
    """What happens in a folder after it was moved out is nobody's business."""
    (music / "box").mkdir()
    with closing(Listener(music)) as listener:
        (music / "box").rename(tmp_path / "gone")
        (tmp_path / "gone" / "song.mp3").write_bytes(AUDIO)
        assert listener.has_settled(music) == []


def test_a_name_that_is_used_again_does_not_blind_it(music: Path, tmp_path: Path) -> None:
    """A folder moved out, another of its name made and deleted, the first deleted: the watch survives all that."""
    with closing(Listener(music, rescan_minutes=0)) as listener:
        for where in (tmp_path / "gone", music / "name"):
            (music / "name").mkdir()
            (music / "name" / f"{where.name}.mp3").write_bytes(AUDIO)
            listener.finds(music / "name" / f"{where.name}.mp3")
            (music / "name").rename(where)
        shutil.rmtree(music / "name")
        listener.has_settled(music)
        shutil.rmtree(tmp_path / "gone")
        assert len(listener.has_settled(music)) == 2


def test_an_open_file_is_waited_for(music: Path) -> None:
    """A download that stalls for longer than it takes to settle isn't passed on before its writer closes it."""
    song = music / "song.mp3"
    with closing(Listener(music)) as listener:
        with song.open("wb") as writer:
            writer.write(AUDIO[:100])
            writer.flush()
            assert listener.has_settled(music) == []
            assert listener.watcher.queued
            writer.write(AUDIO[100:])
        listener.finds(song)
        assert listener.sizes[song] == len(AUDIO)


def test_our_own_write_is_not_news(music: Path, outside: Path) -> None:
    """A file that was replaced under its name isn't passed on if the history knows how it is now; a change of it is."""
    song = music / "song.mp3"
    copy(outside, song)
    with closing(Listener(music)) as listener:
        listener.finds(song)
        ours = music / ".genred-1.tmp"
        ours.write_bytes(AUDIO + b"TAG")
        ours.replace(song)
        listener.history[song] = stamp_of(song)
        assert listener.has_settled(music) == [song]
        song.write_bytes(AUDIO + b"EDITED")
        assert listener.has_settled(music) == [song, song]


def test_what_arrived_while_stopped_is_found_at_start(music: Path, outside: Path) -> None:
    """The scan at the start passes on what the history doesn't know, young or old, and nothing else."""
    old, young, known = music / "a" / "old.mp3", music / "b" / "young.mp3", music / "c" / "known.mp3"
    for path in (old, young, known):
        path.parent.mkdir()
        copy(outside, path)
    with closing(Listener(music, known=[known])) as listener:
        assert sorted(listener.has_settled(music)) == [old, young]


def test_a_clock_that_is_set_back_stalls_nothing_and_hands_out_nothing_half_written(
    music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan that comes after the clock was set back by a day finds what is there, and waits for what is arriving."""
    whole, half = music / "whole.mp3", music / "half.mp3"
    real, clock = time.time, Clock()
    with closing(Listener(music, clock=clock, rescan_minutes=0.03)) as listener:
        whole.write_bytes(AUDIO)
        listener.finds(whole)
        monkeypatch.setattr(time, "time", lambda: real() - 86_400)
        listener.history.pop(whole)
        thread = arriving(slowly, music, half, clock)
        listener.until(lambda: listener.seen.count(whole) == 2)  # the timer's scan was here
        listener.finds(half)
        thread.join()
        assert listener.sizes[half] == half.stat().st_size


@pytest.mark.parametrize("arrive", [backdated, without_closing], ids=lambda way: way.__name__)
def test_what_is_arriving_at_the_start_is_waited_for(
    music: Path, outside: Path, arrive: Callable[[Path, Path, Pause], None]
) -> None:
    """A file that the scan at the start finds half-written is passed on once it is whole."""
    song, clock = music / "song.mp3", Clock()
    thread = arriving(arrive, outside, song, clock)  # after the first piece, it waits for the watcher
    while not song.exists():
        assert thread.is_alive()
    with closing(Listener(music, clock=clock)) as listener:
        listener.finds(song)
        thread.join()
        assert listener.has_settled(music) == [song]
        assert listener.sizes[song] == len(AUDIO)


def test_reading_a_file_is_not_an_event(music: Path, outside: Path) -> None:
    """Playing a file that the history doesn't know brings no hint."""
    with closing(Listener(music, rescan_minutes=0)) as listener:
        copy(outside, music / "song.mp3")
        listener.finds(music / "song.mp3")
        listener.history.clear()
        (music / "song.mp3").read_bytes()
        assert listener.has_settled(music) == [music / "song.mp3"]


def test_a_root_that_is_deleted_and_made_again_is_watched_again(music: Path) -> None:
    """A root that goes is offline; when it comes back what is in it is found, and what comes later too."""
    with closing(Listener(music, speed=20)) as listener:
        (music / "1.mp3").write_bytes(AUDIO)
        listener.finds(music / "1.mp3")
        shutil.rmtree(music)
        listener.until(lambda: listener.offline == [music])
        assert "No such file or directory" in listener.problems
        music.mkdir()
        (music / "2.mp3").write_bytes(AUDIO)
        listener.finds(music / "2.mp3")
        listener.until(lambda: not listener.offline and not listener.problems)
        (music / "3.mp3").write_bytes(AUDIO)
        listener.finds(music / "3.mp3")


def test_a_root_that_is_replaced_unseen_is_watched_again(music: Path, tmp_path: Path) -> None:
    """A root that was exchanged for another folder of that name between two looks is noticed by its inode."""
    other = tmp_path / "other"
    other.mkdir()
    with closing(Listener(music, rescan_minutes=0, speed=20)) as listener:
        music.rename(tmp_path / "gone")
        other.rename(music)
        (music / "song.mp3").write_bytes(AUDIO)
        listener.finds(music / "song.mp3")
        assert listener.has_settled(music) == [music / "song.mp3"]


def test_a_root_that_is_made_again_at_once_is_watched_again(music: Path) -> None:
    """A root that was deleted and made again between two looks is noticed, though it may have the same inode."""
    with closing(Listener(music, speed=20, rescan_minutes=0)) as listener:
        for name in ("1.mp3", "2.mp3"):
            music.rmdir()
            music.mkdir()
            (music / name).write_bytes(AUDIO)
            listener.finds(music / name)
            (music / name).unlink()


def test_a_root_that_does_not_exist_yet_is_watched_when_it_appears(tmp_path: Path, music: Path) -> None:
    """A missing root is told of, keeps nobody waiting, and is watched when it is there."""
    later = tmp_path / "not" / "yet"
    with closing(Listener(later, music, speed=20)) as listener:
        assert listener.watcher.ready
        assert listener.offline == [later]
        (music / "song.mp3").write_bytes(AUDIO)
        listener.finds(music / "song.mp3")
        later.mkdir(parents=True)
        (later / "song.mp3").write_bytes(AUDIO)
        listener.finds(later / "song.mp3")
        listener.until(lambda: listener.offline == [])


def test_roots_inside_each_other_are_watched_once(music: Path, tmp_path: Path) -> None:
    """A file is passed on once, under its resolved path, however many of the roots it lies in."""
    (music / "inner").mkdir()
    (tmp_path / "link").symlink_to(music)
    with closing(Listener(music / "inner", music, tmp_path / "link", music)) as listener:
        (tmp_path / "link" / "inner" / "song.mp3").write_bytes(AUDIO)
        assert listener.has_settled(music) == [music / "inner" / "song.mp3"]
        assert sum(thread.name.startswith("root ") for thread in threading.enumerate()) == 1
        told = [(state.path, state.state) for state in listener.watcher.states]
        assert told == [(music / "inner", "watched"), (music, "watched"), (tmp_path / "link", "watched")]


def test_a_root_that_is_a_link_is_followed_wherever_it_leads(tmp_path: Path, music: Path, outside: Path) -> None:
    """A root may be a link; when it is made to lead elsewhere, that folder is watched."""
    link = tmp_path / "link"
    link.symlink_to(music)
    with closing(Listener(link, speed=20)) as listener:
        (music / "1.mp3").write_bytes(AUDIO)
        listener.finds(music / "1.mp3")
        link.unlink()
        link.symlink_to(outside)
        listener.finds(outside / "song.mp3")
        (outside / "2.mp3").write_bytes(AUDIO)
        listener.finds(outside / "2.mp3")


def test_a_root_that_another_one_passes_over_is_watched(music: Path) -> None:
    """A hidden folder inside a root that was named as a root itself is watched."""
    (music / ".inbox").mkdir()
    with closing(Listener(music, music / ".inbox")) as listener:
        (music / ".inbox" / "song.mp3").write_bytes(AUDIO)
        listener.finds(music / ".inbox" / "song.mp3")


def test_not_recursive(music: Path) -> None:
    """Without recursion folders in the root are no part of it."""
    (music / "inner").mkdir()
    (music / "inner" / "1.mp3").write_bytes(AUDIO)
    with closing(Listener(music, recursive=False)) as listener:
        (music / "inner" / "2.mp3").write_bytes(AUDIO)
        (music / "3.mp3").write_bytes(AUDIO)
        assert listener.has_settled(music) == [music / "3.mp3"]


def test_polling_finds_without_events(music: Path) -> None:
    """Where scanning was asked for, what comes is found by the scan of the next minute, and passed on once."""
    with closing(Listener(music, polling=True, speed=200)) as listener:
        assert listener.watcher.ready
        listener.read()
        (music / "song.mp3").write_bytes(AUDIO)
        assert listener.has_settled(music) == [music / "song.mp3"]


def test_the_timer_finds_what_events_have_missed(music: Path, outside: Path) -> None:
    """A change without any event, as the history forgetting a file, is found by the scan on the timer."""
    with closing(Listener(music, rescan_minutes=1, speed=100)) as listener:
        copy(outside, music / "song.mp3")
        listener.finds(music / "song.mp3")
        listener.history.clear()
        listener.until(lambda: listener.seen.count(music / "song.mp3") == 2)


def test_heartbeats_come_while_nothing_happens(music: Path) -> None:
    """An empty batch comes at least every two seconds."""
    assert HEARTBEAT_SECONDS <= 2
    with closing(Listener(music)) as listener:
        for _ in range(2):
            listener.read()
        assert listener.seen == []


def test_stopping_is_prompt(music: Path) -> None:
    """The iteration ends when it is told to, with nothing more, and no thread stays."""
    threads = threading.active_count()
    stop = threading.Event()
    watcher = Watcher([music], WatchOptions(extensions=frozenset({".mp3"})), everything, nothing_new)
    batches = watcher.batches(stop)
    next(batches)
    stop.set()
    assert list(batches) == []
    assert threading.active_count() == threads


def test_no_root_at_all_is_an_error() -> None:
    """A watcher with nothing to watch says so."""
    with pytest.raises(WatchError, match="no folder"):
        Watcher([], WatchOptions(extensions=frozenset()), everything, nothing_new)


def test_a_failure_of_the_caller_or_a_bug_is_loud(music: Path) -> None:
    """What the history raises ends the iteration, as does a bug in a root's own thread."""

    def broken(pairs: Iterable[Found]) -> Iterator[tuple[Path, Stamp]]:
        raise RuntimeError("broken")

    (music / "song.mp3").write_bytes(AUDIO)
    options = WatchOptions(extensions=frozenset({".mp3"}), settle_seconds=0.1)
    with pytest.raises(RuntimeError, match="broken"):
        list(Watcher([music], options, broken, nothing_new).batches(threading.Event()))
    bad = WatchOptions(extensions=frozenset({".mp3"}), settle_seconds="soon")  # type: ignore[arg-type]  # a bug of ours
    with pytest.raises(TypeError):
        list(Watcher([music], bad, everything, nothing_new).batches(threading.Event()))


@pytest.mark.slow
def test_no_file_of_a_burst_is_lost(music: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When more happens at once than the kernel remembers, every file is found all the same, and once."""
    room = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    count = max(20_000, room)
    if count > 40_000:
        pytest.skip(f"this kernel remembers {room} events")
    make = f"import os\nfor n in range({count}): os.mknod(str(n) + '.mp3'); os.truncate(str(n) + '.mp3', 9)"
    (music / "inner").mkdir()
    with closing(Listener(music)) as listener:
        # Called so, the C function keeps the interpreter's lock: no thread can read the kernel's queue meanwhile.
        command = f"cd '{music / 'inner'}' && {sys.executable} -c \"{make}\""
        assert ctypes.PyDLL(None).system(os.fsencode(command)) == 0
        listener.until(lambda: len(listener.seen) >= count)
        times = Counter(listener.seen)
    assert "events were lost" in caplog.text
    assert len(times) == count
    assert set(times.values()) == {1}


@pytest.mark.parametrize("seed", range(3))
def test_after_a_storm_everything_is_known(music: Path, outside: Path, seed: int) -> None:
    """However files and folders are made, written, moved in, out and about and deleted, in the end none is missed."""
    (outside / "song.mp3").unlink()
    storm = threading.Thread(target=rage, args=(random.Random(seed), music, outside))
    with closing(Listener(music, speed=20, rescan_minutes=0)) as listener:

        def missed() -> bool:
            there = ((path, stamp_of(path)) for path in music.rglob("*.mp3"))
            return storm.is_alive() or any(listener._unknown(there))

        storm.start()
        listener.until(lambda: not missed())
        assert listener.seen


def rage(chance: random.Random, music: Path, outside: Path) -> None:
    """Do the same to any file system, in whatever order it lists a folder; the two folders themselves stay."""

    def any_folder() -> Path:
        top = chance.choice([music, music, music, outside])
        return chance.choice([top, *folders(top)])

    def any_file() -> Path:
        return chance.choice([*sorted(music.rglob("*.mp3")), *sorted(outside.rglob("*.mp3")), music / "none.mp3"])

    for _ in range(1000):
        folder, name = any_folder(), str(chance.randrange(8))
        with suppress(OSError):
            match chance.randrange(8):
                case 0 | 1:
                    (folder / name).mkdir()
                case 2 | 3:
                    (folder / f"{name}.mp3").write_bytes(AUDIO)
                case 4:
                    chance.choice([*folders(music), *folders(outside), music / "none"]).rename(folder / name)
                case 5:
                    any_file().rename(folder / f"{name}.mp3")
                case 6:
                    any_file().unlink()
                case _ if folder not in (music, outside):
                    shutil.rmtree(folder)


def folders(top: Path) -> list[Path]:
    return sorted(path for path in top.rglob("*") if path.is_dir())


def test_the_watch_limit_is_told_and_scanning_makes_up_for_it(music: Path) -> None:
    """A folder below the root that can't be watched for want of watches is noticed, told, and scanned."""
    for name in "abcdef":
        (music / name).mkdir()
    script = """
        with closing(Listener(music, speed=200)) as listener:
            print(listener.problems)
            for name in "abcdef":
                (music / name / "song.mp3").write_bytes(AUDIO)
            listener.finds(*(music / name / "song.mp3" for name in "abcdef"))
    """
    told = in_a_namespace("echo 3 > /proc/sys/user/max_inotify_watches", script, music)
    assert "max_user_watches is too low" in told


def test_a_limit_reached_later_is_told_too(music: Path) -> None:
    """A folder that is made when no watch is left is noticed and scanned."""
    script = """
        with closing(Listener(music, speed=200)) as listener:
            listener.until(lambda: not listener.problems)
            for name in "abcdef":
                (music / name).mkdir()
                (music / name / "song.mp3").write_bytes(AUDIO)
            listener.finds(*(music / name / "song.mp3" for name in "abcdef"))
            (music / "f" / "later.mp3").write_bytes(AUDIO)
            listener.finds(music / "f" / "later.mp3")
            print(listener.problems)
    """
    told = in_a_namespace("echo 3 > /proc/sys/user/max_inotify_watches", script, music)
    assert "max_user_watches is too low" in told


def test_a_limit_that_was_raised_is_noticed(music: Path) -> None:
    """Watching is tried again from time to time, so that nobody has to restart anything."""
    script = """
        with closing(Listener(music, speed=2000)) as listener:
            assert listener.problems
            Path("/proc/sys/user/max_inotify_watches").write_text("100")
            listener.until(lambda: not listener.problems)
    """
    in_a_namespace("echo 0 > /proc/sys/user/max_inotify_watches", script, music)


def test_a_mount_that_sends_no_events_is_scanned(music: Path) -> None:
    """On a kind of mount that sends no events, as the system's table has it, the watcher scans, and tells so."""
    script = """
        table = music.parent / "mountinfo"
        table.write_text(f"99 1 0:99 / {music} rw - nfs4 nas:/music rw")
        subprocess.run(["mount", "--bind", table, f"/proc/{os.getpid()}/mountinfo"], check=True)
        with closing(Listener(music, speed=200)) as listener:
            print(listener.problems)
            listener.read()
            (music / "song.mp3").write_bytes(AUDIO)
            listener.finds(music / "song.mp3")
        with closing(Listener(music, polling=False, rescan_minutes=0)) as listener:
            listener.until(lambda: not listener.problems)
    """
    assert "nfs4 sends no events" in in_a_namespace("true", script, music)


def test_no_watches_at_all(music: Path) -> None:
    """Where not even the root can be watched, or there are no instances, it is told and scanned."""
    script = """
        with closing(Listener(music, speed=200)) as listener:
            print(listener.problems)
            listener.read()
            (music / "song.mp3").write_bytes(AUDIO)
            listener.finds(music / "song.mp3")
            (music / "song.mp3").unlink()
    """
    told = in_a_namespace("echo 0 > /proc/sys/user/max_inotify_watches", script, music)
    assert "max_user_watches is too low" in told
    told = in_a_namespace("echo 0 > /proc/sys/user/max_inotify_instances", script, music)
    assert "max_user_instances is too low" in told


def test_a_root_is_unmounted_and_mounted_again(music: Path) -> None:
    """What is on a disk is found when it is mounted, over the root or inside it, and again after it was away."""
    script = """
        def mount(to, name):
            subprocess.run(["mount", "-t", "tmpfs", "none", to], check=True)
            (to / name).write_bytes(AUDIO)
        inner = music / "usb"
        inner.mkdir()
        with closing(Listener(music, rescan_minutes=0, speed=20)) as listener:
            mount(inner, "1.mp3")
            listener.finds(inner / "1.mp3")
            subprocess.run(["umount", inner], check=True)
            mount(music, "2.mp3")
            listener.finds(music / "2.mp3")
            (music / "3.mp3").write_bytes(AUDIO)
            listener.finds(music / "3.mp3")
            subprocess.run(["umount", music], check=True)
            mount(inner, "4.mp3")
            listener.finds(inner / "4.mp3")
            (inner / "5.mp3").write_bytes(AUDIO)
            listener.finds(inner / "5.mp3")
            print(len(listener.seen))
    """
    assert in_a_namespace("true", script, music) == "5\n"


def test_a_root_whose_disk_fails_is_offline_until_it_answers(music: Path) -> None:
    """Errors of a disk or share stop all looking at it; they are told, and it is gone on with when they are over."""
    script = """
        import ctypes
        fuse = os.open("/dev/fuse", os.O_RDWR)
        told = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
        if ctypes.CDLL(None, use_errno=True).mount(b"none", os.fsencode(music), b"fuse", 0, told) != 0:
            print("can't mount")
            sys.exit()
        os.close(fuse)  # nobody answers any more: ENOTCONN
        with closing(Listener(music, speed=20)) as listener:
            print(listener.offline == [music], listener.problems)
            subprocess.run(["umount", music], check=True)
            (music / "song.mp3").write_bytes(AUDIO)
            listener.finds(music / "song.mp3")
            listener.until(lambda: not listener.problems)
    """
    told = in_a_namespace("true", script, music)
    if "can't mount" in told:
        pytest.skip("no FUSE here")
    assert "True" in told
    assert "Transport endpoint is not connected" in told


@pytest.mark.parametrize("where", ["", "usb"])
def test_a_disk_that_is_exchanged_at_once_is_noticed(music: Path, where: str) -> None:
    """Unmounted and mounted between two looks, with the same numbers, at the root or in it: it is watched again."""
    script = f"""
        import ctypes
        disk = music / "{where}"
        disk.mkdir(exist_ok=True)
        # Called so, the C functions keep the interpreter's lock: no thread can look in between.
        libc, here = ctypes.PyDLL(None), os.fsencode(disk)
        def numbers():
            (mount,) = [line.split()[:3] for line in open("/proc/self/mountinfo") if f" {{disk}} " in line]
            return mount, os.stat(disk).st_ino
        assert libc.mount(b"none", here, b"tmpfs", 0, None) == 0
        before = numbers()
        with closing(Listener(music, rescan_minutes=0)) as listener:
            for number in range(3):
                sys.setswitchinterval(60)
                assert libc.umount2(here, 0) == 0
                assert libc.mount(b"none", here, b"tmpfs", 0, None) == 0
                sys.setswitchinterval(0.005)
                print(numbers() == before)
                (disk / f"{{number}}.mp3").write_bytes(AUDIO)
                listener.finds(disk / f"{{number}}.mp3")
                (disk / "later.mp3").write_bytes(AUDIO)
                listener.finds(disk / "later.mp3")
                listener.seen.remove(disk / "later.mp3")
                listener.history.clear()
    """
    assert in_a_namespace("true", script, music) == "True\n" * 3


def test_a_share_that_hangs_holds_nobody_up(music: Path) -> None:
    """While one root's file system doesn't answer at all, heartbeats come, others are watched, and it is told."""
    script = """
        import ctypes
        share = music / "share"
        other = music / "other"
        share.mkdir()
        other.mkdir()
        fuse = os.open("/dev/fuse", os.O_RDWR)  # a FUSE mount whose daemon never answers
        told = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
        if ctypes.CDLL(None, use_errno=True).mount(b"none", os.fsencode(share), b"fuse", 0, told) != 0:
            print("can't mount")
            sys.exit()
        listener = Listener(share, other, speed=20)  # a tick of the other stays below what counts as a stall
        listener.until(lambda: listener.offline == [share])
        print(listener.offline == [share], listener.problems)
        (other / "song.mp3").write_bytes(AUDIO)
        listener.finds(other / "song.mp3")
        listener.close()
        print("closed")
        sys.stdout.flush()
        os._exit(0)
    """
    told = in_a_namespace("true", script, music)
    if "can't mount" in told:
        pytest.skip("no FUSE here")
    assert "True" in told
    assert "does not answer" in told
    assert "closed" in told
