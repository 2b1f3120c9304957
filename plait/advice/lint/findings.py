"""Runs the rules over a plan: findings with their places, by line; those that the plan silences apart."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from plait.advice.lint.facts import Facts
from plait.advice.lint.rule import Hit, Rule, few
from plait.advice.lint.rules import BY_CODE, RULES, UNUSED_SILENCE
from plait.plans.errors import Problem
from plait.plans.language.places import NOWHERE, Loc, Places
from plait.plans.wording import count, listed

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m"}
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class LintFinding:
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
class LintFindings:
    """All that the rules found, by line."""

    shown: tuple[LintFinding, ...] = ()
    silenced: tuple[LintFinding, ...] = ()

    @property
    def errors(self) -> int:
        return sum(finding.rule.severity == "error" for finding in self.shown)


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


def lint(facts: Facts, *, places: Places = NOWHERE, rules: Collection[Rule] = RULES) -> LintFindings:
    """What these rules find in a plan; without the places of its text, in the order of the rules."""
    silences, used = list(silences_of(facts)), set[Loc]()
    shown, quiet = list[LintFinding](), list[LintFinding]()
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
    return LintFindings(tuple(sorted(shown, key=_turn)), tuple(sorted(quiet, key=_turn)))


def with_problems(findings: LintFindings, problems: Iterable[Problem], rules: Collection[Rule]) -> LintFindings:
    """The findings, and beside them what was found elsewhere by these rules."""
    wanted = {rule.code: rule for rule in rules}
    more = [
        LintFinding(
            rule=wanted[problem.code],
            message=problem.message,
            hint=problem.hint or wanted[problem.code].fix,
            tasks=(),
            line=problem.line,
            column=problem.column,
            path=problem.path,
            file=problem.file,
        )
        for problem in problems
        if problem.code in wanted
    ]
    return replace(findings, shown=tuple(sorted((*findings.shown, *more), key=_turn)))


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


def _finding(rule: Rule, hit: Hit, places: Places) -> LintFinding:
    problem = places.problem(hit.loc, hit.message, hit.hint or rule.fix, at_key=True, code=rule.code)
    return LintFinding(
        rule=rule,
        message=problem.message,
        hint=problem.hint or rule.fix,
        tasks=hit.tasks,
        line=problem.line,
        column=problem.column,
        path=problem.path,
        file=problem.file,
    )


def _turn(finding: LintFinding) -> tuple[str, int, int, str]:
    return finding.file, finding.line, finding.column, finding.rule.code


def silences_of(facts: Facts) -> Iterator[Silenced]:
    """All silences of a plan, those of its tasks first: they are the closer ones."""
    for at, task in enumerate(facts.plan.tasks):
        for position, own in enumerate(task.lint.ignore):
            yield Silenced(own.code, own.reason, ("tasks", at, "lint", "ignore", position), task=task.id)
    for position, silence in enumerate(facts.plan.lint.ignore):
        loc: Loc = ("lint", "ignore", position)
        yield Silenced(silence.code, silence.reason, loc, tasks=frozenset(silence.tasks))


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
        return f"{silence.code} is silenced for {listed(unknown, limit=None)}, which the plan does not have"
    about = f" about {silence.task}" if silence.task else ""
    about = f" about {listed(sorted(silence.tasks), limit=None)} alone" if silence.tasks else about
    return f"there is no {silence.code}{about} to silence"


def finding_lines(findings: LintFindings, *, source: str, colour: bool) -> Iterator[str]:
    """`plan.yaml:12:5: PLAN103 A and B may both change src/events.py`, and below it the hint."""
    told = set[tuple[str, str]]()
    for finding in findings.shown:
        where = _where(finding, source)
        code = finding.rule.code
        if colour:
            where, code = f"{_BOLD}{where}{_PLAIN}", f"{_COLOURS[finding.rule.severity]}{code}{_PLAIN}"
        yield f"{where} {code} {finding.message}"
        if (finding.rule.code, finding.hint) not in told:  # the same sixty times would hide what is found
            told.add((finding.rule.code, finding.hint))
            yield f"{_DIM}  hint: {finding.hint}{_PLAIN}" if colour else f"  hint: {finding.hint}"


def _where(finding: LintFinding, source: str) -> str:
    file = finding.file or source
    return f"{file}:{finding.line}:{finding.column}:" if finding.line else f"{file}:"


def tally(findings: LintFindings) -> str:
    """`1 error, 2 warnings, 1 silenced`, or `no findings`."""
    by_severity = Counter(finding.rule.severity for finding in findings.shown)
    parts = [count(by_severity[kind], kind) for kind in ("error", "warning") if by_severity[kind]]
    parts = parts or ["no findings"]
    if findings.silenced:
        parts.append(f"{len(findings.silenced)} silenced")
    return ", ".join(parts)
