"""A run's outcome and its report, each as the one JSON object that commands print."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from plait.plans.tasks.base_standing import BaseStanding, base_words
from plait.plans.tasks.edition_change import EditionChange, edition_words
from plait.plans.tasks.outcomes import Approval, BatchOutcome, FeatureOutcome, TaskOutcome, VerifiedTree, WeakenedTest
from plait.show.batch_story import repeat_rejection, repeat_verification
from plait.show.metrics import Metrics, Reading, readings, usage_by_model, usage_by_role
from plait.show.progress import Progress, used_up

_DIGITS = 6


def outcome_json(outcome: FeatureOutcome) -> str:
    """Indented JSON in ASCII; the keys are a promise to scripts, times are ISO 8601 in UTC with milliseconds."""
    return json.dumps(outcome_record(outcome), indent=2, allow_nan=False)


def status_json(outcome: FeatureOutcome, progress: Progress | None) -> str:
    """The same, and while the run goes on its `progress`: totals, agents at work, ETA, what persons are waited for."""
    far = {"progress": progress.model_dump(mode="json")} if progress else {}
    return json.dumps(outcome_record(outcome) | far, indent=2)


def outcome_record(outcome: FeatureOutcome) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "run_id": outcome.run_id,
        "feature": outcome.feature,
        "state": outcome.state.value,
        "branch": outcome.branch,
        "commit": outcome.commit,
        "started_at": iso_moment(outcome.started_at),
        "ended_at": iso_moment(outcome.ended_at),
        "elapsed_seconds": finite(outcome.elapsed_seconds),
        "bound_seconds": finite(outcome.bound_seconds),
        "tasks": [_task(task, outcome) for task in outcome.singly().tasks],
        "batches": [batch_record(batch) for batch in outcome.batches],
        **_usage(outcome),
        **({"reason": outcome.reason} if outcome.reason else {}),
        **({"base": _base(outcome.base)} if outcome.base else {}),
        **({"edition": _edition(outcome.edition)} if outcome.edition else {}),
        **({"brought": outcome.brought.model_dump(mode="json")} if outcome.brought else {}),
        **({"notes": [note.model_dump(mode="json") for note in outcome.notes]} if outcome.notes else {}),
        "salvage": list(outcome.salvage),
        "unsupported": list(outcome.unsupported),
        **(
            {"contracts": [contract.model_dump(mode="json") for contract in outcome.contracts]}
            if outcome.contracts
            else {}
        ),
    }


def _usage(outcome: FeatureOutcome) -> dict[str, Any]:
    """What its agents used up in all, by role and by model; nothing where none has told anything."""
    whole = used_up(outcome)
    if whole is None:
        return {}
    by = {"by_role": usage_by_role(outcome), "by_model": usage_by_model(outcome)}
    groups = {name: {key: used.model_dump(mode="json") for key, used in some.items()} for name, some in by.items()}
    return {"usage": {**whole.model_dump(mode="json"), **groups}}


def _base(base: BaseStanding) -> dict[str, Any]:
    return {
        "name": base.name,
        "course": base.course,
        "behind": base.behind,
        "dropped": base.dropped,
        "commit": base.now,
        "rests_on": base.rests_on,
        "told": base_words(base),
    }


def _edition(change: EditionChange) -> dict[str, Any]:
    return {**change.model_dump(mode="json"), "told": edition_words(change)}


def iso_moment(moment: datetime | None) -> str | None:
    """`2026-11-20T09:00:00.123+00:00`; ValueError for a time without zone."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _task(task: TaskOutcome, outcome: FeatureOutcome) -> dict[str, Any]:
    done_as = task.bundle or task.id
    weakened = [_weakened(one) for batch in outcome.batches for one in batch.weakened if one.task == done_as]
    return {
        "id": task.id,
        "role": task.role,
        "agent": task.agent,
        "state": task.state.value,
        "branch": task.branch,
        "commit": task.commit,
        "started_at": iso_moment(task.started_at),
        "ended_at": iso_moment(task.ended_at),
        "tries": task.tries,
        "reason": task.reason,
        **({"bundle": task.bundle} if task.bundle else {}),
        **({"usage": task.usage.model_dump(mode="json")} if task.usage else {}),
        **({"review": task.review.model_dump(mode="json", exclude_none=True)} if task.review else {}),
        **({"weakened": weakened} if weakened else {}),
    }


