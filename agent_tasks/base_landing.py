"""Brings a finished feature onto base: built on where base is now, verified as that exact tree, moved once."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from plait.agent_tasks.chain_builders import chain_builder
from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.known_failures import surveyed, verified_words
from plait.agent_tasks.verifying import contracts_in, how_red, not_run, verifier_with
from plait.agent_tasks.workshop import Workshop
from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.names import fresh_ref, integration_branch
from plait.plans.persons import PLAIT, read_person
from plait.plans.quality.known_reds import RedCommand
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.wording import count, listed, one_line, run_command
from plait.workspace.ancestry import commit_contents
from plait.workspace.base_course import feature_base
from plait.workspace.base_history import ONTO_BASE, tips_named
from plait.workspace.chains import Branch, Chain
from plait.workspace.commit_objects import write_commit
from plait.workspace.errors import RefMoved
from plait.workspace.git import git_date
from plait.workspace.landed_work import Claim, landed_work, undone_by
from plait.workspace.landing_places import Place, RemotePlace
from plait.workspace.output import plain
from plait.workspace.ref_landing import ReadyToLand
from plait.workspace.remotes import PushRefused
from plait.workspace.trailers import merge_message, named_works, squash_message
from plait.workspace.verification import Verification

ROUNDS = 5
"""How often it is built again because somebody else moved base meanwhile."""
PAUSE_SECONDS = 0.1

Way = str
"""`fast-forward`, `merge` or `squash`."""


@dataclass(frozen=True, slots=True)
class LandingWish:
    """How a feature is to come onto base."""

    way: Way
    strictly: bool = False
    """Whether a fast-forward that is none any more is refused, and not made a merge."""
    dry_run: bool = False
    anyhow: bool = False
    """Whether base has been named by the call: then it may come with what the feature's own base has lost."""


def land_on_base(shop: Workshop, base: Place, wish: LandingWish) -> BaseOutcome:
    """Bring the feature branch onto base; call with the feature's lock held.

    Raises:
        CallError: there is no feature branch, or it has been undone.
        TaskStopped: the run was cancelled; nothing has landed.
        EnvironmentProblem: the checks could not be run, the remote does not answer, git could not.
    """
    for number in range(ROUNDS):
        landing = _Landing.begun(shop, base, wish)
        outcome = landing.settled or landing.built()
        if not isinstance(outcome, _Built):
            return outcome
        try:
            return landing.placed(outcome)
        except PushRefused as refusal:
            return landing.told("refused", reason=str(refusal), built=outcome)
        except RefMoved:
            shop.stop.wait(PAUSE_SECONDS * 2**number)
    return landing.told("held", reason=f"{base.name} was moved by somebody else {ROUNDS} times while it was tested")


@dataclass(frozen=True, slots=True)
class _Built:
    """What is to be on base, verified."""

    commit: str
    tree: str
    way: Way
    verified: str


