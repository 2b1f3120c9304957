"""A trial of what a run rests on, before anything is paid: agents, set-ups in a clean slot, the programs of checks."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plait.flows.running.outset import Outset
from plait.flows.running.reviewing_roles import reviewers_of
from plait.flows.running.startable import Startable
from plait.plans.agents.programs import PROGRAM_FACTS
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.backends import PROGRAMS
from plait.plans.language.environment import GivenVariable, added, values_of
from plait.plans.language.groundwork import Groundwork, crews_groundwork, groundwork_of, own_groundwork
from plait.plans.language.verify_stages import Check, commands_in
from plait.plans.names import integration_branch
from plait.plans.quality.check_programs import programs_of
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.wording import listed
from plait.workspace.agent_probes import ProgramSeen, probe
from plait.workspace.clone_git import surroundings_of
from plait.workspace.control import HEADS, Control
from plait.workspace.copied_files import clone_around, copied_files
from plait.workspace.environment import environment_of, our_values
from plait.workspace.output import plain
from plait.workspace.starting import find_program
from plait.workspace.submodules import fetch_submodules
from plait.workspace.verification import Verification, Verifier
from plait.workspace.verification_slots import Slot

LONGEST_SET_UP = 3600.0
"""Seconds, where the plan gives no `timeout`."""
REMEMBERED = 24 * 3600.0
"""Seconds for which a set-up that worked on the same files is not tried again."""
_LINES = 15
_BEYOND = "`plait run --no-preflight` starts all the same"


@dataclass(slots=True)
class _Ground:
    """Checkouts that are made ready in one way, and what is checked in them."""

    work: Groundwork
    checks: dict[str, list[str]] = field(default_factory=dict)
    """By command, who names it: `integration.verify`, or tasks."""

    def add(self, owner: str, checks: Iterable[Check]) -> None:
        for command in commands_in(checks):
            self.checks.setdefault(command, []).append(owner)


@dataclass(frozen=True, slots=True)
class _Site:
    """The repository that a trial is made in."""

    control: Control
    home: Path
    commit: str
    """What the next task of the feature starts from."""
    clone: Path
    """Where the user works."""
    branch: str
    """The user's branch that the commit is of, if it is one."""


def try_out(
    startable: Startable,
    repository: Path,
    *,
    home: Path,
    step: Callable[[str], None],
    note: Callable[[str], None],
) -> None:
    """Refuse a run whose set-up or checks could not work here; say what is seen of the agents.

    What set-ups make of lock files is kept, so that the first tasks do not make it again. What checks say is for the
    run to find out: a red one may be what the plan is for.

    Raises:
        EnvironmentProblem: a set-up fails on what the feature starts from, or a program that a check names is missing.
        DiskFull: no space for a slot.
    """
    outset, control = startable.outset, startable.control
    ahead = [task for task in outset.brief.expansion.tasks if task.id in outset.ahead] if outset else []
    if outset is None or not ahead:
        return
    for seen, roles in _agents_seen(outset, ahead):
        step(f"{seen.name} {seen.version or 'of an unknown version'} works as {listed(roles, limit=5)}")
        if seen.trouble:
            note(f"{seen.trouble}; {seen.hint}")
    base = startable.start.base.base
    branch = base.ref.removeprefix(HEADS) if base and base.ref and base.ref.startswith(HEADS) else ""
    site = _Site(control, home, _next_start(startable, outset), clone_around(repository, control), branch)
    missing = list[str]()
    for ground in _grounds(outset, ahead):
        missing += _missing_on(ground, site, step=step)
    if missing:
        raise EnvironmentProblem(
            "\n".join(dict.fromkeys(missing)),
            f"install it where checks find it, let `setup` do so, or name its path; {_BEYOND}",
        )


def _next_start(startable: Startable, outset: Outset) -> str:
    """Where the next task starts: on the feature branch, which has what earlier tasks made; before that on base."""
    branch = integration_branch(outset.brief.plan.feature)
    return (None if startable.start.fresh else startable.control.branch(branch)) or outset.commit


def _grounds(outset: Outset, ahead: Iterable[PlannedTask]) -> list[_Ground]:
    """Each way of making a checkout ready once; the one of `integration.verify` first.

    A set-up of tasks that all wait for others is left out: what it works on may be what those make.
    """
    crew, grounds = outset.brief.crew, dict[Groundwork, _Ground]()
    integration = outset.brief.plan.integration
    whole = crews_groundwork(crew, integration)
    grounds[whole] = _Ground(whole)
    grounds[whole].add("integration.verify", integration.verify)
    for task in sorted(ahead, key=lambda task: _waits(outset, task)):
        work = groundwork_of(crew, task.role, own_groundwork(task.task))
        if work in grounds or not work.setup or not _waits(outset, task):
            grounds.setdefault(work, _Ground(work)).add(task.id, task.task.verify)
    return list(grounds.values())


