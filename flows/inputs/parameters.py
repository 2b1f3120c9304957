"""Turns the flow's parameters, typed on Prefect's page or sent by a program, into a plan that was read."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from prefect.blocks.core import Block

from plait.flows.inputs.agents_around import Around
from plait.flows.inputs.requests import Brief, PlanText, read_brief, read_crew_file, read_plan_file
from plait.plans.errors import CallError, PlaitError
from plait.plans.language.crew import Crew
from plait.workspace.home import expanded

SavedBlock = TypeVar("SavedBlock", bound=Block)

LONGEST_NAME = 200
"""Characters of a block's name or a path; a plan's text has line breaks and is told apart by them."""
_FEATURE = re.compile(r"^feature:[ \t]*([A-Za-z0-9][\w-]*)[ \t]*(?:#.*)?$", re.MULTILINE | re.ASCII)
_OR_A_PATH = "make it on the page under Blocks, or give a path (with a slash)"


def brief_from_parameters(plan: str, repository: str, crew: str, *, given: Brief | None) -> tuple[Path, Brief]:
    """The repository's place and the plan; `given` is what a command in this process has read already.

    Raises:
        CallError: no repository was named, or a block or file does not exist.
        PlanError: every mistake of the plan or crew at once.
    """
    place, base = _repository(repository)
    if given is not None:
        return place, given
    text, source = _plan_text(plan, place)
    known, folder = _crew(crew, place)
    lies_in = None if source == "plan" else (place / source).parent
    around = Around(place, otherwise=base, plan_folder=lies_in)
    brief = read_brief(text, source=source, crew=known, folder=folder, around=around)
    if base and not brief.plan.base:
        brief = replace(brief, plan=brief.plan.model_copy(update={"base": base}))
    return place, brief


def feature_as_written(plan: str, repository: str) -> str:
    """The feature of a plan that cannot be used, for the name of its run; nothing where no line says it."""
    try:
        text = plan if "\n" in plan.strip() else _plan_text(plan, repository_place(repository))[0]
    except PlaitError:
        return ""
    line = _FEATURE.search(text) if isinstance(text, str) else None
    return line[1] if line else ""


def _plan_text(plan: str, place: Path) -> tuple[PlanText, str]:
    """The plan itself: pasted text has several lines or a colon, a path names a file or folder of the repository."""
    if "\n" in plan.strip() or ": " in plan:
        return plan, "plan"
    if not plan.strip():
        raise CallError(
            "there is no plan", hint="paste the plan's YAML, or give the path of a plan file in the repository"
        )
    path = (place / plan.strip()).resolve()
    if not path.is_relative_to(place.resolve()):
        raise CallError(
            f"the plan {plan.strip()!r} is outside the repository", hint="give a path inside it, or paste the text"
        )
    return read_plan_file(path), plan.strip()


def repository_place(name: str) -> Path:
    """Where a repository is: a block's path, or the path itself.

    Raises:
        CallError: nothing was named, or there is no such block.
    """
    return _repository(name)[0]


def _repository(name: str) -> tuple[Path, str | None]:
    """Where a repository is, and what features start from there when their plan does not say it."""
    wanted = name.strip()
    if not wanted:
        raise CallError(
            "no repository was named", hint="give the name of a Feature Repository block, or the path of a clone"
        )
    if _is_path(wanted):
        return expanded(wanted), None
    from plait.blocks.repository import FeatureRepository

    block = _load(FeatureRepository, wanted, "Feature Repository")
    return expanded(block.path), block.base.strip() or None


def _crew(name: str, place: Path) -> tuple[Crew | None, Path]:
    """The crew of a block or of a file in the repository, and where its relative names are looked up."""
    wanted = name.strip()
    if not wanted:
        return None, place
    if _is_path(wanted) or wanted.endswith((".yaml", ".yml")):
        path = (place / wanted).resolve()
        if not path.is_relative_to(place.resolve()):
            hint = "give a path inside it, or the name of an Agent Crew block"
            raise CallError(f"the crew {wanted!r} is outside the repository", hint=hint)
        return read_crew_file(path), path.parent
    from plait.blocks.agent_crew import AgentCrew

    return _load(AgentCrew, wanted, "Agent Crew").as_crew(), place


def store_address(name: str) -> str | None:
    """The address of a Feature Store block that can be used; nothing when none is named, which means the usual store.

    Raises:
        CallError: there is no such block, or its address is none of ours.
        EnvironmentProblem: its database cannot be reached or used. Said here, before any agent has worked.
    """
    wanted = name.strip()
    if not wanted:
        return None
    from plait.blocks.store import FeatureStore

    store = _load(FeatureStore, wanted, "Feature Store", hint="make it on the page under Blocks, or name none")
    store.open().close()
    return store.url.get_secret_value()


def _is_path(text: str) -> bool:
    return "/" in text or text in (".", "..") or text.startswith("~")


def _load(kind: type[SavedBlock], name: str, called: str, *, hint: str = _OR_A_PATH) -> SavedBlock:
    """Load a saved block.

    Raises:
        CallError: there is no block of that name.
    """
    from prefect.exceptions import ObjectNotFound

    if len(name) > LONGEST_NAME:
        raise CallError(f"{name[:40]!r}… is too long for the name of a block")
    try:
        loaded = kind.load(name)
    except (ValueError, ObjectNotFound):
        raise CallError(f"there is no {called} block named {name!r}", hint=hint) from None
    if not isinstance(loaded, kind):  # Prefect's types allow for a coroutine
        raise CallError(f"the block {name!r} is not of the kind {called}")
    return loaded
