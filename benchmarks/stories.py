"""Stories from a terminal, as the documents tell them: ``python -m benchmarks.stories [CORPUS] [--only library]``.

Each story begins with no history and its own folder of music, which is written as `~/Music`, and prints every command
with all that it says. The first three are of docs/albums.md, the last is of docs/genres.md:

* arrival: five parts of a song come one after the other while genred watches;
* compilation: six parts of songs by four artists;
* twelfth: twelve parts of a song, eleven of them with a genre of the owner's, and then the artist's next album;
* library: nine clips of each of eight genres, each by another artist.
"""

import argparse
import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import mutagen

from benchmarks.accuracy import CORPUS

EIGHT = ("blues", "classical", "country", "hiphop", "jazz", "metal", "reggae", "rock")
VIBE = ("Kevin MacLeod", "Kevin_MacLeod_-_Vibe_Ace.hq.ogg")
FISHIN = ("Karissa Hobbs", "Karissa_Hobbs_-_Lets_Go_Fishin.hq.ogg")
DANCE = ("Brahms", "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).hq.ogg")
FANTASMA = ("Los Rombos", "Fantasma_-_Los_Rombos.mp3")
SAMPLER = (
    (DANCE, "Hungarian Dance", 0),
    (FISHIN, "Lets Go Fishin", 0),
    (FANTASMA, "Fantasma", 40),
    (DANCE, "Hungarian Dance, continued", 20),
    (FISHIN, "Lets Go Fishin, live", 20),
    (VIBE, "Vibe Ace", 20),
)


def tag(song: Path, **tags: str) -> None:
    """Replace all tags of a song."""
    file = mutagen.File(song, easy=True)
    file.delete()
    file = mutagen.File(song, easy=True)
    if file.tags is None:
        file.add_tags()
    file.update(tags)
    file.save()


