"""The time of a run while somebody sets the machine's clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.flows.running.run_clock import RunClock

HOUR = 3600.0
PASSES = st.floats(0, 60)
SETS = st.sampled_from([0.0, 0.0, 0.0, HOUR, -HOUR, 0.4, -0.4, 12 * HOUR, -12 * HOUR])


class Machine:
    """A clock that is set, and the seconds that pass meanwhile."""

    def __init__(self) -> None:
        self.wall, self.steady = 1.8e9, 100.0
        self.clock = RunClock(lambda: self.wall, lambda: self.steady)

    def passes(self, seconds: float, *, set_by: float = 0.0) -> float:
        self.wall += seconds + set_by
        self.steady += seconds
        return self.clock.now()


def test_it_goes_on_while_the_clock_is_set_back_and_is_the_clocks_own_again_afterwards() -> None:
    machine = Machine()
    began = machine.clock.now()
    assert machine.passes(10, set_by=-HOUR) == pytest.approx(began + 10)
    assert machine.passes(10) == pytest.approx(began + 20)
    assert machine.passes(5, set_by=HOUR) == pytest.approx(machine.wall) == pytest.approx(began + 25)


def test_it_is_set_forward_with_the_clock_as_after_a_sleep() -> None:
    machine = Machine()
    began = machine.clock.now()
    assert machine.passes(1, set_by=HOUR) == pytest.approx(began + HOUR + 1)


@given(st.lists(st.tuples(PASSES, SETS), max_size=40))
def test_it_never_goes_back_nor_stands_still_for_long(steps: list[tuple[float, float]]) -> None:
    machine = Machine()
    before = began = machine.clock.now()
    for seconds, set_by in steps:
        now = machine.passes(seconds, set_by=set_by)
        assert now >= before
        before = now
    passed = sum(seconds for seconds, _ in steps)
    assert before >= began + passed - 0.4 * len(steps) - 1.01


@given(st.lists(PASSES, max_size=40))
def test_it_is_the_clock_where_nobody_sets_it(steps: list[float]) -> None:
    machine = Machine()
    for seconds in steps:
        assert machine.passes(seconds) == machine.wall
