"""What is open where the work of one run is done: opened from the run's facts, found by its id, never sent."""

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from plait.agent_tasks.batch_record import BatchRecord
from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.pipeline import Pipeline
from plait.agent_tasks.resting import Resting
from plait.agent_tasks.run_budget import RunBudget
from plait.agent_tasks.run_door import RunDoor
from plait.agent_tasks.set_ups import MakingReady, SetUps, set_up_of
from plait.agent_tasks.stages import Stages
from plait.blocks.agents.base import CodingAgent
from plait.blocks.agents.registry import agent_for
from plait.plans.agents.activity import Activity
from plait.plans.budgets.limits import day_limits, run_limits
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.crew import Crew, Role
from plait.plans.language.environment import GivenVariable, meanings, values_of
from plait.plans.language.given_variables import variables_of_servers
from plait.plans.language.groundwork import Groundwork, crews_groundwork, groundwork_of, own_groundwork
from plait.plans.language.secret_values import given_secrets, secret_values
from plait.plans.merging.path_rules import file_rules
from plait.plans.names import integration_branch
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.planned_contracts import PlannedContract
from plait.plans.tasks.work import RunFacts, WorkOrder
from plait.workspace.clone_git import NO_SURROUNDINGS, Surroundings, surroundings_of
from plait.workspace.commit_style import PLAIN, CommitStyle, style_of
from plait.workspace.control import HEADS, Control, open_control
from plait.workspace.copied_files import NO_FILES, CopiedFiles, copied_files
from plait.workspace.environment import environment_of
from plait.workspace.merge_programs import MergePrograms, found_programs
from plait.workspace.merging import SettledPath
from plait.workspace.preparation import SetUpTrial
from plait.workspace.redacting import kept_secret, without_secrets
from plait.workspace.ref_landing import BranchLander, Lander
from plait.workspace.remaking import Remade, Remaker
from plait.workspace.settling import Settler
from plait.workspace.verification import Verifier


