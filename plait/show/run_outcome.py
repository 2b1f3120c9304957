"""A run as its outcome: the fold of its journal that terminal, page, status, report, Gantt and history show."""

from collections.abc import Iterator
from typing import Literal

from plait.advice.bounds import Bound, lower_bound
from plait.plans.journal.lines import Journal
from plait.plans.journal.manifest import job_of
from plait.plans.run.machine import Run
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import ApprovalWait, Landed, Working, moment
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.contract_standing import ContractStanding
from plait.plans.tasks.outcomes import (
    Approval,
    Conditions,
    ContractOutcome,
    FeatureOutcome,
    Rest,
    ReviewOutcome,
    RunState,
    TaskOutcome,
)
from plait.plans.tasks.states import TaskState
from plait.show.task_states import States, final_state


def replayed(journal: Journal) -> Run:
    """The run that heard all of this."""
    run = Run(journal.manifest)
    for entry in journal.entries:
        run.hear(entry.event, entry.at)
    return run


def outcome_of(run: Standings, *, now: float | None = None) -> FeatureOutcome:
    """Where a run stands, or what it came to once it is closed.

    `now`: seconds since the epoch; when the run heard something last if absent.
    """
    states, over = States(run), run.closed
    heard = max(run.now, run.manifest.started_at)
    now = heard if now is None or over else max(now, heard)
    bound, began = bound_of(run) if over else None, run.manifest.started_at - run.manifest.before
    return FeatureOutcome(
        run_id=run.manifest.run,
        feature=run.manifest.feature,
        state=final_state(run) if over else RunState.RUNNING,
        branch=run.manifest.branch,
        commit=run.tip,
        started_at=moment(began),
        ended_at=moment(now) if over else None,
        elapsed_seconds=round(now - began, 3),
        bound_seconds=round(bound.seconds, 3) if bound else 0.0,
        tasks=tuple(_task(run, states, task) for task in run.tasks),
        batches=run.batches,
        salvage=run.salvage,
        unsupported=run.manifest.unsupported,
        contracts=tuple(line for contract in run.contracts.values() for line in _versions(contract)),
        approvals=tuple(_approval(run, asked) for asked in run.approvals),
        conditions=conditions_of(run, bound) if bound else None,
        paused_by=run.paused_by,
        notes=run.notes,
        rests=() if over else tuple(_rests(run, now)),
        reason=_reason(run) if over else None,
        base=_base(run),
        brought=run.brought,
        edition=run.edition,
        own_edition=run.manifest.edition,
    )


def _base(run: Standings) -> BaseStanding | None:
    refresh, standing = run.manifest.refresh, run.base_standing
    if refresh is None or standing is None:
        return standing
    took_in = isinstance(run.tasks[refresh.task].status, Landed)
    return standing.model_copy(update={"refresh": refresh.task, "took_in": took_in})


def _reason(run: Standings) -> str | None:
    """Why it did not end well: a set-up that failed explains what comes after it; a command to land stands alone."""
    trouble = run.trouble or ""
    return (run.by_hand if not trouble else None) or "\n".join([*run.unprepared, *filter(None, [trouble])]) or None


def _task(run: Standings, states: States, task: str) -> TaskOutcome:
    facts, standing, state = run.facts[task], run.tasks[task], states.state_of(task)
    since = moment(standing.status.since) if isinstance(standing.status, Working) else None
    review = run.reviewing.get(task)
    reads = review is not None and state is TaskState.RUNNING
    dispatched = moment(review.since) if review is not None and reads else since
    return TaskOutcome(
        id=task,
        role=facts.role,
        agent=review.agent if review is not None and reads else standing.agent,
        state=state,
        branch=facts.branch if standing.commit else None,
        commit=standing.commit,
        started_at=standing.spans[0].started_at if standing.spans else since,
        ended_at=standing.spans[-1].ended_at if standing.spans and since is None else None,
        tries=standing.tries,
        reason=states.reason_of(task),
        spans=standing.spans,
        members=facts.members,
        usage=standing.usage,
        dispatched_at=dispatched if state is TaskState.RUNNING else None,
        review=_review(run, task) if facts.reviewer else None,
    )


