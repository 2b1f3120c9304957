"""Which finished branches may land, and what the others wait for: one answer for the loop, the page and the report."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from plait.plans.journal.manifest import EarlierWork, Manifest, TaskFacts
from plait.plans.landing.batching import Due, FinishedBranch, NotYet, next_batch
from plait.plans.language.phases import waiting_for
from plait.plans.run.statuses import Built, Landed, LandsByHand, Standing
from plait.plans.tasks.work import Candidate


@dataclass(frozen=True)
class LandingRules:
    """What holds for the branches of a run as they stand now."""

    manifest: Manifest
    facts: Mapping[str, TaskFacts]
    standings: Mapping[str, Standing]
    built: Mapping[str, float]
    """Branches that are finished and not landed, each since when."""
    unapproved: frozenset[str]
    """Tasks that must not land, nor what rests on them: a person has not approved their contract, or they rest on an
    old version and are not part of this run."""

    @cached_property
    def landed(self) -> tuple[str, ...]:
        """All tasks that have landed, in this run or before it."""
        before = (task for task, work in self._outside() if work.landed)
        return (*before, *(task for task, one in self.standings.items() if isinstance(one.status, Landed)))

    @cached_property
    def held(self) -> dict[str, str]:
        """Finished branches that must not land yet, each with the task that it waits for.

        That is a need, or in a phase any other of its tasks, which then need only be unfinished. Example: B rests on A,
        and A was rejected: `{"B": "A"}`. Of the phase (C, D) only C is finished: `{"C": "D"}`.
        """
        if not self.manifest.phases:
            return self.held_by_needs
        resting = {task: self.needs_of(task) for task in self.built}
        return waiting_for(resting, landed=set(self.landed), groups=self.manifest.phases, held=self.held_by_needs)

    @cached_property
    def held_by_needs(self) -> dict[str, str]:
        """Those of them that would wait if there were no phases, or that would bring a part of another phase with them.

        Followed from the needs to what rests on them, each once: asked at every tick, and paths in a graph are many.
        """
        resting: dict[str, list[str]] = {}
        for task, needs in self._unlanded():
            for need in needs:
                resting.setdefault(need, []).append(task)
        held = {task: task for task in self.built if task in self.unapproved}
        held |= self._splitting()
        causes = [*held, *(need for need in resting if not self._may_land(need))]
        while causes:
            cause = causes.pop()
            for task in resting.get(cause, ()):
                if task not in held:
                    held[task] = cause
                    causes.append(task)
        return {task: cause for task, cause in held.items() if task in self.built}

    def due(self, *, running: int, now: float) -> Due | NotYet:
        """Whether a batch forms now (SEMANTICS, Batches); `running` is how many agents it could wait for."""
        return self._due((task for task in self.built if task not in self.held), running=running, now=now)

    def due_parts(self, parts: Iterable[str], *, now: float) -> Due | NotYet:
        """The same for what can only be merged, to find conflicts: nobody is waited for."""
        return self._due(parts, running=0, now=now)

    def _due(self, tasks: Iterable[str], *, running: int, now: float) -> Due | NotYet:
        branches = [
            FinishedBranch(task, self.built[task], self.needs_of(task), self.facts[task].merge_priority)
            for task in tasks
        ]
        return next_batch(branches, running=running, ready=self.manifest.ready, wait=self.manifest.wait, now=now)

    def parts_to_merge(self, parked: Iterable[str]) -> tuple[str, ...]:
        """What parked tasks need and what waits for its phase alone, for which perhaps just they are lacking.

        It cannot land, but a conflict among it can be found and repaired.
        """
        path = list(parked)
        parts = dict.fromkeys(path)
        for task in path:
            new = [need for need in self.needs_of(task) if need not in parts]
            parts |= dict.fromkeys(new)
            path += new
        wanted = [task for task in parts if task in self.built]
        waiting = tuple(task for task in wanted if task in self.held and task not in self.held_by_needs)
        return () if len(waiting) < len(wanted) else waiting

    def candidate(self, task: str) -> Candidate:
        """A finished branch as a batch takes it."""
        facts, standing = self.facts[task], self.standings[task]
        return Candidate(
            task=task,
            tip=standing.commit or "",
            needs=self.needs_of(task),
            title=facts.title,
            ref=f"refs/heads/{facts.branch}",
            carries=self._carried(task),
        )

    def needs_of(self, task: str) -> tuple[str, ...]:
        """The tasks of this run whose branches a branch rests on."""
        return tuple(need for need in self.standings[task].rests_on if need in self.standings)

    def why_held(self, task: str, by: str) -> str:
        """In words, what a finished branch waits for, or waited for in vain."""
        if by == task:
            return "held back, what it rests on was not approved"
        phase = self.facts[task].phase
        together = phase is not None and any(task in group and by in group for group in self.manifest.phases)
        whole = f": the phase {phase} lands whole or not at all" if together else ""
        absent = "" if by in self.standings else ", which is not part of this run"
        return f"held back with {by}{absent}{whole}"

    def _outside(self) -> Iterator[tuple[str, EarlierWork]]:
        return ((task, work) for task, work in self.manifest.earlier.items() if task not in self.standings)

    def _carried(self, task: str) -> tuple[str, ...]:
        """The tasks outside this run that have not landed, and that would land with this one's branch."""
        carried, path = dict[str, None](), list(self.standings[task].rests_on)
        while path:
            need = path.pop()
            work = None if need in self.standings else self.manifest.earlier.get(need)
            if work is not None and not work.landed and need not in carried:
                carried[need] = None
                path += work.rests_on
        return tuple(carried)

    def _may_land(self, need: str) -> bool:
        """Whether a task's work is on the feature branch, or may come there with what rests on it."""
        if need in self.unapproved:
            return False
        standing = self.standings.get(need)
        if standing is None:
            return need in self.manifest.earlier
        return isinstance(standing.status, Built | Landed | LandsByHand)

    def _unlanded(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The finished branches that have not landed, each with what it rests on; those outside come with others."""
        for task in self.built:
            yield task, self.standings[task].rests_on
        for task, work in self._outside():
            if not work.landed:
                yield task, work.rests_on

    def _splitting(self) -> dict[str, str]:
        """Finished branches that would bring a part of a phase with them, each with a task of the phase that is left.

        Only what is finished outside this run comes so: what is part of it waits for its phase itself.
        """
        if not self.manifest.phases or not any(True for _ in self._outside()):
            return {}
        landed, splitting = set(self.landed), dict[str, str]()
        for task in self.built:
            with_it = {task, *self._carried(task)}
            parts = (group for group in self.manifest.phases if (with_it - {task}).intersection(group))
            left = next((mate for group in parts for mate in group if mate not in with_it | landed), None)
            if left is not None:
                splitting[task] = left
        return splitting
