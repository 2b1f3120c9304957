"""Holds an edition of a feature against the one before it."""

from collections.abc import Iterator
from pathlib import Path

from plait.flows.running.session import Session
from plait.flows.runs import KnownRun, runs_around
from plait.plans.errors import PlaitError
from plait.plans.tasks.edition_change import MOST_PATHS, EditionChange, landed_otherwise
from plait.plans.tasks.outcomes import FeatureOutcome
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
