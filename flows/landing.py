"""What `plait land` and `plait undo` do: find what the last run went by, and open its workshop for a while."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from plait.agent_tasks.after_landing import request_it, with_pushes
from plait.agent_tasks.base_landing import LandingWish, land_on_base
from plait.agent_tasks.base_undo import undo_on_base
from plait.agent_tasks.kept_facts import kept_facts
from plait.agent_tasks.workshop import Workshop, opened_workshop
from plait.flows.preflight import usable_repository
from plait.flows.running.tidying import has_unsalvaged
from plait.plans.errors import ExitCode
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.workspace.deleting import delete_tree
from plait.workspace.home import plait_home
from plait.workspace.kept_packs import take_left_packs
from plait.workspace.landing_places import Place, landing_place
from plait.workspace.ref_landing import feature_lock, reconcile
from plait.workspace.store_upkeep import store_in_use


@dataclass(frozen=True, slots=True)
class LandCall:
    """What `plait land` was asked for."""

    feature: str
    repository: Path
    way: str | None = None
    """The plan's when absent."""
    strictly: bool = False
    onto: str | None = None
    local: bool = False
    dry_run: bool = False
    request: bool = False
    """Whether a pull request is to be opened in place of landing it."""


def land_feature(call: LandCall) -> BaseOutcome:
    """Bring a feature onto base.

    Raises:
        CallError: nothing is known of the feature, it has no branch or was undone, there is no such base, a run of it
            is live.
        EnvironmentProblem: git, the remote or the checks could not.
    """
    with _opened(call.feature, call.repository) as shop:
        way = call.way or shop.facts.integration.land_by
        wish = LandingWish(way, strictly=call.strictly, dry_run=call.dry_run, anyhow=call.onto is not None)
        place = _place(shop, call.onto, local=call.local)
        if call.request:
            return request_it(shop, place)
        outcome = land_on_base(shop, place, wish)
        if outcome.state == "refused":
            return with_pushes(shop, place, outcome, what=shop.facts.integration.push)
        done = outcome.is_done and not call.dry_run
        return with_pushes(shop, place, outcome, what=shop.facts.integration.push) if done else outcome


def undo_feature(
    feature: str, repository: Path, *, onto: str | None = None, local: bool = False, dry_run: bool = False
) -> BaseOutcome:
    """Take a feature that has landed back out of base.

    Raises:
        As `land_feature`; CallError also where it has not landed.
    """
    with _opened(feature, repository) as shop:
        return undo_on_base(shop, _place(shop, onto, local=local), dry_run=dry_run)


def exit_code_of(outcome: BaseOutcome) -> ExitCode:
    """What the shell is told."""
    return ExitCode.LANDED if outcome.is_done else ExitCode.HELD_BACK


def _place(shop: Workshop, onto: str | None, *, local: bool) -> Place:
    return landing_place(shop.control, shop.feature, onto or shop.facts.onto, local=local)


@contextmanager
def _opened(feature: str, repository: Path) -> Iterator[Workshop]:
    """The workshop of a feature's last run, with a folder of its own; nobody else works on the feature meanwhile."""
    home = plait_home()
    control = usable_repository(repository, home=home)
    facts = kept_facts(control, feature)
    place = control.directory / "landings" / feature
    with feature_lock(control, feature, "that lands or undoes it"):
        reconcile(control, feature)
        with store_in_use(control, unsalvaged=has_unsalvaged(home, control)):
            take_left_packs(control.store, control.objects)
            delete_tree(place)
            place.mkdir(parents=True)
            facts = replace(facts, home=str(home), directory=str(place))
            with opened_workshop(facts, control=control, stop=threading.Event()) as shop:
                try:
                    yield shop
                finally:
                    delete_tree(place / "slots")
