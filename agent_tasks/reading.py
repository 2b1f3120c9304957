"""One agent that reads in a checkout of its own, to review or to plan: what it changes there is thrown away."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from plait.blocks.agents.base import AgentOrder, AgentReport
from plait.plans.language.crew import Complexity, Role
from plait.plans.language.default_limits import longest_silence, longest_try
from plait.plans.language.environment import GivenVariable
from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.clone_git import NO_SURROUNDINGS, Surroundings
from plait.workspace.control import Control
from plait.workspace.deleting import delete_later
from plait.workspace.environment import environment_of
from plait.workspace.errors import DiskFull, GitFailed
from plait.workspace.harvest import harvested_tree
from plait.workspace.output import clean, plain
from plait.workspace.short_paths import short_path

_READ_BYTES = 1_000_000
"""Of the end of what a reader prints: an answer stands at the end."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one agent is to read once, and what it is asked."""

    task: str
    """How its program and its script know it."""
    commit: str
    branch: str
    """The name that the branch has in the checkout."""
    prompt: str
    output: Path
    """The log."""
    place: Path
    """Where the checkout is made."""
    attempt: int = 1
    reads: int = 0
    """1 for the first review of a task; 0 where it is none."""
    schema: str | None = None
    home: Path | None = None
    """Of its program; nothing where it is to have the user's own."""
    instructions: str = ""
    complexity: Complexity = "moderate"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a reader has left: its report, what it printed last, and what it changed, which is gone by then."""

    report: AgentReport
    printed: str
    changed: tuple[str, ...]


def read_in_checkout(
    reading: Reading,
    *,
    control: Control,
    home: Path,
    role: Role,
    work: Callable[[AgentOrder], AgentReport],
    variables: tuple[GivenVariable, ...],
    stop: threading.Event,
    on_line: Callable[[str], None] | None,
    surroundings: Surroundings = NO_SURROUNDINGS,
) -> Heard:
    """Let an agent read a commit to its end, in a fresh checkout that nothing is taken from; `work` calls it.

    Raises:
        EnvironmentProblem: the program is not there, or the disk is full.
        CallError: the agent's settings cannot serve this.
    """
    with _handed_out(reading, control, surroundings) as checkout:
        temporary = short_path(checkout.temporary, home)
        extra: Mapping[str, str] = {"PLAIT_TASK": reading.task, "TMPDIR": str(temporary)}
        order = AgentOrder(
            task=reading.task,
            attempt=reading.attempt,
            prompt=reading.prompt,
            directory=checkout.directory,
            output=reading.output,
            environment=environment_of(variables, extra=extra),
            timeout=longest_try(role.timeout, None),
            stall=longest_silence(role.stall, None, timeout=role.timeout),
            model=role.model_for(reading.complexity),
            temporary=checkout.temporary,
            stop=stop,
            on_line=on_line,
            access="read",
            schema=reading.schema,
            reads=reading.reads,
            home=reading.home,
            instructions=reading.instructions,
        )
        report = work(order)
        return Heard(report, _end_of(reading.output), _changed(control, checkout))


@contextmanager
def _handed_out(reading: Reading, control: Control, surroundings: Surroundings) -> Iterator[Checkout]:
    try:
        yield make_checkout(control, reading.place, reading.commit, branch=reading.branch, surroundings=surroundings)
    finally:
        with suppress(OSError):
            delete_later(reading.place)


def _changed(control: Control, checkout: Checkout) -> tuple[str, ...]:
    """What differs from what was handed out; nothing where that cannot be told: it is thrown away all the same."""
    try:
        return tuple(map(plain, harvested_tree(control, checkout, only=lambda _path: True).changed))
    except (GitFailed, DiskFull, OSError):
        return ()


def _end_of(output: Path) -> str:
    """The last of what was printed."""
    with suppress(OSError), output.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(max(0, size - _READ_BYTES))
        return clean(log.read(_READ_BYTES))
    return ""
