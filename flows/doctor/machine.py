"""Looks at the machine: git, the place for plait's state, room, limits, temporary files, agents, variables."""

import os
import platform
import resource
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from plait import __version__
from plait.flows.doctor.findings import Finding, Level
from plait.plans.agents.programs import PROGRAM_FACTS
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.backends import PROGRAMS
from plait.plans.wording import either, listed
from plait.workspace.agent_probes import probe
from plait.workspace.environment import agent_environment, our_values
from plait.workspace.git import ask_as_user, repository_around, require_git
from plait.workspace.git import version as git_version
from plait.workspace.home import LEAST_FREE_BYTES, home_path, plait_home, require_space
from plait.workspace.places import is_folder, is_there
from plait.workspace.sandbox_probe import probe_sandbox
from plait.workspace.starting import find_program

_FEWEST_FILES = 1024
_LONGEST_TEMPORARY = 60
"""Characters: the name of a socket has 107 bytes, and a checkout's own part takes about 40 of them."""


def look_at_system() -> Iterator[Finding]:
    """plait, Prefect, Python, and what is weaker here than on Linux."""
    try:
        prefect = version("prefect")
    except PackageNotFoundError:
        yield Finding("error", "Prefect is not installed beside plait", "pip install prefect-plait")
        prefect = "none"
    yield Finding("fine", f"plait {__version__}, Prefect {prefect}, Python {platform.python_version()}, {_system()}")
    if sys.platform == "darwin":
        yield Finding(
            "note",
            "on macOS a program that detaches itself twice may outlive its agent: there are no subreapers",
            "look for left-over processes after a run that was killed",
        )
    if _is_wsl() and str(Path.cwd()).startswith("/mnt/"):
        hint = "clone it below your home directory inside of WSL"
        yield Finding("warning", "the disks of Windows are slow from WSL, and know neither modes nor case", hint)


def look_at_git(place: Path) -> Iterator[Finding]:
    """Its version, who commits, and settings that hurt."""
    require_git()
    yield Finding("fine", f"git {'.'.join(map(str, git_version()))}")
    if not is_there(place):
        yield Finding("error", f"there is no {place}", "name a clone, or a directory in it")
        return
    around = repository_around(place)
    if around is None:
        level: Level = "note" if place == Path() else "error"  # who names it means a repository
        yield Finding(level, f"{place.absolute()} is in no repository", "name one: `plait doctor --repo PATH`")
        return
    git_dir = Path(around)
    if not ask_as_user(git_dir, "rev-list", "--all", "--max-count=1").text:
        yield Finding("error", "the repository has no commit that a run could start from", "commit something first")
    if is_there(git_dir / "shallow"):
        yield Finding("error", "the clone is shallow, and runs refuse it", "git fetch --unshallow")
    name, address = (ask_as_user(git_dir, "config", "--get", key).text for key in ("user.name", "user.email"))
    if not (name and address):
        hint = "git config --global user.name 'You'; git config --global user.email you@example.com"
        yield Finding("note", "git does not know who you are: `signoff` and your own commits need it", hint)
    if ask_as_user(git_dir, "config", "--get", "gc.pruneExpire").text in ("now", "0", "all"):
        hint = "git config --unset gc.pruneExpire"
        yield Finding("warning", "gc.pruneExpire deletes at once what no branch names, which may be in work", hint)
    if (crlf := ask_as_user(git_dir, "config", "--get", "core.autocrlf").text) in ("true", "input"):
        hint = "write line ends down in .gitattributes: `* text=auto`"
        yield Finding("note", f"core.autocrlf is {crlf} for you, and checkouts of agents do not follow it", hint)
    for folder in (git_dir, git_dir / "objects", git_dir / "refs"):
        if not os.access(folder, os.W_OK | os.X_OK):
            hint = "make it writable for this user, or run in a clone of it"
            yield Finding("error", f"the repository cannot be written: {folder}", hint)


