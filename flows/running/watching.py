"""Who follows a run while it goes on: a base of no-ops, one that tells several, and what they are shown."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from plait.plans.agents.activity import Activity
from plait.plans.run.machine import Run
from plait.plans.run.standings import Standings
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.reviews import ReviewRecord
from plait.show.progress import ActiveAgent, Eta
from plait.show.run_outcome import outcome_of


@dataclass(slots=True)
class LiveRun:
    """A run as it goes on, for whoever shows it; read from any thread, written by the loop."""

    run: Run
    lines: dict[str, str] = field(default_factory=dict)
    """By task, what its agent printed last."""
    activities: dict[str, Activity] = field(default_factory=dict)
    """By task, what its agent does, where its program tells that."""
    active: tuple[ActiveAgent, ...] = ()
    """Who is at work, and for how long without a word, as of the last half second."""
    eta: Eta | None = None
    """When it will end, as the last forecast said; nothing before the first, or when nothing is left to start."""

    @property
    def standings(self) -> Standings:
        return self.run.standings

    @property
    def size(self) -> int:
        """How many of the plan's tasks it is about, those of bundles one by one; base is none of them."""
        refresh = self.standings.manifest.refresh
        return sum(task.size for name, task in self.standings.facts.items() if not refresh or name != refresh.task)

    def outcome(self, now: float | None = None) -> FeatureOutcome:
        """Where it stands; `now` in seconds since the epoch."""
        return outcome_of(self.standings, now=now)


class Watcher:
    """Follows a run; does nothing unless overridden. Only `heard` and `acted` are called from other threads."""

    def begun(self, live: LiveRun) -> None:
        """There is a run from now on."""

    def noted(self, text: str) -> None:
        """A person should know this."""

    def told(self, text: str) -> None:
        """Something has changed, in a line."""

    def heard(self, task: str, line: str) -> None:
        """An agent printed a line."""

    def acted(self, task: str, activity: Activity) -> None:
        """An agent does something else."""

    def base_red(self, reason: str, lands: str) -> None:
        """What the run started from is red; `lands`: what lands all the same, nothing where nothing does."""

    def asked(self, draft: Record) -> None:
        """A person has to approve this."""

    def answered(self, contract: str, record: Record | None) -> None:
        """Nobody is asked about a contract any more; the record says what came of it."""

    def asked_of_work(self, record: ReviewRecord) -> None:
        """A person has to say whether a task's work is good."""

    def work_answered(self, task: str, says: str) -> None:
        """Nobody is asked about a task's work any more; `says`: what came of it."""

    def asked_to_land(self, outcome: BaseOutcome) -> None:
        """A person has to say whether the feature goes onto base."""

    def ticked(self, now: float) -> None:
        """Some time has passed; `now` in seconds since the epoch."""

    def ended(self, live: LiveRun) -> None:
        """Nothing more happens."""


class Watchers(Watcher):
    """Several, each told in turn."""

    def __init__(self, watchers: Iterable[Watcher] = ()) -> None:
        self._watchers = list(watchers)

    def add(self, watcher: Watcher) -> None:
        """Let one more follow from now on."""
        self._watchers.append(watcher)

    def begun(self, live: LiveRun) -> None:
        for watcher in self._watchers:
            watcher.begun(live)

    def noted(self, text: str) -> None:
        for watcher in self._watchers:
            watcher.noted(text)

    def told(self, text: str) -> None:
        for watcher in self._watchers:
            watcher.told(text)

    def heard(self, task: str, line: str) -> None:
        for watcher in self._watchers:
            watcher.heard(task, line)

    def acted(self, task: str, activity: Activity) -> None:
        for watcher in self._watchers:
            watcher.acted(task, activity)

    def base_red(self, reason: str, lands: str) -> None:
        for watcher in self._watchers:
            watcher.base_red(reason, lands)

    def asked(self, draft: Record) -> None:
        for watcher in self._watchers:
            watcher.asked(draft)

    def answered(self, contract: str, record: Record | None) -> None:
        for watcher in self._watchers:
            watcher.answered(contract, record)

    def asked_of_work(self, record: ReviewRecord) -> None:
        for watcher in self._watchers:
            watcher.asked_of_work(record)

    def work_answered(self, task: str, says: str) -> None:
        for watcher in self._watchers:
            watcher.work_answered(task, says)

    def asked_to_land(self, outcome: BaseOutcome) -> None:
        for watcher in self._watchers:
            watcher.asked_to_land(outcome)

    def ticked(self, now: float) -> None:
        for watcher in self._watchers:
            watcher.ticked(now)

    def ended(self, live: LiveRun) -> None:
        for watcher in self._watchers:
            watcher.ended(live)