def _waits(outset: Outset, task: PlannedTask) -> bool:
    """Whether it cannot start at once: something that it needs is still to be done."""
    return not all(any(need in outset.reuse.finished for need in group) for group in task.needs)


def _missing_on(ground: _Ground, site: _Site, *, step: Callable[[str], None]) -> list[str]:
    """What checks name and nobody finds on this ground, in sentences.

    Raises:
        EnvironmentProblem: its set-up fails.
    """
    control, home = site.control, site.home
    environment = environment_of(ground.work.environment, extra={})
    tree = control.store.tree_of(site.commit)
    copied = copied_files(site.clone, control, ground.work.copy)
    key = _key(tree, ground, environment, (*copied.meanings, str(site.clone)))
    worked = control.directory / "verified" / f"set-up-{key}"
    if not ground.work.setup or _is_recent(worked):
        return list(_not_found(ground, Path("/"), environment))
    if ground.work.submodules:
        fetch_submodules(control, site.commit)
    found = list[str]()
    with tempfile.TemporaryDirectory(prefix="preflight-", dir=home, ignore_cleanup_errors=True) as name:
        verifier = Verifier(
            control,
            place=Path(name) / "slots",
            commands=(),
            setup=ground.work.setup,
            setup_inputs=ground.work.setup_inputs,
            submodules=ground.work.submodules,
            cache=home / "cache",
            home=home,
            environment=environment,
            timeout=LONGEST_SET_UP,
            slots=1,
            logs=Path(name) / "logs",
            surroundings=surroundings_of(control, base=site.commit, branch=site.branch, clone=str(site.clone)),
            copied=copied,
            keeps_set_up=True,
            set_up_values=values_of(ground.work.environment),
        )

        def look(slot: Slot) -> None:
            found.extend(_not_found(ground, slot.directory, environment))

        step(f"trying the set-up once: {'; '.join(ground.work.setup)}")
        seen = verifier.run_once(tree, ":", (), collect=look)
        if not seen.green:
            raise EnvironmentProblem(_failed(ground, seen), f"mend it before anything is paid; {_BEYOND}")
    if not found:
        with suppress(OSError):
            worked.parent.mkdir(parents=True, exist_ok=True)
            worked.touch()
    return found


def _key(tree: str, ground: _Ground, environment: Mapping[str, str], beside: tuple[str, ...]) -> str:
    """What decides whether a set-up works, as far as we see it; `beside`: what it finds beside the commit's files."""
    work = ground.work
    parts = (tree, work.setup, work.setup_inputs, work.submodules, sorted(environment.items()), beside)
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _is_recent(worked: Path) -> bool:
    """Whether a set-up has worked within the day: a registry or a disk may be another one since."""
    try:
        return 0 <= time.time() - worked.stat().st_mtime < REMEMBERED
    except OSError:
        return False


def _not_found(ground: _Ground, directory: Path, environment: dict[str, str]) -> Iterator[str]:
    for command, owners in ground.checks.items():
        for program in programs_of(command):
            try:
                find_program(program, directory, environment)
            except EnvironmentProblem:
                after = ", also after the set-up" if ground.work.setup else ""
                yield f"{program} is not found{after}: `{command}` of {listed(owners, limit=5)} could never be green"


def _failed(ground: _Ground, seen: Verification) -> str:
    last = [line for line in plain(seen.tail).splitlines() if line.strip()][-_LINES:]
    said = "\n".join(last) if last else "it printed nothing"
    how = "timed out" if seen.outcome == "timeout" else "failed"
    return f"the set-up {how} on what the feature starts from: {'; '.join(ground.work.setup)}\n{said}"


def _agents_seen(outset: Outset, ahead: Iterable[PlannedTask]) -> Iterator[tuple[ProgramSeen, list[str]]]:
    """The known agent programs of the plan, as they were seen just now, and the roles that they work as."""
    users = dict[tuple[str, tuple[GivenVariable, ...]], list[str]]()
    tasks = tuple(ahead)
    doing = {task.role for task in tasks if task.task.is_for_agent}
    for name in sorted({*doing, *reviewers_of(outset.brief, tasks)}):
        role = outset.brief.crew.role(name)
        backend = role.own_backend or outset.brief.crew.default_backend
        program = role.command[0] if role.command and backend == "command" else backend or ""
        if program in PROGRAMS or backend == "command":
            given = added(outset.brief.crew.environment, role.environment)
            users.setdefault((program, given), []).append(name)
    for (program, given), names in users.items():
        keys = our_values(PROGRAM_FACTS[PROGRAMS[program]].variables) if program in PROGRAMS else {}
        seen = probe(program, keys | environment_of(given, extra={}))
        if seen is not None:
            yield seen, names
