"""Rules on needs: those that are missing, and those that say nothing."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from plait.advice.lint.facts import Facts
from plait.advice.lint.overlaps import PatternIndex, is_wild
from plait.advice.lint.rule import Hit, rule
from plait.plans.language.model import Need, Task
from plait.plans.language.places import Loc
from plait.plans.language.verify_stages import commands_of_check
from plait.plans.paths import matches, normalize
from plait.plans.schedule.need_graph import Graph
from plait.plans.wording import either

_URGENT, _LEISURELY = (1, 2), (4, 5)

_PATH = re.compile(r"(?<![\w./:-])[\w.][\w.-]*(?:/[\w.-]+)*/?", re.ASCII)
_NOT = re.compile(r"(?i)\b(not|never|without|except|avoid|leave|instead of|other than|rather than)\b|n['’]t\b")
_ENDS = re.compile(r"[.;!?]\s|\n\s*\n|\bbut\b")
_SENTENCE = 200
"""Characters before a path in which a sentence may forbid it."""
_THERE_ANYWAY = re.compile(
    r"(?i)(^|/)((readme|changelog|changes|contributing|licen[cs]e)(\.[a-z]+)?|makefile|dockerfile|pyproject\.toml|"
    r"setup\.(py|cfg)|package(-lock)?\.json|tsconfig[\w.]*\.json|requirements[\w-]*\.txt|cargo\.(toml|lock)|"
    r"go\.(mod|sum)|gemfile(\.lock)?|pom\.xml|build\.gradle(\.kts)?)$"
)
"""Files that a repository has from its beginning: who owns one changes it, and is seldom waited for because of it."""
_MOST_PATHS = 500
"""Paths that are looked up of one text: a hostile prompt has many."""
_MOST_MAKERS = 20


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
    return either(need.any or ()) or str(need.task)


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


@rule(
    "PLAN201",
    "ignored-dependency",
    says="A task that names a file which another task makes, without needing that task.",
    reason="It starts from a checkout in which the other's work is missing, or old: it fails, or invents what it does "
    "not find.",
    fix="add the need, or its contract if there is one",
)
def ignored_dependency(facts: Facts) -> Iterator[Hit]:
    makers = Makers(facts)
    for at, task in enumerate(facts.plan.tasks):
        told = set[str]()
        for key, text in _texts(task):
            for path in _paths_in(text):
                maker = makers.missing(task, path)
                if maker and maker not in told:
                    told.add(maker)
                    message = f"{task.id} names {path}, which {maker} makes, and does not need {maker}"
                    hint = f"add {maker} to the needs of {task.id}"
                    yield Hit(("tasks", at, *key), message, (maker, task.id), hint)


def _texts(task: Task) -> Iterator[tuple[Loc, str]]:
    if task.prompt is not None:
        yield ("prompt",), task.prompt
    if task.run is not None:
        yield ("run",), task.run
    for position, check in enumerate(task.verify):
        yield from ((("verify", position), command) for command in commands_of_check(check))
    yield from ((("setup", position), command) for position, command in enumerate(task.setup))


def _paths_in(text: str) -> Iterator[str]:
    """What looks like a path, as patterns spell it: it has a slash, or a dot in its middle; other words have not."""
    words = dict.fromkeys(match.group().rstrip(".") for match in _PATH.finditer(text) if not _is_barred(text, match))
    paths = (path for path in words if "/" in path.strip("/") or "." in path.strip("."))
    for path in islice(paths, _MOST_PATHS):
        with suppress(ValueError):  # such as `../x`: nobody makes it
            yield normalize(path).removesuffix("/**")


def _is_barred(text: str, path: re.Match[str]) -> bool:
    """Whether the sentence forbids what it names: `do not touch src/api.py`."""
    before = text[max(0, path.start() - _SENTENCE) : path.start()]
    return _NOT.search(_ENDS.split(before)[-1]) is not None


@dataclass(frozen=True)
class Makers:
    """Who makes which paths: by outputs and contracts, and by `owns` where it names a single file of its own."""

    facts: Facts

    @cached_property
    def _by_pattern(self) -> dict[str, int]:
        turn, makers = self.facts.precedence.turn, dict[str, int]()
        for task in self.facts.plan.tasks:
            named = (path for path in task.owns or () if not is_wild(path) and not _THERE_ANYWAY.search(path))
            for pattern in (*task.outputs, *named):
                makers[pattern] = makers.get(pattern, 0) | 1 << turn[task.id]
        for contract in self.facts.expansion.contracts:
            for pattern in (*contract.files, *contract.mock) if contract.owner in turn else ():
                makers[pattern] = makers.get(pattern, 0) | 1 << turn[str(contract.owner)]
        return makers

    @cached_property
    def _index(self) -> PatternIndex:
        return PatternIndex(self._by_pattern)

    @cached_property
    def _known(self) -> dict[str, int]:
        return {}

    def _of(self, path: str) -> int:
        """The set of tasks that make a path."""
        if path not in self._known:
            makers = 0
            for pattern in self._index.overlapping(path):
                if matches(path, (pattern,)):
                    makers |= self._by_pattern[pattern]
            self._known[path] = makers
        return self._known[path]

    def is_named_by(self, task: Task, maker: str) -> bool:
        """Whether the task names what `maker` makes, and may not make it itself: it needs the work, not a promise."""
        turn = self.facts.precedence.turn[maker]
        paths = (path for _, text in _texts(task) for path in _paths_in(text))
        return any(self._of(path) >> turn & 1 and not _may_make(task, path) for path in paths)

    def missing(self, task: Task, path: str) -> str | None:
        """The first maker of the path, when none comes before the task; nothing when the task itself may make it."""
        order = self.facts.precedence
        makers, turn = self._of(path), order.turn[task.id]
        if not makers or makers & (order.before[turn] | 1 << turn) or _may_make(task, path):
            return None
        if any(makers >> order.turn[need.task] & 1 for need in task.needs if need.task and not need.is_note):
            return None  # it gets the text of it
        beside = (other for other in order.some(makers, _MOST_MAKERS) if not order.may_be_before(task.id, other))
        return next(beside, None)


def _may_make(task: Task, path: str) -> bool:
    held = (lock.path for lock in task.locks if lock.mode == "exclusive")
    return matches(path, (*(task.owns or ()), *held))


RULES = (ignored_dependency, useless_need, any_of_one, contract_defeated, priority_inversion)
