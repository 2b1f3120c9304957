"""What is said of a batch and of the branches that it rejects, in a line."""

from plait.plans.tasks.outcomes import BatchOutcome, BatchState, Rejection
from plait.plans.tasks.work import RepairOrder, Rework
from plait.plans.wording import listed, one_line

_APART = "no history in common with the feature branch"


def rejection_words(rejected: Rework | RepairOrder) -> str:
    """Such as `rejected: conflict with A in a.py`."""
    if rejected.kind == "unrelated":
        return f"rejected: {_APART}"
    partner = f" with {rejected.partner}" if rejected.partner else ""
    files = f" in {', '.join(map(one_line, rejected.files))}" if rejected.files else ""
    return f"rejected: {rejected.kind}{partner}{files}"


def refusal_words(rejected: Rejection) -> str:
    """Such as `B waits for A: conflict in x.py`, or `rejected B (pair with A)`."""
    if rejected.kind == "unrelated":
        return f"rejected {rejected.task} ({_APART})"
    if rejected.kind != "conflict":
        return f"rejected {rejected.task} ({rejected.kind}{f' with {rejected.partner}' if rejected.partner else ''})"
    files = listed(map(one_line, rejected.files)) or "the same lines"
    if rejected.partner is None:
        return f"{rejected.task} does not fit what has landed: conflict in {files}"
    return f"{rejected.task} waits for {rejected.partner}: conflict in {files}"


def batch_words(outcome: BatchOutcome) -> str:
    """A batch's end in a line."""
    tasks = ", ".join(outcome.landed)
    if outcome.ready:
        parts = [f"ready to land {tasks}, nothing of it has landed yet"]
    else:
        landed = [f"landed {tasks}"] if tasks else []
        parts = landed if landed and outcome.state is BatchState.LANDED else [_state(outcome), *landed]
    parts += ["no new failures"] if outcome.red_on_base else []
    parts += map(refusal_words, outcome.rejected)
    parts += [f"flaky {listed(tuple(map(one_line, outcome.flaky)))}"] if outcome.flaky else []
    parts += [f"left out for the next batch {listed(outcome.acquitted)}"] if outcome.acquitted else []
    parts += [f"settled {_settled(outcome)}"] if outcome.settled else []
    parts.append(f"{outcome.verifications} verification{'' if outcome.verifications == 1 else 's'}")
    return ", ".join(parts)


def _state(outcome: BatchOutcome) -> str:
    """A batch that only others kept from landing has rejected nobody."""
    if outcome.state is not BatchState.REJECTED or outcome.rejected:
        return outcome.state.value
    return f"landed nothing ({one_line(outcome.reason)})" if outcome.reason else "landed nothing"


def _settled(outcome: BatchOutcome) -> str:
    """Each file once, with what settled it."""
    return listed(dict.fromkeys(f"{one_line(file.path)} ({one_line(file.by)})" for file in outcome.settled), limit=4)
