"""Whether the agents of a plan can be started: their programs, here or in the repository, and their scripts."""

import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from plait.flows.inputs.given_files import read_given_file
from plait.flows.inputs.requests import Brief
from plait.plans.agents.programs import PROGRAM_FACTS
from plait.plans.errors import EnvironmentProblem, PlaitError, PlanError, Problem
from plait.plans.language.command_templates import lack_of
from plait.plans.language.crew import Role
from plait.plans.language.environment import added
from plait.plans.language.places import Loc
from plait.plans.language.verify_stages import commands_in
from plait.plans.quality.check_programs import programs_of, programs_of_arguments
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.reviewers import reviewer_of
from plait.plans.wording import listed
from plait.workspace.home import expanded
from plait.workspace.places import is_folder, is_there
from plait.workspace.programs import backend_of
from plait.workspace.small_files import read_plain_file

if TYPE_CHECKING:  # git, processes and scripts are looked at where a plan has them
    from plait.workspace.git import GitRepository

_ALIKE = 0.8
"""Of difflib: a PATH has thousands of names, and `claude` is 0.63 like `ctrlaltdel`."""

_SHELL_SCRIPT = re.compile(r"#!.*\b(?:ba|da|z|k)?sh\b")
_LARGEST_SCRIPT = 64 * 1024

NO_PROGRAM, NO_SCRIPT = "PLAN010", "PLAN011"


def shell_scripts(place: Path) -> Callable[[str], str]:
    """What gives the text of a shell script by the word of a command that names it; empty for all else.

    Args:
        place: Any directory of the user's checkout: a relative name begins at the top of a checkout, or there.
    """

    def text_of(word: str) -> str:
        if "/" not in word and not word.endswith(".sh"):
            return ""
        top = next((folder for folder in (place, *place.absolute().parents) if is_there(folder / ".git")), place)
        with suppress(OSError, ValueError):
            text = read_plain_file(top / expanded(word), most=_LARGEST_SCRIPT)
            return text if word.endswith(".sh") or _SHELL_SCRIPT.match(text) else ""
        return ""

    return text_of


def missing_agents(brief: Brief, place: Path, only: Collection[str] = ()) -> tuple[Problem, ...]:
    """What the roles of a plan's tasks name and nobody could start, all of it at once, each with its place.

    A program with a slash in its name is looked for in the files of base, unless a set-up may make it there.

    Args:
        place: Any directory of the repository; without a repository nothing is said of programs within it.
        only: Ids of the tasks that count; all when it is empty.
    """
    return tuple(
        problem
        for name, tasks in sorted(_staffed(brief, only).items())
        for problem in _problems_of(brief, name, tasks, place)
    )


def unstaffed(brief: Brief, only: Collection[str] = ()) -> str | None:
    """A sentence on roles that have no agent, because nobody has said who is the crew; nothing where all have one."""
    nobody, why = list[str](), ""
    for name in sorted(_staffed(brief, only)):
        role = brief.crew.role(name)
        if role.own_backend or brief.crew.default_backend:
            continue
        try:
            backend_of(name, role)
        except EnvironmentProblem as problem:
            nobody.append(name)
            why = why or f"{problem.message}; {problem.hint}"
    return (
        f"nobody works as {listed(nobody, limit=5)} yet, and a run is refused without a crew: {why}" if nobody else None
    )


def require_agents(brief: Brief, place: Path, only: Collection[str] = ()) -> None:
    """Refuse a plan whose agents cannot be started.

    Raises:
        PlanError: a backend lacks what it needs, a script is not there or has mistakes; whatever else is wrong with it.
        EnvironmentProblem: their programs are missing, or no backend can be chosen.
    """
    problems = [*_lacks(brief, only), *missing_agents(brief, place, only)]
    if any(problem.code != NO_PROGRAM for problem in problems):
        raise PlanError(brief.source, tuple(problems))
    for name in sorted(_staffed(brief, only)):
        backend_of(name, brief.crew.role(name), default=brief.crew.default_backend)
    if problems:
        raise EnvironmentProblem("\n".join(problem.at(brief.source) for problem in problems))


def _lacks(brief: Brief, only: Collection[str]) -> Iterator[Problem]:
    """What lint finds as well, and a run would meet only when it opens its agents."""
    for name, tasks in sorted(_staffed(brief, only).items()):
        if lack := lack_of(brief.crew, name, sorted({task.task.complexity for task in tasks})):
            yield _at(brief, name, "backend", f"the role {name} has no agent: {lack}", None, "PLAN009")


def _staffed(brief: Brief, only: Collection[str]) -> dict[str, list[PlannedTask]]:
    """By role the tasks that its agents do, or whose work they read."""
    staffed = dict[str, list[PlannedTask]]()
    for task in brief.expansion.tasks:
        if task.task.is_for_agent and (not only or task.id in only):
            staffed.setdefault(task.role, []).append(task)
    for task in brief.expansion.tasks:
        if task.task.review is not None and (not only or task.id in only):
            staffed.setdefault(reviewer_of(task, task.task.review.by, brief.crew), []).append(task)
    return staffed


def _problems_of(brief: Brief, name: str, tasks: Collection[PlannedTask], place: Path) -> Iterator[Problem]:
    role = brief.crew.role(name)
    backend = role.own_backend or brief.crew.default_backend
    if backend == "command" and role.command:
        made_by_setup = role.setup or brief.crew.setup or all(task.task.setup or task.needs for task in tasks)
        message, hint = _why_not_found(brief, role, place, may_come=bool(made_by_setup))
        if message:
            yield _at(brief, name, "command", f"the program of the role {name} {message}", hint, NO_PROGRAM)
    elif backend is not None and backend in PROGRAM_FACTS:
        try:
            backend_of(name, role, default=backend)
        except EnvironmentProblem as problem:
            yield _at(brief, name, "backend", problem.message, problem.hint, NO_PROGRAM)
    elif backend == "scripted" and role.script:
        yield from _script_problems(brief, name, role.script)


