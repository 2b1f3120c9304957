"""Writes what a run came to into the task specs that it was read from: one tested commit on the feature branch."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from plait.flows.inputs.requests import Brief
from plait.flows.running.book import Entry
from plait.flows.running.session import Session
from plait.plans.errors import PlaitError
from plait.plans.language.documents import MAX_BYTES
from plait.plans.specs.spec_folder import SpecFile, read_spec
from plait.plans.specs.spec_history import HistoryRow, SpecRecord, with_record
from plait.plans.tasks.outcomes import BatchState, TaskState
from plait.workspace.amending import TrackedFile, files_in, place_in, replace_files
from plait.workspace.errors import RefMoved
from plait.workspace.git import git_date
from plait.workspace.ref_landing import ReadyToLand
from plait.workspace.trailers import message_with_trailers

ROUNDS = 3
"""How often it is done again because somebody else moved the feature branch meanwhile."""

_LANDED = {BatchState.LANDED, BatchState.PART_LANDED}
_STOPPED = "the run was stopped: the next one that lands something writes into the specs"
_WORST_FIRST = {
    TaskState.FAILED: 0,
    TaskState.HELD: 1,
    TaskState.BLOCKED: 2,
    TaskState.CANCELLED: 3,
    TaskState.LANDED: 9,
}
"""What is said of a task with several instances is said of the one that is worst off; other states are in between."""


@dataclass(frozen=True, slots=True)
class _Amended:
    """The tree with what was written, and the names of the files."""

    tree: str
    names: tuple[str, ...]
    unwritable: tuple[str, ...]
    """Specs that no record can be written into without changing what they say."""
    absent: tuple[str, ...]
    """Specs that the branch does not have, or has with another task in them."""

    @property
    def counted(self) -> str:
        return f"{len(self.names)} spec{'' if len(self.names) == 1 else 's'}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the specs that are left as they are."""
        absent = f"not on the feature branch, so nothing is written into it: {', '.join(self.absent)}"
        unwritable = f"nothing can be written into {', '.join(self.unwritable)} without changing what it says"
        return (*([absent] if self.absent else []), *([unwritable] if self.unwritable else []))


def write_back(session: Session, brief: Brief, *, tell: Callable[[str], None]) -> None:
    """Record states and history in the specs, when something has landed; what keeps it from that is told, not raised.

    The user's checkout is not touched, and neither is a feature branch that somebody has checked out.
    """
    states = {batch.state for batch in session.book.batches if batch.commit} if brief.specs else set()
    if BatchState.READY_TO_LAND in states:  # its command is for the branch as it is
        tell("the feature branch is checked out, so nothing is written into its specs")
    elif states & _LANDED:
        _try_to_write_back(session, brief, tell)
    elif brief.specs and len(session.book.in_state(TaskState.LANDED)) == len(session.book.entries):
        _catch_up(session, brief, tell)


def _catch_up(session: Session, brief: Brief, tell: Callable[[str], None]) -> None:
    """Write what an earlier run could not, killed or stopped after it had landed; silent when there is nothing."""
    before, told = session.book.tip, list[str]()
    _try_to_write_back(session, brief, told.append)
    for text in told if session.book.tip != before else ():
        tell(text)


def _try_to_write_back(session: Session, brief: Brief, tell: Callable[[str], None]) -> None:
    try:
        _write_back(session, brief, tell)
    except (PlaitError, OSError) as problem:
        tell(f"the specs are as they were: {problem}")


def _write_back(session: Session, brief: Brief, tell: Callable[[str], None]) -> None:
    control, book = session.shop.control, session.book
    folder = place_in(control, next(iter(brief.specs.values())).parent)
    if folder is None:
        tell("the specs are not in the repository, so nothing is written into them")
        return
    for _ in range(ROUNDS):
        worktree, tip = control.worktree_of(book.branch), control.branch(book.branch)
        if worktree is not None:
            tell(f"the feature branch is checked out in {worktree}, so nothing is written into its specs")
            return
        if tip is None or session.shop.stop.is_set():
            tell(_STOPPED)
            return
        amended = _amended(session, brief, folder, tip)
        try:
            if amended.names:
                _land(session, amended, tip, tell)
        except RefMoved:
            continue
        for note in amended.notes:
            tell(note)
        return
    tell("the specs are as they were: the feature branch was moved by somebody else again and again")


