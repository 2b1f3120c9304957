"""The task that turns one order into one commit: checkout, agent, harvest, checks, branch."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from plait.agent_tasks.checking import check_harvest, verify_commit
from plait.agent_tasks.contracts import check_contracts, contract_sections
from plait.agent_tasks.errors import TaskImpossible, TaskStopped, TryFailed
from plait.agent_tasks.informing import information_sections
from plait.agent_tasks.policies import RETRY_DELAY_SECONDS, may_try_again
from plait.agent_tasks.prompts import write_prompt
from plait.agent_tasks.remembering import remember_empty
from plait.agent_tasks.trying import TryFolder, begin_try, past_tries
from plait.agent_tasks.workshop import Workshop
from plait.blocks.agents.base import AgentOrder, AgentReport
from plait.blocks.agents.command import run_script
from plait.plans.errors import PlaitError
from plait.plans.names import salvage_branch
from plait.plans.tasks.bundling import members_line
from plait.plans.tasks.work import RepairOrder, WorkOrder, WorkReport
from plait.plans.usage import usage_of
from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.conflicts import conflict_checkout
from plait.workspace.deleting import delete_later
from plait.workspace.environment import agent_environment
from plait.workspace.errors import RefMoved
from plait.workspace.git import ZERO
from plait.workspace.harvest import Harvest, harvest, salvage
from plait.workspace.merging import Conflict, merge
from plait.workspace.ports import lease_ports
from plait.workspace.preparation import prepare
from plait.workspace.process import Limits
from plait.workspace.trailers import message_with_trailers


@task(
    name="implement",
    task_run_name="{order.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=may_try_again,
)
def implement(order: WorkOrder, shop: Workshop) -> WorkReport:
    """Let an agent work in a checkout of its own, then commit what it left there and check it.

    Raises:
        TryFailed: the try does not count; Prefect tries again, and the next prompt says why.
        TaskStopped: the run was cancelled; what the agent left is kept.
        TaskImpossible: trying again would not help.
    """
    if shop.stop.is_set():
        raise TaskStopped
    began = time.monotonic()
    earlier = past_tries(shop.folder_of(order.task.id))
    folder = begin_try(shop.folder_of(order.task.id), agent=order.agent, dispatch=order.dispatch)
    more = (*contract_sections(order, shop), *information_sections(order, shop))
    prompt = write_prompt(order.task, goal=shop.plan.goal, tries=earlier, repair=order.repair, more=more)
    prompt = prompt.encode("utf-8", "replace").decode()  # it may quote names of files that are not UTF-8
    folder.prompt.write_text(prompt, encoding="utf-8")
    with _checkout(order, shop, folder) as checkout:
        report = _work(order, shop, folder, checkout, prompt)
        harvested = _checked_harvest(order, shop, checkout, report)
        _publish(order, shop, harvested)
    folder.close(failed=None, usage=report.usage)
    tries = past_tries(shop.folder_of(order.task.id))
    return WorkReport(
        task=order.task.id,
        agent=order.agent,
        commit=harvested.commit,
        changed=harvested.changed,
        summary=report.summary,
        seconds=time.monotonic() - began,
        usage=usage_of(attempt.usage for attempt in tries if attempt.dispatch == order.dispatch),
    )


@contextmanager
def _checkout(order: WorkOrder, shop: Workshop, folder: TryFolder) -> Iterator[Checkout]:
    """A fresh checkout for this try; what a repair starts from has the feature branch merged in.

    However the try fails, what it left is on a salvage branch, and the reason written down, before the checkout goes.
    """
    checkout = None
    try:
        tree = None
        if order.repair is not None and order.task.task.run is None:
            tree = _merged_tree(order, order.repair, shop)
        checkout = make_checkout(shop.control, folder.work, order.start, branch=order.branch, tree=tree)
        folder.note_checkout(checkout, role=order.task.role)
        yield checkout
    except Exception as failure:
        _write_down(order, shop, folder, checkout, str(failure).strip() or type(failure).__name__)
        if shop.stop.is_set() and not isinstance(failure, TaskStopped):
            raise TaskStopped("the run was cancelled") from failure
        raise
    finally:
        delete_later(folder.work)


def _merged_tree(order: WorkOrder, repair: RepairOrder, shop: Workshop) -> str:
    """The files of a repair: the rejected branch merged with the feature tip, conflicts with readable markers."""
    merged = merge(shop.control.store, repair.onto, repair.rejected)
    if isinstance(merged, Conflict):
        theirs = repair.partner or "the feature branch"
        return conflict_checkout(shop.control.store, merged, theirs, order.task.id).tree
    return merged.tree


def _work(order: WorkOrder, shop: Workshop, folder: TryFolder, checkout: Checkout, prompt: str) -> AgentReport:
    """Prepare the checkout and let the agent, or the task's command, work in it to the end."""
    role = shop.role_of(order)
    with lease_ports(shop.home) as port:
        variables = {"PLAIT_PORT": str(port), "PLAIT_TASK": order.task.id, "TMPDIR": str(checkout.temporary)}
        environment = agent_environment(allow=role.environment, extra=variables)
        commands, inputs = shop.setup_of(order)
        prepared = prepare(
            checkout.directory,
            commands=commands,
            inputs=inputs,
            cache=shop.cache,
            environment=environment,
            output=folder.setup,
            stop=shop.stop,
            limits=Limits(timeout=order.task.task.timeout or role.timeout),
            # Elsewhere other agents' code may run in the set-up.
            keep=order.start == shop.base and order.repair is None,
        )
        if not prepared.ok:
            tail = prepared.ended.tail if prepared.ended else ""
            raise TryFailed(f"the set-up failed:\n{tail}")
        request = AgentOrder(
            task=order.task.id,
            attempt=folder.attempt,
            prompt=prompt,
            directory=checkout.directory,
            output=folder.output,
            environment=environment,
            timeout=order.task.task.timeout or role.timeout,
            stall=role.stall,
            model=role.model_for(order.task.task.complexity),
            temporary=checkout.temporary,
            stop=shop.stop,
            on_line=lambda line: shop.hear(order.task.id, line),
            repair=order.repair.number if order.repair else 0,
        )
        if order.task.task.run is not None:
            return run_script(request, order.task.task.run)
        return shop.agents[order.role].work(request)


