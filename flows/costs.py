"""What a brief's agents will probably cost, by the history of its repository and the list of prices."""

from collections.abc import Collection, Iterator
from pathlib import Path

from plait.advice.forecasts.costing import SAMPLES, CostedTask, CostForecast, forecast_cost
from plait.flows.inputs.requests import Brief
from plait.flows.past_durations import task_records_of
from plait.plans.language.crew import Crew
from plait.plans.tasks.expansion import PlannedTask


def costs_of(
    brief: Brief, *, repository: Path, chosen: Collection[str] = (), seed: int = 0, samples: int = SAMPLES
) -> CostForecast:
    """The cost of the chosen tasks (all, when none are named), of bundles member by member.

    Raises:
        CallError: `prices.yaml` in PLAIT_HOME cannot be used.
    """
    from plait.door.price_files import load_prices
    from plait.workspace.home import home_path

    wanted = frozenset(chosen)
    planned = [task for task in brief.expansion.tasks if not wanted or task.id in wanted]
    tasks = tuple(costed for task in planned for costed in _costed(task, brief.crew))
    return forecast_cost(tasks, task_records_of(repository), load_prices(home_path()), seed=seed, samples=samples)


def _costed(task: PlannedTask, crew: Crew) -> Iterator[CostedTask]:
    for member in task.members or (task,):
        if member.task.is_for_agent:
            complexity = member.task.complexity
            yield CostedTask(member.id, member.role, complexity, crew.role(member.role).model_for(complexity))
