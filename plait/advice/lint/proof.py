"""Rules on how it is known that work is done, and how long it may take."""

import re
from collections.abc import Iterator, Sequence

from plait.advice.lint.facts import Facts, is_for_agent, role_of
from plait.advice.lint.rule import Hit, few, rule
from plait.plans.language.command_templates import lack_of
from plait.plans.language.crew import Complexity, Crew
from plait.plans.language.durations import format_duration
from plait.plans.language.model import Task
from plait.plans.language.verify_stages import Check, commands_of_check
from plait.plans.wording import quoted

_PLACEHOLDER = re.compile(r"\W*(?:todo|tbd|fixme|xxx|lorem ipsum)\b|[\W_]*$", re.IGNORECASE)
_PATH = re.compile(r"\w[/.]\w")
_HOLLOW = re.compile(r"(true|:|exit 0|echo( [^|&;<>`$]*)?)?")
_FEWEST_WORDS = 3
_CHEAP = ("syntax", "types", "lint", "format")
_DEAR = ("tests", "security", "performance")
"""Names of stages as plans are told to give them; of others nothing is known."""


@rule(
    "PLAN401",
    "no-verify",
    says="No command says whether the work is good: neither the task's `verify` nor the one of `integration`.",
    reason="It lands marked `unverified`: that the agent said it was done is all that is known of it.",
    fix="add what your CI runs: `integration: {verify: [pytest -q]}`",
)
def no_verify(facts: Facts) -> Iterator[Hit]:
    if facts.plan.integration.verify:
        return
    unproved = [task.id for _, task in facts.agents_tasks if not task.verify]
    if unproved:
        yield Hit(("integration",), f"nothing verifies {few(unproved)}", tuple(unproved))


@rule(
    "PLAN402",
    "combination-unverified",
    says="Each task is verified, and what they make together is not.",
    reason="Branches that are green alone can be red together; only `integration.verify` runs on the exact tree that "
    "lands.",
    fix="add `integration: {verify: [pytest -q]}`",
)
def combination_unverified(facts: Facts) -> Iterator[Hit]:
    agents = [task for _, task in facts.agents_tasks]
    if len(agents) > 1 and not facts.plan.integration.verify and all(task.verify for task in agents):
        yield Hit(("integration",), "nothing verifies what the tasks make together")


@rule(
    "PLAN403",
    "unverified-landing",
    says="The feature goes onto the base branch by itself, and no command verifies it.",
    reason="Whatever the agents made is on the base branch before anybody, or any test, has looked at it.",
    fix="add `integration.verify`, or let a person decide: `land: approve`",
)
def unverified_landing(facts: Facts) -> Iterator[Hit]:
    if facts.plan.integration.land == "auto" and not facts.plan.integration.verify:
        yield Hit(("integration", "land"), "the feature goes onto base by itself and unverified")


@rule(
    "PLAN404",
    "vague-prompt",
    says="A prompt that nobody could act on: a placeholder, or less than three words and no file.",
    reason="The agent makes something up, and a whole try, or the whole plan, is spent on it.",
    fix="say what shall be there when it is done, and where; `criteria` help too",
)
def vague_prompt(facts: Facts) -> Iterator[Hit]:
    for at, task in facts.agents_tasks:
        prompt = task.prompt or ""
        if _PLACEHOLDER.match(prompt):
            yield Hit(("tasks", at, "prompt"), f"the prompt of {task.id} is still to be written", (task.id,))
        elif _is_too_short(prompt) and not task.criteria:
            yield Hit(("tasks", at, "prompt"), f"the prompt of {task.id} is too short to act on", (task.id,))


def _is_too_short(prompt: str) -> bool:
    # Some scripts write no spaces between words.
    return prompt.isascii() and len(prompt.split()) < _FEWEST_WORDS and not _PATH.search(prompt)


@rule(
    "PLAN405",
    "missing-duration",
    says="A task has no duration where others have one.",
    reason="It is planned with an hour, whatever it is: order, forecast and the end that people are told go by that.",
    fix="give it a `duration`, or three points",
)
def missing_duration(facts: Facts) -> Iterator[Hit]:
    given = sum(task.duration is not None for task in facts.plan.tasks)
    if given * 2 >= len(facts.plan.tasks):
        for at, task in enumerate(facts.plan.tasks):
            if task.duration is None:
                yield Hit(("tasks", at), f"{task.id} has no duration, though others have", (task.id,))


@rule(
    "PLAN406",
    "timeout-too-short",
    says="A task is stopped before the time that it is thought to take.",
    reason="A try that takes as long as expected is killed, and so is the next.",
    fix="raise the timeout above the estimate, or make smaller tasks",
)
def timeout_too_short(facts: Facts) -> Iterator[Hit]:
    for at, task in enumerate(facts.plan.tasks):
        limit, loc = _timeout(task, facts.crew, at)
        if limit is not None and task.duration and limit < task.duration.likely:
            planned = format_duration(task.duration.likely)
            message = f"{task.id} is stopped after {format_duration(limit)} and is thought to take {planned}"
            yield Hit(loc, message, (task.id,))


