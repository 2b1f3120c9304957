"""What a feature plan says, and nothing about how it is carried out."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from plait.plans.language.budget import Budget
from plait.plans.language.crew import Complexity, Crew
from plait.plans.language.durations import Estimate, Seconds, SomeSeconds, read_estimate
from plait.plans.language.editions import KEEP_DAYS
from plait.plans.language.environment import Environment
from plait.plans.language.fields import (
    BaseName,
    Command,
    Commands,
    FeatureName,
    ForeignBranch,
    Goal,
    Line,
    LintCode,
    Part,
    PathPattern,
    PathPatterns,
    PersonLine,
    Priority,
    Prose,
    Slug,
)
from plait.plans.language.merge_rules import PathRule
from plait.plans.language.verify_stages import Verify

COMMAND_ROLE = "command"
"""The role of a `run` task that names none."""

MAX_TASKS = 2_000
MAX_NEEDS = 500
SUBJECT_LENGTH = 72
"""What git's own tools show of a commit's first line."""


class Need(Part):
    """What must have happened before a task starts. A plain id is a hard need on that task."""

    task: str | None = Field(default=None, description="The id of the needed task.")
    kind: Literal["hard", "information", "none"] = Field(
        default="hard",
        description="hard: starts when the other has finished, from its commits; information: gets its draft as text; "
        "none: a note that the two have to do with each other, for which nobody waits.",
    )
    contract: str | None = Field(default=None, description="The id of a contract: starts when that is approved.")
    any: tuple[str, ...] | None = Field(
        default=None, min_length=1, max_length=100, description="Ids of tasks: starts from the first that succeeds."
    )

    @model_validator(mode="before")
    @classmethod
    def _id_alone(cls, data: Any) -> Any:
        return {"task": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(given is not None for given in (self.task, self.contract, self.any)) != 1:
            raise ValueError("must name exactly one of task, contract and any")
        if self.kind != "hard" and self.task is None:
            what = "for information" if self.kind == "information" else "of kind none"
            raise ValueError(f"only a need on one task can be {what}")
        return self

    @property
    def is_note(self) -> bool:
        """Whether it makes nobody wait."""
        return self.kind == "none"


class Lock(Part):
    """A path that the task holds while it works. A plain path is locked exclusively."""

    path: PathPattern = Field(description="The path or pattern, from the repository's root.")
    mode: Literal["exclusive", "shared"] = Field(
        default="exclusive",
        description="exclusive: nobody else may use it, and the task may change it; shared: to read.",
    )

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data


class Review(Part):
    """Who reads the work before it counts as finished."""

    by: Slug = Field(description="The role that reviews.")
    rounds: int = Field(default=2, ge=1, le=20, description="How often the author may answer before a person decides.")


class Silence(Part):
    """A finding of `plait check` that is meant to be so."""

    code: LintCode = Field(description="The rule that is silenced, such as PLAN103.")
    tasks: tuple[Slug, ...] = Field(
        default=(),
        max_length=MAX_TASKS,
        description="What is found about these tasks, and no others, is silenced; absent: all that the rule finds.",
    )
    reason: Prose = Field(description="Why it is meant to be so.")


class TaskSilence(Part):
    """A finding of `plait check` about a task that is meant to be so."""

    code: LintCode = Field(description="The rule that is silenced, such as PLAN103.")
    reason: Prose = Field(description="Why it is meant to be so.")


class TaskLint(Part):
    """What `plait check` keeps to itself of a task."""

    ignore: tuple[TaskSilence, ...] = Field(default=(), max_length=100, description="Rules, each with a reason.")


class Lint(Part):
    """What `plait check` keeps to itself."""

    ignore: tuple[Silence, ...] = Field(default=(), max_length=500, description="Rules, each with a reason.")


class Task(Part):
    """One piece of work: one agent, one branch."""

    id: Slug = Field(description="The task's name, such as TASK-001; `count` adds a dot and a number.")
    title: Line | None = Field(default=None, description="What it is about, in a line.")
    role: Slug | None = Field(
        default=None, description="Who does it; `run` and `branch` go without, and for a `prompt` one is chosen."
    )
    prompt: Prose | None = Field(default=None, description="What the agent is asked to do; or `run`, or `branch`.")
    run: Command | None = Field(default=None, description="A shell command that does the work; or `prompt`.")
    branch: ForeignBranch | None = Field(
        default=None,
        description="A branch that is integrated as it is: its name, origin/NAME, or a fetched ref such as "
        "refs/pull/12/head; or `prompt`, or `run`.",
    )
    needs: tuple[Need, ...] = Field(
        default=(), max_length=MAX_NEEDS, description="What it waits for: ids of tasks, or mappings."
    )
    duration: Annotated[Estimate | None, BeforeValidator(read_estimate)] = Field(
        default=None, description="How long it takes: 2h, 90m, 1h30m, PT1H30M, or optimistic, likely and pessimistic."
    )
    priority: Priority = Field(default=3, description="critical, high, medium, low or idle, or 1 (first) to 5 (last).")
    complexity: Complexity = Field(default="moderate", description="simple, moderate or complex: chooses the model.")
    tags: tuple[Line, ...] = Field(default=(), max_length=50, description="Words to find it by, shown in Prefect.")
    owns: PathPatterns | None = Field(
        default=None,
        description="Patterns (*, ?, **, a trailing / for all below) that it may change; "
        "absent: all that is not protected; []: nothing.",
    )
    locks: tuple[Lock, ...] = Field(default=(), max_length=100, description="Paths that it holds while it works.")
    outputs: PathPatterns = Field(default=(), description="Paths of what it makes for others.")
    verify: Verify = Field(
        default=(), description="Shell commands, or named stages of some, that must succeed on its work."
    )
    criteria: tuple[Prose, ...] = Field(default=(), max_length=100, description="When it is good, in words.")
    retries: int = Field(default=2, ge=0, le=20, description="How often it is tried again after a failed try.")
    timeout: SomeSeconds | None = Field(default=None, description="The longest that one try may take, such as 8h.")
    review: Review | None = Field(default=None, description="Who reads the work before it counts as finished.")
    uses: dict[Slug, Annotated[int, Field(ge=1, le=10_000)]] = Field(
        default_factory=dict, description="Units of the plan's resources that it takes while it runs."
    )
    count: int = Field(default=1, ge=1, le=1_000, description="How many agents get this same task, as ID.1, ID.2, …")
    best_of: int | None = Field(
        default=None,
        ge=2,
        le=10,
        description="How many agents do it beside each other, of its role and of those that this falls back on, in "
        "turn; the best work that its checks let pass is the task's.",
    )
    bundle: bool = Field(default=True, description="false: never given to an agent together with other small tasks.")
    changes: Literal["required", "optional"] | None = Field(
        default=None,
        description="Whether it must change a file: required is the default for agents, optional for `run`.",
    )
    setup: Commands = Field(
        default=(), description="Shell commands that make its checkout ready, instead of the role's."
    )
    setup_inputs: PathPatterns = Field(
        default=(),
        description="Files that `setup` depends on, such as lock files: unchanged, its result is used again.",
    )
    environment: Environment = Field(
        default=(),
        description="Environment variables that it is given beside the crew's and the role's: names, or NAME: value.",
    )
    copy: PathPatterns = Field(  # type: ignore[assignment]  # see `Part`
        default=(),
        description="Files that git does not have and that its checkouts need, beside the crew's and the role's.",
    )
    lint: TaskLint = Field(default_factory=TaskLint, description="Findings about it that are meant to be so.")

    @model_validator(mode="after")
    def _one_kind_of_work(self) -> Self:
        if problem := work_problem(prompt=self.prompt, run=self.run, branch=self.branch):
            raise ValueError(problem)
        if self.best_of and (self.count > 1 or not self.is_for_agent):
            raise ValueError("may have best_of only where an agent does it, once: with a prompt, and without a count")
        return self

    @property
    def changes_required(self) -> bool:
        """Whether changing nothing is a failed try."""
        return self.changes == "required" if self.changes else self.is_for_agent

    @property
    def is_for_agent(self) -> bool:
        """Whether an agent does it, and not a command or somebody elsewhere."""
        return self.run is None and self.branch is None

    @property
    def locked(self) -> tuple[str, ...]:
        """Paths that it may change because it holds them alone."""
        return tuple(lock.path for lock in self.locks if lock.mode == "exclusive")

    @property
    def subject(self) -> str:
        """What it is about, in one line of at most 72 characters: the title, or how its prompt or command begins."""
        line = self.title or (self.prompt or self.run or f"The branch {self.branch}").strip().splitlines()[0].strip()
        return line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1].rstrip() + "…"


def work_problem(*, prompt: Any, run: Any, branch: Any) -> str | None:
    """What is wrong with a task's three keys together, as a sentence's end."""
    if sum(given is not None for given in (prompt, run, branch)) != 1:
        return "must have exactly one of prompt, run and branch"
    return None


class Contract(Part):
    """What several tasks agree on, so that those who use it start before those who fulfil it have finished."""

    id: Slug = Field(description="The contract's name.")
    version: int = Field(default=1, ge=1, le=10_000, description="Rises with each change after approval.")
    owner: str | None = Field(
        default=None,
        description="The task that writes it; without one a task is inserted that does, unless it is approved on base.",
    )
    consumers: tuple[str, ...] = Field(
        default=(), max_length=MAX_NEEDS, description="Tasks that rest on it, beside those that say so in their needs."
    )
    fulfilled_by: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_NEEDS,
        description="Tasks that make the real thing: its tests run once all of them come together; absent: with any "
        "consumer.",
    )
    files: PathPatterns = Field(default=(), description="Where it is written down.")
    mock: PathPatterns = Field(default=(), description="What stands in for the real thing until that is there.")
    tests: Commands = Field(
        default=(),
        description="Shell commands that test the mock before it is approved (PLAIT_CONTRACT=mock), and the real "
        "thing at integration (PLAIT_CONTRACT=real).",
    )
    approval: Literal["tests", "person"] = Field(
        default="tests", description="Who approves it: its tests alone, or also a person, by `plait approve`."
    )
    status: Literal["draft", "approved", "superseded"] = Field(
        default="draft",
        description="draft: still to be written and approved; approved: it is on base, or needs no person any more; "
        "superseded: nothing rests on it.",
    )


class Phase(Part):
    """A group of tasks that ends when all of them have succeeded."""

    id: Slug = Field(description="The phase's name.")
    title: Line | None = Field(default=None, description="What it is about, in a line.")
    order: Literal["parallel", "sequential"] = Field(default="parallel", description="Beside or after one another.")
    tasks: tuple[str, ...] = Field(default=(), max_length=MAX_TASKS, description="Ids of its tasks.")


class Integration(Part):
    """How finished branches come together on the feature branch."""

    ready: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="A batch forms when this share has finished of the agents that were at work when its first branch "
        "was; without it and `wait`, as soon as a verification slot is free.",
    )
    wait: Seconds | None = Field(
        default=None, description="Or when the oldest finished branch has waited so long, such as 10m."
    )
    verify: Verify = Field(
        default=(),
        description="Shell commands, or named stages of some, that must succeed on the exact tree that lands.",
    )
    base: Literal["known", "green", "new-failures"] = Field(
        default="known",
        description="What a red base means: known (it is told at once, and what is green on top of it lands), green "
        "(nothing more starts), or new-failures (what is red on base does not count).",
    )
    environment: Environment = Field(
        default=(),
        description="Environment variables that `verify` is given beside the crew's: names, or NAME: value.",
    )
    timeout: SomeSeconds | None = Field(default=None, description="The longest that one verification may take.")
    role: Slug | None = Field(
        default=None,
        description="Who mends base where it is taken in and does not fit, and no role made what it conflicts with.",
    )
    slots: int = Field(default=1, ge=1, le=64, description="How many verifications run at the same time.")
    repairs: int = Field(default=2, ge=0, le=20, description="How often a rejected branch goes back to its role.")
    merge: tuple[PathRule, ...] = Field(
        default=(),
        max_length=200,
        description="Rules by path for conflicts, tried in this order before an agent is asked: names of presets, or "
        "mappings of paths and a way.",
    )
    structure: bool = Field(
        default=True,
        description="Whether conflicts are settled by structure (Python, JSON, YAML, TOML) where that is certain.",
    )
    author: PersonLine | None = Field(
        default=None,
        description="The author of the merge commits and of what plait writes itself, such as Ada Byron "
        "<ada@example.com>; absent: plait. The committer is always plait.",
    )
    signoff: bool = Field(
        default=False, description="Whether plait's commits end with a Signed-off-by line of yours, as git knows you."
    )
    sign: bool = Field(
        default=False, description="Whether what lands is signed, as your own git is configured to sign."
    )
    land: Literal["never", "approve", "auto"] = Field(
        default="never",
        description="Whether the feature goes onto base: never, when a person says so by `plait land`, or by itself "
        "once all of it has landed on the feature branch.",
    )
    land_by: Literal["fast-forward", "merge", "squash"] = Field(
        default="merge",
        description="How it goes there: as it is (merged where base has moved on), by a merge commit, or as one commit "
        "that names all of its tasks.",
    )
    push: Literal["none", "integration", "all"] = Field(
        default="none",
        description="What is pushed at the end of a run: nothing, the feature branch, or the agents' branches, too.",
    )


class Plan(Part):
    """A feature, and the tasks that make it."""

    feature: FeatureName = Field(
        description="The feature's name: its branches are feature/<name>/…. {date} (of the schedule's day) and {run} "
        "in it make each run a feature of its own, an edition: nightly-{date}."
    )
    goal: Goal = Field(default="", description="What is there when it is done, in a sentence or a few.")
    base: BaseName | None = Field(
        default=None,
        description="What it starts from: a branch, a fetched one as origin/main, a tag or a commit; absent: the "
        "branch that the repository is on.",
    )
    crew: Crew = Field(
        default_factory=Crew, description="Roles of this plan, over those of the crew that it runs with."
    )
    resources: dict[Slug, Annotated[int, Field(ge=1, le=10_000)]] = Field(
        default_factory=dict, description="Named things that few tasks can use at once, and how many there are."
    )
    contracts: tuple[Contract, ...] = Field(default=(), max_length=500, description="What tasks agree on.")
    phases: tuple[Phase, ...] = Field(default=(), max_length=200, description="Groups of tasks, one after another.")
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=MAX_TASKS, description="The pieces of work.")
    integration: Integration = Field(
        default_factory=Integration, description="How finished branches come together and are verified."
    )
    budget: Budget | None = Field(default=None, description="The most that a run of it may spend, and a day.")
    keep: int = Field(
        default=KEEP_DAYS,
        ge=1,
        le=3650,
        description="Days after which the branches of an edition that has landed on base are removed.",
    )
    lint: Lint = Field(default_factory=Lint, description="Findings of `plait check` that are meant to be so.")
