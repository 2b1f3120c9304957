"""Each step of a landing fails in each way: killed, slow, a broken disk, a full one; the next run makes it good."""

import errno
import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.chaos.battery import WRITING, Battery, Strike

pytestmark = pytest.mark.slow
SECONDS = 60.0
"""How long one test strikes; on a quiet machine each gets through in half of it."""


@pytest.fixture
def battery(tmp_path: Path) -> Battery:
    return Battery(tmp_path)


def in_time(strikes: Iterable[Strike]) -> Iterator[Strike]:
    until = time.monotonic() + SECONDS
    return itertools.takewhile(lambda _strike: time.monotonic() < until, strikes)


def end(battery: Battery) -> None:
    print(f"{len(battery.struck)} strikes; {battery.tally}")
    assert battery.tally.wrong == [], battery.tally
    assert battery.struck, "nothing was struck"


def test_a_landing_has_the_steps_that_the_others_are_about(battery: Battery) -> None:
    """Names that are gone would make the tests below pass for nothing."""
    steps = {*battery.steps()}
    assert {"merge-tree", "write-tree", "mktag", "update-ref refs/heads", "update-ref refs/plait/intent"} <= steps
    assert {"update-ref refs/plait/landed", "update-ref -d refs/plait/intent"} <= steps
    assert battery.tally.wrong == [], battery.tally


@pytest.mark.parametrize("how", ["kill before", "kill after"])
def test_plait_is_killed_at_each_step(battery: Battery, how: str) -> None:
    for strike in in_time(Strike(step, how) for step in reversed(battery.steps())):
        battery.strike(strike)
    end(battery)


def test_git_fails_at_each_step(battery: Battery) -> None:
    errors = itertools.cycle((errno.EIO, errno.ENOSPC))
    for strike in in_time(Strike(step, "fail", next(errors)) for step in reversed(battery.steps())):
        battery.strike(strike)
    end(battery)


def test_somebody_pushes_while_a_step_takes_long(battery: Battery) -> None:
    steps = [step for step in reversed(battery.steps()) if step.split()[0] in WRITING]
    for strike in in_time(Strike(step, "delay") for step in steps):
        battery.strike(strike)
    end(battery)


def test_the_disk_fails_inside_each_git_that_writes(battery: Battery) -> None:
    """Kills of git alone, of git with plait, a broken disk, a full disk: at each call, in turn."""
    errors = (0, errno.EIO, -1, errno.ENOSPC)
    steps = [step for step in reversed(battery.steps()) if step.split()[0] in WRITING]
    until = time.monotonic() + SECONDS
    for at in itertools.count(1):
        if not steps or time.monotonic() > until:
            break
        turn = itertools.cycle((*errors[at % 4 :], *errors[: at % 4]))
        strikes = {step: Strike(step, "inside", error, at) for step, error in zip(steps, turn, strict=False)}
        steps = [step for step in steps if time.monotonic() < until and battery.strike(strikes[step])]
    end(battery)
