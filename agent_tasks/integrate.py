"""The task that integrates one batch: merge in git's object database, verify the exact tree, land it once."""

import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from plait.agent_tasks.batch_record import BatchRecord
from plait.agent_tasks.chain_builders import chain_builder
from plait.agent_tasks.early_ends import shown_as_cancelled
from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.known_failures import red_words, surveyed, verified_words
from plait.agent_tasks.landing_order import chain_that_lands_most
from plait.agent_tasks.pipeline import LOOK_SECONDS, EitherEvent, Passage, left_behind, wait_for
from plait.agent_tasks.scoping import Scope, scope_of
from plait.agent_tasks.searching import Settled, already_landed, explained, look_ahead, settle_chain, still_clashing
from plait.agent_tasks.stages import Stages
from plait.agent_tasks.verifying import contracts_in, not_run, stages_of
from plait.agent_tasks.whole_phases import keep_whole, still_guilty
from plait.agent_tasks.workshop import Workshop, workshop_of
from plait.plans.errors import EnvironmentProblem
from plait.plans.journal.events import BatchSettled
from plait.plans.language.verify_stages import commands_in
from plait.plans.merging.path_rules import proposed_rules, rule_for, settled_by
from plait.plans.quality.known_reds import RedCommand
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, Held, Rejection, SettledFile
from plait.plans.tasks.planned_contracts import commands_of
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate, Rework, RunFacts, Unlanded
from plait.plans.wording import listed
from plait.workspace.chains import Branch, Chain, ChainBuilder, ChainConflict, wrap
from plait.workspace.conflicts import describe
from plait.workspace.errors import GitFailed, ObjectsGone, RefMoved
from plait.workspace.output import plain
from plait.workspace.ref_landing import ReadyToLand, last_landed
from plait.workspace.trees import entries_of

ROUNDS = 5
"""How often a batch is built again because somebody else moved the feature branch meanwhile."""
PAUSE_SECONDS = 0.1
"""How long it waits before it is built again, twice as long each time: whoever pushes may push more than once."""


@task(name="integrate", task_run_name="{order.name}", cache_policy=NO_CACHE, persist_result=False)
@shown_as_cancelled
def integrate(order: BatchOrder, facts: RunFacts) -> BatchReport:
    """Merge, verify, search when red, and land one batch; a broken environment rejects nothing.

    Raises:
        TaskStopped: the run was cancelled, or nothing may land in it any more; nothing has landed.
    """
    shop = workshop_of(facts)
    stop = EitherEvent(shop.stop, shop.pipeline.closed)
    shop = replace(shop, stop=stop, stages=Stages(), record=BatchRecord())
    began, started = datetime.now(UTC), time.monotonic()
    report = _in_turn(order, shop)
    told = {"started_at": began, "ended_at": datetime.now(UTC), **_record(order, shop)}
    measured = sum(shop.stages.seconds.values())
    shop.stages.add("merge", time.monotonic() - started - measured)
    return replace(report, outcome=report.outcome.model_copy(update=told), spent=shop.stages.seconds)


def _integrate_at_last(order: BatchOrder, shop: Workshop) -> BatchReport:
    """Round after round, while somebody else moves the feature branch; the machine comes back to what gives up."""
    for number in range(ROUNDS):
        try:
            return _integrate_once(order, shop)
        except RefMoved:
            shop.pipeline.enter(order.id).red.set()  # who looks ahead from its tip looks at what will not be
            shop.stop.wait(PAUSE_SECONDS * 2**number)
        except ObjectsGone as failure:  # what was gone is made anew
            if number == ROUNDS - 1:
                return _broken(order, str(failure))
        except GitFailed as failure:
            return _broken(order, str(failure))
    reason = f"the feature branch was moved by somebody else {ROUNDS} times while the batch was tested"
    return replace(_broken(order, reason), overtaken=True)


@dataclass(frozen=True, slots=True)
class _Merged:
    """What a batch merges to on some commit."""

    builder: ChainBuilder
    scope: Scope
    there: Collection[str]
    """Tasks whose branch that commit contains already."""
    chain: Chain
    branches: tuple[Branch, ...]

    @property
    def order(self) -> BatchOrder:
        return self.scope.order


