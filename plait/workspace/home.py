"""Where plait keeps its state: outside every checkout, readable by its owner alone."""

import errno
import os
import re
import tempfile
from pathlib import Path

from platformdirs import user_state_path

from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace.errors import DiskFull
from plait.workspace.places import is_there
from plait.workspace.small_files import read_plain_file, write_whole

VERSION = 1
"""Of the layout of a state directory. What version 0 left (plait 0.1, which wrote no version) is read as it is."""

LEAST_FREE_BYTES = 200 * 1024 * 1024
"""Below this a run is refused before it starts: checkouts, logs and git need room to fail in."""

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")
_HINT = "set PLAIT_HOME to a directory of yours with space in it"


def plait_home() -> Path:
    """The state directory: `PLAIT_HOME`, else the system's place for state; made when missing, and tried.

    Raises:
        CallError: `PLAIT_HOME` is not an absolute path.
        EnvironmentProblem: it cannot be made or written (DiskFull: for want of space), or is of a newer plait.
    """
    home = _made(home_path())
    version = _known_version(home)
    try:
        with tempfile.TemporaryFile(dir=home) as trial:
            trial.write(b"x" * 4096)
        if version < VERSION:
            write_whole(home / "version", f"{VERSION}\n")
    except OSError as problem:
        raise _explained(home, problem) from problem
    return home


def kept_home() -> Path:
    """The same for who only looks at what is there: nothing is made or tried, and a full or read-only disk will do.

    Raises:
        CallError, EnvironmentProblem: as `home_path`; it is of a newer plait.
    """
    home = home_path()
    _known_version(home)
    return home


def _known_version(home: Path) -> int:
    version = version_of(home)
    if version > VERSION:
        raise EnvironmentProblem(
            f"plait's state in {home} is of version {version}, and this plait knows it up to version {VERSION}",
            hint="use the plait that has written it, or set PLAIT_HOME to another directory",
        )
    return version


def version_of(home: Path) -> int:
    """Which layout a state directory has; 0 where nothing says so.

    Raises:
        EnvironmentProblem: its version cannot be read, so that nobody knows what the rest means.
    """
    try:
        text = read_plain_file(home / "version", most=100).strip()
    except FileNotFoundError:
        return 0
    except (OSError, ValueError):
        text = ""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise EnvironmentProblem(
            f"the version of plait's state cannot be read from {home / 'version'}",
            hint="set PLAIT_HOME to another directory, or move that one away: what has landed is in git",
        )
    return int(text)


def home_path() -> Path:
    """Where the state directory is or would be; nothing is made.

    Raises:
        CallError: `PLAIT_HOME` is not an absolute path.
        EnvironmentProblem: it is not set, and there is no home directory.
    """
    named = os.environ.get("PLAIT_HOME")
    try:
        home = expanded(named) if named else user_state_path("plait")
    except RuntimeError:  # `docker run --user 1234`, say
        who = f"HOME is not set, and the system knows no user {os.getuid()}"
        raise EnvironmentProblem(f"nobody says where plait's state is kept: {who}", hint=_HINT) from None
    if not home.is_absolute():
        raise CallError(f"PLAIT_HOME is {named!r}, which is not an absolute path", hint="begin it with a slash")
    return home


def expanded(path: str) -> Path:
    """A path that a person gave: `~` and `~name` are home directories.

    Raises:
        CallError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise CallError(f"{path!r} begins with the home directory of a user that there is not") from None


def run_directory(home: Path, run: str) -> Path:
    """Where the run file, the logs and the reports of one run live.

    Raises:
        CallError: `run` is not a plain name.
    """
    return _made(home / "runs" / _plain(run))


def ports_directory(home: Path) -> Path:
    """Where leases of port ranges are held."""
    return _made(home / "ports")


def server_directory(home: Path) -> Path:
    """Where the Prefect server that `plait up` starts keeps its database, log and password."""
    return _made(home / "server")


def database_file(home: Path) -> Path:
    """The history in SQLite, when no other store is named."""
    return home / "plait.db"


def require_space(path: Path, size: int) -> None:
    """Refuse to begin what could not end.

    Args:
        size: Bytes that have to be free on the disk that `path` is, or would be, on.

    Raises:
        DiskFull: there are fewer, or no file can be made any more.
    """
    free, files = _space(path)
    if free < size:
        wanted = f"{size / 1e6:,.0f} MB are needed"
        raise DiskFull(f"{free / 1e6:,.0f} MB are free for {path}, {wanted}", hint=f"free some space, or {_HINT}")
    if files == 0:
        raise DiskFull(f"no more files can be made at {path}: its disk is out of inodes", hint="delete some files")


def _space(path: Path) -> tuple[int, int]:
    """Free bytes and files; -1 files where the file system does not count them."""
    there = next(place for place in (path, *path.absolute().parents) if is_there(place))
    figures = os.statvfs(there)
    return figures.f_bavail * figures.f_frsize, figures.f_favail if figures.f_files else -1


def _made(directory: Path) -> Path:
    try:
        for parent in reversed(directory.parents):
            parent.mkdir(mode=0o700, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as problem:
        raise _explained(directory, problem) from problem
    return directory


def _plain(name: str) -> str:
    if not _SAFE.match(name):
        raise CallError(f"{name!r} is not a plain name", hint="letters, digits, '.', '_' and '-', at most 120")
    return name


def _explained(directory: Path, problem: OSError) -> EnvironmentProblem:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space left for plait's state in {directory}", hint=f"free some space, or {_HINT}")
    return EnvironmentProblem(f"plait's state cannot be kept in {directory}: {problem.strerror}", hint=_HINT)
