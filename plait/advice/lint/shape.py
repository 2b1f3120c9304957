"""Rules on the shape of the whole: how many work at once, who waits for whom, when their work is merged."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from plait.advice.lint.facts import Facts, elapsed, is_for_agent, with_needs
from plait.advice.lint.needing import Makers
from plait.advice.lint.overlaps import PatternIndex
from plait.advice.lint.rule import Hit, few, rule
from plait.plans.language.durations import format_duration
from plait.plans.language.model import Task
from plait.plans.schedule.jobs import Job
from plait.plans.tasks.drafting import DRAFT_SECONDS

_MOST_AT_ONCE = 5
_EARLY = 0.5

_FEWEST_TASKS = 4
_LEAST_SAVED = 0.1
"""Of the plan's time: below this a contract is not worth its writing."""
_MOST_TRIED = 5

_LOOKS_BACK = re.compile(
    r"(?i)(?<![a-z])(integrat|together|assembl|merg(e|ing)|combin|tests?(?![a-z])|testing|e2e|end.to.end|qa(?![a-z])|"
    r"check(?![a-z])|verif|validat|review|audit|benchmark|bench(?![a-z])|measur|releas|deploy|publish|roll.?out)"
)
"""In an id or a title: the task looks at work that is finished, or puts it together."""
_LAYS_OUT = re.compile(
    r"(?i)(?<![a-z])(scaffold|skeleton|bootstrap|set.?up|upgrad|bump|renam|refactor|clean|"
    r"design|plan(?![a-z])|spec|research|investigat|analy(s[ei]|z)|spike)"
)
"""The task lays what others stand on, or writes down itself what they agree on."""
_TESTS_OR_TEXT = re.compile(r"(?i)(^|/)(tests?|specs?|e2e|docs?|benchmarks?)(/|$)|\.(md|rst|txt|adoc)$")
_MANIFEST = re.compile(
    r"(^|/)(pyproject\.toml|requirements[^/]*\.txt|package\.json|Cargo\.toml|go\.mod|pom\.xml|Gemfile|build\.gradle[^/]*|"
    r"[^/]*\.lock|[^/]*-lock\.[a-z]+)$"
)
"""Who changes what is installed gives everybody another ground to stand on."""


@rule(
    "PLAN302",
    "over-parallelism",
    says="More than five agents work on the feature at once.",
    reason="Beyond five, what one more agent adds is lost again to conflicts, to red batches that have to be searched, "
    "and to the person who reads it all.",
    fix="lower the `slots` of a role, or make two features of it",
)
def over_parallelism(facts: Facts) -> Iterator[Hit]:
    at, tasks = facts.crowd
    if len(tasks) > _MOST_AT_ONCE:
        names = list(Counter(tasks))
        when = f"after {format_duration(round(at))}" if at else "at the start"
        loc = ("crew",) if facts.plan.crew.roles else ("tasks",)
        yield Hit(loc, f"{len(tasks)} agents work at once {when}: {few(names)}", tuple(names))


@rule(
    "PLAN303",
    "early-merge",
    says="Batches form while most of the work is still under way.",
    reason="A batch of one or two branches costs as much verification as a full one, is tested without the work that "
    "it belongs to, and is what all later branches must then be merged with.",
    fix="leave `integration.ready` out, so that a batch takes all that is finished when a slot is free, or raise it",
)
def early_merge(facts: Facts) -> Iterator[Hit]:
    integration, agents = facts.plan.integration, len(facts.crowd[1])
    if agents < 3:
        return
    if integration.ready is not None and integration.ready < _EARLY:
        enough = max(1, ceil(integration.ready * agents - 1e-9))
        verb = "has" if enough == 1 else "have"
        yield Hit(("integration", "ready"), f"a batch forms as soon as {enough} of {agents} agents {verb} finished")


@rule(
    "PLAN304",
    "same-prompt",
    says="Two tasks of one role have the same prompt.",
    reason="The agents get the same text and do the same work twice: mostly a copy that was not changed.",
    fix="say in each prompt what is its own, or drop one of them",
)
def same_prompt(facts: Facts) -> Iterator[Hit]:
    first: dict[tuple[str, str], str] = {}
    for at, task in facts.agents_tasks:
        key = str(task.role), " ".join((task.prompt or "").split())
        earlier = first.setdefault(key, task.id)
        if earlier != task.id and is_for_agent(task):
            yield Hit(("tasks", at, "prompt"), f"{earlier} and {task.id} have the same prompt", (earlier, task.id))


