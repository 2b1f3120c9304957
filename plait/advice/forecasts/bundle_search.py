"""Decides which small tasks go to one agent together: bundles are made only where simulated runs end sooner by them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import fmean, median
from typing import Final

from plait.advice.forecasts.estimating import Durations
from plait.advice.forecasts.sampling import Sampler
from plait.advice.forecasts.trials import Trials
from plait.advice.simulation import play
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.jobs import Job
from plait.plans.tasks.bundling import Burst, bundled_needs, numbers_of_bundles, shared_out, together
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.wording import count, listed, spell_roughly

_EFFORT: Final = 250_000
"""Jobs of a plain plan that are played in all: half a second or so."""
_MOST_SAMPLES, _FEWEST_SAMPLES = 200, 12
_WAYS: Final = 4
"""Numbers of bundles that are tried of each burst."""
_HAIR: Final = 1e-6
"""Seconds below which a difference is rounding."""
_NAMED: Final = 6
"""Bundles that are told by name."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Tasks for one agent, by id, and what their common start-up is (seconds)."""

    tasks: tuple[str, ...]
    start_up: float


_Way = tuple[Bundle, ...]
"""One way to give out a burst; no bundle: each task by itself."""
_Scheme = list[list[_Way]]


@dataclass(frozen=True, slots=True)
class ChosenBundles:
    """The bundles that a plan gains by, and how much sooner it ends; seconds, on the same drawn durations."""

    bundles: tuple[Bundle, ...] = ()
    saved_p50: float = 0.0
    saved_mean: float = 0.0


@dataclass(frozen=True, slots=True)
class _Played:
    """When simulated runs end, draw by draw."""

    bundles: tuple[Bundle, ...]
    ends: list[float]

    def beats(self, other: "_Played") -> bool:
        """Sooner by P50 and in the mean."""
        return all(middle(self.ends) < middle(other.ends) - _HAIR for middle in (median, fmean))


