"""A run's report as the one JSON object that `plait report --json` prints."""

import json
from collections.abc import Sequence
from typing import Any

from plait.plans.tasks.outcomes import Approval, FeatureOutcome
from plait.show.metrics import Metrics, Reading, readings
from plait.show.rendering import finite, iso_moment, outcome_record

_DIGITS = 6


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
        "readings": {_NAMES[one.figure]: _reading(one) for one in readings(metrics)},
        "insights": list(insights),
        "approvals": [_approval(one) for one in outcome.approvals],
    }


_NAMES = {"beside": "share_in_parallel", "conflicts": "conflict_rate", "bound": "bound_ratio"}
"""The metric that each reading is of."""


def _metrics(metrics: Metrics) -> dict[str, Any]:
    return {
        "elapsed_seconds": _rounded(metrics.elapsed_seconds),
        "work_seconds": _rounded(metrics.work_seconds),
        "saved_seconds": _rounded(metrics.saved_seconds),
        "approval_seconds": _rounded(metrics.approval_seconds),
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


def _reading(one: Reading) -> dict[str, str]:
    return {"reading": one.verdict, "sentence": one.sentence}


def _approval(one: Approval) -> dict[str, Any]:
    return {
        "contract": one.contract,
        "version": one.version,
        "owner": one.owner,
        "asked_at": iso_moment(one.asked_at),
        "answered_at": iso_moment(one.answered_at),
        "holds": list(one.holds),
    }


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else finite(figure, digits=_DIGITS)
