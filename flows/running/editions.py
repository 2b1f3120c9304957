"""Holds an edition of a feature against the one before it, and removes the branches of old ones."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from plait.flows.running.session import Session
from plait.flows.runs import KnownRun, runs_around
from plait.plans.errors import PlaitError
from plait.plans.names import integration_branch
from plait.plans.tasks.edition_change import MOST_PATHS, EditionChange, landed_otherwise
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.wording import count
from plait.workspace.base_course import feature_base
from plait.workspace.base_history import tips_named
from plait.workspace.control import HEADS, Control
from plait.workspace.landed_work import landed_work
from plait.workspace.landing_places import RemotePlace, landing_place
from plait.workspace.ref_landing import feature_lock
from plait.workspace.tree_changes import tree_change


def change_of_edition(session: Session, outcome: FeatureOutcome) -> EditionChange | None:
    """What an edition landed beside the one before; nothing where it is none, is the first, or has landed nothing.

    The one before is the newest other edition of the plan that ended with something landed, and whose commit is still
    in the repository.
    """
    template, control = session.brief.template, session.shop.control
    if not template or outcome.commit is None:
        return None
    for before in _ended_before(control.common_dir, template, outcome.feature):
        if before.commit is None or control.store.resolve(before.commit) is None:
            continue
        change = tree_change(control.store, before.commit, outcome.commit)
        came, went = landed_otherwise(_landed(before), _landed(outcome))
        return EditionChange(
            before=before.feature,
            commit=before.commit,
            files=len(change.paths),
            added=change.added,
            removed=change.removed,
            paths=change.paths[:MOST_PATHS],
            landed_now=came,
            not_landed_now=went,
        )
    return None


def _landed(outcome: FeatureOutcome) -> list[str]:
    return [task.id for task in outcome.singly().landed]


def _ended_before(repository: Path, template: str, feature: str) -> Iterator[FeatureOutcome]:
    """The outcomes of the other editions' runs that landed something, newest first."""
    for run in runs_around(repository):
        if run.template == template and run.feature != feature and (outcome := _outcome(run)) and outcome.landed:
            yield outcome


def _outcome(run: KnownRun) -> FeatureOutcome | None:
    try:
        return run.outcome() if run.has_ended else None
    except PlaitError:  # it is damaged, or of a later version
        return None


def remove_old_editions(session: Session, *, now: datetime | None = None) -> Iterator[str]:
    """Remove the branches of editions that landed on base and ended more than `keep` days ago, and say of which.

    Others stay until `plait clean`: what has not landed on base is nowhere else.
    """
    template, control = session.brief.template, session.shop.control
    oldest = (now or datetime.now(UTC)) - timedelta(days=session.brief.plan.keep)
    seen = {session.brief.plan.feature}
    for run in runs_around(control.common_dir) if template else ():
        if run.template != template or run.feature in seen:
            continue
        seen.add(run.feature)  # the newest run of each edition speaks for it
        outcome = None if run.alive else _outcome(run)
        if outcome is not None and (outcome.ended_at or outcome.started_at) < oldest:
            with suppress(PlaitError):  # somebody has begun to run it
                removed = _remove_branches(control, run.feature)
                if removed:
                    yield f"{run.feature} has landed on base: {count(removed, 'branch', 'branches')} of it removed"


def _remove_branches(control: Control, feature: str) -> int:
    """How many branches that plait made of a feature went; none where base does not have all of it.

    Raises:
        CallError: it is being run.
    """
    with feature_lock(control, feature, "that removes old editions"):
        tip = control.branch(integration_branch(feature))
        if tip is None or not _is_on_base(control, feature, tip):
            return 0
        own = HEADS + integration_branch(feature)
        branches = {own: tip, **control.target.refs(f"{HEADS}feature/{feature}/agent/")}
        gone = [
            (ref, commit)
            for ref, commit in branches.items()
            if control.worktree_of(ref.removeprefix(HEADS)) is None and control.store.is_ancestor(commit, tip)
        ]
        for ref, commit in gone:
            control.target.ask("update-ref", "--no-deref", "-d", ref, commit)
    return len(gone)


def _is_on_base(control: Control, feature: str, tip: str) -> bool:
    """Whether base has it, or the remote's branch that base follows: nobody may ever pull in the clone of a worker.

    Raises:
        CallError: base is gone.
    """
    base = feature_base(control, feature, None)
    if base.standing(control.store, feature, tip).course == "landed":
        return True
    place = landing_place(control, feature, base.base.ref) if base.base and base.base.ref else None
    for known in place.known_tips() if isinstance(place, RemotePlace) else ():
        there = landed_work(control, feature, tip=None, base=known)
        if control.store.is_ancestor(tip, known) or tip in tips_named(control, there.commits):
            return True
    return False
