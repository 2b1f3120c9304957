"""Schedules of 48 PSPLIB projects and four workflow traces: the rule, the searched order, and how fast runs are played.

Run it with `python -m benchmarks.schedule [SECONDS]`, the seconds of search for each.
"""

import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean

from benchmarks.measuring import numbers_given, show
from plait.advice.bounds import lower_bound
from plait.advice.orders.order_search import Improved, improve
from plait.advice.simulation import play, simulate
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.schedule.need_graph import Graph
from tests.support.psplib import ROLE, Instance, check_schedule, psplib_instances, workflow_traces

SLOTS = {"frontend": 3, "backend": 6, "qa": 9}


def main() -> int:
    """Measure, print tables, write JSON."""
    (seconds,) = numbers_given(__doc__, seconds=1.0)
    rows = [psplib_row(instance, seconds) for instance in psplib_instances()]
    show("schedule-psplib", f"PSPLIB, % above the best known; search of {seconds:g} s", [*rows, *means(rows)])
    traces = [
        trace_row(name, jobs, slots, seconds) for name, jobs in workflow_traces().items() for slots in (4, 16, 64)
    ]
    ratios = {column: mean(float(str(row[column])) for row in traces) for column in ("rule", "searched")}
    show("schedule-traces", "Workflow traces, makespan by bound", [*traces, {"trace": "mean", **ratios}])
    show("schedule-speed", "Speed, CPU time, best of five", speeds())
    return 0


def searched(jobs: Sequence[Job], slots: Mapping[str, int], resources: Mapping[str, int], seconds: float) -> Improved:
    """What a search finds, its schedule and the dispatcher's play of its order both checked."""
    found = improve(jobs, slots=slots, resources=resources, seconds=seconds, clock=time.perf_counter)
    check_schedule(jobs, found.schedule, slots=slots, resources=resources)
    times = simulate(Dispatcher(jobs, slots=slots, resources=resources, urgency=found.urgency), {})
    check_schedule(jobs, times, slots=slots, resources=resources)
    if max(end for _, end in times.values()) != found.elapsed:
        raise AssertionError("the dispatcher does not do what the search says")
    return found


def psplib_row(instance: Instance, seconds: float) -> dict[str, object]:
    """One project; asserts that nothing is below the proven bound."""
    found = searched(instance.jobs, instance.slots, instance.resources, seconds)
    if found.schedule_elapsed < instance.lower_bound or found.bound.seconds > instance.best_known:
        raise AssertionError(f"{instance.name}: below the proven bound")

    def gap(end: float) -> float:
        return 100 * (end / instance.best_known - 1)

    return {
        "project": instance.name,
        "best known": round(instance.best_known),
        "rule": gap(found.rule_elapsed),
        "searched, played": gap(found.elapsed),
        "searched, schedule": gap(found.schedule_elapsed),
        "orders tried": found.evaluations,
    }


def means(rows: Sequence[Mapping[str, object]]) -> Iterable[dict[str, object]]:
    """For each size the mean of each column of gaps."""
    for family in ("j30", "j60", "j90", "j120"):
        own = [row for row in rows if str(row["project"]).startswith(f"{family}_")]
        columns = ("rule", "searched, played", "searched, schedule", "orders tried")
        yield {"project": f"mean {family}"} | {
            column: mean(float(str(row[column])) for row in own) for column in columns
        }


def trace_row(name: str, jobs: Sequence[Job], slots: int, seconds: float) -> dict[str, object]:
    """One trace with some slots."""
    found = searched(jobs, {ROLE: slots}, {}, seconds)
    return {
        "trace": name,
        "slots": slots,
        "rule": found.rule_elapsed / found.bound.seconds,
        "searched": found.elapsed / found.bound.seconds,
        "bound": found.bound.kind,
    }


def speeds() -> list[dict[str, object]]:
    """Plans with two needs a task, three roles, 18 slots."""
    thousand, many = plan(1000), plan(10_000)
    dispatcher = Dispatcher(thousand, slots=SLOTS)
    draw = random.Random(1)

    def three_hundred_runs() -> None:
        for _ in range(300):
            play(dispatcher.states.copy(), [job.seconds * draw.lognormvariate(0, 0.6) for job in thousand])

    def one_schedule() -> None:
        play(Dispatcher(many, slots=SLOTS).states, [job.seconds for job in many])

    def analysis() -> None:
        timing = Graph({job.id: job.needs for job in many}).timed({job.id: job.seconds for job in many})
        assert timing.slack
        assert timing.critical_path

    return [
        {"what": "1,000 tasks: 300 drawn and played runs", "s": best_of_five(three_hundred_runs)},
        {"what": "10,000 tasks: layout, states, one schedule", "s": best_of_five(one_schedule)},
        {"what": "10,000 tasks: order, heads, tails, slack, critical path", "s": best_of_five(analysis)},
        {"what": "10,000 tasks: lower bound", "s": best_of_five(lambda: lower_bound(many, SLOTS))},
    ]


def best_of_five(work: Callable[[], object]) -> float:
    """CPU seconds of the quickest of five."""
    taken = []
    for _ in range(5):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def plan(size: int) -> list[Job]:
    """Tasks of a minute to an hour, each needing two of the 300 before it."""
    roles = list(SLOTS)
    return [
        Job(f"t{turn}", roles[turn * 7919 % 3], 60.0 + turn * 104729 % 3600, two_needs(turn)) for turn in range(size)
    ]


def two_needs(turn: int) -> tuple[tuple[str, ...], ...]:
    """The first needs nothing."""
    return tuple({(f"t{turn - 1 - turn * step % min(turn, 300)}",) for step in (31, 173)}) if turn else ()


if __name__ == "__main__":
    sys.exit(main())
