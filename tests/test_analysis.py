import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genred.analysis import Analyser, Ask, Look, WorkerLostError, _outcome
from genred.config import Model, Service
from genred.errors import DecodeError, FileError, ModelError
from tests.makeaudio import make


@pytest.fixture
def analyser(tmp_path: Path, tiny_model: Path) -> Iterator[Analyser]:
    service = Service(workers=1, timeout_seconds=100, memory_mb=2048)
    with Analyser(service, Model(path=str(tiny_model), min_confidence=0.5), tmp_path) as analyser:
        yield analyser


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    signal.pause()


def bloat() -> None:
    bytearray(8 * 2**30)


@pytest.mark.parametrize(
    ("misbehave", "kind", "said"),
    [
        (crash, WorkerLostError, "crashed the reader"),
        (hang, WorkerLostError, "takes too long"),
        (bloat, DecodeError, "more memory"),
    ],
)
def test_a_worker_that_misbehaves_costs_one_file(
    analyser: Analyser, tmp_path: Path, misbehave: Callable[[], None], kind: type[FileError], said: str
) -> None:
    """It is replaced, the file gets a reason, and the next file is read as if nothing had been."""
    future = analyser._submit(misbehave, (), 5.0)
    with pytest.raises(kind, match=said):
        _outcome(Path("x.mp3"), future)
    assert analyser.genres(make(tmp_path / "x.flac", 0.2)) == ()


def test_files_come_back_in_their_order_with_what_was_heard(analyser: Analyser, tmp_path: Path) -> None:
    """Good and bad ones alike; one that has a genre is left unheard if that is asked."""
    from genred import tags

    tone, noise = make(tmp_path / "a.flac", 5.0, noise=0.03), make(tmp_path / "b.mp3", 5.0, noise=0.3)
    bad = tmp_path / "c.ogg"
    bad.write_bytes(b"nothing")
    decided = make(tmp_path / "d.flac", 5.0)
    tags.write_genres(decided, ["Polka"])
    looks = list(analyser.look([tone, noise, bad, decided], Ask.MISSING))
    assert [path for path, _ in looks] == [tone, noise, bad, decided]
    heard = [look.prediction.genre for _, look in looks if isinstance(look, Look) and look.prediction]
    assert heard == ["Classical", "Metal"]
    assert isinstance(looks[2][1], FileError)
    assert looks[3][1] == Look(("Polka",))


def test_paths_are_taken_a_little_ahead_only(analyser: Analyser, tmp_path: Path) -> None:
    """A million queued files don't sit in memory."""
    song = make(tmp_path / "x.flac", 0.2)
    taken = 0

    def paths() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield song

    looks = analyser.look(paths(), Ask.MISSING)
    next(looks)
    looks.close()  # type: ignore[attr-defined]  # it is a generator
    assert taken <= 4


def test_a_model_that_cannot_be_used_is_found_at_the_start(tmp_path: Path) -> None:
    """Before any file is looked at."""
    (tmp_path / "x.joblib").write_bytes(b"no model")
    model = Model(path=str(tmp_path / "x.joblib"))
    with Analyser(Service(workers=1), model, tmp_path) as analyser, pytest.raises(ModelError):
        analyser.warm_up()


def test_the_main_process_stays_light() -> None:
    """Decoders, librosa and scikit-learn live in the workers."""
    script = (
        "import sys, genred.service\n"
        "sys.exit(', '.join({'librosa', 'sklearn', 'numba', 'scipy', 'av', 'mutagen'} & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
