"""How long finished work waits until it has landed, in simulation: the run's own machine, batches in a pipeline or not.

Run it with `python -m benchmarks.pipelining [DRAWS]`. Times are in verifications, all of which take one.
"""

import heapq
import sys
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from statistics import median, quantiles

from benchmarks.measuring import numbers_given, show
from plait.plans.journal.effects import StartBatch, StartWork
from plait.plans.journal.events import BatchDone, BatchEnded, Begin, Event, Tick, WorkDone, WorkEnded
from plait.plans.journal.manifest import Manifest, TaskFacts
from plait.plans.run.machine import Run
from plait.plans.tasks.outcomes import BatchOutcome, BatchState
from plait.plans.tasks.work import BatchReport

TASKS, AGENTS, MEAN = 64, 16, 10.0
GOAL = 1.5
"""Verifications from done to landed, in the median, with two slots."""
RULES: Mapping[str, Mapping[str, float | None]] = {
    "a free slot": {"ready": None, "wait": None},
    "ready 0.8, wait 1": {"ready": 0.8, "wait": 1.0},
    "ready 0.8": {"ready": 0.8, "wait": float("inf")},
}


def main() -> int:
    """Simulate, print the table, write JSON."""
    draws = int(*numbers_given(__doc__, draws=200))
    rows = [row(rule, slots, draws) for rule in RULES for slots in (1, 2, 4)]
    show("pipelining", f"{TASKS} tasks, {AGENTS} agents, a task {MEAN:g} verifications in the mean; goal {GOAL}", rows)
    return 0


def row(rule: str, slots: int, draws: int) -> dict[str, object]:
    """One line of the table."""
    waits: list[float] = []
    batches = 0
    for number in range(draws):
        waited, used = one_run(Random(number), slots=slots, **RULES[rule])
        waits += waited
        batches += used
    deciles = quantiles(waits, n=10)
    return {
        "a batch forms at": rule,
        "slots": slots,
        "median": round(median(waits), 2),
        "nine of ten": round(deciles[8], 2),
        "verifications": round(batches / draws, 1),
    }


def one_run(draw: Random, *, slots: int, ready: float | None, wait: float | None) -> tuple[list[float], int]:
    """The waits from done to landed of one run in which nothing fails, and how many verifications it took.

    A batch is verified from when it forms, on the tip of the one before, and lands when that has and it is green.
    """
    facts = tuple(TaskFacts(f"t{number}", "r", f"t{number}", "", (), MEAN) for number in range(TASKS))
    manifest = Manifest(run="r", feature="f", branch="f", base="0", tasks=facts, slots={"r": AGENTS})
    run = Run(replace(manifest, ready=ready, wait=wait, verifications=slots))
    queue: list[tuple[float, int, Event]] = [(0.0, 0, Begin())]
    done: dict[str, float] = {}
    waits: list[float] = []
    count, last_landing, batches = 1, 0.0, 0
    while queue:
        now, _, event = heapq.heappop(queue)
        if isinstance(event, WorkEnded):
            done[event.task] = now
        if isinstance(event, BatchEnded) and isinstance(event.result, BatchDone):
            waits += [now - done[task] for task in event.result.report.outcome.landed]
        effects = [*run.hear(event, now), *(() if isinstance(event, Tick) else run.hear(Tick(), now))]
        for effect in effects:
            count += 1
            if isinstance(effect, StartWork):
                ended = WorkEnded(effect.task, WorkDone(f"{effect.task}-1", 1), number=effect.number)
                heapq.heappush(queue, (now + draw.expovariate(1 / MEAN), count, ended))
            elif isinstance(effect, StartBatch):
                batches += 1
                last_landing = max(now + 1.0, last_landing)
                landed = tuple(branch.task for branch in effect.order.branches)
                outcome = BatchOutcome(id=effect.order.id, state=BatchState.LANDED, landed=landed)
                report = BatchReport(outcome, tip=effect.order.id)
                heapq.heappush(queue, (last_landing, count, BatchEnded(effect.order.id, BatchDone(report))))
        if run.wakes_at is not None and run.wakes_at > now:
            count += 1
            heapq.heappush(queue, (run.wakes_at, count, Tick()))
    return waits, batches


if __name__ == "__main__":
    sys.exit(main())
