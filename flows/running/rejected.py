"""Contracts that people sent back before a run began: whoever wrote them does it again."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from plait.flows.running.reuse import Reuse
from plait.plans.journal.manifest import EarlierWork
from plait.plans.tasks.planned_contracts import PlannedContract, newest
from plait.workspace.contract_refs import contract_content, read_records
from plait.workspace.control import Control


def rejected_owners(
    control: Control, feature: str, contracts: Iterable[PlannedContract], finished: Mapping[str, EarlierWork]
) -> frozenset[str]:
    """The finished tasks of which a person rejected a contract as it still is."""
    written = [(contract, contract.owner) for contract in contracts if contract.owner in finished]
    records = read_records(control, feature) if written else {}
    found: set[str] = set()
    for contract, owner in written:
        last, made = newest(records.get(contract.id, ())), finished[owner or ""].at
        if last is None or last.status != "rejected" or made is None:
            continue
        if last.content == contract_content(control, made, contract):
            found.add(owner or "")
    return frozenset(found)


def without(reuse: Reuse, rejected: Collection[str]) -> Reuse:
    """What is taken over when these tasks have to go again: an agent goes on from what it made before."""
    finished = {task: done for task, done in reuse.finished.items() if task not in rejected}
    before = {task: reuse.finished.get(task, EarlierWork(None, landed=False)) for task in rejected}
    return replace(reuse, finished=finished, sent_back=before)
