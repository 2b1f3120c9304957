"""The Gantt chart: valid XML whatever is written in it, all inside the picture, nothing over anything else."""

import base64
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.advice.forecasts.forecast_record import Band, Forecast, forecast_from_json, forecast_json
from plait.plans.tasks.outcomes import Approval, FeatureOutcome, RunState, Span
from plait.plans.tasks.states import TaskState
from plait.show.pictures.chart import (
    Bar,
    BatchBar,
    Chart,
    Mark,
    by_role,
    chart_of,
    lanes_of,
    sane_batch,
    spell_tick,
    step_of,
    ticks_of,
)
from plait.show.pictures.colours import PALETTE, colours_of, contrast, ink_on
from plait.show.pictures.gantt_svg import as_data_uri, draw_gantt, gantt_uri
from plait.show.pictures.svg import MARGIN, Theme, cut_to_room, shortened_inside, size_of, text_width
from plait.show.pictures.text_gantt import text_gantt
from tests.support.forecasts import CART, a_forecast, a_run, many_jobs, slots_of
from tests.support.outcomes import an_outcome

SVG = "{http://www.w3.org/2000/svg}"
any_text = st.text(max_size=60) | st.text(st.characters(), max_size=20)
any_time = st.floats(allow_nan=True, allow_infinity=True)
any_bar = st.builds(
    Bar,
    task=any_text,
    role=any_text,
    start=any_time,
    end=any_time,
    state=st.sampled_from(TaskState),
    tries=st.integers(0, 99),
    critical=st.booleans(),
)
any_batch = st.builds(BatchBar, id=any_text, start=any_time, end=any_time, landed=st.integers(0, 9))
any_band = st.builds(Band, p10=any_time, p50=any_time, p80=any_time, p90=any_time, p95=any_time)
LARGE = many_jobs(200)


@st.composite
def any_forecast(draw: st.DrawFn) -> Forecast:
    """A forecast with names, times and quantiles of any kind."""
    good = a_forecast(samples=0)
    tasks = [
        replace(task, id=draw(any_text), role=draw(any_text), start=draw(any_time), end=draw(any_time))
        for task in good.tasks[: draw(st.integers(0, 4))]
    ]
    bands = [draw(st.none() | any_band) for _ in tasks]
    changed = tuple(replace(task, ends=band) for task, band in zip(tasks, bands, strict=True))
    path = tuple(task.id for task in changed if draw(st.booleans()))
    return replace(good, elapsed=draw(any_time), tasks=changed, critical_path=path, ends=draw(st.none() | any_band))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.encode("utf-8"))  # noqa: S314 - our own text


def texts_of(svg: str) -> list[ElementTree.Element]:
    return list(parsed(svg).iter(f"{SVG}text"))


def words_of(svg: str) -> list[str]:
    return [element.text or "" for element in texts_of(svg)]


def a_chart(bars: list[Bar], *, title: str = "cart", batches: tuple[BatchBar, ...] = ()) -> Chart:
    lanes = lanes_of(bars)
    roles = tuple(dict.fromkeys(lane.role for lane in lanes))
    return Chart(title, lanes=lanes, roles=roles, batches=tuple(map(sane_batch, batches)), ran=True)


