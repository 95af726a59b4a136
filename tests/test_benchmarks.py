"""Benchmarks of the model, where there is no corpus to measure."""

import struct
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import FIVE, Corpus, Judged, leak
from benchmarks.bundle import variables

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accuracy", "re_encoding", "few_labels", "package_data", "stories"])
def test_a_missing_corpus_is_told(tmp_path: Path, name: str) -> None:
    """Without the corpus nothing is printed as a result, nothing is written, and the exit code is 2."""
    command = [sys.executable, "-m", f"benchmarks.{name}", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert not done.stdout
    assert "no corpus" in done.stderr


def test_the_leak_is_told_for_heard_and_unheard_previews() -> None:
    """Whoever is right only about what the network learnt from is right about all of that, and about nothing else."""
    paths = [Path(f"{genre}-{i}.mp3") for genre in FIVE for i in range(2)]
    y, source = np.repeat(FIVE, 2), np.full(10, "previews")
    corpus = Corpus(paths, y, source, source, source, np.zeros((10, 1)))
    says = np.where(np.arange(10) % 2 == 0, y, np.roll(y, 2))
    judged: Judged = {("previews", 0): (says[:, None] == corpus.genres).astype(float)}
    lines = list(leak(corpus, {"ears": judged}, {path.stem for path in paths[::2]}, [0]))
    assert [line.split() for line in lines] == [["ears", "1.000", "0.000"]]


def test_weights_are_taken_from_the_known_wheel_only(tmp_path: Path) -> None:
    """Another file of that name is refused, nothing is written, and the exit code is 2."""
    wheel, out = tmp_path / "musicnn-0.1.0-py3-none-any.whl", tmp_path / "ears.npz"
    wheel.write_bytes(b"PK")
    command = [sys.executable, "-m", "benchmarks.ears_weights", str(wheel), "--to", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "not the wheel" in done.stderr
    assert not out.exists()


def table(entries: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return a block of a sorted string table, each key without what it shares with the one before, and its handle."""
    block, last = b"", b""
    for key, value in entries.items():
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(last, key, strict=False)))
        block += bytes([shared, len(key) - shared, len(value)]) + key[shared:] + value
        last = key
    block += struct.pack("<II", 0, 1)
    return block, bytes([0, len(block)])


def test_a_checkpoint_is_read_without_tensorflow() -> None:
    """Arrays come by name, in their shape, from where they lie; what is no float32 is left out."""
    numbers = np.arange(6, dtype="<f4")
    shape = b"\x12\x08\x12\x02\x08\x02\x12\x02\x08\x03"
    entries = {
        b"": b"\x08\x01",
        b"dense/bias": b"\x08\x01\x12\x04\x12\x02\x08\x02\x28\x08\x35\0\0\0\0",
        b"dense/kernel": b"\x08\x01" + shape + b"\x20\x04\x28\x18",
        b"dense/step": b"\x08\x09\x12\x00\x28\x08",
    }
    block, handle = table(entries)
    top, size = table({b"dense/step": handle})
    footer = bytes([0, 0]) + bytes([len(block), size[1]])
    index = block + top + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    found = variables(index, b"\0\0\0\0" + numbers.tobytes())
    assert sorted(found) == ["dense/bias", "dense/kernel"]
    assert np.array_equal(found["dense/kernel"], numbers.reshape(2, 3))
    assert np.array_equal(found["dense/bias"], [0, numbers[0]])
    with pytest.raises(ValueError, match="not the index"):
        variables(b"\0" * 60, b"")
