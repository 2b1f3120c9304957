"""What a run begins with: an open session as the manifest of its machine."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from plait.door.machine_pauses import machine_pauses
from plait.flows.running.session import Session
from plait.plans.accounts.pauses import QUOTA_WAIT, AccountPause
from plait.plans.accounts.sharing import accounts_of
from plait.plans.journal.manifest import EarlierWork, Manifest, facts_of
from plait.plans.names import agent_branch, integration_branch
from plait.plans.tasks.planned_contracts import PlannedContract
from plait.workspace.contract_refs import contract_content, read_records
from plait.workspace.control import Control
from plait.workspace.trailers import trailers_of


def manifest_of(session: Session, *, urgency: Mapping[str, float] | None, paused_by: str | None) -> Manifest:
    """All that the machine is told at the start.

    `urgency`: by task, the order of dispatch; the usual rule's when absent.
    """
    shop, brief, reuse = session.shop, session.brief, session.reuse
    feature, integration = brief.plan.feature, brief.plan.integration
    tasks = tuple(
        facts_of(
            task,
            brief.crew,
            branch=agent_branch(feature, task.role, task.id),
            fallback=shop.helpers_of(task),
        )
        for task in session.tasks
    )
    if session.refresh is not None:  # what conflicts with base gives way to it, and what is mended lands first, too
        tasks = (replace(tasks[0], merge_priority=1), *tasks[1:])
    here = {task.id for task in tasks}
    sources = {source for task in tasks for source in task.information} - here
    outputs = {task.id: task.task.outputs for task in brief.expansion.tasks if task.id in sources}
    branch, killed, wait = integration_branch(feature), session.killed, brief.crew.quota_wait
    slots = brief.crew.slots_of(task.role for task in tasks)
    accounts = accounts_of(brief.crew, slots)
    return Manifest(
        run=shop.run_id,
        feature=feature,
        branch=branch,
        base=shop.base,
        tasks=tasks,
        slots=slots,
        started_at=session.began,
        tip=shop.control.branch(branch),
        resources=dict(brief.plan.resources),
        urgency=urgency,
        ready=integration.ready,
        wait=integration.wait,
        verifications=integration.slots,
        repairs=integration.repairs,
        standing=session.standing,
        refresh=session.refresh,
        edition=brief.edition,
        base_rule=integration.base if integration.verify else "",
        contracts=shop.contracts,
        phases=shop.phases,
        records=read_records(shop.control, feature) if shop.contracts else {},
        earlier=dict(_with_contracts(shop.control, shop.contracts, reuse.finished)),
        outputs=outputs,
        redone=tuple(sorted(reuse.redone)),
        sent_back=dict(reuse.sent_back),
        repaired=dict(reuse.repaired),
        before=killed.seconds if killed else 0.0,
        past=killed.effort if killed else {},
        salvage=killed.salvage if killed else (),
        unsupported=brief.expansion.unsupported,
        paused_by=paused_by,
        accounts=accounts,
        account_pauses={**_named_pauses(session, accounts), **(killed.account_pauses if killed else {})},
        quota_wait=QUOTA_WAIT if wait is None else wait,
    )


def _named_pauses(session: Session, accounts: Mapping[str, str]) -> dict[str, AccountPause]:
    """By account, what it has said to another run of when it works again, as long as that is to come.

    A pause whose end plait chose itself is not taken over: whoever begins a run may have mended it.
    """
    known = machine_pauses(session.shop.home, session.began)
    return {name: pause for name, pause in known.items() if name in accounts.values() and pause.is_named}


def _with_contracts(
    control: Control, contracts: tuple[PlannedContract, ...], finished: Mapping[str, EarlierWork]
) -> Iterable[tuple[str, EarlierWork]]:
    """What earlier runs finished, with the versions of contracts that it rests on, and what it wrote of its own."""
    for task, work in finished.items():
        at = work.at
        contents = {
            contract.id: contract_content(control, at, contract)
            for contract in contracts
            if at and contract.owner == task
        }
        built_on = _versions_in(control, work.commit) if contracts and work.commit else {}
        yield task, replace(work, contents=contents, built_on=built_on)


def _versions_in(control: Control, commit: str) -> dict[str, int]:
    """What a commit says of the contracts that it rests on."""
    pairs = (words.rpartition(" v") for words in trailers_of(control, commit).get("Plait-Contracts", "").split(", "))
    return {name: int(version) for name, _, version in pairs if version.isdecimal()}
