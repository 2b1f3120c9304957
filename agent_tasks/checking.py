"""Truth about "done": not empty, only owned paths, no conflict markers, its own verification green, contracts kept."""

from collections.abc import Iterator
from dataclasses import dataclass

from plait.agent_tasks.repair_start import RepairStart, repair_start
from plait.agent_tasks.verifying import how_red, red_verdict
from plait.agent_tasks.workshop import Workshop
from plait.plans.agents.outcomes import Outcome
from plait.plans.paths import matches, out_of_scope, scope_words
from plait.plans.tasks.planned_contracts import AGAINST, PlannedContract, missing_files
from plait.plans.tasks.work import WorkOrder
from plait.plans.wording import listed
from plait.workspace.claims import Claims
from plait.workspace.contract_refs import missing_of, missing_patterns
from plait.workspace.harvest import Harvest
from plait.workspace.scanning import shown


@dataclass(frozen=True, slots=True)
class NotDone:
    """Why work does not count."""

    reason: str
    """In a sentence, with what a command printed below it."""
    outcome: Outcome


def why_not_done(order: WorkOrder, shop: Workshop, harvested: Harvest) -> NotDone | None:
    """Why this work does not count; nothing when it does. The cheap checks come first.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        TaskImpossible: a command could not be carried out.
        EnvironmentProblem: what a repair started from could not be made again.
    """
    if wrong := check_harvest(order, shop, harvested):
        return wrong
    red = verify_work(order, shop, harvested) or check_contracts(order, shop, harvested)
    return NotDone(red, "check failed") if red else None


def claims_of(order: WorkOrder, shop: Workshop) -> Claims:
    """What the work may hold by its plan: what it owns, with what it locks and the contracts that it writes."""
    spec = order.task.task
    agreed = tuple(path for name in order.task.writes for path in shop.contract(name).files)
    owns = None if spec.owns is None else (*spec.owns, *spec.locked)
    return Claims(owns, (*spec.outputs, *agreed))


def notes_on(harvested: Harvest) -> Iterator[str]:
    """What whoever looks at work that counts should know of it, one sentence each."""
    yield from harvested.notes
    if harvested.swallowed:
        yield f"left out, although its patterns name it: {_swallowed(harvested)}"


def check_harvest(order: WorkOrder, shop: Workshop, harvested: Harvest) -> NotDone | None:
    """Why this work does not count by itself, whatever commands say of it; nothing when it does."""
    if harvested.problems:
        return NotDone("the checkout cannot be committed: " + "; ".join(sorted(harvested.problems)[:5]), "false done")
    spec, start = order.task.task, repair_start(order, shop)
    if start and (left := start.undecided(shop.control.store, harvested.tree)):
        return NotDone(left, "false done")
    if not harvested.changed and spec.changes_required and not (start and start.may_stay):
        return NotDone(f"it said that it was done, but changed nothing{_left_out(harvested)}", "empty")
    if order.repair is None and (idle := _idle_members(order, harvested)):
        nothing = f"it said that it was done, but changed nothing for {', '.join(idle)}"
        return NotDone(f"{nothing}{_left_out(harvested)}", "false done")
    own = [path for path in harvested.changed if not _may_mend(path, order, start)]
    if outside := out_of_scope(own, owns=spec.owns, locked=spec.locked):
        return NotDone(scope_words(outside, task=order.task.id), "out of scope")
    broken = [path for path in own if _is_agreed(path, order, shop)]
    if broken:
        named = ", ".join(map(shown, broken[:5]))
        return NotDone(f"it changed the contract that it rests on, and has to keep to: {named}", "out of scope")
    if missing := _missing_outputs(order, shop, harvested.tree):
        absent = f"no file {' and none '.join(missing)}"
        promised = f"it said that it was done, but what it promised is not there: {absent}"
        return NotDone(f"{promised}{_left_out(harvested)}", "false done")
    return None


def _left_out(harvested: Harvest) -> str:
    """What lies in the checkout and does not count, for a reason; nothing where there is nothing of that kind."""
    parts = [f"; left out is {_swallowed(harvested)}"] if harvested.swallowed else []
    return "".join([*parts, *(f"; {note}" for note in harvested.notes)])


def _swallowed(harvested: Harvest) -> str:
    return listed(map(str, harvested.swallowed), limit=5)


def _missing_outputs(order: WorkOrder, shop: Workshop, tree: str) -> tuple[str, ...]:
    """The promised `outputs` that the work does not have; what is promised by a contract is told by that."""
    agreed = {path for name in order.task.writes for path in shop.contract(name).files}
    promised = tuple(path for path in order.task.task.outputs if path not in agreed)
    return missing_patterns(shop.control, tree, promised) if promised else ()


def _idle_members(order: WorkOrder, harvested: Harvest) -> list[str]:
    """The tasks of a bundle of whose paths none has changed."""
    owned = {member.id: member.task.owns or () for member in order.task.members}
    return [name for name, paths in owned.items() if not any(matches(path, paths) for path in harvested.changed)]


def _is_agreed(path: str, order: WorkOrder, shop: Workshop) -> bool:
    """Whether others rest on a file as it is: one of a contract that the task has not written, nor owns by its plan."""
    rests_on = (shop.contract(name) for name in order.task.contracts if name not in order.task.writes)
    return any(matches(path, contract.files) for contract in rests_on) and not matches(path, order.task.task.owns or ())


def _may_mend(path: str, order: WorkOrder, start: RepairStart | None) -> bool:
    """Whether a repair may change a file whoever owns it: it was named in the order, or handed out in conflict.

    A branch that was rejected for another reason may conflict with what has landed since, as three changes can merge
    in one order and not in another.
    """
    return order.repair is not None and (path in order.repair.files or (start is not None and start.concerns(path)))


def verify_work(order: WorkOrder, shop: Workshop, harvested: Harvest) -> str | None:
    """Run the task's `verify` on what was harvested in a clean slot; why it is red, or nothing.

    Where nothing changed there is nothing that the commands could say of the work.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        TaskImpossible: the verification could not be carried out.
    """
    if harvested.commit is None or not order.task.task.verify:
        return None
    base = shop.control.store.tree_of(shop.base)
    commands, at = order.task.task.verify, harvested.commit
    red = red_verdict(order, shop, harvested.tree, commands, slot="verify", since=base, at=at)
    return f"it said that it was done, but {how_red(red)}:\n{red.tail.strip()[-2000:]}" if red else None


def check_contracts(order: WorkOrder, shop: Workshop, harvested: Harvest) -> str | None:
    """Why what the owner made is not yet the contracts that it owns, in a sentence; nothing when it is.

    Their files have to be there, and their tests to succeed on this very tree, which has the mock alone.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        TaskImpossible: a test could not be carried out.
    """
    for contract in map(shop.contract, order.task.writes):
        missing = missing_of(shop.control, harvested.tree, contract)
        if missing:
            return f"it said that it was done, but {missing_files(contract, missing)}{_left_out(harvested)}"
        if contract.tests and (red := _test(contract, order, shop, harvested.tree)):
            return red
    return None


def _test(contract: PlannedContract, order: WorkOrder, shop: Workshop, tree: str) -> str | None:
    mocked = {AGAINST: "mock"}
    red = red_verdict(order, shop, tree, contract.tests, slot="contract", environment=mocked)
    return (
        f"the contract {contract.id} is not approved: {how_red(red)} on its mock:\n{red.tail[-2000:]}" if red else None
    )