def _timeout(task: Task, crew: Crew, at: int) -> tuple[float | None, tuple[str | int, ...]]:
    if task.timeout is not None:
        return task.timeout, ("tasks", at, "timeout")
    return crew.role(role_of(task)).timeout, ("tasks", at, "duration")


@rule(
    "PLAN407",
    "self-review",
    says="A task is reviewed by its own role, which has a single agent.",
    reason="Whoever wrote it reads it: what it overlooked once it overlooks again.",
    fix="let another role review, or give the role a second slot",
)
def self_review(facts: Facts) -> Iterator[Hit]:
    for at, task in facts.agents_tasks:
        if task.review and task.review.by == task.role and facts.crew.role(task.role).slots == 1:
            message = f"{task.id} is reviewed by {task.role}, whose only agent has written it"
            yield Hit(("tasks", at, "review"), message, (task.id,))


@rule(
    "PLAN009",
    "role-without-agent",
    says="A role that tasks have and that no agent can play.",
    reason="The backend `command` needs a `command`, and a value for each of its placeholders; the backend `scripted` "
    "a `script`: without that nothing can start. A model's short name that its program does not know ends every try.",
    fix="give the role what its backend needs, or another backend",
    severity="error",
)
def role_without_agent(facts: Facts) -> Iterator[Hit]:
    first = dict[str, int]()
    for at, task in enumerate(facts.plan.tasks):
        if is_for_agent(task):
            first.setdefault(role_of(task), at)
    for name, at in first.items():
        if lack := lack_of(facts.crew, name, _complexities(facts, name)):
            inside = name in facts.plan.crew.roles
            loc = ("crew", "roles", name) if inside else ("tasks", at, "role")
            yield Hit(loc, f"the role {name} has no agent: {lack}", (facts.plan.tasks[at].id,))


def _complexities(facts: Facts, role: str) -> list[Complexity]:
    return sorted({task.complexity for _, task in facts.agents_tasks if role_of(task) == role})


@rule(
    "PLAN408",
    "hollow-verify",
    says="A `verify` command that succeeds whatever the work is.",
    reason="`true`, `echo ok` or a comment look like a proof and are none: it counts as verified, and nobody has.",
    fix="write the command that your CI runs there, or drop it",
)
def hollow_verify(facts: Facts) -> Iterator[Hit]:
    for at, task in enumerate(facts.plan.tasks):
        for position, command in _hollow(task.verify):
            message = f"{task.id} is verified by {quoted(command)}, which always succeeds"
            yield Hit(("tasks", at, "verify", position), message, (task.id,))
    for position, command in _hollow(facts.plan.integration.verify):
        message = f"the whole is verified by {quoted(command)}, which always succeeds"
        yield Hit(("integration", "verify", position), message)


def _hollow(checks: Sequence[Check]) -> Iterator[tuple[int, str]]:
    for position, check in enumerate(checks):
        yield from ((position, command) for command in commands_of_check(check) if _always_succeeds(command))


def _always_succeeds(command: str) -> bool:
    # A comment begins behind a space: cut off first, so that a hostile line is read only once.
    return all(_HOLLOW.fullmatch(f" {line}".partition(" #")[0].strip()) for line in command.splitlines())


@rule(
    "PLAN409",
    "dear-stage-first",
    says="A stage that is usually cheap (syntax, types) stands behind one that is usually dear (tests, security, "
    "performance).",
    reason="Stages run in the order in which they are written, and the first red one ends it: what fails most often, "
    "in seconds, is told after all that takes minutes, for each tree of a red batch anew.",
    fix="write the cheap stage first: syntax, types, tests, documentation, security, performance",
)
def dear_stage_first(facts: Facts) -> Iterator[Hit]:
    for at, task in enumerate(facts.plan.tasks):
        for position, cheap, dear in _behind(task.verify):
            yield Hit(("tasks", at, "verify", position), f"{task.id} verifies {cheap} after {dear}", (task.id,))
    for position, cheap, dear in _behind(facts.plan.integration.verify):
        yield Hit(("integration", "verify", position), f"the whole is verified for {cheap} after {dear}")


def _behind(checks: Sequence[Check]) -> Iterator[tuple[int, str, str]]:
    """Where a cheap stage stands, its name, and the first dear one before it."""
    names = [None if isinstance(check, str) else check.stage for check in checks]
    for position, name in enumerate(names):
        dear = next((before for before in names[:position] if before in _DEAR), None)
        if name in _CHEAP and dear:
            yield position, name, dear


RULES = (
    role_without_agent,
    no_verify,
    combination_unverified,
    unverified_landing,
    vague_prompt,
    missing_duration,
    timeout_too_short,
    self_review,
    hollow_verify,
    dear_stage_first,
)
