"""What a batch did on its way: the chain that it built and each tree that it verified, for whoever asks why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from plait.plans.tasks.outcomes import ChainBranch, VerifiedTree
from plait.plans.tasks.planned_contracts import PlannedContract
from plait.workspace.chains import Branch, Chain
from plait.workspace.output import plain
from plait.workspace.verification import Verification


@dataclass(slots=True)
class BatchRecord:
    """Written while the batch goes on, by any of its threads; the last chain counts, and every verification."""

    chain: tuple[ChainBranch, ...] = ()
    onto: str | None = None
    trees: list[VerifiedTree] = field(default_factory=list)

    def built(self, branches: Sequence[Branch], chain: Chain) -> None:
        """The batch has merged its branches."""
        merged = {link.task: link.commit for link in chain.links}
        self.onto = chain.base
        self.chain = tuple(
            ChainBranch(task=branch.task, tip=branch.tip, commit=merged.get(branch.task)) for branch in branches
        )

    def verified(self, subset: Sequence[str], seen: Verification, contracts: Iterable[PlannedContract] = ()) -> None:
        """A tree with the work of these tasks was verified, or its verdict remembered."""
        self.trees.append(
            VerifiedTree(
                branches=tuple(subset),
                tree=seen.tree,
                verdict="unverified" if seen.unverified else "unaffected" if seen.unaffected else seen.outcome,
                command=None if seen.command is None else plain(seen.command),
                seconds=round(seen.seconds, 3),
                log=None if seen.log is None else plain(str(seen.log)),
                remembered=seen.remembered and not seen.unaffected,
                contracts=tuple(contract.id for contract in contracts),
            )
        )

    @property
    def fields(self) -> dict[str, Any]:
        """What of it belongs into the outcome of the batch."""
        return {"chain": self.chain, "onto": self.onto, "trees": tuple(self.trees)}
