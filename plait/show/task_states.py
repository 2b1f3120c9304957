"""What is said of each task, and of the whole run: its state and its reason, computed from the standings."""

from plait.plans.journal.manifest import TaskFacts
from plait.plans.landing.batch_words import rejection_words
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import (
    AccountWait,
    Built,
    Cancelled,
    Failed,
    Impossible,
    Landed,
    LandsByHand,
    Preparing,
    Rejected,
    Standing,
    Waiting,
    Working,
)
from plait.plans.tasks.outcomes import RunState
from plait.plans.tasks.states import TaskState
from plait.plans.wording import approve_command, one_line

BY_HAND = "ready to land: the feature branch is checked out"
_WORDS = {
    Preparing: TaskState.READY,
    Working: TaskState.RUNNING,
    LandsByHand: TaskState.DONE,
    Landed: TaskState.LANDED,
    Failed: TaskState.FAILED,
    Rejected: TaskState.HELD,
    Impossible: TaskState.BLOCKED,
    Cancelled: TaskState.CANCELLED,
}


class States:
    """The states of all tasks as they are now."""

    def __init__(self, run: Standings) -> None:
        self._run, self._rules = run, run.rules

    def state_of(self, task: str) -> TaskState:
        """Its state in the words of the specification (SEMANTICS, States).

        A finished branch is `held` when what it waits for has gone wrong, and at the end of the run whatever it waits
        for; until then it is `done`.
        """
        status = self._run.tasks[task].status
        if isinstance(status, Waiting):
            return self._not_started(task)
        if isinstance(status, Built):
            return TaskState.HELD if self._is_held(task) else TaskState.DONE
        return _WORDS[type(status)]

    def reason_of(self, task: str) -> str | None:
        """Why it failed, is blocked, held or handed back; what a person has to do for it."""
        match self._run.tasks[task]:
            case Standing(status=Failed(reason) | Rejected(reason) | Impossible(reason) | Cancelled(reason)):
                return reason
            case Standing(status=LandsByHand()):
                return BY_HAND
            case Standing(status=Built()) if self._is_held(task):
                return self._run.why_held(task, self._rules.held[task])
            case Standing(status=Built() | Landed()):
                return self._asks(task)
            case Standing(status=Waiting()) if task in self._run.reviewing:
                return self._reads(task)
            case Standing(status=Waiting(), remarks=remarks) if remarks is not None:
                return f"sent back by {remarks.by}: {one_line(remarks.findings, 200)}"
            case Standing(status=Waiting(), repair=repair) if repair is not None:
                return rejection_words(repair)
            case Standing(status=Waiting()) if self._rests(task):
                return "waits for its agent's account"
            case Standing(status=Waiting()) if self._not_started(task) is TaskState.BLOCKED:
                return f"{self._run.dispatcher.lost_to(task)} did not succeed"
            case _:
                return None

    def in_state(self, *states: TaskState) -> list[TaskFacts]:
        """The tasks in any of these states."""
        return [facts for task, facts in self._run.facts.items() if self.state_of(task) in states]

    def _rests(self, task: str) -> bool:
        """Whether its needs are met, and all agents that could do it rest."""
        waits = self._run.tasks[task].waits
        return any(isinstance(wait, AccountWait) for wait in waits) and self._run.needs_are_met(task)

    def _not_started(self, task: str) -> TaskState:
        state, review = self._run.dispatcher.state_of(task), self._run.reviewing.get(task)
        if review is not None and state is not TaskState.BLOCKED:
            return TaskState.RUNNING if review.agent else TaskState.HELD if review.asks else TaskState.READY
        if self._run.tasks[task].repair and state is not TaskState.BLOCKED:
            return TaskState.READY
        return TaskState.PENDING if state in (TaskState.HELD, TaskState.CANCELLED) else state

    def _is_held(self, task: str) -> bool:
        by, seen = self._rules.held.get(task), {task}
        if by is None or by == task:  # a person has been asked
            return False
        while (further := self._rules.held.get(by)) is not None and by not in seen:
            seen.add(by)
            by = further
        return self._run.closed or self._has_gone_wrong(by)

    def _has_gone_wrong(self, task: str) -> bool:
        standing = self._run.tasks.get(task)
        if standing is None:
            return True  # it is not part of this run
        if isinstance(standing.status, Failed | Rejected | Impossible | Cancelled) or standing.repair is not None:
            return True
        return isinstance(standing.status, Waiting) and self._run.dispatcher.state_of(task) is TaskState.BLOCKED

    def _reads(self, task: str) -> str:
        review, role = self._run.reviewing[task], self._run.facts[task].reviewer
        if review.asks:
            command = approve_command(self._run.manifest.feature, task)
            return f"waits for a person, as {review.asks}: {command}"
        return f"is reviewed by {review.agent}" if review.agent else f"waits for a review by {role}"

    def _asks(self, task: str) -> str | None:
        for name, contract in self._run.contracts.items():
            if contract.asks == task and contract.newest is not None:
                command = approve_command(self._run.manifest.feature, name)
                return f"contract {name} v{contract.newest.version} waits for a person: {command}"
        return None


def final_state(run: Standings) -> RunState:
    """What the run came to, from what became of its tasks."""
    landed = sum(isinstance(standing.status, Landed) for standing in run.tasks.values())
    if landed == len(run.tasks) and run.trouble is None:
        return RunState.COMPLETED  # also when a signal came too late to stop anything
    if run.stopping is not None and not run.stopping.broken:
        return RunState.CANCELLED
    return RunState.PARTIAL if landed or run.rests.ended_waiting else RunState.FAILED
