"""What agents of the run before had in hand when it was killed or stopped: their sessions go on in this run."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from plait.agent_tasks.trying import begun_as, carried_tries, carry, homes_in, past_tries
from plait.flows.running.past_runs import runs_of
from plait.plans.agents.outcomes import POLICIES
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.work import Try
from plait.workspace.control import Control


def carry_over(home: Path, control: Control, feature: str, directory: Path, tasks: Iterable[PlannedTask]) -> None:
    """Hand on, for each task that is as it was, the tries of the feature's last run and the homes of their agents.

    Only where the last try was no failure of its work: the run was killed or stopped, or an account refused; and where
    it counted, so that a repair finds the session that made the branch. What failed otherwise begins anew.

    Args:
        directory: Of the run that begins.
    """
    before = next((run for run in runs_of(home, control, feature) if run != directory), None)
    for task in tasks if before is not None else ():
        if not task.task.is_for_agent or before is None:
            continue
        old, new = before / "tasks" / task.id, directory / "tasks" / task.id
        with suppress(OSError, ValueError):
            tries = past_tries(old) or carried_tries(old, task.spec_hash)
            if tries and _goes_on(tries) and begun_as(old) == task.spec_hash:
                carry(new, _with_their_commits(control, tries), spec=task.spec_hash, homes=homes_in(old))


def _goes_on(tries: Sequence[Try]) -> bool:
    last = tries[-1]
    return last.failed is None or (last.outcome is not None and not POLICIES[last.outcome].costs_try)


def _with_their_commits(control: Control, tries: Sequence[Try]) -> list[Try]:
    """The tries with the work of the last one where it is now: on its salvage branch, while that is there."""
    last = tries[-1]
    if last.salvage is None:
        return list(tries)
    return [*tries[:-1], replace(last, checkpoint=control.branch(last.salvage))]
