"""The rule on roles that nobody made: while no crew is given any name is one, so that a slip of the pen is one too."""

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

from plait.advice.lint.facts import Facts
from plait.advice.lint.rule import Hit, rule
from plait.plans.language.places import Loc

_ALIKE = 0.8
"""Of difflib: `backnd` and `backend` are 0.92, `review` and `reviewer` 0.86, `frontend` and `backend` 0.4."""
_SHORTEST = 4
"""Below it every name is near to another, as `ux` is to `qa`."""
_MOST_NAMES = 60
"""A hostile plan must not buy minutes of comparisons."""


@rule(
    "PLAN601",
    "misspelled-role",
    says="A role that nobody made, and that is nearly called like another one.",
    reason="While neither the plan nor `--crew` names roles, any name is a role, with one slot of its own: a slip of "
    "the pen does not stop the plan, but takes the task from the agents that it was meant for.",
    fix="take the role that it is near to, or make it one in the plan: `crew: {name: {}}`",
)
def misspelled_role(facts: Facts) -> Iterator[Hit]:
    named = list(_named(facts))
    uses = Counter(name for _, name, _ in named)
    unmade = [name for name, _ in uses.most_common() if name not in facts.crew.roles][:_MOST_NAMES]
    # Of two that nobody made, the one that is written less often, or later, is the slip.
    near = {name: _near(name, [*facts.crew.roles, *unmade[:turn]]) for turn, name in enumerate(unmade)}
    for loc, name, task in named:
        if meant := near.get(name):
            message = f"no crew has the role {name}, and {meant} is nearly the same"
            hint = f"write `{meant}`, or if it is another role, make it in the plan: `crew: {{{name}: {{}}}}`"
            yield Hit(loc, message, (task,), hint)


def _named(facts: Facts) -> Iterator[tuple[Loc, str, str]]:
    """Each role that a task names: where, its name, and the task."""
    for at, task in enumerate(facts.plan.tasks):
        if task.role is not None:
            yield ("tasks", at, "role"), task.role, task.id
        if task.review is not None:
            yield ("tasks", at, "review", "by"), task.review.by, task.id


def _near(name: str, others: list[str]) -> str | None:
    """The other that the name is most like, if it is like one and not told apart from it on purpose."""
    likeness = {other: _likeness(name, other) for other in others}
    best = max(likeness, key=lambda other: likeness[other], default=None)
    return best if best and likeness[best] >= _ALIKE else None


def _likeness(name: str, other: str) -> float:
    left, right = re.split("[-_]", name.casefold()), re.split("[-_]", other.casefold())
    if "".join(left) == "".join(right):
        return 1.0
    if len(left) == len(right):
        return min(_word_likeness(left_word, right_word) for left_word, right_word in zip(left, right, strict=True))
    if {*left} & {*right}:
        return 0.0  # `backend-go` is a kind of `backend`
    return _word_likeness("-".join(left), "-".join(right))


def _word_likeness(word: str, other: str) -> float:
    if word == other:
        return 1.0
    if min(len(word), len(other)) < _SHORTEST or word.rstrip("0123456789") == other.rstrip("0123456789"):
        return 0.0  # `backend2` and `backend3` are numbered on purpose
    matcher = SequenceMatcher(None, word, other)
    return matcher.ratio() if matcher.quick_ratio() >= _ALIKE else 0.0


RULES = (misspelled_role,)
