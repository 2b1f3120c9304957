"""Rules on the shape of the whole: how many work at once, when their work is merged, who does the same."""

from collections import Counter
from collections.abc import Iterator
from math import ceil

from plait.advice.lint.facts import Facts, is_for_agent
from plait.advice.lint.naming import few
from plait.advice.lint.rule import Hit, rule
from plait.plans.language.durations import format_duration
from plait.plans.language.model import Integration

_MOST_AT_ONCE = 5
_EARLY = 0.5
_HASTY_SECONDS = 60.0


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
    fix="leave `integration.ready` at 0.8 and `wait` at 10m, or raise them",
)
def early_merge(facts: Facts) -> Iterator[Hit]:
    integration, agents = facts.plan.integration, len(facts.crowd[1])
    if agents < 3:
        return
    if integration.ready < _EARLY:
        enough = max(1, ceil(integration.ready * agents - 1e-9))
        verb = "has" if enough == 1 else "have"
        yield Hit(("integration", "ready"), f"a batch forms as soon as {enough} of {agents} agents {verb} finished")
    if integration.wait < _HASTY_SECONDS and Integration().wait != integration.wait:
        waits = format_duration(integration.wait)
        yield Hit(("integration", "wait"), f"a finished branch waits {waits} for the others, so that each lands alone")


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


RULES = (over_parallelism, early_merge, same_prompt)
