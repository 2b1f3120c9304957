"""Rules on who may change which files."""

from collections.abc import Collection, Iterator, Mapping
from functools import reduce
from itertools import islice

from plait.advice.lint.facts import Facts
from plait.advice.lint.overlaps import PatternIndex, is_wild
from plait.advice.lint.rule import Hit, rule
from plait.plans.language.model import Task
from plait.plans.language.places import Loc
from plait.plans.merging.path_rules import file_rules, rule_for
from plait.plans.paths import overlap
from plait.plans.wording import quoted

_MOST_PARTNERS = 10
"""Pairs that are told of one pattern; the rest is counted."""
_MOST_MATCHES = 200_000
"""Files held against rules: beyond it no rule counts, for a hostile plan must not buy more."""


@rule(
    "PLAN101",
    "no-owns",
    says="A task of an agent does not say which files it may change.",
    reason="Without `owns` it may change every file that is not protected: nothing stops it from working on what "
    "others work on, and neither conflicts nor overlaps can be seen before they happen.",
    fix="list what it may change, such as `owns: [src/cart/**, tests/cart/**]`; `owns: []` for nothing",
)
def no_owns(facts: Facts) -> Iterator[Hit]:
    for at, task in facts.agents_tasks:
        if task.owns is None:
            yield Hit(("tasks", at), f"{task.id} does not say which files it may change", (task.id,))


@rule(
    "PLAN102",
    "output-not-owned",
    says="A task may not change what it is to make.",
    reason="Harvest refuses a branch that changes a path outside of `owns` and exclusive `locks`, so that making the "
    "output is a failed try.",
    fix="add the output to the task's `owns`",
)
def output_not_owned(facts: Facts) -> Iterator[Hit]:
    for at, task in enumerate(facts.plan.tasks):
        if task.owns is None:
            continue
        for position, output in enumerate(task.outputs):
            if not any(overlap(output, pattern) for pattern, _, _ in _changeable(task)):
                message = f"{task.id} may not change {_shown(output)}, which is its output"
                yield Hit(("tasks", at, "outputs", position), message, (task.id,))


@rule(
    "PLAN103",
    "overlapping-owns",
    says="Two tasks may change the same file, and neither starts from the other's work.",
    reason="They work on the same lines without seeing each other: their branches conflict, or are green alone and red "
    "together, and one of them is done again. A single slot for both does not help, because each starts from the "
    "feature as it was.",
    fix="let one need the other, give the file to one of them, or split it; two exclusive `locks` on it are fine too",
)
def overlapping_owns(facts: Facts) -> Iterator[Hit]:
    settled = _settled(facts)
    free, locked = _holders(facts, settled)
    index = PatternIndex([*free, *locked])
    order, together = facts.precedence, dict[str, tuple[int, int]]()
    for at, task in enumerate(facts.plan.tasks):
        turn, seen = order.turn[task.id], 0
        for pattern, is_locked, loc in _changeable(task):
            if pattern in settled:
                continue
            if pattern not in together:
                others = list(index.overlapping(pattern))
                together[pattern] = _all_of(free, others), _all_of(locked, others)
            loose, guarded = together[pattern]
            clashing = order.beside(turn, loose if is_locked else loose | guarded) & ~seen
            seen |= clashing
            if clashing:
                yield from _clashes(facts, task, pattern, ("tasks", at, *loc), clashing)
    if index.is_exhausted:
        yield Hit(("tasks",), "there are too many patterns with wildcards to compare them all")


def _changeable(task: Task) -> Iterator[tuple[str, bool, Loc]]:
    """The patterns of what a task may change, whether under an exclusive lock, and where that is written."""
    held = {lock.path for lock in task.locks if lock.mode == "exclusive"}
    for position, pattern in enumerate(task.owns or ()):
        yield pattern, pattern in held, ("owns", position)
    for position, lock in enumerate(task.locks):
        if lock.mode == "exclusive" and lock.path not in (task.owns or ()):
            yield lock.path, True, ("locks", position)


def _settled(facts: Facts) -> frozenset[str]:
    """The files, written out, that rules of the plan put together from what several tasks made of them."""
    rules = [rule for rule in file_rules(facts.plan.integration.merge) if rule.way in ("union", "regenerate")]
    files = {pattern for task in facts.plan.tasks for pattern, _, _ in _changeable(task) if not is_wild(pattern)}
    if len(files) * sum(len(rule.paths) for rule in rules) > _MOST_MATCHES:
        return frozenset()
    return frozenset(path for path in files if rule_for(path, rules))