@rule(
    "PLAN301",
    "false-parallelism",
    says="Most of the plan waits for one task, though a contract would let it start earlier.",
    reason="A plan may look parallel and be a queue: all agents but one are idle until that one has finished. What the "
    "others need of it is mostly its interface, which can be written in a fraction of the time. Found only where the "
    "task has a duration and the forecast with a contract is shorter by a tenth; not for tasks that test, integrate, "
    "release, set up or describe, or whose files the others name: of these nobody needs an interface but the result.",
    fix="name a contract, written first, and let the others need that: `needs: [{contract: …}]`",
)
def false_parallelism(facts: Facts) -> Iterator[Hit]:
    if len(facts.plan.tasks) < _FEWEST_TASKS:
        return
    counts = dict(zip(facts.graph.ids, facts.graph.descendant_counts, strict=True))
    waited_for = [
        (at, task)
        for at, task in facts.agents_tasks
        if counts[task.id] * 2 > len(counts) - 1 and task.count == 1 and task.duration and _makes_an_interface(task)
    ]
    waited_for.sort(key=lambda placed: -facts.jobs_of[placed[1].id][0].seconds)
    makers = Makers(facts)
    for at, task in waited_for[:_MOST_TRIED]:
        freed = _freed_by_contract(facts, task, makers)
        (job,) = facts.jobs_of[task.id]
        if len(freed) < 2 or job.seconds - _cost(job) <= _LEAST_SAVED * facts.elapsed:
            continue  # nothing moves by more than what is waited for is shorter
        saved = facts.elapsed - _elapsed_with_contract(facts, task, freed)
        if saved > _LEAST_SAVED * facts.elapsed:
            yield _hit(at, task, freed, name=_free_name(facts, task), behind=counts[task.id], saved=saved)


def _makes_an_interface(task: Task) -> bool:
    """Whether others can rest on a promise of what it makes, as far as its name and its files tell."""
    paths = (*(task.owns or ()), *task.outputs)
    if not task.changes_required or (paths and all(_TESTS_OR_TEXT.search(path) for path in paths)):
        return False
    named = _name(task)
    return not (_LOOKS_BACK.search(named) or _LAYS_OUT.search(named) or any(map(_MANIFEST.search, paths)))


def _name(task: Task) -> str:
    return f"{task.id} {task.title or ''}".replace("_", " ")


def _cost(job: Job) -> float:
    """Seconds that a contract for a job is thought to take; of a short job, half."""
    return min(DRAFT_SECONDS, job.seconds / 2)


def _freed_by_contract(facts: Facts, task: Task, makers: Makers) -> list[str]:
    """The agents' tasks that need this one itself, and nothing of a contract of its: they could start earlier.

    Not those that go on with its files or name what it makes, that look at finished work, or that also come after
    another task that rests on this one: a promise is not enough for them.
    """
    written, owned = set(facts.planned[task.id].writes), PatternIndex(task.owns or ())
    return [
        other.id
        for _, other in facts.agents_tasks
        if any(need.task == task.id and need.kind == "hard" for need in other.needs)
        and written.isdisjoint(facts.planned[other.id].contracts)
        and not _LOOKS_BACK.search(_name(other))
        and not makers.is_named_by(other, task.id)
        and not any(facts.precedence.is_before(task.id, need) for group in facts.needs[other.id] for need in group)
        and not any(True for pattern in other.owns or () for _ in owned.overlapping(pattern))
    ]


def _elapsed_with_contract(facts: Facts, task: Task, freed: list[str]) -> float:
    """Seconds that the plan would take if the freed tasks waited for a contract only, written before the task."""
    (job,) = facts.jobs_of[task.id]
    contract = f"{task.id} contract"  # no task can have this name
    cost = _cost(job)
    changed: dict[str, Job] = {task.id: replace(with_needs(job, ((contract,),)), seconds=job.seconds - cost)}
    for name in freed:
        for other in facts.jobs_of[name]:
            groups = ((contract,) if group == (task.id,) else group for group in other.needs)
            changed[other.id] = with_needs(other, tuple(groups))
    written = replace(job, id=contract, seconds=cost)
    return elapsed(facts.times_with([written, *(changed.get(other.id, other) for other in facts.jobs)]))


def _free_name(facts: Facts, task: Task) -> str:
    """What a contract for a task could be called: one that no other contract has."""
    taken, name = {contract.id for contract in facts.plan.contracts}, f"{task.id.lower()}-contract"
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 2))
    return name if name not in taken else next(other for other in numbered if other not in taken)


def _hit(at: int, task: Task, freed: list[str], *, name: str, behind: int, saved: float) -> Hit:
    hours = f"{saved / 3600:.1f}".removesuffix(".0")
    message = f"{behind} tasks wait for {task.id}; a contract for what they need of it would save {hours} h"
    hint = (
        f"name a contract, written first, and let {few(freed)} need it instead of {task.id}: "
        f"`needs: [{{contract: {name}}}]`"
    )
    return Hit(("tasks", at), message, (task.id,), hint)


RULES = (over_parallelism, early_merge, same_prompt, false_parallelism)
