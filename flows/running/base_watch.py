"""Sees that base has moved on from the feature, or that the feature branch has taken it in, while a run goes on."""

from dataclasses import dataclass

from plait.plans.journal.events import BaseSeen
from plait.plans.run.standings import Standings
from plait.workspace.base_course import keep_taken_in, standing_now
from plait.workspace.control import Control


@dataclass(slots=True)
class BaseWatch:
    """What was seen of base last."""

    control: Control
    run: Standings
    _seen: tuple[str | None, str | None] | None = None
    """Where base and the feature branch were then."""

    def look(self) -> BaseSeen | None:
        """How base stands now, where the run does not know.

        Raises:
            GitFailed: one of the branches names a commit that is missing.
        """
        known, tip = self.run.base_standing, self.run.tip
        if known is None or known.ref is None:
            return None
        seen = self.control.target.resolve(known.ref), tip
        if seen == self._seen:
            return None
        standing = standing_now(self.control.target, self.run.manifest.feature, known, tip)
        self._seen = seen
        if standing.rests_on != known.rests_on:
            keep_taken_in(self.control, self.run.manifest.feature, standing)
        return BaseSeen(standing) if standing != known else None
