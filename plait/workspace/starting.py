"""What has to be right before a program starts, and what is said when it is not."""

import errno
import marshal
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plait.plans import redaction
from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.language.secret_values import secret_values
from plait.workspace.errors import DiskFull
from plait.workspace.places import is_file, is_folder
from plait.workspace.redacting import encoded as encoded_secret
from plait.workspace.redacting import known_secrets
from plait.workspace.shim_handle import ShimAnswer

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

SHORTAGES = {
    errno.EAGAIN: "too many processes: raise `ulimit -u`, or use fewer slots",
    errno.EMFILE: "too many open files: raise `ulimit -n`, or use fewer slots",
    errno.ENFILE: "too many open files on this machine: end what holds them, or use fewer slots",
    errno.EFBIG: "a file got larger than is allowed: raise `ulimit -f`",
    errno.ENOMEM: "not enough memory: use fewer slots",
}
"""What the machine, or a limit of the shell that we were started from, refuses to anybody who asks for more."""

_HINTS = SHORTAGES | {
    errno.ENOENT: "its first line names an interpreter that is not installed",
    errno.ENOEXEC: "a script needs a first line that names its interpreter, such as #!/bin/sh",
    errno.E2BIG: "pass long texts by standard input or in a file",
    errno.EACCES: "make it executable, and the directories above it readable",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use before it is ended; times in seconds."""

    timeout: float | None = None
    """From its start."""
    stall: float | None = None
    """Without a byte of output, however busy it is."""
    grace: float = 2.0
    """Between SIGTERM and SIGKILL."""
    output_bytes: int | None = 256 << 20
    """Of standard output and standard error together. None: the program writes the log itself, without a limit."""
    kept_bytes: int | None = None
    """How much of that stays in the log, half of it from the beginning and half from the end. None: all."""
    memory: int | None = None
    """Bytes that it and all that it started may hold together, looked at twice a second."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What is started in a sandbox, where the program that is started from here is the sandbox."""

    program: str
    """What errors call it."""
    environment: Mapping[str, str]
    """All of its variables."""
    options: bytes
    """What the sandbox reads from the descriptor `shim.OPTIONS`."""


UNLIMITED = Limits()
DAEMON = Limits(grace=5.0, output_bytes=None)


def packed_order(
    argv: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    log: int,
    limits: Limits,
    inside: Inside | None = None,
) -> bytes:
    """What `shim.ShimOrder` takes, in its order.

    Raises:
        CallError: what the system would not take as arguments or environment.
        EnvironmentProblem: the directory or the program is not there.
    """
    words, variables = encoded(argv, environment)
    if not is_folder(directory):
        raise EnvironmentProblem(f"there is no directory {directory}")
    program, where = find_program(argv[0], directory, environment).absolute(), directory.absolute()
    places = (os.fsencode(program), words, variables, os.fsencode(where), log)
    shown = environment if inside is None else inside.environment
    secrets = dict.fromkeys((*secret_values(shown), *known_secrets()))
    redacted = (redaction.__file__, [encoded_secret(secret) for secret in secrets])
    more = (limits.kept_bytes, limits.memory, *redacted, None if inside is None else inside.options)
    return marshal.dumps((os.getpid(), *places, limits.output_bytes, limits.timeout, limits.stall, limits.grace, *more))


@contextmanager
def two_pipes() -> Iterator[tuple[int, int, int, int]]:
    """Two pipes, each as (read, write); the ends for a child, the first read and the second write, are closed."""
    opened: list[int] = []
    try:
        opened += os.pipe()
        opened += os.pipe()
        yield opened[0], opened[1], opened[2], opened[3]
    except BaseException:
        for descriptor in opened[1:3]:
            os.close(descriptor)
        raise
    finally:
        for descriptor in opened[:1] + opened[3:]:
            os.close(descriptor)


def find_program(name: str, directory: Path, environment: Mapping[str, str]) -> Path:
    """The file that `name` means to somebody in `directory` with this environment.

    Raises:
        EnvironmentProblem: there is none, or it may not be executed.
    """
    places = [""] if "/" in name else environment.get("PATH", os.defpath).split(os.pathsep)
    candidates = [path for place in places if is_file(path := directory / place / name)]
    for path in candidates:
        if os.access(path, os.X_OK):
            return path
    if candidates:
        raise EnvironmentProblem(f"{candidates[0]} is not executable", hint=f"chmod +x {candidates[0]}")
    hint = f"it is looked for from {directory}" if "/" in name else f"install {name}, or add where it is to PATH"
    raise EnvironmentProblem(f"the program {name!r} was not found", hint=hint)


def encoded(argv: Sequence[str], environment: Mapping[str, str]) -> tuple[list[bytes], dict[bytes, bytes]]:
    """Arguments and environment as the system takes them.

    Raises:
        CallError: it would not take them: no program, a NUL character, a name with `=` in it or without a letter.
    """
    if not argv or not argv[0]:
        raise CallError("there is no program to run", hint="a command is a list: the program, then its arguments")
    if any("\0" in text for text in (*argv, *environment, *environment.values())):
        raise CallError(f"a NUL character in the arguments or the environment of {argv[0]!r}")
    if bad := next((name for name in environment if not name or "=" in name), None):
        raise CallError(f"{bad!r} cannot be the name of an environment variable")
    return [os.fsencode(text) for text in argv], {os.fsencode(k): os.fsencode(v) for k, v in environment.items()}


@contextmanager
def open_log(path: Path) -> Iterator[int]:
    """The descriptor of a log to append to; its directories are made.

    Raises:
        EnvironmentProblem: it cannot be written (DiskFull: for want of space).
    """
    with explaining(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield log
    finally:
        os.close(log)


@contextmanager
def open_input(text: bytes | None) -> Iterator[int]:
    """The descriptor of what a program may read: a file without a name, so that nobody waits when it is not read.

    Raises:
        EnvironmentProblem: it cannot be kept (DiskFull: for want of space).
    """
    with open(os.devnull, "rb") if not text else tempfile.TemporaryFile() as source:  # noqa: PTH123  (a device)
        if text:
            with explaining("cannot keep the input of a program"):
                source.write(text)
                source.seek(0)
        yield source.fileno()


@contextmanager
def explaining(what: str) -> Iterator[None]:
    """Turn the system's refusal into a sentence that begins with `what`.

    Raises:
        EnvironmentProblem: in place of an OSError (DiskFull: for want of space).
    """
    try:
        yield
    except OSError as problem:
        raise _problem(what, problem.errno or 0) from problem


def raise_problem(answer: ShimAnswer, program: str, directory: Path, output: Path) -> None:
    """Say why a program did not run, or could not go on, when that was not its own doing.

    Raises:
        EnvironmentProblem: the shim could not enter the directory, run the program, or write the log (DiskFull).
    """
    if answer.cause == "log":
        raise _problem(f"cannot write {output}", answer.problem)
    if answer.error:
        raise _problem(f"cannot run {program}" if answer.what == "exec" else f"cannot enter {directory}", answer.error)


def _problem(what: str, number: int) -> EnvironmentProblem:
    if number in NO_SPACE:
        return DiskFull(f"{what}: no space left", hint="free some space and run again")
    return EnvironmentProblem(f"{what}: {os.strerror(number)}", hint=_HINTS.get(number))
