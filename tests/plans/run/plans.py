"""Draws plans of every kind of need, phase, contract and role, as the manifests that runs begin with."""

from itertools import pairwise
from random import Random

from plait.plans.journal.manifest import Manifest, TaskFacts
from plait.plans.tasks.planned_contracts import PlannedContract

ROLES = {"a": 1, "b": 2, "c": 3}
RESOURCES = {"gpu": 2}


def drawn_manifest(random: Random, *, most: int = 8) -> Manifest:
    """A plan that the language could have said: needs go backwards, phases in order, contracts have owners before."""
    names = [f"T{number}" for number in range(1, random.randint(1, most) + 1)]
    contracts = tuple(_contracts(random, names))
    phases = tuple(_phases(random, names))
    tasks = tuple(_task(random, place, names, contracts, phases) for place in range(len(names)))
    return Manifest(
        run="run",
        feature="feature",
        branch="feature/feature/integration",
        base="base",
        tasks=tasks,
        slots=dict(ROLES),
        resources=dict(RESOURCES),
        ready=random.choice((None, 0.0, 0.5, 0.8, 1.0)),
        base_rule=random.choice(("", "known", "known", "new-failures", "green")),
        wait=random.choice((None, 0.0, 5.0, 600.0, float("inf"))),
        verifications=random.choice((1, 1, 2, 3)),
        repairs=random.choice((0, 1, 2, 2, 2)),
        contracts=contracts,
        phases=phases,
        accounts=random.choice(({}, {"a": "claude", "b": "claude"}, dict.fromkeys(ROLES, "claude"))),
        quota_wait=random.choice((0.0, 100.0, 6 * 3_600.0)),
    )


def _contracts(random: Random, names: list[str]) -> list[PlannedContract]:
    made = []
    for number in range(random.choice((0, 1, 1, 2))):
        owner = random.randrange((len(names) + 1) // 2)
        consumers = tuple(name for name in names[owner + 1 :] if random.random() < 0.7)
        made.append(
            PlannedContract(
                id=f"c{number}",
                version=1,
                owner=names[owner],
                consumers=consumers,
                fulfilled_by=(),
                files=("api",),
                mock=(),
                tests=(),
                by_person=random.random() < 0.3,
            )
        )
    return made


def _phases(random: Random, names: list[str]) -> list[tuple[str, ...]]:
    if random.random() < 0.6:
        return []
    cuts = sorted(random.sample(range(len(names) + 1), min(len(names) + 1, random.randint(2, 3))))
    return [tuple(names[begin:end]) for begin, end in pairwise(cuts) if end > begin]


def _task(
    random: Random,
    place: int,
    names: list[str],
    contracts: tuple[PlannedContract, ...],
    phases: tuple[tuple[str, ...], ...],
) -> TaskFacts:
    name, before = names[place], names[:place]
    rests_on = tuple(one.id for one in contracts if name in one.consumers)
    needs = {(one.owner,) for one in contracts if name in one.consumers and one.owner}
    mine = next((number for number, group in enumerate(phases) if name in group), None)
    if mine:
        needs |= {(need,) for need in phases[mine - 1]}
    for _ in range(random.choice((0, 0, 1, 1, 2))) if before else ():
        needs.add(tuple(sorted(random.sample(before, min(len(before), random.choice((1, 1, 1, 2)))))))
    role = random.choice(sorted(ROLES))
    return TaskFacts(
        id=name,
        role=role,
        branch=f"feature/feature/agent/{role}/{name}",
        title=name,
        needs=tuple(sorted(needs)),
        seconds=random.choice((1.0, 60.0, 3600.0)),
        dispatch_priority=random.choice((1, 3, 3, 3, 5)),
        uses={"gpu": random.randint(1, 2)} if random.random() < 0.2 else {},
        fallback=tuple(other for other in sorted(ROLES) if other != role and random.random() < 0.2),
        phase=f"p{mine}" if mine is not None else None,
        writes=tuple(one.id for one in contracts if one.owner == name),
        contracts=rests_on,
        information=tuple(random.sample(before, 1)) if before and random.random() < 0.25 else (),
        is_command=random.random() < 0.3,
        reviewer=random.choice(sorted(ROLES)) if random.random() < 0.3 else None,
        review_rounds=random.choice((1, 1, 2)),
    )
