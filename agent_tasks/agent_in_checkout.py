"""One agent at work in a checkout of its own: laid out, prepared, supervised, and kept until it has been harvested."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from plait.agent_tasks.account_words import note_refusal, refusal_of, tell_if_broken
from plait.agent_tasks.agent_call import call_agent
from plait.agent_tasks.checkpoints import Checkpoints
from plait.agent_tasks.errors import AccountRefused, SetUpFailed, TaskImpossible, TaskStopped, TryFailed
from plait.agent_tasks.private_work import PrivateWork
from plait.agent_tasks.prompts import broken_set_up_section
from plait.agent_tasks.run_door import WayIn
from plait.agent_tasks.sandboxing import sandbox_of
from plait.agent_tasks.set_ups import LONGEST_SECONDS, MakingReady, set_up_of
from plait.agent_tasks.stages import Stages
from plait.agent_tasks.trying import TryFolder, begin_try
from plait.agent_tasks.workshop import Workshop
from plait.blocks.agents.base import AgentOrder, AgentReport, outcome_of
from plait.blocks.agents.command import run_script
from plait.plans.accounts.refusals import Kind, Refusal
from plait.plans.agents.outcomes import Outcome
from plait.plans.errors import PlaitError
from plait.plans.language.crew import Complexity
from plait.plans.language.default_limits import longest_silence, longest_try
from plait.plans.language.durations import Estimate
from plait.plans.language.environment import values_of
from plait.plans.language.groundwork import Groundwork
from plait.plans.names import salvage_branch
from plait.plans.tasks.resuming import ANEW, Continuation
from plait.plans.usage import Usage
from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.deleting import delete_later, delete_tree
from plait.workspace.environment import environment_of
from plait.workspace.errors import SubmoduleMissing
from plait.workspace.git import git_date
from plait.workspace.harvest import note_set_up, salvage
from plait.workspace.ports import lease_ports
from plait.workspace.preparation import Prepared, prepare
from plait.workspace.process import Limits
from plait.workspace.redacting import without_secrets
from plait.workspace.short_paths import short_path
from plait.workspace.submodules import fill_submodules
from plait.workspace.trailers import message_with_trailers

_EVIDENCE = 2_000
"""Characters of what an agent printed that a reason carries."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What one agent is asked to do once, on which files, and within which limits."""

    name: str
    """How people are told of it, such as `CART` or `CART (repair 1)`."""
    task: str
    """Whose folder keeps the try."""
    role: str
    """Of the task: what is left behind is kept below it."""
    agent: str
    """The instance: `<role>-<n>`, of a role that may be another one."""
    dispatch: str
    """What the tries of one errand share."""
    prompt: str
    start: str
    """The commit that it starts from."""
    branch: str
    """The name that the branch has in the checkout."""
    ground: Groundwork
    """What makes its checkout ready."""
    tree: str | None = None
    """Files to start from in place of the commit's, such as a merge with conflict markers."""
    run: str | None = None
    """A shell script that is carried out in an agent's place."""
    complexity: Complexity = "moderate"
    timeout: float | None = None
    """Seconds, where it is not the role's."""
    estimate: Estimate | None = None
    """How long it is planned to take."""
    conflicts: tuple[str, ...] = ()
    """The files of a repair that are in conflict."""
    repair: int = 0
    """0 for the task itself, 1 for its first repair order."""
    answers: int = 0
    """1 for the first answer to a review of its work."""
    spec: str = ""
    """The hash of what the task is: a later run goes on with it as long as that is the same."""
    continuation: Continuation = ANEW
    """What it goes on from."""
    before: Usage | None = None
    """What the session that it goes on with has used up so far."""
    instructions: str = ""
    """What its agent is told in any task, beside the prompt."""
    members: str = ""
    """Of a bundle: what the branch that keeps a failed try says of its tasks, so that they go alone in the next run."""

    @property
    def has_work(self) -> bool:
        """Whether its checkout holds other files than those of a commit that counts."""
        return self.tree is not None or self.continuation.checkpoint is not None


@dataclass(frozen=True, slots=True)
class Worked:
    """What an agent left that ended as it should, and what it says of it; whether that is true is for the harvest."""

    checkout: Checkout
    report: AgentReport
    private: PrivateWork


