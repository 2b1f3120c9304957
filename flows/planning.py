"""Lets an architect write a plan for a goal: drafts are checked like any plan, and given back with what is found."""

import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from plait.advice.lint.facts import Facts
from plait.advice.lint.findings import finding_lines, lint, with_problems
from plait.advice.lint.rules import RULES
from plait.agent_tasks.reading import Heard, Reading, read_in_checkout
from plait.blocks.agents.registry import agent_for
from plait.flows.inputs.agents_here import missing_agents
from plait.flows.inputs.requests import Brief, read_brief
from plait.flows.planning_prompt import planning_prompt
from plait.flows.preflight import usable_repository
from plait.plans.errors import EnvironmentProblem, PlanError
from plait.plans.language.crew import DEFAULT_CREW, Crew, merge_crews
from plait.plans.language.documents import read
from plait.plans.language.environment import added
from plait.plans.wording import one_line
from plait.workspace.home import plait_home

PLANS = "plans"
"""Of PLAIT_HOME: below it each plan that was asked for has a folder with its rounds."""
_TASK = "plan"
"""How the architect's program, and its script, know what they are asked."""
_SCHEMA: Final = json.dumps(
    {
        "type": "object",
        "properties": {"plan": {"type": "string", "description": "The whole plan as YAML."}},
        "required": ["plan"],
        "additionalProperties": False,
    }
)
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*(?:ya?ml)?[ \t]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_LONGEST_DRAFT = 1_000_000
_CREW: Final = frozenset({"crew"})
_EXECUTED: Final = frozenset(
    {"run", "verify", "setup", "tests", "command", "script", "backend", "default_backend", "mcp", "branch", "arguments"}
)
_HANDED_OVER: Final = frozenset(
    {"environment", "copy", "land", "push", "submodules", "sandbox", "hosts", "door", "url"}
)
"""Keys by which a plan gets something executed, handed over or moved: people see all of them before they agree."""
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    goal: str
    repository: Path
    base: str | None
    crew: Crew | None
    folder: Path
    """Where relative names in the crew are looked up."""
    role: str
    rounds: int
    source: str
    """The file that it is going to be."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that has no mistakes."""

    brief: Brief
    text: str
    rounds: int
    """How often it was written."""
    findings: tuple[str, ...]
    """What lint still has to say."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the architect wrote in one round, and what is wrong with it."""

    text: str
    brief: Brief | None
    findings: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return self.brief is not None


def planned(wish: Wish, *, tell: Callable[[str], None], on_line: Callable[[str], None] | None = None) -> Planned:
    """Ask the architect until nothing is found in its plan, or the rounds are over: then it has no mistakes at least.

    Raises:
        CallError: no such repository, base or role.
        PlanError: the last draft still has mistakes; it is kept in PLAIT_HOME.
        EnvironmentProblem: the architect's program is not there, or gives no plan.
    """
    home = plait_home()
    control = usable_repository(wish.repository, home=home)
    name, commit = control.base_commit(wish.base)
    crew = merge_crews(Crew(), wish.crew or DEFAULT_CREW)
    role = crew.role(wish.role)
    agent = agent_for(wish.role, role, base_directory=wish.folder, default=crew.default_backend)
    kept = home / PLANS / f"{datetime.now(UTC):%m%d-%H%M%S}-{secrets.token_hex(2)}"
    draft: Draft | None = None
    sound: Draft | None = None
    for number in range(1, wish.rounds + 1):
        tell(f"{wish.role} {'writes' if draft is None else 'mends'} the plan, from {name} ({commit[:10]})")
        folder = kept / f"round-{number}"
        folder.mkdir(parents=True)
        before, found = (draft.text, draft.findings) if draft else ("", ())
        prompt = planning_prompt(wish.goal, control, commit, crew, draft=before, findings=found)
        (folder / "prompt.md").write_text(prompt, encoding="utf-8")
        reading = Reading(
            task=_TASK,
            commit=commit,
            branch="plan",
            prompt=prompt,
            output=folder / "output.log",
            place=folder / "checkout",
            attempt=number,
            schema=_SCHEMA,
            complexity="complex",
        )
        heard = read_in_checkout(
            reading,
            control=control,
            home=home,
            role=role,
            work=agent.work,
            variables=added(crew.environment, role.environment),
            stop=threading.Event(),
            on_line=on_line,
        )
        draft = _drafted(heard, wish)
        (folder / "plan.yaml").write_text(draft.text, encoding="utf-8")
        sound = draft if draft.is_sound else sound
        if draft.is_sound and not draft.findings:
            break
        if number < wish.rounds:
            tell(f"{len(draft.findings)} things are found in it: {one_line(draft.findings[0], 200)}")
    if sound is None or sound.brief is None:
        raise EnvironmentProblem(
            f"the architect wrote no plan that can be run in {wish.rounds} rounds:\n"
            + "\n".join(one_line(line, 300) for line in (draft.findings if draft else ())[:10]),
            f"its drafts are in {kept}; say the goal more exactly, or allow more --rounds",
        )
    return Planned(sound.brief, sound.text, number, sound.findings)


