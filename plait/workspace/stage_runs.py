"""Runs the stages of one verification, up to the first that is not green, each with its verdict, seconds and log."""

import signal
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from plait.plans.language.verify_stages import Check, VerifyStage
from plait.plans.quality.failing_tests import LONGEST_REPORT, failing_tests
from plait.plans.quality.known_reds import RedCommand, new_failures
from plait.plans.quality.learned_limits import TIMES
from plait.plans.wording import listed, spell_seconds
from plait.workspace.learned_times import LearnedTimes
from plait.workspace.output import read_tail
from plait.workspace.process import Ended, Limits, run_supervised
from plait.workspace.small_files import read_plain_file

Outcome = Literal["green", "red", "timeout", "infrastructure", "cancelled"]

KEPT = 10_000_000
"""Bytes of a command's output that stay in the log, its beginning and its end. A check that is chatty is not red for
it, as an agent that floods is ended: what it printed says nothing against the tree."""
FLOOD = 1 << 30
"""Bytes of output after which a command is ended after all, and red: without a time limit it would print for ever."""
LOOKED_AT = 1 << 18
"""Bytes at the end of the output in which names of failed tests are looked for."""

NAMED = 20
"""Failed tests that are named behind the output."""

_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""How a command ends when the kernel ran out of memory, as its status or as its shell's."""


@dataclass(frozen=True, slots=True)
class StageVerdict:
    """What came of one stage of `verify`: the first that is not settled decides."""

    name: str
    """Empty for a plain command."""
    outcome: Outcome | Literal["not-reached", "unaffected", "red-on-base"]
    """`not-reached`: one before it was not green; `unaffected`: no path that it looks at was changed; `red-on-base`:
    all that is red is red on base as well, and does not count."""
    command: str
    """The one that failed, else its first."""
    seconds: float = 0.0
    log: Path | None = None
    tail: str = ""
    """The end of what the failed command printed."""
    failing: tuple[str, ...] = ()
    """The tests that failed, as far as they are named; not those that are red on base as well."""
    reds: tuple[RedCommand, ...] = ()
    """What was red and did not end it: it is red on base as well, or base itself is looked at."""

    @property
    def settled(self) -> bool:
        """Whether nothing speaks against the tree so far."""
        return self.outcome in ("green", "unaffected", "red-on-base")

    @property
    def ended_as(self) -> Outcome:
        """What the whole comes to with it."""
        match self.outcome:
            case "unaffected" | "not-reached" | "red-on-base":
                return "green"
            case outcome:
                return outcome


@dataclass(frozen=True, slots=True)
class StageRuns:
    """The place and the limits that the stages of one verification have in common."""

    directory: Path
    environment: Mapping[str, str]
    log: Path
    """Of plain commands; a named stage has one of its own beside it."""
    deadline: float | None
    """When all of them have to have ended, by the monotonic clock."""
    stop: threading.Event | None
    times: LearnedTimes
    """How long each command takes: five times as long counts as hanging."""
    warm: Collection[str] = ()
    """The caches that have something in them."""
    known: tuple[RedCommand, ...] = ()
    """What is red on base: that does not count, and hides nothing behind it."""
    survey: bool = False
    """Whether all that is red is wanted, and not the first of it alone."""
    arguments: Sequence[str] = ()
    """What commands know as `$@`: each its own argument, as one of them may have 128 KiB, and all together 2 MiB."""
    silence: float | None = None
    """Seconds that a command without a `timeout` of its own may print nothing."""

    def run(self, checks: Sequence[Check], left_out: Collection[int] = ()) -> tuple[StageVerdict, ...]:
        """A verdict for each stage; those at the positions `left_out` are not run.

        Raises:
            DiskFull: no space for the log.
            EnvironmentProblem: no process can be started.
        """
        verdicts: list[StageVerdict] = []
        for at, check in enumerate(checks):
            stage = as_stage(check)
            if verdicts and self._ends_with(verdicts[-1]):
                verdicts.append(StageVerdict(stage.stage or "", "not-reached", stage.run[0]))
            elif at in left_out:
                verdicts.append(unaffected_verdict(stage))
            else:
                verdicts.append(self._run_stage(stage))
                self._name_log(verdicts[-1])
        return tuple(verdicts)

    def _name_log(self, verdict: StageVerdict) -> None:
        """A line in the log of the whole that leads to the log of a named stage: else it would be empty."""
        if verdict.log is None or verdict.log == self.log:
            return
        with suppress(OSError), self.log.open("a", encoding="utf-8") as whole:  # a full disk: the verdict stands
            took = spell_seconds(verdict.seconds)
            whole.write(f"[{verdict.name}: {verdict.outcome}, {took}, {verdict.log.name}]\n")

    def _ends_with(self, verdict: StageVerdict) -> bool:
        if not self.survey:
            return not verdict.settled
        out_of_time = self.deadline is not None and time.monotonic() >= self.deadline
        return out_of_time or verdict.outcome in ("infrastructure", "cancelled", "not-reached")

    def _run_stage(self, stage: VerifyStage) -> StageVerdict:
        name, began = stage.stage or "", time.monotonic()
        log = self.log.with_name(f"{self.log.stem}-{name}.log") if name else self.log
        until, cold = self._until(stage, began), bool(set(stage.cache) - set(self.warm))
        reds, against = list[RedCommand](), None
        remove_report(self.directory, stage.junit)
        for command in stage.run:
            before = log.stat().st_size if log.exists() else 0
            hangs_after = self.times.limit(command, cold=cold)
            ended = self._run_command(command, stage, log, until=until, hangs_after=hangs_after)
            if ended.ok:
                self.times.learn(command, ended.seconds, cold=cold)
                continue
            verdict, red = self._failed(command, stage, ended, log, before, hangs_after)
            reds += [red] if red else []
            if verdict is None:
                continue
            against = against or verdict
            if not self.survey or red is None or (until is not None and time.monotonic() >= until):
                break
        last = against or StageVerdict(name, "red-on-base" if reds else "green", stage.run[0], log=log)
        return replace(last, seconds=time.monotonic() - began, reds=tuple(reds))

    def _failed(
        self, command: str, stage: VerifyStage, ended: Ended, log: Path, before: int, hangs_after: float | None
    ) -> tuple[StageVerdict | None, RedCommand | None]:
        """What a command that failed says against the tree, if anything, and what of it was red; not new: on base, too.

        Args:
            before: The bytes of the log that others wrote.
        """
        name, outcome = stage.stage or "", outcome_of(ended)
        failing = failing_tests(read_tail(log, before, LOOKED_AT), read_report(self.directory, stage.junit))
        remove_report(self.directory, stage.junit)  # the next command's failures are its own
        red = RedCommand(name, command, failing, outcome == "timeout") if outcome in ("red", "timeout") else None
        fresh = new_failures(red, self.known) if red else None
        if red and fresh is None:
            return None, red
        new = fresh.failing if fresh else failing
        excused = [test for test in failing if test not in set(new)]
        told = f"\n[red on base as well: {listed(excused, limit=NAMED)}]\n" if excused else ""
        tail = f"{ended.tail}{_unseen(new, ended.tail)}{told}{_why_ended(ended, stage, hangs_after)}"
        return StageVerdict(name, outcome, command, 0.0, log, tail, new), red

    def _until(self, stage: VerifyStage, began: float) -> float | None:
        own = None if stage.timeout is None else began + stage.timeout
        return min((end for end in (own, self.deadline) if end is not None), default=None)

    def _run_command(
        self, command: str, stage: VerifyStage, log: Path, *, until: float | None, hangs_after: float | None
    ) -> Ended:
        left = None if until is None else max(0.001, until - time.monotonic())
        left = min((limit for limit in (left, hangs_after) if limit is not None), default=None)
        named = ("sh", *self.arguments) if self.arguments else ()
        return run_supervised(
            ("/bin/sh", "-e", "-c", "--", command, *named),  # of several lines the first that fails is red, as in `run`
            directory=self.directory,
            environment=self.environment,
            output=log,
            limits=Limits(
                timeout=left,
                stall=self.silence if stage.timeout is None else None,
                output_bytes=FLOOD,
                kept_bytes=KEPT,
                memory=stage.memory,
            ),
            stop=self.stop,
        )


