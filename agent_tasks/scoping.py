"""Holds a batch's branches against what they may change, and looks at what they did to the tests."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from plait.agent_tasks.workshop import Workshop
from plait.plans.landing.weakened_tests import LONGEST_FILE, is_of_tests, weakened
from plait.plans.paths import out_of_scope, scope_words
from plait.plans.tasks.outcomes import BatchState, Held, Rejection, WeakenedTest
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate, Rework
from plait.workspace.chains import Branch, ChainBuilder
from plait.workspace.output import plain
from plait.workspace.own_changes import OwnChange, OwnWork, brings, own_changes, texts_of


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a batch stays within its bounds."""

    order: BatchOrder
    """Without what does not, and without what needs that."""
    branches: tuple[Branch, ...]
    touched: Mapping[str, Collection[str]]
    """By task, the paths that its branch changed itself."""
    refused: tuple[Rework, ...] = ()
    held: tuple[Held, ...] = ()
    weakened: tuple[WeakenedTest, ...] = ()

    def told_in(self, report: BatchReport) -> BatchReport:
        """The report of the rest, with what was refused before it began, and what people should look at."""
        refused = tuple(
            Rejection.model_validate(
                {"task": no.task, "kind": no.kind, "files": tuple(map(plain, no.files)), "reason": plain(no.reason)}
            )
            for no in self.refused
        )
        outcome, landed = report.outcome, set(report.outcome.landed)
        is_part = bool(refused) and outcome.state is BatchState.LANDED
        update = {
            "state": BatchState.PART_LANDED if is_part else outcome.state,
            "rejected": (*refused, *outcome.rejected),
            "held": (*self.held, *outcome.held),
            "weakened": tuple(finding for finding in self.weakened if finding.task in landed),
        }
        return replace(report, outcome=outcome.model_copy(update=update), rework=(*self.refused, *report.rework))


def scope_of(order: BatchOrder, shop: Workshop, builder: ChainBuilder, branches: Sequence[Branch]) -> Scope:
    """Take out what changed more than it may; the tests that were weakened are told, and refuse nothing.

    Asked again although a task's harvest was checked: since then somebody else may have committed to its branch.

    Raises:
        GitFailed: a commit is missing.
    """
    store = shop.control.store
    complete = builder.complete(branches)
    tips = {branch.task: branch.tip for branch in complete}
    candidates = {candidate.task: candidate for candidate in order.branches if candidate.task in tips}
    work = {
        branch.task: OwnWork(
            branch.tip, (*candidates[branch.task].grounds, *(tips[n] for n in branch.needs if n in tips))
        )
        for branch in complete
    }
    changes = own_changes(store, work, landed=(builder.base, shop.base))
    refused = tuple(
        no for task, candidate in candidates.items() if (no := _refusal(candidate, changes[task], shop, builder.base))
    )
    held = _held(complete, {no.task for no in refused})
    out = {no.task for no in refused} | {one.task for one in held}
    kept = tuple(candidate for candidate in order.branches if candidate.task not in out)
    rest = tuple(branch for branch in branches if branch.task not in out)
    touched = {task: frozenset(change.path for change in own) for task, own in changes.items()}
    return Scope(replace(order, branches=kept), rest, touched, refused, held, _weakened(shop, changes))


def _refusal(candidate: Candidate, changes: Sequence[OwnChange], shop: Workshop, onto: str) -> Rework | None:
    outside = tuple(
        change.path
        for change in changes
        if out_of_scope(
            [change.path],
            owns=candidate.owns,
            locked=candidate.locked,
            asked="protected" if change.by_person and not candidate.is_foreign else candidate.asked,
        )
    )
    if outside:
        outside = brings(shop.control.store, candidate.tip, outside, onto=onto)
    if not outside:
        return None
    if not shop.control.store.are_related(candidate.tip, onto):  # every file of it seems to be its change
        reason = "it and the feature branch have no history in common: they cannot be merged"
        return Rework(candidate.task, "unrelated", None, None, files=(), reason=reason, commands=())
    reason = scope_words(outside, task=candidate.task)
    return Rework(candidate.task, "out-of-scope", None, None, files=outside, reason=reason, commands=())


def _held(branches: Sequence[Branch], refused: set[str]) -> tuple[Held, ...]:
    """What needs a branch that was refused, in merge order."""
    by: dict[str, str] = {}
    for branch in branches:
        cause = next((need for need in branch.needs if need in refused or need in by), None)
        if cause is not None and branch.task not in refused:
            by[branch.task] = cause
    return tuple(Held(task=task, by=cause) for task, cause in by.items())


def _weakened(shop: Workshop, changes: dict[str, tuple[OwnChange, ...]]) -> tuple[WeakenedTest, ...]:
    of_tests = {task: [change for change in own if is_of_tests(change.path)] for task, own in changes.items()}
    blobs = [blob for own in of_tests.values() for change in own for blob in (change.before, change.after) if blob]
    texts = texts_of(shop.control.store, blobs, largest=LONGEST_FILE)
    findings: list[WeakenedTest] = []
    for task, own in of_tests.items():
        read = {
            change.path: (texts.get(change.before or ""), texts.get(change.after or ""))
            for change in own
            if all(blob in texts for blob in (change.before, change.after) if blob)
        }
        findings += [
            WeakenedTest(task=task, path=plain(finding.path), line=finding.line, what=plain(finding.what))
            for finding in weakened(read)
        ]
    return tuple(findings)
