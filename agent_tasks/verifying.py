"""What a tree is verified with: a task's own commands in a clean slot, the plan's and its contracts' at integration."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from plait.agent_tasks.errors import TaskImpossible, TaskStopped
from plait.agent_tasks.trying import newest_try
from plait.agent_tasks.workshop import Workshop
from plait.plans.language.environment import meanings, values_of
from plait.plans.language.verify_stages import Check
from plait.plans.tasks.outcomes import StageOutcome
from plait.plans.tasks.planned_contracts import AGAINST, PlannedContract, commands_of, to_be_tested
from plait.plans.tasks.work import WorkOrder
from plait.plans.wording import listed
from plait.workspace.deleting import delete_later
from plait.workspace.environment import environment_of
from plait.workspace.output import plain
from plait.workspace.verification import Verification, Verifier


def red_verdict(
    order: WorkOrder,
    shop: Workshop,
    tree: str,
    commands: Sequence[Check],
    *,
    slot: str,
    environment: Mapping[str, str] | None = None,
    since: str | None = None,
    at: str | None = None,
) -> Verification | None:
    """What made a tree red; nothing when all commands passed.

    Args:
        slot: The name of the clean checkout, in the folder of the task.
        since: The tree that the work is compared with: stages of whose paths none is other do not run.
        environment: Further variables of the commands; verdicts are remembered apart for each set.
        at: The commit of the tree, where it has one.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        TaskImpossible: the verification could not be carried out.
    """
    place = shop.folder_of(order.task.id) / slot
    ground = shop.groundwork_of(order)
    given, copied = ground.environment, shop.copied(ground.copy)
    verifier = Verifier(
        shop.control,
        place=place,
        commands=(),
        setup=ground.setup,
        setup_inputs=ground.setup_inputs,
        submodules=ground.submodules,
        cache=shop.cache,
        home=shop.home,
        environment=environment_of(given, extra={}),
        variables=(*meanings(given), *copied.meanings),
        set_up_values=values_of(given),
        timeout=order.task.task.timeout or shop.role_of(order).timeout,
        slots=1,
        logs=newest_try(shop.folder_of(order.task.id)) or shop.folder_of(order.task.id),
        surroundings=shop.surroundings,
        copied=copied,
    )
    try:
        verifier = verifier.also(commands, environment=environment or {})
        verifier = verifier.since(since, tree) if since else verifier
        seen = verifier.verify(tree, at=at, stop=shop.stop)
    finally:
        delete_later(place)  # hundreds of tasks would keep hundreds of checkouts until the run ends
    if seen.outcome == "green":
        return None
    if seen.outcome == "cancelled":
        raise TaskStopped("the run was cancelled")
    if seen.outcome == "infrastructure":
        raise TaskImpossible(not_run(seen))
    return seen


def contracts_in(shop: Workshop, present: Collection[str]) -> tuple[PlannedContract, ...]:
    """The contracts whose tests a tree with the work of these tasks has to pass."""
    return to_be_tested(shop.contracts, present)


def verifier_with(shop: Workshop, contracts: Iterable[PlannedContract]) -> Verifier:
    """What verifies a tree that these contracts can be tested in: `integration.verify`, then their tests."""
    return shop.verifier.also(commands_of(contracts), environment={AGAINST: "real"})


def stages_of(verifier: Verifier, tree: str) -> tuple[StageOutcome, ...]:
    """What came of each stage when a tree was verified in this run; fit to be shown and kept."""
    seen = verifier.recall(tree)
    return tuple(
        StageOutcome(
            name=stage.name,
            verdict=stage.outcome,
            command=plain(stage.command),
            seconds=round(stage.seconds, 3),
            log=stage.log.name if stage.log else None,
            failing=stage.failing,
        )
        for stage in (seen.stages if seen else ())
    )


def how_red(seen: Verification) -> str:
    """`` `pytest` timed out``."""
    tests = f" in {listed(seen.failing, limit=5)}" if seen.failing else ""
    return f"`{seen.command}` {'timed out' if seen.outcome == 'timeout' else 'failed'}{tests}"


def not_run(seen: Verification) -> str:
    """Why nothing can be said of a tree: a command, or already its files, met with trouble."""
    return f"{f'`{seen.command}`' if seen.command else 'the verification'} could not be run: {seen.tail}"
