"""What a run would begin with: its base, its checks, its bundles, and what earlier runs finished. Nothing is moved."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from plait.flows.inputs.filled_presets import fill_presets
from plait.flows.inputs.requests import Brief, narrow
from plait.flows.running.bundles import bundle
from plait.flows.running.reuse import Reuse, everything_of, find_finished, rejected_owners, unread_works, without
from plait.flows.running.taken_branches import moved_on, require_branches
from plait.plans.errors import CallError
from plait.plans.names import integration_branch
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.wording import listed
from plait.workspace.base_course import FeatureBase, feature_base
from plait.workspace.contract_refs import require_on_base
from plait.workspace.control import Control
from plait.workspace.landed_work import undone_by
from plait.workspace.landing_places import RemotePlace, landing_place
from plait.workspace.review_refs import read_reviews


@dataclass(frozen=True, slots=True)
class Start:
    """Where a feature starts from."""

    base: FeatureBase
    standing: BaseStanding
    """How base stands beside the feature."""
    fresh: bool
    """Whether the feature is begun anew, by the call or since it was taken back."""
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outset:
    """What a run would begin with."""

    brief: Brief
    """The plan as it would run: small tasks that one agent does together are one task of it."""
    chosen: tuple[str, ...]
    reuse: Reuse
    commit: str
    """What the feature starts from."""
    notices: tuple[str, ...] = ()

    @property
    def ahead(self) -> tuple[str, ...]:
        """The tasks that are still to do."""
        return tuple(task for task in self.chosen if task not in self.reuse.finished)

    @property
    def has_all_landed(self) -> bool:
        """Whether nothing of it is left to do, as far as git says it."""
        works = [self.reuse.finished.get(task) for task in self.chosen]
        busy = self.reuse.outdated or self.reuse.sent_back or self.reuse.repaired or self.reuse.lost
        return not busy and all(work is not None and (work.landed or work.commit is None) for work in works)


def outset_of(control: Control, brief: Brief, start: Start, *, only: tuple[str, ...]) -> Outset:
    """Look at what is there, and refuse what cannot begin.

    Raises:
        CallError: a task, a need or a branch is missing, or a contract is not on base.
        GitFailed: an object is missing.
    """
    commit = start.base.commit
    brief, told = fill_presets(brief, control.store, commit)
    require_on_base(control, commit, brief.expansion.contracts)
    chosen = narrow(brief.expansion, only)
    find = partial(_reuse, control, chosen=chosen, base=start.base.now, fresh=start.fresh)
    bundled = bundle(control, brief, chosen=chosen, fresh=start.fresh, find=find)
    brief, chosen, reuse = bundled.brief, bundled.chosen, bundled.reuse
    notices = [*told, *bundled.notices, *_set_back(control, brief, chosen, reuse)]
    notices += [f"{branch} has commits beside what has landed: they stay there" for branch in reuse.left]
    unread = unread_works(brief.expansion.tasks, reuse.finished, read_reviews(control, brief.plan.feature))
    _refuse_missing(brief, chosen, reuse, unread)
    require_branches(control, [task for task in brief.expansion.tasks if task.id in {*chosen} - {*reuse.finished}])
    return Outset(brief, chosen, reuse, commit, tuple(notices))


def start_of(control: Control, brief: Brief, base: str | None, *, fresh: bool) -> Start:
    """Where the feature starts from now; one that was taken back out of base begins anew.

    Args:
        base: The name that the call gives, before the plan's.

    Raises:
        CallError: there is no such base.
        GitFailed: a commit is missing.
    """
    feature, wanted = brief.plan.feature, base or brief.plan.base
    started = feature_base(control, feature, wanted, fresh=fresh)
    undone = _taken_back(control, feature, started)
    if undone:
        fresh, wanted = True, wanted or (started.base.ref if started.base else None)
        started = feature_base(control, feature, wanted, fresh=True)
    tip = None if fresh else control.branch(integration_branch(feature))
    standing = started.standing(control.store, feature, tip).model_copy(update={"edition": brief.edition})
    return Start(started, standing, fresh, (*undone, *started.told))


def _taken_back(control: Control, feature: str, started: FeatureBase) -> list[str]:
    """That what the feature branch holds was taken back out of base: the feature begins anew, and this says so.

    Raises:
        CallError: a remote's branch that base follows has the undo, as it was seen last, and base itself has not.
    """
    tip = control.branch(integration_branch(feature))
    undone = undone_by(control, feature, tip, base=started.now) if tip else None
    if undone:
        return [f"{feature} was taken back out of {started.name} by {undone[:10]}: it is done anew"]
    ref = (started.base.ref if started.base else None) if tip else None
    place = landing_place(control, feature, ref) if ref else None
    for commit in place.known_tips() if isinstance(place, RemotePlace) else ():
        if undone := undone_by(control, feature, tip or "", base=commit):
            taken = f"{feature} was taken back out of {place.name if place else ''} by {undone[:10]}"
            hint = "git pull, and run it again: it is done anew then"
            raise CallError(f"{taken}, which {started.name} does not have yet", hint=hint)
    return []


def _reuse(
    control: Control, brief: Brief, bundled: Mapping[str, str], *, chosen: Collection[str], base: str, fresh: bool
) -> Reuse:
    """What earlier runs finished; starting over, all of it is outdated."""
    if fresh:
        return Reuse({}, everything_of(control, brief.plan.feature))
    plan, tasks, contracts = brief.plan, brief.expansion.tasks, brief.expansion.contracts
    reuse = find_finished(control, plan.feature, tasks, base=base, bundled=bundled)
    rejected = rejected_owners(control, plan.feature, contracts, reuse.finished) - set(reuse.repaired)
    anew = moved_on(control, tasks, reuse.finished)
    anew |= {task.id for task in tasks if task.id in rejected.intersection(chosen) and not task.task.is_for_agent}
    if anew:  # and so is what was built on that
        reuse = find_finished(control, plan.feature, tasks, base=base, unwanted=anew, bundled=bundled)
    return without(reuse, rejected)


def _set_back(control: Control, brief: Brief, chosen: Collection[str], reuse: Reuse) -> Iterator[str]:
    """What had landed and is not there any more, and what becomes of it: nobody's work is done twice without a word.

    Example: A had landed, and somebody deleted the feature branch and A's: A is done again. Was only the feature branch
    deleted, A is still on its own, and lands again.
    """
    branch = integration_branch(brief.plan.feature)
    tip = control.branch(branch)
    names = {task.id: (task.id, *(member.id for member in task.members)) for task in brief.expansion.tasks}
    for commit in dict.fromkeys(reuse.lost.values()):
        lost = [task for task in chosen if any(reuse.lost.get(name) == commit for name in names[task])]
        again = [task for task in lost if task not in reuse.finished]
        kept = [task for task in lost if task in reuse.finished]
        moved = f"was set back from {commit[:10]} to {tip[:10]}" if tip else f"was at {commit[:10]}, and is gone"
        ends = ((again, "is done again", "are done again"), (kept, "lands again", "land again"))
        become = [f"{listed(of)} {verb if len(of) == 1 else verbs}" for of, verb, verbs in ends if of]
        if become:
            yield f"{listed(lost)} had landed, but {branch} {moved}: {' and '.join(become)}"


def _refuse_missing(brief: Brief, chosen: tuple[str, ...], reuse: Reuse, unread: Collection[str]) -> None:
    """With `--only`, a need that is neither chosen nor finished is said before anything starts."""
    there = set(chosen) | set(reuse.finished).difference(unread)
    missing = [
        f"{task.id} needs {' or '.join(_named(need, reuse, unread) for need in group)}"
        for task in brief.expansion.tasks
        if task.id in chosen
        for group in task.needs
        if not there & set(group)
    ]
    if missing:
        raise CallError(
            f"--only leaves out what is needed and not finished yet: {'; '.join(missing)}",
            hint="name those tasks too, or run the whole plan once",
        )


def _named(need: str, reuse: Reuse, unread: Collection[str]) -> str:
    if need in unread:
        return f"{need}, whose work nobody has approved"
    return f"{need}, whose contract was rejected" if need in reuse.sent_back else need
