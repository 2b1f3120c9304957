"""Says now and then what a run waits for, and who is silent for long, where lines are read and no table."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from plait.flows.running.watching import LiveRun, Watcher
from plait.plans.wording import spell_seconds
from plait.show.next_steps import answer_command
from plait.show.progress import asked_for, spell_doubt, spell_rest

EVERY = 600.0
"""Seconds between two reminders."""


@dataclass(slots=True)
class Reminding(Watcher):
    """Reminds of each question of a run until it is answered; what asks says it first."""

    live: LiveRun
    watchers: Watcher
    _paused_said_at: float | None = None
    _rests_said_at: float | None = None
    _doubted: dict[tuple[str, datetime], float] = field(default_factory=dict)
    """By stretch of work, how long it had gone on when it was named last."""
    _said_at: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By contract: when it was first seen waiting, and when that was said last, by the dispatching clock."""

    def ticked(self, now: float) -> None:
        """Say what has waited for some time again."""
        run = self.live.standings
        self._remind_of_pause(now)
        self._remind_of_silence()
        self._remind_of_rests(now)
        asked = {approval.contract: approval for approval in run.approvals if approval.answered_at is None}
        self._said_at = {name: said for name, said in self._said_at.items() if name in asked}
        for name, one in asked.items():
            since, said = self._said_at.setdefault(name, (now, now))
            if now - said >= EVERY:
                self._said_at[name] = since, now
                waits = f"still waits for a person to approve {asked_for(one)}, for {spell_seconds(now - since)} by now"
                self.watchers.told(f"{waits}: {answer_command(run.manifest.feature, one)}")

    def _remind_of_silence(self) -> None:
        """Name an agent when it becomes doubtful, and again each time that this has doubled."""
        doubtful = {(agent.task, agent.since): agent for agent in self.live.active if agent.is_doubtful}
        self._doubted = {key: seconds for key, seconds in self._doubted.items() if key in doubtful}
        for key, agent in doubtful.items():
            if agent.worked_seconds >= 2 * self._doubted.get(key, 0.0):
                self._doubted[key] = agent.worked_seconds
                self.watchers.told(spell_doubt(agent))

    def _remind_of_rests(self, now: float) -> None:
        paused = self.live.standings.rests.waited_for
        if not paused:
            self._rests_said_at = None
            return
        self._rests_said_at = now if self._rests_said_at is None else self._rests_said_at
        if now - self._rests_said_at >= EVERY:
            self._rests_said_at = now
            moment = datetime.fromtimestamp(now, UTC)
            for rest in self.live.outcome(now).rests:
                self.watchers.told(f"still waits; {spell_rest(rest, moment)}")

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
