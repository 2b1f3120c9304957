"""Carries out the search of a red batch: builds and verifies the sub-sets that the search asks for."""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.pipeline import Passage
from plait.agent_tasks.search_memory import Remembered, keep, recall
from plait.agent_tasks.verifying import contracts_in, not_run, verifier_with
from plait.agent_tasks.verifying_at_once import VerifyingAtOnce
from plait.agent_tasks.workshop import Workshop
from plait.plans.errors import EnvironmentProblem
from plait.plans.landing.bisection import Search, Verdict
from plait.plans.landing.blame import Guilty
from plait.plans.landing.suspicion import Changes, suspicions
from plait.plans.tasks.outcomes import Held
from plait.plans.tasks.planned_contracts import broken_by
from plait.plans.tasks.work import BatchOrder
from plait.plans.wording import listed
from plait.workspace.chains import Branch, Chain, ChainBuilder, ChainConflict, contained_tips
from plait.workspace.errors import GitFailed
from plait.workspace.verification import Verification


@dataclass(frozen=True, slots=True)
class Settled:
    """What of a chain may land, and why the rest may not."""

    chain: Chain | None
    """The exact chain that was seen green; nothing when nothing may land."""
    landed: tuple[str, ...] = ()
    rejected: tuple[Guilty, ...] = ()
    held: tuple[Held, ...] = ()
    dropped: tuple[str, ...] = ()
    """Tasks that do not merge once others are left out; they wait for the next batch."""
    acquitted: tuple[str, ...] = ()
    """Tasks that were left out because of a flake; they wait for the next batch."""
    flaky: tuple[str, ...] = ()
    """Commands that were red and green on the same tree."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """For each rejected task the tail of the output that was red with it."""
    suspects: tuple[str, ...] = ()
    """Tasks that are left out, and of which it is still to be seen why; `explained` tells."""
    inquiry: "_Inquiry | None" = None
    """How that is found out."""
    verifications: int = 0
    verified: bool = True
    trouble: str | None = None
    """Why nothing can be said about the branches."""
    trouble_kind: str = "infrastructure"


@dataclass(slots=True)
class _Oracle:
    """Verifies sub-sets of the batch, each as the exact tree that would land."""

    builder: ChainBuilder
    branches: Mapping[str, Branch]
    shop: Workshop
    landed: frozenset[str] = frozenset()
    """Tasks whose work is below every sub-set."""
    brings: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By task: others whose work comes with its branch."""
    runs: int = 0
    chains: dict[tuple[str, ...], Chain] = field(default_factory=dict)
    tails: dict[tuple[str, ...], str] = field(default_factory=dict)
    """By sub-set, the end of what the last red one printed."""
    failed: dict[tuple[str, ...], str] = field(default_factory=dict)
    """By sub-set, the command that was red last."""

    def build(self, subset: tuple[str, ...]) -> Chain:
        if subset not in self.chains:
            self.chains[subset] = self.builder.build([self.branches[name] for name in subset])
        return self.chains[subset]

    def verify(
        self, subset: tuple[str, ...], *, again: bool = False, stop: threading.Event | None = None
    ) -> Verification:
        """Verify one sub-set, which was built before; for many threads at once.

        Raises:
            TaskStopped: the run was cancelled meanwhile.
        """
        brought = (other for task in subset for other in self.brings.get(task, ()))
        contracts = contracts_in(self.shop, {*self.landed, *subset, *brought})
        verifier, chain = verifier_with(self.shop, contracts), self.chains[subset]
        seen = verifier.verify(chain.tree, at=chain.tip, stop=stop or self.shop.stop, again=again)
        self.shop.record.verified(subset, seen, contracts)
        if seen.outcome == "cancelled" and self.shop.stop.is_set():
            raise TaskStopped
        if not (seen.remembered or seen.unverified or seen.outcome == "cancelled"):
            self.runs += 1
            self.shop.stages.add("verification", seen.seconds)
        if not seen.green:
            said = f"$ {seen.command}\n{seen.tail}" if seen.command else seen.tail
            broken = broken_by(seen.command, contracts)
            kept = f"the real thing does not keep the contract {listed(broken, limit=None)}\n" if broken else ""
            self.tails[subset], self.failed[subset] = f"{kept}{said}", seen.command or "the verification"
        return seen


def look_ahead(
    builder: ChainBuilder,
    chain: Chain,
    branches: Sequence[Branch],
    *,
    shop: Workshop,
    order: BatchOrder,
    stop: threading.Event,
) -> bool:
    """Verify a chain that rests on what has not landed yet, so that its verdict is remembered; whether it is red.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
    """
    if not chain.links:
        return False
    oracle = _oracle(builder, chain, branches, shop, order)
    seen = oracle.verify(tuple(link.task for link in chain.links), stop=stop)
    return not seen.green