def batch_record(batch: BatchOutcome) -> dict[str, Any]:
    """One batch as plain data."""
    return {
        "id": batch.id,
        "state": batch.state.value,
        "commit": batch.commit,
        "tree": batch.tree,
        "verifications": batch.verifications,
        "landed": [] if batch.ready else list(batch.landed),
        **({"ready": list(batch.ready)} if batch.ready else {}),
        "rejected": [
            {
                "task": no.task,
                "kind": no.kind,
                "partner": no.partner,
                "files": list(no.files),
                "reason": no.reason,
                "repeat": list(repeat_rejection(batch, no)),
                **({"presets": list(no.presets)} if no.presets else {}),
            }
            for no in batch.rejected
        ],
        "held": [{"task": held.task, "by": held.by} for held in batch.held],
        **({"reason": batch.reason} if batch.reason else {}),
        **({"red_on_base": list(batch.red_on_base)} if batch.red_on_base else {}),
        **({"flaky": list(batch.flaky)} if batch.flaky else {}),
        **({"acquitted": list(batch.acquitted)} if batch.acquitted else {}),
        **({"stages": [stage.model_dump(mode="json") for stage in batch.stages]} if batch.stages else {}),
        "settled": [{"task": file.task, "path": file.path, "by": file.by} for file in batch.settled],
        "weakened": [_weakened(finding) for finding in batch.weakened],
        "onto": batch.onto,
        "chain": [{"task": one.task, "tip": one.tip, "commit": one.commit} for one in batch.chain],
        "trees": [_tree(batch, tree) for tree in batch.trees],
    }


def _weakened(finding: WeakenedTest) -> dict[str, Any]:
    return {"task": finding.task, "path": finding.path, "line": finding.line, "what": finding.what}


def _tree(batch: BatchOutcome, tree: VerifiedTree) -> dict[str, Any]:
    return {
        "branches": list(tree.branches),
        "tree": tree.tree,
        "verdict": tree.verdict,
        "command": tree.command,
        "seconds": finite(tree.seconds),
        "remembered": tree.remembered,
        "log": tree.log,
        "contracts": list(tree.contracts),
        "repeat": list(repeat_verification(batch, tree)),
    }


def finite(figure: float, *, digits: int = 3) -> float | None:
    """A figure as JSON can have it, rounded."""
    # JSON knows no infinity; a bound can be one only by a bug, and that must not cost the user the whole record.
    return round(figure, digits) if math.isfinite(figure) else None


def report_json(outcome: FeatureOutcome, metrics: Metrics, insights: Sequence[str]) -> str:
    """Indented JSON in ASCII: what `plait run --json` prints, and `metrics`, `readings`, `insights`, `approvals`.

    The keys are a promise to scripts; docs/report.md says what each means.
    """
    return json.dumps(report_record(outcome, metrics, insights), indent=2, allow_nan=False)


def report_record(outcome: FeatureOutcome, metrics: Metrics, insights: Sequence[str]) -> dict[str, Any]:
    """The same as plain data."""
    return {
        **outcome_record(outcome),
        "metrics": _metrics(metrics),
        "readings": {_NAMES[reading.figure]: _reading(reading) for reading in readings(metrics)},
        "insights": list(insights),
        "approvals": [_approval(approval) for approval in outcome.approvals],
    }


_NAMES = {"beside": "share_in_parallel", "conflicts": "conflict_rate", "bound": "bound_ratio"}
"""The metric that each reading is of."""


def _metrics(metrics: Metrics) -> dict[str, Any]:
    return {
        "elapsed_seconds": _rounded(metrics.elapsed_seconds),
        "work_seconds": _rounded(metrics.work_seconds),
        "saved_seconds": _rounded(metrics.saved_seconds),
        "approval_seconds": _rounded(metrics.approval_seconds),
        "account_seconds": _rounded(metrics.account_seconds),
        "bound_seconds": _rounded(metrics.bound_seconds),
        "bound_ratio": _rounded(metrics.bound_ratio),
        "agents": metrics.agents,
        "tasks_run": metrics.tasks_run,
        "speedup": _rounded(metrics.speed_up),
        "efficiency": _rounded(metrics.efficiency),
        "share_in_parallel": _rounded(metrics.beside_share),
        "busiest_role": metrics.busiest_role,
        "busiest_share": _rounded(metrics.busiest_share),
        "branches": metrics.branches,
        "conflicts": metrics.conflicts,
        "conflict_rate": _rounded(metrics.conflict_rate),
        "verifications": metrics.verifications,
        "tries": metrics.tries,
        "failed_tries": metrics.failed_tries,
    }


def _reading(reading: Reading) -> dict[str, str]:
    return {"reading": reading.verdict, "sentence": reading.sentence}


def _approval(approval: Approval) -> dict[str, Any]:
    return {
        "contract": approval.contract,
        "version": approval.version,
        "owner": approval.owner,
        "asked_at": iso_moment(approval.asked_at),
        "answered_at": iso_moment(approval.answered_at),
        "holds": list(approval.holds),
    }


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else finite(figure, digits=_DIGITS)
