"""Why a branch did not land and what came of it, in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass

from plait.plans.tasks.outcomes import BatchOutcome, FeatureOutcome, Rejection, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.wording import count, listed, one_line

_UNLANDED = {
    TaskState.PENDING: "never started",
    TaskState.READY: "never started",
    TaskState.RUNNING: "was still running",
    TaskState.DONE: "is finished, but was not integrated",
    TaskState.FAILED: "failed",
    TaskState.BLOCKED: "is blocked",
    TaskState.HELD: "is held back",
    TaskState.CANCELLED: "was cancelled",
}


@dataclass(frozen=True, slots=True)
class Incident:
    """One rejection, with the batch that it happened in and what happened next; text not escaped."""

    batch: str
    task: str
    kind: str
    partner: str | None
    files: tuple[str, ...]
    reason: str
    what: str
    """`changes the same lines as API`."""
    next: str
    """`Repaired, and landed with batch-2.`"""


@dataclass(frozen=True, slots=True)
class UnlandedTask:
    """A task that has not landed; text not escaped."""

    task: str
    what: str
    """`failed after 3 tries`."""
    reason: str
    branch: str | None
    incidents: tuple[Incident, ...]


def headline(outcome: FeatureOutcome, *, on: str = "") -> str:
    """`3 of 5 tasks landed`, and of a run that takes base in whether it did.

    `on`: the branch, where it is to be named.
    """
    landed = f"{outcome.count_landed} of {count(len(outcome.counted), 'task')} landed{f' on {on}' if on else ''}"
    base = outcome.base
    if base is None or not base.refresh:
        return landed
    is_in = any(task.id == base.refresh for task in outcome.landed)
    return f"{landed}, {one_line(base.name, 100)} {'is' if is_in else 'is not'} taken in"


def unlanded(outcome: FeatureOutcome) -> tuple[UnlandedTask, ...]:
    """In the plan's order."""
    return tuple(
        UnlandedTask(
            task=task.id,
            what=_what_became(task),
            reason=task.reason or _held_by(outcome, task.id),
            branch=task.branch,
            incidents=tuple(_incidents(outcome, task.id)),
        )
        for task in outcome.tasks
        if task.state is not TaskState.LANDED
    )


def repaired(outcome: FeatureOutcome) -> tuple[Incident, ...]:
    """Rejections of tasks that landed after all."""
    return tuple(incident for task in outcome.landed for incident in _incidents(outcome, task.id))


def _what_became(task: TaskOutcome) -> str:
    words = _UNLANDED.get(task.state, task.state.value)
    return (
        f"{words} after {count(task.tries, 'try', 'tries')}" if task.state is TaskState.FAILED and task.tries else words
    )


def _held_by(outcome: FeatureOutcome, task: str) -> str:
    landed = {other.id for other in outcome.landed}
    others = dict.fromkeys(held.by for batch in outcome.batches for held in batch.held if held.task == task)
    missing = tuple(other for other in others if other not in landed)
    return f"needs {listed(missing)}, which did not land" if missing else ""


def _incidents(outcome: FeatureOutcome, task: str) -> Iterable[Incident]:
    for number, batch in enumerate(outcome.batches):
        for no in batch.rejected:
            if no.task == task:
                yield Incident(
                    batch=batch.id,
                    task=task,
                    kind=no.kind,
                    partner=no.partner,
                    files=no.files,
                    reason=no.reason,
                    what=accusation(no),
                    next=_sequel(outcome, task, outcome.batches[number + 1 :]),
                )


def accusation(no: Rejection) -> str:
    """What a branch that was rejected does, as the end of a sentence that begins with `it`."""
    other = no.partner or "another branch"
    return {
        "conflict": f"changes the same lines as {no.partner or 'what has landed'}",
        "fails-alone": "makes the verification fail on its own",
        "pair": f"passes alone, but makes the verification fail together with {other}",
        "interaction": "makes the verification fail only together with several other branches",
        "held-by": f"needs {other}, which was rejected",
        "out-of-scope": "changed files that it does not own",
        "unrelated": "has no history in common with the branch it would land on",
        "flaky": "failed once and passed once on the same tree: the check is flaky",
        "base-red": "could not be judged: the branch it would land on fails already",
        "infrastructure": "could not be judged: the machine failed, not the branch",
    }[no.kind]


def _sequel(outcome: FeatureOutcome, task: str, later: tuple[BatchOutcome, ...]) -> str:
    for batch in later:
        if task in batch.ready:
            return f"Repaired, and ready to land with {batch.id}."
        if task in batch.landed:
            return f"Repaired, and landed with {batch.id}."
        if any(no.task == task for no in batch.rejected):
            return f"Repaired, and rejected again by {batch.id}."
    branch = next((other.branch for other in outcome.tasks if other.id == task and other.branch), None)
    return f"It has not landed; its work is kept on {branch}." if branch else "It has not landed."
