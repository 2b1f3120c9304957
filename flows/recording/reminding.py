"""Says now and then what a run waits for that only a person can do, where lines are read and no table."""

from dataclasses import dataclass, field

from plait.flows.running.watching import LiveRun, Watcher
from plait.plans.wording import spell_seconds
from plait.show.next_steps import answer_command
from plait.show.progress import asked_for

EVERY = 600.0
"""Seconds between two reminders."""


@dataclass(slots=True)
class Reminding(Watcher):
    """Reminds of each question of a run until it is answered; what asks says it first."""

    live: LiveRun
    watchers: Watcher
    _paused_said_at: float | None = None
    _said_at: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By contract: when it was first seen waiting, and when that was said last, by the dispatching clock."""

    def ticked(self, now: float) -> None:
        """Say what has waited for some time again."""
        run = self.live.standings
        self._remind_of_pause(now)
        asked = {approval.contract: approval for approval in run.approvals if approval.answered_at is None}
        self._said_at = {name: said for name, said in self._said_at.items() if name in asked}
        for name, one in asked.items():
            since, said = self._said_at.setdefault(name, (now, now))
            if now - said >= EVERY:
                self._said_at[name] = since, now
                waits = f"still waits for a person to approve {asked_for(one)}, for {spell_seconds(now - since)} by now"
                self.watchers.told(f"{waits}: {answer_command(run.manifest.feature, one)}")

    def _remind_of_pause(self, now: float) -> None:
        run = self.live.standings
        if run.paused_at is None:
            self._paused_said_at = None
            return
        self._paused_said_at = run.paused_at if self._paused_said_at is None else self._paused_said_at
        if now - self._paused_said_at >= EVERY:
            self._paused_said_at = now
            waits = f"still paused, for {spell_seconds(now - run.paused_at)} by now"
            self.watchers.told(f"{waits}: `plait resume {run.manifest.feature}` lets it go on")
