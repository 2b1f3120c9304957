"""A set-up that does not work is found out once, for all who need it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from plait.agent_tasks import set_ups
from plait.agent_tasks.errors import SetUpFailed, TaskStopped
from plait.agent_tasks.set_ups import MakingReady, SetUp, SetUps
from plait.workspace.preparation import Prepared, prepare
from plait.workspace.process import Limits

FIRST = "the set-up failed, so no agent that needs it began, and no try counts"


class Bench:
    """Checkouts of one run that are made ready by real commands."""

    def __init__(self, place: Path) -> None:
        self.place, self.known, self.stop, self.again = place, SetUps(), threading.Event(), 0

    @property
    def runs(self) -> int:
        """How often a set-up has run."""
        file = self.place / "runs"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def carry_out(self, command: str, *, start: str = "base", timeout: float | None = None, told: str = "logs") -> None:
        self.known.carry_out(self.making(command, start=start, timeout=timeout, told=told))

    def verify(self, command: str, *, start: str = "base", **of: Any) -> str | None:
        return self.known.carry_out_to_verify(self.making(command, start=start, **of))

    def making(
        self, command: str, *, start: str, timeout: float | None = None, told: str = "logs", **of: Any
    ) -> MakingReady:
        directory = self.place / f"{start}-{threading.get_ident()}"
        directory.mkdir(exist_ok=True)

        def attempt() -> Prepared:
            return prepare(
                directory,
                commands=(f"echo run >> {self.place}/runs", command),
                inputs=(),
                cache=self.place / "cache",
                environment={"PATH": "/usr/bin:/bin", "START": start},
                output=directory / "setup.log",
                stop=self.stop,
                limits=Limits(timeout=timeout),
            )

        def again() -> None:
            self.again += 1

        return MakingReady(SetUp((command,), (), **of), start, attempt, again, self.stop, told)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def why(act: Callable[[], None]) -> str:
    with pytest.raises(SetUpFailed) as failed:
        act()
    return str(failed.value)


def test_what_fails_is_done_once_more_in_a_fresh_checkout_and_then_never_again(bench: Bench) -> None:
    told = why(lambda: bench.carry_out("echo one; echo no such index >&2; exit 3", told="plait logs A"))
    assert told.splitlines() == [
        "the set-up failed, so no agent that needs it began, and no try counts: `echo one; echo no such index >&2; "
        "exit 3` ended with exit status 3, also the second time",
        "it printed last:",
        "one",
        "no such index",
        "all of it: plait logs A; mend `setup`, and run again",
    ]
    assert (bench.runs, bench.again) == (2, 1)
    for start in ("base", "elsewhere"):
        assert why(lambda: bench.carry_out("echo one; echo no such index >&2; exit 3", start=start)) == told  # noqa: B023
    assert bench.runs == 2


def test_a_network_that_was_away_for_a_moment_is_no_failure(bench: Bench) -> None:
    bench.carry_out(f"test -e {bench.place}/came || {{ touch {bench.place}/came; exit 1; }}")
    assert (bench.runs, bench.again) == (2, 1)


def test_of_many_slots_at_once_the_first_finds_out_for_all(bench: Bench) -> None:
    with ThreadPoolExecutor(8) as slots:
        ended = [slots.submit(bench.carry_out, "sleep 0.3; false") for _ in range(8)]
        reasons = {str(each.exception()) for each in ended}
    assert bench.runs == 2
    assert len(reasons) == 1


def test_of_many_slots_at_once_all_run_a_set_up_that_works(bench: Bench) -> None:
    with ThreadPoolExecutor(4) as slots:
        ended = [slots.submit(bench.carry_out, "true") for _ in range(4)]
        assert [each.exception() for each in ended] == [None] * 4
    assert bench.runs == 4


def test_a_slow_one_is_not_waited_for_by_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_ups, "_PATIENCE", 0.1)
    second = f"touch {bench.place}/second"
    first = f"while ! test -e {bench.place}/second; do sleep 0.05; done"
    command = f"if mkdir {bench.place}/begun; then {first}; else {second}; fi"
    with ThreadPoolExecutor(2) as slots:
        ended = [slots.submit(bench.carry_out, command) for _ in range(2)]
        assert [each.exception() for each in ended] == [None, None]


def test_what_hangs_is_ended_and_not_done_twice(bench: Bench) -> None:
    told = why(lambda: bench.carry_out("sleep 600", timeout=0.3))
    assert "`sleep 600` had not ended after" in told
    assert "it printed nothing" in told
    assert bench.runs == 1


def test_what_has_worked_and_fails_on_other_files_fails_there_alone(bench: Bench) -> None:
    command = 'test "$START" != broken'
    bench.carry_out(command)
    assert "also the second time" in why(lambda: bench.carry_out(command, start="broken"))
    bench.carry_out(command)
    bench.carry_out(command, start="other")
    assert bench.runs == 5
    why(lambda: bench.carry_out(command, start="broken"))
    assert bench.runs == 5


def test_what_failed_for_agents_is_not_run_by_a_verification_whatever_names_they_are_given(bench: Bench) -> None:
    told = why(lambda: bench.known.carry_out(bench.making("false", start="base", names=("KEY",))))
    for start in ("base", "elsewhere"):
        assert told.startswith(f"{FIRST}: {bench.verify('false', start=start)}\nall of it")
    assert bench.runs == 2


def test_what_failed_to_be_verified_fails_for_agents_on_the_same_files_and_nowhere_else(bench: Bench) -> None:
    how = bench.verify('test "$START" != base', told="/logs/verify.log")
    told = f"{FIRST}: {how}\nall of it: /logs/verify.log; mend `setup`, and run again"
    for names in ((), ("KEY",)):
        making = bench.making('test "$START" != base', start="base", names=names)
        assert why(lambda: bench.known.carry_out(making)) == told  # noqa: B023
    assert bench.runs == 2

    assert bench.verify('test "$START" != base', start="mended") is None
    bench.carry_out('test "$START" != base', start="mended too")
    assert bench.runs == 4


def test_a_set_up_that_works_elsewhere_is_run_again_by_each_verification_as_the_network_may_be_back(
    bench: Bench,
) -> None:
    bench.carry_out(command := f"test $START != away || test -e {bench.place}/back")
    assert bench.verify(command, start="away")
    (bench.place / "back").touch()
    assert bench.verify(command, start="away") is None
    bench.carry_out(command, start="away")


def test_a_verification_and_an_agent_at_once_find_out_together(bench: Bench) -> None:
    with ThreadPoolExecutor(2) as slots:
        verified = slots.submit(bench.verify, "sleep 0.3; false")
        agent = slots.submit(bench.carry_out, "sleep 0.3; false")
        assert str(agent.exception()).startswith(f"{FIRST}: {verified.result()}\n")
    assert bench.runs == 2


def test_a_verification_waits_for_an_agent_that_is_given_other_names(bench: Bench) -> None:
    began = bench.place / "began"
    with ThreadPoolExecutor(2) as slots:
        making = bench.making(f"touch {began}; sleep 0.3; false", start="base", names=("KEY",))
        agent = slots.submit(bench.known.carry_out, making)
        while not began.exists():
            time.sleep(0.01)
        assert bench.verify(f"touch {began}; sleep 0.3; false")
        assert agent.exception()
    assert bench.runs == 2


@pytest.mark.parametrize("other", [{"values": ("INDEX=mine",)}, {"submodules": True}])
def test_what_failed_with_other_variables_files_or_submodules_is_not_known_to_fail(
    bench: Bench, other: dict[str, Any]
) -> None:
    why(lambda: bench.carry_out("false"))
    bench.verify("false", **other)
    assert bench.runs == 4


def test_a_run_that_is_cancelled_says_nothing_about_its_set_up(bench: Bench) -> None:
    bench.stop.set()
    with pytest.raises(TaskStopped):
        bench.carry_out("sleep 600")
    assert bench.verify("sleep 600")
    bench.stop.clear()
    assert bench.verify("true") is None
    bench.carry_out("true")