@contextmanager
def agent_in_checkout(errand: Errand, shop: Workshop) -> Iterator[Worked]:
    """Let an agent work in a fresh checkout to its end, and give what it left to the block, which harvests it.

    However the agent or the block fails, what was left is on a salvage branch, and reason and usage are written down,
    before the checkout goes: the next try starts anew, and its prompt can say why.

    Raises:
        SetUpFailed: the checkout could not be made ready, so this is no try.
        TryFailed: the agent did not end as one that has done its work.
        TaskStopped: the run was cancelled meanwhile, whatever failed then.
        AccountRefused: the agent's account gives nothing now.
    """
    folder = begin_try(shop.folder_of(errand.task), agent=errand.agent, dispatch=errand.dispatch)
    folder.prompt.write_text(errand.prompt, encoding="utf-8")
    private: PrivateWork | None = None
    report: AgentReport | None = None
    checkpoints: Checkpoints | None = None
    stages = Stages()
    try:
        checkout = _handed_out(errand, shop, folder)
        private = PrivateWork(shop.control, checkout, folder)
        checkpoints = Checkpoints(shop, checkout, errand.task)
        folder.note_checkout(checkout, role=errand.role, spec=errand.spec)
        report = _without_secrets(_work(errand, shop, folder, private, checkpoints, stages))
        for note in report.verdict.notes if report.verdict else ():
            shop.tell_once(f"{errand.agent.rpartition('-')[0]}: {without_secrets(note)}")
        _refuse(report)
        with stages.of("check"):
            yield Worked(checkout, report, private)
    except SetUpFailed:
        folder.withdraw()
        raise
    except Exception as failure:
        left = Left(private, report, checkpoints)
        reason, refusal = _write_down(errand, shop, folder, left, stages, failure)
        if shop.stop.is_set() and not isinstance(failure, TaskStopped):
            raise TaskStopped from failure
        if refusal is not None:
            raise AccountRefused(refusal.words) from failure
        if isinstance(failure, (TryFailed, TaskImpossible)) and str(failure) != reason:
            raise type(failure)(reason) from failure
        raise
    finally:
        if os.path.lexists(folder.work):
            delete_later(folder.work)
    folder.close(
        failed=None,
        private_git=private.kept,
        usage=report.usage,
        spent=stages.seconds,
        outcome="done",
        start=errand.start,
        resumed=errand.continuation.session is not None,
    )


def _work(
    errand: Errand,
    shop: Workshop,
    folder: TryFolder,
    private: PrivateWork,
    checkpoints: Checkpoints,
    stages: Stages,
) -> AgentReport:
    """Prepare the checkout and let the agent, or the command, work in it to the end."""
    checkout = private.checkout
    role = shop.crew.role(errand.agent.rpartition("-")[0])
    written, estimate = errand.timeout or role.timeout, errand.estimate
    timeout, stall = longest_try(written, estimate), longest_silence(role.stall, estimate, timeout=written)
    with lease_ports(shop.home) as port:
        temporary = short_path(checkout.temporary, shop.home)
        variables = {"PLAIT_PORT": str(port), "PLAIT_TASK": errand.task, "TMPDIR": str(temporary)}
        environment = environment_of(errand.ground.environment, extra=variables)
        with stages.of("setup"):
            prompt = errand.prompt + _make_ready(errand, shop, folder, checkout, environment)
        folder.prompt.write_text(prompt, encoding="utf-8")
        order = AgentOrder(
            task=errand.task,
            attempt=folder.attempt,
            prompt=prompt,
            directory=checkout.directory,
            output=folder.output,
            environment=environment,
            timeout=timeout,
            stall=stall,
            model=role.model_for(errand.complexity),
            temporary=checkout.temporary,
            stop=shop.stop,
            on_line=lambda line: shop.hear(errand.task, line),
            on_activity=lambda activity: shop.act(errand.task, activity),
            repair=errand.repair,
            answers=errand.answers,
            home=folder.home,
            session=errand.continuation.session,
            before=errand.before,
            instructions=errand.instructions,
            on_session=folder.note_session,
        )
        private.begin()
        with stages.of("work"):
            if errand.run is not None:
                name = errand.agent.rpartition("-")[0]
                box = sandbox_of(name, "command", order, shop, WayIn())
                return run_script(replace(order, memory=role.memory, sandbox=box), errand.run)
            return call_agent(errand.agent.rpartition("-")[0], order, shop, checkpoints)


