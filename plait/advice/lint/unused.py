"""Rules on what a plan names and nothing uses."""

from collections.abc import Iterator

from plait.advice.lint.facts import Facts, role_of
from plait.advice.lint.rule import Hit, rule


@rule(
    "PLAN501",
    "unused-contract",
    says="A contract that no task needs and nobody is a consumer of.",
    reason="Somebody writes it, and nobody starts earlier for it.",
    fix="let the tasks that rest on it need it: `needs: [{contract: …}]`, or drop it",
)
def unused_contract(facts: Facts) -> Iterator[Hit]:
    needed = {need.contract for task in facts.plan.tasks for need in task.needs if need.contract}
    for at, contract in enumerate(facts.plan.contracts):
        if contract.id not in needed and not contract.consumers and contract.status != "superseded":
            message = f"the contract {contract.id} has no consumers"
            yield Hit(("contracts", at), message, (contract.owner,) if contract.owner else ())


@rule(
    "PLAN502",
    "unused-resource",
    says="A resource that no task uses.",
    reason="Tasks that should share it do not know of each other, and use it at the same time.",
    fix="add it to the `uses` of the tasks that need it, or drop it",
)
def unused_resource(facts: Facts) -> Iterator[Hit]:
    used = {name for task in facts.plan.tasks for name in task.uses}
    for name in facts.plan.resources:
        if name not in used:
            yield Hit(("resources", name), f"no task uses the resource {name}")


@rule(
    "PLAN503",
    "unused-role",
    says="A role of the plan's crew that nobody works as.",
    reason="It is mostly a task that was forgotten, or a role that was renamed in one place only.",
    fix="give a task the role, or drop it",
)
def unused_role(facts: Facts) -> Iterator[Hit]:
    used = {role_of(task) for task in facts.plan.tasks}
    used |= {task.review.by for task in facts.plan.tasks if task.review}
    left = [*used]
    while left:
        for fallback in facts.crew.role(left.pop()).fallback:
            if fallback not in used:
                used.add(fallback)
                left.append(fallback)
    for name in facts.plan.crew.roles:
        if name not in used:
            yield Hit(("crew", "roles", name), f"no task has the role {name}")


@rule(
    "PLAN504",
    "unused-phase",
    says="A phase without tasks.",
    reason="It is over before it begins: what stands before and after it is not held apart by it.",
    fix="list its tasks, or drop it",
)
def unused_phase(facts: Facts) -> Iterator[Hit]:
    for at, phase in enumerate(facts.plan.phases):
        if not phase.tasks:
            yield Hit(("phases", at), f"the phase {phase.id} has no tasks")


@rule(
    "PLAN505",
    "task-outside-phases",
    says="A task in no phase, in a plan that has phases.",
    reason="It waits for no phase, and no phase waits for it: it may run beside the first or after the last.",
    fix="add it to a phase",
)
def task_outside_phases(facts: Facts) -> Iterator[Hit]:
    inside = {name for phase in facts.plan.phases for name in phase.tasks}
    for at, task in enumerate(facts.plan.tasks if inside else ()):
        if task.id not in inside:
            yield Hit(("tasks", at, "id"), f"{task.id} is in no phase", (task.id,))


RULES = (unused_contract, unused_resource, unused_role, unused_phase, task_outside_phases)