def _review(run: Standings, task: str) -> ReviewOutcome:
    standing, review = run.tasks[task], run.reviewing.get(task)
    state: Literal["to come", "reading", "sent back", "waiting", "approved"] = "to come"
    if review is not None:
        state = "waiting" if review.asks else "reading" if review.agent else "to come"
    elif standing.remarks is not None:
        state = "sent back"
    elif standing.approved is not None and standing.approved == standing.commit:
        state = "approved"
    return ReviewOutcome(
        reviewer=run.facts[task].reviewer or "",
        state=state,
        read=standing.read,
        sent_back=standing.reviews,
        score=standing.score,
        by=standing.reviewed_by,
        person=standing.person,
        findings=standing.findings,
        usage=standing.review_usage,
    )


def _rests(run: Standings, now: float) -> Iterator[Rest]:
    rests, limit = run.rests, run.manifest.quota_wait
    for account, pause in rests.paused(now).items():
        waited = account in rests.waited_for and run.paused_at is None
        yield Rest(
            roles=rests.roles_of(account),
            kind=pause.kind,
            words=pause.words,
            until=moment(pause.until),
            gives_up_at=moment(run.now + max(0.0, limit - pause.waited)) if waited else None,
        )
    for role, words in rests.stopped.items():
        yield Rest(roles=(role,), kind="stopped", words=words)


def _approval(run: Standings, asked: Approval) -> Approval:
    if asked.answered_at is not None:
        return asked
    return asked.model_copy(update={"holds": () if asked.is_work else run.waiting_for(ApprovalWait(asked.contract))})


def _versions(standing: ContractStanding) -> Iterator[ContractOutcome]:
    contract, records = standing.contract, standing.records
    if contract.owner is None:
        yield ContractOutcome(id=contract.id, version=contract.version, status="approved")
        return
    if not records:
        yield ContractOutcome(id=contract.id, version=contract.version, status="draft", owner=contract.owner)
    for record in records:
        told = "waiting" if record.status == "draft" else record.status
        yield ContractOutcome(
            id=contract.id,
            version=record.version,
            status=told if record is records[-1] else "superseded",
            owner=contract.owner,
            commit=record.commit,
            by=record.by,
            redone=standing.redone.get(record.version, ()),
        )


def bound_of(run: Standings) -> Bound:
    """What no schedule could have beaten with the durations that were and the slots that there were (seconds)."""
    jobs = [
        job_of(
            facts,
            known=run.facts,
            met=run.outside,
            seconds=sum((span.ended_at - span.started_at).total_seconds() for span in run.tasks[task].spans),
        )
        for task, facts in run.facts.items()
    ]
    return lower_bound(jobs, run.manifest.slots, run.manifest.resources)


def conditions_of(run: Standings, bound: Bound) -> Conditions:
    """What the report needs to say what was waited for."""
    phases: dict[str, tuple[str, ...]] = {}
    for task in run.manifest.tasks:
        if task.phase is not None:
            phases[task.phase] = (*phases.get(task.phase, ()), task.id)
    return Conditions(
        needs={task.id: task.waits_for for task in run.manifest.tasks if task.waits_for},
        uses={task.id: dict(task.uses) for task in run.manifest.tasks if task.uses},
        slots=dict(run.manifest.slots),
        resources=dict(run.manifest.resources),
        phases=phases,
        commands=tuple(task.id for task in run.manifest.tasks if task.is_command),
        bound_kind=bound.kind,
        account_seconds=round(run.rests.idle_seconds, 3),
        account_roles=tuple(role for account in run.rests.idle_for for role in run.rests.roles_of(account)),
    )
