"""What is left to do once a feature is on its branch: base, the remote, a pull request, each where it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from plait.agent_tasks.base_landing import LandingWish, land_on_base
from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.pushing import ask_for_it, push_branches, push_remote
from plait.agent_tasks.workshop import Workshop
from plait.plans.errors import CallError, PlaitError
from plait.plans.names import integration_branch
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.wording import one_line, run_command
from plait.workspace.landing_places import Place, RemotePlace, landing_place
from plait.workspace.output import plain
from plait.workspace.remotes import RemoteGone, skipped_hook


def finish_at_base(shop: Workshop, *, is_complete: bool, tell: Callable[[str], None]) -> BaseOutcome | None:
    """At the end of a run: land where the plan says `auto`, ask where it says `approve`, push what it says.

    What keeps it from that is told.

    Args:
        is_complete: Whether all tasks of the plan are on the feature branch.

    Returns:
        Nothing where the plan asks for neither, or the run was cancelled.
    """
    integration = shop.facts.integration
    if shop.stop.is_set() or (integration.land == "never" and integration.push == "none"):
        return None
    place: Place | None = None
    outcome = BaseOutcome(
        feature=shop.feature,
        edition=shop.facts.edition,
        state="left",
        base=shop.facts.onto or "base",
        way=integration.land_by,
    )
    try:
        place = landing_place(shop.control, shop.feature, shop.facts.onto)
    except PlaitError as problem:
        if integration.land != "never":
            outcome = outcome.model_copy(update={"state": "held", "reason": plain(str(problem))})
    else:
        outcome = _landed(shop, place, is_complete=is_complete, tell=tell)
    try:
        return with_pushes(shop, place, outcome, what=integration.push)
    except (PlaitError, OSError) as problem:
        return outcome.model_copy(update={"notes": (*outcome.notes, f"not pushed: {plain(str(problem))}")})


def _landed(shop: Workshop, place: Place, *, is_complete: bool, tell: Callable[[str], None]) -> BaseOutcome:
    """What came of the landing that the plan asks for; `left` where it does not, or not yet."""
    integration = shop.facts.integration
    left = BaseOutcome(
        feature=shop.feature, edition=shop.facts.edition, state="left", base=place.name, way=integration.land_by
    )
    if integration.land == "never":
        return left
    if not is_complete:
        lands = "lands by itself" if integration.land == "auto" else "is asked about"
        return left.model_copy(update={"reason": f"it {lands} only when all of its tasks have landed"})
    if integration.land == "approve":
        return left.model_copy(update={"state": "already" if _is_there(shop, place) else "asked"})
    tell(f"landing {shop.feature} on {place.name}")
    try:
        return land_on_base(shop, place, LandingWish(integration.land_by))
    except TaskStopped:
        return left.model_copy(update={"reason": "the run was cancelled"})
    except RemoteGone as gone:
        return left.model_copy(update={"state": "unreachable", "reason": plain(str(gone))})
    except (PlaitError, OSError) as problem:
        return left.model_copy(update={"state": "held", "reason": one_line(plain(str(problem)), 1000)})


def _is_there(shop: Workshop, place: Place) -> bool:
    """Whether base has the feature branch already, as far as that is known here: no remote is asked."""
    tip = shop.control.branch(integration_branch(shop.feature))
    tips = place.known_tips() if isinstance(place, RemotePlace) else (place.tip(),)
    return tip is None or any(shop.control.store.is_ancestor(tip, there) for there in tips)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be pushed, and whether a pull request comes of it."""

    what: str
    request: bool


def with_pushes(
    shop: Workshop, place: Place | None, outcome: BaseOutcome, *, what: str, request: bool = False
) -> BaseOutcome:
    """The same with the feature's branches at the remote; where base refused the feature, a pull request asks for it.

    Args:
        what: `none`, `integration` or `all`, as the plan has it.
        request: Whether a pull request is asked for: it needs the feature branch at the remote.
    """
    base = place if isinstance(place, RemotePlace) else None
    asked = _Asked("integration" if request and what == "none" else what, request)
    if outcome.state == "refused" and base is not None and what != "none":
        asked = _Asked(what, request=True)
    if asked.what == "none":
        return outcome
    remote = push_remote(shop.control, base.remote if base else None)
    if remote is None:
        return outcome.model_copy(update={"notes": (*outcome.notes, "not pushed: the repository has no remote")})
    hook = skipped_hook(shop.control)
    notes = (*outcome.notes, *([f"your hooks in {plain(hook)} did not run: branches can change them"] if hook else []))
    pushed = push_branches(shop, remote, asked.what)
    outcome = outcome.model_copy(update={"remote": remote, "pushed": pushed, "notes": notes})
    there = any(one.branch == integration_branch(shop.feature) and one.state in ("pushed", "there") for one in pushed)
    if not (asked.request and base and there):
        return outcome
    return outcome.model_copy(update={"pull_request": ask_for_it(shop, base, remote)})


def request_it(shop: Workshop, place: Place) -> BaseOutcome:
    """A pull request in place of a landing.

    Raises:
        CallError: base is no remote's branch, or there is no feature branch.
        RemoteGone: the remote does not answer.
    """
    if not isinstance(place, RemotePlace):
        hint = "git branch --set-upstream-to=origin/BRANCH"
        raise CallError(f"{place.name} follows no branch of a remote, so nobody can be asked to take it", hint=hint)
    if shop.control.branch(integration_branch(shop.feature)) is None:
        raise CallError(
            f"{shop.feature} has no branch, so nothing of it can land", hint=run_command(edition=shop.facts.edition)
        )
    left = BaseOutcome(
        feature=shop.feature,
        edition=shop.facts.edition,
        state="requested",
        base=place.name,
        way="pull-request",
        old=place.tip(),
    )
    outcome = with_pushes(shop, place, left, what=shop.facts.integration.push, request=True)
    if outcome.pull_request is None:
        reason = next((one.reason for one in outcome.pushed if one.reason), "the feature branch is not at the remote")
        return outcome.model_copy(update={"state": "held", "reason": reason})
    return outcome
