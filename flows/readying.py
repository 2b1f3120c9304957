"""Makes a person's checkout ready as those of the task are: copied files, submodules, set-up."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plait.agent_tasks.kept_facts import kept_facts
from plait.flows.recording.run_files import read_own_groundwork
from plait.plans.errors import CallError, PlaitError
from plait.plans.language.environment import values_of
from plait.plans.language.groundwork import NOTHING, Groundwork, groundwork_of
from plait.plans.wording import in_code
from plait.workspace.checkouts import Checkout
from plait.workspace.clone_git import Surroundings
from plait.workspace.control import Control
from plait.workspace.copied_files import NO_FILES, CopiedFiles, copied_files
from plait.workspace.environment import environment_of
from plait.workspace.harvest import note_set_up
from plait.workspace.home import plait_home
from plait.workspace.ports import lease_ports
from plait.workspace.preparation import prepare
from plait.workspace.process import Limits
from plait.workspace.short_paths import short_path
from plait.workspace.submodules import fill_submodules

_LONGEST_SECONDS = 3600.0
"""Of one command, where the role has no `timeout`."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a task's checkouts had in the feature's last run."""

    clone: str = ""
    """Where its user worked."""
    ground: Groundwork = NOTHING
    timeout: float = _LONGEST_SECONDS


def readiness_of(control: Control, run: Path, *, feature: str, task: str, role: str) -> Readiness:
    """As the run had it; nothing where that was not kept."""
    try:
        facts = kept_facts(control, feature)
    except CallError:
        return Readiness()
    own = read_own_groundwork(run).get(task, NOTHING)
    timeout = facts.crew.role(role).timeout or _LONGEST_SECONDS
    return Readiness(facts.clone, groundwork_of(facts.crew, role, own), timeout)


def files_beside(control: Control, readiness: Readiness) -> CopiedFiles:
    """The files of the user's clone that go beside those of the commit."""
    if not readiness.clone:
        return NO_FILES
    return copied_files(Path(readiness.clone), control, readiness.ground.copy)


def make_ready(
    control: Control,
    checkout: Checkout,
    readiness: Readiness,
    *,
    task: str,
    around: Surroundings,
    undecided: tuple[str, ...],
    set_up: bool,
) -> Iterator[str]:
    """Fill submodules and carry out the set-up; in a sentence each what did not work, or was left out.

    Nothing of it is an error: what fails may do so for the very conflict that the person is to settle.

    Args:
        undecided: The files in conflict.
        set_up: Whether to carry out the commands.
    """
    ground = readiness.ground
    commands = "; ".join(map(in_code, ground.setup))
    try:
        if ground.submodules:
            fill_submodules(control, checkout.directory, checkout.tree)
        if ground.setup and not set_up:
            yield f"its set-up was left out: {commands}"
        elif ground.setup and (failure := _set_up(checkout, readiness, task=task, around=around)):
            yield f"its set-up failed here, maybe for the conflict; run it yourself once that is settled: {failure}"
        if ground.submodules or (ground.setup and set_up):
            yield from note_set_up(control, checkout, undecided=undecided)
    except PlaitError as problem:
        yield f"it could not be made ready: {problem}"


def _set_up(checkout: Checkout, readiness: Readiness, *, task: str, around: Surroundings) -> str:
    """The command that failed, and where what it printed is; empty where all went well."""
    ground, home, log = readiness.ground, plait_home(), checkout.place / "set-up.log"
    with lease_ports(home) as port:
        temporary = short_path(checkout.temporary, home)
        extra = {"PLAIT_PORT": str(port), "PLAIT_TASK": task, "TMPDIR": str(temporary), **around.for_set_ups}
        prepared = prepare(
            checkout.directory,
            commands=ground.setup,
            inputs=ground.setup_inputs,
            cache=home / "cache",
            environment=environment_of(ground.environment, extra=extra),
            output=log,
            limits=Limits(timeout=readiness.timeout),
            keep=False,
            values=values_of(ground.environment),
            submodules=ground.submodules,
        )
    return "" if prepared.ok else f"{in_code(prepared.command or '')} ({log})"
