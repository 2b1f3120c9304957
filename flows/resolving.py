"""A person mends a rejected branch: gets a checkout with the conflict in it, and gives back what they made of that."""

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plait.agent_tasks.persons_repair import clean_author
from plait.flows.readying import files_beside, make_ready, readiness_of
from plait.flows.recording.run_files import read_merging
from plait.flows.runs import KnownRun, run_meant
from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.merging.path_rules import FileRule, file_rules, rule_for
from plait.plans.names import base_ref, integration_branch
from plait.plans.tasks.outcomes import TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.wording import count, listed, near_match, quoted
from plait.workspace.checkouts import Checkout, make_checkout, show_unmerged
from plait.workspace.clone_git import surroundings_of
from plait.workspace.conflicts import conflict_checkout, left_as_handed_out, left_over_markers
from plait.workspace.control import HEADS, Control, open_control
from plait.workspace.deleting import delete_tree
from plait.workspace.environment import user_name
from plait.workspace.errors import RefMoved
from plait.workspace.git import git_date
from plait.workspace.harvest import harvest
from plait.workspace.home import plait_home
from plait.workspace.merging import Conflict, ConflictPath, merge
from plait.workspace.output import plain
from plait.workspace.settling import Settler
from plait.workspace.small_files import read_json_object, write_whole
from plait.workspace.trailers import message_with_trailers

_NOTE = "resolve.json"
_ALIVE = (TaskState.RUNNING, TaskState.DONE)
"""What a run that goes on has not rejected."""


@dataclass(frozen=True, slots=True)
class Resolving:
    """A rejected branch in a person's hands."""

    run: KnownRun
    control: Control
    task: TaskOutcome
    rejected: str
    """The tip of the task's branch; empty where there is none."""
    onto: str
    """What it is merged with: the tip of the feature branch, or where the feature began while there is none."""
    place: Path
    tree: str = ""
    """The files as they were handed out."""
    files: tuple[str, ...] = ()
    """Those with conflicts."""
    marked: tuple[str, ...] = ()
    """Those of them that were handed out with markers."""
    settled: tuple[str, ...] = ()
    """Files that the plan's rules or structure have settled, each with its way."""
    notes: tuple[str, ...] = ()
    """What of the plan's rules could not be applied."""
    copied: tuple[str, ...] = ()
    """Files of the user's clone that were put beside those of the commit, and that are nobody's work."""

    @property
    def checkout(self) -> Checkout:
        """Where the person works."""
        place = self.place
        copied = frozenset(self.copied)
        return Checkout(place / "work", place / "index", self.onto, self.tree, place / "tmp", copied)

    @property
    def exists(self) -> bool:
        """Whether it has been handed out."""
        return (self.place / _NOTE).exists()

    def record(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "task": self.task.id,
            "branch": self.task.branch,
            "directory": str(self.checkout.directory),
            "files": list(self.files),
            "settled": list(self.settled),
            "notes": list(self.notes),
            "reason": self.task.reason,
        }


def find_rejected(wanted: str | None, task: str, *, repository: Path | None = None) -> Resolving:
    """The branch of a task that did not land, and what has been handed out of it.

    Args:
        wanted: A run or a feature; of the repository that the user stands in the live or newest run with that task
            when absent.
        task: A task's id, a bundle's, or the one of a bundle's member, which stands for its bundle.

    Raises:
        CallError: there is no such run or task, it has landed or is about to, somebody works on it, it has no branch.
    """
    resolving = find_handed_out(wanted, task, repository=repository)
    run, rejected = resolving.run, resolving.task
    if rejected.state is TaskState.LANDED or (run.alive and rejected.state in _ALIVE):
        why = {TaskState.LANDED: "has landed", TaskState.DONE: "is finished, and waits to be integrated"}
        told = why.get(rejected.state, f"is being worked on by {rejected.agent or 'an agent'}")
        raise CallError(f"{task} {told}, so there is nothing to resolve", hint="see `plait status`")
    if not resolving.rejected:
        raise CallError(f"{task} has no branch with work on it", hint=f"see `plait logs {task}`")
    return _kept(resolving) if resolving.exists else resolving


def find_handed_out(wanted: str | None, task: str, *, repository: Path | None = None) -> Resolving:
    """The same, wherever its task stands now and unread, as it may be damaged: to delete it.

    Raises:
        CallError: there is no such run or task, or none is named and the user stands in no repository of a run.
    """
    home, run = plait_home(), run_meant(wanted, repository=repository)
    if task not in (tasks := _tasks_of(run)):
        run = run_meant(wanted, task=task, repository=repository)
        tasks = _tasks_of(run)
    if task not in tasks:
        raise CallError(f"run {run.run_id} has no task {quoted(task)}", hint=near_match(task, tasks))
    planned = tasks[task]
    control = open_control(Path(run.repository), home=home)
    rejected = (control.branch(planned.branch) if planned.branch else None) or ""
    tip = control.branch(integration_branch(run.feature))
    onto = tip or control.store.resolve(base_ref(run.feature)) or control.base_commit(None)[1]
    return Resolving(run, control, planned, rejected, onto, _place(control, run.feature, planned.id))


