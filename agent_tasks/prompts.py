"""What an agent is told: the task, its limits, why its last try did not count, and in a repair the work order."""

from collections.abc import Iterable

from plait.plans.phrasing import one_line
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.quoting import fenced
from plait.plans.tasks.work import RepairOrder, Try

LONGEST_EVIDENCE = 12_000
"""Characters of conflict or output that a prompt carries; the rest is in files that it names."""


def write_prompt(
    task: PlannedTask, *, goal: str, tries: tuple[Try, ...], repair: RepairOrder | None, more: Iterable[str] = ()
) -> str:
    """The whole prompt for one try, as Markdown; `more`: sections on what it rests on, each with its heading."""
    parts = [_heading(task, goal), _asked(task), *more]
    if repair:
        parts.append(_repair(repair))
    parts.append(_limits(task))
    if tries and tries[-1].failed:  # before a repair the last one counted
        parts.append(_last_try(tries[-1]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(task: PlannedTask, goal: str) -> str:
    title = f": {task.task.title}" if task.task.title else ""
    aim = f" The feature's goal: {goal}" if goal.strip() else ""
    return f"# {task.id}{title}\n\nThis is one task of a feature.{aim}"


def _asked(task: PlannedTask) -> str:
    if task.task.prompt is None:
        return f"## The command\n\n```\n{task.task.run}\n```"
    return f"## What you are asked to do\n\n{task.task.prompt.strip()}"


def _limits(task: PlannedTask) -> str:
    lines = [
        "Work only in the current directory. Do not commit, merge or push: plait does that with the files you leave."
    ]
    if task.task.owns is not None:
        owned = ", ".join(f"`{glob}`" for glob in task.task.owns) or "nothing"
        lines.append(f"You may change only: {owned}. A change anywhere else makes the try fail.")
    if task.task.changes_required:
        lines.append("Leaving every file as it was counts as not done.")
    lines += [f"It must be true at the end: {criterion}" for criterion in task.task.criteria]
    lines += [f"This command must succeed at the end: `{command}`" for command in task.task.verify]
    lines += [f"You are expected to leave: `{path}`" for path in task.task.outputs]
    return "## Rules\n\n" + "\n".join(f"- {line}" for line in lines)


def _last_try(last: Try) -> str:
    kept = f"\n\nWhat it left is kept on the branch `{last.salvage}`." if last.salvage else ""
    return f"## Your last try did not count\n\n{fenced(last.failed or '')}{kept}"


def _code(text: str) -> str:
    """A name of a file, which may hold anything, in backticks that it cannot close."""
    return f"`{one_line(text).replace('`', '_')}`"


def _repair(order: RepairOrder) -> str:
    if order.kind == "conflict":
        files = ", ".join(_code(path) for path in order.files)
        with_whom = f" with the work of {order.partner}" if order.partner else " with the feature branch"
        lines = [
            f"Your branch was finished, but it conflicts{with_whom} in: {files}.",
            "The current directory holds your branch merged with the feature branch. "
            "Resolve every conflict marker so that both intentions survive.",
        ]
    else:
        together = f" together with the work of {order.partner}" if order.partner else ""
        lines = [
            f"Your branch was finished, but the tests of the whole feature fail with it{together}.",
            "The current directory holds your branch merged with the feature branch. "
            "Change your part so that they pass. Where a file holds conflict markers, resolve them.",
        ]
    if order.commands:
        lines.append("To repeat it: " + "; ".join(f"`{command}`" for command in order.commands))
    if order.reason:
        lines.append(fenced(order.reason[-LONGEST_EVIDENCE:]))
    return f"## Repair order {order.number}\n\n" + "\n\n".join(lines)
