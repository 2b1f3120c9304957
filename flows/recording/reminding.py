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
    _said_at: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By contract: when it was first seen waiting, and when that was said last, by the dispatching clock."""

    def ticked(self, now: float) -> None:
        """Say what has waited for some time again."""
        asked = {one.contract: one for one in self.live.outcome().asked}
        self._said_at = {name: said for name, said in self._said_at.items() if name in asked}
        for name, one in asked.items():
            since, said = self._said_at.setdefault(name, (now, now))
            if now - said >= EVERY:
                self._said_at[name] = since, now
                waits = f"still waits for a person to approve {asked_for(one)}, for {spell_seconds(now - since)} by now"
                self.watchers.told(f"{waits}: {answer_command(self.live.standings.manifest.feature, one)}")
