"""Lets the largest, most urgent set of a batch's branches land where some do not fit together."""

from collections.abc import Callable, Collection, Mapping, Sequence

from plait.agent_tasks.workshop import Workshop
from plait.plans.landing.landing_choice import Contender, choose
from plait.plans.language.phases import absent_from, held_back
from plait.plans.tasks.work import BatchOrder
from plait.workspace.chains import Branch, Chain, ChainBuilder
from plait.workspace.prediction import predicted_conflicts

Settles = Callable[[Sequence[str]], bool]
"""Whether a rule or a structure might merge what conflicts in these paths, so that it has to be tried."""

_MOST = 128
"""Branches of which every pair is merged: 8,128 pairs take 2.5 s at 0.3 ms, and only where something conflicts."""
_TRIED = 300
"""Pairs that are merged once more, as rules might settle them; what is beyond that counts as it was predicted."""


def _never(_paths: Sequence[str]) -> bool:
    return False


def chain_that_lands_most(
    order: BatchOrder,
    shop: Workshop,
    builder: ChainBuilder,
    branches: Sequence[Branch],
    touched: Mapping[str, Collection[str]],
    *,
    settles: Settles = _never,
) -> tuple[Chain, tuple[Branch, ...]]:
    """The chain to verify, and the branches in the order in which they are merged into it.

    In the order given where that takes all. Else whichever does not go together is known by pairs before anything is
    verified, and the best set goes first (`choose`): what is left out then conflicts with a branch that lands. Three
    branches may conflict where no two do: so a choice counts only when its chain is not smaller than the first.

    Args:
        touched: By task the paths that its branch changed itself: who shares none with what conflicts takes no part.
        settles: Asked about the paths of each predicted conflict.

    Raises:
        GitFailed: git could not tell, which says nothing about any branch.
    """
    first = builder.build(branches)
    apart = {clash.task for clash in first.conflicts if clash.conflict.unrelated}
    if len(apart) == len(first.conflicts):  # what has no history in common fits nothing, in whatever order
        return first, tuple(branches)
    complete = builder.complete(branches)
    rivals = _rivals(first, complete, touched)
    if len(rivals) > _MOST:
        return first, tuple(branches)
    tips = {branch.task: branch.tip for branch in complete if branch.task in rivals - apart}
    predicted = predicted_conflicts(shop.control.store, builder.base, tips)
    real = _real(predicted, first, builder, complete, settles)
    clashes = [*_with_base(order, real), *(frozenset({task}) for task in apart)]
    groups = () if order.merge_only else order.groups
    choice = choose(
        _contenders(order, complete), clashes, groups=groups, incomplete=() if order.merge_only else _incomplete(order)
    )
    merges = set(choice.merges)
    chosen = (*(one for one in branches if one.task in merges), *(one for one in branches if one.task not in merges))
    if [branch.task for branch in chosen] == [branch.task for branch in branches]:
        return first, tuple(branches)
    second = builder.build(chosen)
    if _landing(second, complete, groups) < _landing(first, complete, groups):
        return first, tuple(branches)
    return second, chosen


def _with_base(order: BatchOrder, clashes: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """What conflicts with base that is taken in gives way to it, as to what is there already.

    Example: base, A and B, and both of these conflict with it: base lands alone, A and B are mended.
    """
    base = next((candidate.task for candidate in order.branches if candidate.is_base), None)
    if base is None or frozenset({base}) in clashes:
        return list(clashes)
    return [pair - {base} for pair in clashes]


def _rivals(chain: Chain, branches: Sequence[Branch], touched: Mapping[str, Collection[str]]) -> set[str]:
    """What was left out, whatever changed a path of that, and what conflicts in the chain as well."""
    out = {clash.task for clash in chain.conflicts} | {held.task for held in chain.held}
    paths = {path for task in out for path in touched.get(task, ())}
    paths |= {path for clash in chain.conflicts for path in clash.paths}
    partners = {clash.partner for clash in chain.conflicts if clash.partner}
    sharing = {branch.task for branch in branches if not paths.isdisjoint(touched.get(branch.task, ()))}
    return out | partners | sharing


def _real(
    predicted: Mapping[frozenset[str], tuple[str, ...]],
    chain: Chain,
    builder: ChainBuilder,
    branches: Sequence[Branch],
    settles: Settles,
) -> list[frozenset[str]]:
    """The predicted conflicts that nothing settles.

    Two that the chain holds go together: whatever settled it has done so.
    """
    inside = {link.task for link in chain.links} | set(chain.skipped)
    left = _TRIED
    real: list[frozenset[str]] = []
    for pair, paths in predicted.items():
        if pair <= inside:
            continue
        if left > 0 and settles(paths):
            left -= 1
            if not _conflicts(pair, builder, branches):
                continue
        real.append(pair)
    return real


def _conflicts(pair: Collection[str], builder: ChainBuilder, branches: Sequence[Branch]) -> bool:
    """Whether these and what they need conflict when they are merged as a batch merges them."""
    wanted = set(pair)
    for branch in reversed(branches):
        if branch.task in wanted:
            wanted |= set(branch.needs)
    return bool(builder.conflicts_of([branch for branch in branches if branch.task in wanted]))


def _contenders(order: BatchOrder, branches: Sequence[Branch]) -> list[Contender]:
    facts = {candidate.task: candidate for candidate in order.branches}
    return [
        Contender(
            branch.task,
            branch.needs,
            facts[branch.task].priority,
            facts[branch.task].behind,
            facts[branch.task].done,
        )
        for branch in branches
    ]


def _incomplete(order: BatchOrder) -> set[str]:
    """The tasks that cannot land with this batch: their group lacks one that is neither here nor has landed."""
    here = {task for candidate in order.branches for task in (candidate.task, *candidate.carries)}
    absent = absent_from(order.groups, here=here, landed=order.landed)
    return {task for group in order.groups if not absent.isdisjoint(group) for task in group}


def _landing(chain: Chain, branches: Sequence[Branch], groups: Sequence[Collection[str]]) -> int:
    """How many branches of a chain could land: a group whole or not at all."""
    out = {clash.task for clash in chain.conflicts} | {held.task for held in chain.held}
    return len(branches) - len(out) - len(held_back(branches, left_out=out, groups=groups))
