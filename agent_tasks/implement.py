"""The task that turns one order into one commit: an agent in a checkout, its harvest, the checks, the branch."""

import time
from dataclasses import replace
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import task_run
from prefect.tasks import Task

from plait.agent_tasks.account_words import refusal_of
from plait.agent_tasks.agent_in_checkout import Errand, Worked, agent_in_checkout
from plait.agent_tasks.agent_instructions import instructions_of
from plait.agent_tasks.best_of import keep_candidate, take_best
from plait.agent_tasks.checking import claims_of, notes_on, why_not_done
from plait.agent_tasks.early_ends import shown_as_cancelled
from plait.agent_tasks.errors import AccountRefused, SetUpFailed, TaskImpossible, TaskPutOff, TaskStopped, TryFailed
from plait.agent_tasks.foreign_work import take_branch
from plait.agent_tasks.prompts import prompt_of
from plait.agent_tasks.repair_start import repair_start
from plait.agent_tasks.task_branches import publish, work_message
from plait.agent_tasks.trying import carried_tries, count_tries, past_tries
from plait.agent_tasks.workshop import Workshop, workshop_of
from plait.plans.agents.verdicts import when_empty
from plait.plans.errors import CallError, EnvironmentProblem, PlanError
from plait.plans.language.secret_values import secret_values
from plait.plans.tasks.bundling import members_line
from plait.plans.tasks.resuming import ANEW, Continuation, continuation_of
from plait.plans.tasks.work import RunFacts, Try, WorkOrder, WorkReport
from plait.plans.usage import Usage, usage_of
from plait.plans.wording import listed
from plait.workspace.environment import environment_of
from plait.workspace.errors import GitFailed, ObjectsGone
from plait.workspace.git import git_date
from plait.workspace.harvest import Harvest, harvest
from plait.workspace.leaks import leaking_files
from plait.workspace.scanning import shown

RETRY_DELAY_SECONDS = 0.2
"""A try starts from a fresh checkout, so there is nothing to wait for; rate limits are another matter."""


_FINAL = (
    TaskStopped,
    TaskPutOff,
    AccountRefused,
    TaskImpossible,
    SetUpFailed,
    EnvironmentProblem,
    CallError,
    PlanError,
)


