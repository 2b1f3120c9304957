"""What became of a feature on base, as plain lines."""

from collections.abc import Iterator

from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.wording import listed, one_line

_SENTENCES = {
    "landed": "{feature} has landed on {base}, {how}",
    "undone": "{feature} is taken back out of {base}",
    "already": "{feature} is on {base} already: nothing to do",
    "planned": "{feature} would land on {base}, {how}",
    "ready-to-land": "{feature} is ready for {base}: {reason}",
    "conflict": "{feature} is not on {base}: {reason}",
    "red": "{feature} is not on {base}: {reason}",
    "refused": "{feature} is not on {base}: {reason}",
    "held": "{feature} is not on {base}: {reason}",
}
_HOW = {"fast-forward": "as it is", "merge": "by a merge", "squash": "as one commit"}


def base_lines(outcome: BaseOutcome) -> Iterator[str]:
    """The sentence that matters first, then what helps."""
    sentence = _SENTENCES[outcome.state]
    if outcome.way == "undo" and outcome.state not in ("undone", "ready-to-land"):
        sentence = (
            "{feature} can be taken back out of {base}"
            if outcome.state == "planned"
            else "{base} is as it was: {reason}"
        )
    told = sentence.format(
        feature=outcome.feature,
        base=outcome.base,
        how=_HOW.get(outcome.way, outcome.way),
        reason=outcome.reason or "",
    )
    tasks = f": {listed(outcome.tasks)}" if outcome.tasks and outcome.state in ("landed", "planned") else ""
    yield one_line(f"{told}{tasks}", 2000)
    if outcome.commit and outcome.state in ("landed", "undone"):
        unverified = ", unverified: the plan has no checks" if outcome.verified == "no" else ""
        yield f"  {outcome.base} is at {outcome.commit[:10]}{unverified}"
    yield from (f"  {one_line(note, 500)}" for note in outcome.notes)
    if outcome.log:
        yield f"  log: {one_line(outcome.log, 1000)}"
    yield from (f"  {line}" for line in _next(outcome))


def _next(outcome: BaseOutcome) -> Iterator[str]:
    if outcome.command:
        yield f"next: {outcome.command}"
    if outcome.state == "conflict" and outcome.way != "undo":
        yield "next: plait run PLAN --refresh # takes base in, and hands the conflict to an agent"
    if outcome.state == "landed":
        yield f"next: plait undo {outcome.feature} # takes it back out"
    if outcome.state == "undone":
        yield "next: plait run PLAN # does the feature anew"
