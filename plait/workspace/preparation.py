"""A fresh checkout is made ready by its set-up commands, or by what they made of the same lock files before."""

import contextlib
import fcntl
import hashlib
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plait.plans.errors import EnvironmentProblem
from plait.workspace.copying import Listing, copy_back, keep_created, list_tree, matching_files
from plait.workspace.process import UNLIMITED, Ended, Limits, run_supervised
from plait.workspace.starting import explaining

_DOWNLOADS = {"PIP_CACHE_DIR": "pip", "npm_config_cache": "npm", "UV_CACHE_DIR": "uv"}
_FORMAT = "1"
"""Raised when what is kept changes its form: old entries are then not found any more."""
_POLL = 0.1
_CLONE = "PLAIT_REPOSITORY"
"""Where the user's clone is: results are kept apart for each, and not at all of commands that read from it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Whether a checkout is ready for work."""

    ok: bool
    ended: Ended | None = None
    """How the command that failed ended, else the last one; nothing when none was run."""
    command: str | None = None
    """The command that failed."""
    reused: bool = False
    """Whether files of an earlier set-up were copied in place of running the commands."""


@dataclass(frozen=True, slots=True)
class SetUpTrial:
    """A set-up that a verification is about to carry out, for whoever knows what came of it elsewhere."""

    tree: str
    attempt: Callable[[], Prepared]
    """Runs the commands."""
    again: Callable[[], object]
    """Makes the checkout anew."""
    stop: threading.Event | None
    log: Path


def try_twice(trial: SetUpTrial) -> str | None:
    """Carry out a set-up that nobody else knows of, and once more where it fails; why it does, or nothing."""
    for is_last in (False, True):
        prepared = trial.attempt()
        if prepared.ok:
            return None
        if is_last or prepared.ended is None or prepared.ended.cause == "cancelled":
            break
        trial.again()
    return "the set-up failed"


def prepare(
    directory: Path,
    *,
    commands: tuple[str, ...],
    inputs: tuple[str, ...],
    cache: Path,
    environment: Mapping[str, str],
    output: Path,
    stop: threading.Event | None = None,
    limits: Limits = UNLIMITED,
    keep: bool = True,
    values: Sequence[str] = (),
    submodules: bool = False,
) -> Prepared:
    """Run the set-up commands in a fresh checkout, each by `/bin/sh -e -c`, up to the first that fails.

    With `inputs`, the files that the commands create are kept below `cache`, and copied into the next checkout with
    equal commands, inputs, values, platform and Python in place of running them. They are not kept when the commands
    changed or deleted something that was there, for a copy would not do that.

    Args:
        directory: The checkout; nobody else may be at work in it.
        commands: Shell commands.
        inputs: Paths or globs (`fnmatch`, on the path from the root) of the files that decide the result: lock files.
        cache: Where results are kept, and the download caches of pip, npm and uv.
        environment: All variables of the commands; the download caches are added where it does not name them.
        output: The log; appended to.
        limits: For each command.
        keep: False in a checkout with an agent's work: its code may run in the commands, and others must not get it.
        values: Variables that a plan or a crew gives with a value, which the result may hang on.
        submodules: Whether the files of submodules are there.

    Raises:
        EnvironmentProblem: as `run_supervised`, and where the cache cannot be written, or a result not be copied
            (DiskFull: for want of space).
    """
    if not commands:
        return Prepared(ok=True)
    variables = {**_download_caches(cache), **environment}
    reads_clone = any(_CLONE in command for command in commands)
    apart = (*filter(None, [environment.get(_CLONE, "")]), *values, *(["with submodules"] if submodules else []))
    key = _key(directory, commands, inputs, apart) if inputs and not reads_clone else None
    if key is None:
        return _run(directory, commands, variables, output, stop, limits)
    with _alone(cache, key, stop):
        if copy_back(cache / key, directory):
            return Prepared(ok=True, reused=True)
        with explaining(f"cannot list {directory}"):
            before = list_tree(directory)
        prepared = _run(directory, commands, variables, output, stop, limits)
        if prepared.ok and keep:
            _keep(directory, before, cache / key, inputs, key, commands, apart)
        return prepared


def _run(
    directory: Path,
    commands: tuple[str, ...],
    environment: Mapping[str, str],
    output: Path,
    stop: threading.Event | None,
    limits: Limits,
) -> Prepared:
    ended = None
    for command in commands:
        argv = ("/bin/sh", "-e", "-c", command)
        ended = run_supervised(
            argv, directory=directory, environment=environment, output=output, limits=limits, stop=stop
        )
        if not ended.ok:
            return Prepared(ok=False, ended=ended, command=command)
    return Prepared(ok=True, ended=ended)


def _keep(
    directory: Path,
    before: Listing,
    entry: Path,
    inputs: tuple[str, ...],
    key: str,
    commands: tuple[str, ...],
    apart: tuple[str, ...],
) -> None:
    """Keep the result, unless the commands wrote their own inputs: then it belongs to other inputs than these."""
    with contextlib.suppress(OSError, EnvironmentProblem):  # a tree too deep to list, say: the set-up itself is good
        if _key(directory, commands, inputs, apart) == key:
            keep_created(directory, before, entry)


def _key(directory: Path, commands: tuple[str, ...], inputs: tuple[str, ...], apart: tuple[str, ...]) -> str | None:
    """A name for all that decides the result of a set-up; nothing where no file, or a link, is among the inputs."""
    with explaining(f"cannot read the set-up inputs in {directory}"):
        files = matching_files(directory, inputs)
        contents = [(directory / name).read_bytes() for name, is_file in files.items() if is_file]
    if not files or not all(files.values()):
        return None
    digest = hashlib.sha256()

    def add(*parts: bytes) -> None:
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)

    add(_FORMAT.encode(), sys.platform.encode(), platform.machine().encode(), platform.python_version().encode())
    add(*(os.fsencode(part) for part in apart))
    add(*(os.fsencode(command) for command in ("commands", *commands, "inputs", *inputs)))
    for name, content in zip(files, contents, strict=True):
        add(os.fsencode(name), hashlib.sha256(content).digest())
    return digest.hexdigest()


def _download_caches(cache: Path) -> dict[str, str]:
    return {name: str(cache / "downloads" / folder) for name, folder in _DOWNLOADS.items()}


@contextlib.contextmanager
def _alone(cache: Path, key: str, stop: threading.Event | None) -> Iterator[None]:
    """One set-up of a key at a time: the others wait and then reuse; the kernel frees the lock of one that was killed.

    When `stop` is set it goes on without the lock: its command will be cancelled at once.
    """
    with explaining(f"cannot write {cache}"):
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(cache / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    patience = stop or threading.Event()
    try:
        while not _locked(descriptor) and not patience.wait(_POLL):
            continue
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