@dataclass(frozen=True, slots=True)
class Workshop:
    """Everything that steps of work share in one process: the repository, the crew's agents, the stop signal."""

    facts: RunFacts
    control: Control
    verifier: Verifier
    """Of `integration.verify`."""
    remaker: Remaker
    """Of `integration.merge`."""
    lander: Lander
    stop: threading.Event
    pause: threading.Event
    """Set while the run is paused: no other try begins."""
    over: threading.Event
    """Set when the run is over: what nobody waits for any more ends."""
    pipeline: Pipeline
    """The batches that are in work at once."""
    hear: Callable[[str, str], None]
    """Told a task's id and the last line that its agent printed."""
    tell: Callable[[str], None]
    """Told in a line what a person who watches should know."""
    act: Callable[[str, Activity], None] = lambda _task, _activity: None
    """Told a task's id and what its agent does now."""
    resting: Resting = field(default_factory=Resting)
    """The roles that start no agent now."""
    surroundings: Surroundings = NO_SURROUNDINGS
    """What checkouts know of the user's repository."""
    style: CommitStyle = PLAIN
    """How commits are written, as the plan and the user's git had it when this was opened."""
    stages: Stages = field(default_factory=Stages)
    """How long the stages of a batch take; each batch has its own."""
    record: BatchRecord = field(default_factory=BatchRecord)
    """What a batch did; each has its own."""
    door: RunDoor = field(kw_only=True, compare=False)
    """How agents that have a key reach their providers."""
    budget: RunBudget = field(kw_only=True, compare=False)
    """Whether they may spend more."""
    set_ups: SetUps = field(default_factory=SetUps, compare=False)
    """Which of the run's set-ups work."""
    _told: set[str] = field(default_factory=set, compare=False)
    """What people have been told once."""
    _merged_by_programs: dict[str, tuple[bytes, str] | None] = field(default_factory=dict, compare=False)
    """What programs made of conflicts: a search merges the same ones again and again."""
    _copied: dict[tuple[str, ...], CopiedFiles] = field(default_factory=dict, compare=False)
    """By what was asked for: the files as they were when they were read first."""
    _agents: dict[str, CodingAgent] = field(default_factory=dict, compare=False)
    """By role, those that have been asked for."""

    @property
    def settler(self) -> Settler:
        """What the plan says about conflicts, and what this machine has for them."""
        rules, structure = file_rules(self.facts.integration.merge), self.facts.integration.structure
        if not structure:
            return Settler(rules, structure)
        common = self.control.common_dir
        found = found_programs(outside=common.parent if common.name == ".git" else None)
        return Settler(rules, programs=MergePrograms(found, self._merged_by_programs))

    def remake(self, tree: str, settled: Sequence[SettledPath]) -> Remade:
        """Make anew what a merge left to the plan's commands.

        Raises:
            TaskStopped: the run was cancelled meanwhile.
            GitFailed: an object is missing.
            EnvironmentProblem: the command could not be carried out.
        """
        remade = self.remaker.remake(tree, settled, stop=self.stop)
        if remade.outcome == "cancelled":
            raise TaskStopped("the run was cancelled")
        if remade.outcome == "infrastructure":
            raise EnvironmentProblem(remade.problem)
        return remade

    def tell_once(self, words: str) -> None:
        """Tell what holds for many tries, and is to be read once a run."""
        if words not in self._told:
            self._told.add(words)
            self.tell(words)

    @property
    def run_id(self) -> str:
        return self.facts.run

    @property
    def feature(self) -> str:
        return self.facts.feature

    @property
    def base(self) -> str:
        """The commit that the feature starts from."""
        return self.facts.base

    @property
    def crew(self) -> Crew:
        return self.facts.crew

    @property
    def contracts(self) -> tuple[PlannedContract, ...]:
        return self.facts.contracts

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return self.facts.phases

    @property
    def home(self) -> Path:
        """PLAIT_HOME."""
        return Path(self.facts.home)

    @property
    def directory(self) -> Path:
        """This run's own folder below PLAIT_HOME: logs, checkouts, results."""
        return Path(self.facts.directory)

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    def contract(self, name: str) -> PlannedContract:
        """The plan's contract of this name."""
        return next(contract for contract in self.contracts if contract.id == name)

    def agent_of(self, role: str) -> CodingAgent:
        """The agent that works as a role, opened when it is asked for first.

        Raises:
            CallError: its settings do not make an agent.
            EnvironmentProblem: its program is not on this machine.
        """
        if role not in self._agents:
            folder, default = Path(self.facts.scripts), self.crew.default_backend
            self._agents[role] = agent_for(role, self.crew.role(role), base_directory=folder, default=default)
        return self._agents[role]

    def helpers_of(self, task: PlannedTask) -> tuple[str, ...]:
        """The roles that may do a task while its own has no slot for it; without an agent only what takes none."""
        helpers = self.crew.role(task.role).fallback
        return helpers if not task.task.is_for_agent else tuple(role for role in helpers if role in self.facts.agents)

    def role_of(self, order: WorkOrder) -> Role:
        """The role of the agent that carries an order out; nothing but defaults for a command without a role."""
        return self.crew.role(order.role)

    def groundwork_of(self, order: WorkOrder) -> Groundwork:
        """What makes an order's checkout ready."""
        return groundwork_of(self.crew, order.role, own_groundwork(order.task.task))

    def copied(self, *patterns: Iterable[str], of: Collection[str] = ()) -> CopiedFiles:
        """The files that checkouts get beside those of their commit: the crew's, these roles', and further ones.

        Raises:
            GitFailed: the clone's index cannot be read.
        """
        several = (self.crew.copy, *(self.crew.role(role).copy for role in sorted(of)), *patterns)
        wanted = tuple(dict.fromkeys(pattern for named in several for pattern in named))
        if not self.facts.clone:
            return NO_FILES
        if wanted not in self._copied:
            self._copied[wanted] = copied_files(Path(self.facts.clone), self.control, wanted)
        return self._copied[wanted]

    def secrets(self, *, given: Iterable[GivenVariable] = (), copied: CopiedFiles = NO_FILES) -> tuple[str, ...]:
        """What nobody is to read: of our environment, of the crew's, and of further variables and files."""
        ground = crews_groundwork(self.crew, self.facts.integration)
        of_roles = (variable for role in self.crew.roles.values() for variable in role.environment)
        variables = (*ground.environment, *of_roles, *variables_of_servers(self.crew), *given)
        words = (*self.copied().words(), *copied.words())
        return (*secret_values(os.environ), *given_secrets(variables, os.environ, words=words))

    def folder_of(self, task_id: str) -> Path:
        """Where a task's tries, logs and results are kept."""
        return self.directory / "tasks" / task_id


_OPEN: dict[str, Workshop] = {}
"""By run, the workshops of this process."""
_OVER: set[str] = set()
"""Runs that this process has closed: what of them comes late must not open them again, deaf to the stop signal."""
_OPENING = threading.Lock()


def _nobody(*_said: object) -> None:
    """Where nobody watches."""


