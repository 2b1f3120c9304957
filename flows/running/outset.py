"""What a run would begin with: its base, its checks, its bundles, and what earlier runs finished. Nothing is moved."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from plait.flows.inputs.filled_presets import fill_presets
from plait.flows.inputs.requests import Brief, narrow
from plait.flows.running.bundles import bundle
from plait.flows.running.reuse import Reuse, everything_of, find_finished, rejected_owners, without
from plait.flows.running.taken_branches import moved_on, require_branches
from plait.plans.errors import CallError
from plait.plans.names import base_ref, integration_branch, is_work_of, refname_problem
from plait.plans.wording import listed
from plait.workspace.contract_refs import require_on_base
from plait.workspace.control import Control


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


def outset_of(control: Control, brief: Brief, *, commit: str, now: str, only: tuple[str, ...], fresh: bool) -> Outset:
    """Look at what is there, and refuse what cannot begin.

    Args:
        commit: What the feature starts from.
        now: Where its base is now.

    Raises:
        CallError: a task, a need or a branch is missing, or a contract is not on base.
        GitFailed: an object is missing.
    """
    brief, told = fill_presets(brief, control.store, commit)
    require_on_base(control, commit, brief.expansion.contracts)
    chosen = narrow(brief.expansion, only)
    find = partial(_reuse, control, chosen=chosen, base=now, fresh=fresh)
    bundled = bundle(control, brief, chosen=chosen, fresh=fresh, find=find)
    brief, chosen, reuse = bundled.brief, bundled.chosen, bundled.reuse
    notices = [*told, *bundled.notices, *_set_back(control, brief, chosen, reuse)]
    notices += [f"{branch} has commits beside what has landed: they stay there" for branch in reuse.left]
    _refuse_missing(brief, chosen, reuse)
    require_branches(control, [task for task in brief.expansion.tasks if task.id in {*chosen} - {*reuse.finished}])
    return Outset(brief, chosen, reuse, commit, tuple(notices))


@dataclass(frozen=True, slots=True)
class Base:
    """Where a feature starts from, and where its base is now."""

    commit: str
    now: str
    told: tuple[str, ...] = ()
    """A sentence where that is not the same."""


def base_commit(control: Control, brief: Brief, base: str | None, *, fresh: bool) -> Base:
    """The commit that the feature starts from: the one of its first run, while its integration branch lives.

    Whoever looks at a task's branch with a checkout does not mean it as base: all that is on it would count as landed.

    Raises:
        CallError: there is no such branch, or its name is not one.
    """
    wanted = base or brief.plan.base
    problem = refname_problem(wanted) if wanted else None
    if problem:
        raise CallError(f"the base {wanted!r} is not a branch name: {problem}")
    name, now = control.base_commit(wanted)
    kept = control.store.resolve(base_ref(brief.plan.feature))
    if wanted is None and is_work_of(brief.plan.feature, name):
        if not kept:
            raise CallError(f"{name} is checked out, which is no base: it is work of this feature", hint="use --base")
        return Base(kept, kept, (f"{name} is checked out, which is no base: {kept[:10]} is, where the feature began",))
    if not kept or fresh or control.branch(integration_branch(brief.plan.feature)) is None:
        return Base(now, now)
    where = f"{name} is at {now[:10]} now; --fresh starts over from there"
    told = () if kept == now else (f"the feature goes on from {kept[:10]}, where it began: {where}",)
    return Base(kept, now, told)


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


def _refuse_missing(brief: Brief, chosen: tuple[str, ...], reuse: Reuse) -> None:
    """With `--only`, a need that is neither chosen nor finished is said before anything starts."""
    there = set(chosen) | set(reuse.finished)
    missing = [
        f"{task.id} needs {' or '.join(_named(need, reuse) for need in group)}"
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


def _named(need: str, reuse: Reuse) -> str:
    return f"{need}, whose contract was rejected" if need in reuse.sent_back else need
