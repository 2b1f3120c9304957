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
from plait.flows.running.book import ENDED, Book
from plait.plans.tasks.outcomes import Approval, RunState
from plait.plans.wording import markdown, spell_moment
from plait.show.next_steps import answer_command
from plait.show.progress import asked_for, held_by, spell_left

EVERY = 3.0
"""Seconds between two updates: each is a request of some 10 ms, made by the loop that starts agents."""

_LOG = logging.getLogger("plait")


@dataclass(slots=True)
class PageProgress:
    """One progress artifact, kept true; a server that is lost for a while costs a warning and no more."""

    book: Book
    is_shown: bool = True
    """Not where nobody can look, as beside a server that dies with the run."""
    _artifact: UUID | None = None
    _updated_at: float = -inf
    _shown: tuple[float, str] | None = None

    def look(self, now: float) -> None:
        """Update it when something has changed and some time has passed."""
        if now - self._updated_at < EVERY:
            return
        self._updated_at = now
        self.show()

    def show(self) -> None:
        """Put on the page where the run stands now."""
        share, words = _share(self.book), progress_words(self.book)
        if not self.is_shown or (share, words) == self._shown:
            return
        try:
            if self._artifact is None:
                key = artifact_key(self.book.feature, "progress")
                self._artifact = cast("UUID", create_progress_artifact(progress=share, key=key, description=words))
            else:
                update_progress_artifact(self._artifact, progress=share, description=words)
            self._shown = share, words
        except Exception as problem:
            _LOG.warning("the progress could not be put on the Prefect page: %s", problem)


def _share(book: Book) -> float:
    """How many of the tasks are over, in percent."""
    return round(100.0 * len(book.in_state(*ENDED)) / max(1, len(book.entries)), 1)


def progress_words(book: Book) -> str:
    """`8 tasks: 5 landed, 2 running, 1 pending; about 12 min left (8 min to 20 min)`, as Markdown."""
    counts = Counter(state for entry in book.entries.values() for state in [entry.state.value] * entry.size)
    said = [f"{book.size} tasks: {', '.join(f'{count} {state}' for state, count in counts.most_common())}"]
    if book.final_state in (None, RunState.RUNNING):
        asked = tuple(one for one in book.approvals if one.answered_at is None)
        said += [_asked(book.feature, one) for one in asked]
        left = spell_left(book.eta.after(datetime.now(UTC)), asked) if book.eta else ""
        said += [markdown(left)] if left else []
    return "; ".join(said)


def _asked(feature: str, asked: Approval) -> str:
    """Without how long by now: each change of these words is a request to the server."""
    held = f", {markdown(held_by(asked))}" if asked.holds else ""
    return (
        f"since {spell_moment(asked.asked_at)} it waits for a person to approve {markdown(asked_for(asked))}{held}: "
        f"`{answer_command(feature, asked)}`"
    )
