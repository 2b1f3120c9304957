"""How many agents of a role a plan can ever keep busy at once: the width of what must come before what."""

from collections.abc import Sequence

from plait.plans.schedule.jobs import Job
from plait.plans.schedule.need_graph import Graph


def widths(jobs: Sequence[Job], graph: Graph) -> dict[str, int]:
    """By role, the most slots that its jobs and those that fall back on it can fill at one time.

    That is the largest set of jobs none of which needs another, itself or through others; as large as the fewest
    chains that hold all jobs (Dilworth 1950), which a bipartite matching finds. A chain counts as many slots as its
    largest job takes: exact where each takes one, an upper bound otherwise. Needs with alternatives keep nothing apart,
    nor do resources.

    Args:
        graph: The jobs' needs.

    Raises:
        CallError: jobs need each other in a circle.
    """
    behind = _behind(graph)
    places: dict[str, list[int]] = {}
    for place, job in enumerate(jobs):
        for role in dict.fromkeys((job.role, *job.fallback)):
            places.setdefault(role, []).append(place)
    return {role: _slots_of_chains(jobs, own, behind) for role, own in places.items()}


def _behind(graph: Graph) -> list[int]:
    """By place, what certainly comes later, as an integer with a bit for each place."""
    behind = [0] * len(graph.ids)
    for place in reversed(graph.sequence):
        for later in graph.sure_after[place]:
            behind[place] |= behind[later] | 1 << later
    return behind


def _slots_of_chains(jobs: Sequence[Job], own: Sequence[int], behind: Sequence[int]) -> int:
    following = _matched(own, behind)
    firsts = set(own).difference(following.values())
    total = 0
    for first in firsts:
        units, place = 0, first
        while True:
            units = max(units, jobs[place].units)
            if place not in following:
                break
            place = following[place]
        total += units
    return total


def _matched(own: Sequence[int], behind: Sequence[int]) -> dict[int, int]:
    """For as many places as possible a later one that follows in the same chain, each for one only."""
    following: dict[int, int] = {}
    leading: dict[int, int] = {}
    useful = sum(1 << place for place in own)
    for start in own:
        # What a search in vain has seen no later search can use either (the Hungarian forest).
        useful &= ~_extend(start, behind, following, leading, useful)
    return following


def _extend(start: int, behind: Sequence[int], following: dict[int, int], leading: dict[int, int], useful: int) -> int:
    """Match one more place, others moved where they must be; what was seen in vain, as bits."""
    came: dict[int, int] = {}
    unseen, queue = useful, [start]
    for place in queue:
        fresh = behind[place] & unseen
        unseen &= ~fresh
        while fresh:
            later = fresh.bit_length() - 1
            fresh ^= 1 << later
            came[later] = place
            if later not in leading:
                _move_along(later, came, following, leading)
                return 0
            queue.append(leading[later])
    return useful & ~unseen


def _move_along(last: int, came: dict[int, int], following: dict[int, int], leading: dict[int, int]) -> None:
    """Give each place on the way that was found its new follower, from the last back to the one that had none."""
    later: int | None = last
    while later is not None:
        place = came[later]
        moved = following.get(place)
        following[place], leading[later] = later, place
        later = moved