def _oracle(
    builder: ChainBuilder, chain: Chain, branches: Sequence[Branch], shop: Workshop, order: BatchOrder
) -> _Oracle:
    known = {branch.task: branch for branch in builder.complete(branches)}
    brings = {
        one.task: (*one.carries, *(need for need in known[one.task].needs if need in chain.skipped))
        for one in order.branches
        if one.task in known
    }
    items = tuple(link.task for link in chain.links)
    return _Oracle(builder, known, shop, frozenset(order.landed), brings, chains={items: chain})


def settle_chain(
    builder: ChainBuilder, chain: Chain, branches: Sequence[Branch], *, shop: Workshop, order: BatchOrder
) -> Settled:
    """Verify a chain; when it is red, find what may land of it.

    The tests of a contract are part of it for each tree that has the real thing. Why the others may not is known where
    nothing may land and no batch waits; else it is left to `explained`, as nobody has to wait for that.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
    """
    items = tuple(link.task for link in chain.links)
    if not items:
        return Settled(chain=None)
    oracle = _oracle(builder, chain, branches, shop, order)
    known = oracle.branches
    seen = oracle.verify(items)
    if seen.outcome == "infrastructure":
        return Settled(chain=None, trouble=not_run(seen), verifications=oracle.runs)
    if seen.green:
        return Settled(chain=chain, landed=items, verifications=oracle.runs, verified=not seen.unverified)
    shop.pipeline.enter(order.id).red.set()  # whoever looks ahead from its tip need not
    return _search(oracle, items, {item: known[item].needs for item in items}, shop.pipeline.enter(order.id))


def already_landed(builder: ChainBuilder, branches: Sequence[Branch]) -> frozenset[str]:
    """The tasks whose branch the feature branch contains already."""
    inside = contained_tips(builder.repository, builder.base, [branch.tip for branch in branches])
    return frozenset(branch.task for branch in branches if branch.tip not in inside)


def still_clashing(builder: ChainBuilder, chain: Chain, branches: Sequence[Branch], settled: Settled) -> Chain:
    """The chain as it is told: without the conflicts with branches that turned out not to land.

    Such a branch is not guilty of anything: like one that was dropped it waits for the next batch, and what needs it
    waits with it. What needs a rejected branch is held, whatever it conflicted with.
    """
    if not (settled.rejected or settled.dropped or settled.acquitted or settled.suspects):
        return chain
    known = {branch.task: branch for branch in builder.complete(branches)}
    landing = [known[task] for task in settled.landed]
    out = {guilty.item for guilty in settled.rejected} | {one.task for one in settled.held}
    out |= {*settled.dropped, *settled.acquitted, *settled.suspects}
    clashing = {clash.task for clash in chain.conflicts}
    conflicts: list[ChainConflict] = []
    held: list[Held] = []
    for branch in (branch for task, branch in known.items() if task in clashing | {one.task for one in chain.held}):
        if cause := next((need for need in branch.needs if need in out), None):
            held.append(Held(task=branch.task, by=cause))
        elif branch.task in clashing and (again := builder.conflicts_of([*landing, branch])):
            conflicts += again
        else:
            continue
        out.add(branch.task)
    return replace(chain, conflicts=tuple(conflicts), held=tuple(held))


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """A search, what carries it out, and what was known before it."""

    oracle: _Oracle
    search: Search
    changes: Mapping[str, Changes]
    remembered: Remembered
    passage: Passage

    def go(self, *, until_landed: bool) -> Verdict | Verification | None:
        """Go on to the verdict, or until it is known what lands; a verification that met with trouble ends it.

        Raises:
            TaskStopped: the run was cancelled meanwhile.
        """
        search, shop = self.search, self.oracle.shop
        with VerifyingAtOnce(self.oracle.verify, shop.facts.integration.slots, shop.stop) as at_once:
            while not isinstance(step := search.next_step(at_once.running), Verdict):
                # Where nothing lands, an acquittal may change that: worth waiting for, if nobody else has to.
                if until_landed and (search.landed or (search.landed is not None and self.passage.awaited)):
                    return None
                at_once.stop(step.stop)
                fresh = [subset for subset in step.subsets if _can_be_built(self.oracle, search, subset)]
                if step.subsets and not fresh:
                    continue  # what was asked for cannot be had: the search has something else in mind by now
                at_once.start(fresh)
                at_once.start(step.again, again=True)
                for subset, seen in at_once.ended():
                    if seen.outcome == "infrastructure":
                        return seen
                    # A time-out (twice in a row) counts as red: a rejection still needs a green run without the branch.
                    search.record(subset, "green" if seen.green else "red")
            return step

    def remember(self, settled: Settled) -> None:
        """Keep what was seen for the next search."""
        rejected = {guilty.item for guilty in settled.rejected}
        more = self.remembered.with_flakes(settled.flaky, self.search.flakiness_seen)
        keep(self.oracle.shop.control, more.with_batch(self.changes, rejected))


