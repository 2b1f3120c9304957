"""What every agent backend is: a block that takes one order, works in one directory and reports what it says it did."""

import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import mkstemp
from typing import Annotated, ClassVar, Literal, Self

from prefect.blocks.core import Block
from pydantic import BeforeValidator, Field, HttpUrl

from plait.plans.agents.activity import Activity
from plait.plans.agents.door_sight import DoorSight
from plait.plans.agents.launching import DoorEntry, McpServer
from plait.plans.agents.outcomes import Outcome, Verdict
from plait.plans.agents.stream import AgentEvent
from plait.plans.language.backends import BACKENDS, Backend
from plait.plans.language.crew import Role
from plait.plans.language.durations import format_duration
from plait.plans.usage import Usage
from plait.workspace.output import last_line
from plait.workspace.process import UNLIMITED, Cause, Ended, Limits, run_supervised
from plait.workspace.sandbox import Sandbox
from plait.workspace.sandboxed_runs import run_sandboxed

DOCUMENTATION = HttpUrl("https://pypi.org/project/prefect-plait/")
LOGO = HttpUrl(
    # The icon of prefect-shell: square, and served by Prefect's own site.
    "https://cdn.sanity.io/images/3ugk85nk/production/0b47a017e1b40381de770c17647c49cdf6388d1c-250x250.png"
)

Text = Annotated[str, BeforeValidator(lambda written: "" if written is None else written)]
"""A field of a form to type into, where empty is nothing; earlier versions have saved null."""

Capabilities = Annotated[
    tuple[str, ...],
    Field(
        title="Capabilities", description="What this agent is good at, in words that plans use, such as python or docs."
    ),
]
"""The last field of each agent's form, which shows those of a base class first."""


@dataclass(frozen=True, slots=True)
class AgentOrder:
    """One try of one task, given to one agent."""

    task: str
    attempt: int
    """From 1: a retry is the next attempt."""
    prompt: str
    directory: Path
    """The checkout: the agent's working directory, and the only place its work is taken from."""
    output: Path
    """The log, kept whole: standard output and standard error as they came."""
    environment: Mapping[str, str]
    """All that the agent gets to see of the environment."""
    timeout: float | None
    """Seconds from start to end."""
    stall: float | None
    """Seconds without a byte of output."""
    model: str | None
    temporary: Path
    """A private directory outside the checkout, for the prompt and whatever the backend needs to hand over."""
    stop: threading.Event
    """Set when the run is cancelled."""
    on_line: Callable[[str], None] | None
    """Told the last line printed, up to five times a second."""
    repair: int = 0
    """0 for the task itself, 1 for its first repair order."""
    output_bytes: int | None = UNLIMITED.output_bytes
    """How much it may print."""
    grace: float = UNLIMITED.grace
    """Seconds between the polite signal and the one that nothing survives."""
    home: Path | None = None
    """The HOME of agents of this role on this task, kept from try to try, so that their sessions can go on; nothing
    where the agent is to have the user's own."""
    session: str | None = None
    """What it calls the session to go on with; nothing for a new one."""
    instructions: str = ""
    """What its role is told in any task, and what base's repository tells all agents (CLAUDE.md, AGENTS.md)."""
    schema: str | None = None
    """JSON schema of the answer, where one is wanted."""
    access: Literal["write", "read"] = "write"
    """`read`: it is to change no file, as for reviews and plans."""
    turns: int | None = None
    """How often it may ask its model."""
    usd: float | None = None
    """What it may cost, in US dollars, where the program can hold that itself."""
    servers: tuple[McpServer, ...] = ()
    """Servers of the Model Context Protocol that it may use."""
    tools: tuple[str, ...] | None = None
    """The program's own names of the tools that it may have; nothing: what its backend gives by default."""
    denied_tools: tuple[str, ...] = ()
    """Those that it may not have, whatever else it has."""
    door: DoorEntry | None = None
    """How it reaches its provider; nothing: by its own login or key."""
    door_sight: Callable[[], DoorSight] | None = None
    """What the door has seen of it by now."""
    before: Usage | None = None
    """What the session has used up in earlier tries: programs tell totals that have it in them."""
    sandbox: Sandbox | None = None
    """The sandbox that its program is put into; nothing: it sees and does what the user can."""
    memory: int | None = None
    """Bytes that it and all that it starts may hold together."""
    on_event: Callable[[AgentEvent], None] | None = None
    """Told each event of its program, as it comes; by the thread that works."""
    on_activity: Callable[[Activity], None] | None = None
    """Told what it does, up to five times a second, where its program tells that."""
    on_session: Callable[[str], None] | None = None
    """Told what the program calls its session as soon as that is known: after a kill nobody could ask it any more."""
    reads: int = 0
    """1 for the first review of the task's work, 0 where it is none."""
    answers: int = 0
    """1 for the first time that its author answers a review, 0 where it does not."""

    @property
    def is_sandboxed(self) -> bool:
        """Whether plait's sandbox is around it: then the program's own is left out."""
        return self.sandbox is not None


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What the agent says; whether it is true is for the harvest to find out."""

    cause: Cause | Literal["not started"]
    status: int | None
    """Exit status; negative when a signal ended it; nothing when it has none."""
    seconds: float
    summary: str
    """The last line it printed, made fit for a table."""
    tail: str
    claims_done: bool
    problem: str | None
    """Why the try counts as failed, in a sentence for people; nothing when it does not."""
    usage: Usage | None = None
    """What it used up; nothing where the backend does not know."""
    verdict: Verdict | None = None
    """What its stream, its end and the door say together; nothing for programs that are known by their process alone:
    see `outcome_of`."""
    answer: str | None = None
    """Structured output as JSON, where it was asked for and the program has it."""
    version: str | None = None
    """The program's, where it tells it while it works."""