def hand_out(resolving: Resolving, *, set_up: bool = True, tell: Callable[[str], None] = lambda _: None) -> Resolving:
    """Make the checkout: the task's branch merged with the feature branch, conflicts with markers.

    What the plan's rules and structure settle is settled; their commands are the person's to run. It is made ready as
    the task's own are.

    Args:
        set_up: Whether the set-up commands are carried out.
        tell: Told what takes long.

    Raises:
        GitFailed: an object is missing.
        DiskFull: no space for the files.
    """
    store, task = resolving.control.store, resolving.task
    plan = read_merging(resolving.run.directory)
    rules = file_rules(plan.merge) if plan else ()
    commands = frozenset(rule for rule in rules if rule.way == "regenerate")
    settler = Settler(rules, structure=plan.structure if plan else False, refused=commands)
    merged = merge(
        store, resolving.onto, resolving.rejected, settle=settler.settle, fold_case=resolving.control.ignores_case
    )
    conflicts: tuple[ConflictPath, ...] = ()
    marked: tuple[str, ...] = ()
    unmarked: tuple[str, ...] = ()
    tree = merged.tree
    if isinstance(merged, Conflict):
        shown = conflict_checkout(store, merged, "the feature branch", task.id)
        tree, conflicts, marked, unmarked = shown.tree, shown.conflicts, shown.marked, shown.unmarked
    files = [path.path for path in conflicts]
    # Held by a ref, so that neither the target's garbage collection nor ours takes it while a person is at lunch.
    keeper = store.commit_tree(tree, (resolving.onto, resolving.rejected), f"resolving {task.id}\n", date=git_date())
    resolving.control.pin(f"resolve/{resolving.run.feature}/{task.id}", keeper)
    branch = task.branch or task.id
    control, run = resolving.control, resolving.run
    ready = readiness_of(control, run.directory, feature=run.feature, task=task.id, role=task.role)
    around, copied = surroundings_of(control, base=resolving.onto, clone=ready.clone), files_beside(control, ready)
    checkout = make_checkout(
        control, resolving.place, resolving.onto, branch=branch, tree=tree, surroundings=around, copied=copied
    )
    show_unmerged(control, checkout, conflicts)
    if set_up and ready.ground.setup:
        tell(f"making it ready: {'; '.join(ready.ground.setup)}")
    missing = tuple(
        make_ready(control, checkout, ready, task=task.id, around=around, undecided=tuple(files), set_up=set_up)
    )
    note = {
        "rejected": resolving.rejected,
        "onto": resolving.onto,
        "tree": tree,
        "files": files,
        "marked": marked,
        "settled": [f"{done.path} ({done.by})" for done in merged.settled],
        "notes": [
            *_waits_for(resolving),
            *_not_applied(files, rules if plan else None),
            *_as_git_made_it(unmarked),
            *copied.told,
            *missing,
        ],
        "copied": sorted(checkout.copied),
    }
    write_whole(resolving.place / _NOTE, json.dumps(note))
    return _kept(resolving)


def _waits_for(resolving: Resolving) -> list[str]:
    """That a branch which was held back with another one lands only with that, so that nobody mends the wrong one."""
    outcome, task = resolving.run.outcome(), resolving.task
    rejected = {no.task for batch in (outcome.batches if outcome else ()) for no in batch.rejected}
    if task.state is not TaskState.HELD or task.id in rejected:
        return []
    return [f"{task.id} itself was not rejected: mend first what it waits for"]


def _not_applied(files: Sequence[str], rules: Sequence[FileRule] | None) -> list[str]:
    """Which rules a person has to know of; `rules`: nothing where the run did not keep them."""
    if rules is None:
        return ["the run did not keep the plan's rules for conflicts, so none was applied"] if files else []
    mine = [(path, rule) for path in files if (rule := rule_for(path, rules)) and rule.way == "regenerate"]
    return [f"{path} is to be made anew, which was not done here: {rule.command}" for path, rule in mine]


def _as_git_made_it(unmarked: Sequence[str]) -> list[str]:
    """What git made of the conflicts without markers, and that this may be the answer."""
    lines = [f"no markers in {line}" for line in unmarked]
    return [*lines, "what git made of these may stay as it is"] if lines else []


