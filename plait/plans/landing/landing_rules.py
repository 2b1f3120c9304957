"""Which finished branches may land, and what the others wait for: one answer for the loop, the page and the report."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from plait.plans.language.phases import absent_from, held_back


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

    def has_succeeded(self, task: str) -> bool:
        """Whether its work is on the feature branch, or finished on its own."""
        ...


class _Resting(NamedTuple):
    """A finished branch, and the tasks of the run that it rests on."""

    task: str
    needs: tuple[str, ...]


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
        branches = [_Resting(task, self.needs_of(task)) for task in self.built]
        lacking = absent_from(self.phases, here=self.built, landed=set(self.works.landed))
        back = held_back(branches, left_out={*self.held_by_needs, *lacking}, groups=self.phases)
        return self.held_by_needs | back

    @cached_property
    def held_by_needs(self) -> dict[str, str]:
        """Those of them that would wait if there were no phases, or that would bring a part of another phase with them.

        Followed from the needs to what rests on them, each once: asked at every tick, and paths in a graph are many.
        """
        resting: dict[str, list[str]] = {}
        for task, needs in self._unlanded():
            for need in needs:
                resting.setdefault(need, []).append(task)
        held = {task: task for task in self.built if task in self._unapproved}
        held |= self._splitting()
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
        """The tasks of this run whose branches a branch rests on."""
        return tuple(need for need in self.works.rests_on(task) if self.works.is_part(need))

    def why_held(self, task: str, by: str, *, phase: str | None) -> str:
        """In words, what a finished branch waits for, or waited for in vain; `phase`: the one that it is part of."""
        if by == task:
            return "held back, what it rests on was not approved"
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

    def _splitting(self) -> dict[str, str]:
        """Finished branches that would bring a part of a phase with them, each with a task of the phase that is left.

        Only what is finished outside this run comes so: what is part of it waits for its phase itself.
        """
        if not self.works.outside:
            return {}
        landed, splitting = set(self.works.landed), dict[str, str]()
        for task in self.built:
            with_it = {task, *self.carried(task)}
            parts = (group for group in self.phases if (with_it - {task}).intersection(group))
            left = next((mate for group in parts for mate in group if mate not in with_it | landed), None)
            if left is not None:
                splitting[task] = left
        return splitting
