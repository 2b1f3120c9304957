"""Opens everything that one run needs, checked before the first agent starts."""

import secrets
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from plait.agent_tasks.kept_facts import keep_facts
from plait.agent_tasks.workshop import Workshop, opened_workshop
from plait.flows.inputs.agents_here import shell_scripts
from plait.flows.inputs.requests import Brief
from plait.flows.preflight import refuse_clash, usable_repository
from plait.flows.running.carrying import carry_over
from plait.flows.running.outset import outset_of, start_of
from plait.flows.running.past_runs import KilledRun, killed_run
from plait.flows.running.refreshing import nothing_to_take_in, taking_in
from plait.flows.running.reuse import Reuse, move_aside
from plait.flows.running.reviewing_roles import told_reviewers
from plait.flows.running.secret_blocks import block_values
from plait.flows.running.staffing import open_agents
from plait.flows.running.tidying import has_unsalvaged, tidy_killed_runs
from plait.flows.running.watching import Watchers
from plait.plans.journal.manifest import Refresh
from plait.plans.language.given_variables import given_variables
from plait.plans.language.program_variables import told_variables
from plait.plans.names import base_ref, fresh_ref, integration_branch
from plait.plans.tasks.base_standing import BaseStanding, base_words
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.work import RunFacts
from plait.workspace.base_course import keep_base
from plait.workspace.checkouts import missing_in_checkouts
from plait.workspace.commit_style import require_style
from plait.workspace.contract_refs import forget_records, read_records
from plait.workspace.control import Control
from plait.workspace.copied_files import clone_around
from plait.workspace.empty_tasks import forget_empty
from plait.workspace.environment import set_variables
from plait.workspace.filters import told_of_filters
from plait.workspace.home import plait_home, run_directory
from plait.workspace.kept_packs import take_left_packs
from plait.workspace.redacting import kept_secret, opened_blocks
from plait.workspace.ref_landing import feature_lock, let_landings_go, reconcile
from plait.workspace.remotes import has_lfs_hook, has_lfs_program
from plait.workspace.review_refs import forget_reviews, read_reviews
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
            *told_variables(brief.plan, brief.crew, set_variables(), text_of=shell_scripts(repository)),
            *brief.expansion.notices,
            *(f"not carried out yet: {key}" for key in brief.expansion.unsupported),
        ]
        notices += reconcile(control, feature)
        open_to_the_end.enter_context(store_in_use(control, unsalvaged=has_unsalvaged(home, control)))
        take_left_packs(control.store, control.objects)
        refuse_clash(control, integration_branch(feature))
        given = given_variables(brief.plan, brief.crew)
        open_to_the_end.enter_context(opened_blocks(block_values(given)))
        require_style(control, brief.plan.integration)
        start = start_of(control, brief, base, fresh=fresh)
        started, standing, fresh, commit = start.base, start.standing, start.fresh, start.base.commit
        filled = brief.crew.fills_submodules()
        notices += [*start.told, *missing_in_checkouts(control.store, commit, filled=filled)]
        pointers = brief.plan.integration.push != "none" and not (has_lfs_hook(control) or has_lfs_program())
        notices += told_of_filters(control.store, control.common_dir, commit, pushes_pointers=pointers)
        if filled:
            fetch_submodules(control, commit)
        outset = outset_of(control, brief, start, only=only)
        brief, chosen, reuse = outset.brief, outset.chosen, outset.reuse
        notices += outset.notices
        directory = run_directory(home, run_id)
        tasks = tuple(task for task in brief.expansion.tasks if task.id in chosen)
        nothing = nothing_to_take_in(control, feature, started, fresh=fresh) if refresh else None
        takes_in, mender = refresh and nothing is None, brief.plan.integration.role
        staff = open_agents(brief, tasks, more=[mender] if takes_in and mender else ())
        notices += told_reviewers(brief, tasks)
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
        outdated = (*reuse.outdated, *(taken.outdated(control) if taken else ()))
        notices += _aside(move_aside(control, outdated, run_id=run_id), run_id, fresh=fresh)
        control.store.set_ref(base_ref(feature), started.began, reason="plait: base")
        keep_base(control, feature, started)
        if taken is not None:
            taken.put(control)
        if fresh:
            control.target.set_ref(fresh_ref(feature), commit, reason="plait: begun anew")
            let_landings_go(control, feature)
            forget_empty(control, feature)
            forget_records(control, feature, run=run_id)
            forget_reviews(control, feature, run=run_id)
        open_to_the_end.enter_context(control.holding(feature, _needed(control, feature, commit, reuse)))
        if not fresh:
            carry_over(home, control, feature, directory, tasks)
        ears = (watchers.heard, watchers.told, watchers.acted)
        with opened_workshop(facts, control=control, stop=stop, hear=ears[0], tell=ears[1], act=ears[2]) as shop:
            copied = shop.copied(*(task.task.copy for task in tasks), of=frozenset(task.role for task in tasks))
            notices += copied.told
            open_to_the_end.enter_context(kept_secret(shop.secrets(given=given, copied=copied)))
            refreshes = taken.refresh if taken else None
            yield Session(brief, shop, tasks, reuse, tuple(notices), watchers, began, standing, killed, refreshes)


def _needed(control: Control, feature: str, base: str, reuse: Reuse) -> frozenset[str]:
    """What a run goes on from: the user may delete, while it goes on, the branches that have it."""
    works = [*reuse.finished.values(), *reuse.sent_back.values()]
    named = [commit for work in works for commit in (work.commit, work.at)]
    named += [record.oid for of in read_records(control, feature).values() for record in of]
    named += [record.oid for record in read_reviews(control, feature).values()]
    return frozenset({base, *filter(None, (control.branch(integration_branch(feature)), *named))})


def _aside(kept: tuple[str, ...], run_id: str, *, fresh: bool) -> list[str]:
    """What is said of branches that were put aside: nobody's work goes without a word."""
    if fresh and kept:
        return [f"started over: {len(kept)} branch{'' if len(kept) == 1 else 'es'} kept below refs/plait/old/{run_id}/"]
    return [f"old work that no longer fits its task is kept at {ref}" for ref in kept]


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
        edition=brief.edition,
        budget=brief.plan.budget,
    )