class CodingAgent(Block, ABC):
    """
    A program or model that changes files in one directory when it is asked to.

    Backends derive from this class. They neither commit, merge nor push: plait harvests the directory once the
    agent's last process is gone.

    Example:
        Load any saved agent:
        ```python
        from plait.blocks.agents.base import CodingAgent

        agent = CodingAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Coding Agent"
    _block_type_slug = "plait-coding-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "A program or model that changes files in one directory when it is asked to."

    backend: ClassVar[Backend]
    """What crews call it: its row in `plait/plans/language/backends.py`."""

    @property
    def can_resume(self) -> bool:
        """Whether it can go on with a session of an earlier try."""
        return "sessions" in BACKENDS[self.backend].abilities

    @classmethod
    @abstractmethod
    def from_role(cls, role_name: str, role: Role, *, base_directory: Path) -> Self:
        """
        The agent that works as a role of this backend; whatever is wrong with its settings is said now.

        Args:
            base_directory: What a relative path in the role starts from: the folder of the crew or plan file.

        Raises:
            CallError: The role's settings do not fit the backend.
            PlanError: A file that they name has mistakes.
            ValidationError: A setting is none that the block can have.
        """

    @abstractmethod
    def work(self, order: AgentOrder) -> AgentReport:
        """
        Carry the order out and return when the agent and all that it started have ended.

        Raises:
            CallError: The block's settings cannot serve this order.
            EnvironmentProblem: The program is not there, or the disk is full.
        """


def run_program(order: AgentOrder, argv: list[str], *, stdin: bytes | None, called: str = "the agent") -> AgentReport:
    """Run one program in the order's checkout, under the order's limits, and report how it ended."""
    ended = carry_out(order, argv, environment=order.environment, stdin=stdin, stop=order.stop, on_line=order.on_line)
    report = report_on(order, ended, called=called)
    if order.on_line and report.summary:
        order.on_line(report.summary)  # what a program says last, or within a fifth of a second, nobody has looked at
    return report


def carry_out(
    order: AgentOrder,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    stdin: bytes | None,
    stop: threading.Event,
    on_line: Callable[[str], None] | None,
) -> Ended:
    """Run a program in the order's checkout, and in its sandbox if it has one, to its end, under the order's limits."""
    limits = Limits(
        timeout=order.timeout,
        stall=order.stall,
        grace=order.grace,
        output_bytes=order.output_bytes,
        memory=order.memory,
    )
    run = partial(run_supervised, argv, directory=order.directory)
    if order.sandbox is not None:
        run = partial(run_sandboxed, order.sandbox, argv)
    return run(environment=environment, output=order.output, stdin=stdin, limits=limits, stop=stop, on_line=on_line)


def report_on(order: AgentOrder, ended: Ended, *, called: str) -> AgentReport:
    """The report on an agent that is known by its process alone: exit status 0 is its claim to be done."""
    problem = None if ended.ok else _how_it_ended(order, ended)
    if ended.survivors:
        problem = f"left {ended.survivors} processes behind that nobody can end"
    return AgentReport(
        cause=ended.cause,
        status=ended.status,
        seconds=ended.seconds,
        summary=last_line(ended.tail),
        tail=ended.tail,
        claims_done=ended.ok,
        problem=problem and f"{called} {problem}",
    )


_OUTCOMES: dict[str, Outcome] = {"timeout": "timed out", "stalled": "stalled", "cancelled": "cancelled"}


def outcome_of(report: AgentReport) -> Outcome:
    """What a try came to, as far as the agent itself can tell: `done` is its claim."""
    if report.verdict is not None:
        return report.verdict.outcome
    return _OUTCOMES.get(report.cause, "crashed") if report.problem else "done"


def not_started(order: AgentOrder, problem: str) -> AgentReport:
    """The report on a try that had nothing to run; the log says so too."""
    order.output.parent.mkdir(parents=True, exist_ok=True)
    order.output.touch(mode=0o600)
    with order.output.open("a", encoding="utf-8") as log:
        log.write(f"{problem}\n")
    return AgentReport(
        cause="not started", status=None, seconds=0.0, summary="", tail=problem, claims_done=False, problem=problem
    )


def private_file(order: AgentOrder, text: str, *, suffix: str) -> Path:
    """A new file outside the checkout that only this user can read; its name cannot be foreseen by an earlier try."""
    descriptor, path = mkstemp(prefix="plait-", suffix=suffix, dir=order.temporary)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(path)


def _how_it_ended(order: AgentOrder, ended: Ended) -> str:
    match ended.cause:
        case "exited":
            return f"ended with exit status {ended.status}{_quoted(ended.tail)}"
        case "signalled":
            return f"was killed by {_signal_name(ended.status)}{_quoted(ended.tail)}"
        case "timeout":
            return f"was stopped at its timeout of {_span(order.timeout)}"
        case "stalled":
            return f"was stopped after {_span(order.stall)} without a word"
        case "flooded":
            return f"was stopped because it printed too much ({ended.output_bytes / 1e6:.0f} MB)"
        case "memory":
            return "was stopped because it used too much memory"
        case "cancelled":
            return "was stopped because the run was cancelled"
        case "lost":
            return f"was lost: nobody knows how it ended{_quoted(ended.tail)}"


def _quoted(tail: str) -> str:
    line = last_line(tail)
    return f": {line}" if line else " and said nothing"


def _signal_name(status: int | None) -> str:
    number = -status if status else 0
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _span(limit: float | None) -> str:
    return format_duration(limit) if limit is not None else "no limit"