def look_at_home() -> Iterator[Finding]:
    """The place for plait's state: there and writable, of a layout that is known, with room."""
    home = home_path()
    if is_there(home):
        plait_home()
    else:
        above = next(parent for parent in home.parents if is_there(parent))
        if not (is_folder(above) and os.access(above, os.W_OK | os.X_OK)):
            hint = "set PLAIT_HOME to a directory of yours"
            yield Finding("error", f"plait's state cannot be kept in {home}: {above} cannot be written", hint)
            return
    require_space(home, LEAST_FREE_BYTES)
    free = os.statvfs(next(parent for parent in (home, *home.parents) if is_there(parent)))
    room = free.f_bavail * free.f_frsize
    yield Finding("fine", f"state is kept in {home}, with {room / 1e9:,.1f} GB free")
    if room < 10 * LEAST_FREE_BYTES:
        yield Finding("warning", "checkouts and logs of a run may need more room than that", "free some space")


def look_at_limits() -> Iterator[Finding]:
    """Open files and temporary files, and the language of texts."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= files < _FEWEST_FILES:
        yield Finding("warning", f"only {files} files may be open at once", f"ulimit -n {_FEWEST_FILES * 4}")
    try:
        with tempfile.TemporaryFile() as trial:
            trial.write(b"x" * 4096)
        place = tempfile.gettempdir()
    except OSError as problem:
        yield Finding(
            "error", f"no temporary file can be made: {problem.strerror or problem}", "set TMPDIR, or free space"
        )
        return
    named = os.environ.get("TMPDIR")
    if named and os.path.realpath(named) != os.path.realpath(place):
        yield Finding("warning", f"TMPDIR is {named}, which cannot be used; {place} is", "unset TMPDIR, or make it")
    if len(place) > _LONGEST_TEMPORARY:
        yield Finding("note", f"TMPDIR is long ({place}): agents get a short link to theirs, your own tools do not")
    if sys.getfilesystemencoding().lower() not in ("utf-8", "utf8"):
        hint = "export LANG=C.UTF-8"
        yield Finding("warning", f"names of files are read as {sys.getfilesystemencoding()}, and not as UTF-8", hint)
    yield Finding("fine", f"{files if files >= 0 else 'any number of'} open files, temporary files in {place}")


_BY_LOGIN = "its calls do not pass the model door, so its budget is held by what it tells itself"


def look_at_agents() -> Iterator[Finding]:
    """The known agent programs on the PATH; that there is none is no fault: a command may be any program."""
    here = list[str]()
    for program, backend in PROGRAMS.items():
        environment = agent_environment(extra=our_values(PROGRAM_FACTS[backend].variables))
        try:
            find_program(program, Path("/"), environment)
        except EnvironmentProblem:
            continue
        here.append(program)
        seen = probe(program, environment)
        if seen is None:
            continue
        yield Finding("fine", f"{program} {seen.version or 'of an unknown version'}")
        if seen.trouble:
            yield Finding("warning", seen.trouble, seen.hint)
        if seen.has_login:
            yield Finding("note", f"{program} has a login and no key: {_BY_LOGIN}")
    if not here:
        hint = "install one, or give a crew a command of your own"
        yield Finding("note", f"no known agent program is on the PATH ({', '.join(PROGRAMS)})", hint)


def look_at_sandboxes() -> Iterator[Finding]:
    """Whether agents can be put into a sandbox: that they cannot is a note, as a role may do without."""
    probe = probe_sandbox()
    if probe.works:
        yield Finding("fine", "agents can be put into a sandbox: a trial in one held")
    else:
        yield Finding("note", f"no sandbox for agents: {probe.why}", probe.hint)


def look_at_secrets(wanted: Mapping[str, str]) -> Iterator[Finding]:
    """Which keys are set, by name alone; `wanted`: by variable, who is to be given it."""
    known = sorted({name for facts in PROGRAM_FACTS.values() for name in facts.variables})
    present = [name for name in known if os.environ.get(name)]
    if present:
        given = [name for name in present if name in wanted]
        hint = "" if given else f"agents of {either(PROGRAMS)} get theirs; a command gets one by `environment: [NAME]`"
        yield Finding("fine" if given else "note", f"set here: {', '.join(present)}", hint)
    for name, owner in sorted(wanted.items()):
        if not name.endswith("*") and not os.environ.get(name):
            hint = f"export {name}=…, or drop it from the plan"
            yield Finding("warning", f"{name} is not set, and {owner} is to be given it", hint)
    if not present and not wanted:
        yield Finding("fine", f"none of {listed(known, limit=4)} is set, and none is asked for")


def _system() -> str:
    return f"WSL ({platform.release()})" if _is_wsl() else f"{platform.system()} {platform.release()}"


def _is_wsl() -> bool:
    return "microsoft" in platform.release().lower()
