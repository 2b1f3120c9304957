"""The flow `deliver-feature`: a plan in, a tested feature branch out."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import CancelledRun, FailedRun
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from prefect.runtime import flow_run as current_flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field

from plait.flows.delivering import deliver
from plait.flows.inputs.editions import killed_edition, named_edition
from plait.flows.inputs.parameters import brief_from_parameters, feature_as_written, store_address
from plait.flows.inputs.requests import Brief, landing
from plait.flows.inputs.run_names import is_generated
from plait.flows.past_durations import history_in
from plait.flows.recording.told_failures import ToldFailure, paragraph, put_on_page, tell_failures_once
from plait.flows.running.calling import CALL, Call
from plait.flows.running.session import new_run_id, open_session
from plait.flows.running.startable import require_startable
from plait.flows.running.suspension import undo_suspension
from plait.flows.running.trial import try_out
from plait.flows.running.watching import Watcher, Watchers
from plait.flows.runs import runs_around
from plait.flows.servers.schedules import wanted_day
from plait.plans.errors import PlaitError
from plait.plans.language.editions import Edition
from plait.plans.tasks.outcomes import FeatureOutcome, RunState
from plait.show.base_lines import base_lines
from plait.show.outcome_json import outcome_record
from plait.show.unlanded import headline
from plait.workspace.home import plait_home

WIDEST = 512
"""Threads for agents and integrations: more than any crew's slots together; what is not needed is never started."""


class DeliverOptions(BaseModel):
    """How to run the plan, where the plan does not say it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str = Field(
        default="",
        title="Base",
        description="What the feature starts from: a branch, a fetched one as origin/main, a tag or a commit. Empty: "
        "the plan's, else that of the repository's block, else the branch checked out.",
    )
    only: list[str] = Field(
        default_factory=list, title="Only these tasks", description="Ids of tasks to run. Empty: all."
    )
    fresh: bool = Field(
        default=False, title="Start over", description="Do finished tasks again; what earlier runs made is kept aside."
    )
    refresh: bool = Field(
        default=False,
        title="Take base in",
        description="Merge what base has by now into the feature first, verified; later tasks start from there.",
    )
    edition: str = Field(
        default="",
        title="Edition",
        description="The day that {date} in the feature's name stands for, such as 2026-11-30, or an edition's whole "
        "name. Empty: the schedule's "
        "day, that of an edition that was killed, or today.",
    )
    land: Literal["as the plan says", "never", "approve", "auto"] = Field(
        default="as the plan says",
        title="Land on base",
        description="Whether the feature goes onto base: never, once a person says so (approve), or by itself (auto), "
        "when all of its tasks have landed.",
    )
    preflight: bool = Field(
        default=True,
        title="Try it out first",
        description="Try the set-up, and look for the programs of the checks, before an agent starts.",
    )
    improve: float = Field(
        default=0.0,
        ge=0.0,
        le=600.0,
        title="Search for a better order (seconds)",
        description="How long to search first; what is found is used only when simulated runs gain by it.",
    )


class NotDelivered(ToldFailure, FailedRun):
    """The run failed; what it landed is its `result`: `{branch, commit, outcome}`, as when all lands."""


class DeliveryCancelled(ToldFailure, CancelledRun):
    """The run was cancelled; what it landed is its `result`."""


def run_name() -> str:
    """What the page calls a run: its feature; a name that a person has given it stays."""
    running, call = FlowRunContext.get(), CALL.get()
    given = running.flow_run.name if running is not None and running.flow_run is not None else ""
    if given and not is_generated(given):
        return given
    if call is not None:
        return call.brief.plan.feature
    asked = {name: current_flow_run.parameters.get(name) or "" for name in ("plan", "repository", "crew")}
    try:
        place, brief = brief_from_parameters(**asked, given=None)
        options = DeliverOptions.model_validate(current_flow_run.parameters.get("options") or {})
        return _as_edition(brief, place, options).plan.feature
    except Exception:  # whatever is wrong with the parameters, the flow itself says
        return feature_as_written(asked["plan"], asked["repository"]) or given or "deliver-feature"


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
    store: str = "",
) -> State[Any]:
    """
    Carry out a feature plan: agents work in parallel, tested batches land on the feature branch.

    Called in another flow, it gives what landed: `{branch, commit, outcome}`, with the outcome as `plait run --json`
    prints it. A run that fails or is cancelled raises `NotDelivered` or `DeliveryCancelled`, with the same as `result`;
    with `return_state=True` nothing is raised, and `state.result(raise_on_failure=False)` gives the one or the other.
    What cannot begin (a mistake in the plan, a name that nobody has) fails with a message alone.

    That is for the process that calls it. Whoever starts a deployment of it (`run_deployment`) gets a state with its
    message and no result, which would be a file on the worker's machine: what landed is on the feature branch in git,
    and told by the report among the run's artifacts.

    Args:
        plan: The plan as YAML text, or the path of a plan file or folder of task specs inside the repository.
        repository: Name of a Feature Repository block, or the path of a clone on the worker's machine (with a slash).
        crew: Name of an Agent Crew block, such as default, or the path of a crew file in the repository. Empty: what
            the plan says of roles, and no more.
        options: What to start from, a choice of tasks, starting over.
        store: Name of a Feature Store block: where the history of runs is read and written. Empty: the worker's own.
    """
    call, is_deployed = CALL.get(), deployment.id is not None
    if is_deployed:
        tell_failures_once()
    try:
        place, brief = brief_from_parameters(plan, repository, crew, given=call.brief if call else None)
        if call is None:
            brief = _as_edition(brief, place, options)
            brief = brief if options.land == "as the plan says" else landing(brief, options.land)
            call = _call_of_worker(brief, options)
            if options.preflight:
                _try_out(brief, place, options, call.watcher)
        kept_in = store_address(store)
        with (
            history_in(kept_in),
            open_session(
                brief,
                run_id=new_run_id(brief.plan.feature),
                repository=place,
                base=options.base or None,
                only=tuple(options.only),
                fresh=options.fresh,
                refresh=options.refresh,
                stop=call.stop,
                watchers=Watchers([call.watcher]),
            ) as session,
        ):
            outcome = deliver(
                session, call, flow_run=current_flow_run.id, deployed=is_deployed, improve=options.improve
            )
    except PlaitError as problem:
        if call is not None:
            call.trouble = problem
        message = paragraph(problem)
        if is_deployed:
            put_on_page("The run could not begin", message)
        return Failed(message=message, data=NotDelivered(message))
    except Exception as problem:
        if call is not None:
            call.trouble = problem
        raise
    undo_suspension()
    return _state_of(outcome)


def _as_edition(brief: Brief, place: Path, options: DeliverOptions) -> Brief:
    """The plan as the edition that this flow run is for; a command in this process has chosen it already."""
    if options.edition:
        return brief.as_edition(named_edition(brief.template, options.edition))
    running = FlowRunContext.get()
    if not brief.template or running is None or running.flow_run is None:
        return brief
    own = Edition(wanted_day(running.flow_run), running.flow_run.id.hex[-8:])
    killed = (
        None if running.flow_run.auto_scheduled or options.fresh else killed_edition(brief.template, runs_around(place))
    )
    return brief.as_edition(killed or own)


def _call_of_worker(brief: Brief, options: DeliverOptions) -> Call:
    """Nobody watches but the page: what a terminal would show goes to the run's log there."""
    return Call(brief, watcher=_RunLog(), preflight=options.preflight)