def may_try_again(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001
    """Whether a failed try deserves another: not after a cancellation, nor when the environment or a setting is wrong.

    Has to be a plain function with these parameters: for a partial or a callable object Prefect up to 3.8
    never retries, and says nothing.
    """
    failure = state.data
    if isinstance(failure, GitFailed):
        return failure.may_pass
    return not isinstance(failure, _FINAL)


@task(
    name="implement",
    task_run_name="{order.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=may_try_again,
)
@shown_as_cancelled
def implement(order: WorkOrder, facts: RunFacts) -> WorkReport:
    """Let an agent work in a checkout of its own, then commit what it left there and check it.

    Raises:
        TryFailed: the try does not count; Prefect tries again, and the next prompt says why.
        TaskStopped: the run was cancelled; what the agent left is kept.
        TaskImpossible: trying again would not help.
        SetUpFailed: no agent began.
        TaskPutOff: the run is paused, or the agent's role rests, and this would be another try.
        AccountRefused: the agent's account gives nothing now; it is no try.
    """
    shop = workshop_of(facts)
    if shop.stop.is_set():
        raise TaskStopped
    rests = shop.pause.is_set() or (order.task.task.is_for_agent and order.role in shop.resting.roles)
    if rests and task_run.run_count > 1:
        tries = past_tries(shop.folder_of(order.task.id))
        raise TaskPutOff(next((attempt.failed for attempt in reversed(tries) if attempt.failed), ""))
    if order.task.task.branch is not None:
        return take_branch(order, shop, order.task.task.branch)
    if order.task.candidates and order.repair is None:
        return take_best(order, shop)
    try:
        return _worked(order, shop)
    except TryFailed as failure:
        # A candidate that fails for good is no failure of the run, as long as another is there.
        if order.task.candidate_of and count_tries(shop.folder_of(order.task.id)) > order.task.task.retries:
            shop.tell(f"{order.name}: no candidate for {order.task.candidate_of}")
            return WorkReport(order.task.id, order.agent, None, (), str(failure).splitlines()[0], 0.0)
        raise


def _worked(order: WorkOrder, shop: Workshop) -> WorkReport:
    """Let an agent or a command work, and publish what it made."""
    began = time.monotonic()
    with agent_in_checkout(_errand(order, shop), shop) as worked:
        made = _published(order, shop, worked)
        if told := worked.private.keep(all_of_it=made.commit is None):
            shop.tell(f"{order.name}: {told}")
    tries = past_tries(shop.folder_of(order.task.id))
    return WorkReport(
        task=order.task.id,
        agent=order.agent,
        commit=made.commit,
        changed=made.changed,
        summary=worked.report.summary,
        seconds=time.monotonic() - began,
        usage=usage_of(attempt.usage for attempt in tries if attempt.dispatch == order.dispatch),
    )


def _errand(order: WorkOrder, shop: Workshop) -> Errand:
    spec, ground = order.task.task, shop.groundwork_of(order)
    start = repair_start(order, shop)
    tries = past_tries(shop.folder_of(order.task.id))
    known = tries or carried_tries(shop.folder_of(order.task.id))
    continuation = _continuation(order, shop, known)
    return Errand(
        name=order.name,
        task=order.task.id,
        role=order.task.role,
        agent=order.agent,
        dispatch=order.dispatch,
        prompt=prompt_of(order, shop, tries=tries, files=start, continuation=continuation),
        continuation=continuation,
        before=_used_by(continuation.session, known),
        instructions=instructions_of(order.role, shop) if spec.is_for_agent else "",
        start=order.start,
        branch=order.branch,
        tree=start.tree if start else None,
        run=spec.run,
        spec=order.task.spec_hash,
        complexity=spec.complexity,
        timeout=spec.timeout,
        estimate=spec.duration,
        ground=ground,
        conflicts=tuple(path.path for path in start.checkout.conflicts) if start and start.checkout else (),
        repair=order.repair.number if order.repair else 0,
        answers=order.remarks.number if order.remarks else 0,
        members=members_line(order.task.members),
    )


def _continuation(order: WorkOrder, shop: Workshop, tries: tuple[Try, ...]) -> Continuation:
    """What the next try goes on from; a command begins as it did before."""
    if not order.task.task.is_for_agent:
        return ANEW
    resumes = shop.agent_of(order.role).can_resume
    found = continuation_of(tries, role=order.role, dispatch=order.dispatch, start=order.start, resumes=resumes)
    if found.checkpoint is not None and shop.control.store.resolve(found.checkpoint, "tree") is None:
        return ANEW  # collected meanwhile
    return found


def _used_by(session: str | None, tries: tuple[Try, ...]) -> Usage | None:
    """What the tries of a session have used up: what its program tells as a total has that in it."""
    used = usage_of(attempt.usage for attempt in tries if attempt.session == session) if session else None
    return used and used.model_copy(update={"session": session})


def _published(order: WorkOrder, shop: Workshop, worked: Worked) -> Harvest:
    """Commit what the agent left, check it, and move the task's branch to it.

    Raises:
        TryFailed, TaskStopped, TaskImpossible: as `_checked_harvest`, and `publish`.
    """
    for is_last in (False, True):
        made = _checked_harvest(order, shop, worked)
        try:
            if order.task.candidate_of:
                keep_candidate(order, shop, made)
                return replace(made, commit=None)
            publish(order, shop, made)
            return made
        except ObjectsGone:  # the files are still there, and git writes what it does not have
            if is_last:
                raise
    raise AssertionError("the last time ends it")


def _checked_harvest(order: WorkOrder, shop: Workshop, worked: Worked) -> Harvest:
    """Commit what the agent left and hold it against the task.

    Raises:
        TryFailed: it does not count.
        TaskStopped: the run was cancelled.
        TaskImpossible: the verification could not be carried out.
    """
    made = harvest(
        shop.control,
        worked.checkout,
        message=work_message(order, shop, summary=worked.report.summary),
        parents=_parents(order),
        date=git_date(),
        author=order.agent,
        claims=claims_of(order, shop),
    )
    if not made.changed and order.task.task.is_for_agent and refusal_of(worked.report, order.role, shop, changed=False):
        raise TryFailed("it changed nothing, and its account refused it", "empty")  # aider ends with 0 all the same
    if put_away := worked.private.why_left_out(made.tree, made.changed):
        raise TryFailed(put_away, "false done")
    if leaking := _why_leaking(order, shop, made):
        raise TryFailed(leaking, "check failed")
    if wrong := why_not_done(order, shop, made):
        told = worked.report.verdict
        if wrong.outcome == "empty" and told is not None and (denied := when_empty(told)).outcome != "empty":
            raise TryFailed(denied.reason, denied.outcome)
        raise TryFailed(wrong.reason, wrong.outcome)
    for note in notes_on(made):
        shop.tell(f"{order.name}: {note}")
    return made


def _why_leaking(order: WorkOrder, shop: Workshop, made: Harvest) -> str | None:
    """That a secret which the agent was given stands in its files: it would be in the history for good."""
    secrets = secret_values(environment_of(shop.groundwork_of(order).environment, extra={}))
    if not secrets or not made.changed:
        return None
    store = shop.control.store
    files = leaking_files(store, store.tree_of(order.start), made.tree, secrets)  # a try before it may have begun so
    if not files:
        return None
    return (
        f"it wrote a secret that it was given into {listed(map(shown, files), limit=5)}, which goes into no commit: "
        "its place is the environment variable that it came in"
    )


def _parents(order: WorkOrder) -> tuple[str, ...]:
    """A repair descends from what was rejected and from the tip that it now fits."""
    return (order.repair.rejected, order.repair.onto) if order.repair else (order.start,)
