"""Which set-ups of a run work: one that does not is found out once, for all who would need it, and blames nobody."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from plait.agent_tasks.errors import SetUpFailed, TaskStopped
from plait.plans.language.environment import from_shell, values_of
from plait.plans.language.groundwork import Groundwork
from plait.plans.wording import in_code, one_line, spell_seconds
from plait.workspace.environment import set_variables
from plait.workspace.preparation import Prepared, SetUpTrial
from plait.workspace.process import Ended

LONGEST_SECONDS = 3600.0
"""Of one command, where neither task nor role has a `timeout`: a set-up that hangs would hold its slot for ever."""
_PATIENCE = 30.0
"""Seconds that others wait for the first one's verdict; then a slow set-up runs in several slots at once."""
_SHOWN = 10
"""Of its last lines."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """Commands that make a checkout ready, as far as they are the same for several tasks."""

    commands: tuple[str, ...]
    inputs: tuple[str, ...]
    values: tuple[str, ...] = ()
    """The variables that it is given with a value, and what is copied into the checkout."""
    submodules: bool = False
    names: tuple[str, ...] = ()
    """The variables that it is given with the value of the shell."""


def set_up_of(ground: Groundwork) -> SetUp:
    """The set-up of checkouts that are made ready in this way."""
    values = (*values_of(ground.environment), *dict.fromkeys(ground.copy))
    names = tuple(sorted(name for name in from_shell(ground.environment) if name in set_variables()))
    return SetUp(ground.setup, ground.setup_inputs, values, ground.submodules, names)


@dataclass(frozen=True, slots=True)
class BrokenSetUp:
    """Why a set-up failed."""

    how: str
    """The command and how it ended, in a line."""
    printed: tuple[str, ...]
    """Its last lines."""
    told: str
    """Where all that was printed is."""

    @property
    def words(self) -> str:
        """How it ended and what it printed last."""
        return "\n".join([self.how, *(["it printed last:", *self.printed] if self.printed else ["it printed nothing"])])

    @property
    def paragraph(self) -> str:
        """What people are told where no agent could begin."""
        first = "the set-up failed, so no agent that needs it began, and no try counts"
        return f"{first}: {self.words}\nall of it: {self.told}; mend `setup`, and run again"


@dataclass(frozen=True, slots=True)
class MakingReady:
    """One checkout that is to be made ready."""

    set_up: SetUp
    tree: str
    """The files that the commands work on."""
    attempt: Callable[[], Prepared]
    """Runs the commands."""
    again: Callable[[], object]
    """Makes the checkout anew."""
    stop: threading.Event | None
    told: str
    """Where all that was printed is."""

    @classmethod
    def of_verification(cls, set_up: SetUp, trial: SetUpTrial) -> "MakingReady":
        """That of a verification, whose log has what was printed."""
        return cls(set_up, trial.tree, trial.attempt, trial.again, trial.stop, str(trial.log))


@dataclass(slots=True)
class SetUps:
    """What is known of the set-ups of one run; for any number of threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _first: dict[SetUp, threading.Event] = field(default_factory=dict)
    """Set once the first one to come has ended."""
    _working: set[SetUp] = field(default_factory=set)
    """Those that have succeeded somewhere: where they fail, it is because of the files there."""
    _failed: dict[tuple[SetUp, str], BrokenSetUp] = field(default_factory=dict)
    """By set-up and tree, why no agent could begin there."""
    _unverified: dict[tuple[SetUp, str], BrokenSetUp] = field(default_factory=dict)
    """By set-up without names and tree, why nothing could be verified there: that speaks for these files alone."""

    def carry_out(self, making: MakingReady) -> None:
        """Make an agent's checkout ready; what fails is done once more in a fresh one, as a network may have been away.

        Of several that come at once the first begins, and the others wait for what comes of it, but not for long.

        Raises:
            SetUpFailed: it failed twice, or ran into its time limit: here, or for somebody else.
            TaskStopped: the run was cancelled meanwhile.
        """
        set_up, tree = making.set_up, making.tree

        def known_failure() -> BrokenSetUp | None:
            """Of the same files, or of some where it nowhere worked."""
            known = self._failed.get((set_up, tree)) or self._unverified_on(set_up, tree)
            if known is None and set_up not in self._working:
                known = next((why for (failed, _), why in tuple(self._failed.items()) if failed == set_up), None)
            return known

        with self._turn(set_up, self._first.get(set_up), making.stop):
            broken = self._attempt(making, known_failure, lambda new: self._failed.setdefault((set_up, tree), new))
        if broken is not None:
            raise SetUpFailed(broken.paragraph)

    def carry_out_to_verify(self, making: MakingReady) -> str | None:
        """The same for the checkout of a verification; why it is not ready, or nothing.

        What fails in it speaks for its files alone: they may be what the plan is to mend.
        """
        set_up, key = making.set_up, (_nameless(making.set_up), making.tree)

        def known_failure() -> BrokenSetUp | None:
            return self._unverified_on(*key) or self._failure_of(set_up)

        alike = (first for known, first in tuple(self._first.items()) if _nameless(known) == key[0])
        try:
            with self._turn(set_up, next(alike, None), making.stop):
                broken = self._attempt(making, known_failure, lambda new: self._unverified.setdefault(key, new))
        except TaskStopped as stopped:
            return str(stopped)
        return None if broken is None else broken.words

    def carry_out_to_mend(self, making: MakingReady) -> str | None:
        """The same for the checkout of a repair; why it is not ready, or nothing.

        What fails in it speaks for its files alone, which are to be mended: a lock file with conflict markers, say.

        Raises:
            SetUpFailed: agents could begin nowhere with it.
        """
        if known := self._failure_of(making.set_up):
            raise SetUpFailed(known.paragraph)
        return self.carry_out_to_verify(making)

    def _unverified_on(self, set_up: SetUp, tree: str) -> BrokenSetUp | None:
        """Why a set-up failed in a verification of these files; nothing where it works elsewhere.

        Then it may have been the network, and a red that is repeated has to run it again.
        """
        return None if self._works(set_up) else self._unverified.get((_nameless(set_up), tree))

    def _failure_of(self, set_up: SetUp) -> BrokenSetUp | None:
        """Why agents could begin nowhere with a set-up, as far as that was found out.

        Names aside: an agent is given the key of its account, which a check has no use for.
        """
        failures = [why for (known, _), why in tuple(self._failed.items()) if _nameless(known) == _nameless(set_up)]
        return failures[0] if failures and not self._works(set_up) else None

    def _works(self, set_up: SetUp) -> bool:
        """Whether it has succeeded somewhere, names aside."""
        return any(_nameless(known) == _nameless(set_up) for known in tuple(self._working))

    @contextmanager
    def _turn(self, set_up: SetUp, first: threading.Event | None, stop: threading.Event | None) -> Iterator[None]:
        """Begin as the first one to come, or after what came of the first, but not for long."""
        with self._lock:
            mine = None if set_up in self._first else self._first.setdefault(set_up, threading.Event())
        if first is not None:
            _wait(first, stop)
        try:
            yield
        finally:
            if mine is not None:
                mine.set()

    def _attempt(
        self,
        making: MakingReady,
        known_failure: Callable[[], BrokenSetUp | None],
        note: Callable[[BrokenSetUp], BrokenSetUp],
    ) -> BrokenSetUp | None:
        """Why it failed twice, or ran into its time limit, here or elsewhere; nothing where it worked.

        Raises:
            TaskStopped: the run was cancelled meanwhile.
        """
        if not making.set_up.commands:
            return None
        for is_last in (False, True):
            if (known := known_failure()) is not None:
                return known
            prepared = making.attempt()
            if prepared.ok:
                self._working.add(making.set_up)
                return None
            ended = prepared.ended
            if (making.stop and making.stop.is_set()) or ended is None or ended.cause == "cancelled":
                raise TaskStopped
            if is_last or ended.cause == "timeout":  # a second hour would not help
                return note(_broken(prepared.command or "", ended, told=making.told, twice=is_last))
            if (known := known_failure()) is not None:
                return known
            making.again()
        raise AssertionError("the last time ends it")


def _nameless(set_up: SetUp) -> SetUp:
    return replace(set_up, names=())


def _wait(first: threading.Event, stop: threading.Event | None) -> None:
    for _ in range(int(_PATIENCE / 0.1)):
        if first.wait(0.1) or (stop and stop.is_set()):
            return


def _broken(command: str, ended: Ended, *, told: str, twice: bool) -> BrokenSetUp:
    lines = [line.rstrip()[:200] for line in ended.tail.splitlines() if line.strip()][-_SHOWN:]
    also = ", also the second time" if twice else ""
    return BrokenSetUp(f"{in_code(one_line(command, 200))} {_how(ended)}{also}", tuple(lines), told)


def _how(ended: Ended) -> str:
    match ended.cause:
        case "exited":
            return f"ended with exit status {ended.status}"
        case "signalled":
            return f"was ended by signal {-(ended.status or 0)}"
        case "timeout":
            return f"had not ended after {spell_seconds(ended.seconds)}"
        case "flooded":
            return "printed too much"
        case "memory":
            return "used too much memory"
        case _:
            return "was ended by somebody"
