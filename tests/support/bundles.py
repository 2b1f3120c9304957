"""Bursts of small tasks, drawn and by hand, and what is decided of them."""

from typing import Any

from hypothesis import strategies as st

from plait.advice.forecasts.bundle_search import ChosenBundles, choose_bundles
from plait.plans.language.crew import Crew, merge_crews
from plait.plans.language.model import Plan
from plait.plans.schedule.jobs import Job
from plait.plans.tasks.bundling import (
    Burst,
    bundle_name,
    bundle_of,
    bursts_of,
    parted_by_needers,
    with_bundles,
)
from plait.plans.tasks.expansion import Expansion, expand

MINUTE = 60.0
CREW = merge_crews(Crew.model_validate({"qa": {"slots": 2, "start_up": "10m"}, "backend": {"slots": 1}}))
SMALL = {"role": "qa", "prompt": "Label it.", "duration": "15m", "owns": ["ui/x.py"]}


def expanded(*tasks: dict[str, Any], crew: Crew = CREW, **keys: Any) -> Expansion:
    return expand(Plan.model_validate({"feature": "f", "tasks": tasks} | keys), crew)


def burst(**keys: Any) -> list[dict[str, Any]]:
    return [{**SMALL, "id": f"t{number}", "owns": [f"ui/{number}.py"], **keys} for number in range(1, 5)]


def jobs_of(expansion: Expansion) -> list[Job]:
    return [
        Job(task.id, task.role, task.seconds, task.waits_for, priority=task.task.priority) for task in expansion.tasks
    ]


def schemes_of(expansion: Expansion, crew: Crew = CREW) -> tuple[tuple[Burst, ...], ...]:
    bursts = bursts_of(expansion, crew)
    return bursts, parted_by_needers(bursts, expansion.tasks)


def shared(expansion: Expansion, *, slots: dict[str, int], crew: Crew = CREW) -> tuple[ChosenBundles, Expansion]:
    """What is decided, and the plan that comes of it."""
    chosen = choose_bundles(jobs_of(expansion), schemes_of(expansion, crew), slots=slots)
    return chosen, bundled(expansion, chosen)


def bundled(expansion: Expansion, chosen: ChosenBundles) -> Expansion:
    tasks, taken, bundles = {task.id: task for task in expansion.tasks}, {task.id for task in expansion.tasks}, []
    for part in chosen.bundles:
        members = [tasks[task] for task in part.tasks]
        bundles.append(bundle_of(members, CREW, name=bundle_name(members, taken)))
        taken.add(bundles[-1].id)
    return with_bundles(expansion, bundles)


def ids(tasks: Any) -> list[str]:
    return [task.id for task in tasks]


@st.composite
def plans(draw: st.DrawFn) -> Expansion:
    """Bursts of small tasks among others, with needs among all of them."""
    tasks = []
    for number in range(draw(st.integers(2, 12))):
        earlier = [f"t{other}" for other in range(number)]
        needs = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
        tasks.append(
            {
                "id": f"t{number}",
                "role": draw(st.sampled_from(["qa", "qa", "qa", "backend"])),
                "prompt": f"Do {number}.",
                "needs": needs if draw(st.booleans()) else [],
                "duration": draw(st.sampled_from(["5m", "12m", "15m", "30m", "2h"])),
                "complexity": draw(st.sampled_from(["simple", "moderate"])),
                "priority": draw(st.sampled_from([3, 3, 2])),
                "owns": [f"{draw(st.sampled_from(['ui', 'api']))}/{number}.py"],
                "bundle": draw(st.sampled_from([True, True, True, False])),
            }
        )
    return expanded(*tasks)


SLOTS = st.fixed_dictionaries({"qa": st.integers(1, 3), "backend": st.integers(1, 2)})