def _drafted(heard: Heard, wish: Wish) -> Draft:
    """What was written, checked as `plait check` does it.

    Raises:
        EnvironmentProblem: the architect's program broke off.
    """
    report = heard.report
    if report.problem is not None:
        raise EnvironmentProblem(f"the architect ({wish.role}): {report.problem}", "see that its program works by hand")
    text = plan_text_in(report.answer, heard.printed)
    if not text.strip():
        return Draft("", None, ("there is no plan in the answer: it has to be the last fenced block of YAML",))
    try:
        brief = read_brief(text, source=wish.source, crew=wish.crew, folder=wish.folder)
    except PlanError as mistakes:
        return Draft(text, None, tuple(problem.at(mistakes.source, coded=True) for problem in mistakes.problems))
    findings = lint(Facts(brief.plan, brief.crew, brief.expansion), places=brief.places)
    findings = with_problems(findings, missing_agents(brief, wish.repository), RULES)
    lines = tuple(finding_lines(findings, source=wish.source, colour=False))
    return Draft(text, None if findings.errors else brief, lines)


def plan_text_in(answer: str | None, printed: str) -> str:
    """The plan in an answer: structured output, else the last fenced block of what was printed."""
    if answer is not None:
        try:
            structured = json.loads(answer)
        except (ValueError, RecursionError):
            structured = answer
        plan = structured.get("plan") if isinstance(structured, dict) else structured
        return plan[:_LONGEST_DRAFT] if isinstance(plan, str) else ""
    blocks = _FENCED.findall(printed)
    if not blocks:  # a program that tells of itself in lines of JSON
        blocks = _FENCED.findall(printed.replace("\\n", "\n").replace('\\"', '"'))
    return blocks[-1][1][:_LONGEST_DRAFT] if blocks else ""


@dataclass(frozen=True, slots=True)
class Reach:
    """A place at which a plan gets something executed, handed over or moved."""

    path: str
    what: str
    is_of_crew: bool
    """Whether it says who works, and with what: that is for people to say."""


def reaches_of(text: str) -> tuple[Reach, ...]:
    """All such places of a plan, in its order; of the text as it stands, so nothing hides behind a default."""
    return tuple(_reaches((), read(text, source="plan").data))


def _reaches(path: tuple[str, ...], value: Any) -> Iterator[Reach]:
    if isinstance(value, dict):
        for key, inner in value.items():
            here = (*path, str(key))
            is_role = isinstance(inner, dict) and str(key) in _EXECUTED - {"mcp"}  # a role may be called `command`
            if str(key) in _EXECUTED | _HANDED_OVER and not is_role:
                what = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False, default=str)
                yield Reach(_spelled(here), one_line(what, _SHOWN), bool(_CREW.intersection(here)))
            else:
                yield from _reaches(here, inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            name = inner.get("id") if isinstance(inner, dict) else None
            yield from _reaches((*path, f"[{name or number}]"), inner)


def _spelled(path: tuple[str, ...]) -> str:
    return one_line(".".join(path).replace(".[", "["), 200)
