"""Scheduling instances that others made: PSPLIB projects in the Patterson format, and workflow traces in WfFormat."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plait.plans.schedule.dispatch import Job

DATA = Path(__file__).parent.parent / "data"
ROLE = "worker"


@dataclass(frozen=True, slots=True)
class Instance:
    """A project for the dispatcher: one role that does not bind, resources that do. Times in the file's units."""

    name: str
    jobs: tuple[Job, ...]
    slots: dict[str, int]
    resources: dict[str, int]
    lower_bound: float = 0.0
    """Proven by others."""
    best_known: float = 0.0
    """The shortest makespan that anybody has found."""

    @property
    def family(self) -> str:
        """`j30`, `j60`, `j90` or `j120`."""
        return self.name.partition("_")[0]


def psplib_instances(folder: Path = DATA / "psplib") -> list[Instance]:
    """All 48, smallest first."""
    with (folder / "best.csv").open(encoding="utf-8", newline="") as file:
        best = {row["instance"]: row for row in csv.DictReader(file)}
    found = [read_patterson(path, best[path.name]) for path in folder.glob("*.rcp")]
    return sorted(found, key=lambda instance: (len(instance.jobs), instance.name))


def read_patterson(path: Path, best: Mapping[str, str]) -> Instance:
    """Jobs j1 … jn and resources r1 … of a `.rcp` file; successors in the file are needs here."""
    numbers = iter([int(word) for word in path.read_text(encoding="ascii").split()])
    count, kinds = next(numbers), next(numbers)
    resources = {f"r{kind}": next(numbers) for kind in range(1, kinds + 1)}
    seconds: list[float] = []
    uses: list[dict[str, int]] = []
    needs: list[list[tuple[str, ...]]] = [[] for _ in range(count)]
    for job in range(1, count + 1):
        seconds.append(float(next(numbers)))
        uses.append({name: units for name in resources if (units := next(numbers))})
        for _ in range(next(numbers)):
            needs[next(numbers) - 1].append((f"j{job}",))
    jobs = tuple(Job(f"j{job + 1}", ROLE, seconds[job], tuple(needs[job]), uses=uses[job]) for job in range(count))
    lower, upper = float(best["lower_bound"]), float(best["best_known"])
    return Instance(path.stem, jobs, {ROLE: count}, resources, lower, upper)


def workflow_traces(folder: Path = DATA / "workflows") -> dict[str, tuple[Job, ...]]:
    """By name of the trace, its tasks with measured run times in seconds; all of one role."""
    return {path.stem: read_trace(path) for path in sorted(folder.glob("*.json"))}


def read_trace(path: Path) -> tuple[Job, ...]:
    """The tasks of a WfFormat 1.5 file."""
    workflow = json.loads(path.read_text(encoding="utf-8"))["workflow"]
    seconds = {task["id"]: float(task["runtimeInSeconds"]) for task in workflow["execution"]["tasks"]}
    return tuple(
        Job(task["id"], ROLE, seconds[task["id"]], tuple((parent,) for parent in task["parents"]))
        for task in workflow["specification"]["tasks"]
    )


def check_schedule(
    jobs: Sequence[Job],
    times: Mapping[str, tuple[float, float]],
    *,
    slots: Mapping[str, int],
    resources: Mapping[str, int],
) -> None:
    """Assert that a schedule does all jobs, in their time, after their needs and within all limits.

    Written from the definition, and shares nothing with the dispatcher.
    """
    assert set(times) == {job.id for job in jobs}
    changes: list[tuple[float, bool, Job]] = []
    for job in jobs:
        start, end = times[job.id]
        assert start >= 0
        assert abs(end - start - job.seconds) < 1e-6, f"{job.id} takes {end - start}"
        assert all(min(times[need][1] for need in group) <= start for group in job.needs), f"{job.id} starts too soon"
        if job.seconds:
            changes += [(start, True, job), (end, False, job)]
    free = {**{("role", name): count for name, count in slots.items()}}
    free |= {("resource", name): count for name, count in resources.items()}
    for moment, begins, job in sorted(changes, key=lambda change: change[:2]):
        sign = -1 if begins else 1
        free["role", job.role] += sign * job.units
        for name, units in job.uses.items():
            free["resource", name] += sign * units
        assert min(free.values()) >= 0, f"too much at once at {moment}"
