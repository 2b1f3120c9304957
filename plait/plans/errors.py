"""The one root of plait's errors: each carries an exit code and, where there is one, a hint."""

import json
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What `plait` tells the shell."""

    LANDED = 0
    HELD_BACK = 1
    """Something failed or was held back."""
    BAD_INPUT = 2
    """The plan or the call is wrong."""
    BAD_ENVIRONMENT = 3
    """git too old, server unreachable, disk full."""
    BUG = 70
    """What we caused: EX_SOFTWARE of sysexits.h."""
    CANCELLED = 130


class PlaitError(Exception):
    """Anything plait says instead of a traceback."""

    exit_code = ExitCode.BUG
    hint: str | None = None


class CallError(PlaitError):
    """The command line, a flow parameter or a setting is wrong."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return self.message


class EnvironmentProblem(PlaitError):
    """What plait needs of this machine is missing or broken."""

    exit_code = ExitCode.BAD_ENVIRONMENT

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return self.message


class CancelledCall(PlaitError):
    """The user, Prefect or the terminal asked plait to stop."""

    exit_code = ExitCode.CANCELLED

    def __str__(self) -> str:
        return "cancelled"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a plan or crew: where it is, what it is, what to do."""

    message: str
    line: int = 0
    """From 1; 0 when the place is not known."""
    column: int = 0
    """From 1; 0 when the place is not known."""
    path: str = ""
    """The key's path, such as `tasks[2].needs[0]`."""
    hint: str | None = None
    """A sentence that mends it, such as `did you mean 'backend'?`."""
    file: str = ""
    """The file that it stands in, when the source is a folder of several."""
    code: str = "PLAN001"
    """The kind of mistake, as `plait check --explain` knows it."""

    def at(self, source: str, *, coded: bool = False) -> str:
        """`plan.yaml:12:7: tasks[2].role: unknown role 'bakend' (did you mean 'backend'?)`, with its code if asked."""
        where = self.file or source
        place = f"{where}:{self.line}:{self.column}: " if self.line else f"{where}: "
        place += f"{self.code} " if coded else ""
        key = f"{self.path}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{key}{self.message}{hint}"


class PlanError(PlaitError):
    """A plan or crew that cannot be used: all of its mistakes, in order of place."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(source, problems)
        self.source, self.problems = source, problems

    def __str__(self) -> str:
        return "\n".join(problem.at(self.source) for problem in self.problems)

    def to_json(self) -> str:
        """`{source, ok: false, problems: [{code, line, column, path, message, hint, file}]}`, indented.

        What every command prints in place of its own object.
        """
        rows = [
            {
                "code": problem.code,
                "line": problem.line,
                "column": problem.column,
                "path": problem.path,
                "message": problem.message,
                "hint": problem.hint,
                "file": problem.file or self.source,
            }
            for problem in self.problems
        ]
        return json.dumps({"source": self.source, "ok": False, "problems": rows}, indent=2)
