"""A world for runs: git, agents, batches and people, as far as a run can tell; and what must hold whatever they do."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from plait.plans.journal.effects import (
    Effect,
    PrepareStart,
    PutBranchAside,
    StartBatch,
    StartReview,
    StartWork,
    TakeRepair,
    WriteRecord,
    WriteReview,
)
from plait.plans.journal.events import (
    BaseVerified,
    BatchBroken,
    BatchDone,
    BatchEnded,
    BatchSettled,
    BatchStopped,
    Begin,
    BranchPutAside,
    Close,
    Event,
    NoteTold,
    Pause,
    ProgramBroke,
    RecordsRead,
    RecordWritten,
    RepairFound,
    RepairTaken,
    Resume,
    ReviewAnswered,
    ReviewEnded,
    ReviewMissing,
    ReviewResult,
    ReviewSaid,
    StartConflicted,
    StartPrepared,
    Stop,
    Tick,
    TipMoved,
    WorkDone,
    WorkEnded,
    WorkFailed,
    WorkPutOff,
    WorkRefused,
    WorkResult,
    WorkStopped,
    WorkUnprepared,
)
from plait.plans.journal.lines import first_line, line_of, read_journal
from plait.plans.journal.manifest import EarlierWork, Manifest, Refresh, TaskFacts
from plait.plans.language.phases import absent_from, held_back, mates_of
from plait.plans.run.account_events import closed_roles
from plait.plans.run.base_events import is_refused, takes_base_in
from plait.plans.run.machine import Run
from plait.plans.run.statuses import (
    Built,
    Cancelled,
    Failed,
    Impossible,
    Landed,
    LandsByHand,
    Preparing,
    Rejected,
    Waiting,
    Working,
)
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, Held, Rejection
from plait.plans.tasks.planned_contracts import Record, newest
from plait.plans.tasks.reviews import ReviewRecord, review_job
from plait.plans.tasks.states import TaskState
from plait.plans.tasks.work import BaseReport, BatchOrder, BatchReport, Candidate, Rework, Unlanded
from plait.show.run_outcome import outcome_of, replayed

REFRESH = "refresh"
"""The task that takes base in."""
REFRESHED = 0.3
"""The share of runs that take base in."""
ENDED = (Landed, LandsByHand, Built, Failed, Rejected, Impossible, Cancelled)


@dataclass(frozen=True)
class Commit:
    """What one commit holds: itself and all below it."""

    task: str | None
    """Whose work it is; nothing for merges."""
    inside: frozenset[str]
    """The work commits that it contains, itself included."""
    contents: Mapping[str, str] = field(default_factory=dict)
    built_on: Mapping[str, int] = field(default_factory=dict)
    repairs: str | None = None
    """The commit of the same task that it repairs."""


def _nothing(order: BatchOrder) -> BatchOutcome:
    return BatchOutcome(id=order.id, state=BatchState.REJECTED, reason="the batch before it did not land")


class World:
    """One feature with all of its runs; `step` lets something happen, `finish` lets everything end well."""

    def __init__(self, random: Random, manifest: Manifest) -> None:
        self.random, self.plan, self.partly = random, manifest, True
        self.commits = {"base": Commit(None, frozenset())}
        self.branches: dict[str, str] = {}
        self.empty: dict[str, str] = {}
        """Tasks that changed nothing, and where."""
        self.landed: frozenset[str] = frozenset()
        self.tip: str | None = None
        self.persons: dict[str, str] = {}
        """By task, what a person put on its branch and nobody has looked at."""
        self.taken_off: frozenset[str] = frozenset()
        """What had landed when a person moved the branch: what started from it then brings it back."""
        self.tips: list[str] = []
        """Where it was."""
        self.base_red: set[tuple[frozenset[tuple[str, str | None]], str | None]] = set()
        """Branches that were red together on a red base, and the tip that it was."""
        self.records: dict[str, tuple[Record, ...]] = {}
        self.reviews: dict[str, ReviewRecord] = {}
        self.now, self.events, self._numbers = 1_000.0, 0, 0
        self.heard: list[tuple[float, Event]] = []
        self.followed: Counter[tuple[str, str]] = Counter()
        """How often an effect of some kind was ordered because of an event of some kind."""
        self.stuck: set[str] = set()
        """Tasks whose old work could not be moved, so that it stands although a contract has changed."""
        self.begin(manifest)

    # Runs.

    def begin(self, manifest: Manifest) -> None:
        self.manifest, self.run = manifest, Run(manifest)
        self.pending: list[Effect | BatchEnded] = []
        self.started: Counter[str] = Counter()
        self.excused: set[str] = set()
        self.refused_until: dict[str, float] = {}
        self.heard = []
        self.hear(Begin())

    def restart(self) -> None:
        """The process is killed; what git knows is all that the next run begins with."""
        finished, outdated = self.found()
        for task in outdated:
            self.branches.pop(task, None)
            self.persons.pop(task, None)
        redone = tuple(
            task.id
            for task in self.plan.tasks
            if task.id not in finished and any(self.commits[commit].task == task.id for commit in self.landed)
        )
        rejected = [task for task in self._rejected_owners(finished) if task not in self.persons]
        sent_back = {task: finished.pop(task) for task in rejected}
        unread = self._unread(finished)
        chosen = self._chosen(set(finished) - unread)
        # As `session` does it: what was built on a command that goes again is not finished either.
        pauses, refused_until = dict(self.run.standings.rests.pauses), self.refused_until
        killed = not self.run.standings.closed
        tasks = tuple(task for task in self.plan.tasks if task.id in chosen)
        refresh = self._refresh() if REFRESHED and self.tip is not None and self.random.random() < REFRESHED else None
        if refresh is not None:
            tasks = (self._taking_in(), *tasks)
            finished = {REFRESH: EarlierWork(refresh.tip, landed=False, at=refresh.tip), **finished}
        self.begin(
            replace(
                self.plan,
                account_pauses=pauses if killed else {},
                tasks=tasks,
                tip=self.tip,
                records=dict(self.records),
                reviews=dict(self.reviews),
                unread=tuple(sorted(unread - chosen)),
                earlier=finished,
                refresh=refresh,
                redone=redone,
                sent_back=sent_back,
                repaired={
                    task: commit
                    for task, commit in self.persons.items()
                    if task in finished and not finished[task].landed
                },
            )
        )

        self.refused_until = refused_until if killed else {}

    def _unread(self, finished: Mapping[str, EarlierWork]) -> set[str]:
        """What is finished, has not landed, and nobody has approved as it is."""
        reviewed = {task.id for task in self.plan.tasks if task.reviewer}
        return {
            task
            for task, work in finished.items()
            if task in reviewed and work.commit and not work.landed and not self._is_approved(task, work.commit)
        }

    def _is_approved(self, task: str, commit: str) -> bool:
        record = self.reviews.get(task)
        return record is not None and (record.status, record.commit) == ("approved", commit)

    def _refresh(self) -> Refresh:
        """Base has moved on, and is taken in."""
        base = self._new(Commit(REFRESH, frozenset()))
        self.branches[REFRESH] = base
        return Refresh(REFRESH, base, "main", base, by_agent=self.random.random() < 0.7)

    def _taking_in(self) -> TaskFacts:
        role = self.random.choice(sorted(self.plan.slots))
        branch = f"feature/feature/agent/{role}/{REFRESH}"
        return TaskFacts(REFRESH, role, branch, "main as it is now", (), 60.0, merge_priority=1)

    def _chosen(self, finished: Collection[str]) -> set[str]:
        """All tasks, or with `--only` some, and what these need and nobody has finished."""
        names = [task.id for task in self.plan.tasks]
        if not self.partly or self.random.random() < 0.4:
            return set(names)
        chosen = {name for name in names if self.random.random() < 0.6} or {names[-1]}
        for task in reversed(self.plan.tasks):  # needs go backwards
            if task.id in chosen:
                chosen |= {group[0] for group in task.needs if not {*chosen, *finished}.intersection(group)}
        return chosen

    def _rejected_owners(self, finished: Mapping[str, EarlierWork]) -> list[str]:
        owners = []
        for contract in self.plan.contracts:
            last, owner = newest(self.records.get(contract.id, ())), contract.owner or ""
            if last is None or last.status != "rejected" or owner not in finished or owner in owners:
                continue
            if last.content == finished[owner].contents.get(contract.id):
                owners.append(owner)
        return owners

    def found(self) -> tuple[dict[str, EarlierWork], list[str]]:
        """What is finished by what the branches hold: made on what its needs are now, or were before a repair."""
        bad: set[str] = set()
        while True:
            finished: dict[str, EarlierWork] = {}
            for task in self.plan.tasks:
                work = None if task.id in bad else self._earlier(task.id, finished)
                if work is not None:
                    finished[task.id] = work
            sound = {
                commit
                for task, work in finished.items()
                for commit in self._inside(work.commit)
                if self.commits[commit].task == task
            }
            more = {task for task, work in finished.items() if self._of_others(task, work.commit) - sound}
            if not more:
                break
            bad |= more
        completed = {task: self._completed(task, work, finished) for task, work in finished.items()}
        return completed, [task for task in self.branches if task not in finished]

    def _completed(self, task: str, work: EarlierWork, finished: Mapping[str, EarlierWork]) -> EarlierWork:
        rests_on = tuple(dict.fromkeys((*work.rests_on, *self._more(task, work, finished))))
        tips = {need: finished[need].commit for need in rests_on if work.commit}
        behind = tuple(need for need, tip in tips.items() if tip and tip not in self._inside(work.commit))
        return replace(work, rests_on=rests_on, behind=behind)

    def _more(self, task: str, work: EarlierWork, finished: Mapping[str, EarlierWork]) -> list[str]:
        others = self._of_others(task, work.commit)
        for need in work.rests_on:
            others -= self._inside(finished[need].commit)
        return sorted({self.commits[commit].task or "" for commit in others})

    def _of_others(self, task: str, commit: str | None) -> frozenset[str]:
        """What it holds of other tasks; base is nobody's work."""
        others = (one for one in self._inside(commit) if self.commits[one].task not in (task, REFRESH))
        return frozenset(others) - self.landed

    def _inside(self, commit: str | None) -> frozenset[str]:
        return self.commits[commit].inside if commit else frozenset()

    def _earlier(self, task: str, finished: Mapping[str, EarlierWork]) -> EarlierWork | None:
        facts = next(one for one in self.plan.tasks if one.id == task)
        commit = self.branches.get(task)
        at = commit or self.empty.get(task)
        if at is None:
            return None
        rests_on: dict[str, None] = {}
        for group in facts.needs:
            there = {need: finished[need] for need in group if need in finished}
            inside = [need for need, work in there.items() if self._versions(work.commit) & self.commits[at].inside]
            nothing = [work for work in there.values() if work.commit is None]
            if not inside and not nothing:
                return None
            rests_on |= dict.fromkeys(inside or nothing[0].rests_on)
        made = self.commits[at]
        return EarlierWork(
            commit, commit is None or commit in self.landed, tuple(rests_on), at, made.built_on, made.contents
        )

    def _versions(self, commit: str | None) -> frozenset[str]:
        versions = []
        while commit:
            versions.append(commit)
            commit = self.commits[commit].repairs
        return frozenset(versions)

    # Events.

    def hear(self, event: Event) -> None:
        self.events += 1
        self.heard.append((self.now, event))
        for effect in self.run.hear(event, self.now):
            self.followed[type(event).__name__, type(effect).__name__] += 1
            if isinstance(
                effect, PrepareStart | StartWork | StartBatch | StartReview | PutBranchAside | TakeRepair | WriteRecord
            ):
                self.pending.append(effect)
            if isinstance(effect, WriteReview):  # the loop writes it before it hears anything else
                self.reviews[effect.record.task] = effect.record
            if isinstance(effect, StartReview):
                self._check_review(effect)
            if isinstance(effect, StartWork):
                self._check_start(effect)
            if isinstance(effect, TakeRepair):
                assert self.run.standings.paused_at is None, "a repair is looked at while the run is paused"
            if isinstance(effect, StartBatch):
                self._check_batch(effect.order)
        self.check()
        if isinstance(event, Tick):
            self._check_tick(event)

    def step(self) -> None:
        """Something happens."""
        self.now += self.random.choice((0.0, 0.0, 1.0, 30.0, 700.0))
        chance = self.random.random()
        if self.pending and chance < 0.5:
            self.answer_one()
        elif chance < 0.9:
            self.tick()
        elif chance < 0.94:
            self.person_answers()
            self.person_reviews()
        elif chance < 0.96:
            self.hear(RecordsRead(dict(self.records)))
        elif chance < 0.961:
            self.person_reviews()
        elif chance < 0.963:
            self.person_moves_the_branch()
        elif chance < 0.967:
            self.person_repairs()
        elif chance < 0.969:
            self.look_for_repairs()
        elif chance < 0.971 and self.run.standings.base is None:
            self.hear(BaseVerified(BaseReport(self.random.choice(("green", "red", "unknown")), "red")))
        elif chance < 0.975:
            self.hear(Pause("me") if self.run.standings.paused_at is None else Resume("me"))
        elif chance < 0.983:
            self.restart()
        elif chance < 0.99:
            self.hear(Stop("the run was cancelled"))
        else:
            self.hear(Close())
            self._check_end()
            self.restart()

    def answer_one(self, *, well: bool = False) -> None:
        """Carry out some effect; of batches the first that is in work: they land in order."""
        in_work = self.run.standings.in_work
        later = {order for order in in_work if order != next(iter(in_work))}
        ready = [one for one in self.pending if not (isinstance(one, StartBatch) and one.order.id in later)]
        if ready:
            effect = self.random.choice(ready)
            self.pending.remove(effect)
            self.answer(effect, well=well)

    def tick(self) -> None:
        room = None
        if self.random.random() < 0.2:
            room = {role: self.random.randint(0, slots) for role, slots in self.plan.slots.items()}
        self.hear(Tick(room))

    def answer(self, effect: Effect | BatchEnded, *, well: bool = False) -> None:
        """An effect is carried out, with whatever can come of it."""
        match effect:
            case BatchEnded():  # of a batch that had landed what it could before
                self.hear(effect)
            case PrepareStart():
                self._prepare(effect, well=well)
            case StartWork():
                self._work(effect, well=well)
            case StartBatch(order):
                self._integrate(order, well=well)
            case PutBranchAside():
                self._aside(effect, well=well)
            case TakeRepair():
                self._take(effect, well=well)
            case StartReview():
                self._review(effect, well=well)
            case WriteRecord(record):
                self._write(record)

    def _new(self, commit: Commit) -> str:
        self._numbers += 1
        name = f"{commit.task or 'merge'}-{self._numbers}"
        inside = commit.inside | {name} if commit.task else commit.inside
        self.commits[name] = replace(commit, inside=inside)
        return name

    def _prepare(self, effect: PrepareStart, *, well: bool) -> None:
        inside = frozenset[str]().union(*(self.commits[commit].inside for commit in effect.commits))
        if not well and self.random.random() < 0.15:
            self.hear(StartConflicted(effect.task, ("file",), inside_tip=inside <= self.landed))
        else:
            self.hear(StartPrepared(effect.task, self._new(Commit(None, inside))))

    def _work(self, effect: StartWork, *, well: bool) -> None:
        run, chance = self.run.standings, 1.0 if well else self.random.random()
        if effect.expected is not None and effect.task in self.persons:
            self._end(effect, WorkFailed("somebody has moved the branch"), tries=1)
        elif run.stopping and chance < 0.7:
            self._end(effect, WorkStopped(), tries=1)
        elif run.paused_at is not None and chance < 0.2:
            self.excused.add(effect.task)
            self._end(effect, WorkPutOff("red"), tries=1)
        elif chance < 0.03:
            self._end(effect, WorkUnprepared("the set-up failed\nno net"), tries=0)
        elif chance < 0.15:
            self._end(effect, WorkFailed("no", environment=chance < 0.02), tries=2)
        elif chance < 0.2:
            self._end(effect, WorkStopped(), tries=1)
        elif chance < 0.25:
            self._refuse(effect)
        else:
            if chance < 0.27:
                self._break_off(effect)
            elif chance < 0.3:
                self.hear(NoteTold(effect.task, "ann", "say why"))
            self._end(effect, self._made(effect, empty=chance < 0.3), tries=1)

    def _refuse(self, effect: StartWork) -> None:
        """The account of its agent gives nothing more, and says until when, or does not."""
        times = (None, self.now - 10.0, self.now + 5.0, self.now + 4_000.0, self.now + 90_000.0)
        until, before = self.random.choice(times), self.run.standings.tasks[effect.task].tries
        self.excused.add(effect.task)
        refused = WorkRefused(self.random.choice(("quota", "login", "overload")), "no", until)
        self._end(effect, refused, tries=before)
        run = self.run.standings
        if not run.stopping and effect.task in run.tasks and until is not None and until > self.now:
            account = self.plan.accounts.get(effect.agent.rpartition("-")[0], effect.agent.rpartition("-")[0])
            self.refused_until[account] = max(until, self.refused_until.get(account, 0.0))
        assert run.tasks[effect.task].tries == before, "a refusal by an account has cost a try"

    def _break_off(self, effect: StartWork) -> None:
        """A try before the one that counts broke off at once."""
        words = self.random.choice(("no such option", "no such file", "no network"))
        self.hear(ProgramBroke(effect.task, effect.agent.rpartition("-")[0], words))

    def _end(self, effect: StartWork, result: WorkResult, *, tries: int) -> None:
        status = self.run.standings.tasks[effect.task].status
        if isinstance(status, Working) and status.stale:
            self.excused.add(effect.task)
        if isinstance(result, WorkDone) and self._was_rejected_before(effect, result.contents):
            self.excused.add(effect.task)
        self.hear(WorkEnded(effect.task, result, tries=tries, number=effect.number))

    def _was_rejected_before(self, effect: StartWork, contents: Mapping[str, str]) -> bool:
        """Whether it made what a person had rejected in an earlier run, of which its agent was not told."""
        last = {name: newest(self.records.get(name, ())) for name in contents}
        return any(
            record is not None
            and (record.status, record.content) == ("rejected", contents[name])
            and record.rejection not in effect.rejections
            for name, record in last.items()
        )

    def _made(self, effect: StartWork, *, empty: bool) -> WorkDone:
        facts = self.run.standings.facts[effect.task]
        contents = {name: self.random.choice("xyz") for name in facts.writes}
        inside = self.commits[effect.start].inside
        if effect.repair:
            inside |= self.commits[effect.repair.rejected].inside | self.commits[effect.repair.onto].inside
        built_on = {one.contract: one.version for one in effect.agreements}
        repairs = effect.repair.rejected if effect.repair else None
        if empty and not effect.repair:
            self.empty[effect.task] = self._new(Commit(None, inside, contents, built_on))
            return WorkDone(None, 0, contents)
        assert self.branches.get(effect.task) == effect.expected, "somebody else moved the branch"
        commit = self._new(Commit(effect.task, inside, contents, built_on, repairs))
        self.persons.pop(effect.task, None)
        self.branches[effect.task] = commit
        return WorkDone(commit, 1, contents)

    def _aside(self, effect: PutBranchAside, *, well: bool) -> None:
        self.excused.add(effect.task)
        if not well and self.random.random() < 0.2:
            self.stuck.add(effect.task)
            self.hear(BranchPutAside(effect.task, effect.number, refused="somebody stands on it"))
            return
        self.branches.pop(effect.task, None)
        self.persons.pop(effect.task, None)
        self.hear(BranchPutAside(effect.task, effect.number))

    def _write(self, record: Record) -> None:
        there = {one.version: one for one in self.records.get(record.contract, ())}
        now = there.get(record.version)
        if (now.oid if now else "") != record.oid:
            self.hear(RecordsRead(dict(self.records), refused=record.contract))
            return
        self._numbers += 1
        kept = replace(record, oid=f"oid-{self._numbers}")
        self._keep(kept)
        self.hear(RecordWritten(kept))

    def _keep(self, record: Record) -> None:
        there = {one.version: one for one in self.records.get(record.contract, ())} | {record.version: record}
        self.records[record.contract] = tuple(there[version] for version in sorted(there))

    def person_answers(self, *, yes: bool | None = None) -> None:
        for contract in self.plan.contracts:
            last = newest(self.records.get(contract.id, ()))
            if last and last.status == "draft" and contract.by_person and (yes or self.random.random() < 0.7):
                approved = yes or self.random.random() < 0.6
                self._numbers += 1
                oid, status = f"oid-{self._numbers}", "approved" if approved else "rejected"
                owner = last.owner
                if status == "rejected" and owner in self.run.standings.tasks:
                    self.excused.add(owner)
                self._keep(replace(last, status=status, by="ann", reason="because", oid=oid))  # type: ignore[arg-type]

    def person_reviews(self, *, yes: bool | None = None) -> None:
        """Work that waits for a person is approved or sent back, and that is heard of now or later."""
        for task, record in tuple(self.reviews.items()):
            if record.status == "waiting" and (yes or self.random.random() < 0.7):
                if yes or self.random.random() < 0.6:
                    answer = replace(record, status="approved", by="ann", is_person=True, approved=record.commit)
                else:
                    answer = replace(record, status="rejected", by="ann", is_person=True, reason="because")
                self.reviews[task] = answer
        if yes or self.random.random() < 0.8:
            for task, review in tuple(self.run.standings.reviewing.items()):
                record = self.reviews.get(task)
                if review.asks and record is not None and record.status != "waiting":
                    assert record.commit == review.commit, "a person was asked about something else"
                    approves = record.status == "approved"
                    if not approves:
                        self.excused.add(task)
                    self.hear(ReviewAnswered(task, record.commit, approves, record.by, record.reason))

    def _review(self, effect: StartReview, *, well: bool) -> None:
        chance = 1.0 if well else self.random.random()
        score = round(self.random.uniform(0, 10), 1)
        result: ReviewResult = ReviewSaid(approves=True, score=score)
        if self.run.standings.stopping and chance < 0.7:
            result = WorkStopped()
        elif chance < 0.35:
            result = ReviewSaid(approves=False, score=score, findings="it does too little")
        elif chance < 0.5:
            result = ReviewMissing("no verdict")
        elif chance < 0.55:
            result = WorkRefused("quota", "no", self.random.choice((None, self.now + 5.0, self.now + 4_000.0)))
        elif chance < 0.57:
            result = WorkStopped()
        self.excused.add(effect.task)
        self.hear(ReviewEnded(effect.task, effect.number, result))

    def person_repairs(self) -> None:
        """Somebody puts a commit on the branch of a task, rejected or not."""
        run = self.run.standings
        mine = [
            task
            for task, commit in self.branches.items()
            if task in run.tasks and commit not in self.landed and task not in run.mending
        ]
        if mine:
            task = self.random.choice(mine)
            below = self.commits[self.branches[task]]
            self.persons[task] = self._new(replace(below, task=None))
            self.look_for_repairs()

    def look_for_repairs(self) -> None:
        """What persons have put on branches that were rejected is heard of, now or later."""
        run = self.run.standings
        for task, commit in tuple(self.persons.items()):
            if task in run.tasks and run.tasks[task].is_for_repair and self.random.random() < 0.8:
                self.hear(RepairFound(task, commit))

    def _take(self, effect: TakeRepair, *, well: bool) -> None:
        chance = 1.0 if well else self.random.random()
        result: WorkDone | WorkFailed | WorkStopped = WorkFailed("red") if chance < 0.3 else WorkStopped()
        mending = self.run.standings.mending.get(effect.task)
        if chance > 0.35 and mending is not None and mending.number == effect.number:
            facts, below = self.run.standings.facts[effect.task], self.commits[effect.rejected]
            contents = {name: self.random.choice("xyz") for name in facts.writes}
            made = self._new(Commit(effect.task, below.inside, contents, below.built_on, effect.rejected))
            self.branches[effect.task] = made
            self.persons.pop(effect.task, None)
            result = WorkDone(made, 1, contents)
        self.excused.add(effect.task)
        self.hear(RepairTaken(effect.task, effect.number, result, by="ann"))

    def person_moves_the_branch(self) -> None:
        """Somebody deletes the feature branch or sets it back, or lands what waited for them."""
        run = self.run.standings
        if run.in_work or self.tip is None:
            return
        landing = [task for task, one in run.tasks.items() if isinstance(one.status, LandsByHand)]
        if landing and self.random.random() < 0.5:
            commits = (self.commits[run.tasks[task].commit or ""].inside for task in landing)
            self.landed = self.landed.union(*commits)
            self.tip = self._new(Commit(None, self.landed))
            self.hear(TipMoved(self.tip, landed=tuple(landing), by_somebody=True))
            return
        self.tip = self.random.choice([None, *(tip for tip in self.tips if self.commits[tip].inside <= self.landed)])
        self.taken_off |= self.landed
        self.landed = self.commits[self.tip].inside if self.tip else frozenset()
        commits_of = {task: commit for task in run.landed if (commit := run.commit_of(task))}
        lost = tuple(task for task, commit in commits_of.items() if commit not in self.landed)
        self.hear(TipMoved(self.tip, lost=lost, by_somebody=True))

    # Batches: whatever `integrate` could say of one.

    def _integrate(self, order: BatchOrder, *, well: bool) -> None:
        run, chance = self.run.standings, 1.0 if well else self.random.random()
        if run.stopping and chance < 0.5:
            self.hear(BatchEnded(order.id, BatchStopped()))
        elif run.by_hand is not None or run.trouble is not None:  # the one before it is stuck
            self.hear(BatchEnded(order.id, BatchDone(BatchReport(_nothing(order), tip=self.tip))))
        elif chance < 0.03:
            self.hear(BatchEnded(order.id, BatchBroken("git broke")))
        elif chance < 0.06:
            state, kind = self.random.choice(((BatchState.INFRASTRUCTURE, None), (BatchState.REJECTED, "base-red")))
            told = tuple(Rejection(task=one.task, kind="base-red") for one in order.branches) if kind else ()
            if kind:
                self.base_red.add((frozenset((one.task, one.tip) for one in order.branches), self.tip))
            outcome = BatchOutcome(id=order.id, state=state, rejected=told, reason="red")
            overtaken = not kind and self.random.random() < 0.7
            self.hear(BatchEnded(order.id, BatchDone(BatchReport(outcome, tip=self.tip, overtaken=overtaken))))
        else:
            done = self._settled(order, by_hand=0.06 < chance < 0.08, well=well)
            ended, outcome = BatchEnded(order.id, done), done.report.outcome
            is_open = outcome.state in (BatchState.PART_LANDED, BatchState.REJECTED)
            if is_open and self.random.random() < 0.5:
                tip = done.report.tip or "" if outcome.landed else ""
                self.hear(BatchSettled(order.id, outcome.landed, tip))
                self.pending.append(ended)
            else:
                self.hear(ended)

    def _settled(self, order: BatchOrder, *, by_hand: bool, well: bool) -> BatchDone:
        # Who writes a contract is sent back more often: new versions are what most can go wrong with.
        writes = self.run.standings.facts
        bad = [
            one
            for one in order.branches
            if not well and self.random.random() < (0.6 if writes[one.task].writes else 0.3)
        ]
        flaky = [] if order.merge_only else [one for one in bad if self.random.random() < 0.1]
        rejected = tuple(self._rejection(one, order) for one in bad if one not in flaky)
        out = {one.task for one in bad}
        here = {task for one in order.branches for task in (one.task, *one.carries)}
        left_out = out | absent_from(order.groups, here=here, landed=order.landed)
        by_needs = held_back(order.branches, left_out=out, groups=())
        landed = {*self.run.standings.landed, *order.landed}
        missing = {need for need in order.ahead if need not in landed}
        for one in order.branches:  # what rests on a branch of a batch before this one that did not land
            cause = next((need for need in one.needs if need in missing or need in by_needs), None)
            if cause is not None and one.task not in out:
                by_needs.setdefault(one.task, cause)
        waits = held_back(order.branches, left_out=left_out | set(by_needs), groups=order.groups)
        rest = [one for one in order.branches if one.task not in out | set(by_needs) | set(waits)]
        fitting = [one for one in order.branches if one.task in waits and one.task not in by_needs]
        unlanded = None
        if order.merge_only:
            fitting, rest = [one for one in order.branches if one.task not in out | set(by_needs)], []
        if fitting:
            tasks = tuple(one.task for one in fitting)
            inside = self.landed.union(*(self.commits[one.tip].inside for one in (*fitting, *rest)))
            mates = mates_of(tasks, order.branches, groups=order.groups)
            unlanded = Unlanded(self._new(Commit(None, inside)), tasks, mates)
        held = tuple(Held(task=task, by=by) for task, by in {**waits, **by_needs}.items() if task not in out)
        state = BatchState.PART_LANDED if bad or held else BatchState.LANDED
        if rest and by_hand:
            state = BatchState.READY_TO_LAND
        elif rest:
            self._land(rest)
        outcome = BatchOutcome(
            id=order.id,
            state=state if rest else BatchState.REJECTED,
            landed=tuple(one.task for one in rest),
            rejected=tuple(
                Rejection.model_validate({"task": one.task, "kind": one.kind, "partner": one.partner})
                for one in rejected
            ),
            held=held,
            acquitted=tuple(one.task for one in flaky),
        )
        command = "git merge" if rest and by_hand else None
        return BatchDone(BatchReport(outcome, rejected, self.tip, command, unlanded))

    def _rejection(self, branch: Candidate, order: BatchOrder) -> Rework:
        kind = "conflict" if order.merge_only else self.random.choice(("conflict", "fails-alone", "interaction"))
        return Rework(branch.task, kind, None, None, self.random.choice(((), ("file",))), "red", ())

    def _land(self, branches: Collection[Candidate]) -> None:
        self.landed = self.landed.union(*(self.commits[one.tip].inside for one in branches))
        self.tip = self._new(Commit(None, self.landed))
        self.tips.append(self.tip)
        for group in self.plan.phases:
            there = {task for task in group if self.branches.get(task) in self.landed}
            finished = {task for task in group if task in there or self._is_empty(task)}
            assert not there or finished == set(group) or self._was_there_before(group), f"half of {group} has landed"

    def _is_empty(self, task: str) -> bool:
        return task in self.empty

    def _was_there_before(self, group: Collection[str]) -> bool:
        """Whether a part of it goes again for a new version of a contract, and the whole had landed before."""
        works = {self.commits[commit].task for commit in self.landed}
        return all(task in works or task in self.empty for task in group)

    # What must hold.

    def _check_start(self, effect: StartWork) -> None:
        run = self.run.standings
        again = self.started[effect.task] > 0
        assert not again or effect.repair or effect.task in self.excused, f"{effect.task} is done twice"
        assert effect.task not in run.mending, f"a person has mended {effect.task}"
        self._check_account(effect)
        self.excused.discard(effect.task)
        self.started[effect.task] += 1
        facts = run.facts[effect.task]
        assert run.paused_at is None, "it starts while the run is paused"
        self._check_base(effect)
        for group in facts.needs if not effect.repair else ():
            assert any(run.has_succeeded(need) for need in group), f"{effect.task} starts without {group}"
        for name in facts.contracts:
            last = newest(self.records.get(name, ()))
            assert last is not None, f"{effect.task} starts without the contract {name}"
            heard = run.contracts[name].newest
            assert heard is not None
            assert heard.status == "approved", f"{effect.task} starts from {name}, which is {heard.status}"

    def _check_base(self, effect: StartWork) -> None:
        """Where base is taken in, nothing starts before it is known if that fits, and later from the new one."""
        run, refresh = self.run.standings, self.manifest.refresh
        if refresh is None or effect.repair:
            return
        bases = [one for order in run.in_work.values() for one in order.branches if one.is_base]
        is_first = not run.tasks[REFRESH].repairs and run.trouble is None and run.by_hand is None
        assert not (bases and is_first), f"{effect.task} starts before it is known if base fits"
        has_landed = isinstance(run.tasks[REFRESH].status, Landed)
        assert effect.start != (self.manifest.base if has_landed else refresh.commit), "it starts from another base"

    def _check_account(self, effect: StartWork) -> None:
        run, role = self.run.standings, effect.agent.rpartition("-")[0]
        if run.facts[effect.task].is_command:
            return
        account = self.plan.accounts.get(role, role)
        assert self.now >= self.refused_until.get(account, 0.0), f"{effect.task} starts before {account} gives again"
        assert not run.rests.rests(role, self.now), f"{effect.task} starts with {role}, which rests"

    def _check_review(self, effect: StartReview) -> None:
        """What is read is the newest work of the task, by an agent of its reviewers, and nobody works on it."""
        run = self.run.standings
        facts, role = run.facts[effect.task], effect.agent.rpartition("-")[0]
        assert run.paused_at is None
        assert role == facts.reviewer
        assert not run.rests.rests(role, self.now)
        assert effect.commit == self.branches[effect.task] or effect.task in self.persons
        assert not self._is_approved(effect.task, effect.commit), "approved work is read again"
        assert isinstance(run.tasks[effect.task].status, Waiting)

    def _check_approved(self, task: str, commit: str | None) -> None:
        """Nothing lands that has a review, and that neither a reviewer nor a person has approved."""
        facts = next((one for one in self.plan.tasks if one.id == task), None)
        if facts is not None and facts.reviewer and commit is not None:
            assert self._is_approved(task, commit), f"nobody has approved {commit}"

    def _check_batch(self, order: BatchOrder) -> None:
        run = self.run.standings
        # What is in a batch before this one lands before it, or what rests on it is left behind.
        tips = {one.task: one.tip for before in run.in_work.values() for one in before.branches}
        assert order.follows is None or set(order.ahead) == set(tips) - {one.task for one in order.branches}
        carried = {task for one in order.branches for task in one.carries}
        assert run.paused_at is None
        for candidate in order.branches:
            assert candidate.tip == self.branches[candidate.task], "an old tip is in the batch"
            assert candidate.is_base == (candidate.task == REFRESH)
            self._check_approved(candidate.task, candidate.tip)
            for carried_task in candidate.carries:
                self._check_approved(carried_task, run.outside[carried_task].commit)
            for commit in self.commits[candidate.tip].inside - self.landed - self.taken_off:
                task = self.commits[commit].task or ""
                # Also with what rests on it: in a run without T1, T2 brings T1's work, and T3 above T2 the same.
                inside = any(commit in self.commits[tip].inside for tip in tips.values())
                tip = self.branches.get(task)
                repaired = task in carried and tip in self.commits[candidate.tip].inside
                assert inside or repaired, f"{candidate.task} would bring {commit} with it"
            heard = run.contracts
            for name in run.facts[candidate.task].writes:
                assert heard[name].unapproved_owner is None, f"{name} is not approved"
            built_on = self.commits[candidate.tip].built_on
            for name, version in built_on.items():
                known = heard[name].newest
                if known and known.status == "approved" and candidate.task not in self.stuck:
                    assert version == known.version, f"{candidate.task} rests on {name} v{version}"

    def check(self) -> None:
        run, dispatcher = self.run.standings, self.run.standings.dispatcher
        taken, units = Counter[str](), Counter[str]()
        for task, standing in run.tasks.items():
            state = dispatcher.state_of(task)
            match standing.status:
                case Working(agent) | Preparing(agent):
                    assert state is TaskState.RUNNING
                    taken[agent.rpartition("-")[0]] += 1
                    units.update(run.facts[task].uses)
                case Waiting():
                    assert state not in (TaskState.RUNNING, TaskState.DONE, TaskState.FAILED), (task, state)
                    self._check_cause(task, state)
                case Built() | LandsByHand() | Landed():
                    assert state is TaskState.DONE or run.stopping or is_refused(run), (task, state)
                case Cancelled():
                    assert run.closed or state in (TaskState.CANCELLED, TaskState.FAILED), (task, state)
                case _:
                    assert state in (TaskState.FAILED, TaskState.BLOCKED, TaskState.CANCELLED), (task, state)
        for task, agent, _ in run.reviews_at_work.values():
            taken[agent.rpartition("-")[0]] += 1
            assert dispatcher.state_of(review_job(task)) is TaskState.RUNNING
        if self.random.random() < 0.05:
            outcome_of(run)
        assert all(taken[role] <= self.plan.slots[role] for role in taken), "more agents than slots"
        assert all(units[name] <= self.plan.resources[name] for name in units), "more than there is of a resource"

    def _check_cause(self, task: str, state: TaskState) -> None:
        """No task waits without a named cause."""
        run = self.run.standings
        if state is TaskState.HELD:
            assert run.tasks[task].waits, f"{task} is held for nothing"
        elif state is TaskState.PENDING:
            assert not run.needs_are_met(task) or run.tasks[task].repair or self._need_is_pending(task), task
        elif state is TaskState.BLOCKED:
            assert run.dispatcher.lost_to(task) is not None
        elif state is TaskState.READY:
            assert not run.tasks[task].waits, f"{task} could start, but waits for {run.tasks[task].waits}"

    def _need_is_pending(self, task: str) -> bool:
        """Whether a need is done, but rests on what is being done again: nothing new starts from it until then."""
        run, path = self.run.standings, [task]
        for name in path:
            for need in (need for group in run.facts[name].needs for need in group if need in run.tasks):
                if not isinstance(run.tasks[need].status, Built | Landed | LandsByHand):
                    return True
                path += [need] if need not in path else []
        return False

    def _check_tick(self, event: Tick) -> None:
        run = self.run.standings
        if run.stopping or run.paused_at is not None or run.closed or event.room is not None or takes_base_in(run):
            return
        again = run.dispatcher.copy().start(run.now, closed=closed_roles(run))
        assert not again, f"a slot is idle beside {[start.job.id for start in again]}"

    def _check_end(self) -> None:
        run = self.run.standings
        assert run.closed
        for task, standing in run.tasks.items():
            if isinstance(standing.status, Waiting):
                state = run.dispatcher.state_of(task)
                assert state is not TaskState.RUNNING
        assert not self.run.hear(Tick(), self.now)

    # Ends.

    def finish(self) -> None:
        """From here on all goes well: the run ends, and everything that can be done is done."""
        self.partly = False  # a last run of everything
        for _ in range(60 * len(self.plan.tasks) + 60):
            if self.run.standings.closed:
                self.restart()
            if self.run.standings.paused_at is not None:
                self.hear(Resume())
            self.now += 1.0
            while self.pending:
                self.answer_one(well=True)
            self.person_answers(yes=True)
            self.person_reviews(yes=True)
            self.hear(RecordsRead(dict(self.records)))
            self.now += 1_000.0
            self.hear(Tick())
            if not self.pending and self.run.is_over:
                break
        else:
            raise AssertionError("the run does not end")
        self.hear(Close())
        self._check_end()
        self._check_complete()
        self._check_journal()

    def _check_journal(self) -> None:
        """What was written down, played again, comes to the same."""
        text = first_line(self.manifest) + "".join(line_of(at, event) for at, event in self.heard)
        journal = read_journal(text + '{"at":')
        assert journal.manifest == self.manifest
        assert journal.is_closed
        again = replayed(journal).standings
        assert again.tasks == self.run.standings.tasks
        assert outcome_of(again) == outcome_of(self.run.standings)

    def _check_complete(self) -> None:
        """After the end, whoever did not land has a reason."""
        run = self.run.standings
        if run.as_they_are(run.built) and (run.trouble or "").startswith("base is red, so it cannot"):
            left = run.as_they_are(task for task in run.built if task not in run.rules.held)
            assert (left, self.tip) in self.base_red, "what stands on another tip by now was not verified again"
        for task, standing in run.tasks.items():
            if run.stopping or run.trouble or run.by_hand:
                continue
            match standing.status:
                case Waiting():
                    assert run.dispatcher.state_of(task) is TaskState.BLOCKED, (task, standing)
                case Built():
                    assert task in run.rules.held, f"{task} is finished, nothing keeps it, and it has not landed"
                case status:
                    assert isinstance(status, ENDED)
