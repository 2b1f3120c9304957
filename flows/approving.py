"""What people say about contracts and work from another terminal: kept in git, beside a run or after it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.flows.runs import KnownRun, run_meant
from plait.plans.errors import CallError
from plait.plans.tasks.planned_contracts import Record, newest
from plait.workspace.contract_refs import answer, read_records
from plait.workspace.control import open_control
from plait.workspace.environment import user_name
from plait.workspace.git import git_date
from plait.workspace.home import plait_home
from plait.workspace.review_refs import answer_review, read_reviews

_LONGEST_REASON = 10_000
_NOT_A_NAME = re.compile(r"[^\w.@ -]+")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is kept."""

    says: str
    """Such as `approved cart-api v1`."""
    commit: str
    back_to: str
    """The task that gets it back; empty where it was approved."""


def approve(wanted: str, named: str, *, rejected: str | None, repository: Path | None = None) -> str:
    """Record this user's answer to what waits, and say in a sentence what comes of it.

    Args:
        wanted: A feature or a run.
        named: A contract, or a task whose work its reviewer has not approved.
        rejected: Why it is sent back; nothing when it is approved.

    Raises:
        CallError: no such run, nothing of that name waits, or a rejection without a reason.
    """
    run = run_meant(wanted, repository=repository)
    given = keep_answer(Path(run.repository), run.feature, named, by=user_name(), rejected=rejected)
    then = "the run goes on" if run.alive else f"it counts {run.run_again}"
    if given.back_to:
        then = f"{given.back_to} gets it back" + ("" if run.alive else f" {run.run_again}")
    return f"{given.says} of {run.feature} ({given.commit[:10]}): {then}"


def keep_answer(place: Path, feature: str, named: str, *, by: str, rejected: str | None) -> Answered:
    """Record a person's answer to what waits in the repository at `place`: a draft, or a task's work.

    Where a contract and a task have the same name and both wait, the contract is answered first.

    Raises:
        CallError: nothing of that name waits, or a rejection without a reason.
    """
    if rejected is not None and not rejected.strip():
        raise CallError("a rejection needs a reason", hint="say what is wrong: whoever made it gets that")
    control = open_control(place, home=plait_home())
    reason = None if rejected is None else rejected[:_LONGEST_REASON]
    who = _NOT_A_NAME.sub("", by)[:100].strip() or "a person"
    last, date = newest(read_records(control, feature).get(named, ())), git_date()
    if named in read_reviews(control, feature) and (last is None or last.status != "draft"):
        work = answer_review(control, feature, named, by=who, rejected=reason, date=date)
        back = "" if work.status == "approved" else named
        return Answered(f"{work.status} the work of {named}", work.commit, back)
    record = answer(control, feature, named, by=who, rejected=reason, date=date)
    back = "" if record.status == "approved" else record.owner
    return Answered(f"{record.status} {named} v{record.version}", record.commit, back)


def agreed(wanted: str | None, *, repository: Path | None = None) -> dict[str, Any]:
    """Each version of each contract of a feature: `{feature, contracts: [{id, version, status, owner, commit, by}]}`.

    Raises:
        CallError: no such run.
    """
    home, run = plait_home(), run_meant(wanted, repository=repository)
    records = read_records(open_control(Path(run.repository), home=home), run.feature)
    rows = [_row(record, last=record is of[-1]) for of in records.values() for record in of]
    return {"feature": run.feature, "contracts": [*rows, *_unwritten(run, set(records))]}


def _row(record: Record, *, last: bool) -> dict[str, Any]:
    status = "waiting" if record.status == "draft" else record.status
    return {
        "id": record.contract,
        "version": record.version,
        "status": status if last else "superseded",
        "owner": record.owner or None,
        "commit": record.commit,
        "by": record.by,
    }


def _unwritten(run: KnownRun, written: set[str]) -> list[dict[str, Any]]:
    """Those that the run knows of and that no task has written: on base, or still to come."""
    outcome = run.outcome()
    rows = [
        contract.model_dump(mode="json")
        for contract in (outcome.contracts if outcome else ())
        if contract.id not in written
    ]
    return [{key: row[key] for key in ("id", "version", "status", "owner", "commit", "by")} for row in rows]