def _merged(order: BatchOrder, shop: Workshop, onto: str) -> _Merged:
    builder = chain_builder(shop, onto, batch=order.id, date=order.date)
    branches = [_as_branch(candidate) for candidate in order.branches]
    there = already_landed(builder, branches)
    branches = [branch for branch in branches if branch.task not in there]
    scope = scope_of(replace(order, landed=(*order.landed, *there)), shop, builder, branches)
    chain, merged = chain_that_lands_most(
        scope.order, shop, builder, scope.branches, scope.touched, settles=lambda _paths: True
    )
    _require_ours(shop, builder, chain)
    return _Merged(builder, scope, there, chain, merged)


def _in_turn(order: BatchOrder, shop: Workshop) -> BatchReport:
    """Integrate a batch once the one before it has ended, having looked ahead meanwhile.

    Raises:
        TaskStopped: the run was cancelled; nothing has landed.
    """
    if order.follows is None:
        return _integrate_at_last(order, shop)
    before, own = shop.pipeline.enter(order.follows), shop.pipeline.enter(order.id)
    before.awaited = True
    _look_ahead(order, shop, before, own)
    if not wait_for(before.ended, stop=shop.stop):
        raise TaskStopped
    if before.red.is_set():
        own.red.set()
    if before.stuck:
        own.stuck = True
        reason = f"{order.follows}, which it would land behind, did not land"
        return BatchReport(BatchOutcome(id=order.id, state=BatchState.REJECTED, reason=reason), tip=shop.lander.tip())
    behind = left_behind(order, landed=shop.pipeline.landed)
    branches = tuple(branch for branch in order.branches if branch.task not in behind)
    landed = (*order.landed, *(task for task in order.ahead if task in shop.pipeline.landed))
    held = tuple(Held(task=task, by=by) for task, by in behind.items())
    if not branches:
        outcome = BatchOutcome(id=order.id, state=BatchState.REJECTED, held=held)
        return BatchReport(outcome, tip=shop.lander.tip())
    report = _integrate_at_last(replace(order, branches=branches, landed=landed), shop)
    outcome = report.outcome
    more: dict[str, Any] = {"held": (*held, *outcome.held)}
    if held and outcome.state is BatchState.LANDED:
        more["state"] = BatchState.PART_LANDED
    return replace(report, outcome=outcome.model_copy(update=more))


def _look_ahead(order: BatchOrder, shop: Workshop, before: Passage, own: Passage) -> None:
    """Verify what the batch would be on the unlanded tip of the one before.

    The verdict is remembered by tree: if that batch lands as it is, this one lands without another verification. If it
    does not, what was begun here is stopped, and the batch is built on what has landed.
    """
    stop = EitherEvent(shop.stop, before.red)
    while before.tip is None and not stop.is_set() and not before.ended.is_set():
        before.ended.wait(LOOK_SECONDS)
    if before.tip is None or stop.is_set():
        own.red.set()
        return
    with suppress(EnvironmentProblem, OSError):  # what is still wrong when it is its turn shows again
        merged = _merged(replace(order, landed=(*order.landed, *order.ahead)), shop, before.tip)
        own.built(merged.chain.tip, merged.chain.tree)
        known = _likely_known(order, shop, stop)
        tip = shop.control.store.tree_of(before.tip)
        looking = replace(shop, verifier=shop.verifier.forgiving(known).since(tip, merged.chain.tree))
        is_red = look_ahead(merged.builder, merged.chain, merged.branches, shop=looking, order=merged.order, stop=stop)
        if is_red or before.red.is_set():
            own.red.set()


def _likely_known(order: BatchOrder, shop: Workshop, stop: threading.Event) -> tuple[RedCommand, ...]:
    """What is red where the one before lands, and so, unless it mends that, where this one will."""
    base = surveyed(shop, shop.control.store.tree_of(shop.lander.tip() or shop.base), order.landed, stop=stop)
    return base.reds if base else ()


