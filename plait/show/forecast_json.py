"""A forecast as one JSON object: times in hours, for scripts and agents."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from plait.advice.forecasts.bundle_search import ChosenBundles
from plait.advice.forecasts.costing import CostForecast, usd_by_role
from plait.advice.forecasts.forecast_record import Band, Forecast, RoleForecast, TaskForecast, WhatIf
from plait.plans.tasks.expansion import PlannedTask

if TYPE_CHECKING:  # most forecasts are made without it
    from plait.advice.forecasts.sizing import Sizing

_DIGITS = 6


def forecast_record(made: Forecast) -> dict[str, Any]:
    """All figures of a forecast; hours are rounded to 6 digits. Quantiles are null where no runs were simulated."""
    return {
        "elapsed_hours": _hours(made.elapsed),
        "work_hours": _hours(made.work),
        "speedup": round(made.speed_up, _DIGITS),
        "efficiency": round(made.efficiency, _DIGITS),
        "agents": made.agents,
        "bound_hours": _hours(made.bound.seconds),
        "bound_kind": made.bound.kind,
        "bound_ratio": round(made.bound_ratio, _DIGITS),
        "bottleneck": made.bottleneck,
        "critical_path": list(made.critical_path),
        **_quantiles(made.ends),
        "samples": made.samples,
        "tasks": [_task(task) for task in made.tasks],
        "roles": [_role(role) for role in made.roles],
        "what_if": [_variant(variant, made) for variant in made.what_if],
        "learned": list(made.learned),
    }


def cost_record(cost: CostForecast) -> dict[str, Any]:
    """What the agents may cost, in US dollars; quantiles are null where nothing is known."""
    names = ("p10", "p50", "p80", "p90", "p95")
    return {
        **{f"{name}_usd": None if cost.usd is None else _usd(getattr(cost.usd, name)) for name in names},
        "agent_tasks": cost.tasks,
        "unknown": list(cost.unknown),
        "exact": cost.is_exact,
        "prices_dated": cost.dated or None,
        "by_role": {role: _usd(amount) for role, amount in usd_by_role(cost).items()},
        "tasks": [
            {"id": part.id, "role": part.role, "p50_usd": _usd(part.usd.p50), "p90_usd": _usd(part.usd.p90)}
            | {"sources": part.sources}
            for part in cost.parts
        ],
        "told": cost.told,
    }


def _usd(amount: float) -> float:
    return round(amount, _DIGITS)


def sizing_record(sizing: "Sizing") -> dict[str, Any]:
    """The crew that a plan is worth, and the smaller and larger ones that it was chosen from."""
    return {
        "pick": dict(sizing.pick.slots),
        "reason": sizing.reason,
        "steps": [
            {
                "agents": step.agents,
                "slots": dict(step.slots),
                "elapsed_hours": _hours(step.elapsed),
                "p80_hours": None if step.p80 is None else _hours(step.p80),
                "efficiency": round(step.efficiency, _DIGITS),
                "agent_hours": _hours(step.agent_seconds),
            }
            for step in sizing.steps
        ],
        "widths": dict(sizing.widths),
        "notes": list(sizing.notes),
    }


def bundle_records(bundles: Iterable[PlannedTask]) -> list[dict[str, Any]]:
    """The bundles, each with its tasks, and how long it and they take as planned."""
    return [
        {
            "id": bundle.id,
            "role": bundle.role,
            "tasks": [member.id for member in bundle.members],
            "hours": _hours(bundle.seconds),
            "single_hours": _hours(sum(member.seconds for member in bundle.members)),
        }
        for bundle in bundles
    ]


def saved_record(chosen: ChosenBundles) -> dict[str, float] | None:
    """How much sooner simulated runs end by all bundles together; nothing where there are none."""
    if not chosen.bundles:
        return None
    return {"p50_hours": _hours(chosen.saved_p50), "mean_hours": _hours(chosen.saved_mean)}


def _task(task: TaskForecast) -> dict[str, Any]:
    return {
        "id": task.id,
        "role": task.role,
        "agent": task.agent,
        "start_hours": _hours(task.start),
        "end_hours": _hours(task.end),
        "slack_hours": _hours(task.slack),
        "waiting_hours": _hours(task.waits),
        "critical": task.critical,
        **{f"end_{name}": value for name, value in _quantiles(task.ends).items()},
    }


def _role(role: RoleForecast) -> dict[str, Any]:
    return {
        "role": role.role,
        "slots": role.slots,
        "work_hours": _hours(role.work),
        "busy": round(role.busy, _DIGITS),
        "waiting_hours": _hours(role.waiting),
    }


def _variant(variant: WhatIf, made: Forecast) -> dict[str, Any]:
    return {
        "role": variant.role,
        "slots": variant.slots,
        "elapsed_hours": _hours(variant.elapsed),
        "change_hours": _hours(variant.elapsed - made.elapsed),
        "p50_hours": None if variant.p50 is None else _hours(variant.p50),
    }


def _quantiles(band: Band | None) -> dict[str, float | None]:
    names = ("p10", "p50", "p80", "p90", "p95")
    return {f"{name}_hours": None if band is None else _hours(getattr(band, name)) for name in names}


def _hours(seconds: float) -> float:
    return round(seconds / 3600, _DIGITS)
