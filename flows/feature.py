"""The flow `deliver-feature`: a plan in, a tested feature branch out."""

import re
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from prefect.runtime import flow_run as current_flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field

from plait.flows.delivering import deliver
from plait.flows.inputs.parameters import brief_from_parameters
from plait.flows.inputs.requests import Brief
from plait.flows.running.calling import CALL, Call
from plait.flows.running.session import new_run_id, open_session
from plait.flows.running.watching import Watcher, Watchers
from plait.plans.errors import PlaitError
from plait.plans.tasks.outcomes import FeatureOutcome, RunState

WIDEST = 512
"""Threads for agents and integrations: more than any crew's slots together; what is not needed is never started."""


class DeliverOptions(BaseModel):
    """How to run the plan, where the plan does not say it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str = Field(
        default="",
        title="Base branch",
        description="Branch that the feature starts from. Empty: the plan's, else the one that the repository is on.",
    )
    only: list[str] = Field(
        default_factory=list, title="Only these tasks", description="Ids of tasks to run. Empty: all."
    )
    fresh: bool = Field(
        default=False, title="Start over", description="Do finished tasks again; what earlier runs made is kept aside."
    )
    improve: float = Field(
        default=0.0,
        ge=0.0,
        le=600.0,
        title="Search for a better order (seconds)",
        description="How long to search first; what is found is used only when simulated runs gain by it.",
    )


def run_name() -> str:
    """What the page calls a run: its feature, as far as the plan's text says it."""
    found = re.search(
        r"^\s*[\"']?feature[\"']?:\s*[\"']?([\w-]+)", str(current_flow_run.parameters.get("plan", "")), re.MULTILINE
    )
    return found[1] if found else "deliver-feature"


@flow(
    name="deliver-feature",
    flow_run_name=run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=WIDEST),  # type: ignore[arg-type]  # invariant in the future's type
    persist_result=False,
)
def deliver_feature(
    plan: str,
    repository: str = "",
    crew: str = "",
    options: DeliverOptions = DeliverOptions(),  # noqa: B008 - frozen, and Prefect's form reads the default from here
) -> State[Any]:
    """
    Carry out a feature plan: agents work in parallel, tested batches land on the feature branch.

    Args:
        plan: The plan as YAML text, or the path of a plan file or folder of task specs inside the repository.
        repository: Name of a Feature Repository block, or the path of a clone on the worker's machine (with a slash).
        crew: Name of an Agent Crew block, or the path of a crew file in the repository. Empty: the default crew.
        options: Base branch, a choice of tasks, starting over.
    """
    call = CALL.get()
    try:
        place, brief = brief_from_parameters(plan, repository, crew, given=call.brief if call else None)
        call = call or _call_of_worker(brief)
        with open_session(
            brief,
            run_id=new_run_id(brief.plan.feature),
            repository=place,
            base=options.base or None,
            only=tuple(options.only),
            fresh=options.fresh,
            stop=call.stop,
            watchers=Watchers([call.watcher]),
        ) as session:
            outcome = deliver(
                session, call, flow_run=current_flow_run.id, deployed=deployment.id is not None, improve=options.improve
            )
    except PlaitError as problem:
        if call is not None:
            call.trouble = problem
        return Failed(message=_paragraph(problem))
    except Exception as problem:
        if call is not None:
            call.trouble = problem
        raise
    return _state_of(outcome)


def _call_of_worker(brief: Brief) -> Call:
    """Nobody watches but the page: what a terminal would show goes to the run's log there."""
    return Call(brief, watcher=_RunLog())


class _RunLog(Watcher):
    """Says everything in the log of the flow run."""

    def __init__(self) -> None:
        self._say = get_run_logger().info

    def noted(self, text: str) -> None:
        self._say(text)

    def told(self, text: str) -> None:
        self._say(text)


def _paragraph(problem: PlaitError) -> str:
    """A problem as the page shows it: a readable reason, not a traceback."""
    return f"{problem}\nHint: {problem.hint}" if problem.hint else str(problem)


def _state_of(outcome: FeatureOutcome) -> State[Any]:
    """The final state, said truthfully: a flow that returns nothing is Completed even when its tasks failed."""
    single = outcome.singly()
    message = f"{len(single.landed)} of {len(single.tasks)} tasks landed on {outcome.branch}"
    if outcome.reason:
        message += f"; {outcome.reason}"
    match outcome.state:
        case RunState.COMPLETED:
            return Completed(message=message)
        case RunState.PARTIAL:
            return Completed(name="PartialSuccess", message=message)
        case RunState.CANCELLED:
            return Cancelled(message=message)
        case _:
            return Failed(message=message)
