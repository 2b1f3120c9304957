"""What forecasts look like on a terminal, or in plain text where there is none; and the crew that a plan is worth."""

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from plait.advice.forecasts.bottleneck import AT_THE_BOUND, NEAR_THE_BOUND
from plait.advice.forecasts.costing import CostForecast
from plait.advice.forecasts.forecast_record import Forecast, TaskForecast, WhatIf
from plait.advice.forecasts.sizing import CrewStep, Sizing
from plait.flows.forecasting import ImprovedOrder
from plait.flows.inputs.requests import Brief
from plait.flows.terminal.printing import show_lines, terminal_width
from plait.flows.terminal.text_layout import Column, paragraph, rough_time, short_time, table_lines
from plait.plans.wording import count, one_line
from plait.show.pictures.cells import Line, Piece

_WIDE = 84
_WIDEST = 140
_CRITICAL = "●"
_NONE: Line = (Piece("–", dim=True),)
_SAME = 1.0
"""Seconds that nobody would call a change."""
_PICKED = "→"
_MOST_ROWS = 12


def show_forecast(
    brief: Brief,
    made: Forecast,
    order: ImprovedOrder | None,
    *,
    told: str = "",
    verification: float | None = None,
    cost: CostForecast | None = None,
) -> None:
    """Print a forecast, as wide as the terminal allows and not wider than is easy to read.

    `told`: of its bundles; `verification`: seconds that one usually takes here; `cost`: what its agents may cost.
    """
    titles = {task.id: one_line(task.task.title or "", 72) for task in brief.expansion.tasks}
    width = _view_width()
    parts = [
        [*_headlines(made, feature=brief.plan.feature, width=width, tasks=_size(brief, made))],
        _tasks(made, titles, width),
        _roles(made, width),
        _variants(made, width) if made.what_if else [],
        [
            *_remarks(
                [
                    *_sentences(made, order, resources=brief.plan.resources),
                    *_verification(verification),
                    *_cost(cost),
                    *_bundles(told),
                ],
                width,
            )
        ],
    ]
    show_lines([line for part in parts if part for line in (*part, ())][:-1])


def _view_width() -> int:
    """The columns that a forecast takes at most."""
    return max(30, min(terminal_width(), _WIDEST))


def _size(brief: Brief, made: Forecast) -> int:
    """How many tasks the forecast is about, those of bundles one by one."""
    shown = {task.id for task in made.tasks}
    return sum(max(1, len(task.members)) for task in brief.expansion.tasks if task.id in shown)


def _headlines(made: Forecast, *, feature: str, width: int, tasks: int | None = None) -> Iterator[Line]:
    """The plan's name, its figures, and what holds it up."""
    about = f"  {count(tasks or len(made.tasks), 'task')} for {count(made.agents, 'agent')}"
    yield Piece(feature, bold=True), Piece(about, dim=True)
    yield ()
    yield from _figures(made, width)
    yield ()
    yield from paragraph(made.bottleneck, width=width, look=_tone(made), indent=2)


def _figures(made: Forecast, width: int) -> Iterator[Line]:
    rows = []
    if made.ends:
        band = f"{rough_time(made.ends.p50)} – {rough_time(made.ends.p95)}"
        runs = f"P50 to P95 of {made.samples} simulated runs; P80 {rough_time(made.ends.p80)}"
        rows.append(("ends after", band, runs))
    work = f"{short_time(made.work)} of work: speed-up {made.speed_up:.2f}"
    shares = f"efficiency {100 * made.efficiency:.0f} %"
    rows.append(("expected" if made.learned else "as planned", short_time(made.elapsed), f"{work}, {shares}"))
    rows.append(("lower bound", short_time(made.bound.seconds), f"{made.bound.kind}: no schedule ends sooner"))
    named, valued = (max(len(row[at]) for row in rows) for at in (0, 1))
    left = 2 + named + 2 + valued + 2
    for name, value, remark in rows:
        lines = [line[0].words for line in paragraph(remark, width=width - left)]
        yield Piece(f"  {name:{named}}  ", dim=True), Piece(f"{value:{valued}}  ", bold=True), Piece(lines[0])
        yield from ((Piece(" " * left + more),) for more in lines[1:])


def _tone(made: Forecast) -> Piece:
    if made.bound_ratio <= AT_THE_BOUND:
        return Piece("", colour="green")
    return Piece("", colour="yellow", bold=made.bound_ratio > NEAR_THE_BOUND)