def cut(song: Path, begin: float, seconds: float, to: Path) -> Path:
    """Write a part of a song, as it is encoded."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with av.open(song) as source, av.open(to, "w") as target:
        stream = source.streams.audio[0]
        copied = target.add_stream_from_template(stream)
        first = None
        for packet in source.demux(stream):
            if packet.pts is None or packet.dts is None or packet.time_base * packet.pts < begin:
                continue
            first = packet.pts if first is None else first
            if packet.time_base * (packet.pts - first) >= seconds:
                break
            packet.pts, packet.dts, packet.stream = packet.pts - first, packet.dts - first, copied
            target.mux(packet)
    return to


@dataclass(frozen=True)
class Teller:
    """Tell stories about music below a folder."""

    corpus: Path
    home: Path

    @property
    def music(self) -> Path:
        return self.home / "Music"

    @property
    def environment(self) -> Mapping[str, str]:
        mine = {
            "XDG_STATE_HOME": self.home / "state",
            "XDG_CONFIG_HOME": self.home,
            "XDG_DATA_HOME": self.home / "data",
        }
        return (
            os.environ
            | {name: str(place) for name, place in mine.items()}
            | {"COLUMNS": "80", "GENRED_SERVICE_NICE": "0"}
        )

    def say(self, line: str) -> None:
        print(line.rstrip().replace(str(self.music), "~/Music"), flush=True)

    def genred(self, *arguments: str | Path) -> None:
        """Show a command and all that it says."""
        self.say("\n$ genred " + " ".join(f'"{a}"' if " " in str(a) else str(a) for a in arguments))
        command = [sys.executable, "-m", "genred", *map(str, arguments)]
        done = subprocess.run(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        for line in done.stdout.splitlines():
            self.say(line)

    @contextmanager
    def watching(self) -> Iterator[list[str]]:
        """Have the service at work from when it is ready, and show what it says with the time, and return that."""
        command = [sys.executable, "-m", "genred", "run", str(self.music)]
        ready = threading.Event()
        said: list[str] = []
        with subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, encoding="utf-8") as service:

            def listen() -> None:
                for line in service.stderr or ():
                    self.say(line)
                    said.append(line)
                    if "watching" in line:
                        ready.set()

            threading.Thread(target=listen, daemon=True).start()
            ready.wait(120)
            yield said
            service.terminate()

    def album(self, song: tuple[str, str], folder: Path, parts: int, seconds: float, **tags: str) -> list[Path]:
        """Make an album of the parts of a song."""
        artist, name = song
        found = []
        for n in range(parts):
            to = folder / f"{n + 1:02d}{Path(name).suffix}"
            cut(self.corpus / "songs" / name, n * seconds, seconds, to)
            tag(to, artist=artist, albumartist=artist, album=folder.name, title=f"Part {n + 1}", **tags)
            found.append(to)
        return found

    def arrival(self) -> None:
        album = self.music / "Kevin MacLeod" / "Vibe Ace"
        waiting = self.album(VIBE, self.home / "waiting" / album.name, 5, 12)
        album.mkdir(parents=True)
        with self.watching() as said:
            for song in waiting:
                self.say(f"{time.strftime('%T')} $ cp {song.name} ...")
                shutil.copyfile(song, album / song.name)
                time.sleep(4)
            for _ in range(300):
                if sum("/Vibe Ace/" in line for line in said) >= len(waiting):
                    break
                time.sleep(1)
        self.genred("explain", album / "02.ogg")
        self.genred("undo", album)

    def compilation(self) -> None:
        folder = self.music / "Various Artists" / "Sampler"
        for n, ((artist, name), title, begin) in enumerate(SAMPLER, 1):
            song = cut(self.corpus / "songs" / name, begin, 20, folder / f"{n:02d} {title}{Path(name).suffix}")
            tag(song, artist=artist, albumartist="Various Artists", album="Sampler", title=title)
        self.genred("scan", self.music)
        self.genred("explain", folder / "05 Lets Go Fishin, live.ogg")
        self.genred("review", "list")
        self.genred("review", "set", folder / "03 Fantasma.mp3", "Surf")

    def twelfth(self) -> None:
        artist = self.music / "Los Rombos"
        songs = self.album(FANTASMA, artist / "Fantasma", 12, 12, genre="Surf")
        tag(songs[-1], artist="Los Rombos", albumartist="Los Rombos", album="Fantasma", title="Part 12")
        self.genred("scan", self.music)
        self.genred("explain", songs[-1])
        later = self.album(FANTASMA, artist / "Noche", 2, 20)
        self.genred("scan", self.music)
        self.genred("explain", later[0])

    def library(self) -> None:
        with (self.corpus / "labels.csv").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["artist"].strip()]
        random.Random(0).shuffle(rows)
        taken = set[str]()
        for genre in EIGHT:
            of = {row["artist"]: row for row in rows if row["genre"] == genre and row["artist"] not in taken}
            for artist, row in list(of.items())[:9]:
                taken.add(artist)
                folder = self.music / artist.replace("/", " ")
                folder.mkdir(parents=True, exist_ok=True)
                song = Path(shutil.copyfile(self.corpus / row["path"], folder / f"01{Path(row['path']).suffix}"))
                tag(song, artist=artist, genre=genre)
        self.genred("train", "--from-tags", self.music)


STORIES: Mapping[str, Callable[[Teller], None]] = {
    "arrival": Teller.arrival,
    "compilation": Teller.compilation,
    "twelfth": Teller.twelfth,
    "library": Teller.library,
}


def main() -> int:
    """Tell the stories; 2 where there is no corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=CORPUS)
    parser.add_argument("--only", choices=STORIES, nargs="+", default=list(STORIES), help="stories to tell")
    options = parser.parse_args()
    if not (options.corpus / "labels.csv").is_file():
        print(f"{options.corpus}: no corpus here (labels.csv and its clips), so nothing was told", file=sys.stderr)
        return 2
    for name in options.only:
        print(f"\n== {name}")
        with tempfile.TemporaryDirectory() as home:
            STORIES[name](Teller(options.corpus.resolve(), Path(home)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
