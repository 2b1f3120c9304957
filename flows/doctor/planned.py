"""Looks at what a plan needs of this machine: its agents, and the programs that its checks name."""

from collections.abc import Iterator
from pathlib import Path

from plait.flows.doctor.findings import Finding
from plait.flows.inputs.agents_here import missing_agents, missing_of_checks, unstaffed
from plait.flows.inputs.filled_presets import shown_presets
from plait.flows.inputs.requests import Brief
from plait.flows.inputs.sandboxes_here import require_sandboxes
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.environment import added, from_shell


def look_at_plan(brief: Brief, place: Path) -> Iterator[Finding]:
    """Agents that could not be started, and programs that checks name and nobody finds."""
    faults = [Finding("error", problem.at(brief.source)) for problem in missing_agents(brief, place)]
    yield from faults
    if nobody := unstaffed(brief):
        faults.append(Finding("error", nobody))
        yield faults[-1]
    try:
        require_sandboxes(brief)
    except EnvironmentProblem as problem:
        faults.append(Finding("error", problem.message, problem.hint or ""))
        yield faults[-1]
    brief, _ = shown_presets(brief, place)
    missing = missing_of_checks(brief)
    for program, (owner, command, is_set_up) in missing.items():
        words = f"{program} is not on the PATH: `{command}` of {owner} needs it"
        if is_set_up:
            yield Finding("warning", f"{words}, and its set-up may bring it", "`plait run` tries that before it begins")
        else:
            yield Finding("error", words, f"install {program}, or let `setup` do so")
    if not faults and not missing:
        yield Finding("fine", f"{brief.source}: its agents and the programs of its checks are here")


def variables_wanted(brief: Brief) -> dict[str, str]:
    """By variable, the first role that is to be given it."""
    wanted = dict[str, str]()
    for name in sorted({task.role for task in brief.expansion.tasks}):
        for variable in from_shell(added(brief.crew.environment, brief.crew.role(name).environment)):
            wanted.setdefault(variable, f"the role {name}")
    for variable in from_shell(brief.plan.integration.environment):
        wanted.setdefault(variable, "integration.verify")
    return wanted
