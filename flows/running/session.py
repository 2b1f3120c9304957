"""Opens everything that one run needs, checked before the first agent starts."""

import secrets
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from plait.agent_tasks.kept_facts import keep_facts
from plait.agent_tasks.task_branches import forget_empty
from plait.agent_tasks.workshop import Workshop, opened_workshop
from plait.flows.inputs.filled_presets import fill_presets
from plait.flows.inputs.requests import Brief, narrow
from plait.flows.preflight import refuse_clash, usable_repository
from plait.flows.running.bundles import bundle
from plait.flows.running.past_runs import KilledRun, killed_run
from plait.flows.running.refreshing import nothing_to_take_in, taking_in
from plait.flows.running.reuse import Reuse, everything_of, find_finished, move_aside, rejected_owners, without
from plait.flows.running.staffing import open_agents
from plait.flows.running.taken_branches import moved_on, require_branches
from plait.flows.running.tidying import has_unsalvaged, tidy_killed_runs
from plait.flows.running.watching import Watchers
from plait.plans.errors import CallError
from plait.plans.journal.manifest import Refresh
from plait.plans.language.program_variables import told_variables
from plait.plans.names import base_ref, fresh_ref, integration_branch
from plait.plans.tasks.base_standing import BaseStanding, base_words
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.work import RunFacts
from plait.plans.wording import listed
from plait.workspace.base_course import FeatureBase, feature_base, keep_name
from plait.workspace.checkouts import missing_in_checkouts
from plait.workspace.commit_style import require_style
from plait.workspace.contract_refs import forget_records, read_records, require_on_base
from plait.workspace.control import Control
from plait.workspace.copied_files import clone_around
from plait.workspace.environment import set_variables
from plait.workspace.filters import told_of_filters
from plait.workspace.home import plait_home, run_directory
from plait.workspace.kept_packs import take_left_packs
from plait.workspace.landed_work import undone_by
from plait.workspace.landing_places import RemotePlace, landing_place
from plait.workspace.ref_landing import feature_lock, let_landings_go, reconcile
from plait.workspace.store_upkeep import store_in_use
from plait.workspace.submodules import fetch_submodules


@dataclass(frozen=True, slots=True)
class Session:
    """One run, open: what the loop needs, and what earlier runs finished."""

    brief: Brief
    """The plan as it runs: small tasks that one agent does together are one task of it."""
    shop: Workshop
    tasks: tuple[PlannedTask, ...]
    """Those that are part of this run."""
    reuse: Reuse
    notices: tuple[str, ...]
    watchers: Watchers
    began: float
    """Seconds since the epoch."""
    standing: BaseStanding
    """How base stands beside the feature at the start."""
    killed: KilledRun | None = None
    """The run before, if it was killed: what was spent on it counts on."""
    refresh: Refresh | None = None
    """That base is taken in."""

    @property
    def chosen(self) -> tuple[str, ...]:
        return tuple(task.id for task in self.tasks)


def new_run_id(feature: str) -> str:
    """A name for a run that sorts by time and is easy to type, such as `cart-1120-231502-a3f`."""
    now = datetime.now(UTC)
    return f"{feature[:24].rstrip('-')}-{now:%m%d-%H%M%S}-{secrets.token_hex(2)[:3]}"


