"""Plans, crews and durations as Hypothesis draws them."""

from hypothesis import strategies as st

from plait.plans.schedule.dispatch import Job
from plait.plans.schedule.need_graph import Needs

SECONDS = st.integers(0, 20).map(float)


@st.composite
def needs(draw: st.DrawFn, *, most: int = 12, alternatives: bool = True) -> dict[str, Needs]:
    """Tasks t0, t1 … in a shuffled order, each needing some of lower number."""
    size = draw(st.integers(1, most))
    drawn: dict[str, Needs] = {}
    for number in range(size):
        earlier = st.sampled_from([f"t{other}" for other in range(number)]) if number else st.nothing()
        group = st.lists(earlier, min_size=1, max_size=3 if alternatives else 1, unique=True).map(tuple)
        drawn[f"t{number}"] = tuple(draw(st.lists(group, max_size=3))) if number else ()
    return {task: drawn[task] for task in draw(st.permutations(sorted(drawn)))}


SLOTS = {"frontend": 1, "backend": 2, "qa": 3}
RESOURCES = {"database": 2, "port": 1}
HELPERS = st.lists(st.sampled_from(sorted(SLOTS)), max_size=2).map(tuple)


@st.composite
def jobs(
    draw: st.DrawFn,
    *,
    most: int = 12,
    alternatives: bool = True,
    scarce: bool = True,
    classes: bool = True,
    fallbacks: bool = False,
) -> list[Job]:
    """Jobs for SLOTS and RESOURCES; `scarce` ones use resources, or several slots; `fallbacks` are mostly a role's."""
    plan = draw(needs(most=most, alternatives=alternatives))
    uses = st.fixed_dictionaries({}, optional={name: st.integers(0, units) for name, units in RESOURCES.items()})
    of_role = {role: draw(HELPERS) if fallbacks else () for role in SLOTS}
    by_role = not fallbacks or draw(st.booleans())
    drawn = []
    for task, groups in plan.items():
        role = draw(st.sampled_from(sorted(SLOTS)))
        drawn.append(
            Job(
                id=task,
                role=role,
                seconds=draw(SECONDS),
                needs=groups,
                priority=draw(st.integers(1, 5)) if classes else 3,
                uses=draw(uses) if scarce else {},
                units=draw(st.integers(1, SLOTS[role])) if scarce else 1,
                fallback=of_role[role] if by_role else draw(HELPERS),
            )
        )
    return drawn
