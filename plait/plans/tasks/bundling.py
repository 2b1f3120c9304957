"""Small tasks of one kind that one agent could do together, and the one task that they become: a bundle."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final, TypeVar

from plait.plans.language.crew import Crew
from plait.plans.language.durations import LONGEST, Estimate
from plait.plans.language.fields import MAX_COMMANDS, MAX_ENTRIES
from plait.plans.language.model import Task
from plait.plans.names import SLUG_LENGTH
from plait.plans.tasks.expansion import Expansion, Needs, PlannedTask
from plait.plans.wording import listed

_Word = TypeVar("_Word")

SMALL: Final = 4.0
"""Start-ups that a small task takes at most: of a longer one the start-up is under a quarter, not worth the risk."""
MOST_MEMBERS: Final = 8
"""Tasks in one bundle: all of them fail, wait and are rejected together."""
BUNDLED: Final = "-more"
"""What the names of all bundles have in them."""
_MARK: Final = 16
_LONGEST_PROMPT: Final = 6_000
"""Characters of a prompt that is one part of several."""
_LONGEST_PART: Final = 12_000
"""Characters of all that is asked of one of several."""
_LONGEST_TITLE: Final = 200
_MOST_TAGS: Final = 50


@dataclass(frozen=True, slots=True)
class Burst:
    """Tasks of which any may be given to one agent together: they wait for the same, and none of them for another."""

    tasks: tuple[PlannedTask, ...]
    """At least two, in the plan's order."""
    role: str
    start_up: float
    """Seconds of each task's duration that are paid once by an agent that does several."""


def together(seconds: Iterable[float], start_up: float) -> float:
    """How long one agent takes for tasks of these durations, of each of which the start-up is a part (seconds).

    It is never longer than one after the other, nor shorter than the longest of them.
    """
    begun = work = 0.0
    for own in seconds:
        once = min(own, start_up)
        begun, work = max(begun, once), work + own - once
    return begun + work


def bursts_of(expansion: Expansion, crew: Crew, *, alone: Collection[str] = ()) -> tuple[Burst, ...]:
    """The tasks that could be bundled, by kind: one role, complexity and place, and the same needs.

    `alone`: tasks that are left as they are.
    """
    tied = {*alone, *_tied(expansion.tasks)}
    kinds: dict[tuple[Any, ...], list[PlannedTask]] = {}
    for task in expansion.tasks:
        start_up = crew.role(task.role).start_up
        if start_up and task.id not in tied and _may_share(task, start_up) and (place := place_of(task.task)):
            kinds.setdefault(_kind(task, place), []).append(task)
    return tuple(
        Burst(tuple(tasks), tasks[0].role, crew.role(tasks[0].role).start_up or 0.0)
        for tasks in kinds.values()
        if len(tasks) > 1
    )


def parted_by_needers(bursts: Iterable[Burst], tasks: Iterable[PlannedTask]) -> tuple[Burst, ...]:
    """The bursts in smaller ones whose tasks are all needed by the same: what is needed soon waits for nothing else."""
    needers: dict[str, list[str]] = {}
    for task in tasks:
        for name in {name for group in task.needs for name in group}:
            needers.setdefault(name, []).append(task.id)
    parts: dict[tuple[int, tuple[str, ...]], list[PlannedTask]] = {}
    every = tuple(bursts)
    for at, burst in enumerate(every):
        for task in burst.tasks:
            parts.setdefault((at, tuple(needers.get(task.id, ()))), []).append(task)
    return tuple(replace(every[at], tasks=tuple(part)) for (at, _), part in parts.items() if len(part) > 1)


def place_of(task: Task) -> frozenset[str]:
    """The directories that hold what a task owns, a top-level directory being its own; empty where it may be anywhere.

    `src/cart/total.py`, `src/cart/*.py` and `src/cart/ui/` are all in `src/cart`.
    """
    places = {_place(pattern) for pattern in task.owns or ()}
    return frozenset() if None in places else frozenset(place for place in places if place is not None)


def _place(pattern: str) -> str | None:
    segments = pattern.split("/")
    if segments[-1] == "**":
        segments.pop()
    wild = next((at for at, segment in enumerate(segments) if "*" in segment or "?" in segment), None)
    if wild is not None:
        is_file_pattern = wild == len(segments) - 1 and not pattern.endswith("**")
        return "/".join(segments[:wild]) or ("." if is_file_pattern else None)
    if pattern.endswith("**") and len(segments) < 2:
        return "/".join(segments) or None
    return "/".join(segments[:-1]) or "."


