"""Lets a phase land whole or not at all: what fits but lacks a part of its phase waits; the rest is verified anew."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from plait.agent_tasks.searching import Settled, settle_chain
from plait.agent_tasks.workshop import Workshop
from plait.plans.language.phases import absent_from, held_back, mates_of
from plait.plans.tasks.outcomes import Held
from plait.plans.tasks.work import BatchOrder, Unlanded
from plait.workspace.chains import Branch, Chain, ChainBuilder, ChainConflict


def keep_whole(
    order: BatchOrder,
    builder: ChainBuilder,
    branches: Sequence[Branch],
    chain: Chain,
    settled: Settled,
    *,
    shop: Workshop,
) -> tuple[Settled, Unlanded | None]:
    """Take out of what was seen green whatever lacks a part of its phase, and give what may land and what waits.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
    """
    if settled.chain is None or not order.groups:
        return settled, None
    left_out = {clash.task for clash in chain.conflicts} | {held.task for held in (*chain.held, *settled.held)}
    left_out |= {guilty.item for guilty in settled.rejected} | {*settled.dropped, *settled.acquitted, *settled.suspects}
    here = {task for candidate in order.branches for task in (candidate.task, *candidate.carries)}
    left_out |= absent_from(order.groups, here=here, landed=order.landed)
    green = [branch for branch in branches if branch.task in {*settled.landed, *chain.skipped}]
    rest, back = _whole(builder, green, left_out, order.groups)
    if not back:
        return settled, None
    again = _verified(builder, rest, settled, order, shop)
    waits = tuple(branch.task for branch in green if branch not in rest or again.chain is None)
    first = next(iter(back.values()))
    held = tuple(Held(task=task, by=back.get(task, first)) for task in waits)
    mates = mates_of(waits, branches, groups=order.groups)
    return replace(again, held=(*settled.held, *held)), Unlanded(settled.chain.tip, waits, mates)


def _whole(
    builder: ChainBuilder, green: Sequence[Branch], left_out: Collection[str], groups: Sequence[Collection[str]]
) -> tuple[list[Branch], dict[str, str]]:
    """What merges and is whole without what is left out; and what waits, each task with one that it waits for.

    A branch may conflict after all without another that has to wait, and then its own phase is not whole either.
    """
    rest, out, back = list(green), set(left_out), dict[str, str]()
    while True:
        more = held_back(rest, left_out=out, groups=groups)
        chain = builder.build([branch for branch in rest if branch.task not in more])
        lost = [*(clash.task for clash in chain.conflicts), *(held.task for held in chain.held)]
        if not more and not lost:
            return rest, back
        back |= more
        back |= {task: next(iter(back.values())) for task in lost}
        out |= set(back)
        rest = [branch for branch in rest if branch.task not in back]


def _verified(
    builder: ChainBuilder, rest: Sequence[Branch], settled: Settled, order: BatchOrder, shop: Workshop
) -> Settled:
    """What comes of the rest: green as a whole, or, red without what waits, it waits as well."""
    if not rest:
        return replace(settled, chain=None, landed=())
    chain = builder.build(rest)
    again = settle_chain(builder, chain, rest, shop=shop, order=order)
    green = again.chain is chain
    return replace(
        settled,
        chain=chain if green else None,
        landed=again.landed if green else (),
        verifications=settled.verifications + again.verifications,
        verified=again.verified,
    )


def still_guilty(
    builder: ChainBuilder, chain: Chain, branches: Sequence[Branch], settled: Settled, unlanded: Unlanded | None
) -> tuple[Chain, Settled]:
    """The chain and the verdict as they are told: without what stands only against work that waits for its phase.

    Such a branch is not guilty of anything as long as that work does not land: it waits for the next batch.
    """
    if unlanded is None:
        return chain, settled
    landing = [branch for branch in branches if branch.task in settled.landed]
    conflicts = tuple(_conflicts(builder, chain, branches, landing, unlanded))
    rejected = tuple(
        guilty for guilty in settled.rejected if guilty.item in unlanded.mates or guilty.partner not in unlanded.tasks
    )
    return replace(chain, conflicts=conflicts), replace(settled, rejected=rejected)


def _conflicts(
    builder: ChainBuilder, chain: Chain, branches: Sequence[Branch], landing: Sequence[Branch], unlanded: Unlanded
) -> Iterator[ChainConflict]:
    for conflict in chain.conflicts:
        if conflict.task in unlanded.mates:
            yield conflict
            continue
        branch = next(candidate for candidate in branches if candidate.task == conflict.task)
        yield from (again for again in builder.conflicts_of([*landing, branch]) if again.task == conflict.task)
