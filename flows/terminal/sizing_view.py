"""What the crew that a plan is worth looks like on a terminal, ready to be pasted into a call or a plan."""

import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise

from plait.advice.forecasts.forecast import Forecast
from plait.advice.forecasts.sizing import CrewStep, Sizing
from plait.flows.inputs.requests import Brief
from plait.flows.terminal.columns import Column, paragraph, table_lines
from plait.flows.terminal.drawing import show_lines
from plait.flows.terminal.forecast_view import headlines, view_width
from plait.flows.terminal.short_times import rough_time, short_time
from plait.show.pictures.cells import Line, Piece

_PICKED = "→"
_MOST_ROWS = 12


def show_sizing(brief: Brief, made: Forecast, sizing: Sizing) -> None:
    """Print the plan's figures with the crew as it is, the crews that were compared, and the pick."""
    width = view_width()
    lines: list[Line] = [*headlines(made, feature=brief.plan.feature, width=width), (), *_steps(sizing, width), ()]
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
    changes = ["the smallest", *(_change(before, after) for before, after in pairwise(shown))]
    rows = [_row(step, change, picked=step is sizing.pick) for step, change in zip(shown, changes, strict=True)]
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


def _change(before: CrewStep, after: CrewStep) -> str:
    """`backend 2`: the roles that are others than on the line above, and how many they now are."""
    return ", ".join(f"{role} {count}" for role, count in after.slots.items() if count != before.slots[role])


def _row(step: CrewStep, change: str, *, picked: bool) -> list[Line]:
    p80 = "" if step.p80 is None else rough_time(step.p80)
    figures = (short_time(step.elapsed), p80, f"{100 * step.efficiency:.0f} %", f"{step.agent_seconds / 3600:.4g}")
    return [
        (Piece(_PICKED if picked else " ", "green", bold=True),),
        (Piece(str(step.agents), bold=picked),),
        (Piece(change, bold=picked),),
        *((Piece(words, bold=picked),) for words in figures),
    ]