def _integrate_once(order: BatchOrder, shop: Workshop) -> BatchReport:
    """One round on the feature branch as it is now.

    Raises:
        RefMoved: the feature branch moved before the batch could land.
    """
    old = shop.lander.tip()
    shop.control.hold(shop.feature, old or shop.base)  # somebody else may have put it there, and take it away again
    merged = _merged(order, shop, old or shop.base)
    return merged.scope.told_in(_integrate_merged(merged, shop, old))


def _integrate_merged(merged: _Merged, shop: Workshop, old: str | None) -> BatchReport:
    """The same with what may land.

    Raises:
        RefMoved: the feature branch moved before the batch could land.
    """
    order, builder, there = merged.order, merged.builder, merged.there
    chain, branches = merged.chain, merged.branches
    shop.record.built(branches, chain)
    if order.merge_only:
        return _merged_only(order, shop, chain, tip=old)
    shop.pipeline.enter(order.id).built(chain.tip, chain.tree)
    tip = shop.control.store.tree_of(builder.base)
    base = surveyed(shop, tip, order.landed)
    if base is not None and base.outcome == "cancelled":
        raise TaskStopped
    if base is not None and base.outcome == "infrastructure":
        return _broken(order, not_run(base))
    verifier = shop.verifier.forgiving(base.reds if base else ())
    shop = replace(shop, verifier=verifier.since(_verified_before(shop, builder.base), chain.tree))
    settled = settle_chain(builder, chain, branches, shop=shop, order=order)
    if settled.trouble is not None:
        broken = _broken(order, settled.trouble, kind=settled.trouble_kind)
        return replace(broken, outcome=broken.outcome.model_copy(update={"flaky": tuple(map(plain, settled.flaky))}))
    told = still_clashing(builder, chain, branches, settled)
    settled, unlanded = keep_whole(order, builder, branches, chain, settled, shop=shop)
    landing = _landing(order, shop, branches, settled, old=old)
    placed = None if landing is None else _land(order, shop, landing)
    if settled.suspects and not isinstance(placed, ReadyToLand):
        landed = (*there, *(branch.task for branch in branches if _lands(builder, branch, settled)))
        shop.pipeline.on_settled(BatchSettled(order.id, landed, landing.new if landing else old or ""))
    settled = explained(settled)  # why the others did not land: nobody had to wait for that
    try:
        told, guilty = still_guilty(builder, told, branches, settled, unlanded)
        rejections, rework = _rejections(order, shop, told, guilty)
    except GitFailed:
        if landing is None:
            raise
        rejections, rework = (), ()  # what has landed has; the others are looked at in the next batch
    if landing is None and settled.acquitted and not (rejections or there or settled.verifications):
        # All is remembered: the next batch would come to the same, and the one after it.
        return _broken(order, f"the checks are red and green on the same tree: {listed(settled.flaky)}")
    outcome = BatchOutcome(
        id=order.id,
        verified=settled.verified,
        red_on_base=red_words(_excused(shop, settled)),
        stages=stages_of(shop.verifier, (settled.chain or chain).tree),
        rejected=rejections,
        held=(*told.held, *settled.held),
        flaky=tuple(map(plain, settled.flaky)),
        acquitted=settled.acquitted,
        landed=(*there, *(branch.task for branch in branches if _lands(builder, branch, settled))),
        settled=_settled_files(settled.chain) if settled.chain else (),
    )
    report = BatchReport(outcome, rework=rework, unlanded=unlanded)
    if landing is None:
        part = BatchState.PART_LANDED if _is_part(outcome) else BatchState.LANDED
        state = part if there else BatchState.REJECTED
        return replace(report, outcome=outcome.model_copy(update={"state": state}), tip=old)
    return _landed(report, landing, placed)


def _verified_before(shop: Workshop, onto: str) -> str:
    """The tree that was verified last of those below a commit: what somebody has pushed since was not."""
    landed = last_landed(shop.control, shop.feature, onto, base=shop.base)
    return shop.control.store.tree_of(landed)


