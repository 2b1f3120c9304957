"""Which finished branches may land, and what the others wait for: one answer for the loop, the page and the report."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Protocol


class OutsideWork(Protocol):
    """A task that earlier runs have finished and that is not part of this one."""

    @property
    def landed(self) -> bool: ...
    @property
    def rests_on(self) -> tuple[str, ...]: ...


class Works(Protocol):
    """What is known of the work of a run."""

    @property
    def built(self) -> Mapping[str, float]:
        """Branches of the run that are finished and not landed, each since when."""
        ...

    @property
    def outside(self) -> Mapping[str, OutsideWork]: ...
    @property
    def landed(self) -> Collection[str]:
        """Tasks that have landed, in this run or before it."""
        ...

    @property
    def unapproved(self) -> Collection[str]:
        """Tasks that must not land, nor what rests on them: a person has not approved their contract, or they rest on
        an old version and are not part of this run."""
        ...

    def is_part(self, task: str) -> bool:
        """Whether a task is part of the run."""
        ...

    def rests_on(self, task: str) -> tuple[str, ...]:
        """The tasks whose commits those of a task contain."""
        ...

    def behind(self, task: str) -> tuple[str, ...]:
        """Those of them that were repaired since: its commits hold what was rejected alone."""
        ...

    def has_succeeded(self, task: str) -> bool:
        """Whether its work is on the feature branch, or finished on its own."""
        ...


@dataclass(frozen=True)
class LandingRules:
    """What holds for the branches of a run as they stand now."""

    works: Works
    phases: Sequence[tuple[str, ...]]
    """The tasks of each, also those that are not part of the run."""

    @cached_property
    def built(self) -> Mapping[str, float]:
        """Branches that are finished and not landed, each since when."""
        return self.works.built

    @cached_property
    def _unapproved(self) -> frozenset[str]:
        return frozenset(self.works.unapproved)

    @cached_property
    def held(self) -> dict[str, str]:
        """Finished branches that must not land yet, each with the task that it waits for.

        That is a need, or in a phase any other of its tasks, which then need only be unfinished. Example: B rests on A,
        and A was rejected: `{"B": "A"}`. Of the phase (C, D) only C is finished: `{"C": "D"}`.
        """
        if not self.phases:
            return self.held_by_needs
        held, landed = dict(self.held_by_needs), set(self.works.landed)
        brings = {task: (task, *self.carried(task)) for task in self.built}
        while True:
            free = [task for task in self.built if task not in held]
            coming = landed.union(*(brings[task] for task in free))
            lacks = [(set(phase), next((task for task in phase if task not in coming), None)) for phase in self.phases]
            back = {task: by for task in free if (by := self._waits_for(task, brings[task], lacks, held)) is not None}
            if not back:
                return held
            held |= back

    def _waits_for(
        self, task: str, brings: Collection[str], lacks: Iterable[tuple[set[str], str | None]], held: Collection[str]
    ) -> str | None:
        """What keeps a branch: what is lacking of a phase of which it brings a part, or a need that is held."""
        mates = (mate for phase, mate in lacks if mate is not None and not phase.isdisjoint(brings))
        return next(chain(mates, (need for need in self.needs_of(task) if need in held)), None)

    @cached_property
    def held_by_needs(self) -> dict[str, str]:
        """Those of them that would wait if there were no phases.

        Followed from the needs to what rests on them, each once: asked at every tick, and paths in a graph are many.
        """
        resting: dict[str, list[str]] = {}
        for task, needs in self._unlanded():
            for need in needs:
                resting.setdefault(need, []).append(task)
        held = {task: task for task in self.built if task in self._unapproved}
        held |= dict(self._outrun())
        causes = [*held, *(need for need in resting if not self._may_land(need))]
        while causes:
            cause = causes.pop()
            for task in resting.get(cause, ()):
                if task not in held:
                    held[task] = cause
                    causes.append(task)
        return {task: cause for task, cause in held.items() if task in self.built}

    def parts_to_merge(self, clashing: Iterable[str]) -> tuple[str, ...]:
        """These tasks, with what they rest on, if all of it waits for its phase alone.

        Perhaps just what would start from them is lacking there. It cannot land, but a conflict among it can be found
        and repaired.
        """
        path = [task for task in dict.fromkeys(clashing) if self.works.is_part(task)]
        parts = dict.fromkeys(path)
        for task in path:
            new = [need for need in self.needs_of(task) if need not in parts]
            parts |= dict.fromkeys(new)
            path += new
        wanted = [task for task in parts if task in self.built]
        waiting = tuple(task for task in wanted if task in self.held and task not in self.held_by_needs)
        return () if len(waiting) < len(wanted) else waiting

    def needs_of(self, task: str) -> tuple[str, ...]:
        """The tasks of this run whose branches a branch rests on, also through what it carries."""
        carried = self.carried(task) if self.works.outside else ()
        needs = (need for branch in (task, *carried) for need in self.works.rests_on(branch))
        return tuple(dict.fromkeys(need for need in needs if self.works.is_part(need)))

    def groups_of(self, branches: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        """The phases, each with those of the branches that would bring a part of it along."""
        carried = [(task, self.carried(task)) for task in branches if self.works.outside]
        return tuple(
            (*phase, *(task for task, tasks in carried if task not in phase and not set(phase).isdisjoint(tasks)))
            for phase in self.phases
        )

    def why_held(self, task: str, by: str, *, phase: str | None) -> str:
        """In words, what a finished branch waits for, or waited for in vain; `phase`: the one that it is part of."""
        if by == task:
            return "held back, what it rests on was not approved or is done anew"
        together = phase is not None and any(task in group and by in group for group in self.phases)
        whole = f": the phase {phase} lands whole or not at all" if together else ""
        absent = "" if self.works.is_part(by) else ", which is not part of this run"
        return f"held back with {by}{absent}{whole}"

    def carried(self, task: str) -> tuple[str, ...]:
        """The tasks outside this run that have not landed, and that would land with this one's branch."""
        carried, path = dict[str, None](), list(self.works.rests_on(task))
        while path:
            need = path.pop()
            work = self.works.outside.get(need)
            if work is not None and not work.landed and need not in carried:
                carried[need] = None
                path += work.rests_on
        return tuple(carried)

    def _may_land(self, need: str) -> bool:
        """Whether a task's work is on the feature branch, or may come there with what rests on it."""
        return need not in self._unapproved and self.works.has_succeeded(need)

    def _unlanded(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The finished branches that have not landed, each with what it rests on; those outside come with others."""
        for task in self.built:
            yield task, self.works.rests_on(task)
        for task, work in self.works.outside.items():
            if not work.landed:
                yield task, work.rests_on

    def _outrun(self) -> Iterator[tuple[str, str]]:
        """The branches that hold a rejected version of what is not part of the run, each with the task of that.

        They would bring it without its repair, which is on a branch that comes with nobody.
        """
        for task in (*self.built, *self.works.outside):
            for need in self.works.behind(task):
                work = self.works.outside.get(need)
                if work is not None and not work.landed:
                    yield task, need
