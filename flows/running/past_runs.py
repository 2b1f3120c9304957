"""What a run that was killed had spent: read from its journal and its tries, so that it counts on."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from plait.agent_tasks.trying import past_tries
from plait.flows.journal_file import kept_journal
from plait.plans.accounts.pauses import AccountPause
from plait.plans.journal.lines import Journal
from plait.plans.journal.manifest import PastEffort
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import Working, moment
from plait.plans.tasks.outcomes import Span
from plait.plans.usage import added, usage_of
from plait.show.run_outcome import replayed
from plait.workspace.control import Control
from plait.workspace.small_files import read_json_object

_LOG = logging.getLogger("plait")


@dataclass(frozen=True, slots=True)
class KilledRun:
    """A run that did not come to its end."""

    run: str
    effort: Mapping[str, PastEffort]
    """By task, what was spent on it, by this run and by those that were killed before it."""
    salvage: tuple[str, ...]
    seconds: float
    """How long it went on, with those that were killed before it."""
    account_pauses: Mapping[str, AccountPause] = field(default_factory=dict)
    """By account, how it stood: what it has said of its time is true whether plait runs or not."""


def killed_run(home: Path, control: Control, feature: str, *, now: float) -> KilledRun | None:
    """The newest run of the feature in the repository, if it was killed; one that ended starts anew.

    To be asked with the feature's lock, so that no run of it is alive. What it did is moved up to `now` (seconds since
    the epoch): the time in which nothing ran counts for nothing.
    """
    for directory in runs_of(home, control, feature):
        if (directory / "result.json").exists():
            return None
        try:
            journal = kept_journal(directory)
            if journal is not None:
                return None if journal.is_closed else _spent(directory, journal, now=now)
        except Exception as problem:  # what is damaged, or has broken the run, must not keep the next from going on
            _LOG.warning("what the run %s had spent is not known: %s", directory.name, problem)
            return None
        # It was killed before its first task, and spent nothing: what counts on is that of the one before.
    return None


def runs_of(home: Path, control: Control, feature: str) -> list[Path]:
    """The folders of the feature's runs in the repository, the newest first."""
    dated: list[tuple[float, Path]] = []
    for run_file in (home / "runs").glob("*/run.json"):
        with suppress(OSError, ValueError, KeyError):
            said = read_json_object(run_file)
            if (said["feature"], said["repository"]) == (feature, str(control.common_dir)):
                dated.append((run_file.stat().st_mtime, run_file.parent))
    return [directory for _, directory in sorted(dated, reverse=True)]


def _spent(directory: Path, journal: Journal, *, now: float) -> KilledRun:
    run = replayed(journal).standings
    salvage, effort = dict.fromkeys(run.salvage), dict(journal.manifest.past)
    effort = {task: _moved_up(past, by=now - run.now) for task, past in effort.items()} if run.now else effort
    for task in run.tasks:
        tries = past_tries(directory / "tasks" / task)
        salvage |= dict.fromkeys(attempt.salvage for attempt in tries if attempt.salvage)
        before = journal.manifest.past.get(task)
        spans = tuple(_moved(span, by=now - run.now) for span in _spans(run, task))
        counted = sum(attempt.refused is None for attempt in tries)
        if tries or spans:
            usage = usage_of((*((before.usage,) if before else ()), *(attempt.usage for attempt in tries)))
            spent = added(before.spent if before else {}, *(attempt.spent for attempt in tries))
            effort[task] = PastEffort((before.tries if before else 0) + counted, spans, usage, spent)
    seconds = max(0.0, run.now - journal.manifest.started_at) + journal.manifest.before
    return KilledRun(journal.manifest.run, effort, tuple(salvage), seconds, dict(run.rests.pauses))


def _moved_up(past: PastEffort, *, by: float) -> PastEffort:
    return replace(past, spans=tuple(_moved(span, by=by) for span in past.spans))


def _moved(span: Span, *, by: float) -> Span:
    later = timedelta(seconds=by)
    return span.model_copy(update={"started_at": span.started_at + later, "ended_at": span.ended_at + later})


def _spans(run: Standings, task: str) -> tuple[Span, ...]:
    """When it was worked on: what went on until the kill ended with the last thing that was heard."""
    standing = run.tasks[task]
    if not isinstance(standing.status, Working):
        return standing.spans
    number = standing.repair.number if standing.repair else 0
    began, ended = moment(standing.status.since), run.moment
    last = Span(started_at=began, ended_at=ended, repair=number, ok=False, cut=True, agent=standing.agent)
    return (*standing.spans, last)