def _handed_out(errand: Errand, shop: Workshop, folder: TryFolder) -> Checkout:
    tree, before = errand.tree, ""
    if errand.continuation.checkpoint is not None:
        store = shop.control.store
        tree, before = store.tree_of(errand.continuation.checkpoint), tree or store.tree_of(errand.start)
    return make_checkout(
        shop.control,
        folder.work,
        errand.start,
        branch=errand.branch,
        tree=tree,
        before=before,
        surroundings=shop.surroundings,
        copied=shop.copied(errand.ground.copy),
    )


def _make_ready(
    errand: Errand, shop: Workshop, folder: TryFolder, checkout: Checkout, environment: Mapping[str, str]
) -> str:
    """Carry out the set-up, and write down what it left: that is not the agent's work.

    Where the files are what is to be mended, or what another try has left, it may fail: a section of the prompt on
    that, else nothing.

    Raises:
        SetUpFailed: it fails, for all who need it.
        TaskStopped: the run was cancelled meanwhile.
    """
    role, ground = shop.crew.role(errand.agent.rpartition("-")[0]), errand.ground

    def attempt() -> Prepared:
        return prepare(
            checkout.directory,
            commands=ground.setup,
            inputs=ground.setup_inputs,
            cache=shop.cache,
            environment={**environment, **shop.surroundings.for_set_ups},
            output=folder.setup,
            stop=shop.stop,
            limits=Limits(timeout=errand.timeout or role.timeout or LONGEST_SECONDS),
            # Elsewhere other agents' code may run in the set-up.
            keep=errand.start == shop.base and not errand.has_work and not errand.repair,
            values=values_of(ground.environment),
            submodules=ground.submodules,
        )

    def again() -> None:
        shop.tell(f"{errand.name}: the set-up failed, and is tried once more")
        delete_tree(checkout.place)
        _handed_out(errand, shop, folder)
        fill()

    def fill() -> None:
        try:
            if ground.submodules:
                fill_submodules(shop.control, checkout.directory, checkout.tree)
        except SubmoduleMissing as missing:  # a rejected branch may name another one: that is what is to be mended
            if not errand.repair:
                raise
            shop.tell(f"{errand.name}: {missing}")

    fill()
    making = MakingReady(set_up_of(ground), checkout.tree, attempt, again, shop.stop, f"plait logs {errand.task}")
    failure = _carried_out(errand, shop, making)
    if (ground.setup or ground.submodules) and (
        problems := note_set_up(shop.control, checkout, undecided=errand.conflicts)
    ):
        raise SetUpFailed(f"the set-up left what git must not read, so no agent began: {'; '.join(problems)}")
    return "" if failure is None else f"\n{broken_set_up_section(ground.setup, failure)}\n"


def _carried_out(errand: Errand, shop: Workshop, making: MakingReady) -> str | None:
    """Why the set-up failed on files that are to be mended, or that another try has left, if it did."""
    if not errand.has_work:
        shop.set_ups.carry_out(making)
        return None
    failure = shop.set_ups.carry_out_to_mend(making)
    if failure is not None:
        if shop.stop.is_set():
            raise TaskStopped
        shop.tell(f"{errand.name}: the set-up fails on the files that are to be mended, so the agent is told of it")
    return failure


def _without_secrets(report: AgentReport) -> AgentReport:
    """What goes on into messages, commits and the next prompt: what backends tell themselves has been in no log."""
    summary, tail = without_secrets(report.summary), without_secrets(report.tail)
    problem, told = report.problem and without_secrets(report.problem), report.verdict
    if told is not None:
        told = replace(told, words=without_secrets(told.words), reason=without_secrets(told.reason))
    return replace(report, summary=summary, tail=tail, problem=problem, verdict=told)


def _refuse(report: AgentReport) -> None:
    """Raise where an agent did not end as one that has done its work, with what it printed last."""
    if report.problem is None:
        return
    shown = report.tail.strip()[-_EVIDENCE:]
    problem = f"{report.problem}\n{shown}" if shown and shown not in report.problem else report.problem
    if outcome_of(report) == "budget spent":  # another try would be stopped as well
        raise TaskImpossible(problem)
    raise TaskStopped(problem) if report.cause == "cancelled" else TryFailed(problem)


