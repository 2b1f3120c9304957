"""What a run is asked for, from the command line and from Prefect's page alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from plait.flows.inputs.agent_roles import faults_of
from plait.flows.inputs.agents_around import Around, agents_around
from plait.flows.inputs.editions import edition_of_today
from plait.flows.inputs.given_files import (
    STANDARD_INPUT,
    read_given_file,
    read_spec_folder,
    read_standard_input,
)
from plait.flows.inputs.routed_tasks import staffed
from plait.plans.errors import CallError, PlanError
from plait.plans.language.crew import DEFAULT_CREW, Crew, merge_crews
from plait.plans.language.documents import Document, plan_text
from plait.plans.language.editions import Edition, edition_name, edition_option, is_edition
from plait.plans.language.model import Plan
from plait.plans.language.parsing import check_roles, parse_crew, plan_of, read_plan
from plait.plans.language.places import NOWHERE, Places
from plait.plans.specs.found_agents import NOBODY, FoundAgents
from plait.plans.tasks.expansion import Expansion, expand
from plait.workspace.places import is_folder

if TYPE_CHECKING:  # what reads Markdown is imported where there is a folder of it
    from plait.plans.specs.spec_folder import SpecFolder

PlanText: TypeAlias = "str | SpecFolder"
"""A plan as it was read from the disk: the text of a file, or a folder of task specs."""


@dataclass(frozen=True, slots=True)
class Brief:
    """A plan that was read, checked against its crew and expanded: all that `check` and `--dry-run` need."""

    plan: Plan
    crew: Crew
    expansion: Expansion
    text: str
    source: str
    folder: Path
    """Where relative names in the crew (scripts) are looked up."""
    places: Places = NOWHERE
    """Where each value of the plan stands, for whoever has more to say about it."""
    specs: Mapping[str, Path] = field(default_factory=dict)
    """The tasks that have a file of their own, and which; absolute."""
    template: str = ""
    """The feature's name with its placeholders, where the plan is for editions; the plan has the name of one."""
    crew_file: Path | None = None
    """The file that `--crew` named, where a mistake in it can be shown."""
    crew_words: tuple[str, ...] = ()
    """All that `--crew` said, its file by its whole path: a retry runs with the same."""
    found: FoundAgents = NOBODY
    """The agents that files around it describe."""

    @property
    def edition(self) -> str:
        """What `--edition` takes for the edition that it is; empty where it is none."""
        return edition_option(self.template, self.plan.feature)

    def as_edition(self, edition: Edition) -> "Brief":
        """The same for another edition; a plan that is for one feature only stays as it is."""
        return replace(self, plan=_named(self.plan, edition_name(self.template, edition))) if self.template else self


def read_brief(text: PlanText, *, source: str, crew: Crew | None, folder: Path, around: Around | None = None) -> Brief:
    """Read a plan and make everything that can be known of it; of the repository only who is described there.

    A plan for editions is read as the one of today.

    Args:
        crew: What `--crew` or the crew block gave; the default crew when absent.
        folder: Where relative names in the crew are looked up; with a folder of specs and no crew it is that folder.
        around: Where agent files are looked for, and who has begun a task; nothing: nowhere.

    Raises:
        PlanError: every mistake of the plan at once.
    """
    document = read_plan(text, source=source) if isinstance(text, str) else _read_folder(text, source)
    plan = plan_of(document, source=source)
    merged = merge_crews(plan.crew, crew or DEFAULT_CREW)
    found = agents_around(around, plan.base) if around else NOBODY
    problems = check_roles(plan, merged, places=document.places, described=found.agents)
    if problems := (*problems, *faults_of(plan, merged, found, document.places)):
        raise PlanError(source, problems)
    template = plan.feature if is_edition(plan.feature) else ""
    if template:
        plan = _named(plan, edition_name(template, edition_of_today()))
    plan, merged, routes = staffed(plan, merged, found, around, places=document.places, source=source)
    expansion = expand(plan, merged, routes)
    if isinstance(text, str):
        return Brief(plan, merged, expansion, text, source, folder, document.places, template=template, found=found)
    from plait.plans.specs.spec_folder import task_ids

    specs = {task: text.place / name for task, name in task_ids(document, text).items()}
    within, whole = folder if crew else text.place, plan_text(document)
    return Brief(plan, merged, expansion, whole, source, within, document.places, specs, template, found=found)


def _read_folder(folder: "SpecFolder", source: str) -> Document:
    from plait.plans.specs.spec_folder import read_specs

    return read_specs(folder, source=source)


def _named(plan: Plan, feature: str) -> Plan:
    return plan.model_copy(update={"feature": feature})


def read_given_plan(path: Path) -> PlanText:
    """What a command was given as its plan: a file, a folder of task specs, or `-` for standard input.

    Raises:
        CallError: there is no such file, or it cannot be read.
        PlanError: it holds too much to be one plan, or is no text.
    """
    return read_standard_input() if path == STANDARD_INPUT else read_plan_file(path)


def read_plan_file(path: Path) -> PlanText:
    """The text of a plan file, or the files of a folder of task specs.

    Raises:
        CallError: there is no such file, or it cannot be read.
        PlanError: it holds too much to be one plan, or is no text.
    """
    return read_spec_folder(path) if is_folder(path) else read_given_file(path)


def read_crew_file(path: Path) -> Crew:
    """The crew of a file.

    Raises:
        CallError: there is no such file, or it cannot be read.
        PlanError: every mistake of the crew at once.
    """
    return parse_crew(read_given_file(path), source=str(path))


def landing(brief: Brief, land: str) -> Brief:
    """The same with what the call says about base in place of what the plan says."""
    integration = brief.plan.integration.model_copy(update={"land": land})
    return replace(brief, plan=brief.plan.model_copy(update={"integration": integration}))


def narrow(expansion: Expansion, only: tuple[str, ...]) -> tuple[str, ...]:
    """The ids of the tasks that `--only` names, instances of counted tasks included; all when it names none.

    Raises:
        CallError: it names a task that the plan does not have.
    """
    known = {task.id for task in expansion.tasks}
    if not only:
        return tuple(task.id for task in expansion.tasks)
    chosen = [task.id for task in expansion.tasks if task.id in only or task.id.rpartition(".")[0] in only]
    families = known | {task.id.rpartition(".")[0] for task in expansion.tasks}
    unknown = [name for name in only if name not in families]
    if unknown:
        raise CallError(f"the plan has no task {', '.join(unknown)}", hint=f"it has {', '.join(sorted(known)[:12])}")
    return tuple(chosen)
