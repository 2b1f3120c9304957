"""Verifying exact trees in reused slots, a few at a time, each tree once."""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from plait.plans.language.default_limits import LONGEST, SILENCE
from plait.plans.language.verify_stages import Check, commands_in, commands_of_check
from plait.plans.quality.affected import unaffected
from plait.plans.quality.known_reds import RedCommand
from plait.plans.quality.tests_alone import with_tests_alone
from plait.workspace.checkouts import naming_full_disk
from plait.workspace.clone_git import NO_SURROUNDINGS, Surroundings
from plait.workspace.control import Control
from plait.workspace.copied_files import NO_FILES, CopiedFiles
from plait.workspace.errors import GitFailed, SubmoduleMissing
from plait.workspace.learned_times import LearnedTimes
from plait.workspace.ports import lease_ports
from plait.workspace.preparation import Prepared, SetUpTrial, prepare, try_twice
from plait.workspace.process import Limits
from plait.workspace.short_paths import short_path
from plait.workspace.stage_runs import StageRuns, StageVerdict, outcome_of, unaffected_verdict
from plait.workspace.submodules import fill_submodules
from plait.workspace.verdicts import Memory, Verification, key_of
from plait.workspace.verification_slots import Slot
from plait.workspace.warm_caches import WarmCaches

__all__ = ["Verification", "Verifier"]