def _require_ours(shop: Workshop, builder: ChainBuilder, chain: Chain) -> None:
    """A branch that has nothing in common with the feature branch is at fault, unless that was replaced.

    Raises:
        GitFailed: somebody has put another history in the feature branch's place.
    """
    apart = any(clash.conflict.unrelated for clash in chain.conflicts)
    if apart and not shop.control.store.are_related(builder.base, shop.base):
        text = f"the feature branch is at {builder.base[:12]} and has no history in common with base any more"
        raise GitFailed("merge-tree", 128, text)


def _settled_files(chain: Chain) -> tuple[SettledFile, ...]:
    """Which files of a chain conflicted, and what settled them."""
    return tuple(
        SettledFile(task=link.task, path=plain(done.path), by=done.by) for link in chain.links for done in link.settled
    )


def _lands(builder: ChainBuilder, branch: Branch, settled: Settled) -> bool:
    """Whether a branch lands: itself, or inside another one that has its commits; never with one that does not."""
    if settled.chain is None:
        return False
    return branch.task in settled.landed or builder.repository.is_ancestor(branch.tip, settled.chain.tip)


def _merged_only(order: BatchOrder, shop: Workshop, chain: Chain, *, tip: str | None) -> BatchReport:
    """What a batch comes to that was only merged: conflicts are handed back, all else waits for its phase."""
    rejections, rework = _rejections(order, shop, chain, Settled(chain=None))
    waits = tuple(link.task for link in chain.links)
    held = tuple(Held(task=task, by=rejections[0].task) for task in waits if rejections)
    outcome = BatchOutcome(
        id=order.id,
        state=BatchState.REJECTED,
        reason="only merged, not verified: a phase lands whole or not at all",
        rejected=rejections,
        held=(*chain.held, *held),
    )
    mates = frozenset(candidate.task for candidate in order.branches)
    return BatchReport(outcome, rework=rework, tip=tip, unlanded=Unlanded(chain.tip, waits, mates))


@dataclass(frozen=True, slots=True)
class _Landing:
    """The one move of the feature branch that a batch makes."""

    old: str | None
    new: str
    tree: str


def _landing(
    order: BatchOrder, shop: Workshop, branches: Sequence[Branch], settled: Settled, *, old: str | None
) -> _Landing | None:
    """What the feature branch is moved to; nothing when nothing may land."""
    if settled.chain is None:
        return None
    reds = _excused(shop, settled)
    verified = {"Verified": verified_words(unverified=not settled.verified, reds=reds)}
    store, chain = shop.control.store, settled.chain
    new = wrap(
        store,
        chain,
        branches,
        batch=order.id,
        date=order.date,
        trailers={"Plait-Run": shop.run_id, "Plait-Feature": shop.feature, **verified},
        reservations=verified if reds else None,
        style=shop.style,
    )
    return _Landing(old=old, new=shop.style.to_land(store, new) if chain.links else new, tree=chain.tree)


def _land(order: BatchOrder, shop: Workshop, landing: _Landing) -> ReadyToLand | None:
    """Move the feature branch to the verified tree, once; what comes back is for its user to land.

    Raises:
        RefMoved: somebody else has moved it.
        TaskStopped: the run was cancelled before.
    """
    if shop.stop.is_set():
        raise TaskStopped
    with shop.stages.of("landing"):
        placed = shop.lander.land(batch=order.mark, old=landing.old, new=landing.new)
    return placed if isinstance(placed, ReadyToLand) else None


def _landed(report: BatchReport, landing: _Landing, by_hand: ReadyToLand | None) -> BatchReport:
    """The report with where the batch has landed, or how its user lands it."""
    state = BatchState.PART_LANDED if _is_part(report.outcome) else BatchState.LANDED
    update = {"state": state, "commit": landing.new, "tree": landing.tree}
    if by_hand is None:
        return replace(report, outcome=report.outcome.model_copy(update=update), tip=landing.new)
    reason = plain(f"the feature branch is checked out in {by_hand.worktree}; land it with: {by_hand.command}")
    done = report.outcome.model_copy(update=update | {"state": BatchState.READY_TO_LAND, "reason": reason})
    return replace(report, outcome=done, tip=landing.old, land_by_hand=by_hand.command)


