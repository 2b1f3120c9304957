"""Runs the rules over a plan: findings with their places, by line; those that the plan silences apart."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from plait.advice.lint.facts import Facts
from plait.advice.lint.naming import few
from plait.advice.lint.registry import RULES, UNUSED_SILENCE
from plait.advice.lint.rule import Hit, Rule
from plait.advice.lint.silences import Silenced, silences_of, unused
from plait.plans.language.places import NOWHERE, Loc, Places


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found at one place of the plan."""

    rule: Rule
    message: str
    hint: str
    tasks: tuple[str, ...]
    """The plan's ids of the tasks that it is about."""
    line: int = 0
    """From 1; 0 when the place is not known, and so the column."""
    column: int = 0
    path: str = ""
    """The key's path, such as `tasks[2].owns[0]`."""
    file: str = ""
    """The file that it stands in, when the plan is a folder of several."""
    reason: str | None = None
    """Why the plan silences it; None: it does not."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the rules found, by line."""

    shown: tuple[Finding, ...] = ()
    silenced: tuple[Finding, ...] = ()

    @property
    def errors(self) -> int:
        return sum(finding.rule.severity == "error" for finding in self.shown)


def lint(facts: Facts, *, places: Places = NOWHERE, rules: Collection[Rule] = RULES) -> Findings:
    """What these rules find in a plan; without the places of its text, in the order of the rules."""
    silences, used = list(silences_of(facts)), set[Loc]()
    shown, quiet = list[Finding](), list[Finding]()
    for rule in rules:
        loud = list[Hit]()
        for hit in rule.check(facts):
            silence = _silence_for(rule, hit, silences)
            if silence:
                used.add(silence.loc)
                quiet.append(replace(_finding(rule, hit, places), reason=silence.reason))
            else:
                loud.append(hit)
        shown += (_finding(rule, hit, places) for hit in _folded(loud))
    if UNUSED_SILENCE in rules:
        shown += (_finding(UNUSED_SILENCE, hit, places) for hit in unused(silences, used, rules, facts))
    return Findings(tuple(sorted(shown, key=_turn)), tuple(sorted(quiet, key=_turn)))


def _silence_for(rule: Rule, hit: Hit, silences: Iterable[Silenced]) -> Silenced | None:
    if rule.severity == "error":
        return None
    return next((silence for silence in silences if silence.covers(rule.code, hit)), None)


def _folded(hits: list[Hit]) -> Iterator[Hit]:
    """One hit for each place: of ten pairs that meet there, the first is told in full and the others by name."""
    at: dict[Loc, list[Hit]] = {}
    for hit in hits:
        at.setdefault(hit.loc, []).append(hit)
    for same in at.values():
        first, *rest = same
        others = dict.fromkeys(task for hit in rest for task in hit.tasks if task not in first.tasks)
        more = sum(hit.beyond for hit in same)
        likewise = f", and likewise {few(list(others), beyond=more)}" if others or more else ""
        yield replace(first, message=first.message + likewise)


def _finding(rule: Rule, hit: Hit, places: Places) -> Finding:
    problem = places.problem(hit.loc, hit.message, hit.hint or rule.fix, at_key=True, code=rule.code)
    return Finding(
        rule=rule,
        message=problem.message,
        hint=problem.hint or rule.fix,
        tasks=hit.tasks,
        line=problem.line,
        column=problem.column,
        path=problem.path,
        file=problem.file,
    )


def _turn(finding: Finding) -> tuple[str, int, int, str]:
    return finding.file, finding.line, finding.column, finding.rule.code