def _tasks(made: Forecast, titles: Mapping[str, str], width: int) -> list[Line]:
    columns = (
        Column(),
        Column("task", most=max(12, width // 4)),
        Column("title" if any(titles.values()) else "", most=width // 3, spare=5),
        Column("agent", most=max(10, width // 5), spare=3),
        Column("starts", right=True),
        Column("ends", right=True),
        Column("slack", right=True, spare=1),
        Column("waits", right=True, spare=2),
        Column("ends, P50 to P95" if made.ends else "", right=True, spare=4),
    )
    rows = [
        _task(task, titles.get(task.id, "")) for task in sorted(made.tasks, key=lambda task: (task.start, task.end))
    ]
    return table_lines(columns, rows, width=width)


def _task(task: TaskForecast, title: str) -> list[Line]:
    colour = "red" if task.critical else ""
    slack = "–" if task.critical else short_time(task.slack)
    waits = short_time(task.waits) if task.waits >= _SAME else "–"
    band = f"{rough_time(task.ends.p50)} – {rough_time(task.ends.p95)}" if task.ends else ""
    return [
        (Piece(_CRITICAL if task.critical else " ", colour, bold=True),),
        (Piece(task.id, colour, bold=task.critical),),
        (Piece(title, dim=True),),
        (Piece(task.agent, dim=True),),
        *((Piece(words),) for words in (short_time(task.start), short_time(task.end), slack, waits)),
        (Piece(band, dim=True),),
    ]


def _roles(made: Forecast, width: int) -> list[Line]:
    columns = (
        Column("role", most=max(10, width // 4)),
        Column("agents", right=True),
        Column("busy"),
        Column(" ", right=True),
        Column("work", right=True),
        Column("waits", right=True),
    )
    size = 10 if width < _WIDE else 24
    rows = []
    for role in made.roles:
        full = min(size, round(size * role.busy))
        bar = (Piece("━" * full, "cyan"), Piece("╌" * (size - full), dim=True))
        waits = short_time(role.waiting) if role.waiting >= _SAME else "–"
        words = (f"{100 * role.busy:.0f} %", short_time(role.work), waits)
        rows.append([(Piece(role.role),), (Piece(str(role.slots)),), bar, *((Piece(word),) for word in words)])
    return table_lines(columns, rows, width=width)


def _variants(made: Forecast, width: int) -> list[Line]:
    """One row for each role: the end with one agent fewer and with one more."""
    columns = (
        Column("what if", most=max(10, width // 4)),
        Column("agents", right=True),
        Column("one fewer"),
        Column("one more"),
    )
    variants = {(variant.role, variant.slots): variant for variant in made.what_if}
    rows = []
    for role in made.roles:
        changes = [_change(variants.get((role.role, role.slots + step)), made, width) for step in (-1, 1)]
        rows.append([(Piece(role.role),), (Piece(str(role.slots)),), *changes])
    return table_lines(columns, rows, width=width)


def _change(variant: WhatIf | None, made: Forecast, width: int) -> Line:
    if variant is None:
        return _NONE
    change = variant.elapsed - made.elapsed
    likely = variant.p50 - made.ends.p50 if variant.p50 is not None and made.ends else 0.0
    if abs(change) < _SAME and abs(likely) < _SAME:
        return (Piece("no change", dim=True),)
    planned = Piece(f"{short_time(variant.elapsed)} "), _signed(change, short_time(abs(change)))
    if variant.p50 is None or (width < _WIDE and abs(change) >= _SAME):
        return planned
    median = Piece(f"P50 {rough_time(variant.p50)} ", dim=True), _signed(likely, rough_time(abs(likely)))
    return median if width < _WIDE else (*planned, Piece("  "), *median)


def _signed(change: float, size: str) -> Piece:
    if abs(change) < _SAME:
        return Piece("±0", dim=True)
    return Piece(f"+{size}", "red") if change > 0 else Piece(f"−{size}", "green")


def _remarks(sentences: Iterable[str], width: int) -> Iterator[Line]:
    for line in sentences:
        yield from paragraph(line, width=width, look=Piece("", dim=True))


def _bundles(told: str) -> Iterator[str]:
    if told:
        yield f"{told[0].upper()}{told[1:]}."


def _verification(seconds: float | None) -> Iterator[str]:
    if seconds is not None:
        yield f"Verification: about {rough_time(seconds)} each in earlier runs, not counted in the times above."


def _cost(cost: CostForecast | None) -> Iterator[str]:
    if cost is not None and cost.told:
        prices = f" Prices of {cost.dated}." if cost.usd is not None and cost.dated else ""
        yield f"Cost: {cost.told}.{prices}"


def _sentences(made: Forecast, order: ImprovedOrder | None, *, resources: Collection[str]) -> Iterator[str]:
    """What the tables' signs mean, what was searched for, and what the history says."""
    short = "no agent or resource" if resources else "no agent"
    yield f"{_CRITICAL} no slack, even with agents for all. Waits: ready, but {short} is free."
    if made.what_if:
        yield "More agents never count as slower: nobody has to use them."
    if order and order.urgency is not None:
        saved = f"{short_time(order.elapsed)} instead of {short_time(order.rule_elapsed)}"
        yield f"Order: a better one was found among {order.evaluations:,}: {saved} at expected durations."
    elif order and order.elapsed < order.rule_elapsed:
        gain = f"{short_time(order.elapsed)} in place of {short_time(order.rule_elapsed)} at expected durations"
        best = f"the best of {count(order.evaluations, 'other')}, {gain}"
        yield f"Order: the rule's; {best}, is no better in simulation."
    elif order and order.evaluations:
        yield f"Order: the rule's; none of {count(order.evaluations, 'other')} is better."
    elif order:
        yield "Order: the rule's; none can be better, because it reaches the lower bound."
    yield from (f"History: {line}." for line in made.learned)
    if not made.learned:
        yield "History: none of these roles here yet, so estimates count as they are."


def show_sizing(brief: Brief, made: Forecast, sizing: Sizing) -> None:
    """Print the plan's figures with the crew as it is, the crews that were compared, and the pick."""
    width = _view_width()
    lines: list[Line] = [*_headlines(made, feature=brief.plan.feature, width=width), (), *_steps(sizing, width), ()]
    lines += paragraph(sizing.reason, width=width, look=Piece("", bold=True))
    for note in sizing.notes:
        lines += paragraph(note, width=width, look=Piece("", colour="yellow"))
    show_lines([*lines, ()])
    # To be pasted: on lines of their own, however narrow the terminal.
    sys.stdout.write(f"--crew {crew_words(sizing.pick.slots)}\n\n{crew_yaml(sizing.pick.slots)}")


def crew_words(slots: Mapping[str, int]) -> str:
    """`backend=3,frontend=2`."""
    return ",".join(f"{role}={count}" for role, count in slots.items())


def crew_yaml(slots: Mapping[str, int]) -> str:
    """The plan's key `crew`."""
    return "crew:\n" + "".join(f"  {role}: {{slots: {count}}}\n" for role, count in slots.items())


def _steps(sizing: Sizing, width: int) -> list[Line]:
    columns = (
        Column(),
        Column("agents", right=True),
        Column("crew", most=max(16, width - 50)),
        Column("ends", right=True),
        Column("P80" if any(step.p80 is not None for step in sizing.steps) else "", right=True),
        Column("efficiency", right=True, spare=1),
        Column("agent-hours", right=True, spare=2),
    )
    shown = _thinned(sizing.steps, sizing.pick)
    changes = ["the smallest", *(_changed_roles(before, after) for before, after in pairwise(shown))]
    rows = [_crew_row(step, change, picked=step is sizing.pick) for step, change in zip(shown, changes, strict=True)]
    lines = table_lines(columns, rows, width=width)
    left_out = len(sizing.steps) - len(shown)
    return [*lines, (Piece(f"and {left_out} between these", dim=True),)] if left_out else lines


def _thinned(steps: Sequence[CrewStep], pick: CrewStep) -> list[CrewStep]:
    """A screenful, evenly, with the first, the pick and its neighbours, and the last."""
    if len(steps) <= _MOST_ROWS:
        return list(steps)
    at = steps.index(pick)
    kept = {0, len(steps) - 1, *range(max(0, at - 1), min(len(steps), at + 2))}
    stride = (len(steps) - 1) / (_MOST_ROWS - len(kept) + 1)
    kept.update(round(stride * number) for number in range(1, _MOST_ROWS - len(kept) + 1))
    return [steps[place] for place in sorted(kept)]


def _changed_roles(before: CrewStep, after: CrewStep) -> str:
    """`backend 2`: the roles that are others than on the line above, and how many they now are."""
    return ", ".join(f"{role} {count}" for role, count in after.slots.items() if count != before.slots[role])


def _crew_row(step: CrewStep, change: str, *, picked: bool) -> list[Line]:
    p80 = "" if step.p80 is None else rough_time(step.p80)
    figures = (short_time(step.elapsed), p80, f"{100 * step.efficiency:.0f} %", f"{step.agent_seconds / 3600:.4g}")
    return [
        (Piece(_PICKED if picked else " ", "green", bold=True),),
        (Piece(str(step.agents), bold=picked),),
        (Piece(change, bold=picked),),
        *((Piece(words, bold=picked),) for words in figures),
    ]
