"""What git remembers of reviews: a ref for each task, so that an approval outlives the run in which it was given."""

import re
from dataclasses import replace

from plait.plans.errors import CallError
from plait.plans.names import check_slug
from plait.plans.tasks.reviews import ReviewRecord
from plait.workspace.control import Control
from plait.workspace.errors import RefMoved
from plait.workspace.git import ZERO
from plait.workspace.trailers import body_of, message_with_trailers, read_trailers

_RECORDS = "refs/plait/reviews/"
_OBJECT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_LONGEST_REASON = 20_000


def read_reviews(control: Control, feature: str) -> dict[str, ReviewRecord]:
    """By task, the newest review of a feature's work."""
    records = {}
    for ref, oid in control.target.refs(f"{_RECORDS}{feature}/").items():
        record = _read(control, oid)
        if record is not None and ref == _ref(feature, record.task):
            records[record.task] = record
    return records


def write_review(control: Control, feature: str, record: ReviewRecord, *, run: str, date: str, old: str) -> None:
    """Put a record in the place of the one that `old` names; empty: of none.

    Raises:
        RefMoved: there is another by now.
    """
    trailers = {
        "Plait-Feature": feature,
        "Plait-Task": record.task,
        "Plait-Review": record.status,
        "Plait-Commit": record.commit,
        "Plait-Rounds": str(record.rounds),
        **({"Plait-Score": f"{record.score:g}"} if record.score is not None else {}),
        **({"Plait-By": record.by} if record.by else {}),
        **({"Plait-Person": "yes"} if record.is_person else {}),
        **({"Plait-Approved": record.approved} if record.approved else {}),
        "Plait-Run": run,
    }
    subject = f"The work of {record.task} is {record.status}"
    message = message_with_trailers(subject, record.reason[:_LONGEST_REASON], trailers)
    tree = control.store.tree_of(record.commit)
    # The commit is its parent: while a person is asked, the record alone keeps it from the garbage collection.
    oid = control.store.commit_tree(tree, (record.commit,), message, date=date)
    control.move_ref(_ref(feature, record.task), oid, old or ZERO, reason=f"plait: {subject}")


def replace_review(control: Control, feature: str, record: ReviewRecord, *, run: str, date: str) -> None:
    """Put a record in the place of whatever is there: the run that writes it knows of newer work.

    Raises:
        RefMoved: somebody writes there again and again.
    """
    for is_last in (False, False, True):
        there = control.target.refs(_ref(feature, record.task)).get(_ref(feature, record.task), "")
        try:
            write_review(control, feature, record, run=run, date=date, old=there)
            return
        except RefMoved:
            if is_last:
                raise


def forget_reviews(control: Control, feature: str, *, run: str) -> None:
    """Let a feature begin without reviews; what there was is kept below `refs/plait/old/<run>/`."""
    for ref, oid in control.target.refs(f"{_RECORDS}{feature}/").items():
        kept = ref.removeprefix(f"{_RECORDS}{feature}/")
        control.target.set_ref(f"refs/plait/old/{run}/reviews/{kept}", oid, reason="plait: starting over")
        control.target.delete_ref(ref)


def answer_review(
    control: Control, feature: str, task: str, *, by: str, rejected: str | None, date: str
) -> ReviewRecord:
    """A person approves the work that waits, or sends it back with a reason.

    Raises:
        CallError: nothing of that name waits for a person, or it has changed meanwhile.
    """
    record = read_reviews(control, feature).get(task)
    if record is None or record.status != "waiting":
        how = f": it is already {record.status}" + (f" by {record.by}" if record.by else "") if record else ""
        raise CallError(f"the work of {task} does not wait for a person{how}", hint="see `plait status`")
    given = replace(
        record,
        status="approved" if rejected is None else "rejected",
        by=by,
        is_person=True,
        reason=rejected or "",
        approved=record.commit if rejected is None else record.approved,
    )
    try:
        write_review(control, feature, given, run="by hand", date=date, old=record.oid)
    except RefMoved:
        raise CallError(f"the work of {task} has changed meanwhile", hint="look at it again") from None
    return given


def _read(control: Control, oid: str) -> ReviewRecord | None:
    """The record that an object is; nothing when it is none of ours: its words end in commands and on pages."""
    content = control.store.run("cat-file", "commit", oid).stdout.decode("utf-8", "replace")
    trailers = read_trailers(content)
    try:
        status, approved, words = (
            trailers["Plait-Review"],
            trailers.get("Plait-Approved", ""),
            "".join(trailers.values()),
        )
        if status not in ("approved", "rejected", "waiting") or not words.isprintable():
            return None
        if not all(_OBJECT.fullmatch(name) for name in (trailers["Plait-Commit"], *filter(None, [approved]))):
            return None
        rounds, score = int(trailers["Plait-Rounds"]), trailers.get("Plait-Score")
        return ReviewRecord(
            task=check_slug(trailers["Plait-Task"]),
            commit=trailers["Plait-Commit"],
            status=status,  # type: ignore[arg-type]  # one of the three, as was just seen
            rounds=min(max(0, rounds), 1_000),
            by=trailers.get("Plait-By", ""),
            is_person=trailers.get("Plait-Person") == "yes",
            score=None if score is None else min(max(0.0, float(score)), 10.0),
            reason=body_of(content),
            approved=approved,
            oid=oid,
        )
    except (KeyError, ValueError):
        return None


def _ref(feature: str, task: str) -> str:
    return f"{_RECORDS}{feature}/{task}"
