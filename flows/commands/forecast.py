"""Forecast a plan: when it ends and how sure that is, what holds it up, and what other crews would change."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # pydantic and YAML are imported by the command itself
    from plait.advice.forecasts.forecast_record import Forecast
    from plait.advice.forecasts.sizing import Sizing
    from plait.flows.forecasting import Bundling, ImprovedOrder
    from plait.flows.inputs.requests import Brief

NAME = "forecast"
EXAMPLES = (
    "Examples: `plait forecast plan.yaml` · `plait forecast plan.yaml --crew backend=3,frontend=2` · "
    "`plait forecast plan.yaml --size` · `plait forecast plan.yaml --size --agents 6` · "
    "`plait forecast plan.yaml --crew crew.yaml --improve 1` · `plait forecast plan.yaml --json`\n\n"
    "Exit codes: 0 forecast · 2 the plan or the call is wrong"
)


def command(
    plan: Annotated[
        Path,
        typer.Argument(
            help="The plan file, a folder of task specs, or - for standard input.", metavar="PLAN", show_default=False
        ),
    ],
    crew: Annotated[
        list[str] | None,
        typer.Option(
            help="A crew file, or agents by role, such as backend=3,frontend=2 (may be repeated).",
            metavar="FILE|ROLE=N,…",
        ),
    ] = None,
    repo: Annotated[Path, typer.Option(help="The repository whose history corrects the estimates.")] = Path(),
    only: Annotated[
        list[str] | None, typer.Option(help="Forecast only this task (may be repeated).", metavar="TASK")
    ] = None,
    improve: Annotated[
        float,
        typer.Option(
            help="Search for a better order for so many seconds; taken only when simulated runs gain by it.",
            metavar="SECONDS",
            min=0,
            max=600,
        ),
    ] = 0,
    size: Annotated[
        bool,
        typer.Option(
            "--size", help="Propose how many agents of each role it is worth; --crew then says how many there are."
        ),
    ] = False,
    agents: Annotated[
        int | None, typer.Option(help="With --size: the most agents in all.", min=1, show_default=False)
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(help="Runs to simulate, 0 for none; 1000, fewer for large plans.", min=0, max=20_000),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number draws other durations.", min=0)] = 0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Say what a plan will take; nothing runs."""
    from plait.advice.forecasts.reforecasting import usual_verification
    from plait.flows.forecasting import bundling_of, forecast_of, improved_order, limits_of, sizing_of
    from plait.flows.inputs.agents_around import around_plan
    from plait.flows.inputs.crew_option import read_crew_option
    from plait.flows.inputs.requests import narrow, read_brief, read_crew_file, read_given_plan
    from plait.flows.past_durations import history_of, verifications_of
    from plait.flows.terminal.plan_notices import mistakes_told

    _refuse_what_contradicts(size=size, agents=agents, improve=improve, repo=repo)
    option = read_crew_option(crew or ())
    with mistakes_told(json=json):
        given, folder = read_crew_file(option.file) if option.file else None, (option.file or plan).resolve().parent
        around = around_plan(plan, repo)
        brief = read_brief(read_given_plan(plan), source=str(plan), crew=given, folder=folder, around=around)
    chosen = narrow(brief.expansion, tuple(only or ()))
    slots = option.slots_for({task.role for task in brief.expansion.tasks})
    history, verification = history_of(repo), usual_verification(verifications_of(repo, brief.plan))
    order = sizing = bundling = None
    if not size:  # which compares crews: what fits one of them may be bundled differently for the next
        bundling = bundling_of(brief, chosen=chosen, slots_override=slots, history=history)
        brief, chosen = bundling.brief, bundling.chosen
    if improve:
        order = improved_order(brief, seconds=improve, chosen=chosen, slots_override=slots, history=history, seed=seed)
    if size:
        limits = limits_of(given, slots)
        sizing = sizing_of(
            brief, chosen=chosen, agents=agents, limits=limits, history=history, samples=samples, seed=seed
        )
    made = forecast_of(
        brief,
        chosen=chosen,
        slots_override=slots,
        history=history,
        samples=samples,
        seed=seed,
        what_if=json or not size,
        urgency=order.urgency if order else None,
    )
    if json:
        typer.echo(_json(brief, made, order, sizing, bundling, seed=seed, verification=verification))
    else:
        _show(brief, made, order, sizing, bundling, verification)


def _refuse_what_contradicts(*, size: bool, agents: int | None, improve: float, repo: Path) -> None:
    from plait.plans.errors import CallError
    from plait.workspace.places import is_folder

    if agents is not None and not size:
        raise CallError("--agents says how many there may be for --size", hint="--size --agents N, or --crew role=n")
    if size and improve:
        raise CallError(
            "--size compares crews in the rule's order", hint="--improve the order of the one that it picks"
        )
    if not is_folder(repo):
        raise CallError(f"there is no directory {repo}", hint="name a directory inside a git clone")


def _show(
    brief: "Brief",
    made: "Forecast",
    order: "ImprovedOrder | None",
    sizing: "Sizing | None",
    bundling: "Bundling | None",
    verification: float | None,
) -> None:
    if sizing:
        from plait.flows.terminal.forecast_view import show_sizing

        show_sizing(brief, made, sizing)
    else:
        from plait.flows.terminal.forecast_view import show_forecast

        show_forecast(brief, made, order, told=bundling.told if bundling else "", verification=verification)
    for line in brief.expansion.notices:
        typer.echo(f"note: {line}", err=True)
    for key in brief.expansion.unsupported:
        typer.echo(f"warning: not carried out yet: {key}", err=True)


def _json(
    brief: "Brief",
    made: "Forecast",
    order: "ImprovedOrder | None",
    sizing: "Sizing | None",
    bundling: "Bundling | None",
    *,
    seed: int,
    verification: float | None,
) -> str:
    import json

    from plait.show.forecast_json import bundle_records, forecast_record, saved_record, sizing_record

    record = {
        "feature": brief.plan.feature,
        "seed": seed,
        "order": _order_record(order),
        "sizing": sizing_record(sizing) if sizing else None,
        "bundles": bundle_records(bundling.bundles if bundling else ()),
        "bundles_save": saved_record(bundling.sharing) if bundling else None,
        **forecast_record(made),
        "verification_seconds": None if verification is None else round(verification, 3),
        "unsupported": list(brief.expansion.unsupported),
        "notices": list(brief.expansion.notices),
    }
    return json.dumps(record, indent=2)


def _order_record(order: "ImprovedOrder | None") -> dict[str, Any] | None:
    """What `--improve` found, in hours at expected durations."""
    if order is None:
        return None
    return {
        "taken": order.urgency is not None,
        "elapsed_hours": round(order.elapsed / 3600, 6),
        "rule_elapsed_hours": round(order.rule_elapsed / 3600, 6),
        "evaluations": order.evaluations,
    }
