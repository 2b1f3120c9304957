"""Runs a command of the user's when a run ends and when a person is asked, so that nobody has to watch.

Only the user names it (`plait run --notify`, PLAIT_NOTIFY), never a plan: plans are hostile until checked. What it does
and how it ends changes nothing of the run.
"""

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from plait.flows.running.watching import LiveRun, Watcher
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.reviews import ReviewRecord
from plait.plans.wording import approve_command, land_command, one_line
from plait.show.next_steps import answer_command
from plait.show.unlanded import headline
from plait.workspace.process import Limits, run_supervised

NOTIFY = "PLAIT_NOTIFY"
PATIENCE = 30.0
"""Seconds that it may take."""


@dataclass(slots=True)
class Notifying(Watcher):
    """Tells a person by their own command, which gets the facts as JSON on standard input and as variables."""

    command: str
    live: LiveRun
    repository: str
    directory: Path
    """The run's own folder: what the command prints is kept in `notify.log` there."""
    watchers: Watcher
    _asked: set[tuple[str, int]] = field(default_factory=set)
    _running: list[threading.Thread] = field(default_factory=list)

    def asked(self, draft: Record) -> None:
        """Tell of each question once, beside the run."""
        if (draft.contract, draft.version) in self._asked:
            return
        self._asked.add((draft.contract, draft.version))
        asked = [row for row in self.live.outcome().asked if row.contract == draft.contract and not row.is_work]
        facts = {"event": "asked", "contract": draft.contract, "version": str(draft.version)}
        facts["answer"] = answer_command(self.live.standings.manifest.feature, asked[0]) if asked else ""
        self._tell_beside(facts)

    def asked_of_work(self, record: ReviewRecord) -> None:
        """The same of work that its reviewer has not approved."""
        answer = approve_command(self.live.standings.manifest.feature, record.task)
        self._tell_beside({"event": "asked", "task": record.task, "reason": record.reason, "answer": answer})

    def _tell_beside(self, facts: dict[str, str]) -> None:
        thread = threading.Thread(target=self._tell, args=(facts,), name="plait-notify", daemon=True)
        thread.start()
        self._running.append(thread)

    def ended(self, live: LiveRun) -> None:
        """Tell how it ended, and wait for that: the process ends next."""
        outcome = live.outcome()
        facts = {"event": "ended", "state": outcome.state.value, "branch": outcome.branch}
        facts |= {"headline": headline(outcome), "reason": one_line(outcome.reason or "", 1000)}
        if outcome.brought is not None and outcome.brought.state == "asked":
            facts["answer"] = land_command(outcome.feature)
        self._tell(facts)
        for thread in self._running:
            thread.join(PATIENCE)

    def _tell(self, facts: dict[str, str]) -> None:
        manifest = self.live.standings.manifest
        facts = {**facts, "run": manifest.run, "feature": manifest.feature, "repository": self.repository}
        variables = {f"PLAIT_{name.upper()}": one_line(text, 1000) for name, text in facts.items()}
        try:
            ended = run_supervised(
                ("/bin/sh", "-c", "--", self.command),
                directory=self.directory,
                environment={**os.environ, **variables},
                output=self.directory / "notify.log",
                stdin=json.dumps(facts).encode(),
                limits=Limits(timeout=PATIENCE),
            )
            how = "it took too long" if ended.cause == "timeout" else f"it ended with status {ended.status}"
            problem = "" if ended.ok else how
        except Exception as trouble:  # whatever it is: the run is what counts
            problem = str(trouble)
        if problem:
            self.watchers.noted(
                f"the notification ({NOTIFY}) did not work: {problem}; see {self.directory / 'notify.log'}"
            )
