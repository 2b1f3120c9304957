"""Carries out the search of a red batch: builds and verifies the sub-sets that the search asks for."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.verifying import contracts_in, not_run, verifier_with
from plait.agent_tasks.workshop import Workshop
from plait.plans.landing.bisection import Guilty, Search, Verdict
from plait.plans.tasks.outcomes import Held
from plait.plans.tasks.planned_contracts import broken_by
from plait.plans.tasks.work import BatchOrder
from plait.plans.wording import listed
from plait.workspace.chains import Branch, Chain, ChainBuilder, ChainConflict, contained_tips
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
    evidence: Mapping[str, str] = field(default_factory=dict)
    """For each rejected task the tail of the output that was red with it."""
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

    def build(self, subset: tuple[str, ...]) -> Chain:
        if subset not in self.chains:
            self.chains[subset] = self.builder.build([self.branches[name] for name in subset])
        return self.chains[subset]

    def verify(self, subset: tuple[str, ...]) -> Verification:
        """Verify one sub-set.

        Raises:
            TaskStopped: the run was cancelled meanwhile.
        """
        brought = (other for task in subset for other in self.brings.get(task, ()))
        contracts = contracts_in(self.shop, {*self.landed, *subset, *brought})
        seen = verifier_with(self.shop, contracts).verify(self.build(subset).tree, stop=self.shop.stop)
        self.shop.record.verified(subset, seen, contracts)
        if seen.outcome == "cancelled":
            raise TaskStopped
        if not (seen.remembered or seen.unverified):
            self.runs += 1
            self.shop.stages.add("verification", seen.seconds)
        said = f"$ {seen.command}\n{seen.tail}" if seen.command else seen.tail
        broken = broken_by(seen.command, contracts)
        kept = f"the real thing does not keep the contract {listed(broken, limit=None)}\n" if broken else ""
        self.tails[subset] = f"{kept}{said}"
        return seen

    def verify_all(self, subsets: Sequence[tuple[str, ...]]) -> list[tuple[tuple[str, ...], Verification]]:
        """Verify several sub-sets at once, as many as there are slots, and give each with what came of it."""
        with ThreadPoolExecutor(max_workers=self.shop.facts.integration.slots) as pool:
            return list(pool.map(lambda subset: (subset, self.verify(subset)), subsets))


def settle_chain(
    builder: ChainBuilder, chain: Chain, branches: Sequence[Branch], *, shop: Workshop, order: BatchOrder
) -> Settled:
    """Verify a chain; when it is red, find who is guilty, and what may land without them.

    The tests of a contract are part of it for each tree that has the real thing.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
    """
    items = tuple(link.task for link in chain.links)
    if not items:
        return Settled(chain=None)
    known = {branch.task: branch for branch in builder.complete(branches)}
    brings = {
        one.task: (*one.carries, *(need for need in known[one.task].needs if need in chain.skipped))
        for one in order.branches
        if one.task in known
    }
    oracle = _Oracle(builder, known, shop, frozenset(order.landed), brings, chains={items: chain})
    seen = oracle.verify(items)
    if seen.outcome == "infrastructure":
        return Settled(chain=None, trouble=not_run(seen), verifications=oracle.runs)
    if seen.green:
        return Settled(chain=chain, landed=items, verifications=oracle.runs, verified=not seen.unverified)
    return _search(oracle, items, needs={item: known[item].needs for item in items})


def already_landed(builder: ChainBuilder, branches: Sequence[Branch]) -> frozenset[str]:
    """The tasks whose branch the feature branch contains already."""
    inside = contained_tips(builder.repository, builder.base, [branch.tip for branch in branches])
    return frozenset(branch.task for branch in branches if branch.tip not in inside)


def still_clashing(builder: ChainBuilder, chain: Chain, branches: Sequence[Branch], settled: Settled) -> Chain:
    """The chain as it is told: without the conflicts with branches that turned out not to land.

    Such a branch is not guilty of anything: like one that was dropped it waits for the next batch, and what needs it
    waits with it. What needs a rejected branch is held, whatever it conflicted with.
    """
    if not (settled.rejected or settled.dropped):
        return chain
    known = {branch.task: branch for branch in builder.complete(branches)}
    landing = [known[task] for task in settled.landed]
    out = {guilty.item for guilty in settled.rejected} | {one.task for one in settled.held} | set(settled.dropped)
    clashing = {clash.task for clash in chain.conflicts}
    conflicts: list[ChainConflict] = []
    held: list[Held] = []
    for branch in (branch for task, branch in known.items() if task in clashing | {one.task for one in chain.held}):
        if cause := next((need for need in branch.needs if need in out), None):
            held.append(Held(task=branch.task, by=cause))
        elif branch.task in clashing and (again := builder.build([*landing, branch]).conflicts):
            conflicts += again
        else:
            continue
        out.add(branch.task)
    return replace(chain, conflicts=tuple(conflicts), held=tuple(held))


def _search(oracle: _Oracle, items: tuple[str, ...], *, needs: Mapping[str, tuple[str, ...]]) -> Settled:
    """Ask the search what to verify next until it has a verdict."""
    search = Search(items, needs=needs, slots=oracle.shop.facts.integration.slots)
    step = search.next_step()
    while not isinstance(step, Verdict):
        ready = [subset for subset in step.subsets if _can_be_built(oracle, search, subset)]
        for subset, seen in oracle.verify_all(ready):
            if seen.outcome == "infrastructure":
                return Settled(chain=None, trouble=not_run(seen), verifications=oracle.runs)
            # A time-out (twice in a row) counts as red: a rejection still needs a green run without the branch.
            search.record(subset, "green" if seen.green else "red")
        step = search.next_step()
    return _settled(oracle, step)


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
    if verdict.base_red:
        tail = oracle.tails.get((), "")
        return Settled(
            chain=None,
            trouble=f"the base itself is red, so nothing can be said about the branches:\n{tail[-2000:]}",
            trouble_kind="base-red",
            verifications=oracle.runs,
        )
    return Settled(
        chain=oracle.build(verdict.landed) if verdict.landed else None,
        landed=verdict.landed,
        rejected=verdict.rejected,
        held=tuple(Held(task=task, by=by) for task, by in verdict.held),
        evidence={guilty.item: oracle.tails.get(guilty.red, "") for guilty in verdict.rejected},
        dropped=verdict.dropped,
        verifications=oracle.runs,
    )
