"""Commands in processes of their own, as the pages start them."""

import signal
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from genred.history.history import History
from genred.web.jobs import BusyError, Job, Jobs, environment
from tests.makeaudio import make

Ended = Queue[Job]


@pytest.fixture
def ended() -> Ended:
    return Queue()


@pytest.fixture
def jobs(home: Path, ended: Ended) -> Iterator[Jobs]:
    """Jobs that work on a history of their own, started by a process that minds SIGINT, as the server does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background doesn't, and hands that on
    jobs = Jobs(environment(None, home / "history.db"), ended.put)
    yield jobs
    jobs.close()
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_a_scan_tells_how_far_it_is_and_what_became_of_the_files(
    jobs: Jobs, ended: Ended, tmp_path: Path, home: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its decisions are in the history that the pages show."""
    for name, value in (("SERVICE_WORKERS", "1"), ("MODEL_PATH", str(tiny_model)), ("MODEL_MIN_CONFIDENCE", "0.5")):
        monkeypatch.setenv(f"GENRED_{name}", value)
    make(tmp_path / "tone.flac", 5.0, noise=0.03)
    (tmp_path / "none.mp3").write_bytes(b"nothing")
    jobs.start("scan", "music", ["--json", tmp_path])
    job = ended.get(timeout=300)
    assert (job.state, job.code) == ("incomplete", 3)
    assert (job.done, job.total) == (2, 2)
    assert job.counts == {"tagged": 1, "failed": 1}
    assert any("2 files looked at" in line for line in job.lines)
    history = History.open(home / "history.db", readonly=True)
    assert history.files.count_known() == 2
    history.close()


def test_one_of_a_kind_is_at_work(jobs: Jobs, ended: Ended, tmp_path: Path) -> None:
    """Another one may be, and the next one when it has ended; the last ones are remembered, newest first."""
    first = jobs.start("scan", "music", ["--json", tmp_path])
    with pytest.raises(BusyError):
        jobs.start("scan", "music", ["--json", tmp_path])
    other = jobs.start("config", "mistakes", ["check"])
    assert {ended.get(timeout=300).id, ended.get(timeout=300).id} == {first.id, other.id}
    assert [job.id for job in jobs.all()] == [other.id, first.id]


def test_a_job_is_stopped(jobs: Jobs, ended: Ended, tmp_path: Path) -> None:
    job = jobs.start("scan", "music", ["--json", tmp_path])
    assert job.state == "running"
    assert jobs.stop(job.id) is job
    assert ended.get(timeout=300).state == "stopped"
    assert jobs.stop(99) is None


def test_a_job_that_fails_says_why(jobs: Jobs, ended: Ended) -> None:
    """On one line each, whatever there is in them."""
    jobs.start("scan", "music", ["--json", "--", "/no\x1b[31m\nfolder"])
    job = ended.get(timeout=300)
    assert (job.state, job.code) == ("failed", 1)
    (line,) = job.lines
    assert line.endswith("no such folder or file")
    assert line.isprintable()


def test_no_job_outlives_the_pages(jobs: Jobs, ended: Ended, tmp_path: Path) -> None:
    job = jobs.start("run", "for ever", [tmp_path])
    jobs.close()
    assert ended.get(timeout=300) is job
    assert job.code is not None
