"""Where everything of a run stands, and the few ways in which that changes; what follows from it is computed here."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from plait.plans.journal.effects import CloseReview, Effect, MarkTask, PutBranchAside, TakeRepair, Tell
from plait.plans.journal.events import Stop
from plait.plans.journal.manifest import EarlierWork, Manifest, TaskFacts, job_of, review_job_of
from plait.plans.landing.landing_rules import LandingRules
from plait.plans.run.resting_roles import RestingRoles
from plait.plans.run.statuses import (
    ApprovalWait,
    AsideWait,
    Built,
    ConflictWait,
    Landed,
    LandsByHand,
    MendingWait,
    Preparing,
    ReviewWait,
    Standing,
    TextWait,
    UnderReview,
    Wait,
    Waiting,
    Working,
    moment,
)
from plait.plans.schedule.dispatch import Blocked, Dispatcher
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.tasks.contract_standing import ContractStanding
from plait.plans.tasks.edition_change import EditionChange
from plait.plans.tasks.outcomes import Approval, BatchOutcome, ToldNote
from plait.plans.tasks.reviews import review_job
from plait.plans.tasks.states import TaskState
from plait.plans.tasks.work import BaseReport, BatchOrder

_NOT_STARTED: Final = (TaskState.PENDING, TaskState.READY, TaskState.HELD)


class Standings:
    """The tasks, contracts and batches of one run.

    Changed by the handlers of events alone (the other modules of this package), and only through the methods below;
    whoever shows a run reads it.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.facts = {task.id: task for task in manifest.tasks}
        self.outside: dict[str, EarlierWork] = {
            task: work for task, work in manifest.earlier.items() if task not in self.facts
        }
        """What earlier runs finished and is not part of this one (`--only`)."""
        self.reviews_of = {review_job(task.id): task.id for task in manifest.tasks if task.reviewer}
        """By job of the dispatcher, the task that it reviews."""
        self.dispatcher = self._dispatcher()
        self.tasks = {task: Standing() for task in self.facts}
        self.contracts = {
            contract.id: ContractStanding(contract, manifest.records.get(contract.id, ()))
            for contract in manifest.contracts
        }
        self.in_work: dict[str, BatchOrder] = {}
        """The batches in work, by id, in the order in which they land."""
        self.explaining: dict[str, BatchOrder] = {}
        """Batches that have landed what they could; why the rest of them does not land is looked into."""
        self.batches: tuple[BatchOutcome, ...] = ()
        self.merged: frozenset[frozenset[tuple[str, str | None]]] = frozenset()
        """What was merged only to settle a conflict for tasks that wait for that: by task, the commit."""
        self.approvals: tuple[Approval, ...] = ()
        """When persons were waited for; those without an answer are waited for now."""
        self.salvage = manifest.salvage
        self.tip = manifest.tip
        self.kept_out = frozenset(manifest.unread).intersection(self.outside)
        """Tasks outside this run that rest on an old version of a contract, or that nobody has approved: they must not
        land with others."""
        self.onto_tip = frozenset(manifest.redone)
        """Tasks of which outdated work has landed: done again on top of it, or the two would only conflict."""
        self.trouble: str | None = None
        """What ended the integration: a red base, a broken environment."""
        self.notes: tuple[ToldNote, ...] = ()
        self.unprepared: tuple[str, ...] = ()
        """Why set-ups failed, each once: what needs them cannot start, all else goes on."""
        self.environment = False
        """Whether this machine, not a branch, kept something from landing."""
        self.base: BaseReport | None = None
        """What the verification of what the run started from has said."""
        self.base_red: frozenset[frozenset[tuple[str, str | None]]] = frozenset()
        """Batches that could not be judged, as base was red: by task, the commit. Where the feature branch is now the
        same is not verified again."""
        self.base_standing = manifest.standing
        """How far base has moved on from the feature."""
        self.brought: BaseOutcome | None = None
        """What became of the feature on base, after the end."""
        self.edition: EditionChange | None = None
        """What it landed beside the edition before, after the end."""
        self.overtaken = 0
        """How often in a row batches gave up because somebody else moved the feature branch."""
        self.overtaken_with: frozenset[str] = frozenset()
        """The batches that were in work when that was counted last: what overtakes those is the same storm."""
        self.not_before = 0.0
        """When the next batch may form after that, in seconds of the time in which the run was not paused."""
        self.by_hand: str | None = None
        """The command that lands a batch which is ready-to-land."""
        self.mending: dict[str, TakeRepair] = {}
        """By task, what a person put on its branch and is being looked at, or is once the run is no longer paused."""
        self.reviewing: dict[str, UnderReview] = {}
        """By task, finished work that nobody has approved yet."""
        self.reviews_at_work: dict[int, tuple[str, str, float]] = {}
        """By number, the reviews that go on: task, agent, since when; also of work that was taken back meanwhile."""
        self._put_off: list[TakeRepair] = []
        """Those of them that nobody looks at, as the run is paused."""
        self.rests = RestingRoles(manifest)
        self.stopping: Stop | None = None
        self.paused_by: str | None = None
        self.paused_at: float | None = None
        self.begun = self.closed = False
        self.now = 0.0
        """When the last event was heard, in seconds since the epoch."""
        self._paused_for = 0.0
        self._asides = self._mends = self._reviews = 0
        self._effects: list[Effect] = []
        self._built: dict[str, float] = {}
        """An index: the finished branches."""
        self._readers = [task.id for task in manifest.tasks if task.information]
        self._waiters: set[str] = set()

    def _dispatcher(self) -> Dispatcher:
        """Of all tasks, and of their reviews, which are put aside until there is something to read."""
        manifest = self.manifest
        jobs = [job_of(task, known=self.facts, met=self.outside) for task in manifest.tasks]
        jobs += [review_job_of(self.facts[task], self.facts[task].reviewer or "") for task in self.reviews_of.values()]
        urgency = manifest.urgency
        if urgency is not None:
            urgency = {**urgency, **{job: urgency[task] for job, task in self.reviews_of.items()}}
        dispatcher = Dispatcher(jobs, slots=manifest.slots, resources=manifest.resources, urgency=urgency)
        for job in self.reviews_of:
            dispatcher.hold(job)
        return dispatcher

    # What changes.

    def order(self, effect: Effect) -> None:
        """Let something be done in the world outside."""
        self._effects.append(effect)

    def tell(self, says: str, *, about: str | None = None, reason: str | None = None) -> None:
        """Say something to whoever watches."""
        self._effects.append(Tell(says, about, reason))

    def take_effects(self) -> tuple[Effect, ...]:
        """All that was ordered since the last time."""
        effects, self._effects = tuple(self._effects), []
        return effects

    def put(self, task: str, **changes: Any) -> Standing:
        """Change a task's standing."""
        before = self.tasks[task].status
        self.tasks[task] = standing = replace(self.tasks[task], **changes)
        if isinstance(before, LandsByHand) and not self.waits_for_hand(self.tasks):
            self.by_hand = None  # its user has landed it, or it goes again
        if isinstance(standing.status, Built):
            self._built[task] = standing.status.at
        else:
            self._built.pop(task, None)
        return standing

    def put_contract(self, contract: ContractStanding) -> None:
        """Change a contract's standing."""
        self.contracts[contract.contract.id] = contract

    def put_batch(self, outcome: BatchOutcome, *, says: str) -> None:
        """Add a batch, or replace what was known of it, in the order in which they began."""
        self.batches = tuple({**{known.id: known for known in self.batches}, outcome.id: outcome}.values())
        self.tell(says, about=outcome.id)

    def move_to(self, tip: str | None) -> None:
        """The feature branch is there now: what was red on it where it was may be green."""
        if tip != self.tip:
            self.tip, self.base_red = tip, frozenset()

    def carry(self, tasks: Iterable[str]) -> None:
        """What is not part of this run has landed with what is."""
        tasks = tuple(tasks)
        self.kept_out -= set(tasks)
        self.outside |= {task: replace(self.outside[task], landed=True) for task in tasks if task in self.outside}

    def let_go(self, tasks: Iterable[str]) -> None:
        """What is not part of this run, and had landed, is not on the feature branch any more."""
        self.outside |= {task: replace(self.outside[task], landed=False) for task in tasks if task in self.outside}

    def block(self, blocked: Iterable[Blocked]) -> None:
        """Show what can no longer start."""
        for lost in blocked:
            reason = f"{lost.by} did not succeed"
            self.tell("blocked", about=lost.job, reason=reason)
            self.order(MarkTask(lost.job, "Blocked", reason))

    def lose(self, task: str) -> None:
        """A task that has not started never will: whatever needs it is blocked."""
        if self.dispatcher.state_of(task) is not TaskState.CANCELLED:
            self.block(self.dispatcher.settle(task, now=self.now, ok=False))

    def pause(self, by: str) -> None:
        """Let nothing start from now on."""
        self.paused_by, self.paused_at = by, self.now

    def resume(self) -> None:
        """Let things start again; the time between counts for nothing that waits for time to pass."""
        if self.paused_at is not None:
            self._paused_for += self.now - self.paused_at
            self.dispatcher.stand_still(self.paused_at, self.now)
        self.paused_by = self.paused_at = None
        for effect in self._put_off:
            self.order(effect)
        self._put_off = []

    def put_aside(self, task: str, *, restore: bool) -> None:
        """Have a task's old work moved away; it goes again once that is done.

        `restore`: where it cannot be moved, as somebody stands on its branch, the old work stands again.
        """
        standing = self.tasks[task]
        self._asides += 1
        built = isinstance(standing.status, Built | LandsByHand)
        wait = AsideWait(standing.commit or "", restore, built, standing.repair, self._asides)
        self.put(task, status=Waiting(), repair=None, waits={**standing.waits, wait: self.now})
        self._waiters.add(task)
        self.order(PutBranchAside(task, self.facts[task].branch, self._asides))

    def mend(self, task: str, commit: str) -> None:
        """Have what a person put on a task's branch looked at; until then nobody starts on it."""
        self._mends += 1
        self.mending[task] = effect = TakeRepair(task, self._mends, commit, self.tasks[task].commit or "")
        self._waiters.add(task)
        if self.paused_at is None:
            self.order(effect)
        else:
            self._put_off.append(effect)

    def wait_for_review(self, task: str, review: UnderReview) -> None:
        """A task has done its work, and waits for somebody to approve that: it gives the slot back, if it has one."""
        self.reviewing[task] = review
        self.put(task, status=Waiting())
        self._waiters.add(task)
        if self.dispatcher.state_of(task) is TaskState.RUNNING:
            self.block(self.dispatcher.requeue(task, now=self.now, worked=True))

    def next_review(self) -> int:
        """The number of a review that starts."""
        self._reviews += 1
        return self._reviews

    def close_question(self, task: str, says: str) -> None:
        """Nobody is asked about a task's work any more."""
        self.approvals = tuple(
            asked.model_copy(update={"answered_at": self.moment})
            if asked.is_work and asked.owner == task and asked.answered_at is None
            else asked
            for asked in self.approvals
        )
        self.order(CloseReview(task, says))

    def drop_review(self, task: str) -> bool:
        """Have a task's work read by nobody any more, as it goes again; whether it was to be read, or answered."""
        review = self.reviewing.pop(task, None)
        if review is not None and review.asks:
            self.close_question(task, "it is done again")
        return review is not None or (isinstance(self.tasks[task].status, Waiting) and bool(self.tasks[task].remarks))

    def stop(self, stop: Stop) -> None:
        """Let nothing start any more, nor wait for what was put off."""
        self.stopping = stop
        for effect in self._put_off:
            del self.mending[effect.task]
        self._put_off = []
        self.dispatcher.cancel_all()

    def add_waits(self, task: str, *waits: Wait) -> None:
        """Let a task that has a slot, and cannot start, wait for something: it gives the slot back."""
        self.put(task, status=Waiting(), waits={**dict.fromkeys(waits, self.now), **self.tasks[task].waits})
        self._waiters.add(task)
        self.block(self.dispatcher.requeue(task, now=self.now))

    def end_waits(self, *kinds: type, task: str | None = None) -> None:
        """What tasks (or one of them) wait for in this way is no more."""
        for name in (task,) if task else tuple(self._waiters):
            self._set_waits(name, {wait for wait in self.tasks[name].waits if not isinstance(wait, kinds)})

    def renew_waits(self) -> None:
        """Let everybody wait who has to, and nobody else: asked after each event.

        Who has never waited, reads nothing and needs no open contract is asked at its start alone, unless a role rests.
        """
        for job, task in self.reviews_of.items():
            self._renew_review(job, task)
        is_open = self.rests.is_of_concern or any(one.unapproved_owner for one in self.contracts.values())
        for task in self.facts if is_open else sorted({*self._readers, *self._waiters}):
            standing, state = self.tasks[task], self.dispatcher.state_of(task)
            starts = isinstance(standing.status, Waiting) and state in _NOT_STARTED
            # Old work that is being moved is moved to the end, whatever becomes of the task: it may be revived.
            waits = self._waits_of(task) if starts else self._moves_of(task)
            self._set_waits(task, set(waits))
            if starts and self.tasks[task].waits:
                self.dispatcher.hold(task)
                continue
            if not self.tasks[task].waits:
                self._waiters.discard(task)
            if state is TaskState.HELD:
                self.dispatcher.release(task, now=self.now)

    def _renew_review(self, job: str, task: str) -> None:
        """Let a review be dispatched while there is something to read and an agent that may."""
        review, state = self.reviewing.get(task), self.dispatcher.state_of(job)
        reads = review is not None and review.is_due and not self.rests.rests(self.facts[task].reviewer or "", self.now)
        if reads and state is TaskState.HELD:
            self.dispatcher.release(job, now=self.now)
        elif not reads and state in (TaskState.READY, TaskState.PENDING):
            self.dispatcher.hold(job)

    def _set_waits(self, task: str, waits: set[Wait]) -> None:
        standing = self.tasks[task]
        if waits == set(standing.waits):
            return
        waited = dict(standing.waited)
        for wait, since in standing.waits.items():
            if wait not in waits:
                waited[wait.kind] = waited.get(wait.kind, 0.0) + self.now - since
        kept = {wait: since for wait, since in standing.waits.items() if wait in waits}
        new = sorted(waits.difference(kept), key=repr)
        self.put(task, waits=kept | dict.fromkeys(new, self.now), waited=waited)
        if waits:
            self._waiters.add(task)

    # What a task waits for beside its needs: the one place.

    def _waits_of(self, task: str) -> Iterator[Wait]:
        yield from (wait for wait in self.tasks[task].waits if isinstance(wait, ConflictWait | AsideWait))
        yield from self.waits_before_start(task)

    def _moves_of(self, task: str) -> Iterator[Wait]:
        standing = self.tasks[task]
        yield from (wait for wait in standing.waits if isinstance(standing.status, Waiting) and wait.keeps_going)

    def waits_before_start(self, task: str) -> Iterator[Wait]:
        """What others have to do or say before a task can start, its needs aside."""
        standing, facts = self.tasks[task], self.facts[task]
        if (review := self.reviewing.get(task)) is not None:
            yield ReviewWait(review.commit)
            yield from self.rests.waits_of((facts.reviewer or "",) if review.is_due else (), self.now)
            return
        if task in self.mending:
            yield MendingWait(self.mending[task].commit)
        yield from self.rests.waits_of(() if facts.is_command else (facts.role, *facts.fallback), self.now)
        if not standing.reads_without:
            yield from (TextWait(source) for source in facts.information if self.may_publish(source))
        for name, contract in self.contracts.items():
            if contract.unapproved_owner is not None and self._needs_approved(facts, name, contract.unapproved_owner):
                yield ApprovalWait(name)

    def _needs_approved(self, task: TaskFacts, contract: str, owner: str) -> bool:
        """Whether a contract has to be approved before a task can start: of alternatives, another may be there.

        Example: it needs A or B. A has a draft that waits, and B is done: it does not wait.
        """
        groups, unapproved = (group for group in task.needs if owner in group), self.unapproved
        return contract in task.contracts or any(
            not any(self.has_succeeded(need) and need not in unapproved for need in group) for group in groups
        )

    def may_publish(self, source: str) -> bool:
        """Whether a task may still give a text that others want to read."""
        standing = self.tasks.get(source)
        if standing is None or standing.commit is not None:
            return False
        if isinstance(standing.status, Waiting):
            return self.dispatcher.state_of(source) in _NOT_STARTED
        return isinstance(standing.status, Preparing | Working)

    # What follows.

    @property
    def rules(self) -> LandingRules:
        """What holds for finished branches now."""
        return LandingRules(self, self.manifest.phases)

    @property
    def unapproved(self) -> frozenset[str]:
        """Tasks that must not land, nor what rests on them."""
        owners = (contract.unapproved_owner for contract in self.contracts.values())
        return self.kept_out.union(owner for owner in owners if owner is not None)

    @property
    def run_time(self) -> float:
        """Seconds since the epoch without those in which the run was paused."""
        return (self.now if self.paused_at is None else self.paused_at) - self._paused_for

    def clock_time(self, run_time: float) -> float:
        """When such a moment comes if the run is not paused until then."""
        return run_time + self._paused_for

    @property
    def moment(self) -> datetime:
        """When the last event was heard."""
        return moment(self.now)

    def waiting_for(self, wait: Wait) -> tuple[str, ...]:
        """The tasks that wait for this, in the order of the plan."""
        return tuple(task for task, standing in self.tasks.items() if wait in standing.waits)

    @property
    def built(self) -> dict[str, float]:
        """Branches that are finished and not landed, each since when."""
        return dict(self._built)

    @property
    def landed(self) -> tuple[str, ...]:
        """All tasks that have landed, in this run or before it."""
        before = (task for task, work in self.outside.items() if work.landed)
        return (*before, *(task for task, standing in self.tasks.items() if isinstance(standing.status, Landed)))

    def is_part(self, task: str) -> bool:
        """Whether a task is part of this run."""
        return task in self.tasks

    def rests_on(self, task: str) -> tuple[str, ...]:
        """The tasks whose commits those of a task contain."""
        return self.tasks[task].rests_on if task in self.tasks else self.outside[task].rests_on

    def behind(self, task: str) -> tuple[str, ...]:
        """The tasks of which the commits of a task hold a rejected version alone, as an earlier run left it.

        What a person has put above that holds it as well.
        """
        work, standing = self.manifest.earlier.get(task), self.tasks.get(task)
        return work.behind if work and (standing is None or not standing.starts) else ()

    def why_held(self, task: str, by: str) -> str:
        """In words, what a finished branch waits for."""
        return self.rules.why_held(task, by, phase=self.facts[task].phase)

    def has_succeeded(self, task: str) -> bool:
        """Whether others may rest on its work: it is finished, and not being repaired or rejected."""
        standing = self.tasks.get(task)
        if standing is None:
            return task in self.outside
        return isinstance(standing.status, Built | LandsByHand | Landed)

    def is_unread(self, task: str) -> bool:
        """Whether a task's work is there, and waits for its review or for what answers one."""
        return task in self.reviewing or (task in self.tasks and self.tasks[task].remarks is not None)

    def needs_are_met(self, task: str) -> bool:
        """Whether of each group of needs one has succeeded."""
        return all(any(map(self.has_succeeded, group)) for group in self.facts[task].needs)

    def commit_of(self, task: str) -> str | None:
        """The commit of a task that has succeeded; nothing where it changed nothing."""
        return self.tasks[task].commit if task in self.tasks else self.outside[task].commit

    def commits_of(self, tasks: Iterable[str]) -> tuple[str, ...]:
        """The commits of those that have any."""
        return tuple(commit for task in tasks if (commit := self.commit_of(task)))

    def resting(self, task: str) -> tuple[str, ...]:
        """The tasks whose commits it would start from now.

        Of alternatives the first that may land; of a need that changed nothing, those that it rests on.
        Example: C needs A or B; A waits for a person, B is finished: `("B",)`.
        """
        rules, resting = self.rules, dict[str, None]()
        for group in self.facts[task].needs:
            there = [need for need in group if self.has_succeeded(need)]
            sound = [need for need in there if need not in rules.held and need not in self.unapproved]
            for need in (sound or there)[:1]:
                resting |= dict.fromkeys((need,) if self.commit_of(need) else self.rests_on(need))
        return tuple(resting)

    def is_waiting_for_person(self) -> bool:
        """Whether a person has to say something before the run can end."""
        if any(review.asks and self.is_wanted(task) for task, review in self.reviewing.items()):
            return True
        return any(self._keeps_waiting(name, contract) for name, contract in self.contracts.items())

    def is_wanted(self, task: str) -> bool:
        """Whether a task's work may still land in this run: nothing that it needs has failed."""
        return self.dispatcher.state_of(task) is not TaskState.BLOCKED

    def _keeps_waiting(self, name: str, contract: ContractStanding) -> bool:
        """Whether anything of this run waits for a draft: its owner's work, or what would start from it."""
        if contract.asks is None:
            return False
        if contract.asks in self.tasks:
            return self.has_succeeded(contract.asks)
        return bool(self.waiting_for(ApprovalWait(name)))

    def goes_on(self) -> bool:
        """Whether anything runs, may start, may land, or is being done; texts that are waited for aside."""
        waits = (self.tasks[task].waits for task in self._waiters)
        return self.goes_on_beside_accounts() or any(map(self.rests.may_wait, waits))

    def goes_on_beside_accounts(self) -> bool:
        """The same, of all but what waits for an account."""
        if self.in_work or self.explaining or self.mending or not self.dispatcher.is_over:
            return True
        if any(one.writing for one in self.contracts.values()):
            return True
        if any(wait.keeps_going for task in self._waiters for wait in self.tasks[task].waits):
            return True
        return self.may_integrate() or self.is_waiting_for_person()

    def waits_for_hand(self, tasks: Iterable[str]) -> bool:
        """Whether anything of these is ready, and its user has to land it."""
        return any(isinstance(self.tasks[task].status, LandsByHand) for task in tasks if task in self.tasks)

    def may_integrate(self) -> bool:
        """Whether a batch can form from what is finished, sooner or later."""
        if self.trouble is not None or self.by_hand is not None:
            return False
        rules = self.rules
        return bool(self.fit_to_land(rules)) or bool(self.parts_to_merge(rules))

    @property
    def taken(self) -> frozenset[str]:
        """The tasks whose branches are in a batch that is in work."""
        return frozenset(branch.task for order in self.in_work.values() for branch in order.branches)

    @property
    def suspects(self) -> frozenset[str]:
        """Finished branches that did not land with their batch, while it is looked into why."""
        orders = self.explaining.values()
        return frozenset(branch.task for order in orders for branch in order.branches if branch.task in self._built)

    def fit_to_land(self, rules: LandingRules) -> tuple[str, ...]:
        """The finished branches that may land and are in no batch; none while just these were red on a red base."""
        taken, out = self.taken, set(self.suspects)
        tasks = tuple(task for task in rules.built if task not in rules.held and task not in taken)
        while more := [task for task in tasks if task not in out and not out.isdisjoint(rules.needs_of(task))]:
            out |= set(more)  # it would bring a suspect's commits along
        tasks = tuple(task for task in tasks if task not in out)
        return () if self.base_red and self.as_they_are(tasks) in self.base_red else tasks

    def parts_to_merge(self, rules: LandingRules) -> tuple[str, ...]:
        """What is merged, and cannot land, to settle conflicts that tasks wait for; the same is not merged again."""
        waits = (wait for task in self.waiters(ConflictWait) for wait in self.tasks[task].waits)
        clashing = [task for wait in waits if isinstance(wait, ConflictWait) for task in wait.between]
        parts = rules.parts_to_merge(clashing) if clashing else ()
        return () if self.as_they_are(parts) in self.merged else parts

    def as_they_are(self, tasks: Iterable[str]) -> frozenset[tuple[str, str | None]]:
        """These tasks with their commits."""
        return frozenset((task, self.tasks[task].commit) for task in tasks)

    def waiters(self, kind: type[Wait]) -> list[str]:
        """The tasks that wait for anything of this kind."""
        waiters = (task for task in self._waiters if any(isinstance(wait, kind) for wait in self.tasks[task].waits))
        return sorted(waiters)
