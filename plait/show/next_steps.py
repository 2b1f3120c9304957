"""What helps after a run, as commands to type: look, take over, see why, go on."""

import shlex
from collections.abc import Iterator

from plait.plans.tasks.outcomes import Approval, FeatureOutcome, RunState, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.wording import approve_command, count, key_line, land_command, one_line, run_command
from plait.show.base_lines import next_at_base

_LOGS = 3
"""Tasks whose logs are offered."""


def next_commands(outcome: FeatureOutcome, *, repository: str = "") -> list[str]:
    """The commands in the order in which they help.

    `repository`: its path, where the reader stands somewhere else.
    """
    waiting = _ready_to_land(outcome)
    commands = [answer_command(outcome.feature, asked) for asked in outcome.asked]
    commands += [one_line(outcome.reason or "", 1000)] if waiting else list(_looking(outcome, repository))
    failed = [task for task in outcome.tasks if task.started_at and task.state in (TaskState.FAILED, TaskState.HELD)]
    where = f" --repo {_word(repository)}" if repository else ""
    commands += [logs_command(task.id, repository) for task in failed[:_LOGS]]
    rejected = [task for task in outcome.tasks if task.state is TaskState.HELD and _is_mendable(task, outcome)]
    commands += [f"plait resolve {_word(task.id)}{where} # mend it yourself" for task in rejected[:_LOGS]]
    if outcome.state is RunState.RUNNING:
        return [*commands, f"plait status{where}"]
    if any(task.state is not TaskState.LANDED and task.id not in waiting for task in outcome.tasks):
        commands += _phases(outcome)
        if outcome.paused_by is not None:
            commands.append(
                f"plait resume {_word(outcome.feature)} # it is paused: until then a run of it starts nothing"
            )
        taking = outcome.base is not None and outcome.base.is_tried
        again = run_command(edition=outcome.own_edition, where=where, refresh=taking)
        commands.append(f"{again} # goes on with what has not landed")
    return commands


def _phases(outcome: FeatureOutcome) -> Iterator[str]:
    """Of each phase that was held back because a task of it failed: what to do first, as a comment in a shell."""
    task_of = {task.id: task for task in outcome.tasks}
    for phase, names in outcome.conditions.phases.items() if outcome.conditions else ():
        tasks = [task_of[name] for name in names if name in task_of]
        failed = [task for task in tasks if task.state is TaskState.FAILED or _is_rejected(task, outcome)]
        if any(task.state in (TaskState.HELD, TaskState.DONE) for task in tasks if failed and task not in failed):
            why = "; ".join(_failure(task) for task in failed[:_LOGS])
            yield one_line(f"# phase {phase} failed: change its tasks in the plan ({why}), then run it again", 1000)


def _is_rejected(task: TaskOutcome, outcome: FeatureOutcome) -> bool:
    """Whether it is held back for what it did itself."""
    return task.state is TaskState.HELD and any(
        no.task == task.id and no.kind != "held-by" for batch in outcome.batches for no in batch.rejected
    )


def _is_mendable(task: TaskOutcome, outcome: FeatureOutcome) -> bool:
    """Whether somebody can mend what it was rejected for on its own branch."""
    kinds = {no.kind for batch in outcome.batches for no in batch.rejected if no.task == task.id}
    return bool(kinds - {"held-by", "base-red", "infrastructure", "unrelated"})


def _failure(task: TaskOutcome) -> str:
    reason = key_line(task.reason or "")
    return f"{task.id}: {one_line(reason, 200)}" if reason else task.id


def logs_command(task: str, repository: str = "") -> str:
    """What shows all that a task, its set-up and its checks printed."""
    return f"plait logs {_word(task)}{f' --repo {_word(repository)}' if repository else ''}"


def answer_command(feature: str, asked: Approval) -> str:
    """What a person types to approve a contract."""
    return approve_command(_word(feature), _word(asked.contract))


def _ready_to_land(outcome: FeatureOutcome) -> set[str]:
    """The tasks of batches that wait for their user to land them, where the outcome's reason is the command for it."""
    if not (outcome.reason or "").startswith("git "):
        return set()
    return {task for batch in outcome.batches for task in batch.ready}


def _looking(outcome: FeatureOutcome, repository: str) -> Iterator[str]:
    if outcome.landed:
        git, branch = f"git -C {_word(repository)}" if repository else "git", _word(outcome.branch)
        yield f"{git} log --graph --oneline {branch}"
        yield from _merging(outcome, git, branch, repository)


def _merging(outcome: FeatureOutcome, git: str, branch: str, repository: str) -> Iterator[str]:
    """How it comes onto base: not again where it is there, and where it was not tested with all of base first that."""
    base, where = outcome.base, f" --repo {_word(repository)}" if repository else ""
    if outcome.brought is not None and outcome.brought.state != "left":
        yield from next_at_base(outcome.brought, repository=repository)
        return
    if base is not None and base.course == "landed":
        yield f"plait undo {_word(outcome.feature)}{where} # takes it back out of {one_line(base.name, 100)}"
        return
    if base is not None and base.course == "rewritten":  # what a merge would bring along, somebody has taken out
        again = run_command(edition=outcome.own_edition, where=where)
        yield f"{again} --fresh # starts over from {one_line(base.name, 100)} as it is now"
        return
    if base is not None and base.behind and not base.is_tried:
        more = count(base.behind, "commit")
        again = run_command(edition=outcome.own_edition, where=where, refresh=True)
        yield f"{again} # tests it with the {more} that {one_line(base.name, 100)} has more"
    yield f"{git} merge {branch}"
    if outcome.state is RunState.COMPLETED and (base is None or base.ref is not None):
        name = one_line(base.name, 100) if base else "base"
        yield f"{land_command(_word(outcome.feature), where=where)} # brings it onto {name}"


def _word(text: str) -> str:
    return shlex.quote(one_line(text, 1000))
