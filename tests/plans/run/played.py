"""A run without git, agents or people: a test says what happens, and looks at what the machine makes of it.

    run = played('''
        tasks:
          - {id: A, run: echo}
          - {id: B, run: echo, needs: [A]}
    ''')
    assert run.starts() == ("A",)
    run.ends("A")
    assert run.starts() == ("B",)

What has one answer only is answered at once and well: needs are merged, old work is put aside, records are written.
Where that is what a test is about, it names the effect in `by_hand`, finds it in `pending`, and says itself what came
of it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from textwrap import dedent
from typing import Any

from plait.plans.journal.effects import Effect, PrepareStart, PutBranchAside, StartWork, TakeRepair, Tell, WriteRecord
from plait.plans.journal.events import (
    BatchBroken,
    BatchDone,
    BatchEnded,
    BatchSettled,
    BatchStopped,
    Begin,
    BranchPutAside,
    Close,
    Event,
    Pause,
    RecordsRead,
    RecordWritten,
    RepairFound,
    RepairTaken,
    Resume,
    StartConflicted,
    StartPrepared,
    Stop,
    Tick,
    WorkDone,
    WorkEnded,
    WorkFailed,
    WorkPutOff,
    WorkStopped,
    WorkUnprepared,
)
from plait.plans.journal.manifest import Manifest, facts_of
from plait.plans.language.crew import merge_crews
from plait.plans.language.parsing import parse_plan
from plait.plans.names import agent_branch, integration_branch
from plait.plans.run.machine import Run
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import Standing, moment
from plait.plans.tasks.expansion import expand
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, FeatureOutcome, Held, Rejection
from plait.plans.tasks.planned_contracts import Record, newest
from plait.plans.tasks.work import BatchOrder, BatchReport, Rework, Unlanded
from plait.show.run_outcome import outcome_of
from plait.show.task_states import States

BASE = "base"
BEGAN = 1_700_000_000.0
AT_ONCE: Mapping[str, Any] = {"ready": 0.0, "wait": 0.0}
"""Each finished branch is integrated without waiting for anybody."""
CANCELLED = "the run was cancelled"


def played(text: str, *, only: Collection[str] = (), by_hand: Collection[type] = (), **changes: Any) -> "Played":
    """A run of this plan that has just begun; what is in `changes` replaces what the manifest would say."""
    return Played(manifest_from(text, only=only, **changes), by_hand=by_hand)


def manifest_from(text: str, *, only: Collection[str] = (), **changes: Any) -> Manifest:
    """What a run of this plan begins with; `only` the tasks that are part of it, all when absent."""
    plan = parse_plan(f"feature: cart\ngoal: Fill a cart.\n{dedent(text)}", source="plan")
    crew = merge_crews(plan.crew)
    expansion = expand(plan, crew)
    planned = [task for task in expansion.tasks if not only or task.id in only]
    tasks = tuple(facts_of(task, crew, branch=agent_branch(plan.feature, task.role, task.id)) for task in planned)
    manifest = Manifest(
        run="run-1",
        feature=plan.feature,
        branch=integration_branch(plan.feature),
        base=BASE,
        tasks=tasks,
        slots=crew.slots_of(task.role for task in tasks),
        started_at=BEGAN,
        resources=dict(plan.resources),
        ready=0.8 if plan.integration.ready is None else plan.integration.ready,
        wait=600.0 if plan.integration.wait is None else plan.integration.wait,
        repairs=plan.integration.repairs,
        contracts=expansion.contracts,
        phases=expansion.phases,
    )
    return replace(manifest, **changes)


def rework(task: str, kind: str = "fails-alone", *, partner: str | None = None, files: tuple[str, ...] = ()) -> Rework:
    """Why a batch rejected a branch."""
    return Rework(task, kind, partner, f"{partner}-1" if partner else None, files, "it is red", ("make test",))


def tip_of(order: BatchOrder) -> str:
    """Where the feature branch is once a batch has landed, such as `tip-1`."""
    return f"tip-{order.id.removeprefix('batch-')}"


class Played:
    """One run, and what it has ordered so far."""

    def __init__(self, manifest: Manifest, *, by_hand: Collection[type] = ()) -> None:
        self.run, self.now, self.by_hand = Run(manifest), manifest.started_at, by_hand
        self.effects: list[Effect] = []
        """All that was ordered, oldest first."""
        self.pending: list[Effect] = []
        """Of that, what is answered by hand and is not answered yet."""
        self.heard: list[tuple[float, Event]] = []
        self.records = dict(manifest.records)
        """What git says of the contracts."""
        self.hear(Begin())

    def hear(self, event: Event) -> list[Effect]:
        """What is ordered because of an event, and because of what is answered at once."""
        ordered, queue = list[Effect](), [event]
        for heard in queue:
            self.heard.append((self.now, heard))
            effects = self.run.hear(heard, self.now)
            self.effects += effects
            ordered += effects
            for effect in effects:
                if isinstance(effect, tuple(self.by_hand)):
                    self.pending.append(effect)
                elif (answer := self._answer(effect)) is not None:
                    queue.append(answer)
        return ordered

    def _answer(self, effect: Effect) -> Event | None:
        match effect:
            case PrepareStart(task, commits):
                return StartPrepared(task, "+".join(commits))
            case PutBranchAside():
                return BranchPutAside(effect.task, effect.number)
            case WriteRecord(record):
                return RecordWritten(self.keep(record))
            case _:
                return None

    # What happens.

    def passes(self, seconds: float) -> None:
        """So much time goes by."""
        self.now += seconds

    def starts(self, room: Mapping[str, int] | None = None) -> tuple[str, ...]:
        """Let start and land what can: the tasks that somebody begins to work on."""
        return tuple(effect.task for effect in self.hear(Tick(room)) if isinstance(effect, StartWork))

    def ends(self, task: str, *, commit: str | None = None, wrote: str = "one", changed: int = 1) -> list[Effect]:
        """An agent has done a task; `wrote`: what its contracts say, in a word."""
        made = commit or f"{task}-{len(self.works(task))}"
        contents = dict.fromkeys(self.standings.facts[task].writes, wrote)
        return self._end(task, WorkDone(made, changed, contents), tries=len(self.works(task)))

    def changes_nothing(self, task: str, *, wrote: str = "one") -> list[Effect]:
        """An agent has done a task, and there was nothing to commit."""
        contents = dict.fromkeys(self.standings.facts[task].writes, wrote)
        return self._end(task, WorkDone(None, 0, contents), tries=1)

    def fails(self, task: str, reason: str = "it broke", *, environment: bool = False) -> list[Effect]:
        """No try of a task counts."""
        return self._end(task, WorkFailed(reason, environment=environment), tries=1)

    def is_unprepared(self, task: str, reason: str = "the set-up failed: no net") -> list[Effect]:
        """The set-up failed, and no agent began."""
        return self._end(task, WorkUnprepared(reason), tries=0)

    def is_stopped(self, task: str) -> list[Effect]:
        """An agent was ended in the middle of its work."""
        return self._end(task, WorkStopped(), tries=1)

    def is_put_off(self, task: str, reason: str = "", tries: int = 1) -> list[Effect]:
        """A try failed while the run is paused, and the next one waits."""
        return self._end(task, WorkPutOff(reason), tries=tries)

    def conflicts(self, task: str, *paths: str, inside_tip: bool = False) -> list[Effect]:
        """What a task needs cannot be merged (with `by_hand=[PrepareStart]`)."""
        self._answered(PrepareStart, task)
        return self.hear(StartConflicted(task, paths or ("a.txt",), inside_tip=inside_tip))

    def is_prepared(self, task: str) -> list[Effect]:
        """What a task needs was merged (with `by_hand=[PrepareStart]`)."""
        effect = self._answered(PrepareStart, task)
        return self.hear(StartPrepared(task, "+".join(effect.commits)))

    def is_put_aside(self, task: str, *, refused: str | None = None) -> list[Effect]:
        """The old work of a task is out of the way, or stays (with `by_hand=[PutBranchAside]`)."""
        effect = self._answered(PutBranchAside, task)
        return self.hear(BranchPutAside(task, effect.number, refused))

    def _end(self, task: str, result: Any, *, tries: int) -> list[Effect]:
        return self.hear(WorkEnded(task, result, tries=tries, number=self.standing(task).starts))

    def _answered(self, kind: type[Any], task: str) -> Any:
        effect = next(effect for effect in self.pending if isinstance(effect, kind) and effect.task == task)
        self.pending.remove(effect)
        return effect

    def batch(
        self,
        *,
        landed: Collection[str] | None = None,
        rejected: Iterable[Rework] = (),
        held: Mapping[str, str] | None = None,
        unlanded: Unlanded | None = None,
        by_hand: str | None = None,
    ) -> list[Effect]:
        """The oldest batch in work is over; `landed`: what is neither rejected nor held when absent.

        `held`: by task, the one that it waits for. `by_hand`: the command that a person has to type.
        """
        order, rejected, held = self.oldest, tuple(rejected), held or {}
        out = {*(rework.task for rework in rejected), *held}
        if landed is None:
            landed = [] if order.merge_only else [branch.task for branch in order.branches if branch.task not in out]
        state = BatchState.PART_LANDED if out else BatchState.LANDED
        outcome = BatchOutcome(
            id=order.id,
            state=BatchState.READY_TO_LAND if by_hand else state if landed else BatchState.REJECTED,
            verifications=0 if order.merge_only else 1,
            started_at=self.standings.batches[-1].started_at,
            ended_at=moment(self.now),
            landed=tuple(landed),
            rejected=tuple(
                Rejection.model_validate({"task": one.task, "kind": one.kind, "partner": one.partner})
                for one in rejected
            ),
            held=tuple(Held(task=task, by=by) for task, by in held.items()),
        )
        tip = tip_of(order) if landed and not by_hand else self.standings.tip
        return self.hear(BatchEnded(order.id, BatchDone(BatchReport(outcome, rejected, tip, by_hand, unlanded))))

    def batch_says(self, state: BatchState, *, rejected: Iterable[Rejection] = (), reason: str = "") -> list[Effect]:
        """The batch in work is over, and nothing of it is anybody's fault."""
        outcome = BatchOutcome(id=self.oldest.id, state=state, rejected=tuple(rejected), reason=reason)
        return self.hear(BatchEnded(outcome.id, BatchDone(BatchReport(outcome, tip=self.standings.tip))))

    def batch_is_base_red(self, *tasks: str) -> list[Effect]:
        """Nothing can be said of these tasks (all of the batch in work when absent), as base is red."""
        judged = tasks or tuple(branch.task for branch in self.oldest.branches)
        red = [Rejection(task=task, kind="base-red") for task in judged]
        return self.batch_says(BatchState.REJECTED, rejected=red, reason="red")

    def batch_is_overtaken(self) -> list[Effect]:
        """Somebody else moved the feature branch again and again, while the newest batch was in work."""
        outcome = BatchOutcome(id=self.in_work.id, state=BatchState.INFRASTRUCTURE, reason="it was moved")
        report = BatchReport(outcome, tip=self.standings.tip, overtaken=True)
        return self.hear(BatchEnded(outcome.id, BatchDone(report)))

    def batch_settles(self, *landed: str) -> list[Effect]:
        """What lands of the batch in work has landed; why the rest does not is looked into."""
        return self.hear(BatchSettled(self.oldest.id, landed, tip_of(self.oldest)))

    def batch_breaks(self, reason: str) -> list[Effect]:
        """The integration itself broke."""
        return self.hear(BatchEnded(self.oldest.id, BatchBroken(reason)))

    def batch_is_stopped(self) -> list[Effect]:
        """The run was cancelled before the batch could land."""
        return self.hear(BatchEnded(self.oldest.id, BatchStopped()))

    def approves(self, contract: str) -> list[Effect]:
        """A person has said yes, and the run sees it."""
        return self.answers(contract, "approved")

    def rejects(self, contract: str, reason: str = "too dear") -> list[Effect]:
        """A person has said no, and the run sees it."""
        return self.answers(contract, "rejected", reason)

    def answers(self, contract: str, status: str, reason: str = "") -> list[Effect]:
        """What a person says is in git, and the run sees it."""
        record = newest(self.records[contract])
        assert record is not None
        self.keep(replace(record, status=status, by="ann", reason=reason))  # type: ignore[arg-type]
        return self.hear(RecordsRead(dict(self.records)))

    def keep(self, record: Record) -> Record:
        """Put a version of a contract into git."""
        kept = replace(record, oid=f"oid-{len(self.heard)}")
        others = (known for known in self.records.get(record.contract, ()) if known.version != record.version)
        self.records[record.contract] = tuple(sorted((*others, kept), key=lambda known: known.version))
        return kept

    def pauses(self, by: str = "ann") -> list[Effect]:
        """A person wants the run to pause."""
        return self.hear(Pause(by))

    def resumes(self, by: str = "") -> list[Effect]:
        """A person wants the run to go on."""
        return self.hear(Resume(by))

    def stops(self, reason: str = CANCELLED, *, broken: bool = False) -> list[Effect]:
        """A signal came, or something of ours broke."""
        return self.hear(Stop(reason, broken))

    def closes(self) -> list[Effect]:
        """The loop has waited long enough."""
        return self.hear(Close())

    def is_mended(self, task: str, commit: str = "mended") -> list[Effect]:
        """A person has put a commit on a task's branch, and the run has seen it."""
        return self.hear(RepairFound(task, commit))

    def repair_counts(self, task: str, *, wrote: str = "one") -> list[Effect]:
        """What a person made of a task is its work."""
        contents = dict.fromkeys(self.standings.facts[task].writes, wrote)
        return self._taken(task, WorkDone(f"{task}-ann", 1, contents))

    def repair_does_not_count(self, task: str, reason: str = "it is red") -> list[Effect]:
        """What a person made of a task cannot be its work."""
        return self._taken(task, WorkFailed(reason))

    def repair_is_not_looked_at(self, task: str) -> list[Effect]:
        """Whoever looked at it was stopped."""
        return self._taken(task, WorkStopped())

    def _taken(self, task: str, result: Any) -> list[Effect]:
        number = max(effect.number for effect in self.orders(TakeRepair) if effect.task == task)
        return self.hear(RepairTaken(task, number, result, by="ann"))

    # Where it stands.

    @property
    def standings(self) -> Standings:
        return self.run.standings

    @property
    def in_work(self) -> BatchOrder:
        """The newest batch in work."""
        return tuple(self.standings.in_work.values())[-1]

    @property
    def oldest(self) -> BatchOrder:
        """The batch that ends next: of those whose rest is looked into the oldest, else of those in work."""
        run = self.standings
        return next(iter((*run.explaining.values(), *run.in_work.values())))

    @property
    def in_batch(self) -> tuple[str, ...]:
        """The tasks of the newest batch in work; none when there is none."""
        return tuple(branch.task for branch in self.in_work.branches) if self.standings.in_work else ()

    @property
    def in_batches(self) -> list[tuple[str, ...]]:
        """The tasks of each batch in work."""
        return [tuple(branch.task for branch in order.branches) for order in self.standings.in_work.values()]

    @property
    def outcome(self) -> FeatureOutcome:
        return outcome_of(self.standings)

    def standing(self, task: str) -> Standing:
        return self.standings.tasks[task]

    def state(self, task: str) -> str:
        """In a word, as the page shows it."""
        return States(self.standings).state_of(task).value

    def states(self) -> dict[str, str]:
        return {task: self.state(task) for task in self.standings.tasks}

    def reason(self, task: str) -> str | None:
        return States(self.standings).reason_of(task)

    def waits(self, task: str) -> list[str]:
        """The kinds of what it waits for beside its needs."""
        return sorted(wait.kind for wait in self.standing(task).waits)

    def works(self, task: str) -> list[StartWork]:
        """Each time that somebody was told to work on it."""
        return [effect for effect in self.effects if isinstance(effect, StartWork) and effect.task == task]

    def work(self, task: str) -> StartWork:
        """The last time that somebody was told to work on it."""
        return self.works(task)[-1]

    def orders(self, kind: type[Any]) -> list[Any]:
        """All orders of a kind, oldest first."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def told(self, about: str | None = None) -> list[str]:
        """What was said of a task, a batch, or of the whole run."""
        return [effect.says for effect in self.effects if isinstance(effect, Tell) and effect.about == about]
