"""What a plan says is meant to be so: which findings each silence covers, and those that cover none."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from plait.advice.lint.facts import Facts
from plait.advice.lint.registry import BY_CODE, UNUSED_SILENCE
from plait.advice.lint.rule import Hit, Rule
from plait.plans.language.places import Loc
from plait.plans.phrases import listed


@dataclass(frozen=True, slots=True)
class Silenced:
    """A rule that is silenced: for findings about one task, for those about no others than these, or for all."""

    code: str
    reason: str
    loc: Loc
    task: str | None = None
    tasks: frozenset[str] = frozenset()

    def covers(self, code: str, hit: Hit) -> bool:
        if code != self.code:
            return False
        if self.task is not None:
            return self.task in hit.tasks
        return not self.tasks or (bool(hit.tasks) and self.tasks.issuperset(hit.tasks))


def silences_of(facts: Facts) -> Iterator[Silenced]:
    """All silences of a plan, those of its tasks first: they are the closer ones."""
    for at, task in enumerate(facts.plan.tasks):
        for position, own in enumerate(task.lint.ignore):
            yield Silenced(own.code, own.reason, ("tasks", at, "lint", "ignore", position), task=task.id)
    for position, one in enumerate(facts.plan.lint.ignore):
        loc: Loc = ("lint", "ignore", position)
        yield Silenced(one.code, one.reason, loc, tasks=frozenset(one.tasks))


def unused(silences: Collection[Silenced], used: Collection[Loc], rules: Collection[Rule], facts: Facts) -> list[Hit]:
    """A hit for each silence that covered nothing, though its rule was looked at."""
    looked = {rule.code for rule in rules}
    return [
        Hit((*silence.loc, "code"), _why(silence, facts), (silence.task,) if silence.task else tuple(silence.tasks))
        for silence in silences
        if silence.loc not in used and (silence.code in looked or not _can_be_silenced(silence.code))
    ]


def _can_be_silenced(code: str) -> bool:
    return code in BY_CODE and BY_CODE[code].severity != "error" and code != UNUSED_SILENCE.code


def _why(silence: Silenced, facts: Facts) -> str:
    if silence.code not in BY_CODE:
        return f"there is no rule {silence.code} to silence"
    if not _can_be_silenced(silence.code):
        return f"{silence.code} cannot be silenced"
    if unknown := sorted(silence.tasks - facts.place_of.keys()):
        return f"{silence.code} is silenced for {listed(unknown, 'and')}, which the plan does not have"
    about = f" about {silence.task}" if silence.task else ""
    about = f" about {listed(sorted(silence.tasks), 'and')} alone" if silence.tasks else about
    return f"there is no {silence.code}{about} to silence"
