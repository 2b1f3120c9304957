"""The slots that runs share: work starts at full width within what others leave, and slots are given back."""

from collections.abc import Mapping

from plait.flows.running.slot_keeper import RETRY_DENIED_SECONDS, SlotKeeper, demand_of
from plait.plans.journal.effects import PrepareStart
from plait.plans.journal.manifest import Manifest, TaskFacts
from tests.plans.run.played import BEGAN, Played, played


class Shared:
    """Slots of which other runs hold some: a limit for each role, as a server or slot files have it."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self.free = dict(limits)
        self.asked: list[str] = []

    def try_take(self, role: str) -> object | None:
        self.asked.append(role)
        if self.free[role] == 0:
            return None
        self.free[role] -= 1
        return role

    def release(self, slot: object) -> None:
        self.free[str(slot)] += 1

    def close(self) -> None:
        """Nothing is kept open."""


class Keeping:
    """A run of equal jobs, and the slots that it takes of those that are shared."""

    def __init__(self, jobs: int, *, slots: int, shared: Shared, helpers: Mapping[str, int] | None = None) -> None:
        helpers = helpers or {}
        tasks = tuple(
            TaskFacts(str(number), "r", f"branch-{number}", "", (), 1.0, fallback=tuple(helpers))
            for number in range(jobs)
        )
        self.run = Played(Manifest("run", "x", "x", "base", tasks, {"r": slots, **helpers}, started_at=BEGAN))
        self.keeper, self.shared = SlotKeeper(shared), shared

    def starts(self) -> tuple[str, ...]:
        """One turn of the loop, without what is given back."""
        room = self.keeper.room(demand_of(self.run.standings), now=self.run.now)
        return self.run.starts(room)

    def give_back(self) -> None:
        self.keeper.give_back_idle(demand_of(self.run.standings))

    def agent(self, task: int) -> str:
        return self.run.work(str(task)).agent


def test_a_burst_starts_at_full_width() -> None:
    shared = Shared({"r": 64})
    run = Keeping(10, slots=4, shared=shared)

    assert run.starts() == ("0", "1", "2", "3")
    assert shared.free == {"r": 60}, "no more than the crew has"


def test_what_other_runs_hold_is_not_started_and_is_asked_for_again_after_a_while() -> None:
    shared = Shared({"r": 2})
    run = Keeping(5, slots=4, shared=shared)
    assert run.starts() == ("0", "1")

    shared.free["r"] += 1
    assert run.starts() == (), "not before the time to ask again"
    run.run.passes(RETRY_DENIED_SECONDS)

    assert run.starts() == ("2",)


def test_a_slot_stays_while_there_is_work_for_it_and_goes_back_when_there_is_none() -> None:
    shared = Shared({"r": 2})
    run = Keeping(3, slots=2, shared=shared)
    run.starts()

    run.run.ends("0")
    run.give_back()
    assert shared.free["r"] == 0
    assert run.starts() == ("2",)
    run.run.ends("1")
    run.give_back()
    assert shared.free["r"] == 1
    run.run.ends("2")
    run.keeper.close()

    assert shared.free["r"] == 2


def test_what_other_runs_leave_no_slot_for_is_done_by_a_fallback_within_what_they_leave_of_that() -> None:
    shared = Shared({"r": 1, "s": 1, "t": 5})
    run = Keeping(5, slots=4, shared=shared, helpers={"s": 2, "t": 2})

    started = run.starts()

    assert {task: run.agent(int(task)) for task in started} == {"0": "r-1", "1": "s-1", "2": "t-1", "3": "t-2"}
    assert shared.free == {"r": 0, "s": 0, "t": 3}


def test_a_fallback_is_not_asked_while_the_role_has_slots() -> None:
    shared = Shared({"r": 4, "s": 4})
    run = Keeping(3, slots=3, shared=shared, helpers={"s": 2})

    run.starts()

    assert {run.agent(task) for task in range(3)} == {"r-1", "r-2", "r-3"}
    assert shared.free["s"] == 4
    assert set(shared.asked) == {"r"}


def test_a_slot_of_a_fallback_is_given_back_once_nobody_needs_its_help() -> None:
    shared = Shared({"r": 1, "s": 1})
    run = Keeping(3, slots=1, shared=shared, helpers={"s": 1})
    assert run.starts() == ("0", "1")
    run.run.ends("1")
    run.give_back()
    assert shared.free["s"] == 0, "there is one task more"
    run.starts()
    run.give_back()
    assert [run.agent(task) for task in range(3)] == ["r-1", "s-1", "s-1"]
    run.run.ends("2")
    run.give_back()

    assert shared.free == {"r": 0, "s": 1}


def test_a_task_that_cannot_start_after_all_frees_the_slot_that_was_taken_for_it() -> None:
    """What it needs conflicts with each other: it is put aside until a batch has settled that."""
    plan = """
        tasks:
          - {id: A, run: echo}
          - {id: B, run: echo}
          - {id: C, run: echo, needs: [A, B]}
    """
    shared = Shared({"command": 2})
    run, keeper = played(plan, by_hand=[PrepareStart]), SlotKeeper(shared)
    run.starts(keeper.room(demand_of(run.standings), now=run.now))
    run.ends("A")
    run.ends("B")
    run.starts(keeper.room(demand_of(run.standings), now=run.now))
    keeper.give_back_idle(demand_of(run.standings))
    assert shared.free["command"] == 1, "C has one while it is being prepared"

    run.conflicts("C")
    keeper.give_back_idle(demand_of(run.standings))
    assert shared.free["command"] == 2

    run.starts(keeper.room(demand_of(run.standings), now=run.now))
    run.batch()
    assert demand_of(run.standings).ready == {"command": 1}


def test_a_paused_run_wants_nothing_and_gives_back_what_it_does_not_use() -> None:
    shared = Shared({"r": 4})
    run = Keeping(10, slots=3, shared=shared)
    run.starts()
    run.run.ends("0")
    run.run.pauses()

    assert demand_of(run.run.standings).ready == {}
    assert demand_of(run.run.standings).running == {"r": 2}
    assert run.starts() == ()
    run.give_back()
    assert shared.free["r"] == 2
    run.run.resumes()

    assert run.starts() == ("3",)


def test_a_stopped_run_wants_nothing_either() -> None:
    shared = Shared({"r": 4})
    run = Keeping(10, slots=3, shared=shared)
    run.starts()
    run.run.stops()
    run.run.is_stopped("0")

    run.give_back()

    assert demand_of(run.run.standings).ready == {}
    assert shared.free["r"] == 2
