"""Look at this machine, the repository, and a plan: what will not work, and how to mend it. Nothing is changed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.doctor.findings import Finding
    from plait.flows.inputs.requests import Brief

NAME = "doctor"
EXAMPLES = (
    "Examples: `plait doctor` · `plait doctor plan.yaml` · `plait doctor plan.yaml --crew crew.yaml --json`\n\n"
    "Exit codes: 0 all will work · 1 something will not · 2 the plan or the call is wrong"
)

_MARKS = {"fine": "✓", "note": "·", "warning": "!", "error": "✗"}
_PLAIN_MARKS = {"fine": "ok", "note": "--", "warning": "!!", "error": "XX"}
_COLOURS = {"fine": "green", "note": None, "warning": "yellow", "error": "red"}


def command(
    plan: Annotated[
        Path | None,
        typer.Argument(
            help="A plan file or folder of task specs, to look at what it needs as well.",
            metavar="PLAN",
            show_default=False,
        ),
    ] = None,
    repo: Annotated[Path, typer.Option(help="A clone, or any directory in it.")] = Path(),
    crew: Annotated[
        list[str] | None,
        typer.Option(help="A crew file, or agents by role, such as backend=3,frontend=2 (may be repeated)."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Say what will not work here, and how to mend it."""
    from plait.flows.doctor.findings import look_at_all
    from plait.flows.doctor.leftovers import look_at_locks, look_at_runs
    from plait.flows.doctor.machine import (
        look_at_agents,
        look_at_git,
        look_at_home,
        look_at_limits,
        look_at_sandboxes,
        look_at_secrets,
        look_at_system,
    )
    from plait.flows.doctor.planned import look_at_plan, variables_wanted
    from plait.flows.doctor.services import look_at_server, look_at_store
    from plait.flows.terminal.plan_notices import mistakes_told

    brief: Brief | None = None
    if plan is not None:
        from plait.flows.inputs.crew_option import given_brief

        with mistakes_told(json=json):
            brief, _ = given_brief(plan, crew or (), repository=repo)
    wanted = variables_wanted(brief) if brief else {}
    slots = brief.crew.slots_of({task.role for task in brief.expansion.tasks}) if brief else {}
    looks = [
        ("system", look_at_system),
        ("git", lambda: look_at_git(repo)),
        ("state", look_at_home),
        ("limits", look_at_limits),
        ("agents", look_at_agents),
        ("sandbox", look_at_sandboxes),
        ("secrets", lambda: look_at_secrets(wanted)),
        ("server", lambda: look_at_server(slots)),
        ("store", look_at_store),
        ("runs", look_at_runs),
        ("locks", lambda: look_at_locks(repo)),
    ]
    if brief is not None:
        whole = brief
        looks.append(("plan", lambda: look_at_plan(whole, repo)))
    findings = look_at_all(looks)
    _print_json(findings) if json else _print(findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def _print(findings: "tuple[Finding, ...]") -> None:
    import sys

    from plait.plans.wording import count

    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    marks = _MARKS if encoding == "utf8" else _PLAIN_MARKS
    for finding in findings:
        mark = typer.style(marks[finding.level], fg=_COLOURS[finding.level]) if _may_colour() else marks[finding.level]
        typer.echo(f"{mark} {finding.topic}: {finding.message}")
        if finding.hint:
            typer.echo(f"    {finding.hint}")
    errors, warnings = (sum(finding.level == level for finding in findings) for level in ("error", "warning"))
    if errors:
        typer.echo(f"\n{count(errors, 'thing')} will not work, {count(warnings, 'warning')}")
    else:
        more = f", with {count(warnings, 'warning')}" if warnings else ""
        typer.echo(f"\nruns will work here{more}")


def _print_json(findings: "tuple[Finding, ...]") -> None:
    import json

    from plait import __version__

    rows = [
        {"topic": each.topic, "level": each.level, "message": each.message, "hint": each.hint or None}
        for each in findings
    ]
    ok = all(each.level != "error" for each in findings)
    typer.echo(json.dumps({"ok": ok, "plait": __version__, "findings": rows}, indent=2))


def _may_colour() -> bool:
    import os
    import sys

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
