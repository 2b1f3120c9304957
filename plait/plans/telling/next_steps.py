"""What helps after a run, as commands to type: look, take over, see why, go on."""

import shlex
from collections.abc import Iterator

from plait.plans.phrasing import one_line
from plait.plans.tasks.outcomes import BatchState, FeatureOutcome, RunState, TaskState

_LOGS = 3
"""Tasks whose logs are offered."""


def next_commands(outcome: FeatureOutcome, *, repository: str = "") -> list[str]:
    """The commands in the order in which they help.

    `repository`: its path, where the reader stands somewhere else.
    """
    waiting = _ready_to_land(outcome)
    commands = [one_line(outcome.reason or "", 1000)] if waiting else list(_looking(outcome, repository))
    failed = [task for task in outcome.tasks if task.started_at and task.state in (TaskState.FAILED, TaskState.HELD)]
    commands += [f"plait logs {_word(task.id)}" for task in failed[:_LOGS]]
    if outcome.state is RunState.RUNNING:
        return [*commands, "plait status"]
    if any(task.state is not TaskState.LANDED and task.id not in waiting for task in outcome.tasks):
        where = f" --repo {_word(repository)}" if repository else ""
        commands.append(f"plait run PLAN{where} # goes on with what has not landed")
    return commands


def _ready_to_land(outcome: FeatureOutcome) -> set[str]:
    """The tasks of batches that wait for their user to land them, where the outcome's reason is the command for it."""
    if not (outcome.reason or "").startswith("git "):
        return set()
    return {task for batch in outcome.batches if batch.state is BatchState.READY_TO_LAND for task in batch.landed}


def _looking(outcome: FeatureOutcome, repository: str) -> Iterator[str]:
    if outcome.landed:
        git, branch = f"git -C {_word(repository)}" if repository else "git", _word(outcome.branch)
        yield f"{git} log --graph --oneline {branch}"
        yield f"{git} merge {branch}"


def _word(text: str) -> str:
    return shlex.quote(one_line(text, 1000))