def shared_out(burst: Burst, bundles: int) -> tuple[tuple[PlannedTask, ...], ...]:
    """The burst in so many parts of nearly the same work, tasks that take the same time in the plan's order.

    The longest goes first to the part with the least so far (LPT: at most a third above the best, Graham 1969).
    """
    load, lengths = [0.0] * bundles, [list[float]() for _ in range(bundles)]
    for seconds in sorted((task.seconds for task in burst.tasks), reverse=True):
        least = min(range(bundles), key=lambda part: (load[part], len(lengths[part])))
        load[least] += max(0.0, seconds - burst.start_up)
        lengths[least].append(seconds)
    queues: dict[float, Iterator[PlannedTask]] = {
        seconds: iter([task for task in burst.tasks if task.seconds == seconds])
        for seconds in {task.seconds for task in burst.tasks}
    }
    order = {task.id: at for at, task in enumerate(burst.tasks)}
    dealt = ([next(queues[seconds]) for seconds in part] for part in lengths)
    return tuple(tuple(sorted(part, key=lambda task: order[task.id])) for part in dealt if part)


def numbers_of_bundles(burst: Burst, slots: int, *, most: int) -> Iterator[int]:
    """In how many parts a burst could be given out: multiples of the slots, so that none is idle; at most `most`."""
    size, slots = len(burst.tasks), max(1, slots)
    fewest = ceil(ceil(size / MOST_MEMBERS) / slots)
    yield from (times * slots for times in range(fewest, fewest + most) if times * slots < size)


def bundle_of(members: Sequence[PlannedTask], crew: Crew, *, name: str) -> PlannedTask:
    """One task for one agent that is all of these, which are of one kind; within the limits that any task has."""
    first = members[0]
    role, tasks = crew.role(first.role), [member.task for member in members]
    start_up = role.start_up or 0.0
    estimates = list(map(estimate_of, members))
    points = (
        together((getattr(estimate, point) for estimate in estimates), start_up)
        for point in ("optimistic", "likely", "pessimistic")
    )
    task = first.task.model_copy(
        update={
            "id": name,
            "title": _title(members),
            "prompt": _prompt(members),
            "duration": Estimate(*(round(point, 3) for point in points)),
            "tags": _union(task.tags for task in tasks)[:_MOST_TAGS],
            "owns": _union(task.owns or () for task in tasks),
            "outputs": _union(task.outputs for task in tasks),
            "verify": _union(task.verify for task in tasks),
            "criteria": (),
            "timeout": min(LONGEST, role.timeout * len(members)) if role.timeout else None,
            "count": 1,
        }
    )
    seconds = together((member.seconds for member in members), start_up)
    return replace(
        first, id=name, task=task, seconds=seconds, spec_hash=_hash(members), members=tuple(members), information=()
    )


def estimate_of(task: PlannedTask) -> Estimate:
    """What the plan says of its duration, or what counts where it says nothing."""
    return task.task.duration or Estimate(task.seconds, task.seconds, task.seconds)


def bundle_name(members: Sequence[PlannedTask], taken: Collection[str]) -> str:
    """`LABELS-1-and-3-more`; with a mark of its own where somebody has that name."""
    tail = f"-and-{len(members) - 1}{BUNDLED}"
    name = f"{members[0].id.replace('.', '-')[: SLUG_LENGTH - len(tail)]}{tail}"
    if name.casefold() not in {other.casefold() for other in taken}:
        return name
    mark = f"{tail}-{_hash(members)[:8]}"
    return f"{members[0].id.replace('.', '-')[: SLUG_LENGTH - len(mark)]}{mark}"


def with_bundles(expansion: Expansion, bundles: Sequence[PlannedTask]) -> Expansion:
    """The expansion with each bundle in the place of its first member; whoever needs a member needs the bundle.

    No circle comes of it: members have the same needs, so whatever one of them rests on, all of them do.
    """
    bundle = {member.id: bundled for bundled in bundles for member in bundled.members}
    names = {task: bundled.id for task, bundled in bundle.items()}
    tasks = dict.fromkeys(bundle.get(task.id, task).id for task in expansion.tasks)
    known = {task.id: task for task in (*expansion.tasks, *bundles)}
    return replace(
        expansion,
        tasks=tuple(_renamed(known[task], names) for task in tasks),
        phases=tuple(tuple(dict.fromkeys(names.get(task, task) for task in phase)) for phase in expansion.phases),
    )