def _amended(session: Session, brief: Brief, folder: str, tip: str) -> _Amended:
    """The tip's tree with the specs written; those that are not on the branch, or are others there, are left alone."""
    store = session.shop.control.store
    names = {place.name for place in brief.specs.values()}
    there = files_in(store, tip, folder, largest=MAX_BYTES, names=names)
    entries: dict[str, list[Entry]] = defaultdict(list)
    for entry in session.book.entries.values():
        for planned in entry.planned.members or (entry.planned,):
            entries[planned.task.id].append(entry)
    written: dict[str, TrackedFile] = {}
    unwritable, absent = list[str](), list[str]()
    for task in entries.keys() & brief.specs.keys():
        name = brief.specs[task].name
        file = there.get(name)
        if file is None or read_spec(SpecFile(name, file.content)).task.get("id") != task:
            absent.append(name)
            continue
        made = with_record(SpecFile(name, file.content), _record(session, entries[task]))
        if made is None:
            unwritable.append(name)
        elif made.content != file.content:
            written[name] = TrackedFile(file.mode, made.content)
    tree = replace_files(store, tip, folder, written) if written else ""
    return _Amended(tree, tuple(sorted(written)), tuple(sorted(unwritable)), tuple(sorted(absent)))


def _land(session: Session, amended: _Amended, tip: str, tell: Callable[[str], None]) -> None:
    """Verify the exact tree, and move the feature branch to it.

    Raises:
        RefMoved: somebody else moved it meanwhile.
    """
    shop, book = session.shop, session.book
    seen = shop.verifier.verify(amended.tree, stop=shop.stop)
    if seen.outcome == "cancelled":
        tell(_STOPPED)
        return
    if not seen.green:
        tell(f"the specs are as they were: `{seen.command or 'the verification'}` does not succeed with what is new")
        return
    commit = _commit(session, amended, tip, verified=not seen.unverified)
    placed = shop.lander.land(batch=f"{shop.run_id}-specs", old=tip, new=commit)
    if isinstance(placed, ReadyToLand):  # somebody checked it out within the last moments
        tell(f"the specs are written by: {placed.command}")
        return
    book.tip = commit
    tell(f"status and history are written into {amended.counted} on {book.branch}")


def _commit(session: Session, amended: _Amended, tip: str, *, verified: bool) -> str:
    shop = session.shop
    trailers = {"Plait-Run": shop.run_id, "Plait-Feature": shop.feature, "Verified": "yes" if verified else "no"}
    subject = f"Write status and history into {amended.counted}"
    message = message_with_trailers(subject, "\n".join(f"- {name}" for name in amended.names), trailers)
    return shop.control.store.commit_tree(amended.tree, (tip,), message, date=git_date())


def _record(session: Session, entries: Sequence[Entry]) -> SpecRecord:
    """What there is to say of one spec's task; of a counted one, of the instance that is worst off."""
    worst = min(entries, key=lambda entry: _WORST_FIRST.get(entry.state, 4))
    worked = [entry for entry in entries if not _had_landed(session, entry)]
    commit = worst.commit if len(entries) == 1 else None
    row = HistoryRow(
        run=session.shop.run_id,
        when=f"{max(_moments(worked), default=datetime.now(UTC)):%Y-%m-%d %H:%M} UTC",
        state=worst.state.value,
        tries=sum(entry.tries for entry in worked),
        commit=(commit or "")[:12],
        note=_note(worst, entries),
    )
    return SpecRecord(
        status=worst.state.value,
        branch=worst.branch if commit else None,
        commit=commit,
        row=row if worked else None,
    )


def _had_landed(session: Session, entry: Entry) -> bool:
    finished = session.reuse.finished.get(entry.planned.id)
    return finished is not None and finished.landed


def _moments(entries: Iterable[Entry]) -> list[datetime]:
    return [entry.ended_at for entry in entries if entry.ended_at]


def _note(worst: Entry, entries: Sequence[Entry]) -> str:
    parts = [next(iter((worst.reason or "").strip().splitlines()), "")]
    if len(entries) > 1:
        landed = sum(entry.state is TaskState.LANDED for entry in entries)
        parts.insert(0, f"{landed} of {len(entries)} landed")
    repairs = sum(entry.repairs for entry in entries)
    if repairs:
        parts.append(f"{repairs} repair{'' if repairs == 1 else 's'}")
    return "; ".join(part for part in parts if part)
