"""What is said of a batch and of the branches that it rejects, in a line."""

from plait.plans.tasks.outcomes import BatchOutcome, BatchState
from plait.plans.tasks.work import RepairOrder, Rework
from plait.plans.wording import listed, one_line


def rejection_words(rejected: Rework | RepairOrder) -> str:
    """Such as `rejected: conflict with A in a.py`."""
    partner = f" with {rejected.partner}" if rejected.partner else ""
    files = f" in {', '.join(map(one_line, rejected.files))}" if rejected.files else ""
    return f"rejected: {rejected.kind}{partner}{files}"


def batch_words(outcome: BatchOutcome) -> str:
    """A batch's end in a line."""
    tasks = ", ".join(outcome.landed)
    if outcome.ready:
        parts = [f"ready to land {tasks}, nothing of it has landed yet"]
    else:
        landed = [f"landed {tasks}"] if tasks else []
        parts = landed if landed and outcome.state is BatchState.LANDED else [outcome.state.value, *landed]
    parts += [
        f"rejected {one.task} ({one.kind}{f' with {one.partner}' if one.partner else ''})" for one in outcome.rejected
    ]
    parts += [f"settled {_settled(outcome)}"] if outcome.settled else []
    parts.append(f"{outcome.verifications} verification{'' if outcome.verifications == 1 else 's'}")
    return ", ".join(parts)


def _settled(outcome: BatchOutcome) -> str:
    """Each file once, with what settled it."""
    return listed(dict.fromkeys(f"{one_line(file.path)} ({one_line(file.by)})" for file in outcome.settled), limit=4)