def _why_not_found(brief: Brief, role: Role, place: Path, *, may_come: bool) -> tuple[str, str | None]:
    """What is wrong with the program of a role, after its name, and a hint; nothing is wrong when it is empty."""
    program = (role.command or ("",))[0]
    program = str(expanded(program)) if program.startswith("~") else program
    if "/" in program and not program.startswith("/"):
        return ("", None) if may_come else _why_not_in_base(brief, program, place)
    from plait.workspace.environment import environment_of
    from plait.workspace.starting import find_program

    environment = environment_of(added(brief.crew.environment, role.environment), extra={})
    try:
        find_program(program, Path("/"), environment)
        for program in () if may_come else programs_of_arguments(role.command or ()):  # of its line of shell
            find_program(program, Path("/"), environment)
    except EnvironmentProblem as problem:
        if problem.message.endswith("was not found"):
            near = get_close_matches(program, sorted({*_programs_like(program, environment["PATH"])}), 1, _ALIKE)
            return f"was not found: {program}", f"did you mean {near[0]!r}?" if near else problem.hint
        return f"cannot be started: {problem.message}", problem.hint
    return "", None


def missing_of_checks(brief: Brief) -> dict[str, tuple[str, str, bool]]:
    """By program that checks name and that is not on the PATH they get: of whom, in which command, and whether a set-up
    comes before it, which may bring it.
    """
    from plait.workspace.environment import environment_of

    plan, crew = brief.plan, brief.crew
    checks = [("integration.verify", plan.integration.verify, bool(crew.setup), plan.integration.environment)]
    for task in brief.expansion.tasks:
        role = crew.role(task.role)
        given = added(role.environment, task.task.environment)
        checks.append((task.id, task.task.verify, bool(task.task.setup or role.setup or crew.setup), given))
    missing = dict[str, tuple[str, str, bool]]()
    for owner, verify, is_set_up, given in checks:
        named = [(program, command) for command in commands_in(verify) for program in programs_of(command)]
        environment = environment_of(added(crew.environment, given), extra={}) if named else {}
        for program, command in named:
            if program not in missing and not _is_here(program, environment):
                missing[program] = owner, command, is_set_up
    return missing


def _is_here(program: str, environment: dict[str, str]) -> bool:
    from plait.workspace.starting import find_program

    try:
        find_program(program, Path("/"), environment)
    except EnvironmentProblem:
        return False
    return True


def _programs_like(name: str, search_path: str) -> Iterator[str]:
    """Programs on a PATH that begin as this one does."""
    for folder in search_path.split(os.pathsep):
        with suppress(OSError):
            yield from (entry.name for entry in Path(folder).iterdir() if entry.name[:1] == name[:1])


def _why_not_in_base(brief: Brief, program: str, place: Path) -> tuple[str, str | None]:
    path = posixpath.normpath(program)
    if path.startswith("../"):
        return f"is outside of every checkout: {program}", "name it by its full path"
    repository = _repository(place)
    named = brief.plan.base
    places = [f"{kind}/{named}" for kind in ("refs/heads", "refs/remotes", "refs/tags")] if named else ["HEAD"]
    commit = next(filter(None, map(repository.resolve, places)), None) if repository else None
    if repository is None or commit is None:
        return "", None
    listing = repository.ask("ls-tree", "-z", commit, "--", path).records
    if not listing:
        return f"is not in the repository: {program}", f"commit {path}, or let `setup` make it"
    mode = listing[0][:6]
    if mode == "100644":
        return f"is not executable: {program}", f"git update-index --chmod=+x {path}, and commit that"
    return ("", None) if mode in ("100755", "120000") else (f"is no file: {program}", None)


def _repository(place: Path) -> "GitRepository | None":
    from plait.workspace.git import GitRepository, repository_around

    try:
        around = repository_around(place)
    except PlaitError:
        return None
    return GitRepository(Path(around)) if around else None


def _script_problems(brief: Brief, name: str, script: str) -> Iterator[Problem]:
    from plait.plans.language.scripts import read_script

    path = brief.folder / expanded(script)
    reason = "it is a directory" if is_folder(path) else ""
    try:
        text = b"" if reason else path.read_bytes()
    except OSError as problem:
        reason = problem.strerror or "it cannot be read"
    if reason:
        message = f"the script of the role {name} cannot be read: {path}: {reason}"
        yield _at(brief, name, "script", message, "its path begins at the file that has the role", NO_SCRIPT)
        return
    try:
        read_script(text, str(path))
    except PlanError as mistakes:
        for mistake in mistakes.problems:
            yield replace(mistake, file=str(path), code=NO_SCRIPT)


def _at(brief: Brief, name: str, key: str, message: str, hint: str | None, code: str) -> Problem:
    """The mistake where the plan or the crew file has the key, else at the role of the first task."""
    loc: Loc = ("crew", "roles", name, key)
    if brief.places.written(loc)[-1:] == (key,):
        return brief.places.problem(loc, message, hint, code=code)
    if brief.crew_file is not None:
        from plait.plans.language.documents import read

        with suppress(PlaitError):
            places = read(read_given_file(brief.crew_file), source=str(brief.crew_file)).places
            if places.written(("roles", name, key))[-1:] == (key,):
                problem = places.problem(("roles", name, key), message, hint, code=code)
                return replace(problem, file=str(brief.crew_file))
    at = next((at for at, task in enumerate(brief.plan.tasks) if task.role == name), 0)
    return brief.places.problem(("tasks", at, "role"), message, hint, code=code)
