"""Whatever a run came to, it can be told: report, JSON and chart of drawn outcomes, the odd ones above all."""

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.tasks.outcomes import Approval, BatchState, Conditions, FeatureOutcome, Held, RunState, Span
from plait.plans.tasks.states import TaskState
from plait.show.insight import MOST, insights
from plait.show.metrics import measure
from plait.show.outcome_json import outcome_json, report_json
from plait.show.pictures.chart import chart_of
from plait.show.pictures.gantt_svg import draw_gantt
from plait.show.pictures.text_gantt import text_gantt
from plait.show.run_report import report_markdown, report_text
from tests.support.outcomes import Rejection, a_batch, a_task, an_outcome, at

IDS = ("A", "B", "C", "D")
moments = st.integers(0, 40).map(lambda tenths: tenths * 5.0)
some = st.lists(st.sampled_from(IDS), unique=True, max_size=3).map(tuple)


@st.composite
def tasks(draw: st.DrawFn, name: str):
    start = draw(st.none() | moments)
    end = None if start is None else draw(st.none() | moments.map(lambda more: start + more))
    task = a_task(name, start=start, end=end, state=draw(st.sampled_from(TaskState)), tries=draw(st.integers(0, 3)))
    if start is None or draw(st.booleans()):
        return task
    cuts = sorted(draw(st.lists(moments, min_size=2, max_size=4)))
    spans = [
        Span(started_at=at(one), ended_at=at(two), repair=number, ok=draw(st.booleans()), agent=task.agent)
        for number, (one, two) in enumerate(pairwise(cuts), start=draw(st.integers(0, 1)))
    ]
    return task.model_copy(update={"spans": tuple(spans)})


@st.composite
def batches(draw: st.DrawFn, name: str):
    begun = draw(st.none() | moments)
    kinds = st.sampled_from(["conflict", "fails-alone", "pair"])
    return a_batch(
        name,
        state=draw(st.sampled_from(BatchState)),
        verifications=draw(st.integers(0, 4)),
        landed=draw(some),
        rejected=tuple(Rejection(task=task, kind=draw(kinds), partner="A") for task in draw(some)),
        held=tuple(Held(task=task, by="A") for task in draw(some)),
        started_at=None if begun is None else at(begun),
        ended_at=None if begun is None else draw(st.none() | moments.map(lambda more: at(begun + more))),
    )


@st.composite
def approvals(draw: st.DrawFn) -> Approval:
    asked = draw(moments)
    answered = draw(st.none() | moments.map(lambda more: at(asked + more)))
    owner = draw(st.sampled_from(IDS))
    return Approval(contract="api", version=1, owner=owner, asked_at=at(asked), answered_at=answered, holds=draw(some))


@st.composite
def conditions(draw: st.DrawFn) -> Conditions:
    needs = {name: tuple(groups) for name in IDS[1:] if (groups := draw(st.lists(some.filter(bool), max_size=2)))}
    return Conditions(
        needs=needs,
        uses={name: {"db": 1} for name in draw(some)},
        slots=draw(st.sampled_from([{}, {"backend": 1}, {"backend": 3}])),
        resources=draw(st.sampled_from([{}, {"db": 1}])),
        phases={"one": draw(some)},
        commands=draw(some),
        bound_kind=draw(st.sampled_from(["", "critical path", "work of role backend", "work of resource db"])),
    )


@st.composite
def outcomes(draw: st.DrawFn) -> FeatureOutcome:
    elapsed = draw(st.sampled_from([0.0, 0.1, 60.0, 400.0]))
    return an_outcome(
        state=draw(st.sampled_from(RunState)),
        tasks=tuple(draw(tasks(name)) for name in IDS[: draw(st.integers(0, len(IDS)))]),
        batches=tuple(draw(batches(f"batch-{number}")) for number in range(draw(st.integers(0, 2)))),
        approvals=tuple(draw(st.lists(approvals(), max_size=2))),
        conditions=draw(st.none() | conditions()),
        elapsed_seconds=elapsed,
        ended_at=draw(st.sampled_from([None, at(elapsed)])),
        bound_seconds=draw(st.sampled_from([0.0, 30.0, 1e6])),
    )


@settings(max_examples=300, deadline=None)
@given(outcomes())
def test_any_outcome_can_be_told(outcome: FeatureOutcome) -> None:
    metrics = measure(outcome)
    said = insights(outcome, metrics)

    assert len(said) <= MOST
    assert all(sentence.endswith(".") and "  " not in sentence for sentence in said)
    assert report_text(outcome, metrics)
    assert report_markdown(outcome, metrics=metrics)
    assert json.loads(report_json(outcome, metrics, said))["insights"] == list(said)
    assert json.loads(outcome_json(outcome))["run_id"] == outcome.run_id
    chart = chart_of("any", outcome=outcome)
    assert draw_gantt(chart).startswith("<svg")
    assert text_gantt(chart, width=80)
