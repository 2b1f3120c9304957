"""The demo: a real repository, a real run, and what a newcomer should look at afterwards."""

import shutil
import sys
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from plait.flows.inputs.requests import read_brief, read_crew_file, read_plan_file
from plait.flows.launching import Launch, launch
from plait.flows.servers.choosing import OWN
from plait.flows.terminal.text_layout import for_reading
from plait.plans.errors import CallError, ExitCode
from plait.plans.names import integration_branch
from plait.workspace.git import GitRepository
from plait.workspace.home import plait_home

OURS = ".plait-demo"
"""Marks a directory that the demo made and may make again."""

STORY = """
What you saw: {tasks} tasks, done by scripted agents in checkouts of their own, at once where their needs allowed.
 - one agent said "done" while its tests were red: the try did not count, it tried again with the reason
 - one branch conflicted with another: it was handed back as a repair order and landed afterwards
 - one branch was green alone and red together with another: the search named the pair, the rest landed meanwhile
The feature branch was never red and never half merged; your own checkout was not touched.
"""


def run_demo(directory: Path | None) -> ExitCode:
    """Make the shop, run the plan, and show path, branch, log graph and report."""
    place = directory.resolve() if directory else plait_home() / "demo" / "shop"
    with as_file(_examples()) as examples:
        _make_shop(examples / "shop", place)
        plan, crew = examples / "shop.plan.yaml", examples / "shop.crew.yaml"
        brief = read_brief(read_plan_file(plan), source=plan.name, crew=read_crew_file(crew), folder=examples)
        sys.stdout.write(
            f"a shop in Python, with tests: {place}\nthe plan: {plan.name}, {len(brief.expansion.tasks)} tasks\n\n"
        )
        sys.stdout.flush()
        code = launch(Launch(brief=brief, repository=place, fresh=True, server=OWN), json=False)
    repository = GitRepository(place / ".git")
    branch = integration_branch(brief.plan.feature)
    story = STORY.format(tasks=len(brief.expansion.tasks)).splitlines()
    sys.stdout.write("\n".join(for_reading(story)) + "\n")
    sys.stdout.write(f"\nrepository: {place}\nfeature branch: {branch}\n\n")
    sys.stdout.write(_history(repository, f"refs/heads/{branch}"))
    sys.stdout.write(f"\nthe whole graph: git -C '{place}' log --graph --oneline {branch}\n")
    return code


def _examples() -> Traversable:
    """Inside the package where a wheel was installed, beside it in a clone."""
    packaged = files("plait.flows") / "examples"
    return packaged if packaged.is_dir() else files("plait.flows") / ".." / "examples"


def _history(repository: GitRepository, ref: str) -> str:
    """The branch as a reader should see it first: each tested state, and what it brought."""
    lines = []
    for record in repository.ask("log", "--first-parent", "-z", "--format=%h%n%s%n%b", ref).records:
        commit, subject, *body = record.split("\n")
        lines.append(f"* {commit} {subject}")
        lines += [f"|   {line}" for line in body if line.startswith("- ")]
    return "\n".join(lines) + "\n"


def _make_shop(source: Path, place: Path) -> None:
    """A fresh repository with the shop as its first commit.

    Raises:
        CallError: something that is not the demo's stands there, or nothing can be made there.
    """
    try:
        if place.exists() and any(place.iterdir()) and not (place / ".git" / OURS).exists():
            raise CallError(f"{place} is not empty and not a demo's", hint="name another directory")
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    except (FileNotFoundError, NotADirectoryError, PermissionError) as problem:
        reason = problem.strerror or "it cannot be made"
        raise CallError(f"the shop has no place in {place}: {reason}", hint="name another directory") from None
    outside = GitRepository(place / ".git")
    outside.ask("init", "--quiet", "--initial-branch=main", "--template=", str(place))
    (place / ".git" / OURS).touch()
    outside.ask("add", "--all", work_tree=place)
    outside.ask("commit", "--quiet", "--message", "A small shop", work_tree=place)
