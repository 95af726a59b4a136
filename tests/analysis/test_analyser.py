import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from multiprocessing.queues import Queue
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest

from genred import tags
from genred.analysis import Analysis, Ask, worker
from genred.analysis import analyser as analyser_module
from genred.analysis.analyser import Analyser
from genred.analysis.pool import WorkerLostError, outcome
from genred.analysis.steps import Steps
from genred.config import Model, Service
from genred.errors import DecodeError, FileError, GenredError, ModelError
from genred.genres import Place, Tree, Vocabulary
from genred.model import storage
from genred.model.evidence import Owner
from genred.tagging.judging import judge_stored
from tests.makeaudio import make
from tests.processes import until_ended

T = TypeVar("T")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def analyser(tmp_path: Path, tiny_model: Path) -> Iterator[Analyser]:
    service = Service(workers=1, timeout_seconds=100, memory_mb=2048)
    with Analyser(service, Model(path=str(tiny_model), min_confidence=0.5), tmp_path) as analyser:
        yield analyser


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def die(*_: object) -> None:
    crash()


def hang(begun: Path | None = None) -> None:
    """Never end; tell by a fifo when that has begun."""
    if begun is not None:
        begun.write_bytes(b"")
    signal.pause()


def bloat() -> None:
    bytearray(8 * 2**30)


def spin() -> None:
    while True:
        pass


def fill(path: Path) -> None:
    os.truncate(path, 2**40)


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
    future = analyser._pool.submit(misbehave, (), 5.0)
    with pytest.raises(kind, match=said):
        outcome(Path("x.mp3"), future)
    assert analyser.genres(make(tmp_path / "x.flac", 0.2)) == ()


def test_a_worker_is_on_its_own_and_cannot_fill_the_disk(analyser: Analyser, tmp_path: Path) -> None:
    """It has a process group of its own, and what it writes has a limit."""
    worker = analyser._pool.submit(os.getpid, (), 100.0).result()
    assert os.getpgid(worker) == worker
    sparse = tmp_path / "sparse"
    sparse.touch()
    with pytest.raises(OSError, match="File too large"):
        analyser._pool.submit(fill, (sparse,), 100.0).result()


def test_a_job_that_nobody_watches_ends_when_its_processor_time_is_spent() -> None:
    """The kernel ends it, should the service be stopped or hang itself."""
    job = multiprocessing.get_context("spawn").Process(target=worker.run, args=(spin, (), 0.5))
    job.start()
    job.join()
    assert job.exitcode == -signal.SIGXCPU


def limited(own: int, inherited: tuple[int, int], found: "Queue[tuple[int, int]]") -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, inherited)
    worker.limit(resource.RLIMIT_FSIZE, own)
    worker.limit(resource.RLIMIT_FSIZE, own + 1)
    found.put(resource.getrlimit(resource.RLIMIT_FSIZE))


