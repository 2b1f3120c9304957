"""What a run makes of base that is taken in: first of all, and what does not fit it gives way."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from plait.plans.journal.effects import MarkTask, PrepareStart, StartWork
from plait.plans.journal.events import BaseSeen, TipMoved
from plait.plans.journal.manifest import EarlierWork, Refresh
from plait.plans.run.base_events import start_of
from plait.plans.tasks.base_standing import BaseStanding, base_words
from plait.plans.tasks.outcomes import BatchState
from tests.plans.run.played import AT_ONCE, Played, manifest_from, rework

PLAN = """
    crew: {roles: {one: {slots: 2}}}
    tasks:
      - {id: refresh, role: one, prompt: take base in}
      - {id: A, role: one, prompt: a}
      - {id: B, role: one, prompt: b, needs: [A]}
"""


def refreshing(
    *, by_agent: bool = True, done: tuple[str, ...] = (), by_hand: Collection[type] = (), **changes: Any
) -> Played:
    """A run that takes base in, with tasks that are finished and have not landed."""
    manifest = manifest_from(PLAN, **AT_ONCE)
    earlier = {task: EarlierWork(f"{task}-0", landed=False) for task in done}
    tasks = tuple(replace(task, merge_priority=1) if task.id == "refresh" else task for task in manifest.tasks)
    return Played(
        replace(
            manifest,
            tasks=tasks,
            tip="tip-0",
            earlier={"refresh": EarlierWork("main-2", landed=False), **earlier},
            refresh=Refresh("refresh", "main-2", "main", "main-2", by_agent=by_agent),
            **changes,
        ),
        by_hand=by_hand,
    )


def test_nothing_starts_before_it_is_known_if_base_fits_and_then_from_the_new_one() -> None:
    run = refreshing()
    assert run.starts() == ()
    assert run.in_batch == ("refresh",)
    run.batch()
    assert run.state("refresh") == "landed"
    assert run.starts() == ("A",)
    assert run.work("A").start == "main-2"


def test_what_is_finished_is_in_its_batch_behind_it_and_its_own_commits_are_nobody_s_change() -> None:
    run = refreshing(done=("A",))
    run.starts()
    first, second = run.in_work.branches
    assert (first.task, first.tip, first.is_base, first.grounds) == ("refresh", "main-2", True, ("main-2",))
    assert (second.task, second.is_base) == ("A", False)
    assert not run.orders(MarkTask) or all(mark.task != "refresh" for mark in run.orders(MarkTask))


def test_base_that_does_not_fit_goes_to_an_agent_and_others_start_meanwhile_from_the_old_one() -> None:
    run = refreshing()
    run.starts()
    run.batch(rejected=[rework("refresh", "conflict", files=("conf",))])
    assert {*run.starts()} == {"refresh", "A"}
    assert run.work("A").start == "base"
    order = run.work("refresh").repair
    assert order is not None
    assert (order.rejected, order.onto, order.files) == ("main-2", "tip-0", ("conf",))
    run.ends("refresh", commit="mended")
    run.starts()
    assert run.in_work.branches[0].grounds == ("main-2",)
    run.batch()
    run.ends("A")
    run.starts()
    assert start_of(run.standings) == "main-2"


def test_where_no_agent_can_mend_it_base_is_held_and_the_rest_goes_on() -> None:
    run = refreshing(by_agent=False)
    run.starts()
    run.batch(rejected=[rework("refresh")])
    assert run.state("refresh") == "held"
    assert run.starts() == ("A",)
    assert run.work("A").start == "base"


def test_a_broken_integration_keeps_nobody_from_starting() -> None:
    run = refreshing()
    run.starts()
    run.batch_says(BatchState.INFRASTRUCTURE, reason="the disk is full")
    assert run.starts() == ("A",)


def test_a_start_in_preparation_waits_again_when_a_person_takes_base_off_the_branch_meanwhile() -> None:
    run = refreshing(by_hand=[PrepareStart])
    run.starts()
    run.batch()
    run.starts()
    run.ends("A")
    run.starts()
    run.hear(TipMoved("tip-0", lost=("refresh",), by_somebody=True))
    run.is_prepared("B")

    assert [effect.task for effect in run.orders(StartWork)] == ["A"]
    assert run.state("B") == "ready"


def test_what_a_person_mended_is_looked_at_before_anything_starts() -> None:
    run = refreshing(repaired={"refresh": "mended"})
    assert run.starts() == ()
    run.repair_counts("refresh")
    assert run.starts() == ()
    assert run.in_work.branches[0].grounds == ("main-2",)
    run.batch()
    assert run.starts() == ("A",)


def test_how_base_stands_is_told_of_a_run_also_once_it_is_over() -> None:
    run = refreshing(standing=BaseStanding(name="main", course="behind", behind=2))
    assert run.outcome.base is not None
    assert (run.outcome.base.behind, run.outcome.base.refresh) == (2, "refresh")
    run.stops()
    run.closes()
    run.hear(BaseSeen(BaseStanding(name="main", course="landed")))
    assert run.outcome.base is not None
    assert run.outcome.base.course == "landed"


def test_base_that_moves_on_again_once_it_was_taken_in_is_told_with_what_takes_it_in() -> None:
    run = refreshing()
    behind = BaseStanding(name="main", course="behind", behind=1)
    run.hear(BaseSeen(behind))
    assert "--refresh" not in base_words(run.outcome.base)  # it is just being tried
    run.starts()
    run.batch()
    run.hear(BaseSeen(behind))
    assert run.outcome.base is not None
    assert run.outcome.base.took_in
    assert "--refresh" in base_words(run.outcome.base)