def _checked_harvest(order: WorkOrder, shop: Workshop, checkout: Checkout, report: AgentReport) -> Harvest:
    """Commit what the agent left and hold it against the task.

    Raises:
        TryFailed: it does not count.
        TaskStopped: the run was cancelled.
        TaskImpossible: the verification could not be carried out.
    """
    if report.problem is not None:
        problem = _with_tail(report.problem, report.tail)
        raise TaskStopped(problem) if report.cause == "cancelled" else TryFailed(problem)
    harvested = harvest(
        shop.control,
        checkout,
        message=_message(order, shop, report),
        parents=_parents(order),
        date=_git_date(),
        author=order.agent,
    )
    wrong = check_harvest(order, shop, harvested)
    if wrong is None and harvested.commit is not None and order.task.task.verify:
        wrong = verify_commit(order, shop, harvested.commit)
    if wrong is None and order.task.writes:
        wrong = check_contracts(order, shop, harvested.tree)
    if wrong is not None:
        raise TryFailed(wrong)
    return harvested


def _parents(order: WorkOrder) -> tuple[str, ...]:
    """A repair descends from what was rejected and from the tip that it now fits."""
    return (order.repair.rejected, order.repair.onto) if order.repair else (order.start,)


def _write_down(order: WorkOrder, shop: Workshop, folder: TryFolder, checkout: Checkout | None, reason: str) -> None:
    """Keep what a failed try left behind on a salvage branch, and why it failed for the next try's prompt."""
    kept = _salvage(order, shop, folder, checkout, reason) if checkout is not None else None
    with suppress(OSError):  # a full disk must not hide what went wrong first
        folder.close(failed=reason, salvage=kept)
    if not shop.stop.is_set():
        shop.tell(f"{order.name}: try {folder.number} does not count: {reason.splitlines()[0]}")


def _salvage(order: WorkOrder, shop: Workshop, folder: TryFolder, checkout: Checkout, reason: str) -> str | None:
    branch = salvage_branch(shop.feature, order.task.role, order.task.id, folder.number)
    failed = {} if shop.stop.is_set() else _members(order)  # those of a bundle that failed go alone in the next run
    trailers = {"Plait-Run": shop.run_id, "Plait-Task": order.task.id, **failed}
    message = message_with_trailers(f"Salvage of {order.name}, try {folder.number}", reason[-2000:], trailers)
    try:
        return salvage(shop.control, checkout, branch=branch, message=message, date=_git_date())
    except (PlaitError, OSError) as problem:
        with suppress(OSError):
            folder.work.rename(folder.left)
        shop.tell(f"{order.name}: what try {folder.number} left is still in {folder.left}, and on no branch: {problem}")
        return None


def _publish(order: WorkOrder, shop: Workshop, made: Harvest) -> None:
    """Move the task's branch to its new commit, unless somebody else moved it meanwhile, or stands on it.

    Raises:
        TaskImpossible: the branch cannot be moved.
    """
    if made.commit is None:
        remember_empty(order, shop, tree=made.tree, date=_git_date())
        return
    place = shop.control.worktree_of(order.branch) if order.expected else None
    if place is not None:
        raise TaskImpossible(f"the branch {order.branch} is checked out in {place}, so it was not moved")
    ref = f"refs/heads/{order.branch}"
    try:
        shop.control.target.move_ref(ref, made.commit, order.expected or ZERO, reason=f"plait: {order.name}")
    except RefMoved:
        if shop.control.target.resolve(ref) != made.commit:
            raise TaskImpossible(f"somebody else moved the branch {order.branch} while {order.agent} worked") from None


def _message(order: WorkOrder, shop: Workshop, report: AgentReport) -> str:
    subject = f"{order.name}: {order.task.task.title or order.task.task.subject}"
    trailers = {
        "Plait-Feature": shop.feature,
        "Plait-Task": order.task.id,
        "Plait-Role": order.task.role,
        "Plait-Agent": order.agent,
        "Plait-Spec": order.task.spec_hash,
        "Plait-Run": shop.run_id,
        **_members(order),
    }
    if order.agreements:
        trailers["Plait-Contracts"] = ", ".join(map(str, order.agreements))
    return message_with_trailers(subject, report.summary, trailers)


def _members(order: WorkOrder) -> dict[str, str]:
    """What a bundle's commit says of the tasks that it is."""
    return {"Plait-Members": members_line(order.task.members)} if order.task.members else {}


def _with_tail(problem: str, tail: str) -> str:
    """The problem, and what the agent printed last."""
    shown = tail.strip()[-2000:]
    return f"{problem}\n{shown}" if shown and shown not in problem else problem


def _git_date() -> str:
    return f"{int(datetime.now(UTC).timestamp())} +0000"
