"""What merges branches onto a commit as the plan and the user's git say, for batches and for what lands on base."""

from plait.agent_tasks.workshop import Workshop
from plait.workspace.chains import ChainBuilder


def chain_builder(shop: Workshop, onto: str, *, batch: str, date: str) -> ChainBuilder:
    """A builder of chains whose conflicts are settled by the plan's rules and by structure.

    `date`: of its merges, as git writes it.
    """
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
