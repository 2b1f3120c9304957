"""Writes what a run came to into the task specs that it was read from: one tested commit on the feature branch."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from plait.agent_tasks.known_failures import surveyed, verified_words
from plait.flows.running.session import Session
from plait.plans.errors import PlaitError
from plait.plans.language.documents import MAX_BYTES
from plait.plans.specs.spec_folder import SpecFile, read_spec
from plait.plans.specs.spec_history import HistoryRow, SpecRecord, with_record
from plait.plans.tasks.outcomes import BatchState, FeatureOutcome, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.workspace.amending import TrackedFile, files_in, place_in, replace_files
from plait.workspace.commit_objects import write_commit
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


def write_back(session: Session, outcome: FeatureOutcome, *, tell: Callable[[str], None]) -> str | None:
    """Record states and history in the specs, when something has landed; what keeps it from that is told, not raised.

    The user's checkout is not touched, and neither is a feature branch that somebody has checked out.

    Returns:
        The new tip of the feature branch; nothing where it was not moved.
    """
    specs = session.brief.specs
    states = {batch.state for batch in outcome.batches if batch.commit} if specs else set()
    if BatchState.READY_TO_LAND in states:  # its command is for the branch as it is
        tell("the feature branch is checked out, so nothing is written into its specs")
        return None
    if states & _LANDED:
        return _SpecWriter(session, outcome, tell).try_to_write()
    if specs and len(outcome.landed) == len(outcome.tasks):
        # What an earlier run could not, killed or stopped after it had landed; silent when there is nothing.
        told = list[str]()
        tip = _SpecWriter(session, outcome, told.append).try_to_write()
        for text in told if tip else ():
            tell(text)
        return tip
    return None


@dataclass(frozen=True, slots=True)
class _SpecWriter:
    session: Session
    outcome: FeatureOutcome
    tell: Callable[[str], None]

    def try_to_write(self) -> str | None:
        try:
            return self._write()
        except (PlaitError, OSError) as problem:
            self.tell(f"the specs are as they were: {problem}")
            return None

    def _write(self) -> str | None:
        control, branch = self.session.shop.control, self.outcome.branch
        folder = place_in(control, next(iter(self.session.brief.specs.values())).parent)
        if folder is None:
            self.tell("the specs are not in the repository, so nothing is written into them")
            return None
        for _ in range(ROUNDS):
            worktree, tip = control.worktree_of(branch), control.branch(branch)
            if worktree is not None:
                self.tell(f"the feature branch is checked out in {worktree}, so nothing is written into its specs")
                return None
            if tip is None or self.session.shop.stop.is_set():
                self.tell(_STOPPED)
                return None
            amended = self._amended(folder, tip)
            try:
                moved = self._land(amended, tip) if amended.names else None
            except RefMoved:
                continue
            for note in amended.notes:
                self.tell(note)
            return moved
        self.tell("the specs are as they were: the feature branch was moved by somebody else again and again")
        return None

    def _amended(self, folder: str, tip: str) -> _Amended:
        """The tip's tree with the specs written; those that are not on the branch, or are others there, are left."""
        store, specs = self.session.shop.control.store, self.session.brief.specs
        names = {place.name for place in specs.values()}
        there = files_in(store, tip, folder, largest=MAX_BYTES, names=names)
        outcomes: dict[str, list[TaskOutcome]] = defaultdict(list)
        for planned, outcome in zip(self.session.tasks, self.outcome.tasks, strict=True):
            for member in planned.members or (planned,):
                outcomes[member.task.id].append(outcome)
        written: dict[str, TrackedFile] = {}
        unwritable, absent = list[str](), list[str]()
        for task in outcomes.keys() & specs.keys():
            name = specs[task].name
            file = there.get(name)
            if file is None or read_spec(SpecFile(name, file.content)).task.get("id") != task:
                absent.append(name)
                continue
            made = with_record(SpecFile(name, file.content), self._record(outcomes[task]))
            if made is None:
                unwritable.append(name)
            elif made.content != file.content:
                written[name] = TrackedFile(file.mode, made.content)
        tree = replace_files(store, tip, folder, written) if written else ""
        return _Amended(tree, tuple(sorted(written)), tuple(sorted(unwritable)), tuple(sorted(absent)))

    def _land(self, amended: _Amended, tip: str) -> str | None:
        """Verify the exact tree, and move the feature branch to it.

        Raises:
            RefMoved: somebody else moved it meanwhile.
        """
        shop = self.session.shop
        before = shop.control.store.tree_of(tip)
        base = surveyed(shop, before, ())
        verifier = shop.verifier.forgiving(base.reds if base else ()).since(before, amended.tree)
        seen = verifier.verify(amended.tree, stop=shop.stop)
        if seen.outcome == "cancelled":
            self.tell(_STOPPED)
            return None
        if not seen.green:
            command = seen.command or "the verification"
            self.tell(f"the specs are as they were: `{command}` does not succeed with what is new")
            return None
        commit = self._commit(amended, tip, verified_words(unverified=seen.unverified, reds=seen.reds))
        placed = shop.lander.land(batch=f"{shop.run_id}-specs", old=tip, new=commit)
        if isinstance(placed, ReadyToLand):  # somebody checked it out within the last moments
            self.tell(f"the specs are written by: {placed.command}")
            return None
        self.tell(f"status and history are written into {amended.counted} on {self.outcome.branch}")
        return commit

    def _commit(self, amended: _Amended, tip: str, verified: str) -> str:
        shop = self.session.shop
        trailers = {"Plait-Run": shop.run_id, "Plait-Feature": shop.feature, "Verified": verified}
        subject = f"Write status and history into {amended.counted}"
        listing = "\n".join(f"- {name}" for name in amended.names)
        message = message_with_trailers(subject, listing, {**trailers, **shop.style.trailers})
        store, author = shop.control.store, shop.style.author
        return shop.style.to_land(
            store, write_commit(store, amended.tree, (tip,), message, date=git_date(), author=author)
        )

    def _record(self, outcomes: Sequence[TaskOutcome]) -> SpecRecord:
        """What there is to say of one spec's task; of a counted one, of the instance that is worst off."""
        worst = min(outcomes, key=lambda outcome: _WORST_FIRST.get(outcome.state, 4))
        worked = [outcome for outcome in outcomes if not self._had_landed(outcome)]
        commit = worst.commit if len(outcomes) == 1 else None
        row = HistoryRow(
            run=self.session.shop.run_id,
            when=f"{max(_moments(worked), default=datetime.now(UTC)):%Y-%m-%d %H:%M} UTC",
            state=worst.state.value,
            tries=sum(outcome.tries for outcome in worked),
            commit=(commit or "")[:12],
            note=_note(worst, outcomes),
        )
        return SpecRecord(
            status=worst.state.value,
            branch=worst.branch if commit else None,
            commit=commit,
            row=row if worked else None,
        )

    def _had_landed(self, outcome: TaskOutcome) -> bool:
        work = self.session.reuse.finished.get(outcome.id)
        return work is not None and work.landed


def _moments(outcomes: Iterable[TaskOutcome]) -> list[datetime]:
    return [outcome.ended_at for outcome in outcomes if outcome.ended_at]


def _note(worst: TaskOutcome, outcomes: Sequence[TaskOutcome]) -> str:
    parts = [next(iter((worst.reason or "").strip().splitlines()), "")]
    if len(outcomes) > 1:
        landed = sum(outcome.state is TaskState.LANDED for outcome in outcomes)
        parts.insert(0, f"{landed} of {len(outcomes)} landed")
    repairs = sum(max((span.repair for span in outcome.spans), default=0) for outcome in outcomes)
    if repairs:
        parts.append(f"{repairs} repair{'' if repairs == 1 else 's'}")
    return "; ".join(part for part in parts if part)
