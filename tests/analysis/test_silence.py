"""How long a cluster is waited for without a word, and what is said then."""

from concurrent.futures import Future

import pytest

from genred.analysis.silence import LIFELESS_SECONDS, SILENCE_SECONDS, Silence

A, B, C = "tcp://10.0.0.7:1", "tcp://10.0.0.8:1", "tcp://10.0.0.9:1"
FATE = "; such files go to others when Dask gives the worker up, or when you kill it"


class Waiting:
    """A silence with a clock that stands still, and files that are waited for."""

    def __init__(self, count: int) -> None:
        self.now = 100.0
        self.silence = Silence(lambda: self.now)
        self.files: list[Future[bytes]] = [Future() for _ in range(count)]
        for file in self.files:
            self.silence.begin(file)


def test_silence_is_news_once() -> None:
    """As soon as it lasts; an answer, be it an error, ends it, and then another one is news again."""
    waiting = Waiting(3)
    waiting.now += SILENCE_SECONDS - 1
    assert not waiting.silence.is_news()
    waiting.now += 1
    assert waiting.silence.is_news()
    waiting.now += SILENCE_SECONDS
    assert not waiting.silence.is_news()
    waiting.files[0].set_exception(ValueError())
    assert not waiting.silence.is_news()
    waiting.now += SILENCE_SECONDS
    assert waiting.silence.is_news()


def test_where_nothing_is_waited_for_there_is_no_silence() -> None:
    """An idle time before the first file doesn't count, nor one after the last."""
    waiting = Waiting(0)
    waiting.now += SILENCE_SECONDS
    assert not waiting.silence.is_news()
    file: Future[bytes] = Future()
    waiting.silence.begin(file)
    assert not waiting.silence.is_news()
    file.cancel()
    waiting.now += SILENCE_SECONDS
    assert not waiting.silence.is_news()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({}, "8 files"),
        ({A: 8}, "8 files at tcp://10.0.0.7:1"),
        ({A: 0, B: 1, C: 7}, "7 files at tcp://10.0.0.9:1, and 1 file at tcp://10.0.0.8:1"),
        ({A: 7, B: 0}, "7 files at tcp://10.0.0.7:1, and 1 file that no worker has"),
        ({A: 0}, "8 files that no worker has"),
        (
            {f"tcp://w{n}": 1 for n in range(8)},
            "1 file at tcp://w0, and 1 file at tcp://w1, and 1 file at tcp://w2, and 1 file at tcp://w3, "
            "and 4 files at 4 more",
        ),
    ],
)
def test_who_has_the_files_is_said(held: dict[str, int], said: str) -> None:
    """Those who have most come first, and of many only some are named; where nobody knows, their number is said."""
    assert Waiting(8).silence.told(held) == said


def test_a_worker_without_a_sign_of_life_is_named_first() -> None:
    """A clock of the scheduler's that is wrong changes nothing, and a worker that is new or has nothing isn't named."""
    waiting = Waiting(3)
    waiting.silence.note_signs({A: 7.0, B: 7.0, C: 7.0})
    waiting.now += LIFELESS_SECONDS
    waiting.silence.note_signs({A: 7.5, B: 7.0, C: 7.0, "tcp://new": 1.0})
    assert (
        waiting.silence.told({A: 2, B: 1, C: 0})
        == f"1 file at {B}, which gives no sign of life, and 2 files at {A}{FATE}"
    )
    assert waiting.silence.told({A: 3}) == f"3 files at {A}"
    waiting.silence.note_signs({A: 8.0, B: 7.1, C: 7.0})
    assert waiting.silence.told({A: 2, B: 1}) == f"2 files at {A}, and 1 file at {B}"
