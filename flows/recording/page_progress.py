"""Shows on the Prefect page how far a run is and when it will end."""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from plait.flows.recording.artifacts import artifact_key
from plait.flows.running.watching import LiveRun, Watcher
from plait.plans.tasks.base_standing import base_words
from plait.plans.tasks.outcomes import Approval, FeatureOutcome, Rest, RunState
from plait.plans.tasks.states import TaskState
from plait.plans.wording import count, listed, markdown, spell_moment
from plait.show.next_steps import answer_command
from plait.show.progress import Eta, asked_for, held_by, spell_left, spell_used, used_up

EVERY = 3.0
"""Seconds between two updates: each is a request of some 10 ms, made by the loop that starts agents."""

ENDED = {TaskState.LANDED, TaskState.FAILED, TaskState.BLOCKED, TaskState.HELD, TaskState.CANCELLED}

_LOG = logging.getLogger("plait")


@dataclass(slots=True)
class PageProgress(Watcher):
    """One progress artifact, kept true; a server that is lost for a while costs a warning and no more."""

    live: LiveRun
    is_shown: bool = True
    """Not where nobody can look, as beside a server that dies with the run."""
    _artifact: UUID | None = None
    _updated_at: float = -inf
    _shown: tuple[float, str] | None = None

    def ticked(self, now: float) -> None:
        """Update it when something has changed and some time has passed."""
        if now - self._updated_at < EVERY:
            return
        self._updated_at = now
        self.show()

    def show(self) -> None:
        """Put on the page where the run stands now."""
        if not self.is_shown:
            return
        outcome = self.live.outcome()
        share, words = _share(outcome), progress_words(outcome, self.live.eta)
        if (share, words) == self._shown:
            return
        try:
            if self._artifact is None:
                key = artifact_key(outcome.feature, "progress")
                self._artifact = cast("UUID", create_progress_artifact(progress=share, key=key, description=words))
            else:
                update_progress_artifact(self._artifact, progress=share, description=words)
            self._shown = share, words
        except Exception as problem:
            _LOG.warning("the progress could not be put on the Prefect page: %s", problem)

    def ended(self, _live: LiveRun) -> None:
        """Show the end."""
        self.show()


def _share(outcome: FeatureOutcome) -> float:
    """How many of the tasks are over, in percent."""
    over = sum(task.state in ENDED for task in outcome.tasks)
    return round(100.0 * over / max(1, len(outcome.tasks)), 1)


def progress_words(outcome: FeatureOutcome, eta: Eta | None = None) -> str:
    """`8 tasks: 5 landed, 2 running, 1 pending; about 12 min left (8 min to 20 min)`, as Markdown."""
    single = outcome.counted
    counts = Counter(task.state.value for task in single)
    said = [f"{count(len(single), 'task')}: {', '.join(f'{many} {state}' for state, many in counts.most_common())}"]
    if outcome.paused_by is not None and outcome.state is RunState.RUNNING:
        said.append(f"paused{f' by {markdown(outcome.paused_by)}' if outcome.paused_by else ''}: nothing new starts")
    if outcome.state is RunState.RUNNING:
        said += [_asked(outcome.feature, asked) for asked in outcome.asked]
        said += [markdown(_rest(rest)) for rest in outcome.rests]
        known = eta if outcome.paused_by is None and not outcome.rests else None
        left = spell_left(known.after(datetime.now(UTC)), outcome.asked) if known else ""
        said += [markdown(left)] if left else []
    said += [f"used up: {used}"] if (used := spell_used(used_up(outcome))) else []
    said += [markdown(base)] if (base := base_words(outcome.base)) else []
    return "; ".join(said)


def _rest(rest: Rest) -> str:
    """Without how long by now, and in UTC: whoever looks may be anywhere."""
    until = "" if rest.until is None else f" until {spell_moment(rest.until)}"
    why = {"quota": "no quota left", "login": "not logged in", "overload": "the provider limits the rate"}
    return f"{listed(rest.roles)} rest{until} ({why.get(rest.kind, 'stopped')}: {rest.words})"


def _asked(feature: str, asked: Approval) -> str:
    """Without how long by now: each change of these words is a request to the server."""
    held = f", {markdown(held_by(asked))}" if asked.holds else ""
    return (
        f"since {spell_moment(asked.asked_at)} it waits for a person to approve {markdown(asked_for(asked))}{held}: "
        f"`{answer_command(feature, asked)}`"
    )