@dataclass(frozen=True, slots=True)
class _Landing:
    """A feature, and base as it is at this moment."""

    shop: Workshop
    base: Place
    wish: LandingWish
    tip: str
    old: str
    tasks: tuple[str, ...]
    """Whose work base does not have yet."""
    present: frozenset[str] = frozenset()
    """All whose work is in either."""
    known: tuple[str, ...] = ()
    """Where a remote's branch was seen before."""
    settled: BaseOutcome | None = None
    """What came of it, where there is nothing to build."""

    @classmethod
    def begun(cls, shop: Workshop, base: Place, wish: LandingWish) -> "_Landing":
        """See where both are.

        Raises:
            CallError: there is no feature branch, or it has been undone.
        """
        control, feature = shop.control, shop.feature
        known = base.known_tips() if isinstance(base, RemotePlace) else ()  # before it is fetched
        old = base.tip()
        tip, fresh = control.branch(integration_branch(feature)), control.target.resolve(fresh_ref(feature))
        there = landed_work(control, feature, tip=None, base=old, fresh=fresh)
        if tip is None and not there.claims:
            branch = integration_branch(feature)
            raise CallError(
                f"{feature} has no branch {branch}, so nothing of it can land",
                hint=run_command(edition=shop.facts.edition),
            )
        undone = undone_by(control, feature, tip, base=old) if tip else None
        if undone:
            taken = f"{feature} was taken back out of {base.name} by {undone[:10]}"
            raise CallError(taken, hint=f"`{run_command(edition=shop.facts.edition)}` does it anew")
        here = landed_work(control, feature, tip=tip, base=old, fresh=fresh)
        new = tuple(task for task, claims in here.claims.items() if not _is_same(claims[0], there.claims.get(task, ())))
        landing = cls(shop, base, wish, tip or old, old, new, frozenset(here.claims), known)
        if landing.tip in {old, *tips_named(control, there.commits)} or control.store.is_ancestor(landing.tip, old):
            return replace(landing, settled=landing.told("already"))
        return landing

    def told(self, state: str, *, built: _Built | None = None, **more: object) -> BaseOutcome:
        """What came of it."""
        return BaseOutcome.model_validate(
            {
                "feature": self.shop.feature,
                "edition": self.shop.facts.edition,
                "state": state,
                "base": self.base.name,
                "way": built.way if built else self.wish.way,
                "old": self.old,
                "commit": built.commit if built else (self.old if state == "already" else None),
                "tree": built.tree if built else None,
                "verified": built.verified if built else "",
                "tasks": self.tasks,
                **more,
            }
        )

    def built(self) -> _Built | BaseOutcome:
        """The commit that lands, its tree verified; or what keeps it from that."""
        store, behind = self.shop.control.store, not self.shop.control.store.is_ancestor(self.old, self.tip)
        if behind and self.wish.strictly:
            number = int(store.ask("rev-list", "--count", self.old, f"^{self.tip}").text)
            reason = f"{self.base.name} has {count(number, 'commit')} that the feature branch has not: no fast-forward"
            return self.told("held", reason=reason)
        unasked = self._unpushed() or self._dropped()
        if unasked:
            return self.told("held", reason=unasked)
        chain, there = self._merged(), store.tree_of(self.old)
        if not self.tasks and (chain.conflicts or chain.tree == there):  # a squash of somebody's
            return self.told("already")
        if chain.conflicts:
            clash = chain.conflicts[0]
            files = tuple(map(plain, clash.paths))
            same = f"{self.shop.feature} and {self.base.name} have changed the same in {listed(files)}"
            reason = same if files else plain(listed(clash.messages))
            return self.told("conflict", reason=reason, files=files)
        verified = ""
        if not self.wish.dry_run:
            known = surveyed(self.shop, there, ())
            seen = verdict_on(
                self.shop, chain.tree, before=there, known=known.reds if known else (), tasks=self.present
            )
            if not seen.green:
                reason = f"{self.base.name} with {self.shop.feature} is red: {how_red(seen)}"
                return self.told("red", reason=plain(reason), log=plain(str(seen.log)) if seen.log else None)
            verified = verified_words(unverified=seen.unverified, reds=seen.reds)
        way = "merge" if behind and self.wish.way == "fast-forward" else self.wish.way
        return _Built(self._commit(way, chain.tree, verified), chain.tree, way, verified)

    def placed(self, built: _Built) -> BaseOutcome:
        """Move base there, once.

        Raises:
            RefMoved: it is elsewhere.
            PushRefused: its remote does not take it.
            TaskStopped: the run was cancelled before.
        """
        if self.wish.dry_run:
            return self.told("planned", built=built)
        if self.shop.stop.is_set():
            raise TaskStopped
        placed = self.base.land(batch=f"{ONTO_BASE}{self.old}", old=self.old, new=built.commit)
        if isinstance(placed, ReadyToLand):
            reason = plain(f"{self.base.name} is checked out in {placed.worktree}, and plait moves nothing under you")
            return self.told("ready-to-land", built=built, reason=reason, command=placed.command)
        return self.told("landed", built=built, notes=tuple(filter(None, [self.base.note])))

    def _unpushed(self) -> str | None:
        """That commits of the user's would go to the remote with it, which nobody has asked for."""
        number = self.base.not_there(self.shop.base)
        if not number or not isinstance(self.base, RemotePlace):
            return None
        base, feature, began, store = self.base, self.shop.feature, self.shop.base, self.shop.control.store
        there = "would go there with it"
        had = any(store.is_ancestor(began, known) for known in self.known)
        if had or not store.is_ancestor(self.old, began):  # it was rewritten: pushing would bring back or be refused
            return (
                f"{base.name} and what it began from have gone apart: {count(number, 'commit')} of that {there}; "
                f"`{self._anew(base.name)}` starts from {base.name} as it is"
            )
        return (
            f"it began from {count(number, 'commit')} that {base.name} does not have, and that {there}: "
            f"git push {base.remote} {base.local or base.branch}, or `plait land {feature} --local`"
        )

    def _dropped(self) -> str | None:
        """That commits would come back that somebody has taken out of base, by a rebase or a reset."""
        if self.wish.anyhow or isinstance(self.base, RemotePlace):
            return None
        store, name = self.shop.control.store, self.base.name
        rests_on = feature_base(self.shop.control, self.shop.feature, None).commit
        number = int(store.ask("rev-list", "--count", rests_on, f"^{self.old}").text)
        if not number:
            return None
        them = "it" if number == 1 else "them"
        return (
            f"{name} was rewritten: {count(number, 'commit')} that it rests on {'is' if number == 1 else 'are'} not on "
            f"{name} any more, and would come back with it; `{self._anew(name)}` does it without {them}, "
            f"`plait land {self.shop.feature} --onto {name}` brings {them} back"
        )

    def _anew(self, base: str) -> str:
        return f"{run_command(edition=self.shop.facts.edition)} --fresh --base {base}"

    def _merged(self) -> Chain:
        """The feature branch merged onto base, conflicts settled as in a batch."""
        batch = f"{ONTO_BASE}{self.old[:12]}"
        builder = chain_builder(self.shop, self.old, batch=batch, date=git_date())
        return builder.build([Branch(self.shop.feature, self.tip)])

    def _commit(self, way: Way, tree: str, verified: str) -> str:
        """The commit that base is moved to."""
        if way == "fast-forward":
            return self.tip
        shop, store = self.shop, self.shop.control.store
        subject = f"Land {shop.feature}: {one_line(shop.facts.goal)}" if shop.facts.goal else f"Land {shop.feature}"
        listing = [f"- {task}" for task in self.tasks]
        trailers = [("Plait-Tip", self.tip), ("Plait-Run", shop.run_id), ("Verified", verified)]
        if way == "merge":
            trailers.insert(0, ("Plait-Feature", shop.feature))
            message = merge_message(subject, listing, [*trailers, *shop.style.trailers.items()])
            parents: tuple[str, ...] = (self.old, self.tip)
        else:
            trailers += [("Co-authored-by", author) for author in self._authors()]
            message = squash_message(subject, listing, self._works(), [*trailers, *shop.style.trailers.items()])
            parents = (self.old,)
        made = write_commit(store, tree, parents, message, date=git_date(), author=shop.style.author)
        return shop.style.to_land(store, made)

    def _works(self) -> list[dict[str, str]]:
        """All works of the feature branch that base has not, the newest of each task: later runs know them by that."""
        store = self.shop.control.store
        commits = store.ask("rev-list", "--topo-order", "--grep=Plait-Task: ", self.tip, f"^{self.old}").text.split()
        works: dict[tuple[str | None, str], dict[str, str]] = {}
        for content in commit_contents(store, commits).values():
            for work in named_works(content):
                works.setdefault((work.get("Plait-Feature"), work["Plait-Task"]), work)
        return list(works.values())

    def _authors(self) -> Iterable[str]:
        """Everybody who has written a part of it, beside the author of the squash."""
        store, seen = self.shop.control.store, {str(PLAIT), str(self.shop.style.author)}
        for line in store.ask("log", "--no-use-mailmap", "--format=%an <%ae>", self.tip, f"^{self.old}").lines:
            with suppress(ValueError):  # a name that is none in a trailer
                if (author := str(read_person(line))) not in seen:
                    seen.add(author)
                    yield author


def _is_same(claim: Claim, others: Iterable[Claim]) -> bool:
    """Whether one of the others claims the same work of the same task."""
    spec = claim.trailers.get("Plait-Spec")
    return any(other.trailers.get("Plait-Spec") == spec for other in others)


def verdict_on(
    shop: Workshop, tree: str, *, before: str, known: tuple[RedCommand, ...], tasks: Collection[str]
) -> Verification:
    """What the plan's checks say of a tree that is to be on base.

    Args:
        before: The tree that is there now: stages of whose paths nothing differs do not run.
        known: What is red and does not count.
        tasks: Those whose work is in it: contracts of theirs are tested.

    Raises:
        TaskStopped: the run was cancelled.
        EnvironmentProblem: the checks could not be run.
    """
    verifier = verifier_with(shop, contracts_in(shop, tasks)).forgiving(known)
    seen = verifier.since(before, tree).verify(tree, stop=shop.stop)
    if seen.outcome == "cancelled":
        raise TaskStopped("the run was cancelled")
    if seen.outcome == "infrastructure":
        raise EnvironmentProblem(not_run(seen))
    return seen