def take_back(resolving: Resolving) -> str:
    """Commit what the person made of it onto the task's branch, and give that commit.

    plait's checks come when the run takes it: `verify`, protected files.

    Raises:
        CallError: markers are left over, nothing can be committed, or the branch was moved meanwhile.
    """
    control, task = resolving.control, resolving.task
    person = clean_author(_git_name(control) or user_name())
    made = harvest(
        control,
        resolving.checkout,
        message=message_with_trailers(f"Resolve {task.id}", f"Repaired by {person}.", {}),
        parents=(resolving.rejected, resolving.onto),
        date=git_date(),
        author=person,
    )
    if made.problems:
        raise CallError(f"the checkout cannot be committed: {'; '.join(made.problems[:5])}")
    left = dict.fromkeys(
        (
            *left_as_handed_out(control.store, made.tree, resolving.tree, resolving.marked),
            *left_over_markers(control.store, made.tree, resolving.files, parents=(resolving.rejected, resolving.onto)),
        )
    )
    if left:
        raise CallError(
            f"conflict markers are left over in {listed(tuple(left))}", hint=f"in {resolving.checkout.directory}"
        )
    place = control.worktree_of(task.branch or "")
    if place is not None:
        raise CallError(f"{task.branch} is checked out in {place}, so it was not moved", hint="switch there first")
    try:
        ref = HEADS + (task.branch or "")
        control.move_ref(ref, made.commit or "", resolving.rejected, reason=f"plait: resolved by {person}")
    except RefMoved:
        raise CallError(
            f"{task.branch} was moved meanwhile, so your repair was not put there",
            hint=f"your files are in {resolving.checkout.directory}; `plait resolve {task.id} --abort` starts over",
        ) from None
    give_up(resolving)
    return made.commit or ""


def told_of_repair(resolving: Resolving, commit: str) -> str:
    """In a sentence, what comes of what was taken back."""
    outcome = resolving.run.outcome()
    is_base = outcome is not None and outcome.base is not None and outcome.base.refresh == resolving.task.id
    later = f"it counts {resolving.run.run_again}{' with --refresh' if is_base else ''}"
    then = "the run takes it now" if resolving.run.alive else later
    return f"{resolving.task.id}: your repair is on {resolving.task.branch} ({commit[:10]}): {then}"


def give_up(resolving: Resolving) -> None:
    """Delete the checkout; the branch stays as it is."""
    delete_tree(resolving.place)
    resolving.control.unpin(f"resolve/{resolving.run.feature}/{resolving.task.id}")


def open_shell(resolving: Resolving) -> None:
    """Let the person work in the checkout until they leave their shell.

    Raises:
        EnvironmentProblem: there is no shell.
    """
    shell = os.environ.get("SHELL") or "/bin/sh"
    environment = {**os.environ, "PLAIT_RESOLVE": resolving.task.id}
    try:
        with contextlib.chdir(resolving.checkout.directory):
            os.spawnve(os.P_WAIT, shell, [shell], environment)  # noqa: S606  (a person's own shell, on their terminal)
    except OSError as problem:
        raise EnvironmentProblem(f"cannot start {shell}: {problem.strerror}", hint="set SHELL") from problem


def told(resolving: Resolving) -> str:
    """What the person has to know, in a few lines."""
    task, directory = resolving.task, resolving.checkout.directory
    clash = f"{count(len(resolving.files), 'file')} with conflicts: {listed(resolving.files)}"
    merges = "it merges, but was rejected for what it does" if task.state is TaskState.HELD else "it merges"
    what = clash if resolving.files else merges
    reason = f"\n{task.reason}" if task.reason else ""
    more = [f"settled already: {listed(resolving.settled)}"] if resolving.settled else []
    notes = "".join(f"\n{plain(line)}" for line in (*more, *resolving.notes))
    return f"{task.id} merged with the feature branch is in {directory}\n{what}{notes}{reason}"


def _tasks_of(run: KnownRun) -> dict[str, TaskOutcome]:
    outcome = run.outcome()
    if outcome is None:
        return {}
    return {name: planned for planned in outcome.tasks for name in (*planned.members, planned.id)}


def _place(control: Control, feature: str, task: str) -> Path:
    return control.directory / "resolve" / feature / task


def _kept(resolving: Resolving) -> Resolving:
    """As it was handed out."""
    try:
        note = read_json_object(resolving.place / _NOTE)
        facts = (str(note["rejected"]), str(note["onto"]), str(note["tree"]), tuple(map(str, note["files"])))
        names = ("settled", "notes", "marked", "copied")
        settled, notes, marked, copied = (tuple(map(str, note.get(name, ()))) for name in names)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise CallError(
            f"what was handed out in {resolving.place} is damaged: {problem}",
            hint=f"`plait resolve {resolving.task.id} --abort` deletes it",
        ) from problem
    rejected, onto, tree, files = facts
    known = replace(resolving, rejected=rejected, onto=onto, tree=tree, files=files)
    return replace(known, marked=marked, settled=settled, notes=notes, copied=copied)


def _git_name(control: Control) -> str:
    """The user's name as their git has it; what the repository sets, or plait's own git would not see it."""
    return control.target.run("config", "--get", "user.name").text
