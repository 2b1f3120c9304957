"""What a feature is together with its base as that is now: merged and verified, and landed nowhere."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.known_failures import surveyed
from plait.agent_tasks.verifying import contracts_in, how_red, not_run, verifier_with
from plait.agent_tasks.workshop import Workshop
from plait.workspace.chains import Branch, ChainBuilder
from plait.workspace.conflicts import describe
from plait.workspace.output import plain


@dataclass(frozen=True, slots=True)
class WithBase:
    """A feature branch merged with base."""

    verdict: Literal["same", "green", "unverified", "conflict", "red", "unknown"]
    """same: it has all of base, and nothing was done; unverified: the plan has no checks; unknown: they could not be
    run."""
    commit: str
    """The merge, whose first parent is the feature branch; that itself where the verdict is `same` or `conflict`."""
    tree: str
    files: tuple[str, ...] = ()
    """What conflicts."""
    reason: str = ""
    """Why it may not land, for people; fit to be shown."""

    @property
    def may_land(self) -> bool:
        return self.verdict in ("same", "green", "unverified")


def verified_with_base(
    shop: Workshop, *, tip: str, base: str, name: str, landed: Collection[str], date: str
) -> WithBase:
    """Merge base into a feature branch as a batch would merge a branch, and verify the exact tree; no ref is moved.

    Conflicts are settled by the plan's rules and by structure, verdicts are remembered by tree.

    Example: `verified_with_base(shop, tip=tip, base=now, name="main", landed=("A", "B"), date="1790000000 +0000")`.

    Args:
        tip: The commit of the feature branch.
        base: The commit of base.
        name: What base is called, for the message of the merge.
        landed: Tasks whose work is in the tip: which contracts can be tested follows from that.
        date: Of the merge, as git writes it.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        GitFailed: a commit is missing.
        EnvironmentProblem: a command of a path rule could not be carried out.
    """
    store = shop.control.store
    tree = store.tree_of(tip)
    if store.is_ancestor(base, tip):
        return WithBase("same", tip, tree)
    chain = chain_builder(shop, tip, batch="base", date=date).build([Branch(name, base, title="what base has now")])
    for clash in chain.conflicts:
        words = describe(store, clash.conflict, "the feature branch", name)
        return WithBase("conflict", tip, tree, tuple(map(plain, clash.paths)), plain(words))
    known = surveyed(shop, tree, landed)
    verifier = verifier_with(shop, contracts_in(shop, landed)).forgiving(known.reds if known else ())
    seen = verifier.verify(chain.tree, stop=shop.stop)
    if seen.outcome == "cancelled":
        raise TaskStopped
    if seen.outcome == "infrastructure":
        return WithBase("unknown", chain.tip, chain.tree, reason=plain(not_run(seen)))
    if not seen.green:
        return WithBase("red", chain.tip, chain.tree, reason=plain(f"{how_red(seen)}\n{seen.tail}"))
    return WithBase("unverified" if seen.unverified else "green", chain.tip, chain.tree)


def chain_builder(shop: Workshop, onto: str, *, batch: str, date: str) -> ChainBuilder:
    """What merges branches onto a commit as the plan and the user's git say."""
    return ChainBuilder(
        shop.control.store,
        onto,
        batch=batch,
        date=date,
        fold_case=shop.control.ignores_case,
        settler=shop.settler,
        remake=shop.remake,
        style=shop.style,
    )