@dataclass(frozen=True, slots=True)
class Left:
    """What there is of a failed try, as far as it came."""

    private: PrivateWork | None
    report: AgentReport | None
    checkpoints: Checkpoints | None


def _write_down(
    errand: Errand, shop: Workshop, folder: TryFolder, left: Left, stages: Stages, failure: Exception
) -> tuple[str, Refusal | None]:
    """Keep what a failed try left behind, and why it failed for the next try's prompt.

    Why, and what is kept; and what the agent's account has said, where that is why.
    """
    private, report = left.private, left.report
    reason = without_secrets(str(failure).strip()) or type(failure).__name__
    kept = _salvage(errand, shop, folder, private.checkout, reason) if private is not None else None
    if private is not None and (told := private.keep(all_of_it=True)):
        first, _, rest = reason.partition("\n")
        reason = f"{first}; {told}" + (f"\n{rest}" if rest else "")
    own_git, refusal = private.kept if private else None, None
    if report is not None and errand.run is None and isinstance(failure, TryFailed) and not shop.stop.is_set():
        role, changed = errand.agent.rpartition("-")[0], bool(kept or own_git or folder.left.exists())
        refusal = refusal_of(report, role, shop, changed=changed)
        if refusal is None:
            tell_if_broken(report, errand.task, role, shop, changed=changed)
        else:
            note_refusal(refusal, role, shop)
    with suppress(OSError):  # a full disk must not hide what went wrong first
        folder.close(
            failed=reason,
            salvage=kept,
            private_git=own_git,
            refused=refusal,
            usage=report.usage if report else None,
            spent=stages.seconds,
            outcome=_outcome(report, failure, refusal),
            start=errand.start,
            checkpoint=_checkpoint(errand, shop, folder, left.checkpoints, kept),
            left_work=kept is not None or folder.left.exists(),
            resumed=errand.continuation.session is not None,
        )
    if not shop.stop.is_set():
        counts = "does not count" if refusal is None else "is not counted"
        shop.tell(f"{errand.name}: try {folder.number} {counts}: {reason.splitlines()[0]}")
    return reason, refusal


_BY_ACCOUNT: dict[Kind, Outcome] = {"quota": "quota ended", "login": "login needed", "overload": "overloaded"}


def _outcome(report: AgentReport | None, failure: Exception, refusal: Refusal | None) -> Outcome:
    """What a failed try came to: what the agent came to by itself, else what was found of its work."""
    if isinstance(failure, TaskStopped) or report is None:
        return "cancelled"
    if (own := outcome_of(report)) != "done":
        return own
    if refusal is not None:
        return _BY_ACCOUNT[refusal.kind]
    return failure.outcome if isinstance(failure, TryFailed) else "check failed"


def _checkpoint(
    errand: Errand, shop: Workshop, folder: TryFolder, checkpoints: Checkpoints | None, kept: str | None
) -> str | None:
    """The commit that the next try may go on from: with what was left, if that is worth it.

    It is where a session knows of the files, or where the agent was at work for so long that there was a checkpoint.
    """
    newest = checkpoints.newest if checkpoints else None
    is_worth_it = folder.session is not None or newest is not None or errand.continuation.checkpoint is not None
    if not is_worth_it:
        return None
    with suppress(PlaitError, OSError):
        return (shop.control.branch(kept) if kept else None) or newest
    return newest


def _salvage(errand: Errand, shop: Workshop, folder: TryFolder, checkout: Checkout, reason: str) -> str | None:
    branch = salvage_branch(shop.feature, errand.role, errand.task, folder.number)
    trailers = {"Plait-Run": shop.run_id, "Plait-Task": errand.task}
    if errand.members and not shop.stop.is_set():
        trailers["Plait-Members"] = errand.members
    message = message_with_trailers(f"Salvage of {errand.name}, try {folder.number}", reason[-_EVIDENCE:], trailers)
    try:
        date, aside = git_date(), folder.unfiltered
        kept = salvage(shop.control, checkout, branch=branch, message=message, date=date, aside=aside)
    except (PlaitError, OSError) as problem:
        place = folder.keep_checkout()
        shop.tell(f"{errand.name}: what try {folder.number} left is still in {place}, and on no branch: {problem}")
        return None
    if aside.is_dir():
        shop.tell(f"{errand.name}: files of try {folder.number} that no branch may have are in {aside}")
    return kept