def choose_bundles(
    jobs: Sequence[Job],
    schemes: Sequence[Sequence[Burst]],
    *,
    slots: Mapping[str, int],
    resources: Mapping[str, int] | None = None,
    durations: Durations | None = None,
    seed: int = 0,
) -> ChosenBundles:
    """Try to give out all bursts at once, then each of them in other ways, and keep what ends the plan soonest.

    The jobs are the plan as it is, one for each task. Each scheme says in another way which of them belong together.
    Of plans with many bursts those are tried singly that have the most start-up to save, as far as time allows.
    """
    promising = _ways_of(schemes, slots)
    if not promising:
        return ChosenBundles()
    games = 1 + sum(_WAYS + sum(len(ways) for ways in scheme) for scheme in promising)
    effort = Trials(jobs, resources=resources or {}, expected=()).effort(slots)
    most = max(1 + _WAYS * len(promising), _EFFORT // (_FEWEST_SAMPLES * effort))
    samples = max(_FEWEST_SAMPLES, min(_MOST_SAMPLES, _EFFORT // (min(games, most) * effort)))
    known = durations or Durations()
    pace = {burst.role: known.pace_of(burst.role) for bursts in schemes for burst in bursts}
    table = _Table(jobs, slots, resources or {}, list(Sampler(jobs, known).draw(samples, seed)), pace)
    plain = best = table.play(())
    for scheme in promising:
        made = _best_of(scheme, plain, table, single=(most - 1) // len(promising) - _WAYS)
        best = made if made.beats(best) else best
    saved = (median(plain.ends) - median(best.ends), fmean(plain.ends) - fmean(best.ends))
    return ChosenBundles(_in_order(best.bundles, jobs), *saved)


def _ways_of(schemes: Sequence[Sequence[Burst]], slots: Mapping[str, int]) -> list[_Scheme]:
    """By scheme and burst the ways to give it out; bursts with the most start-up to save first, no scheme twice."""
    promising: list[_Scheme] = []
    for bursts in schemes:
        most = sorted(bursts, key=lambda burst: -len(burst.tasks) * burst.start_up)
        ways = [tried for burst in most if (tried := list(_ways(burst, slots.get(burst.role, 1))))]
        if ways and ways not in promising:
            promising.append(ways)
    return promising


def _best_of(scheme: _Scheme, plain: _Played, table: "_Table", *, single: int) -> _Played:
    """All bursts in few bundles, in more, …; then from the best of these each by itself, `single` games in all."""
    chosen: list[_Way] = [()] * len(scheme)
    best = plain
    for at in range(_WAYS):
        every: list[_Way] = [ways[min(at, len(ways) - 1)] for ways in scheme]
        if at < max(map(len, scheme)) and (tried := table.play(_joined(every))).beats(best):
            chosen, best = every, tried
    others = ((burst, way) for burst, ways in enumerate(scheme) for way in ((), *ways)) if len(scheme) > 1 else ()
    for burst, way in islice(others, single):
        if way != chosen[burst]:
            changed = [*chosen[:burst], way, *chosen[burst + 1 :]]
            if (tried := table.play(_joined(changed))).beats(best):
                chosen, best = changed, tried
    return best


def _joined(ways: Iterable[_Way]) -> _Way:
    return tuple(bundle for way in ways for bundle in way)


def bundled_jobs(jobs: Sequence[Job], bundles: Sequence[Bundle]) -> list[Job]:
    """The jobs with each bundle as one of them, which has the id of its first task."""
    bundle_of = {task: bundle for bundle in bundles for task in bundle.tasks}
    names = {task: bundle.tasks[0] for task, bundle in bundle_of.items()}
    seconds = {job.id: job.seconds for job in jobs}
    made = []
    for job in jobs:
        bundle = bundle_of.get(job.id)
        if bundle and bundle.tasks[0] != job.id:
            continue
        own = together((seconds[task] for task in bundle.tasks), bundle.start_up) if bundle else job.seconds
        made.append(replace(job, seconds=own, needs=bundled_needs(job.needs, names)))
    return made


@dataclass(frozen=True, slots=True)
class _Table:
    """Where plans are played with the same draws."""

    jobs: Sequence[Job]
    slots: Mapping[str, int]
    resources: Mapping[str, int]
    draws: Sequence[Sequence[float]]
    pace: Mapping[str, float]
    """By role, what history says of its durations, and so of the start-up in them."""

    def play(self, bundles: tuple[Bundle, ...]) -> _Played:
        jobs = bundled_jobs(self.jobs, bundles)
        states = Dispatcher(jobs, slots=self.slots, resources=self.resources).states
        at = {job.id: place for place, job in enumerate(self.jobs)}
        bundle_at = {bundle.tasks[0]: bundle for bundle in bundles}
        places = [self._drawn_from(job, bundle_at.get(job.id), at) for job in jobs]
        ends = []
        for drawn in self.draws:
            seconds = [
                drawn[own[0]] if len(own) == 1 else together((drawn[place] for place in own), start_up)
                for own, start_up in places
            ]
            ends.append(max(play(states.copy(), seconds)[1]))
        return _Played(bundles, ends)

    def _drawn_from(self, job: Job, bundle: Bundle | None, at: Mapping[str, int]) -> tuple[list[int], float]:
        """The places whose durations a job's is made of, and the start-up that is in each."""
        if bundle is None:
            return [at[job.id]], 0.0
        return [at[task] for task in bundle.tasks], bundle.start_up * self.pace[job.role]


def _ways(burst: Burst, slots: int) -> Iterator[tuple[Bundle, ...]]:
    for number in numbers_of_bundles(burst, slots, most=_WAYS):
        shares = shared_out(burst, number)
        yield tuple(
            Bundle(tuple(task.id for task in choose_bundles), burst.start_up)
            for choose_bundles in shares
            if len(choose_bundles) > 1
        )


def _in_order(bundles: Sequence[Bundle], jobs: Sequence[Job]) -> tuple[Bundle, ...]:
    order = {job.id: at for at, job in enumerate(jobs)}
    return tuple(sorted(bundles, key=lambda bundle: order[bundle.tasks[0]]))


def bundles_sentence(bundles: Sequence[PlannedTask], *, saved: float) -> str:
    """`bundles: A, B and C to one agent: saves 12 min (P50)`; `saved` in seconds."""
    named = [f"{listed(member.id for member in bundle.members)} to one agent" for bundle in bundles[:_NAMED]]
    if len(bundles) > _NAMED:
        named.append(count(len(bundles) - _NAMED, "more bundle"))
    return f"bundles: {'; '.join(named)}: saves {spell_roughly(saved)} (P50)"