class Verifier:
    """Runs the commands of a plan on trees; one for a run, for any number of threads."""

    def __init__(
        self,
        control: Control,
        *,
        place: Path,
        commands: Sequence[Check],
        setup: Sequence[str] = (),
        setup_inputs: Sequence[str] = (),
        submodules: bool = False,
        make_ready: Callable[[SetUpTrial], str | None] = try_twice,
        cache: Path,
        home: Path | None = None,
        environment: Mapping[str, str],
        timeout: float | None = None,
        slots: int = 1,
        logs: Path,
        surroundings: Surroundings = NO_SURROUNDINGS,
        variables: Sequence[str] = (),
        copied: CopiedFiles = NO_FILES,
        keeps_set_up: bool = False,
        set_up_values: Sequence[str] = (),
    ) -> None:
        """Get ready; nothing is written before the first tree.

        Args:
            place: A directory for the slots, of this run alone.
            commands: Shell commands, or stages of some, that must succeed, in this order.
            setup: Commands that make a fresh slot ready; their result is reused by the content of `setup_inputs`.
            submodules: Whether the files of submodules are put into a slot before that.
            make_ready: Carries `setup` out in a slot, unless it knows already that it fails; why it does, or nothing.
            cache: Where prepared results are kept.
            home: PLAIT_HOME, to lease each verification ports of its own (`PLAIT_PORT`); without it there are none.
            environment: All variables of the commands; `PLAIT_SLOT` (from 1) and `TMPDIR` are added.
            timeout: Seconds that one verification may take, its set-up not counted; a day when absent, and then no
                command may be silent for two hours.
            slots: How many verifications run at the same time.
            logs: The directory of the logs.
            surroundings: What the git of a slot knows of the user's repository.
            variables: What a verdict depends on beside the tree, the commands and the set-up.
            copied: Files beside those of a tree.
            keeps_set_up: Whether checkouts may use what the set-up made: of base alone, where no branch's code runs.
            set_up_values: Variables with a value that `setup` is given: what it made with others is not reused.
        """
        self._control = control
        self._commands = tuple(filter(commands_of_check, commands))
        self._setup, self._setup_inputs, self._cache = tuple(setup), tuple(setup_inputs), cache
        self._submodules, self._make_ready = submodules, make_ready
        self._environment, self._timeout, self._logs, self._home = dict(environment), timeout, logs, home
        self.copied, self._set_up_variables = copied, surroundings.for_set_ups
        self._slots: queue.SimpleQueue[_Place] = queue.SimpleQueue()
        for number in range(1, slots + 1):
            own = place / f"slot-{number}"
            caches = WarmCaches(own.with_name(f"{own.name}-caches"))
            self._slots.put(_Place(number, Slot(control, own, surroundings), caches))
        self._times = LearnedTimes(control.directory / "verified" / "times")
        self._variables = tuple(variables)
        """Verdicts are remembered apart for each set of them; `also` adds to it."""
        self._keeps_set_up, self._set_up_values = keeps_set_up, tuple(set_up_values)
        self._since: tuple[str, str] | None = None
        self._left_out = frozenset[int]()
        self._known: tuple[RedCommand, ...] = ()
        """What is red on base, and does not count."""
        self._survey = False
        self._arguments: tuple[str, ...] = ()
        """What commands know as `$@`."""
        self._collect: Callable[[Slot], None] | None = None
        """Called after a green run, before the slot is used again."""
        self._memories: dict[str, Memory] = {}
        """Of this one and of all that come of it."""
        self._memory = self._memory_of_its_own()
        self._wider: dict[tuple[object, ...], Verifier] = {}
        """What came of this one, by what is other there."""

    @property
    def variables(self) -> tuple[str, ...]:
        """What a verdict depends on beside the tree, the commands and the set-up."""
        return self._variables

    def _memory_of_its_own(self) -> Memory:
        """What is known of trees by these commands, this set-up and these variables, where this does not count."""
        known = [part for red in self._known for part in (red.stage, red.command, *red.failing, str(red.timed_out))]
        return self._memory_with(*([["survey"]] if self._survey else []), *([["known", *known]] if known else []))

    def _memory_with(self, *more: Sequence[str]) -> Memory:
        commands = commands_in(check for at, check in enumerate(self._commands) if at not in self._left_out)
        variables = [self._variables] if self._variables else []
        filled = [["submodules"]] if self._submodules else []
        key = key_of(commands, self._setup, self._setup_inputs, *variables, *filled, *more)
        return self._memories.setdefault(key, Memory(self._control.directory / "verified" / key))

    def _with(self, key: tuple[object, ...], **changed: object) -> "Verifier":
        """The same with these attributes, in the same slots; of two threads, both get the first one's."""
        if key not in self._wider:
            other = copy(self)
            for name, value in changed.items():
                setattr(other, name, value)
            other._memory, other._wider = other._memory_of_its_own(), {}
            self._wider.setdefault(key, other)
        return self._wider[key]

    def also(self, commands: Sequence[Check], *, environment: Mapping[str, str]) -> "Verifier":
        """The one that runs further commands after these, in the same slots; with nothing to add, this one.

        Args:
            environment: Further variables, for all of its commands; verdicts are remembered apart for each set.
        """
        added = tuple(command for command in commands if command not in self._commands)
        if not commands:
            return self
        variables = tuple(f"{name}={value}" for name, value in sorted(environment.items()))
        return self._with(
            ("also", added, variables),
            _commands=(*self._commands, *added),
            _environment={**self._environment, **environment},
            _variables=(*self._variables, *variables),
        )

    def since(self, before: str, after: str) -> "Verifier":
        """The one that runs only the stages which the change between two trees affects.

        It runs the same ones on every tree, `before` included: the search of a red batch compares runs of the same
        stages. On a tree that differs from `before` in other paths, too, it runs what that affects as well.
        """
        if all(isinstance(check, str) or not check.paths for check in self._commands):
            return self
        return self._with(("since", before, after), _since=(before, after))

    def surveying(self) -> "Verifier":
        """The one that runs all commands, also after a red one: to know all that is red on a base."""
        return self._with(("survey",), _survey=True)

    def forgiving(self, known: tuple[RedCommand, ...]) -> "Verifier":
        """The one to which this is not red: it runs on after that, and a tree with nothing else that is red is green.

        Args:
            known: What `surveying` saw on base; with nothing of it, this one.
        """
        return self._with(("forgiving", known), _known=known) if known else self

    def _affected_in(self, tree: str) -> "Verifier":
        """The one that runs what the change affects, and what else differs in this tree."""
        if self._since is None:
            return self
        before, after = self._since
        pairs = {(before, after), (before, tree)}
        changed = frozenset(path for pair in pairs for path in self._control.store.changed_paths(*pair))
        left_out = unaffected(self._commands, changed, setup_inputs=self._setup_inputs)
        return self._with(("affected", left_out), _since=None, _left_out=left_out) if left_out else self

    def verify(
        self, tree: str, *, at: str | None = None, stop: threading.Event | None = None, again: bool = False
    ) -> Verification:
        """Verify a tree, or remember what came of it; waits for a free slot, and for another thread with the same tree.

        A verification that times out, or that this machine got in the way of, is run again once. `again`: it is run
        whatever is remembered, to see whether the same comes of it; a green that was seen once stays remembered. Where
        a red one named its tests, these are run alone first: red again is told at once, green only of a whole run.

        Args:
            at: The commit with this tree that the slot's HEAD names, where there is one: builds ask git for a version.

        Raises:
            DiskFull: no space for the files or the log.
            EnvironmentProblem: no process can be started.
        """
        if not self._commands:
            return Verification(tree, "green", unverified=True)
        if (narrower := self._affected_in(tree)) is not self:
            whole = self._memory.recall(tree)
            known_green = whole is not None and whole.green and not again
            return whole if whole is not None and known_green else narrower.verify(tree, at=at, stop=stop, again=again)
        if len(self._left_out) == len(self._commands):
            stages = tuple(map(unaffected_verdict, self._commands))
            return self._memory.note(Verification(tree, "green", remembered=True, stages=stages))
        lock = self._memory.lock_of(tree)
        if not _obtained(lambda seconds: lock.acquire(timeout=seconds), stop):
            return Verification(tree, "cancelled")
        try:
            known = self._memory.recall(tree) or self._wholly_green(tree)
            if known is None or again:
                known = self._verify(tree, stop, at) if known is None else self._repeat(known, stop, at)
                self._keep(known)
            return known
        finally:
            lock.release()

    def _wholly_green(self, tree: str) -> Verification | None:
        """What is green whatever is red on base; nothing where that is not known."""
        seen = self._memory_with().recall(tree) if self._known or self._survey else None
        return seen if seen is not None and seen.green else None

    def _keep(self, seen: Verification) -> None:
        """Remember a verdict, and what it says to others: a tree that lands is the next batch's base."""
        self._memory.keep(seen)
        if not seen.green or not (self._known or self._survey):
            return
        if not seen.reds:
            self._memory_with().keep(seen)
        elif not self._left_out:
            self._memory_with(["survey"]).keep(replace(seen, outcome="red"))

    def run_once(
        self,
        tree: str,
        command: str,
        arguments: Sequence[str],
        *,
        collect: Callable[[Slot], None],
        stop: threading.Event | None = None,
    ) -> Verification:
        """Run one command on a tree as those of the plan are run, its set-up first; nothing is remembered.

        Args:
            arguments: What the command knows as `$@`.
            collect: Called where it succeeded, before the slot is used again.

        Raises:
            As `verify`.
        """
        only = copy(self)
        only._commands, only._arguments = (command,), tuple(arguments)
        only._left_out, only._collect = frozenset(), collect
        return only._verify(tree, stop, None, cold=True)

    def recall(self, tree: str) -> Verification | None:
        """What came of a tree, here or in one that came of this one; nothing is run."""
        known = [self._memory.recall(tree), *(other.recall(tree) for other in tuple(self._wider.values()))]
        seen = [verdict for verdict in known if verdict is not None]
        return min(seen, key=lambda verdict: (not verdict.green, verdict.unaffected), default=None)

    def keep_red(self, tree: str, words: str) -> None:
        """Remember for the next runs what is red on a tree that they start from; a verdict is none of it."""
        self._memory.keep_red(tree, words)

    def known_red(self, tree: str) -> str | None:
        """What an earlier run found red there within the day, where that is all that is known."""
        return self._memory.known_red(tree)

    def _verify(self, tree: str, stop: threading.Event | None, at: str | None, *, cold: bool = False) -> Verification:
        started = time.monotonic()
        verdict = self._in_a_slot(tree, stop, at, cold=cold)
        if verdict.outcome in ("timeout", "infrastructure"):
            verdict = self._in_a_slot(tree, stop, at, cold=True)
        return replace(verdict, seconds=time.monotonic() - started)

    def _repeat(self, seen: Verification, stop: threading.Event | None, at: str | None) -> Verification:
        """Run a tree once more, on cold caches: what was red because of what they held is not red then."""
        alone = with_tests_alone(self._commands, seen.command, seen.failing) if seen.outcome == "red" else None
        if alone is not None:
            started = time.monotonic()
            again = copy(self)
            again._commands = alone
            repeated = again._in_a_slot(seen.tree, stop, at, cold=True)
            if repeated.outcome in ("red", "cancelled"):
                seconds = time.monotonic() - started
                return replace(repeated, command=seen.command, stages=seen.stages, seconds=seconds)
        return self._verify(seen.tree, stop, at, cold=True)

    def _in_a_slot(
        self, tree: str, stop: threading.Event | None, at: str | None, *, cold: bool = False
    ) -> Verification:
        with self._slot(stop) as free:
            if free is None:
                return Verification(tree, "cancelled")
            taken, slot = replace(free, cold=cold), free.slot
            if cold:
                taken.caches.drop()
            try:
                directory = slot.restore(at or tree)
                written = self._control.store.ask("write-tree", index=directory / ".git" / "index").text
            except GitFailed as failure:
                return Verification(tree, "infrastructure", tail=str(failure))
            if written != tree:
                return Verification(tree, "infrastructure", tail=f"the slot holds {written} in place of {tree}")
            try:
                self._fill(directory, tree)
            except SubmoduleMissing as missing:  # those of base were got when the run began
                return Verification(tree, "red", "filling submodules", str(missing))
            variables = {"TMPDIR": str(short_path(slot.temporary, self._home)), "PLAIT_SLOT": str(taken.number)}
            with nullcontext() if self._home is None else lease_ports(self._home) as port:
                ports = {} if port is None else {"PLAIT_PORT": str(port)}
                trial = _Trial(tree, at, directory, {**self._environment, **variables, **ports}, taken, stop)
                seen = self._run(trial)
            if self._collect is not None and seen.green:
                self._collect(slot)
            return seen

    def _fill(self, directory: Path, tree: str) -> None:
        """Put beside the files of a tree what no commit has."""
        if self._submodules:
            fill_submodules(self._control, directory, tree)
        with naming_full_disk():
            self.copied.put(directory)

    def _run(self, trial: "_Trial") -> Verification:
        tree, directory, place = trial.tree, trial.directory, trial.place
        log = _new_log(self._logs, tree)
        if self._setup and (failed := self._not_ready(trial, log)):
            place.caches.drop()  # code of the branch was at work beside them
            return failed
        deadline = time.monotonic() + (LONGEST if self._timeout is None else self._timeout)
        silence = SILENCE if self._timeout is None else None
        declared = {path for check in self._commands if not isinstance(check, str) for path in check.cache}
        own, warm = place.caches.bring_back(directory, declared)
        known = (self._times, warm, self._known, self._survey)
        runs = StageRuns(directory, trial.environment, log, deadline, trial.stop, *known)
        runs = replace(runs, arguments=self._arguments, silence=silence)
        seen = _summed_up(tree, runs.run(self._commands, self._left_out), log)
        if seen.green and not place.cold:
            place.caches.set_aside(directory, own)
        return seen

    def _not_ready(self, trial: "_Trial", log: Path) -> Verification | None:
        """Run `setup`, and once more when it fails, unless it is known that it does; what is said where it fails.

        A set-up that fails again is red: one that has worked with equal inputs is not even run, so either the branch
        changed the inputs, or it fails for everybody, which the verification of the base then shows.
        """
        last: list[Prepared] = []

        def attempt() -> Prepared:
            prepared = self._prepare(trial, log)
            last.append(prepared)
            return prepared

        def again() -> None:
            trial.place.slot.restore(trial.at or trial.tree)
            self._fill(trial.directory, trial.tree)

        why = self._make_ready(SetUpTrial(trial.tree, attempt, again, trial.stop, log))
        if why is None:
            return None
        command, ended = f"setup: {'; '.join(self._setup)}", last[-1].ended if last else None
        if ended is None:
            return Verification(trial.tree, "red", command, why.partition("\n")[0])
        return Verification(trial.tree, outcome_of(ended), command, ended.tail, log)

    def _prepare(self, trial: "_Trial", log: Path) -> Prepared:
        return prepare(
            trial.directory,
            commands=self._setup,
            inputs=self._setup_inputs,
            cache=self._cache,
            environment={**trial.environment, **self._set_up_variables},
            output=log,
            stop=trial.stop,
            limits=Limits(
                timeout=LONGEST if self._timeout is None else self._timeout,
                stall=SILENCE if self._timeout is None else None,
            ),
            # Branches' code may run in the set-up: what it makes is then for this tree alone.
            keep=self._keeps_set_up,
            values=self._set_up_values,
            submodules=self._submodules,
        )

    @contextmanager
    def _slot(self, stop: threading.Event | None) -> Iterator["_Place | None"]:
        """A free slot, or nothing when stopped while waiting."""
        taken: list[_Place] = []

        def take(seconds: float) -> bool:
            with suppress(queue.Empty):
                taken.append(self._slots.get(timeout=seconds))
            return bool(taken)

        if not _obtained(take, stop):
            yield None
            return
        try:
            yield taken[0]
        finally:
            self._slots.put(taken[0])


