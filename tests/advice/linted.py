"""Plans as lint sees them."""

from collections.abc import Collection

from plait.advice.lint.facts import Facts
from plait.advice.lint.findings import LintFindings, lint
from plait.advice.lint.rule import Rule
from plait.advice.lint.rules import RULES
from plait.plans.errors import PlanError, Problem
from plait.plans.language.crew import DEFAULT_CREW, merge_crews
from plait.plans.language.model import Plan
from plait.plans.language.parsing import check_roles, plan_of, read_plan
from plait.plans.language.places import NOWHERE, Places
from plait.plans.tasks.expansion import expand

VERIFIED = "integration: {verify: [make test]}\n"
OVERLAP = (
    "tasks:\n"
    "  - {id: A, role: backend, owns: [src/x.py], prompt: Write the first.}\n"
    "  - {id: B, role: backend, owns: [src/x.py], prompt: Write the second.}\n"
    "  - {id: C, role: backend, owns: [src/x.py], prompt: Write the third.}\n"
) + VERIFIED
"""Three tasks beside each other on one file."""


IGNORED = {"web/lib/**": ".gitignore, line 17: lib/"}
"""What somebody has found out about the repository."""


def facts_of(plan: Plan) -> Facts:
    crew = merge_crews(plan.crew, DEFAULT_CREW)
    return Facts(plan, crew, expand(plan, crew), IGNORED)


def linted(text: str, *, rules: Collection[Rule] = RULES) -> LintFindings:
    """What lint finds in a plan without its first line."""
    document = read_plan(f"feature: f\n{text}", source="p")
    return lint_of(plan_of(document, source="p"), places=document.places, rules=rules)


def mistakes_in(text: str) -> tuple[Problem, ...]:
    """Why a plan without its first line is refused; nothing when it is not."""
    try:
        document = read_plan(f"feature: f\n{text}", source="p")
        plan = plan_of(document, source="p")
    except PlanError as error:
        return error.problems
    return check_roles(plan, merge_crews(plan.crew, DEFAULT_CREW), places=document.places)


def lint_of(plan: Plan, *, places: Places = NOWHERE, rules: Collection[Rule] = RULES) -> LintFindings:
    return lint(facts_of(plan), places=places, rules=rules)


def said(text: str) -> list[str]:
    """The codes and sentences that lint finds, by line."""
    return [f"{finding.rule.code} {finding.message}" for finding in linted(text).shown]


def codes(text: str) -> list[str]:
    return [finding.rule.code for finding in linted(text).shown]


def ignoring(*silences: str) -> str:
    """The key that silences these for the reason `it is meant`."""
    return "lint: {ignore: [" + ", ".join(f"{{{silence}, reason: it is meant}}" for silence in silences) + "]}\n"


def agents(*tasks: str) -> str:
    """A plan of agents' tasks, `ID key: value, …` each."""
    lines = []
    for task in tasks:
        name, _, keys = task.partition(" ")
        prompt = "" if "prompt:" in keys else f", prompt: Do what {name} is for."
        lines.append(f"  - {{id: {name}, role: backend, {keys}{prompt}}}\n")
    return f"tasks:\n{''.join(lines)}{VERIFIED}"
