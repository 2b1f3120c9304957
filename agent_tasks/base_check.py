"""The task that verifies what a run starts from, beside the agents: a red base is known before much is paid."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from plait.agent_tasks.early_ends import shown_as_cancelled
from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.verifying import contracts_in, how_red, not_run, verifier_with
from plait.agent_tasks.workshop import workshop_of
from plait.plans.tasks.work import BaseOrder, BaseReport, RunFacts
from plait.plans.wording import count
from plait.workspace.output import plain


@task(name="verify base", task_run_name="verify base", cache_policy=NO_CACHE, persist_result=False)
@shown_as_cancelled
def verify_base(order: BaseOrder, facts: RunFacts) -> BaseReport:
    """Run `integration.verify` on base, or on the feature branch where there is one; remembered by tree.

    It waits for a free slot as any verification does, and ends as soon as the run is over. A red one is run once more
    before people are asked or the run ends for it: it may be a flake. Where it is only told (`known`), one that an
    earlier run saw on the same tree within the day is told again, and nothing is run.

    Raises:
        TaskStopped: the run is over, or was cancelled, before this is known.
    """
    shop = workshop_of(facts)
    tree = shop.control.store.tree_of(order.commit)
    verifier = verifier_with(shop, contracts_in(shop, order.landed))
    is_told_only = facts.integration.base == "known"
    known = verifier.known_red(tree) if is_told_only else None
    if known is not None:
        return BaseReport("red", reason=f"{known} (remembered from an earlier run)")
    if facts.integration.base == "new-failures":
        verifier = verifier.surveying()  # a batch has to know all that is red there
    seen = verifier.verify(tree, at=order.commit, stop=shop.over)
    flake = ""
    if seen.outcome == "red" and facts.integration.base != "new-failures":
        repeated = verifier.verify(tree, at=order.commit, stop=shop.over, again=True)
        flake = plain(how_red(seen)) if repeated.green else ""
        seen = repeated if repeated.outcome in ("green", "red") else seen
    if seen.outcome == "cancelled":
        raise TaskStopped("the run was over before the checks were")
    if seen.green:
        return BaseReport("green", reason=flake, seconds=seen.seconds)
    if seen.outcome in ("red", "timeout"):
        more = f" (and {count(len(seen.reds) - 1, 'command')} more)" if len(seen.reds) > 1 else ""
        told = plain(f"{how_red(seen)}{more}: {_last_line(seen.tail)}")
        if is_told_only and seen.outcome == "red":
            verifier.keep_red(tree, told)
        return BaseReport("red", reason=told, seconds=seen.seconds)
    return BaseReport("unknown", reason=plain(not_run(seen)), seconds=seen.seconds)


def _last_line(tail: str) -> str:
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"
