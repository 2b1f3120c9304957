"""What is heard twice, or too late, changes nothing: reports may come from other machines."""

from collections.abc import Callable

import pytest

from plait.plans.journal.effects import Effect, PrepareStart, PutBranchAside
from plait.plans.journal.events import BranchPutAside, Event, Tick, WorkDone, WorkEnded
from plait.plans.journal.manifest import EarlierWork
from plait.plans.run.standings import Standings
from tests.plans.run.played import AT_ONCE, Played, manifest_from, played, rework

PLAN = """
    crew: {designer: {backend: claude}}
    contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
    tasks:
      - {id: OLD, run: echo}
      - {id: A, role: designer, prompt: x}
      - {id: B, run: echo, needs: [{contract: api}]}
      - {id: C, run: echo, needs: [B, OLD]}
      - {id: D, run: echo, needs: [{task: C, kind: information}]}
"""


def seen(run: Standings) -> tuple[object, ...]:
    """All that one can see of a run."""
    return (
        dict(run.tasks),
        dict(run.contracts),
        dict(run.in_work),
        dict(run.explaining),
        dict(run.mending),
        run.batches,
        run.approvals,
        run.tip,
        run.trouble,
        run.paused_at,
        run.stopping,
        run.closed,
        {task: run.dispatcher.state_of(task) for task in run.tasks},
    )


class Stammering(Played):
    """Hears everything twice."""

    def hear(self, event: Event) -> list[Effect]:
        effects = self.run.hear(event, self.now)
        before = seen(self.standings)
        assert self.run.hear(event, self.now) == (), f"{event} orders something again"
        assert seen(self.standings) == before, f"{event} changes something again"
        self.heard.append((self.now, event))
        self.effects += effects
        ordered = list(effects)
        for effect in effects:
            if isinstance(effect, tuple(self.by_hand)):
                self.pending.append(effect)
            elif (answer := self._answer(effect)) is not None:
                ordered += self.hear(answer)
        return ordered


def approved(run: Played) -> None:
    run.approves("api")
    run.starts()
    run.ends("B")
    run.starts()
    run.batch(rejected=[rework("A")], held={"B": "A"})
    run.starts()
    run.ends("A", wrote="two")
    run.approves("api")
    run.starts()
    run.is_put_aside("B")
    run.starts()


def rejected(run: Played) -> None:
    run.rejects("api")
    run.pauses()
    run.resumes()
    run.starts()
    run.fails("A")


def conflicting(run: Played) -> None:
    run.approves("api")
    run.starts()
    run.ends("B")
    run.by_hand = [PrepareStart]
    run.batch()
    run.starts()
    run.conflicts("C")
    run.starts()


@pytest.mark.parametrize("goes_on", [approved, rejected, conflicting])
def test_an_event_that_comes_twice_changes_nothing(goes_on: Callable[[Played], None]) -> None:
    manifest = manifest_from(PLAN, earlier={"OLD": EarlierWork("old", landed=False)}, **AT_ONCE)
    run = Stammering(manifest, by_hand=[PutBranchAside])
    run.starts()
    run.ends("A")
    run.starts()
    run.batch()

    goes_on(run)
    run.stops()
    run.closes()

    assert run.standings.closed
    assert run.hear(Tick()) == []


def test_the_end_of_an_earlier_start_is_not_taken_for_that_of_a_repair() -> None:
    run = played("tasks: [{id: A, run: echo}]", **AT_ONCE)
    run.starts()
    first = WorkEnded("A", WorkDone("A-1", 1), tries=1, number=1)
    run.hear(first)
    run.starts()
    run.batch(rejected=[rework("A")])
    run.starts()
    run.hear(first)

    assert run.state("A") == "running"
    run.ends("A")
    assert run.standing("A").commit == "A-2"


def test_what_was_put_aside_before_is_not_taken_for_what_is_being_put_aside() -> None:
    run = played("tasks: [{id: A, run: echo}]", by_hand=[PutBranchAside], **AT_ONCE)
    run.starts()
    run.ends("A")
    run.standings.dispatcher.reopen("A", now=run.now)
    run.standings.put_aside("A", restore=False)
    (order,) = run.standings.take_effects()
    assert isinstance(order, PutBranchAside)

    run.hear(BranchPutAside("A", order.number + 1))
    assert run.waits("A") == ["aside"]
    run.hear(BranchPutAside("A", order.number))
    assert run.waits("A") == []


def test_what_is_heard_of_tasks_that_the_run_does_not_have_changes_nothing() -> None:
    run = Played(manifest_from(PLAN))
    before = seen(run.standings)

    for event in [event for _, event in stories()]:
        assert run.run.hear(event, run.now) == ()

    assert seen(run.standings) == before


def stories() -> list[tuple[float, Event]]:
    """What a run of another plan heard of its tasks."""
    other = Played(manifest_from("tasks: [{id: X, run: echo}, {id: Y, run: echo, needs: [X]}]", **AT_ONCE))
    other.starts()
    other.ends("X")
    other.starts()
    other.batch()
    other.fails("Y")
    return [(at, event) for at, event in other.heard if event.kind not in ("begin", "tick")]