@dataclass(frozen=True, slots=True)
class _Place:
    """A slot and what goes with it."""

    number: int
    slot: Slot
    caches: WarmCaches
    cold: bool = False
    """Whether its caches are neither used nor handed on: for a tree that was not green once."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """A tree that was laid out in a slot."""

    tree: str
    at: str | None
    directory: Path
    environment: Mapping[str, str]
    place: _Place
    stop: threading.Event | None


def _summed_up(tree: str, verdicts: tuple[StageVerdict, ...], log: Path) -> Verification:
    """Green, or what came of the stage that was not."""
    against = next((verdict for verdict in verdicts if not verdict.settled), None)
    reds = tuple(red for verdict in verdicts for red in verdict.reds)
    if against is None:
        return Verification(tree, "green", log=log, stages=verdicts, reds=reds)
    return Verification(
        tree,
        against.ended_as,
        against.command,
        against.tail,
        against.log,
        failing=against.failing,
        stages=verdicts,
        reds=reds,
    )


def _obtained(acquire: Callable[[float], bool], stop: threading.Event | None) -> bool:
    """Try until it is obtained, or until stopped: no thread sleeps through a cancellation."""
    while not (stop and stop.is_set()):
        if acquire(0.1):
            return True
    return False


def _new_log(directory: Path, tree: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        path = directory / f"verify-{tree[:12]}-{number}.log"
        with suppress(FileExistsError):
            path.touch(exist_ok=False)
            break
    return path
