"""The dispatcher starts the most urgent first, and knows what an end, a failure or a repair makes of the rest."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.errors import CallError
from plait.plans.schedule.dispatch import Blocked, Dispatcher, Job, Start
from plait.plans.tasks.states import TaskState
from tests.support.drawn import RESOURCES, SLOTS


def job(name: str, *needs: str, role: str = "backend", seconds: float = 60, priority: int = 3) -> Job:
    return Job(name, role, seconds, tuple((need,) for need in needs), priority)


def names(starts: list[Start]) -> list[str]:
    return [start.job.id for start in starts]


def test_the_most_urgent_starts_first() -> None:
    plan = [job("short", seconds=10), job("long", seconds=90), job("root", seconds=10), job("leaf", "root", seconds=90)]
    dispatcher = Dispatcher(plan, slots={"backend": 1})
    assert dispatcher.ready == ("root", "short", "long")
    assert names(dispatcher.start(0)) == ["root"]


def test_in_a_large_pool_the_own_duration_counts() -> None:
    plan = [job("short", seconds=10), job("long", seconds=90), job("middle", seconds=50)]
    assert Dispatcher(plan, slots={"backend": 2}).ready == ("long", "middle", "short")


def test_a_priority_class_comes_before_urgency() -> None:
    plan = [job("root"), job("leaf", "root"), job("hotfix", priority=1)]
    assert Dispatcher(plan, slots={"backend": 1}).ready == ("hotfix", "root")


def test_an_order_from_outside_replaces_urgency() -> None:
    plan = [job("a"), job("b"), job("c")]
    assert Dispatcher(plan, slots={"backend": 1}, urgency={"a": 1, "b": 3, "c": 2}).ready == ("b", "c", "a")


def test_agents_are_numbered_and_freed() -> None:
    dispatcher = Dispatcher([job("a"), job("b"), job("c")], slots={"backend": 2})
    assert [start.instance for start in dispatcher.start(0)] == [1, 2]
    dispatcher.finish("b", now=5, ok=True)
    assert [(start.job.id, start.instance) for start in dispatcher.start(5)] == [("c", 2)]


def test_a_closed_role_waits_and_the_others_go_on() -> None:
    dispatcher = Dispatcher([job("a"), job("b", role="qa")], slots={"backend": 1, "qa": 1})
    assert names(dispatcher.start(0, closed={"backend"})) == ["b"]
    assert dispatcher.ready_roles == {"backend": 1}
    assert not dispatcher.is_over
    assert names(dispatcher.start(1)) == ["a"]


def test_a_job_whose_resource_is_taken_does_not_stop_others() -> None:
    plan = [Job("a", "qa", 9, uses={"db": 1}), Job("b", "qa", 8, uses={"db": 1}), Job("c", "qa", 1)]
    dispatcher = Dispatcher(plan, slots={"qa": 2}, resources={"db": 1})
    assert names(dispatcher.start(0)) == ["a", "c"]
    dispatcher.finish("c", now=1, ok=True)
    assert dispatcher.start(1) == []
    dispatcher.finish("a", now=9, ok=True)
    assert names(dispatcher.start(9)) == ["b"]


def test_a_failure_blocks_all_behind_it_and_names_itself() -> None:
    dispatcher = Dispatcher([job("a"), job("c", "b"), job("b", "a"), job("d")], slots={"backend": 2})
    dispatcher.start(0)
    assert dispatcher.finish("a", now=1, ok=False) == [Blocked("b", by="a"), Blocked("c", by="a")]
    assert dispatcher.blocked == (Blocked("b", by="a"), Blocked("c", by="a"))
    assert not dispatcher.is_over


def test_an_alternative_is_blocked_only_when_all_have_failed() -> None:
    plan = [job("a"), job("b"), Job("c", "backend", 1, (("a", "b"),))]
    dispatcher = Dispatcher(plan, slots={"backend": 2})
    dispatcher.start(0)
    assert dispatcher.finish("a", now=1, ok=False) == []
    assert dispatcher.finish("b", now=2, ok=False) == [Blocked("c", by="b")]
    assert dispatcher.is_over


def test_the_first_alternative_to_succeed_frees_the_job() -> None:
    plan = [job("a"), job("b"), Job("c", "qa", 1, (("a", "b"),))]
    dispatcher = Dispatcher(plan, slots={"backend": 2, "qa": 1})
    dispatcher.start(0)
    dispatcher.finish("b", now=1, ok=True)
    assert names(dispatcher.start(1)) == ["c"]


def test_a_repair_gates_what_has_not_started_even_behind_work_that_is_done() -> None:
    plan = [job("a"), job("b", "a"), job("c", "b"), job("d", "a")]
    dispatcher = Dispatcher(plan, slots={"backend": 1}, urgency={"a": 9, "b": 8, "c": 7, "d": 1})
    for task in ("a", "b"):
        assert names(dispatcher.start(0)) == [task]
        dispatcher.finish(task, now=1, ok=True)
    dispatcher.reopen("a", now=2)
    assert dispatcher.ready == ("a",)
    assert dispatcher.state_of("b") == TaskState.DONE
    assert names(dispatcher.start(2)) == ["a"]
    dispatcher.finish("a", now=3, ok=True)
    assert list(dispatcher.ready) == ["c", "d"]


def test_a_repair_that_fails_for_good_blocks_what_was_built_on_it() -> None:
    dispatcher = Dispatcher([job("a"), job("b", "a"), job("c", "b")], slots={"backend": 1})
    for task in ("a", "b"):
        dispatcher.start(0)
        dispatcher.finish(task, now=1, ok=True)
    dispatcher.reopen("a", now=2)
    dispatcher.start(2)
    assert dispatcher.finish("a", now=3, ok=False) == [Blocked("c", by="a")]
    assert dispatcher.reopen("b", now=4) == [Blocked("b", by="a")]


def test_what_was_cancelled_is_not_opened_again() -> None:
    dispatcher = Dispatcher([job("a")], slots={"backend": 1})
    dispatcher.cancel_all()
    assert dispatcher.reopen("a", now=1) == []
    assert (dispatcher.state_of("a"), dispatcher.start(2)) == (TaskState.CANCELLED, [])


def test_two_repairs_gate_what_was_built_on_both_until_both_are_done() -> None:
    plan = [job("a"), job("b"), job("both", "a", "b"), job("last", "both")]
    dispatcher = Dispatcher(plan, slots={"backend": 2}, urgency={"a": 4, "b": 3, "both": 2, "last": 1})
    for tasks in (["a", "b"], ["both"]):
        assert names(dispatcher.start(0)) == tasks
        for task in tasks:
            dispatcher.finish(task, now=1, ok=True)
    for task in ("a", "b"):
        dispatcher.reopen(task, now=2)
    assert names(dispatcher.start(2)) == ["a", "b"]
    dispatcher.finish("a", now=3, ok=True)
    assert dispatcher.start(3) == []
    dispatcher.finish("b", now=3, ok=True)
    assert names(dispatcher.start(3)) == ["last"]


def test_what_was_lost_and_then_fails_itself_counts_once_among_alternatives() -> None:
    plan = [job("a"), job("b", "a"), job("c"), Job("either", "backend", 1, (("b", "c"),))]
    dispatcher = Dispatcher(plan, slots={"backend": 1}, urgency={"a": 9, "b": 8, "c": 1, "either": 0})
    dispatcher.start(0)
    dispatcher.finish("a", now=1, ok=True)
    dispatcher.start(1)
    dispatcher.reopen("a", now=2)
    dispatcher.hold("a")
    dispatcher.settle("a", now=2, ok=False)
    assert dispatcher.finish("b", now=3, ok=False) == []
    assert dispatcher.ready == ("c",)
    assert dispatcher.state_of("either") == TaskState.PENDING


def test_a_closed_role_with_resources_starts_once_it_is_open() -> None:
    dispatcher = Dispatcher([Job("a", "qa", 1, uses={"db": 1})], slots={"qa": 1}, resources={"db": 1})
    assert dispatcher.start(0, closed={"qa"}) == []
    assert names(dispatcher.start(1)) == ["a"]


def test_finished_work_of_an_earlier_run_is_settled_in_any_order() -> None:
    dispatcher = Dispatcher([job("a"), job("b", "a"), job("c", "b")], slots={"backend": 1})
    dispatcher.settle("b", now=0)
    assert dispatcher.ready == ("a",)
    dispatcher.settle("a", now=0)
    assert names(dispatcher.start(0)) == ["c"]


def test_a_copy_goes_on_by_itself() -> None:
    plan = [Job("a", "qa", 1, uses={"db": 1}, units=2), Job("b", "qa", 1, priority=4)]
    dispatcher = Dispatcher(plan, slots={"qa": 3}, resources={"db": 1}, aging=10.0)
    twin = dispatcher.copy()
    assert names(twin.start(0)) == ["a", "b"]
    assert twin.finish("a", now=1, ok=False) == []
    assert dispatcher.ready == ("a", "b")
    assert [(start.job.id, start.instance) for start in dispatcher.start(99)] == [("a", 1), ("b", 3)]


def test_after_cancelling_nothing_starts_and_a_killed_job_is_cancelled() -> None:
    dispatcher = Dispatcher([job("a"), job("b"), job("c")], slots={"backend": 2})
    dispatcher.start(0)
    assert dispatcher.cancel_all() == ("a", "b")
    dispatcher.finish("a", now=1, ok=False)
    dispatcher.finish("b", now=1, ok=True)
    assert dispatcher.start(1) == []
    assert dispatcher.is_over
    assert dispatcher.counts == {TaskState.DONE: 1, TaskState.CANCELLED: 2}


def test_a_lost_slot_sends_the_job_back() -> None:
    dispatcher = Dispatcher([job("a"), job("b")], slots={"backend": 1})
    dispatcher.start(0)
    dispatcher.requeue("a", now=1)
    assert dispatcher.start(1, closed={"backend"}) == []
    assert names(dispatcher.start(2)) == ["a"]


@pytest.mark.parametrize(("priority", "overtaken_until"), [(3, 200.0), (5, 400.0)])
def test_a_low_job_is_passed_over_for_a_bounded_time(priority: int, overtaken_until: float) -> None:
    urgent = [job(f"u{number}", seconds=10, priority=2) for number in range(100)]
    dispatcher = Dispatcher([*urgent, job("low", seconds=10, priority=priority)], slots={"backend": 1}, aging=100.0)
    now = 0.0
    while (task := names(dispatcher.start(now))[0]) != "low":
        now += 10
        dispatcher.finish(task, now=now, ok=True)
    assert now == overtaken_until


def test_requeued_work_keeps_the_time_it_has_waited() -> None:
    urgent = [job(f"u{number}", seconds=10, priority=1) for number in range(100)]
    dispatcher = Dispatcher([*urgent, job("low", priority=2)], slots={"backend": 1}, aging=50.0)
    dispatcher.start(0, closed={"backend"})
    assert names(dispatcher.start(100)) == ["low"]
    dispatcher.requeue("low", now=101)
    assert names(dispatcher.start(101)) == ["low"]


def test_waiting_changes_nothing_in_a_plan_of_one_class() -> None:
    dispatcher = Dispatcher([job("less", seconds=1), job("more", seconds=99)], slots={"backend": 2}, aging=1.0)
    dispatcher.start(0, closed={"backend"})
    assert names(dispatcher.start(1e9)) == ["more", "less"]


@pytest.mark.parametrize(
    ("impossible", "message"),
    [
        (Job("a", "designer", 1), "takes 1 of role 'designer', which has 0 slots"),
        (Job("a", "qa", 1, units=4), "takes 4 of role 'qa', which has 3 slots"),
        (Job("a", "qa", 1, uses={"database": 3}), "uses 3 of resource 'database', of which there are 2"),
        (Job("a", "qa", 1, needs=(("a",),)), "a needs a"),
    ],
)
def test_a_job_that_could_never_start_is_refused(impossible: Job, message: str) -> None:
    with pytest.raises(CallError, match=message):
        Dispatcher([impossible], slots=SLOTS, resources=RESOURCES)


def test_a_call_that_the_state_does_not_allow_is_refused() -> None:
    dispatcher = Dispatcher([job("a")], slots={"backend": 1})
    with pytest.raises(ValueError, match="job 'a' is ready, not running"):
        dispatcher.finish("a", now=0, ok=True)


@settings(max_examples=200, deadline=None)
@given(
    needs=st.lists(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=2), max_size=2), min_size=2, max_size=7),
    failing=st.sets(st.integers(0, 6), min_size=1, max_size=4),
    which=st.integers(0, 3),
)
def test_a_job_that_is_revived_is_as_one_that_never_failed(
    needs: list[list[list[int]]], failing: set[int], which: int
) -> None:
    """Whoever else has failed has still failed, and what is lost to them is still lost."""

    def played(failed: list[str]) -> Dispatcher:
        jobs = [
            Job(
                id=f"J{number}",
                role="r",
                seconds=1.0,
                needs=tuple(tuple(f"J{need}" for need in group if need < number) for group in groups),
            )
            for number, groups in enumerate(needs)
        ]
        jobs = [replace(job, needs=tuple(group for group in job.needs if group)) for job in jobs]
        dispatcher = Dispatcher(jobs, slots={"r": 2})
        for job in failed:
            dispatcher.settle(job, now=0.0, ok=False)
        return dispatcher

    names = [f"J{number}" for number in sorted(failing) if number < len(needs)]
    if not names:
        return
    revived = names[which % len(names)]
    dispatcher = played(names)

    dispatcher.revive(revived, now=0.0)

    other = played([name for name in names if name != revived])
    ids = [f"J{number}" for number in range(len(needs))]
    assert [dispatcher.state_of(job) for job in ids] == [other.state_of(job) for job in ids]
    assert [dispatcher.lost_to(job) is None for job in ids] == [other.lost_to(job) is None for job in ids]
    assert [start.job.id for start in dispatcher.start(0.0)] == [start.job.id for start in other.start(0.0)]
