"""The runs of a repository as a list: when each began, where it stands, what of it landed, what it cost."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from plait.flows.runs import KnownRun, known_runs, runs_here, runs_of, worktree_of
from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.usage import Usage, usage_of
from plait.plans.wording import spell_seconds
from plait.workspace.home import plait_home


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run, and where it stands; nothing where that cannot be read."""

    run: KnownRun
    outcome: FeatureOutcome | None

    @property
    def usage(self) -> Usage | None:
        """What its agents used up, as far as they told."""
        return usage_of(task.usage for task in self.outcome.tasks if task.tries) if self.outcome else None

    def record(self) -> dict[str, object]:
        """What `--json` prints."""
        outcome, usage = self.outcome, self.usage
        return {
            "run_id": self.run.run_id,
            "feature": self.run.feature,
            "repository": self.run.repository,
            "state": outcome.state.value if outcome else None,
            "started_at": outcome.started_at.isoformat(timespec="milliseconds") if outcome else None,
            "elapsed_seconds": round(outcome.elapsed_seconds, 3) if outcome else None,
            "tasks": len(outcome.counted) if outcome else None,
            "landed": outcome.count_landed if outcome else None,
            "did_something": did_something(outcome) if outcome else None,
            "usage": usage.model_dump(mode="json") if usage else None,
        }

    def cells(self) -> tuple[str, ...]:
        """Started, run, state, landed, took, cost, repository."""
        outcome, place = self.outcome, str(worktree_of(self.run.repository))
        if outcome is None:
            return ("–", self.run.run_id, "unknown", "–", "–", "–", place)
        state = outcome.state.value if did_something(outcome) or self.run.alive else "nothing to do"
        landed = f"{outcome.count_landed} of {len(outcome.counted)}"
        took = spell_seconds(outcome.elapsed_seconds)
        return (_local(outcome.started_at), self.run.run_id, state, landed, took, _cost(self.usage), place)


def listed_runs(feature: str | None, *, every: bool, repository: Path | None, last: int) -> tuple[list[ListedRun], int]:
    """The newest runs of a repository, or of all, and how many older ones there are.

    Raises:
        CallError: `repository` is in none.
    """
    runs = known_runs(plait_home()) if every else runs_of(repository) if repository else runs_here()
    runs = [run for run in runs if feature in (None, run.feature)]
    return [ListedRun(run, _outcome_of(run)) for run in runs[:last]], max(0, len(runs) - last)


def did_something(outcome: FeatureOutcome) -> bool:
    """Whether anything was started or integrated: a run of what has landed already does nothing."""
    return bool(outcome.batches) or any(task.started_at or task.tries for task in outcome.tasks)


def last_with_work(run: KnownRun) -> KnownRun:
    """The run itself, or, where it found nothing to do, the newest one before it of its feature that did something."""
    outcome = _outcome_of(run)
    if run.alive or outcome is None or did_something(outcome):
        return run
    runs = known_runs(plait_home())
    place = next((at for at, known in enumerate(runs) if known.run_id == run.run_id), len(runs))
    for known in runs[place + 1 :]:
        same = (known.feature, known.repository) == (run.feature, run.repository)
        if same and (earlier := _outcome_of(known)) is not None and did_something(earlier):
            return known
    return run


def _outcome_of(run: KnownRun) -> FeatureOutcome | None:
    """Where a run stands; nothing where its journal cannot be read, which hides no other run."""
    try:
        return run.outcome()
    except CallError:
        return None


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _cost(usage: Usage | None) -> str:
    if usage is None:
        return "–"
    about = "" if usage.exact else "≥ "
    if usage.usd is not None:
        return f"{about}${usage.usd:,.2f}"
    tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    return f"{about}{tokens:,} tokens" if tokens else "–"