def _is_part(outcome: BatchOutcome) -> bool:
    return bool(outcome.rejected or outcome.held or outcome.acquitted)


def _excused(shop: Workshop, settled: Settled) -> tuple[RedCommand, ...]:
    """What is red on the tree that lands, and on base as well."""
    seen = shop.verifier.recall(settled.chain.tree) if settled.chain else None
    return seen.reds if seen is not None and seen.green else ()


def _rejections(
    order: BatchOrder, shop: Workshop, chain: Chain, settled: Settled
) -> tuple[tuple[Rejection, ...], tuple[Rework, ...]]:
    """What the batch did not take, for the report and for the repair orders."""
    tips = {candidate.task: candidate.tip for candidate in order.branches}
    rework = [_conflict_rework(conflict, tips, shop) for conflict in chain.conflicts]
    rework += [
        Rework(
            task=guilty.item,
            kind=guilty.kind,
            partner=guilty.partner,
            partner_commit=tips.get(guilty.partner or ""),
            files=(),
            reason=settled.evidence.get(guilty.item, ""),
            commands=_commands(order, shop),
        )
        for guilty in settled.rejected
    ]
    rejections = tuple(
        Rejection.model_validate(
            {
                "task": work.task,
                "kind": work.kind,
                "partner": work.partner,
                "files": tuple(map(plain, work.files)),
                "reason": plain(work.reason),
                "presets": _presets(work, order, shop),
            }
        )
        for work in rework
    )
    return rejections, tuple(rework)


def _presets(work: Rework, order: BatchOrder, shop: Workshop) -> tuple[str, ...]:
    """Names of rules that the plan lacks, and that together would have settled a conflict."""
    if work.kind != "conflict" or any(rule_for(path, shop.settler.rules) for path in work.files):
        return ()
    tip = next(branch.tip for branch in order.branches if branch.task == work.task)
    rules = proposed_rules(work.files, entries_of(shop.control.store, tip))
    if not all(settled_by(path, rules) for path in work.files):
        return ()
    return tuple(name for rule in rules for name in rule.presets)


def _commands(order: BatchOrder, shop: Workshop) -> tuple[str, ...]:
    """All that a tree of the whole batch is verified with."""
    contracts = contracts_in(shop, {*order.landed, *(branch.task for branch in order.branches)})
    return tuple(dict.fromkeys((*commands_in(shop.facts.integration.verify), *commands_of(contracts))))


def _record(order: BatchOrder, shop: Workshop) -> dict[str, Any]:
    """What the batch did, and what somebody needs who does a part of it again."""
    store = shop.control.store
    return {
        **shop.record.fields,
        "setup": tuple(map(plain, shop.crew.setup)),
        "checks": tuple(map(plain, _commands(order, shop))),
        "objects": plain(str(store.objects or store.git_dir / "objects")),
    }


def _conflict_rework(conflict: ChainConflict, tips: dict[str, str], shop: Workshop) -> Rework:
    labels = (conflict.partner or "the feature branch", conflict.task)
    return Rework(
        task=conflict.task,
        kind="unrelated" if conflict.conflict.unrelated else "conflict",
        partner=conflict.partner,
        partner_commit=tips.get(conflict.partner or ""),
        files=conflict.paths,
        reason=describe(shop.control.store, conflict.conflict, *labels),
        commands=(),
    )


def _as_branch(candidate: Candidate) -> Branch:
    return Branch(
        task=candidate.task, tip=candidate.tip, needs=candidate.needs, title=candidate.title, ref=candidate.ref
    )


def _broken(order: BatchOrder, reason: str, *, kind: str = "infrastructure") -> BatchReport:
    """A batch that says nothing about its branches: the environment or the base is at fault."""
    reason, rejected = plain(reason), tuple[Rejection, ...]()
    if kind == "base-red":
        rejected = tuple(Rejection(task=branch.task, kind="base-red", reason=reason) for branch in order.branches)
    outcome = BatchOutcome(
        id=order.id,
        state=BatchState.REJECTED if kind == "base-red" else BatchState.INFRASTRUCTURE,
        reason=reason,
        rejected=rejected,
    )
    return BatchReport(outcome)