def members_line(members: Iterable[PlannedTask]) -> str:
    """The members of a bundle with the beginnings of their specs' hashes, for the trailer of its commit."""
    return ", ".join(f"{member.id}={member.spec_hash[:_MARK]}" for member in members)


def members_said(line: str) -> dict[str, str]:
    """The same again: by member the beginning of its hash; empty where the line is something else."""
    pairs = [part.partition("=") for part in line.split(", ") if part]
    return {name: mark for name, _, mark in pairs} if all(len(mark) == _MARK for _, _, mark in pairs) else {}


def is_member(task: PlannedTask, marks: Mapping[str, str]) -> bool:
    """Whether a bundle with these members has done this very task."""
    return task.spec_hash[:_MARK] == marks.get(task.id)


def in_bundles(tasks: Iterable[str], bundles: Iterable[PlannedTask]) -> tuple[str, ...]:
    """These ids, a bundle's in place of those of its members, each once."""
    names = {member.id: bundle.id for bundle in bundles for member in bundle.members}
    return tuple(dict.fromkeys(names.get(task, task) for task in tasks))


def bundled_needs(needs: Needs, names: Mapping[str, str]) -> Needs:
    """The needs, each member's name replaced by its bundle's, each group once."""
    return tuple(dict.fromkeys(tuple(dict.fromkeys(names.get(task, task) for task in group)) for group in needs))


def _renamed(task: PlannedTask, names: Mapping[str, str]) -> PlannedTask:
    return replace(task, needs=bundled_needs(task.needs, names)) if names else task


def _tied(tasks: Iterable[PlannedTask]) -> Iterator[str]:
    """Tasks that others take in place of another, or whose text they are told: each of them has to be one by itself."""
    for task in tasks:
        yield from task.information
        yield from (name for group in task.needs if len(group) > 1 for name in group)


def _may_share(planned: PlannedTask, start_up: float) -> bool:
    task = planned.task
    if planned.members or planned.writes or planned.contracts or planned.information:
        return False
    if task.prompt is None or not task.bundle or not task.changes_required:
        return False
    if task.best_of or task.locks or task.uses or task.review or task.timeout or len(task.prompt) > _LONGEST_PROMPT:
        return False
    if any(len(each) > MAX_ENTRIES // MOST_MEMBERS for each in (task.owns or (), task.outputs)):
        return False
    if len(task.verify) > MAX_COMMANDS // MOST_MEMBERS or len(_part(1, planned)) > _LONGEST_PART:
        return False
    return task.duration is not None and 0 < planned.seconds <= SMALL * start_up


def _kind(planned: PlannedTask, place: frozenset[str]) -> tuple[Any, ...]:
    """What tasks of one bundle have in common."""
    task = planned.task
    same = (task.complexity, task.priority, task.retries)
    checkout = (task.setup, task.setup_inputs, task.environment, task.copy)
    return (planned.role, place, planned.phase, frozenset(planned.needs), *same, *checkout)


def _union(parts: Iterable[Iterable[_Word]]) -> tuple[_Word, ...]:
    return tuple(dict.fromkeys(word for part in parts for word in part))


def _hash(members: Iterable[PlannedTask]) -> str:
    """The same members with the same specs are the same bundle."""
    text = "\n".join(["bundle", *(f"{member.id} {member.spec_hash}" for member in members)])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _title(members: Sequence[PlannedTask]) -> str:
    title = listed(tuple(member.id for member in members))
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"


def _prompt(members: Sequence[PlannedTask]) -> str:
    head = (
        f"These are {len(members)} small tasks of one kind. Do all of them, one after the other: each has to be done, "
        "and files have to change for each."
    )
    return "\n\n".join([head, *(_part(number, member) for number, member in enumerate(members, 1))])


def _part(number: int, member: PlannedTask) -> str:
    task = member.task
    title = f": {task.title}" if task.title else ""
    lines = [f"It may change only: {', '.join(f'`{pattern}`' for pattern in task.owns or ())}."]
    lines += [f"It must be true at the end: {criterion}" for criterion in task.criteria]
    rules = "\n".join(f"- {line}" for line in lines)
    return f"### Part {number}, {member.id}{title}\n\n{(task.prompt or '').strip()}\n\n{rules}"
