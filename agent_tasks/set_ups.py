"""Which set-ups of a run work: one that does not is found out once, for all who would need it, and blames nobody."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from plait.agent_tasks.errors import SetUpFailed, TaskStopped
from plait.plans.language.environment import GivenVariable, from_shell, values_of
from plait.plans.wording import in_code, one_line, spell_seconds
from plait.workspace.preparation import Prepared
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


def set_up_of(
    commands: tuple[str, ...],
    inputs: tuple[str, ...],
    given: tuple[GivenVariable, ...],
    *,
    copy: Iterable[str],
    submodules: bool,
) -> SetUp:
    """The set-up of checkouts that are given these variables and files."""
    values = (*values_of(given), *dict.fromkeys(copy))
    return SetUp(commands, inputs, values, submodules, tuple(sorted(from_shell(given))))


@dataclass(slots=True)
class SetUps:
    """What is known of the set-ups of one run; for any number of threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _first: dict[SetUp, threading.Event] = field(default_factory=dict)
    """Set once the first one to come has ended."""
    _working: set[SetUp] = field(default_factory=set)
    """Those that have succeeded somewhere: where they fail, it is because of the files there."""
    _failed: dict[tuple[SetUp, str], str] = field(default_factory=dict)
    """By set-up and commit, why."""

    def carry_out(
        self,
        set_up: SetUp,
        start: str,
        *,
        attempt: Callable[[], Prepared],
        again: Callable[[], object],
        stop: threading.Event,
        told: str,
    ) -> None:
        """Make a checkout ready; what fails is done once more in a fresh checkout, as a network may have been away.

        Of several that come at once the first begins, and the others wait for what comes of it, but not for long.

        Args:
            start: The commit whose files it works on.
            attempt: Runs the commands.
            again: Makes the checkout anew.
            told: The command that shows all that was printed.

        Raises:
            SetUpFailed: it failed twice, or ran into its time limit: here, or for somebody else.
            TaskStopped: the run was cancelled meanwhile.
        """
        if not set_up.commands:
            return
        with self._lock:
            first = self._first.get(set_up)
            mine = None if first else self._first.setdefault(set_up, threading.Event())
        if first is not None:
            _wait(first, stop)
        try:
            self._attempt(set_up, start, attempt, again, stop, told)
        finally:
            if mine is not None:
                mine.set()

    def failure_of(self, set_up: SetUp) -> str | None:
        """Why a set-up works nowhere in the run, as far as that was found out.

        Names aside: an agent is given the key of its account, which a check has no use for.
        """
        wanted = replace(set_up, names=())
        if any(replace(known, names=()) == wanted for known in tuple(self._working)):
            return None
        failures = tuple(self._failed.items())
        return next((why for (known, _), why in failures if replace(known, names=()) == wanted), None)

    def _attempt(
        self,
        set_up: SetUp,
        start: str,
        attempt: Callable[[], Prepared],
        again: Callable[[], object],
        stop: threading.Event,
        told: str,
    ) -> None:
        for is_last in (False, True):
            self._refuse_known(set_up, start)
            prepared = attempt()
            if prepared.ok:
                self._working.add(set_up)
                return
            ended = prepared.ended
            if stop.is_set() or ended is None or ended.cause == "cancelled":
                raise TaskStopped
            if is_last or ended.cause == "timeout":  # a second hour would not help
                paragraph = _paragraph(prepared.command or "", ended, told=told, twice=is_last)
                raise SetUpFailed(self._failed.setdefault((set_up, start), paragraph))
            self._refuse_known(set_up, start)
            again()

    def _refuse_known(self, set_up: SetUp, start: str) -> None:
        """Raise where it has failed on the same files, or on some and nowhere worked."""
        known = self._failed.get((set_up, start))
        if known is None and set_up not in self._working:
            known = next((why for (failed, _), why in tuple(self._failed.items()) if failed == set_up), None)
        if known is not None:
            raise SetUpFailed(known, is_known=True)


def _wait(first: threading.Event, stop: threading.Event) -> None:
    for _ in range(int(_PATIENCE / 0.1)):
        if first.wait(0.1) or stop.is_set():
            return


def _paragraph(command: str, ended: Ended, *, told: str, twice: bool) -> str:
    """What failed in the first line, then its last lines, then what to do."""
    lines = [line.rstrip() for line in ended.tail.splitlines() if line.strip()]
    shown = ["it printed last:", *(line[:200] for line in lines[-_SHOWN:])] if lines else ["it printed nothing"]
    also = ", also the second time" if twice else ""
    failed = f"{in_code(one_line(command, 200))} {_how(ended)}{also}"
    first = f"the set-up failed, so no agent that needs it began, and no try counts: {failed}"
    return "\n".join([first, *shown, f"all of it: {told}; mend `setup`, and run again"])


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