def _holders(facts: Facts, settled: Collection[str]) -> tuple[dict[str, int], dict[str, int]]:
    """By pattern, the tasks that may change it: those without a lock on it, and those with one."""
    free, locked = dict[str, int](), dict[str, int]()
    for task in facts.plan.tasks:
        for pattern, is_locked, _ in _changeable(task):
            if pattern in settled:
                continue
            holders = locked if is_locked else free
            holders[pattern] = holders.get(pattern, 0) | 1 << facts.precedence.turn[task.id]
    return free, locked


def _all_of(holders: Mapping[str, int], patterns: list[str]) -> int:
    return reduce(lambda tasks, pattern: tasks | holders.get(pattern, 0), patterns, 0)


def _clashes(facts: Facts, task: Task, pattern: str, loc: Loc, clashing: int) -> Iterator[Hit]:
    partners = facts.precedence.some(clashing, _MOST_PARTNERS)
    beyond = clashing.bit_count() - len(partners)
    # In a row, each needs the one before: to need the first of them would leave all others beside.
    latest = facts.precedence.ids[clashing.bit_length() - 1]
    for number, other in enumerate(partners, start=1):
        pair = sorted((task.id, other), key=facts.place_of.__getitem__)
        theirs = [
            other_pattern
            for other_pattern, _, _ in _changeable(facts.plan.tasks[facts.place_of[other]])
            if overlap(pattern, other_pattern)
        ]
        message = f"{pair[0]} and {pair[1]} may both change {_common(pattern, theirs)}"
        hint = f"let {task.id} need {latest}, give the file to one of them, or split it"
        yield Hit(loc, message, tuple(pair), hint, beyond=beyond if number == len(partners) else 0)


def _common(pattern: str, others: list[str]) -> str:
    """What two tasks may both change, as narrowly as their patterns say it."""
    if pattern in others or not is_wild(pattern):
        return _shown(pattern)
    literal = next((other for other in others if not is_wild(other)), None)
    narrowest = literal or max(others, key=len)
    return _shown(narrowest if literal or len(narrowest) > len(pattern) else pattern)


@rule(
    "PLAN104",
    "counted-owns",
    says="Several agents get the same task, and with it the same files.",
    reason="`count` gives each agent the same prompt and the same `owns`: their branches change the same lines.",
    fix="write a task for each part instead, or let the agents only look: `owns: []` with `changes: optional`",
)
def counted_owns(facts: Facts) -> Iterator[Hit]:
    for at, task in facts.agents_tasks:
        if task.count > 1 and task.owns:
            owned = ", ".join(_shown(pattern) for pattern in islice(task.owns, 3))
            yield Hit(("tasks", at, "count"), f"the {task.count} agents of {task.id} all change {owned}", (task.id,))


@rule(
    "PLAN105",
    "nothing-to-change",
    says="A task must change a file and may change none.",
    reason="A try that changes nothing counts as failed, and one that changes something is refused.",
    fix="give it `owns`, or say `changes: optional`",
)
def nothing_to_change(facts: Facts) -> Iterator[Hit]:
    for at, task in enumerate(facts.plan.tasks):
        if task.owns == () and task.changes_required and not any(_changeable(task)):
            yield Hit(("tasks", at, "owns"), f"{task.id} must change a file and may change none", (task.id,))


@rule(
    "PLAN106",
    "ignored-path",
    says="What a task may change, or is to make, is ignored by git.",
    reason="Harvest takes no new file that `.gitignore`, the clone's `.git/info/exclude` or your own global file of "
    "ignored paths leaves out: what the agent makes there does not land. The Python template's `lib/` does that to "
    "`web/lib`.",
    fix="let `.gitignore` on base leave the files in, such as by `!web/lib/`, or name other paths",
)
def ignored_path(facts: Facts) -> Iterator[Hit]:
    for at, task in enumerate(facts.plan.tasks if facts.ignored else ()):
        for key, patterns in (("owns", task.owns or ()), ("outputs", task.outputs)):
            for position, pattern in enumerate(patterns):
                if pattern in facts.ignored:
                    does = "may change" if key == "owns" else "is to make"
                    message = f"{task.id} {does} {_shown(pattern)}, which git ignores ({facts.ignored[pattern]})"
                    yield Hit(("tasks", at, key, position), message, (task.id,))


def _shown(pattern: str) -> str:
    return pattern if len(pattern) <= 60 and pattern.isprintable() else quoted(pattern)


RULES = (no_owns, output_not_owned, overlapping_owns, counted_owns, nothing_to_change, ignored_path)
