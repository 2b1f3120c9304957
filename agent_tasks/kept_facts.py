"""What a feature's last run went by, kept beside the repository: who lands or undoes it later needs no plan."""

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from plait.plans.errors import CallError
from plait.plans.language.crew import Crew
from plait.plans.language.environment import unsecret
from plait.plans.names import check_slug
from plait.plans.tasks.work import RunFacts, from_json, to_json
from plait.workspace.control import Control
from plait.workspace.small_files import read_plain_file, write_whole


def keep_facts(control: Control, facts: RunFacts) -> None:
    """Keep them, in place of those of the run before."""
    place = _place(control, facts.feature)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, to_json(replace(facts, crew=_without_secrets(facts.crew))))


def kept_facts(control: Control, feature: str) -> RunFacts:
    """Those of the feature's last run in this repository.

    Raises:
        CallError: there is none, or a newer plait wrote it.
    """
    hint = "`plait run PLAN` in this repository knows them, and does nothing twice"
    try:
        return from_json(RunFacts, read_plain_file(_place(control, feature)))
    except FileNotFoundError:
        raise CallError(f"no run of {feature} is known in this repository, nor its checks", hint=hint) from None
    except (OSError, ValueError, ValidationError):
        raise CallError(f"what is kept of {feature}'s last run cannot be read", hint=hint) from None


def _without_secrets(crew: Crew) -> Crew:
    """A crew that names its keys: whoever lands later has their values from the shell."""
    roles = {
        name: role.model_copy(update={"environment": unsecret(role.environment)}) if role.environment else role
        for name, role in crew.roles.items()
    }
    changed: dict[str, object] = {"roles": roles}
    if crew.environment:
        changed["environment"] = unsecret(crew.environment)
    return crew.model_copy(update=changed)


def _place(control: Control, feature: str) -> Path:
    try:
        return control.directory / "features" / f"{check_slug(feature)}.json"
    except ValueError as problem:
        raise CallError(f"the feature {problem}") from None
