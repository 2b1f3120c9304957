"""What contracts ask of one step: of their owner's work, of a prompt, of a batch's verification."""

from collections.abc import Collection, Iterable, Iterator

from plait.agent_tasks.verifying import how_red, red_verdict
from plait.agent_tasks.workshop import Workshop
from plait.plans.tasks.contracts import AGAINST, PlannedContract, commands_of, missing_files, to_be_tested
from plait.plans.tasks.quoting import fenced, shortened
from plait.plans.tasks.work import WorkOrder
from plait.workspace.contract_refs import missing_patterns
from plait.workspace.verification import Verifier

_TOLD = 4_000
"""Characters of a person's reason that a prompt carries."""


def check_contracts(order: WorkOrder, shop: Workshop, tree: str) -> str | None:
    """Why what the owner made is not yet the contracts that it owns, in a sentence; nothing when it is.

    Their files have to be there, and their tests to succeed on this very tree, which has the mock alone.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        TaskImpossible: a test could not be carried out.
    """
    for contract in map(shop.contract, order.task.writes):
        missing = missing_patterns(shop.control, tree, contract)
        if missing:
            return f"it said that it was done, but {missing_files(contract, missing)}"
        if contract.tests and (red := _test(contract, order, shop, tree)):
            return red
    return None


def _test(contract: PlannedContract, order: WorkOrder, shop: Workshop, tree: str) -> str | None:
    mocked = {AGAINST: "mock"}
    red = red_verdict(order, shop, tree, contract.tests, slot="contract", environment=mocked)
    return (
        f"the contract {contract.id} is not approved: {how_red(red)} on its mock:\n{red.tail[-2000:]}" if red else None
    )


def contracts_in(shop: Workshop, present: Collection[str]) -> tuple[PlannedContract, ...]:
    """The contracts whose tests a tree with the work of these tasks has to pass."""
    return to_be_tested(shop.contracts, present)


def verifier_with(shop: Workshop, contracts: Iterable[PlannedContract]) -> Verifier:
    """What verifies a tree that these contracts can be tested in: `integration.verify`, then their tests."""
    return shop.verifier.also(commands_of(contracts), environment={AGAINST: "real"})


def contract_sections(order: WorkOrder, shop: Workshop) -> Iterator[str]:
    """What the prompt of an owner or a consumer says about its contracts."""
    for reason in order.rejections:
        yield f"## A person rejected what you made\n\n{fenced(shortened(reason, _TOLD))}"
    for name in order.task.writes:
        yield f"## The contract {name}, which you write\n\n{_list(_of_owner(shop.contract(name)))}"
    versions = {agreement.contract: agreement.version for agreement in order.agreements}
    for name in order.task.contracts:
        heading = f"{name}, version {versions[name]}" if name in versions else name
        yield f"## The contract {heading}, which you rest on\n\n{_list(_of_consumer(shop.contract(name), order))}"


def _of_owner(contract: PlannedContract) -> Iterator[str]:
    if contract.files:
        yield f"It must be there at the end: {_spelled(contract.files)}."
    if contract.mock:
        yield f"What stands in for the real thing must be there, too: {_spelled(contract.mock)}."
    for command in contract.tests:
        yield f"This command must succeed on it: `{command}` (with {AGAINST}=mock; at integration with {AGAINST}=real)."
    if contract.consumers:
        yield f"These tasks start from it, and see nothing else of your work: {', '.join(contract.consumers)}."


def _of_consumer(contract: PlannedContract, order: WorkOrder) -> Iterator[str]:
    if contract.files:
        yield f"It is written down in {_spelled(contract.files)}: keep to it, and do not change it."
    if contract.mock:
        yield f"Until the real thing is there, {_spelled(contract.mock)} stands in for it."
    if order.task.id in contract.fulfilled_by:
        yield "You make the real thing."
    for command in contract.tests:
        yield f"At integration this command tests the real thing: `{command}` (with {AGAINST}=real)."


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _spelled(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)
