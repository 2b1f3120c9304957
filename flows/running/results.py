"""What came of a Prefect task run, as the event that the machine hears."""

from contextvars import Context
from typing import Any

from prefect.exceptions import Pause
from prefect.futures import PrefectFuture

from plait.agent_tasks.errors import AccountRefused, SetUpFailed, TaskPutOff, TaskStopped
from plait.agent_tasks.review import reviews_of
from plait.agent_tasks.trying import past_tries
from plait.agent_tasks.workshop import Workshop
from plait.plans.accounts.refusals import Refusal
from plait.plans.errors import EnvironmentProblem
from plait.plans.journal.effects import StartReview, TakeRepair
from plait.plans.journal.events import (
    BaseVerified,
    BatchBroken,
    BatchDone,
    BatchEnded,
    BatchStopped,
    RepairTaken,
    ReviewEnded,
    ReviewMissing,
    ReviewResult,
    ReviewSaid,
    WorkDone,
    WorkEnded,
    WorkFailed,
    WorkPutOff,
    WorkRefused,
    WorkResult,
    WorkStopped,
    WorkUnprepared,
)
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.work import (
    BaseReport,
    BatchOrder,
    BatchReport,
    PersonsRepair,
    ReviewReport,
    Try,
    WorkOrder,
    WorkReport,
)
from plait.plans.usage import added, usage_of
from plait.workspace.contract_refs import contract_content
from plait.workspace.output import plain
from plait.workspace.starting import SHORTAGES


def result_of(future: PrefectFuture[Any]) -> Any:
    """What came of a task run: what it returned, or the exception that ended it, also where Prefect itself raises it.

    Prefect raises for a run that never began (`NotReady`), and passes on what its own engine stumbled over. In a flow
    that is being suspended it raises `Pause`, which is no Exception, and the result would be lost: so it is asked
    without the flow's context.
    """
    try:
        return Context().run(future.result, raise_on_failure=False)
    except (Exception, Pause) as problem:
        return problem


def work_event(order: WorkOrder, future: PrefectFuture[Any], shop: Workshop, *, number: int) -> WorkEnded:
    """What came of a task; called by the thread that ran it, so whatever goes wrong here is a result, too."""
    try:
        tries = past_tries(shop.folder_of(order.task.id))
        return WorkEnded(
            order.task.id,
            _result(order, result_of(future), shop, tries=tries),
            number=number,
            tries=sum(attempt.refused is None for attempt in tries),
            salvage=tuple(attempt.salvage for attempt in tries if attempt.salvage),
            usage=usage_of(attempt.usage for attempt in tries),
            spent=added(*(attempt.spent for attempt in tries)),
        )
    except Exception as problem:
        environment = isinstance(problem, EnvironmentProblem | OSError)
        return WorkEnded(
            order.task.id,
            WorkFailed(f"what came of it cannot be told: {problem}", environment=environment),
            number=number,
        )


def _result(order: WorkOrder, result: Any, shop: Workshop, *, tries: tuple[Try, ...]) -> WorkResult:
    match result:
        case WorkReport():
            commit = result.commit or order.expected or order.start
            return WorkDone(result.commit, len(result.changed), _contents(order.task, commit, shop))
        case SetUpFailed():
            return WorkUnprepared(str(result))
        case TaskStopped():
            return WorkStopped()
        case Pause():
            return WorkPutOff("the flow was suspended at that moment")
        case AccountRefused():
            said = (tries[-1].refused if tries else None) or Refusal("quota", str(result))
            return WorkRefused(said.kind, said.words, said.until)
        case TaskPutOff():
            return WorkPutOff(str(result))
        case OSError():  # this machine's, as a full disk: what agents and commands do wrong is a TryFailed
            hint = SHORTAGES.get(result.errno or 0)
            return WorkFailed(f"{result}; {hint}" if hint else str(result), environment=True)
        case EnvironmentProblem():
            return WorkFailed(f"{result}; {result.hint}" if result.hint else str(result), environment=True)
        case _:
            return WorkFailed(str(result))


def repair_event(effect: TakeRepair, repair: PersonsRepair, future: PrefectFuture[Any], shop: Workshop) -> RepairTaken:
    """What came of a person's repair."""
    try:
        match result_of(future):
            case WorkReport(commit=commit, changed=changed) if commit:
                result: WorkDone | WorkFailed | WorkStopped = WorkDone(
                    commit, len(changed), _contents(repair.task, commit, shop)
                )
            case TaskStopped() | Pause():
                result = WorkStopped()
            case problem:
                result = WorkFailed(str(problem), environment=isinstance(problem, EnvironmentProblem | OSError))
    except Exception as problem:
        result = WorkFailed(f"what came of it cannot be told: {problem}")
    return RepairTaken(effect.task, effect.number, result, by=plain(repair.by))


def review_event(effect: StartReview, future: PrefectFuture[Any], shop: Workshop) -> ReviewEnded:
    """What came of a review: whatever is no verdict is none."""
    try:
        tries = past_tries(reviews_of(shop, effect.task))
        result = _reviewed(result_of(future), tries)
        return ReviewEnded(effect.task, effect.number, result, usage_of(attempt.usage for attempt in tries))
    except Exception as problem:
        return ReviewEnded(effect.task, effect.number, ReviewMissing(f"what came of it cannot be told: {problem}"))


def _reviewed(result: Any, tries: tuple[Try, ...]) -> ReviewResult:
    match result:
        case ReviewReport(verdict=verdict):
            return ReviewSaid(verdict.approves, verdict.score, verdict.findings)
        case TaskStopped() | Pause():
            return WorkStopped()
        case AccountRefused():
            said = (tries[-1].refused if tries else None) or Refusal("quota", str(result))
            return WorkRefused(said.kind, said.words, said.until)
        case EnvironmentProblem(hint=hint) if hint:
            return ReviewMissing(f"{result}; {hint}")
        case _:
            return ReviewMissing(str(result))


def base_event(future: PrefectFuture[Any]) -> BaseVerified:
    """What came of verifying base."""
    match result_of(future):
        case BaseReport() as report:
            return BaseVerified(report)
        case problem:
            return BaseVerified(BaseReport("unknown", reason=plain(str(problem))))


def _contents(task: PlannedTask, commit: str, shop: Workshop) -> dict[str, str]:
    """By contract that a task writes, a hash of what is there."""
    return {name: contract_content(shop.control, commit, shop.contract(name)) for name in task.writes}


def batch_event(order: BatchOrder, future: PrefectFuture[Any]) -> BatchEnded:
    """What came of a batch."""
    match result_of(future):
        case BatchReport() as report:
            return BatchEnded(order.id, BatchDone(report))
        case TaskStopped() | Pause():
            return BatchEnded(order.id, BatchStopped())
        case problem:
            return BatchEnded(order.id, BatchBroken(str(problem)))