def _search(oracle: _Oracle, items: tuple[str, ...], needs: Mapping[str, tuple[str, ...]], passage: Passage) -> Settled:
    """Ask the search what to verify next, whenever a slot is free, until it is known what lands."""
    remembered, changes = recall(oracle.shop.control), _changes(oracle, items)
    slots = oracle.shop.facts.integration.slots
    priors = suspicions(changes, output=oracle.tails.get(items, ""), by_path=remembered.paths)
    search = Search(items, needs=needs, slots=slots, priors=priors, flakiness=remembered.flakiness)
    inquiry = _Inquiry(oracle, search, changes, remembered, passage)
    match inquiry.go(until_landed=True):
        case None:
            return Settled(
                chain=oracle.build(search.landed) if search.landed else None,
                landed=search.landed or (),
                held=tuple(Held(task=task, by=by) for task, by in search.held),
                dropped=search.dropped,
                suspects=search.suspects,
                inquiry=inquiry,
                verifications=oracle.runs,
            )
        case Verdict() as verdict:
            settled = _settled(oracle, verdict)
            inquiry.remember(settled)
            return settled
        case trouble:
            return Settled(chain=None, trouble=not_run(trouble), verifications=oracle.runs)


def explained(settled: Settled) -> Settled:
    """The same with why each of the suspects is rejected, or that it is not; to be asked once the others have landed.

    Whatever keeps that from being found out rejects nobody: they wait for the next batch.
    """
    inquiry = settled.inquiry
    if inquiry is None:
        return settled
    before = inquiry.oracle.runs
    try:
        verdict = inquiry.go(until_landed=False)
    except (TaskStopped, GitFailed, EnvironmentProblem, OSError):  # what has landed has, and is told all the same
        verdict = None
    if not isinstance(verdict, Verdict):
        return replace(settled, acquitted=settled.suspects, suspects=(), inquiry=None)
    seen = _settled(inquiry.oracle, verdict)
    inquiry.remember(seen)
    too_late = tuple(task for task in verdict.landed if task not in settled.landed)
    return replace(
        settled,
        rejected=seen.rejected,
        acquitted=(*verdict.acquitted, *too_late),
        evidence=seen.evidence,
        flaky=seen.flaky,
        verifications=settled.verifications + inquiry.oracle.runs - before,
        suspects=(),
        inquiry=None,
    )


def _changes(oracle: _Oracle, items: tuple[str, ...]) -> dict[str, Changes]:
    """The files that each branch changed since it left what it is merged with."""
    store, base, changes = oracle.builder.repository, oracle.builder.base, dict[str, Changes]()
    for task in items:
        forks = store.run("merge-base", base, oracle.branches[task].tip).text.split()
        fork = forks[0] if forks else base
        paths = store.ask("diff-tree", "-r", "-z", "--name-only", "--no-renames", fork, oracle.branches[task].tip)
        changes[task] = Changes(paths=tuple(paths.records))
    return changes


def _can_be_built(oracle: _Oracle, search: Search, subset: tuple[str, ...]) -> bool:
    """Whether a sub-set merges; without a branch that went before, later ones may conflict after all.

    Such branches are taken out. Once it is decided what lands, only the reason of a rejection is still looked for.
    """
    clashing = oracle.build(subset).conflicts
    for clash in clashing:
        if search.landed is None:
            search.drop(clash.task)
        else:
            search.skip(subset)
    return not clashing


def _settled(oracle: _Oracle, verdict: Verdict) -> Settled:
    flaky = tuple(sorted({oracle.failed[subset] for subset in verdict.flaky if subset in oracle.failed}))
    trouble = ("", "")
    if verdict.base_red:
        tail = oracle.tails.get((), "")
        said = f"the base itself is red, so nothing can be said about the branches:\n{tail[-2000:]}"
        trouble = (said, "base-red")
    elif verdict.acquitted and not (verdict.landed or verdict.rejected):
        said = "the checks are red and green on the same tree so often that nothing can be said about the branches"
        trouble = (f"{said}: {listed(flaky)}" if flaky else said, "infrastructure")
    if trouble[0]:
        said, kind = trouble
        return Settled(chain=None, trouble=said, trouble_kind=kind, verifications=oracle.runs, flaky=flaky)
    return Settled(
        chain=oracle.build(verdict.landed) if verdict.landed else None,
        landed=verdict.landed,
        rejected=verdict.rejected,
        held=tuple(Held(task=task, by=by) for task, by in verdict.held),
        evidence={guilty.item: oracle.tails.get(guilty.red, "") for guilty in verdict.rejected},
        dropped=verdict.dropped,
        acquitted=verdict.acquitted,
        flaky=flaky,
        verifications=oracle.runs,
    )