def box_of(element: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a text, as wide as its letters are in Liberation Sans and Arial at most."""
    at = element.attrib
    x, y, size = float(at["x"]), float(at["y"]), float(at["font-size"])
    width = text_width(element.text or "", size) * (1.08 if "strong" in at["class"] else 1)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[at.get("text-anchor", "start")]
    return left, y - 0.75 * size, left + width, y + 0.2 * size


def touching(svg: str) -> list[tuple[str, str]]:
    """The pairs of words that lie over each other."""
    boxes = [(element.text or "", box_of(element)) for element in texts_of(svg)]
    return [
        (one, other)
        for (one, a), (other, b) in combinations(boxes, 2)
        if a[0] < b[2] - 0.5 and b[0] < a[2] - 0.5 and a[1] < b[3] - 0.5 and b[1] < a[3] - 0.5
    ]


def assert_inside(svg: str) -> None:
    root = parsed(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "style", "defs", "pattern", "path", "rect", "text", "g", "title")
    }
    for shape in root.iter(f"{SVG}rect"):
        assert 0 <= float(shape.attrib["x"]) <= float(shape.attrib["x"]) + float(shape.attrib["width"]) <= width + 0.2
        assert 0 <= float(shape.attrib["y"]) <= height


@settings(max_examples=200, deadline=None)
@given(st.lists(any_bar, max_size=8), st.lists(any_batch, max_size=4), any_text)
def test_a_chart_of_anything_is_valid_and_stays_inside(bars: list[Bar], batches: list[BatchBar], title: str) -> None:
    assert_inside(draw_gantt(a_chart(bars, title=title, batches=tuple(batches))))


@settings(max_examples=200, deadline=None)
@given(any_forecast(), st.none() | st.just(an_outcome()), any_text, st.sampled_from(Theme), st.booleans())
def test_a_forecast_of_anything_is_valid_and_stays_inside(
    forecast: Forecast, outcome: FeatureOutcome | None, title: str, theme: Theme, grouped: bool
) -> None:
    assert_inside(
        draw_gantt(chart_of(title, outcome=outcome, forecast=forecast, grouped=grouped), width=500, theme=theme)
    )


def test_a_hostile_name_is_only_text() -> None:
    hostile = '"/><script>alert(1)</script>\0\x1b[31m&amp;\u202e\ud800\n'
    chart = a_chart([Bar(hostile, hostile, 0, 100)], title=hostile, batches=(BatchBar(hostile, 1, 2),))
    root = parsed(draw_gantt(chart))

    assert not [element for element in root.iter() if "script" in element.tag]
    assert any("<script>alert(1)</script>" in (element.text or "") for element in root.iter(f"{SVG}text"))
    assert not any(name.startswith("on") or "href" in name for element in root.iter() for name in element.attrib)


def test_it_loads_nothing_from_anywhere() -> None:
    svg = draw_gantt(chart_of("cart", outcome=an_outcome()))

    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    assert "@import" not in svg
    assert "url(#hatch)" in svg


def test_it_follows_the_readers_theme_or_keeps_to_one() -> None:
    auto, light, dark = (draw_gantt(chart_of("cart", outcome=an_outcome()), theme=theme) for theme in Theme)

    assert "prefers-color-scheme:dark" in auto
    assert "prefers-color-scheme" not in light + dark
    assert ".page{fill:#0d1117}" in dark
    assert ".page{fill:#0d1117}" not in light


def test_lanes_are_in_order_of_start_and_a_tasks_tries_share_one() -> None:
    bars = [Bar("LATE", "qa", 9, 20), Bar("API", "backend", 1, 4, TaskState.FAILED), Bar("API", "backend", 5, 19)]

    words = words_of(draw_gantt(a_chart(bars)))

    assert [word for word in words if word in {"API", "LATE", "×2"}] == ["API", "×2", "LATE"]


@pytest.mark.parametrize("grouped", [False, True])
def test_every_task_has_one_lane_whether_it_was_planned_or_ran(grouped: bool) -> None:
    forecast, outcome = a_forecast(), a_run()
    unplanned = outcome.model_copy(
        update={"tasks": (*outcome.tasks[2:], outcome.tasks[0].model_copy(update={"id": "EXTRA"}))}
    )
    chart = chart_of("cart", outcome=unplanned, forecast=forecast, grouped=grouped)

    assert sorted(lane.task for lane in chart.lanes) == sorted([*(job.id for job in CART), "EXTRA"])
    words = words_of(draw_gantt(chart))
    assert all(words.count(lane.task) == 1 for lane in chart.lanes)


def test_long_names_are_cut_inside_since_they_differ_at_their_ends() -> None:
    ids = [f"IMPLEMENT-THE-WHOLE-CHECKOUT-PAGE-WITH-ALL-DETAILS-{number}" for number in range(3)]

    words = words_of(draw_gantt(a_chart([Bar(one, "qa", 0, 9) for one in ids])))

    names = [word for word in words if word.startswith("IMPLEMENT")]
    assert [name[-1] for name in names] == ["0", "1", "2"]
    assert all("…" in name for name in names)


def test_work_that_was_handed_back_does_not_look_like_what_landed() -> None:
    task, *others = a_run().tasks
    assert task.started_at
    first, second = (
        Span(started_at=task.started_at + timedelta(hours=one), ended_at=task.started_at + timedelta(hours=one + 1))
        for one in (0, 2)
    )
    outcome = a_run().model_copy(update={"tasks": (task.model_copy(update={"spans": (first, second)}), *others)})

    chart = chart_of("cart", outcome=outcome)

    lane = next(lane for lane in chart.lanes if lane.task == task.id)
    assert [bar.state for bar in lane.bars] == [TaskState.HELD, TaskState.LANDED]
    assert "handed back or held" in words_of(draw_gantt(chart))
    assert "held" not in lane.remark


def test_the_time_in_which_a_person_was_asked_is_no_gap() -> None:
    run = a_run()
    owner = run.tasks[0]
    assert owner.ended_at
    asked = Approval(
        contract="api",
        version=1,
        owner=owner.id,
        asked_at=owner.ended_at,
        answered_at=owner.ended_at + timedelta(hours=1),
    )

    chart = chart_of("cart", outcome=run.model_copy(update={"approvals": (asked,)}))

    lane = next(lane for lane in chart.lanes if lane.task == owner.id)
    assert lane.asked == ((lane.end, lane.end + 3600),)
    assert "a person was asked" in words_of(draw_gantt(chart))
    shown = ["".join(piece.words for piece in line) for line in text_gantt(chart, width=100)]
    assert "█░" in next(line for line in shown if owner.id in line)
    assert "░ a person was asked" in shown


def test_tasks_that_a_failed_run_never_began_are_there_and_say_why() -> None:
    begun, *others = a_run().tasks
    blocked = tuple(
        task.model_copy(update={"state": TaskState.BLOCKED, "started_at": None, "ended_at": None}) for task in others
    )
    outcome = a_run().model_copy(
        update={"state": RunState.FAILED, "tasks": (begun, *blocked), "elapsed_seconds": 60, "batches": ()}
    )

    chart = chart_of("cart", outcome=outcome, forecast=a_forecast())

    assert "too far off to be drawn" in chart.figures
    assert [lane.remark for lane in chart.lanes[1:]] == ["blocked"] * len(others)
    assert words_of(draw_gantt(chart)).count("blocked") == len(others)


def test_lanes_of_a_role_can_stand_together() -> None:
    lanes = by_role(lanes_of(forecast=a_forecast()))
    roles = [lane.role for lane in lanes]

    assert sorted(roles, key=roles.index) == roles


@pytest.mark.parametrize("width", [500, 960, 1600])
@pytest.mark.parametrize("kind", ["forecast", "run", "both", "large", "roles", "odd"])
def test_no_words_lie_over_others(kind: str, width: int) -> None:
    small, large = (CART, None), (LARGE, slots_of(LARGE))
    charts = {
        "forecast": lambda: chart_of("cart", forecast=a_forecast()),
        "run": lambda: chart_of("cart", outcome=a_run()),
        "both": lambda: chart_of("cart", outcome=a_run(small[0]), forecast=a_forecast()),
        "large": lambda: chart_of("x", outcome=a_run(*large), forecast=a_forecast(*large, samples=20)),
        "roles": lambda: chart_of("x", forecast=a_forecast(*large, samples=20), grouped=True),
        "odd": lambda: chart_of("cart", outcome=an_outcome(), forecast=replace(a_forecast(samples=0), elapsed=1)),
    }
    svg = draw_gantt(charts[kind](), width=width)

    assert touching(svg) == []
    assert all(box_of(words)[0] >= 0 for words in texts_of(svg))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_the_words_of_the_whole_never_touch_and_stay_inside(seconds: list[float]) -> None:
    marks = tuple(Mark("p50", second, f"P50 {second:.0f} h 00 min") for second in seconds)
    svg = draw_gantt(replace(a_chart([Bar("A", "qa", 0, 100)]), marks=marks))

    assert touching(svg) == []
    assert min(box_of(words)[0] for words in texts_of(svg)) >= MARGIN - 1


def test_forecast_stands_beside_actual_with_whiskers_and_the_chances_of_the_whole() -> None:
    svg = draw_gantt(chart_of("cart", outcome=a_run(), forecast=a_forecast()))
    words = words_of(svg)

    assert svg.count('class="plan"') == len(CART) + 1, "one for each task, one in the legend"
    assert svg.count('class="whisker"') == len(CART) + 1
    assert {"actual above forecast", "critical path", "P10–P90 of its end"} <= set(words)
    assert [word.split()[0] for word in words if re.match(r"P\d\d \d", word)] == ["P50", "P80", "P95"]
    assert 'class="way"' in svg


def test_a_forecast_that_was_far_too_long_is_told_and_not_drawn() -> None:
    outcome = a_run().model_copy(update={"elapsed_seconds": 60.0})

    chart = chart_of("cart", outcome=outcome, forecast=a_forecast())

    assert not chart.planned
    assert "too far off to be drawn" in chart.figures


def test_beside_a_run_the_lower_bound_is_called_the_one_of_the_forecast() -> None:
    beside, alone = chart_of("cart", outcome=a_run(), forecast=a_forecast()), chart_of("cart", forecast=a_forecast())

    assert re.search(r" · forecast .* · its lower bound ", beside.figures)
    assert " · lower bound " in alone.figures


def test_what_did_not_land_is_said_in_words_too() -> None:
    words = words_of(draw_gantt(chart_of("cart", outcome=an_outcome())))

    assert {"failed", "held", "×2", "landed"} <= set(words)
    assert words.count("failed") == 2, "in the lane and in the legend"
    assert "batch-1: 2 landed, 1 rejected, 3 verifications" in words


def test_work_that_goes_on_reaches_to_now() -> None:
    outcome = a_run().model_copy(update={"ended_at": None, "elapsed_seconds": 5 * 3600.0})
    running = outcome.tasks[1].model_copy(update={"ended_at": None, "state": TaskState.RUNNING})
    (lane,) = chart_of("cart", outcome=outcome.model_copy(update={"tasks": (running,)})).lanes

    assert lane.end == 5 * 3600


def test_a_run_without_work_says_so() -> None:
    assert "nothing ran" in words_of(draw_gantt(a_chart([])))
    assert "nothing is planned" in words_of(draw_gantt(Chart("cart")))


@pytest.mark.parametrize(("tasks", "tallest"), [(5, 330), (200, 3000)])
def test_many_tasks_get_lower_lanes(tasks: int, tallest: float) -> None:
    bars = [Bar(f"TASK-{number}", f"role-{number % 5}", number, number + 30) for number in range(tasks)]
    svg = draw_gantt(a_chart(bars))

    assert size_of(svg)[1] < tallest
    assert min(float(words.attrib["font-size"]) for words in texts_of(svg)) >= 9


def test_the_data_address_holds_the_picture() -> None:
    svg = draw_gantt(chart_of("Wägelchen", outcome=an_outcome()))
    head, _, body = as_data_uri(svg).partition(",")

    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(body).decode() == svg


def test_the_picture_of_a_page_is_bounded_and_says_what_it_leaves_out() -> None:
    jobs = many_jobs(600)
    chart = chart_of("cart", outcome=a_run(jobs, slots_of(jobs)), forecast=a_forecast(jobs, slots_of(jobs), samples=9))

    uri = gantt_uri(chart, most=200_000)

    assert 100_000 < len(uri) <= 200_000
    said = words_of(base64.b64decode(uri.partition(",")[2]).decode())[1]
    assert re.search(r"\d+ more tasks not shown", said)


def test_a_forecast_comes_back_from_its_file() -> None:
    forecast = a_forecast()

    assert forecast_from_json(forecast_json(forecast)) == forecast
    assert forecast_from_json(forecast_json(forecast)[:-1] + ', "later": 1}') == forecast
    for wrong in ("", "[]", "{}", '{"elapsed": "x"}'):
        with pytest.raises(ValueError, match=r"Forecast|JSON"):
            forecast_from_json(wrong)


@given(st.floats(1e-3, 1e10), st.integers(2, 12))
def test_marks_are_few_even_and_within(end: float, most: int) -> None:
    ticks = ticks_of(end, most)
    said = [spell_tick(tick, step_of(end, most)) for tick in ticks]

    assert ticks[0] == 0
    assert 1 <= len(ticks) <= most + 1
    assert ticks[-1] <= end * (1 + 1e-6)
    assert len(set(said)) == len(said), "every mark says something else"


@pytest.mark.parametrize(
    ("second", "step", "words"),
    [
        (0, 1, "0"),
        (0.5, 0.5, "0.5s"),
        (90, 30, "1m 30s"),
        (5400, 1800, "1h 30m"),
        (302400, 43200, "84h"),
        (259200, 86400, "3d"),
    ],
)
def test_marks_are_written_as_people_say_times(second: float, step: float, words: str) -> None:
    assert spell_tick(second, step) == words


def test_roles_have_colours_of_their_own_that_text_can_be_read_on() -> None:
    colours = colours_of(f"role-{number}" for number in range(21))

    assert len(set(colours.values())) == 21
    assert all(contrast(ink_on(colour), colour) >= 4.5 for colour in colours.values())


def seen_without_red_or_green(colour: str) -> tuple[float, float, float]:
    """Viénot, Brettel and Mollon (1999), deuteranopia, in linear light."""
    red, green, blue = ((int(colour[at : at + 2], 16) / 255) ** 2.2 for at in (1, 3, 5))
    mixed = 0.29275 * red + 0.70725 * green
    return mixed, mixed, -0.02234 * red + 0.02234 * green + blue


def test_the_palette_can_be_told_apart_without_seeing_red_or_green() -> None:
    for one, other in combinations(map(seen_without_red_or_green, PALETTE), 2):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.05


@given(st.text(max_size=50), st.floats(0, 400))
def test_a_shortened_text_fits(words: str, room: float) -> None:
    short = cut_to_room(words, 10, room)

    assert not short or text_width(short, 10) <= room + 1e-6
    inside = shortened_inside(words, 10, room)
    assert not inside or text_width(inside, 10) <= room + 1e-6
    assert short.rstrip("…") == words[: len(short.rstrip("…"))] or short == words
