"""Runs commands on a harvested tree, in a clean slot with the set-up of the task's role: why it is red, or nothing."""

from collections.abc import Mapping, Sequence

from plait.agent_tasks.errors import TaskImpossible, TaskStopped
from plait.agent_tasks.workshop import Workshop
from plait.plans.tasks.work import WorkOrder
from plait.workspace.deleting import delete_later
from plait.workspace.environment import agent_environment
from plait.workspace.verification import Verification, Verifier


def red_verdict(
    order: WorkOrder,
    shop: Workshop,
    tree: str,
    commands: Sequence[str],
    *,
    slot: str,
    environment: Mapping[str, str] | None = None,
) -> Verification | None:
    """What made a tree red; nothing when all commands passed.

    Args:
        slot: The name of the clean checkout, in the folder of the task.
        environment: Further variables of the commands; verdicts are remembered apart for each set.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        TaskImpossible: the verification could not be carried out.
    """
    place = shop.folder_of(order.task.id) / slot
    setup, inputs = shop.setup_of(order)
    role = shop.role_of(order)
    verifier = Verifier(
        shop.control,
        place=place,
        commands=(),
        setup=setup,
        setup_inputs=inputs,
        cache=shop.cache,
        home=shop.home,
        environment=agent_environment(allow=role.environment, extra={}),
        timeout=order.task.task.timeout or role.timeout,
        slots=1,
        logs=shop.folder_of(order.task.id),
    )
    try:
        seen = verifier.also(commands, environment=environment or {}).verify(tree, stop=shop.stop)
    finally:
        delete_later(place)  # hundreds of tasks would keep hundreds of checkouts until the run ends
    if seen.outcome == "green":
        return None
    if seen.outcome == "cancelled":
        raise TaskStopped("the run was cancelled")
    if seen.outcome == "infrastructure":
        raise TaskImpossible(not_run(seen))
    return seen


def how_red(seen: Verification) -> str:
    """`` `pytest` timed out``."""
    return f"`{seen.command}` {'timed out' if seen.outcome == 'timeout' else 'failed'}"


def not_run(seen: Verification) -> str:
    """Why nothing can be said of a tree: a command, or already its files, met with trouble."""
    return f"{f'`{seen.command}`' if seen.command else 'the verification'} could not be run: {seen.tail}"
