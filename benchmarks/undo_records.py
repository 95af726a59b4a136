"""How large the way back of a write is, over many files with a large picture; nothing of the picture may be in it.

    python -m benchmarks.undo_records [--files 10000] [--picture 1000000]

Formats in turn; the length of the other fields, of the genres and of the padding by chance (seeded). Each delta is
tried out: it must give the file that was.
"""

import argparse
import base64
import io
import random
import statistics
import sys
import tempfile
from pathlib import Path

from mutagen import File, flac, id3, mp4

from genred.saving import delta
from genred.tags import write_genres
from tests.makeaudio import make, suffix

KINDS = ("mp3", "flac", "m4a", "ogg", "opus", "mp4", "aiff", "wma")


def dressed(template: Path, path: Path, picture: bytes, chance: random.Random) -> bytes:
    """A copy of the template with a picture, a few fields and some padding."""
    path.write_bytes(template.read_bytes())
    loaded = File(path)
    text = "x" * chance.randrange(1, 200)
    if path.suffix in (".mp3", ".aiff"):
        if loaded.tags is None:
            loaded.add_tags()
        loaded["TIT2"] = id3.TIT2(encoding=3, text=text)
        loaded["APIC:"] = id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=picture)
        if chance.random() < 0.5:
            loaded["TCON"] = id3.TCON(encoding=3, text="Pop")
    elif path.suffix in (".m4a", ".mp4"):
        loaded["\xa9nam"] = [text]
        loaded["covr"] = [mp4.MP4Cover(picture)]
    else:
        loaded["title"] = [text]
        if path.suffix == ".flac":
            cover = flac.Picture()
            cover.type, cover.mime, cover.data = 3, "image/jpeg", picture
            loaded.add_picture(cover)
        elif path.suffix != ".wma":
            loaded["metadata_block_picture"] = [base64.b64encode(picture).decode()]
    room = chance.choice([0, 0, 20, 1000, 8000])
    loaded.save(padding=lambda _: room)
    return path.read_bytes()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--picture", type=int, default=1_000_000)
    options = parser.parse_args()
    chance = random.Random(0)
    sizes: dict[str, list[int]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        templates = {kind: make(Path(folder) / f"template{suffix(kind)}", 5.0, noise=0.1) for kind in KINDS}
        for number in range(options.files):
            kind = KINDS[number % len(KINDS)]
            path = Path(folder) / f"song{suffix(kind)}"
            before = dressed(templates[kind], path, chance.randbytes(options.picture), chance)
            write_genres(path, [chance.choice(["Jazz", "Drum & Bass", "Progressive Rock " * 9])])
            after = path.read_bytes()
            record = delta.make(io.BytesIO(before), io.BytesIO(after))
            restored = io.BytesIO()
            delta.apply(io.BytesIO(after), record, restored)
            assert restored.getvalue() == before
            sizes[kind].append(len(record))
    for kind, found in sizes.items():
        print(f"{kind:<6} median {statistics.median(found):6.0f} bytes, largest {max(found):6}")
    every = [size for found in sizes.values() for size in found]
    print(f"{len(every)} files: median {statistics.median(every):.0f} bytes, largest {max(every)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