def _try_out(brief: Brief, place: Path, options: DeliverOptions, watcher: Watcher) -> None:
    """What `plait run` tries before it comes here; whoever starts a run on the page has to hear of it as early."""
    startable = require_startable(
        brief, repository=place, base=options.base or None, only=tuple(options.only), fresh=options.fresh
    )
    try_out(startable, place, home=plait_home(), step=watcher.noted, note=watcher.noted)


class _RunLog(Watcher):
    """Says everything in the log of the flow run."""

    def __init__(self) -> None:
        self._say = get_run_logger().info

    def noted(self, text: str) -> None:
        self._say(text)

    def told(self, text: str) -> None:
        self._say(text)


def _state_of(outcome: FeatureOutcome) -> State[Any]:
    """The final state, said truthfully: a flow that returns nothing is Completed even when its tasks failed."""
    message = headline(outcome, on=outcome.branch)
    if outcome.reason:
        message += f"; {outcome.reason}"
    if outcome.brought:
        message += "".join(f"; {line.strip()}" for line in base_lines(outcome.brought))
    result = {"branch": outcome.branch, "commit": outcome.commit, "outcome": outcome_record(outcome)}
    match outcome.state:
        case RunState.COMPLETED if not any(task.tries for task in outcome.tasks) and not outcome.batches:
            # Said by the state's name, too: a schedule over a feature that has landed is green night after night.
            return Completed(name="NothingToDo", message=f"nothing was left to do: {message}", data=result)
        case RunState.COMPLETED if outcome.brought is not None and outcome.brought.state == "asked":
            return Completed(name="ReadyToLand", message=message, data=result)
        case RunState.COMPLETED:
            return Completed(message=message, data=result)
        case RunState.PARTIAL:
            return Completed(name="PartialSuccess", message=message, data=result)
        case RunState.CANCELLED:  # Prefect wants an exception as the data of these two, or cannot raise one
            return Cancelled(message=message, data=DeliveryCancelled(message, result))
        case _:
            return Failed(message=message, data=NotDelivered(message, result))
