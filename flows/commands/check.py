"""Check a plan: every mistake and everything doubtful at once, with file, line and column; nothing runs."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # pydantic and YAML are imported by the command itself
    from plait.advice.lint.findings import LintFinding, LintFindings
    from plait.flows.inputs.requests import Brief
    from plait.plans.errors import PlanError

NAME = "check"
EXAMPLES = (
    "Examples: `plait check plan.yaml` · `plait check plan.yaml --crew crew.yaml --strict` · "
    "`plait check plan.yaml --format sarif > plan.sarif` · `plait check --explain PLAN103`\n\n"
    "Exit codes: 0 fine, or warnings only · 1 findings and `--strict` · 2 the plan or the call is wrong"
)


class FindingsFormat(StrEnum):
    """How the findings are printed."""

    text = "text"
    json = "json"
    sarif = "sarif"


def command(
    plan: Annotated[
        Path | None,
        typer.Argument(
            help="The plan file, a folder of task specs, or - for standard input.", metavar="PLAN", show_default=False
        ),
    ] = None,
    crew: Annotated[
        list[str] | None,
        typer.Option(help="A crew file, or agents by role, such as backend=3,frontend=2 (may be repeated)."),
    ] = None,
    form: Annotated[
        FindingsFormat | None,
        typer.Option("--format", help="Lines, one JSON object, or SARIF for code scanning.", show_default="text"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as `--format json`.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when anything is found.")] = False,
    select: Annotated[
        list[str] | None, typer.Option(help="Only these rules, such as PLAN103 or PLAN1,PLAN301.", metavar="CODES")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="All rules but these.", metavar="CODES")] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print the page of all rules and end.")] = False,
    explain: Annotated[
        str | None, typer.Option(help="Print what one rule finds, and why, and end.", metavar="CODE")
    ] = None,
) -> None:
    """Read the plan and say what is wrong with it, what is doubtful, and what it holds."""
    if rules or explain is not None:
        _print_rules(explain)
        return
    import os

    # What pydantic looks for in every installed package to let it watch validation: 3 % of the command.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    from plait.advice.lint.facts import Facts
    from plait.advice.lint.findings import lint, with_problems
    from plait.advice.lint.rules import chosen
    from plait.flows.inputs.agents_here import missing_agents
    from plait.flows.inputs.crew_option import given_brief
    from plait.flows.inputs.ignored_paths import ignored_paths
    from plait.plans.errors import CallError, ExitCode, PlanError

    if plan is None:
        raise CallError("which plan?", "`plait check plan.yaml`; `--rules` and `--explain CODE` go without one")
    form = _format_of(form, json=json)
    looked_for = chosen(_codes(select), _codes(ignore))
    try:
        brief, _ = given_brief(plan, crew or ())
    except PlanError as problems:
        _print_problems(problems, form)
        raise typer.Exit(int(problems.exit_code)) from None
    if unknown := _unknown_branches(brief):
        _print_problems(unknown, form)
        raise typer.Exit(int(unknown.exit_code))
    told = (*_shown_presets(brief), *_told_of_base(brief), *_variables(brief))
    told = (*told, *_told_filters(brief), *_unstaffed(brief), *_told_programs(brief), *_told_roles(brief))
    facts = Facts(brief.plan, brief.crew, brief.expansion, ignored_paths(brief, Path()))
    findings = lint(facts, places=brief.places, rules=looked_for)
    found = (*missing_agents(brief, Path()), *brief.found.repository_faults)
    findings = with_problems(findings, found, looked_for)
    _print(brief, findings, form, told)
    if findings.errors or (strict and findings.shown):
        raise typer.Exit(int(ExitCode.BAD_INPUT if findings.errors else ExitCode.HELD_BACK))


def _print_rules(explain: str | None) -> None:
    from plait.advice.lint.page import explanation, rules_page
    from plait.advice.lint.rules import rule_named

    typer.echo(rules_page() if explain is None else explanation(rule_named(explain)), nl=False)


def _format_of(form: FindingsFormat | None, *, json: bool) -> FindingsFormat:
    from plait.plans.errors import CallError

    if json and form not in (None, FindingsFormat.json):
        raise CallError(f"--json and --format {form} are two formats")
    return FindingsFormat.json if json else form or FindingsFormat.text


def _codes(given: list[str] | None) -> list[str]:
    return [code.strip() for several in given or () for code in several.split(",")]


def _print_problems(problems: "PlanError", form: FindingsFormat) -> None:
    """Mistakes as the format has them; for people on standard error, each with its code as findings have it."""
    if form is not FindingsFormat.text:
        typer.echo(problems.to_json() if form is FindingsFormat.json else _mistakes_sarif(problems))
        return
    label = typer.style("error", fg="red", bold=True) if _may_colour(err=True) else "error"
    for problem in problems.problems:
        typer.echo(f"{label}: {problem.at(problems.source, coded=True)}", err=True)
    code = problems.problems[0].code
    typer.echo(f"  hint: `plait check --explain {code}` says why, and what to do", err=True)


def _unknown_branches(brief: "Brief") -> "PlanError | None":
    """Branches that tasks take and that the repository around does not have; without a repository nothing is said."""
    if all(task.branch is None for task in brief.plan.tasks):
        return None
    from plait.flows.running.taken_branches import unknown_branches

    return unknown_branches(brief, Path())


def _shown_presets(brief: "Brief") -> tuple[str, ...]:
    from plait.flows.inputs.filled_presets import has_presets, shown_presets

    return shown_presets(brief, Path())[1] if has_presets(brief) else ()


def _unstaffed(brief: "Brief") -> tuple[str, ...]:
    from plait.flows.inputs.agents_here import unstaffed

    told = unstaffed(brief)
    return (told,) if told else ()


def _told_roles(brief: "Brief") -> tuple[str, ...]:
    from plait.flows.inputs.agent_roles import told_of_brief

    return told_of_brief(brief)


def _told_programs(brief: "Brief") -> tuple[str, ...]:
    """Programs of checks that are not here: what a run would be refused for, on this machine alone."""
    from plait.flows.inputs.agents_here import missing_of_checks

    missing = ((program, *where) for program, where in missing_of_checks(brief).items())
    return tuple(
        f"{program} is not on the PATH: `{command}` of {owner} needs it, and a run here would be refused"
        for program, owner, command, is_set_up in missing
        if not is_set_up
    )


def _told_of_base(brief: "Brief") -> tuple[str, ...]:
    """What people should know of the base in the repository around; outside of one nothing is said."""
    from plait.plans.errors import PlaitError
    from plait.workspace.bases import base_around
    from plait.workspace.places import has_fetched

    if brief.plan.base is None and not has_fetched(Path()):  # nothing to be said, and git takes 0.1 s to import
        return ()
    try:
        base = base_around(Path(), brief.plan.base)
    except PlaitError as problem:  # which repository the plan is for, only a run knows
        return (f"{problem}{f' ({problem.hint})' if problem.hint else ''}",) if brief.plan.base else ()
    return base.told if base else ()


def _told_filters(brief: "Brief") -> tuple[str, ...]:
    from plait.flows.inputs.base_around import told_filters

    return told_filters(brief, Path())


def _print(brief: "Brief", findings: "LintFindings", form: FindingsFormat, told: tuple[str, ...]) -> None:
    if form is FindingsFormat.json:
        typer.echo(_summary_json(brief, findings, told))
    elif form is FindingsFormat.sarif:
        typer.echo(_sarif(brief, findings))
    else:
        _print_text(brief, findings, told)


def _print_text(brief: "Brief", findings: "LintFindings", told: tuple[str, ...]) -> None:
    from plait.advice.lint.findings import finding_lines, tally

    for line in finding_lines(findings, source=brief.source, colour=_may_colour()):
        typer.echo(line)
    tasks = brief.expansion.tasks
    roles = sorted({task.role for task in tasks})
    summary = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'} for {', '.join(roles)}"
    typer.echo(f"{brief.source}: {summary}; {tally(findings)}")
    for line in (*told, *brief.expansion.notices):
        typer.echo(f"note: {line}", err=True)
    for keys in _alike(brief.expansion.unsupported):
        more = f", and likewise {len(keys) - 1} more" if keys[1:] else ""
        typer.echo(f"warning: not carried out yet: {keys[0]}{more}", err=True)


def _variables(brief: "Brief") -> tuple[str, ...]:
    from plait.flows.inputs.agents_here import shell_scripts
    from plait.plans.language.program_variables import told_variables
    from plait.workspace.environment import set_variables

    return told_variables(brief.plan, brief.crew, set_variables(), text_of=shell_scripts(Path()))


def _alike(keys: Iterable[str]) -> list[list[str]]:
    """The paths of keys, those that differ only by their position together."""
    import re

    alike: dict[str, list[str]] = {}
    for key in keys:
        alike.setdefault(re.sub(r"\[[0-9]+\]", "[]", key), []).append(key)
    return list(alike.values())


def _may_colour(*, err: bool = False) -> bool:
    import os
    import sys

    return (
        (sys.stderr if err else sys.stdout).isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )


def _sarif(brief: "Brief", findings: "LintFindings") -> str:
    from plait.flows.terminal.sarif_log import findings_log

    return findings_log(findings, source=brief.source, text=brief.text)


def _mistakes_sarif(problems: "PlanError") -> str:
    from plait.flows.terminal.sarif_log import mistakes_log

    return mistakes_log(problems)


def _summary_json(brief: "Brief", findings: "LintFindings", told: tuple[str, ...]) -> str:
    import json

    tasks = [
        {"id": task.id, "role": task.role, "needs": [list(group) for group in task.needs], "seconds": task.seconds}
        for task in brief.expansion.tasks
    ]
    record = {
        "source": brief.source,
        "ok": not findings.errors,
        "feature": brief.plan.feature,
        "tasks": tasks,
        "routes": [route.record() for route in brief.expansion.routes],
        "findings": [_row(finding, brief.source) for finding in findings.shown],
        "silenced": [_row(finding, brief.source) | {"reason": finding.reason} for finding in findings.silenced],
        "unsupported": list(brief.expansion.unsupported),
        "notices": [*told, *brief.expansion.notices],
    }
    return json.dumps(record, indent=2)


def _row(finding: "LintFinding", source: str) -> dict[str, object]:
    return {
        "code": finding.rule.code,
        "name": finding.rule.name,
        "severity": finding.rule.severity,
        "message": finding.message,
        "hint": finding.hint,
        "file": finding.file or source,
        "line": finding.line,
        "column": finding.column,
        "path": finding.path,
        "tasks": list(finding.tasks),
    }
