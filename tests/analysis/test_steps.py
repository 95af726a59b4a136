from collections import defaultdict
from concurrent.futures import Future
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred.analysis.steps import Steps, Walk, side_by_side, walk
from genred.errors import GenredError


class Bench:
    """Futures by the name of a thing and the number of a step; done when it is said, or when there is time for it.

    Parameters
    ----------
    order
        The things that get on, one step each, whenever nothing is ready.
    """

    def __init__(self, order: list[int] | None = None) -> None:
        self._order = iter(order or [])
        self.begun: list[int] = []
        self.futures: defaultdict[int, list[Future[int]]] = defaultdict(list)

    def steps(self, thing: int, count: int = 2) -> Steps[int]:
        self.begun.append(thing)
        total = 0
        for _ in range(count):
            future: Future[int] = Future()
            self.futures[thing].append(future)
            yield future
            total += future.result()
        return total

    def tend(self) -> None:
        for thing in self._order:
            if self.finish(thing):
                return
        for thing in sorted(self.futures):
            self.finish(thing)

    def finish(self, thing: int) -> bool:
        """Finish the step that a thing waits for; return whether there is one."""
        waiting = [future for future in self.futures[thing] if not future.done()]
        for future in waiting:
            future.set_result(thing)
        return bool(waiting)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tend at once where nothing is ready."""
    monkeypatch.setattr("genred.analysis.steps.TEND_SECONDS", 0.001)


@given(order=st.lists(st.integers(0, 7), max_size=30), at_once=st.integers(1, 9), count=st.integers(0, 8))
def test_results_keep_the_order_whatever_gets_on_first(order: list[int], at_once: int, count: int) -> None:
    """Each thing comes with what its steps returned, and never are more on their way than may be."""
    bench = Bench(order)
    seen = 0
    for thing, total in side_by_side(range(count), bench.steps, lambda: at_once, bench.tend):
        assert (thing, total) == (seen, 2 * seen)
        seen += 1
        assert len(bench.begun) <= thing + at_once
    assert seen == count


def test_an_error_comes_after_what_the_others_come_to() -> None:
    """Nothing is begun after it."""
    bench = Bench()

    def steps(thing: int) -> Steps[int]:
        total = yield from bench.steps(thing)
        if thing == 1:
            raise GenredError("lost")
        return total

    seen: list[int] = []
    with pytest.raises(GenredError, match="lost"):
        seen += (thing for thing, _ in side_by_side(range(9), steps, lambda: 3, bench.tend))
    assert seen == [0, 2, 3]
    assert bench.begun == [0, 1, 2, 3]


def test_an_error_of_looking_after_comes_after_what_is_on_its_way() -> None:
    """As the error of a thing would."""
    bench = Bench()

    def tend() -> None:
        bench.tend()
        raise GenredError("away")

    seen: list[int] = []
    with pytest.raises(GenredError, match="away"):
        seen += (thing for thing, _ in side_by_side(range(9), bench.steps, lambda: 2, tend))
    assert seen == [0, 1]


def test_who_looks_no_further_calls_off_what_nobody_began() -> None:
    """A step that is running is left to itself, since to cancel it would cost its worker."""
    bench = Bench()
    looks = closing(side_by_side(range(9), lambda thing: bench.steps(thing, thing), lambda: 3, bench.tend))
    with looks as each:
        assert next(each) == (0, 0)
        (running,), (waiting,) = bench.futures[1], bench.futures[2]
        running.set_running_or_notify_cancel()
    assert waiting.cancelled()
    assert not running.cancelled()


def test_a_walk_goes_on_only_when_its_step_is_done() -> None:
    """To be asked often changes nothing, and it tells once for each step that it can be gone on with."""
    bench = Bench()
    told: list[Walk[int]] = []
    on = Walk(bench.steps(3), told.append)
    for _ in range(5):
        on.go_on()
    with pytest.raises(ValueError, match="isn't over"):
        on.result()
    bench.finish(3)
    assert told == [on]
    on.go_on()
    bench.finish(3)
    on.go_on()
    assert on.is_over
    assert told == [on, on]
    assert on.result() == 6


def test_all_steps_of_one_thing() -> None:
    """The waiting is tended, too."""
    bench = Bench()
    assert walk(bench.steps(4), bench.tend) == 8
    assert walk(bench.steps(4, 0), bench.tend) == 0
