"""What `--crew` may say: a crew file, or agents by role for a plan as it is (`backend=3,frontend=2`)."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from plait.flows.inputs.agents_around import around_plan
from plait.flows.inputs.requests import Brief, read_brief, read_crew_file, read_given_plan
from plait.plans.errors import CallError
from plait.plans.wording import listed, near_match, quoted
from plait.workspace.places import is_file

MOST_SLOTS = 256
_COUNT = re.compile(r"[^=/\\]+=[^=/\\]*")


@dataclass(frozen=True, slots=True)
class CrewOption:
    """A crew file, slots for roles, or both."""

    file: Path | None = None
    slots: tuple[tuple[str, int], ...] = ()

    def slots_for(self, known: Collection[str]) -> dict[str, int]:
        """The slots by role, the last word counting.

        Raises:
            CallError: a role is not one of the known ones.
        """
        for role, _ in self.slots:
            if role not in known:
                hint = near_match(role, known) or f"there are {listed(sorted(known)[:12], limit=None)}"
                raise CallError(f"--crew: no task has the role {quoted(role)}", hint=hint)
        return dict(self.slots)


def read_crew_option(given: Iterable[str]) -> CrewOption:
    """What all `--crew` of a call say together. A word with `=` and no slash is a list of counts, else a file's name.

    Raises:
        CallError: a count is no number from 1 to 256, or there are two files.
    """
    file: Path | None = None
    slots: list[tuple[str, int]] = []
    for word in given:
        if _are_counts(word) and not is_file(Path(word)):
            slots += [_count(part) for part in word.split(",") if part.strip()]
        elif file is not None:
            raise CallError("--crew names two files", hint="one file, and counts such as backend=3 beside it")
        else:
            file = Path(word)
    return CrewOption(file, tuple(slots))


def given_brief(
    plan: Path, crew: Iterable[str], *, repository: Path | None = None, base: str | None = None
) -> tuple[Brief, Path | None]:
    """The brief of what a command names as PLAN and `--crew`, and the crew file among that.

    Args:
        repository: Where it is for; the directory that we are in when absent.
        base: What the command names as base, before the plan.

    Raises:
        PlanError: every mistake of the plan at once.
        CallError: a file that is not there, or a role that no task has.
    """
    option = read_crew_option(crew)
    given = read_crew_file(option.file) if option.file else None
    folder = (option.file or plan).resolve().parent
    around = around_plan(plan, repository, base)
    brief = read_brief(read_given_plan(plan), source=str(plan), crew=given, folder=folder, around=around)
    files = [str(option.file.absolute())] if option.file else []
    words = (*files, *(f"{role}={number}" for role, number in option.slots))
    return replace(with_slots(brief, option), crew_file=option.file, crew_words=words), option.file


def with_slots(brief: Brief, option: CrewOption) -> Brief:
    """The brief with the slots that `--crew` counts, whatever plan and crew file say.

    Raises:
        CallError: no task has such a role.
    """
    slots = option.slots_for({task.role for task in brief.expansion.tasks})
    roles = {name: brief.crew.role(name).model_copy(update={"slots": number}) for name, number in slots.items()}
    return replace(brief, crew=brief.crew.model_copy(update={"roles": {**brief.crew.roles, **roles}}))


def _are_counts(word: str) -> bool:
    *parts, last = word.split(",")
    if last.strip() or not parts:
        parts.append(last)
    return all(map(_COUNT.fullmatch, parts))


def _count(part: str) -> tuple[str, int]:
    role, _, number = (word.strip() for word in part.partition("="))
    if not re.fullmatch(r"[0-9]{1,3}", number) or not 1 <= int(number) <= MOST_SLOTS:
        raise CallError(f"--crew: {quoted(part.strip())} has no number of agents from 1 to {MOST_SLOTS}", "backend=3")
    return role, int(number)