@contextmanager
def opened_workshop(
    facts: RunFacts,
    *,
    control: Control | None = None,
    stop: threading.Event | None = None,
    hear: Callable[[str, str], None] = _nobody,
    tell: Callable[[str], None] = _nobody,
    act: Callable[[str, Activity], None] = _nobody,
) -> Iterator[Workshop]:
    """Open the workshop of a run with what is no data, and let all orders that come to this process find it.

    Args:
        control: The repository, where it is open already.
        stop: Set when the run is cancelled.
        hear: Told a task's id and the last line that its agent printed; called from any thread.
        tell: Told in a line what a person who watches should know.
        act: Told a task's id and what its agent does now; called from any thread.

    Raises:
        CallError, EnvironmentProblem: as `open_control`.
    """
    before = _OPEN.get(facts.run)
    shop = _open(facts, control or _control(facts), stop or threading.Event(), hear, tell, act)
    _OVER.discard(facts.run)
    _OPEN[facts.run] = shop
    try:
        with kept_secret(shop.secrets()):
            yield shop
    finally:
        shop.door.shut()
        if before is not None:
            _OPEN[facts.run] = before
        else:
            del _OPEN[facts.run]
            _OVER.add(facts.run)


def workshop_of(facts: RunFacts) -> Workshop:
    """The workshop of a run in this process; where nobody has opened it, it is opened now, and stays open.

    Raises:
        TaskStopped: the run is over.
        CallError, EnvironmentProblem: as `open_control`.
    """
    with _OPENING:
        if facts.run in _OVER:
            raise TaskStopped("the run is over")
        if facts.run not in _OPEN:
            _OPEN[facts.run] = _open(facts, _control(facts), threading.Event(), _nobody, _nobody, _nobody)
        return _OPEN[facts.run]


def _branch(ref: str) -> str:
    """The user's branch that a ref is; empty for what was fetched, tags and the like."""
    return ref.removeprefix(HEADS) if ref.startswith(HEADS) else ""


def _control(facts: RunFacts) -> Control:
    return open_control(Path(facts.repository), home=Path(facts.home))


def _open(
    facts: RunFacts,
    control: Control,
    stop: threading.Event,
    hear: Callable[[str, str], None],
    tell: Callable[[str], None],
    act: Callable[[str, Activity], None],
) -> Workshop:
    def hear_cleanly(task: str, line: str) -> None:
        hear(task, without_secrets(line))

    def tell_cleanly(words: str) -> None:
        tell(without_secrets(words))

    def act_cleanly(task: str, activity: Activity) -> None:
        words, tool = without_secrets(activity.words), without_secrets(activity.tool)
        act(task, replace(activity, words=words, tool=tool))

    directory, home, integration = Path(facts.directory), Path(facts.home), facts.integration
    crew, set_ups = facts.crew, SetUps()
    ground = crews_groundwork(crew, integration)
    given, set_up = ground.environment, set_up_of(ground)
    surroundings = surroundings_of(control, base=facts.base, branch=_branch(facts.onto), clone=facts.clone)
    copied = copied_files(Path(facts.clone), control, crew.copy) if facts.clone else NO_FILES

    def make_ready(trial: SetUpTrial) -> str | None:
        return set_ups.carry_out_to_verify(MakingReady.of_verification(set_up, trial))

    verifier = Verifier(
        control,
        place=directory / "slots",
        commands=integration.verify,
        setup=ground.setup,
        setup_inputs=ground.setup_inputs,
        submodules=ground.submodules,
        make_ready=make_ready,
        cache=home / "cache",
        home=home,
        environment=environment_of(given, extra={}),
        variables=(*meanings(given), *copied.meanings),
        copied=copied,
        timeout=integration.timeout,
        slots=integration.slots,
        logs=directory / "verifications",
        surroundings=surroundings,
        set_up_values=values_of(given),
    )
    lander = BranchLander(control, facts.feature, integration_branch(facts.feature), facts.base)
    pause, over = threading.Event(), threading.Event()
    style, remaker = style_of(control, integration), Remaker(control, verifier)
    door = RunDoor(home, facts.run, run_limits(facts.budget), day_limits(facts.budget))
    shared = (stop, pause, over, Pipeline())
    return Workshop(
        facts,
        control,
        verifier,
        remaker,
        lander,
        *shared,
        hear_cleanly,
        tell_cleanly,
        act_cleanly,
        surroundings=surroundings,
        style=style,
        set_ups=set_ups,
        door=door,
        budget=RunBudget(run_limits(facts.budget), door),
    )