@pytest.mark.parametrize(
    ("own", "inherited", "limit"),
    [
        (1000, (resource.RLIM_INFINITY, resource.RLIM_INFINITY), 1001),
        (1000, (2000, 3000), 1001),
        (1000, (500, 3000), 500),
        (1000, (500, 500), 500),
        (0, (500, 500), 1),
    ],
)
def test_a_worker_takes_the_smaller_of_two_limits(own: int, inherited: tuple[int, int], limit: int) -> None:
    """Its own or the inherited one, whatever it took before; what may be taken at most is left."""
    spawn = multiprocessing.get_context("spawn")
    found: Queue[tuple[int, int]] = spawn.Queue()
    process = spawn.Process(target=limited, args=(own, inherited, found))
    process.start()
    assert found.get(timeout=60) == (limit, inherited[1])
    process.join()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("limits", "code", "said"),
    [
        ("-t 3600 -f 4000000 -v 16000000", 0, "Classical"),
        ("-S -n 30", 0, "Classical"),
        ("-n 30", 1, "genred: only 30 files may be open at once"),
        ("-v 450000", 1, "genred: a worker died while it got ready"),
    ],
)
def test_limits_that_genred_is_started_under(
    tmp_path: Path, tiny_model: Path, limits: str, code: int, said: str
) -> None:
    """Units, containers and shared machines set some: those that leave room change nothing, others are named."""
    song = make(tmp_path / "x.flac", 5.0, noise=0.03)
    command = [sys.executable, "-m", "genred", "classify", str(song)]
    ran = subprocess.run(
        ["bash", "-c", f'ulimit {limits} && exec "$@"', "bash", *command],
        env=os.environ | {"GENRED_MODEL_PATH": str(tiny_model), "GENRED_MODEL_MIN_CONFIDENCE": "0.5"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    assert said in (ran.stderr if code else ran.stdout)
    assert len(ran.stderr.splitlines()) == (1 if code else 0)


def test_idle_workers_that_are_killed_are_replaced(analyser: Analyser, tmp_path: Path) -> None:
    """Short of memory, the kernel kills the largest process, whether it has anything to do or not."""
    song = make(tmp_path / "x.flac", 0.2)
    for _ in range(2):
        worker = analyser._pool.submit(os.getpid, (), 100.0).result()
        os.kill(worker, signal.SIGKILL)
        until_ended(worker)
        assert list(analyser.analyse([song], Ask.TAGS)) == [(song, Analysis((Place("Vorbis comment GENRE", ()),)))]


def test_workers_are_forked_anew_when_what_they_are_forked_from_was_killed(analyser: Analyser, tmp_path: Path) -> None:
    """They end with it, even when they hang, so that no orphan takes a job, and the pool comes back by itself."""
    song = make(tmp_path / "x.flac", 0.2)
    server = analyser._pool.submit(os.getppid, (), 100.0).result()
    assert server != os.getpid()
    worker = hung(analyser)
    os.kill(server, signal.SIGKILL)
    until_ended(worker)
    assert list(analyser.analyse([song], Ask.TAGS)) == [(song, Analysis((Place("Vorbis comment GENRE", ()),)))]


def test_workers_end_with_the_main_process_even_when_they_hang(tmp_path: Path, tiny_model: Path) -> None:
    """Killed as hard as can be: nobody is left to work on a file behind its back."""
    code = (
        "import signal; from pathlib import Path; from genred.config import *\n"
        "from genred.analysis.analyser import Analyser\n"
        "from tests.analysis.test_analyser import hung\n"
        f"analyser = Analyser(Service(workers=1), Model(path={str(tiny_model)!r}), Path({str(tmp_path)!r}))\n"
        "print(hung(analyser), flush=True)\n"
        "signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as main:
        assert main.stdout is not None
        worker = int(main.stdout.readline())
        main.kill()
        until_ended(worker)


def hung(analyser: Analyser) -> int:
    """The only worker, in the middle of a job that doesn't end."""
    worker = analyser._pool.submit(os.getpid, (), 100.0).result()
    with TemporaryDirectory() as folder:
        begun = Path(folder, "begun")
        os.mkfifo(begun)
        analyser._pool.submit(hang, (begun,), 100.0)
        begun.read_bytes()
    return worker


def test_a_file_on_which_two_workers_are_lost_is_given_up(tmp_path: Path, tiny_model: Path) -> None:
    """It isn't tried for ever, and that isn't for reasons that pass."""
    tries = []

    class Doomed(Analyser):
        def _once(self, path: Path, function: Callable[..., T], *arguments: Any) -> Steps[T]:
            tries.append(path)
            return super()._once(path, crash)  # type: ignore[arg-type]  # it never returns

    song = tmp_path / "deadly.flac"
    with Doomed(Service(workers=1), Model(path=str(tiny_model)), tmp_path) as analyser:
        ((_, error),) = analyser.analyse([song], Ask.MISSING)
    assert tries == [song, song]
    assert isinstance(error, WorkerLostError)
    assert not error.transient


def test_workers_count_as_no_genre_what_the_user_does(tmp_path: Path, tiny_model: Path) -> None:
    """So they listen to a file that says nothing else."""
    songs = [make(tmp_path / f"{genre}.flac", 4.0) for genre in ("My Music", "Polka")]
    for song in songs:
        tags.write_genres(song, [song.stem])
    model, service = Model(path=str(tiny_model), min_confidence=0.5), Service(workers=1, memory_mb=2048)
    with Analyser(service, model, tmp_path, no_genre=("my music",)) as analyser:
        looks = [look for _, look in analyser.analyse(songs, Ask.MISSING)]
    assert [isinstance(look, Analysis) and look.prediction is not None for look in looks] == [True, False]


def test_files_come_back_in_their_order_with_what_was_heard(analyser: Analyser, tmp_path: Path) -> None:
    """Good and bad ones alike; one that has a genre is left unheard if that is asked."""
    from genred import tags

    tone, noise = make(tmp_path / "a.flac", 5.0, noise=0.03), make(tmp_path / "b.mp3", 5.0, noise=0.3)
    bad = tmp_path / "c.ogg"
    bad.write_bytes(b"nothing")
    decided = make(tmp_path / "d.flac", 5.0)
    tags.write_genres(decided, ["Polka"])
    looks = list(analyser.analyse([tone, noise, bad, decided], Ask.MISSING))
    assert [path for path, _ in looks] == [tone, noise, bad, decided]
    heard = [look.prediction.genre for _, look in looks if isinstance(look, Analysis) and look.prediction]
    assert heard == ["Classical", "Metal"]
    assert isinstance(looks[2][1], FileError)
    assert looks[3][1] == Analysis((Place("Vorbis comment GENRE", ("Polka",)),))


def test_the_tracks_of_an_album_are_judged_together(analyser: Analyser, tmp_path: Path, tiny_model: Path) -> None:
    """From what was heard of them before, with their owner's words, as the main process would with the same model."""
    paths = [make(tmp_path / f"{number}.flac") for number in range(2)]
    heard = [analysis for _, analysis in analyser.analyse(paths, Ask.BOTH)]
    vectors = [one.features[1] for one in heard if isinstance(one, Analysis) and one.features]
    owners = [Owner(mates={"Kids": 5})] * 2
    model = storage.configured(Model(path=str(tiny_model), min_confidence=0.5), tmp_path, Vocabulary())
    assert [found.genre for found in analyser.judge(vectors, owners)] == ["Kids", "Kids"]
    assert analyser.judge(vectors, owners) == judge_stored(model, vectors, owners)
    assert analyser.judge([], []) == judge_stored(model, [], []) == []


def test_workers_answer_by_the_users_own_tree(tmp_path: Path, tiny_model: Path) -> None:
    """Half of the album says Polka and half says Krautrock, and in that tree Polka is a kind of Krautrock."""
    mine = Vocabulary(tree=Tree.parse("Krautrock\n  Polka"))
    model = Model(path=str(tiny_model), min_confidence=0.8)
    with Analyser(Service(workers=1), model, tmp_path, vocabulary=mine) as analyser:
        look = dict(analyser.analyse([make(tmp_path / "noise.flac", 5.0, noise=0.3)], Ask.BOTH)).popitem()[1]
        assert isinstance(look, Analysis)
        assert look.features
        (found,) = analyser.judge([look.features[1]], [Owner(mates={"Polka": 5, "Krautrock": 5})])
    assert found.genre == "Krautrock"
    assert " + " in found.reason


def test_what_is_heard_and_the_cover_come_from_a_worker(analyser: Analyser, tmp_path: Path) -> None:
    """As bytes for a browser; what can't be read costs one file."""
    song, bad = make(tmp_path / "x.flac", 2.0), tmp_path / "bad.flac"
    bad.write_bytes(b"nothing")
    assert analyser.excerpt(song).startswith(b"\xff")
    assert analyser.cover(song) is None
    with pytest.raises(DecodeError):
        analyser.excerpt(bad)
    assert analyser.cover(bad) is None


def test_workers_that_die_while_they_judge_are_told_of(analyser: Analyser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once more, and then the run ends with what to look at: no file is to blame."""
    monkeypatch.setattr(worker, "judge", die)
    with pytest.raises(GenredError, match=r"workers die or hang while they judge.*service\.memory_mb"):
        analyser.judge([b"\0" * 4], [Owner()])


def test_tags_are_read_many_files_to_a_job_and_a_file_that_kills_its_reader_costs_itself_alone(
    analyser: Analyser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the job are read again, each by itself; nothing is listened to."""
    from genred import tags

    songs = [make(tmp_path / f"{number}.flac", 0.1) for number in range(4)]
    tags.write_genres(songs[3], ["Polka"])
    songs[1].write_bytes(b"nothing")
    jobs: list[list[Path]] = []
    submit = analyser._pool.submit

    def watched(function: Callable[..., Any], arguments: tuple[Any, ...], timeout: float) -> "Future[Any]":
        if function is worker.read_tags:
            jobs.append(*arguments)
            if songs[2] in arguments[0]:
                return submit(crash, (), timeout)
        return submit(function, arguments, timeout)

    monkeypatch.setattr(analyser._pool, "submit", watched)
    monkeypatch.setattr(analyser_module, "_TAGS_AT_ONCE", 3)
    looks = dict(analyser.analyse(songs, Ask.TAGS))
    assert jobs == [songs[:3], songs[3:]]
    assert list(looks) == songs
    assert isinstance(looks[songs[1]], FileError)
    assert looks[songs[0]] == looks[songs[2]] == Analysis((Place("Vorbis comment GENRE", ()),))
    assert looks[songs[3]] == Analysis((Place("Vorbis comment GENRE", ("Polka",)),))


def test_paths_are_taken_a_little_ahead_only(analyser: Analyser, tmp_path: Path) -> None:
    """A million queued files don't sit in memory."""
    song = make(tmp_path / "x.flac", 0.2)
    taken = 0

    def paths() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield song

    looks = analyser.analyse(paths(), Ask.MISSING)
    next(looks)
    looks.close()  # type: ignore[attr-defined]  # it is a generator
    assert taken <= 4


def test_a_model_that_cannot_be_used_is_found_at_the_start(tmp_path: Path) -> None:
    """Before any file is looked at."""
    (tmp_path / "x.genred").write_bytes(b"no model")
    model = Model(path=str(tmp_path / "x.genred"))
    with Analyser(Service(workers=1), model, tmp_path) as analyser, pytest.raises(ModelError):
        analyser.warm_up()


@pytest.mark.slow
def test_only_the_first_start_designs_filters_and_no_worker_imports_librosa(tmp_path: Path, tiny_model: Path) -> None:
    """What takes long is told as such; librosa, and the compiler that it brings, were in a process that has ended."""
    song = make(tmp_path / "x.flac", 5.0)
    code = (
        "import json; from pathlib import Path; from genred.config import *; from genred.analysis import Ask\n"
        "from genred.analysis.analyser import Analyser\n"
        "from tests.analysis.test_analyser import compilers\n"
        "for _ in range(2):\n"
        "    steps = []\n"
        f"    with Analyser(Service(workers=1), Model(path={str(tiny_model)!r}), cache_dir()) as analyser:\n"
        "        analyser.warm_up(tell=steps.append)\n"
        f"        list(analyser.analyse([Path({str(song)!r})], Ask.SOUND))\n"
        "        imported = analyser._pool.submit(compilers, (), 100.0).result()\n"
        "    print(json.dumps([list(dict.fromkeys(steps)), imported, analyser.model_name]))"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    first, second = map(json.loads, ran.stdout.splitlines())
    waits = ["loading what listens", "loading the model, which is fitted once if it is the built-in one"]
    once = "designing filters, once, and fitting the model if it is the built-in one"
    assert (first[0], second[0]) == ([waits[0], once, waits[1]], waits)
    assert first[1:] == second[1:] == [[], second[2]]
    assert second[2].startswith("tiny")


def compilers() -> list[str]:
    return sorted({"librosa", "numba", "llvmlite"} & sys.modules.keys())


def test_the_main_process_stays_light() -> None:
    """Decoders and scikit-learn live in the workers."""
    script = (
        "import sys, genred.service.service\n"
        "sys.exit(', '.join({'librosa', 'sklearn', 'numba', 'scipy', 'av', 'mutagen'} & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_who_only_judges_imports_nothing_of_what_hears() -> None:
    """`genred explain` of a file that is known loads the model, and no transforms and filters."""
    script = (
        "import sys, genred.model.storage\nsys.exit(', '.join({'scipy.fft', 'scipy.ndimage'} & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_tag_that_unpacks_to_a_gigabyte_costs_one_file(analyser: Analyser, tmp_path: Path) -> None:
    """Compressed nothing where the genre should be: a reason in bounded time, and the next file is read."""
    pack = zlib.compressobj(9)
    packed = b"".join([pack.compress(b"\3"), *(pack.compress(bytes(2**20)) for _ in range(700)), pack.flush()])

    def syncsafe(number: int) -> bytes:
        return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))

    frame = b"TCON" + syncsafe(len(packed) + 4) + bytes([0, 0b1001]) + syncsafe(2**28 - 1) + packed
    bomb = make(tmp_path / "bomb.mp3", 1.0)
    bomb.write_bytes(b"ID3\4\0\0" + syncsafe(len(frame)) + frame + bomb.read_bytes())
    ((_, look),) = analyser.analyse([bomb], Ask.MISSING)
    assert isinstance(look, FileError)
    assert analyser.genres(make(tmp_path / "x.flac", 0.2)) == ()
