"""Rules on needs: those that are missing, and those that say nothing."""

from collections.abc import Iterator

from plait.advice.lint.facts import Facts
from plait.advice.lint.rule import Hit, rule
from plait.plans.language.model import Need, Task
from plait.plans.phrases import listed
from plait.plans.schedule.graph import Graph

_URGENT, _LEISURELY = (1, 2), (4, 5)


@rule(
    "PLAN202",
    "useless-need",
    says="A need that other needs of the task imply, or that is written twice.",
    reason="The task waits for it anyway and starts from its commits anyway. Such needs hide which ones matter, "
    "and stay when the others go.",
    fix="drop it",
)
def useless_need(facts: Facts) -> Iterator[Hit]:
    # Only hard needs hand commits on: one on a contract starts from the contract, one for information brings text.
    groups = {task.id: tuple(filter(None, map(_hard, task.needs))) for task in facts.plan.tasks}
    implied = Graph(groups).redundant()
    for at, task in enumerate(facts.plan.tasks):
        seen = set[Need]()
        useless = implied.get(task.id, ())
        for position, need in enumerate(task.needs):
            loc = ("tasks", at, "needs", position)
            if need in seen:
                yield Hit(loc, f"{task.id} needs {_named(need)} twice", (task.id,))
            elif tuple(dict.fromkeys(_hard(need))) in useless:
                yield Hit(loc, f"{task.id} needs {_named(need)}, which its other needs imply", (task.id,))
            seen.add(need)


def _hard(need: Need) -> tuple[str, ...]:
    if need.any:
        return need.any
    return (need.task,) if need.task and need.kind == "hard" else ()


def _named(need: Need) -> str:
    if need.contract:
        return f"the contract {need.contract}"
    return listed(need.any or ()) or str(need.task)


@rule(
    "PLAN203",
    "any-of-one",
    says="An alternative among only one task.",
    reason="`any` with one task in it is a hard need in other words, and reads as if something were left open.",
    fix="name the task itself, or add the other choices",
)
def any_of_one(facts: Facts) -> Iterator[Hit]:
    for at, task in enumerate(facts.plan.tasks):
        for position, need in enumerate(task.needs):
            if need.any and len(set(need.any)) == 1:
                message = f"{task.id} may choose among {need.any[0]} only"
                yield Hit(("tasks", at, "needs", position), message, (task.id,), f"write `{need.any[0]}`")


@rule(
    "PLAN204",
    "contract-defeated",
    says="A task that needs a contract, and also the finished work of the contract's owner.",
    reason="The contract is there so that the task need not wait for the owner; this one waits all the same.",
    fix="drop the need on the owner, or the one on the contract",
)
def contract_defeated(facts: Facts) -> Iterator[Hit]:
    owners = {contract.id: contract.owner for contract in facts.plan.contracts}
    for at, task in enumerate(facts.plan.tasks):
        owned = {owner: need.contract for need in task.needs if need.contract and (owner := owners[need.contract])}
        for position, need in enumerate(task.needs):
            if need.kind == "hard" and need.task in owned:
                message = f"{task.id} needs the contract {owned[need.task]}, and waits for its owner {need.task} anyway"
                yield Hit(("tasks", at, "needs", position), message, (task.id,))


@rule(
    "PLAN205",
    "priority-inversion",
    says="An urgent task that needs one of low priority.",
    reason="The dispatcher starts low priorities last, and with them whatever urgent work waits behind.",
    fix="give the needed task the same priority",
)
def priority_inversion(facts: Facts) -> Iterator[Hit]:
    tasks = {task.id: task for task in facts.plan.tasks}
    for at, task in enumerate(facts.plan.tasks):
        for slow in _slow_needs(facts, task, tasks):
            message = (
                f"{task.id} is urgent (priority {task.priority}) and waits for {slow.id} (priority {slow.priority})"
            )
            yield Hit(("tasks", at, "priority"), message, (slow.id, task.id))


def _slow_needs(facts: Facts, task: Task, tasks: dict[str, Task]) -> Iterator[Task]:
    if task.priority in _URGENT:
        for group in facts.needs.get(task.id, ()):
            slow = [tasks[need] for need in group if need in tasks and tasks[need].priority in _LEISURELY]
            if len(slow) == len(group):
                yield slow[0]


RULES = (useless_need, any_of_one, contract_defeated, priority_inversion)
