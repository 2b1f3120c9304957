"""All that one chart shows: lanes, batches, and the lines that stand for the whole plan."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from plait.advice.forecasts.forecast import Forecast
from plait.plans.phrasing import one_line, spell_roughly, spell_seconds
from plait.plans.tasks.outcomes import FeatureOutcome, RunState
from plait.show.pictures.bars import BatchBar, bars_of, batch_bars_of, sane_batch, sane_times
from plait.show.pictures.lanes import Lane, by_role, critical_of, lanes_of


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that matters for the whole plan."""

    look: str
    """`p50`, `p80`, `p95` (chances of the forecast), `over` (the run's end) or `now`."""
    second: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plan, a run, or both beside each other; times in seconds since the start."""

    title: str
    said: str = ""
    """Its figures in a line."""
    lanes: tuple[Lane, ...] = ()
    """In the order in which they are drawn."""
    roles: tuple[str, ...] = ()
    """In the order of the plan, which gives them their colours."""
    batches: tuple[BatchBar, ...] = ()
    marks: tuple[Mark, ...] = ()
    path: tuple[str, ...] = ()
    """The critical path of the forecast."""
    ran: bool = False
    """Whether it is about a run."""
    grouped: bool = False
    """Whether the lanes of each role stand together under its name."""
    left_out: int = 0
    """Lanes that are not shown for want of room."""

    @property
    def end(self) -> float:
        """The last second that is shown."""
        ends = [*(lane.furthest for lane in self.lanes), *(batch.end for batch in self.batches)]
        return max([*ends, *(mark.second for mark in self.marks)], default=0.0) or 1.0

    @property
    def planned(self) -> bool:
        return any(lane.planned for lane in self.lanes)

    @property
    def worked(self) -> bool:
        return any(lane.bars for lane in self.lanes)

    def cut(self, most: int) -> "Chart":
        """With the first lanes only."""
        if len(self.lanes) <= most:
            return self
        kept, missing = self.lanes[:most], len(self.lanes) - most
        return replace(self, lanes=kept, batches=self.batches[:most], left_out=self.left_out + missing)


def chart_of(
    title: str, *, outcome: FeatureOutcome | None = None, forecast: Forecast | None = None, grouped: bool = False
) -> Chart:
    """The chart of a forecast, of a run, or of a run beside its forecast.

    A forecast that was far too long is told and not drawn: it would leave no room for what happened.
    """
    bars = bars_of(outcome, critical=critical_of(forecast)) if outcome else ()
    drawn = None if _is_far_too_long(forecast, outcome) else forecast
    lanes = lanes_of(bars, drawn, outcome=outcome)
    told = [task.role for task in (outcome.tasks if outcome else forecast.tasks if forecast else ())]
    return Chart(
        title=one_line(title, 200),
        said=" · ".join([*_said_of_run(outcome), *_said_of_forecast(forecast, outcome, drawn=drawn is not None)]),
        lanes=by_role(lanes) if grouped else lanes,
        roles=tuple(dict.fromkeys([*told, *(lane.role for lane in lanes)])),
        batches=tuple(map(sane_batch, batch_bars_of(outcome))) if outcome else (),
        marks=(*_marks_of_forecast(drawn), *_marks_of_run(outcome)),
        path=forecast.critical_path if forecast else (),
        ran=outcome is not None,
        grouped=grouped,
    )


_FAR = 6.0
"""Times as long as the run."""


def _is_far_too_long(forecast: Forecast | None, outcome: FeatureOutcome | None) -> bool:
    if forecast is None or outcome is None or outcome.state is RunState.RUNNING:
        return False
    return (forecast.ends.p80 if forecast.ends else forecast.elapsed) > _FAR * outcome.elapsed_seconds


def _said_of_forecast(forecast: Forecast | None, outcome: FeatureOutcome | None, *, drawn: bool) -> Iterable[str]:
    """Beside a run the bound is called the forecast's: the report of a run has another, of the times that were."""
    if forecast is not None:
        chance = f" (P80 {spell_roughly(forecast.ends.p80)})" if forecast.ends else ""
        yield f"forecast {spell_seconds(forecast.elapsed)}{chance}{'' if drawn else ', too far off to be drawn'}"
        if drawn:
            yield f"{'its ' if outcome else ''}lower bound {spell_seconds(forecast.bound.seconds)}"


def _said_of_run(outcome: FeatureOutcome | None) -> Iterable[str]:
    if outcome is not None:
        running = outcome.state is RunState.RUNNING
        yield f"{'running for' if running else 'took'} {spell_seconds(outcome.elapsed_seconds)}"
        single = outcome.singly()
        yield f"{len(single.landed)} of {len(single.tasks)} landed"


def _marks_of_forecast(forecast: Forecast | None) -> Iterable[Mark]:
    if forecast is not None and forecast.ends is not None:
        ends = forecast.ends
        for look, second in (("p50", ends.p50), ("p80", ends.p80), ("p95", ends.p95)):
            yield Mark(look, sane_times(second, second)[0], f"{look.upper()} {spell_roughly(second)}")


def _marks_of_run(outcome: FeatureOutcome | None) -> Iterable[Mark]:
    if outcome is not None:
        look, words = ("now", "now") if outcome.state is RunState.RUNNING else ("over", "ended")
        second = sane_times(outcome.elapsed_seconds, 0)[0]
        yield Mark(look, second, f"{words} {spell_seconds(outcome.elapsed_seconds)}")
