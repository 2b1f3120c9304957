"""What of a plan can be read although other parts of it are broken, so that all mistakes are found at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from plait.plans.language.model import Contract, Need, Phase, Plan, Task
from plait.plans.language.places import Loc

_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class Legible:
    """The parts of a plan that are fine in themselves, by position, and all the names that it gives."""

    tasks: Mapping[int, Task]
    contracts: Mapping[int, Contract]
    phases: Mapping[int, Phase]
    resources: Mapping[str, int | None]
    """How many units of each; None when the number is broken."""
    task_ids: tuple[tuple[int, str], ...]
    contract_ids: tuple[tuple[int, str], ...]

    @cached_property
    def tasks_named(self) -> frozenset[str]:
        return frozenset(name for _, name in self.task_ids)

    @cached_property
    def contracts_named(self) -> frozenset[str]:
        return frozenset(name for _, name in self.contract_ids)

    @cached_property
    def counted(self) -> frozenset[str]:
        return frozenset(task.id for task in self.tasks.values() if task.count > 1)

    @cached_property
    def superseded(self) -> frozenset[str]:
        return frozenset(contract.id for contract in self.contracts.values() if contract.status == "superseded")

    @classmethod
    def of(cls, plan: Plan) -> "Legible":
        return cls(
            tasks=dict(enumerate(plan.tasks)),
            contracts=dict(enumerate(plan.contracts)),
            phases=dict(enumerate(plan.phases)),
            resources=plan.resources,
            task_ids=tuple((at, task.id) for at, task in enumerate(plan.tasks)),
            contract_ids=tuple((at, contract.id) for at, contract in enumerate(plan.contracts)),
        )

    @classmethod
    def salvaged(cls, data: Mapping[str, Any]) -> "Legible":
        """From a plan that pydantic refused: what is left of it, so that its other mistakes are found too."""
        resources = data.get("resources")
        return cls(
            tasks=_fine_ones(Task, data.get("tasks"), frozenset(("id", "needs", "uses", "count")), {"run": "true"}),
            contracts=_fine_ones(
                Contract, data.get("contracts"), frozenset(("id", "owner", "consumers", "fulfilled_by")), {}
            ),
            phases=_fine_ones(Phase, data.get("phases"), frozenset(("id", "tasks")), {}),
            resources={name: _number(units) for name, units in resources.items()}
            if isinstance(resources, dict)
            else {},
            task_ids=tuple(_ids(data.get("tasks"))),
            contract_ids=tuple(_ids(data.get("contracts"))),
        )


def _fine_ones(model: type[_M], items: Any, keys: frozenset[str], stand_in: Mapping[str, str]) -> dict[int, _M]:
    """The items by position; broken ones with what is fine of these keys, if that is enough to be one."""
    mended = {
        at: _mended(model, item, keys, stand_in) for at, item in enumerate(items if isinstance(items, list) else ())
    }
    return {at: item for at, item in mended.items() if item is not None}


def _mended(model: type[_M], item: Any, keys: frozenset[str], stand_in: Mapping[str, str]) -> _M | None:
    try:
        return model.model_validate(item)
    except ValidationError as error:
        broken = {detail["loc"][0] for detail in error.errors(include_url=False) if detail["loc"]}
    if not isinstance(item, dict):
        return None
    try:
        return model.model_validate({**{key: item[key] for key in keys & item.keys() - broken}, **stand_in})
    except ValidationError:
        return None


def _ids(items: Any) -> Iterator[tuple[int, str]]:
    for at, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            yield at, item["id"]


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and len(text) < 6 and text.isascii() and text.isdigit() else None


def needed_ids(need: Need) -> Iterator[tuple[Loc, str]]:
    """The tasks that a need names, each with its place below the need."""
    if need.task is not None:
        yield ("task",), need.task
    for position, name in enumerate(need.any or ()):
        yield ("any", position), name