@contextmanager
def open_session(
    brief: Brief,
    *,
    run_id: str,
    repository: Path,
    base: str | None,
    only: tuple[str, ...],
    fresh: bool,
    stop: threading.Event,
    refresh: bool = False,
    watchers: Watchers | None = None,
) -> Iterator[Session]:
    """Open repository, crew and folders for a run, and hold the feature's lock for as long as it lasts.

    Raises:
        CallError: no repository, no such base, a branch in the way, another live run of the feature.
        EnvironmentProblem: git too old, disk full, a repository that cannot be written, no agent program.
    """
    began, watchers = time.time(), watchers or Watchers()
    home = plait_home()
    control = usable_repository(repository, home=home)
    feature = brief.plan.feature
    with feature_lock(control, feature, run_id), ExitStack() as open_to_the_end:
        kept = tidy_killed_runs(home, control, feature=feature)
        killed = None if fresh else killed_run(home, control, feature, now=began)
        notices = [
            *kept,
            *told_variables(brief.plan, brief.crew, set_variables()),
            *brief.expansion.notices,
            *(f"not carried out yet: {key}" for key in brief.expansion.unsupported),
        ]
        notices += reconcile(control, feature)
        open_to_the_end.enter_context(store_in_use(control, unsalvaged=has_unsalvaged(home, control)))
        take_left_packs(control.store, control.objects)
        refuse_clash(control, integration_branch(feature))
        require_style(control, brief.plan.integration)
        started = feature_base(control, feature, base or brief.plan.base, fresh=fresh)
        undone = _taken_back(control, feature, started)
        if undone:
            fresh, wanted = True, base or brief.plan.base or (started.base.ref if started.base else None)
            started = feature_base(control, feature, wanted, fresh=True)
        commit, standing = started.commit, _standing(control, feature, started, fresh=fresh)
        filled = brief.crew.fills_submodules()
        notices += [*undone, *started.told, *missing_in_checkouts(control.store, commit, filled=filled)]
        notices += told_of_filters(control.store, control.common_dir, commit)
        if filled:
            fetch_submodules(control, commit)
        brief, told = fill_presets(brief, control.store, commit)
        notices += told
        require_on_base(control, commit, brief.expansion.contracts)
        chosen = narrow(brief.expansion, only)
        find = partial(_reuse, control, chosen=chosen, base=started.now, fresh=fresh)
        bundled = bundle(control, brief, chosen=chosen, fresh=fresh, find=find)
        brief, chosen, reuse = bundled.brief, bundled.chosen, bundled.reuse
        notices += [*bundled.notices, *_set_back(control, brief, chosen, reuse)]
        notices += [f"{branch} has commits beside what has landed: they stay there" for branch in reuse.left]
        _refuse_missing(brief, chosen, reuse)
        require_branches(control, [task for task in brief.expansion.tasks if task.id in {*chosen} - {*reuse.finished}])
        directory = run_directory(home, run_id)
        tasks = tuple(task for task in brief.expansion.tasks if task.id in chosen)
        nothing = nothing_to_take_in(control, feature, started) if refresh else None
        takes_in, mender = refresh and nothing is None, brief.plan.integration.role
        staff = open_agents(brief, tasks, more=[mender] if takes_in and mender else ())
        notices += [*staff.notices, *filter(None, [nothing or "", "" if takes_in else base_words(standing)])]
        taken = taking_in(control, brief, started, agents=staff.agents) if takes_in else None
        if taken is not None:
            brief, reuse = taken.added_to(brief, reuse)
            tasks = (taken.task, *tasks)
        facts = _facts(brief, run_id, control, home, directory, commit, staff.agents)
        onto, clone = (started.base.ref if started.base else None) or "", str(clone_around(repository, control))
        facts = replace(facts, onto=onto, clone=clone)
        keep_facts(control, facts)
        # Last: whatever is refused is refused with nothing moved.
        notices += _aside(move_aside(control, reuse.outdated, run_id=run_id), run_id, fresh=fresh)
        control.store.set_ref(base_ref(feature), started.began, reason="plait: base")
        keep_name(control, feature, started)
        if taken is not None:
            taken.put(control)
        if fresh:
            control.target.set_ref(fresh_ref(feature), commit, reason="plait: begun anew")
            let_landings_go(control, feature)
            forget_empty(control, feature)
            forget_records(control, feature, run=run_id)
        open_to_the_end.enter_context(control.holding(feature, _needed(control, feature, commit, reuse)))
        with opened_workshop(facts, control=control, stop=stop, hear=watchers.heard, tell=watchers.told) as shop:
            notices += shop.copied(*(task.task.copy for task in tasks), of=frozenset(task.role for task in tasks)).told
            refreshes = taken.refresh if taken else None
            yield Session(brief, shop, tasks, reuse, tuple(notices), watchers, began, standing, killed, refreshes)


def _standing(control: Control, feature: str, started: FeatureBase, *, fresh: bool) -> BaseStanding:
    tip = None if fresh else control.branch(integration_branch(feature))
    return started.standing(control.store, feature, tip)


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


def _needed(control: Control, feature: str, base: str, reuse: Reuse) -> frozenset[str]:
    """What a run goes on from: the user may delete, while it goes on, the branches that have it."""
    works = [*reuse.finished.values(), *reuse.sent_back.values()]
    named = [commit for work in works for commit in (work.commit, work.at)]
    named += [record.oid for of in read_records(control, feature).values() for record in of]
    return frozenset({base, *filter(None, (control.branch(integration_branch(feature)), *named))})


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


def _aside(kept: tuple[str, ...], run_id: str, *, fresh: bool) -> list[str]:
    """What is said of branches that were put aside: nobody's work goes without a word."""
    if fresh and kept:
        return [f"started over: {len(kept)} branch{'' if len(kept) == 1 else 'es'} kept below refs/plait/old/{run_id}/"]
    return [f"old work that no longer fits its task is kept at {ref}" for ref in kept]


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


def _facts(
    brief: Brief,
    run_id: str,
    control: Control,
    home: Path,
    directory: Path,
    base: str,
    agents: Collection[str],
) -> RunFacts:
    return RunFacts(
        run=run_id,
        feature=brief.plan.feature,
        goal=brief.plan.goal,
        repository=str(control.common_dir),
        home=str(home),
        directory=str(directory),
        scripts=str(brief.folder.absolute()),
        base=base,
        crew=brief.crew,
        integration=brief.plan.integration,
        agents=frozenset(agents),
        contracts=brief.expansion.contracts,
        phases=brief.expansion.phases,
    )