def unaffected_verdict(check: Check) -> StageVerdict:
    """Of a stage that need not run."""
    stage = as_stage(check)
    return StageVerdict(stage.stage or "", "unaffected", stage.run[0])


def as_stage(check: Check) -> VerifyStage:
    """A plain command as the stage that it is."""
    return VerifyStage(run=(check,)) if isinstance(check, str) else check


def outcome_of(ended: Ended) -> Outcome:
    if ended.cause == "cancelled":
        return "cancelled"
    if ended.cause in ("timeout", "stalled"):
        return "timeout"
    if ended.cause == "lost" or (ended.cause in ("exited", "signalled") and ended.status in _KILLED):
        return "infrastructure"
    return "red"


def _unseen(failing: Sequence[str], tail: str) -> str:
    """The failed tests that the end of the output does not show: whoever repairs the work is told its tail."""
    unseen = [name for name in failing if name not in tail]
    return f"\n[failed: {listed(unseen, limit=NAMED)}]\n" if unseen else ""


def _why_ended(ended: Ended, stage: VerifyStage, hangs_after: float | None) -> str:
    """What plait did to it, behind what it printed itself."""
    if ended.cause == "timeout" and hangs_after is not None and ended.seconds >= hangs_after:
        usual = spell_seconds(hangs_after / TIMES)
        return f"\n[ended after {spell_seconds(hangs_after)}: it hangs, as it takes {usual} at most when it is green]\n"
    if ended.cause == "stalled":
        return "\n[ended: it printed nothing for so long that it was taken to hang; `timeout` allows it more]\n"
    if ended.cause == "memory" and stage.memory is not None:
        return f"\n[ended: it held more than the {stage.memory >> 20} MiB of memory that it may]\n"
    return f"\n[ended: it printed more than {FLOOD >> 20} MiB]\n" if ended.cause == "flooded" else ""


def remove_report(directory: Path, path: str | None) -> None:
    """What lies where a report is to be written would be taken for it: a tree may bring one."""
    if path is not None and is_inside(directory, path):
        with suppress(OSError):
            (directory / path).unlink(missing_ok=True)


def read_report(directory: Path, path: str | None) -> str:
    """The report that a command wrote; empty where there is none, or something else than a plain file of its own."""
    with suppress(OSError, ValueError):
        if path is not None and is_inside(directory, path):
            return read_plain_file(directory / path, most=LONGEST_REPORT, errors="replace")
    return ""


def is_inside(directory: Path, path: str) -> bool:
    """Whether all folders above a path are real ones: a link could lead anywhere."""
    folders = [directory.joinpath(*Path(path).parts[:depth]) for depth in range(1, len(Path(path).parts))]
    return all(folder.is_dir() and not folder.is_symlink() for folder in folders)
