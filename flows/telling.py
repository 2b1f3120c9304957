"""Leaves a person's note for the next try of a task, and says who will be told it."""

from datetime import UTC, datetime
from pathlib import Path

from plait.flows.runs import KnownRun, run_meant
from plait.plans.errors import CallError
from plait.plans.language.model import COMMAND_ROLE
from plait.plans.tasks.outcomes import TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.wording import near_match, quoted
from plait.workspace.control import Control, open_control
from plait.workspace.environment import user_name
from plait.workspace.home import plait_home
from plait.workspace.output import plain
from plait.workspace.persons_notes import LONGEST, MOST, PersonsNote, leave_note, take_notes, waiting_notes


def tell(wanted: str | None, task: str, text: str, *, repository: Path | None = None) -> dict[str, object]:
    """Keep the note: `{task, feature, waiting, told_when}`.

    Raises:
        CallError: there is no such run or task, the task has landed, or there is nothing to say, or too much.
    """
    run, outcome, is_command = _task_of(wanted, task, repository)
    text = plain(text).strip()
    if not text:
        raise CallError("the note says nothing", hint=f"plait tell {task} 'what its agent should know'")
    if len(text) > LONGEST:
        raise CallError(
            f"the note has {len(text):,} characters; at most {LONGEST:,}", hint="put it into a file, and name that"
        )
    if outcome.state is TaskState.LANDED:
        raise CallError(f"{task} has landed: no agent will be told anything about it", hint="make it a task of its own")
    note = PersonsNote(task, user_name(), datetime.now(UTC).isoformat(timespec="seconds"), text)
    waiting = leave_note(_control_of(run), run.feature, note)
    if waiting > MOST:
        raise CallError(f"{MOST} notes wait for {task} already", hint=f"plait tell {task} --forget drops them")
    return {
        "task": task,
        "feature": run.feature,
        "waiting": waiting,
        "told_when": _when(run, outcome, is_command=is_command),
    }


def notes_to(wanted: str | None, task: str, *, forget: bool, repository: Path | None = None) -> list[PersonsNote]:
    """The notes that wait for a task, oldest first; `forget`: they wait no longer.

    Raises:
        CallError: there is no such run or task.
    """
    run, _, _ = _task_of(wanted, task, repository)
    control = _control_of(run)
    if forget:
        return list(take_notes(control, run.feature, (task,)))
    return [note for note in waiting_notes(control, run.feature) if note.task == task]


def _task_of(wanted: str | None, task: str, repository: Path | None) -> tuple[KnownRun, TaskOutcome, bool]:
    """The run, the task, and whether a command does it in place of an agent."""
    run = run_meant(wanted, task=task, repository=repository)
    outcome = run.shown_outcome()
    known = {row.id: row for row in (*outcome.tasks, *outcome.singly().tasks)}
    if task not in known:
        raise CallError(f"run {run.run_id} has no task {quoted(task)}", hint=near_match(task, known))
    commands = outcome.conditions.commands if outcome.conditions else ()
    return run, known[task], task in commands or known[task].role == COMMAND_ROLE


def _control_of(run: KnownRun) -> Control:
    return open_control(Path(run.repository), home=plait_home())


def _when(run: KnownRun, outcome: TaskOutcome, *, is_command: bool) -> str:
    """Who will be told, as a sentence."""
    if is_command:
        return "it is a command, and cannot hear: an agent is told if one repairs it"
    if outcome.state is TaskState.DONE:
        return "it is finished: its agent is told if a batch sends it back"
    if not run.alive:
        return f"its agent is told {run.run_again}, if it is done again then"
    if outcome.state is TaskState.RUNNING:
        return "it is at work, and cannot hear: its next try or repair is told"
    return "its agent is told when it starts"
