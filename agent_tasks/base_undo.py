"""Takes a feature back out of base: a commit without what it brought, verified as that exact tree, moved once."""

from collections.abc import Mapping
from dataclasses import dataclass

from plait.agent_tasks.base_landing import PAUSE_SECONDS, ROUNDS, verdict_on
from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.known_failures import verified_words
from plait.agent_tasks.verifying import how_red
from plait.agent_tasks.workshop import Workshop
from plait.plans.errors import CallError
from plait.plans.names import integration_branch
from plait.plans.quality.known_reds import RedCommand
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.wording import count, listed
from plait.workspace.base_history import OnBase, on_base
from plait.workspace.commit_objects import write_commit
from plait.workspace.errors import RefMoved
from plait.workspace.git import git_date
from plait.workspace.landing_places import Place
from plait.workspace.merging import Conflict
from plait.workspace.output import plain
from plait.workspace.ref_landing import ReadyToLand
from plait.workspace.remotes import PushRefused
from plait.workspace.reverting import tree_without
from plait.workspace.trailers import merge_message


def undo_on_base(shop: Workshop, base: Place, *, dry_run: bool) -> BaseOutcome:
    """Take all of the feature that has landed on base back out of it; call with the feature's lock held.

    Raises:
        CallError: it has not landed, or was undone already, or came together with another feature.
        TaskStopped: the run was cancelled; base is as it was.
        EnvironmentProblem: the checks could not be run, the remote does not answer, git could not.
    """
    for number in range(ROUNDS):
        undoing = _Undoing.begun(shop, base)
        made = undoing.made(dry_run=dry_run)
        if isinstance(made, BaseOutcome):
            return made
        try:
            return undoing.placed(made)
        except PushRefused as refusal:
            return undoing.told("refused", reason=str(refusal))
        except RefMoved:
            shop.stop.wait(PAUSE_SECONDS * 2**number)
    return undoing.told("held", reason=f"{base.name} was moved by somebody else {ROUNDS} times while it was tested")


@dataclass(frozen=True, slots=True)
class _Made:
    """The commit that takes it back, verified."""

    commit: str
    tree: str
    verified: str


@dataclass(frozen=True, slots=True)
class _Undoing:
    """What is to go, and base as it is at this moment."""

    shop: Workshop
    base: Place
    old: str
    history: OnBase

    @classmethod
    def begun(cls, shop: Workshop, base: Place) -> "_Undoing":
        """See what is there.

        Raises:
            CallError: there is nothing that could be taken back, or not by itself.
        """
        old, feature = base.tip(), shop.feature
        history = on_base(shop.control, feature, base=old)
        if not history.stretches and history.undone:
            raise CallError(f"{feature} was taken back out of {base.name} already, by {history.undone[:10]}")
        if not history.stretches:
            raise CallError(f"{feature} has not landed on {base.name}", hint=f"plait land {feature}")
        if history.mixed:
            commit, others = next(iter(history.mixed.items()))
            raise CallError(
                f"{commit[:10]} brought {feature} to {base.name} together with {listed(others)}: "
                "plait cannot take one of them back alone",
                hint=f"git revert -m 1 {commit[:10]} takes back both",
            )
        return cls(shop, base, old, history)

    def told(self, state: str, **more: object) -> BaseOutcome:
        """What came of it."""
        return BaseOutcome.model_validate(
            {
                "feature": self.shop.feature,
                "edition": self.shop.facts.edition,
                "state": state,
                "base": self.base.name,
                "way": "undo",
                "old": self.old,
                "notes": tuple(_above(self.history.above)),
                **more,
            }
        )

    def made(self, *, dry_run: bool) -> _Made | BaseOutcome:
        """The commit that takes it back; or what keeps it from that."""
        shop, store = self.shop, self.shop.control.store
        found = tree_without(store, self.old, self.history.stretches, fold_case=shop.control.ignores_case)
        if isinstance(found, Conflict):
            files = tuple(map(plain, found.files))
            reason = f"{self.base.name} has changed since what {shop.feature} brought, in {listed(files)}"
            return self.told("conflict", reason=reason, files=files)
        if dry_run:
            return self.told("planned", tree=found)
        seen = verdict_on(shop, found, before=store.tree_of(self.old), known=self._known_reds(), tasks=())
        if not seen.green:
            reason = f"{self.base.name} without {shop.feature} is red: {how_red(seen)}"
            return self.told("red", reason=plain(reason), log=plain(str(seen.log)) if seen.log else None)
        verified = verified_words(unverified=seen.unverified, reds=seen.reds)
        return _Made(self._commit(found, verified), found, verified)

    def placed(self, made: _Made) -> BaseOutcome:
        """Move base there, once.

        Raises:
            RefMoved: it is elsewhere.
            PushRefused: its remote does not take it.
            TaskStopped: the run was cancelled before.
        """
        if self.shop.stop.is_set():
            raise TaskStopped
        facts = {"commit": made.commit, "tree": made.tree, "verified": made.verified}
        placed = self.base.land(batch=f"undo-of-{self.old}", old=self.old, new=made.commit)
        if isinstance(placed, ReadyToLand):
            reason = plain(f"{self.base.name} is checked out in {placed.worktree}, and plait moves nothing under you")
            return self.told("ready-to-land", reason=reason, command=placed.command, **facts)
        notes = (*_above(self.history.above), *filter(None, [self.base.note]))
        return self.told("undone", **{**facts, "notes": notes})

    def _known_reds(self) -> tuple[RedCommand, ...]:
        """What was red before the feature came does not count against taking it out: checks may test the feature."""
        tree = self.shop.control.store.tree_of(self.history.stretches[-1].before)
        return verdict_on_base(self.shop, tree)

    def _commit(self, tree: str, verified: str) -> str:
        shop, store = self.shop, self.shop.control.store
        tip = shop.control.branch(integration_branch(shop.feature))
        tips = [tip for stretch in self.history.stretches for tip in stretch.tips]
        trailers = [("Plait-Undone", shop.feature)]
        trailers += [("Plait-Tip", commit) for commit in dict.fromkeys((*([tip] if tip else ()), *tips))]
        trailers += [("Plait-Run", shop.run_id), ("Verified", verified), *shop.style.trailers.items()]
        listing = [f"Takes back {_spelled(stretch.before, stretch.newest)}." for stretch in self.history.stretches]
        message = merge_message(f"Undo {shop.feature}", listing, trailers)
        made = write_commit(store, tree, (self.old,), message, date=git_date(), author=shop.style.author)
        return shop.style.to_land(store, made)


def verdict_on_base(shop: Workshop, tree: str) -> tuple[RedCommand, ...]:
    """All that is red on a tree, run or remembered.

    Raises:
        TaskStopped: the run was cancelled.
    """
    seen = shop.verifier.surveying().verify(tree, stop=shop.stop)
    if seen.outcome == "cancelled":
        raise TaskStopped("the run was cancelled")
    return seen.reds


def _spelled(before: str, newest: str) -> str:
    return f"{before[:12]}..{newest[:12]}"


def _above(others: Mapping[str, int]) -> list[str]:
    return [f"landed since, and stays: {other} ({count(number, 'commit')})" for other, number in others.items()]
