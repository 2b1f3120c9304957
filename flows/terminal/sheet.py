"""A run as a table for people: as much of it as there is room for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from plait.plans.landing.batch_words import refusal_words
from plait.plans.tasks.base_standing import base_words
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, FeatureOutcome, RunState, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.wording import listed, one_line, spell_roughly, spell_seconds
from plait.show.metrics import worked_seconds
from plait.show.next_steps import answer_command
from plait.show.progress import (
    ActiveAgent,
    Eta,
    asked_for,
    held_by,
    progress_of,
    spell_doubt,
    spell_left,
    spell_rest,
    spell_used,
    used_by,
    used_up,
)

STYLES = {
    TaskState.PENDING: "dim",
    TaskState.READY: "cyan",
    TaskState.RUNNING: "bold blue",
    TaskState.DONE: "yellow",
    TaskState.LANDED: "green",
    TaskState.FAILED: "bold red",
    TaskState.BLOCKED: "magenta",
    TaskState.HELD: "bold magenta",
    TaskState.CANCELLED: "dim red",
}
MARKS = {
    TaskState.PENDING: "·",
    TaskState.READY: "○",
    TaskState.RUNNING: "▶",
    TaskState.DONE: "◆",
    TaskState.LANDED: "✔",
    TaskState.FAILED: "✘",
    TaskState.BLOCKED: "⊘",
    TaskState.HELD: "‖",
    TaskState.CANCELLED: "■",
}
COLUMNS = ("task", "role", "agent", "model", "state", "time", "used", "last line")
DISPENSABLE = ("model", "role", "agent", "time", "used")
"""Columns that narrow terminals do without, the first of them first."""
LEAST_LINE = 16
"""Columns that the last line is worth having."""
GAP = 2
MARGIN = 2
"""Columns left free at the right: where a row fills the screen, the `^C` of Ctrl-C breaks it and leaves a trace."""
_URGENT = (TaskState.RUNNING, TaskState.FAILED, TaskState.HELD, TaskState.BLOCKED, TaskState.DONE, TaskState.READY)
_BATCHES_SHOWN = 4
_DOUBTS_SHOWN = 3


def status_table(
    outcome: FeatureOutcome,
    lines: Mapping[str, str] | None = None,
    *,
    eta: Eta | None = None,
    active: Sequence[ActiveAgent] = (),
) -> RenderableType:
    """A run as a table of its tasks, with a line for each batch, as wide as whatever it is printed on."""
    return Sheet(outcome, lines or {}, eta, active=active)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is drawn; `height` is what a live table has, and `None` is room for everything."""

    outcome: FeatureOutcome
    lines: Mapping[str, str]
    eta: Eta | None = None
    height: int | None = None
    active: Sequence[ActiveAgent] = ()
    """Who is at work: those are named that should be looked at."""

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(20, options.max_width - MARGIN)
        yield from _headlines(self.outcome, self.eta, width, self.active)
        if self.outcome.reason:
            yield Text(one_line(self.outcome.reason, 1000), style="yellow")
        base = base_words(self.outcome.base)
        if base:
            line = Text(one_line(base, 500), style="yellow")
            yield _fitting(line, width) if self.height is not None else line
        if self.outcome.paused_by is not None and self.outcome.state is RunState.RUNNING:
            yield _fitting(_paused_line(self.outcome), width)
        lines = [*_rest_lines(self.outcome), *_doubt_lines(self.outcome, self.active), *_asked_lines(self.outcome)]
        asked = [_fitting(line, width) if self.height is not None else line for line in lines]
        yield from asked
        batches = self.outcome.batches[-_BATCHES_SHOWN:] if self.height is not None else self.outcome.batches
        tasks = self.outcome.tasks
        if self.height is not None and len(tasks) > (
            room := max(3, self.height - len(batches) - len(asked) - bool(base) - 5)
        ):
            tasks = _most_urgent(tasks, room)
        waits = _waits_of(self.outcome)
        at_work = {agent.task: agent for agent in self.active} if self.outcome.state is RunState.RUNNING else {}
        yield from _rows(
            [
                _cells(task, waits.get(task.id) or _say(task, self.lines, at_work.get(task.id)), at_work.get(task.id))
                for task in tasks
            ],
            width,
        )
        if len(tasks) < len(self.outcome.tasks):
            yield Text(_unseen(self.outcome.tasks, tasks), style="dim")
        for batch in batches:
            line = _batch_line(batch, goes_on=self.outcome.state is RunState.RUNNING)
            yield _fitting(line, width) if self.height is not None else line


def _fitting(line: Text, width: int) -> Text:
    """A line that no terminal breaks."""
    line.truncate(width, overflow="ellipsis")
    return line


def _most_urgent(tasks: Sequence[TaskOutcome], room: int) -> tuple[TaskOutcome, ...]:
    """What a person wants to see where not all can be shown, in the order of the plan."""
    ranks = {state: rank for rank, state in enumerate(_URGENT)}
    best = sorted(range(len(tasks)), key=lambda place: (ranks.get(tasks[place].state, len(ranks)), place))[:room]
    return tuple(tasks[place] for place in sorted(best))


def _unseen(tasks: Sequence[TaskOutcome], shown: Sequence[TaskOutcome]) -> str:
    seen = {task.id for task in shown}
    counts = Counter(task.state.value for task in tasks if task.id not in seen)
    return f"… and {', '.join(f'{number} {state}' for state, number in counts.most_common())}"


def _cells(task: TaskOutcome, said: str, agent: ActiveAgent | None) -> dict[str, Text]:
    agent = agent if task.state is TaskState.RUNNING else None
    model = (agent.model if agent else None) or (task.usage.model if task.usage else None) or ""
    return {
        "task": Text(one_line(task.id)),
        "role": Text(one_line(task.role), style="dim"),
        "agent": Text(one_line(task.agent or "")),
        "model": Text(one_line(model, 40), style="dim"),
        "state": Text(f"{MARKS[task.state]} {task.state.value}", style=STYLES[task.state]),
        "time": Text(_time(task)),
        "used": Text(spell_used(used_by(task, agent))),
        "last line": Text(one_line(said), style="dim"),
    }


def _rows(rows: Sequence[Mapping[str, Text]], width: int) -> Iterator[Text]:
    """Lines of cells under their titles; what does not fit is left out by columns, and only then cut."""
    titles = {name: Text(name, style="bold") for name in COLUMNS}
    widths = {name: max(row[name].cell_len for row in (titles, *rows)) for name in COLUMNS}
    told = [name for name in COLUMNS if name not in ("model", "used") or any(row[name] for row in rows)]
    left = [name for name in told if name != "last line"]
    for name in DISPENSABLE:
        if name in left and sum(widths[one] + GAP for one in left) + LEAST_LINE > width:
            left.remove(name)
    spare = width - sum(widths[one] + GAP for one in left)
    if spare < LEAST_LINE:  # a name that begins the same as others is still worth more than half a line
        widths["task"] = max(12, widths["task"] + min(0, spare - LEAST_LINE))
        spare = width - sum(widths[one] + GAP for one in left)
    widths["last line"] = max(0, spare)
    for row in (titles, *rows):
        line = Text(no_wrap=True, overflow="crop")
        for name in (*left, "last line"):
            cell = row[name].copy()
            if name in ("time", "used"):
                cell.align("right", widths[name])
            cell.truncate(widths[name], overflow="ellipsis", pad=True)
            line.append_text(cell).append(" " * GAP)
        line.rstrip()
        line.truncate(width, overflow="ellipsis")
        yield line


def _headlines(
    outcome: FeatureOutcome, eta: Eta | None, width: int, active: Sequence[ActiveAgent] = ()
) -> Iterator[Text]:
    """How the run stands, in one line; in two, and without the bar, where that is too long."""
    done, tasks = outcome.count_landed, len(outcome.counted)
    landed, bar = f"{done}/{tasks} landed", _bar(done, tasks)
    used = spell_used(used_up(outcome, active))
    taken = spell_seconds(outcome.elapsed_seconds) + (f", {used}" if used else "")
    whole = _headline(outcome, f"{bar} {landed}", taken + _left(outcome, eta, spread=True))
    whole.append(f"  {one_line(outcome.run_id)}", style="dim")
    if whole.cell_len <= width:
        yield whole
        return
    for text in (_headline(outcome, landed, taken + _left(outcome, eta)), Text(one_line(outcome.run_id), style="dim")):
        text.truncate(width, overflow="ellipsis")
        yield text


def _headline(outcome: FeatureOutcome, landed: str, taken: str) -> Text:
    styles = {RunState.COMPLETED: "bold green", RunState.RUNNING: "bold blue", RunState.PARTIAL: "bold yellow"}
    text = Text(one_line(outcome.feature), style="bold")
    text.append(f"  {outcome.state.value}", style=styles.get(outcome.state, "bold red"))
    text.append(f"  {landed}", style="green")
    return text.append(f"  {taken}", style="dim")


def _bar(done: int, count: int, width: int = 16) -> str:
    full = width * done // max(1, count)
    return "━" * full + "╌" * (width - full)


def _left(outcome: FeatureOutcome, eta: Eta | None, *, spread: bool = False) -> str:
    """How long it may still take: as the forecast of the rest says, else at the pace so far."""
    unknown = outcome.paused_by is not None or outcome.rests  # nobody knows how long
    if outcome.state is not RunState.RUNNING or unknown:
        return ""
    progress = progress_of(outcome, (), datetime.now(UTC), eta=eta)
    if progress.eta:
        left = spell_left(progress.eta, outcome.asked, spread=spread)
    else:
        left = f"about {spell_roughly(progress.eta_seconds)} left" if progress.eta_seconds else ""
    return f", {left}" if left else ""


def _rest_lines(outcome: FeatureOutcome) -> Iterator[Text]:
    """The roles of a live run that start no agent now."""
    for rest in outcome.rests:
        yield Text(one_line(spell_rest(rest, datetime.now(UTC)), 400), style="bold yellow")


def _doubt_lines(outcome: FeatureOutcome, active: Sequence[ActiveAgent]) -> Iterator[Text]:
    """Agents of a live run that are silent for long, or take many times what was planned: three of them at most."""
    doubtful = [agent for agent in active if agent.is_doubtful] if outcome.state is RunState.RUNNING else []
    for agent in doubtful[:_DOUBTS_SHOWN]:
        yield Text(one_line(spell_doubt(agent), 400), style="yellow")
    if more := doubtful[_DOUBTS_SHOWN:]:
        yield Text(one_line(f"likewise {listed([agent.task for agent in more])}"), style="yellow")


def _asked_lines(outcome: FeatureOutcome) -> Iterator[Text]:
    """What a live run waits for that only a person can do, each with the command on a line of its own."""
    for asked in outcome.asked if outcome.state is RunState.RUNNING else ():
        waited = spell_seconds((datetime.now(UTC) - asked.asked_at).total_seconds())
        since = f"since {asked.asked_at.astimezone():%H:%M} ({waited})"
        said = f"waits {since} for a person to approve {asked_for(asked)}"
        yield Text("; ".join(filter(None, [said, held_by(asked)])), style="bold yellow")
        yield Text(f"  {answer_command(outcome.feature, asked)}", style="bold")


def _paused_line(outcome: FeatureOutcome) -> Text:
    by = f" by {one_line(outcome.paused_by, 100)}" if outcome.paused_by else ""
    said = f"paused{by}: nothing new starts until `plait resume {outcome.feature}`"
    return Text(said, style="bold yellow")


def _waits_of(outcome: FeatureOutcome) -> dict[str, str]:
    """By task, what it waits for while a person is asked."""
    if outcome.state is not RunState.RUNNING:
        return {}
    held = {task: f"waits until {asked.contract} is approved" for asked in outcome.asked for task in asked.holds}
    return held | {
        asked.owner: f"{'its work' if asked.is_work else asked.contract} waits for a person" for asked in outcome.asked
    }


def _batch_line(batch: BatchOutcome, *, goes_on: bool) -> Text:
    state = batch.state.value.replace("-", " ")
    named = state if state.endswith("landed") and state != "part landed" else f"{state}, landed"
    if batch.state is BatchState.READY_TO_LAND:
        named = f"{state}:"
    if goes_on and batch.started_at and not batch.ended_at:
        state += f" for {spell_seconds((datetime.now(UTC) - batch.started_at).total_seconds())}"
    text = Text().append(f"{one_line(batch.id)}: ", style="dim")
    text.append(f"{named} {one_line(', '.join(batch.landed), 10_000)}" if batch.landed else state)
    for one in batch.rejected:
        text.append(", ").append(one_line(refusal_words(one)), style="magenta")
    if batch.flaky:
        text.append(f", flaky {one_line(listed(batch.flaky), 300)}", style="yellow")
    if batch.commit:
        text.append(f"  {batch.commit[:10]}", style="dim")
    return text


def _say(task: TaskOutcome, lines: Mapping[str, str], agent: ActiveAgent | None) -> str:
    if task.reason:
        return next((part.strip() for part in task.reason.splitlines() if part.strip()), "")
    if task.state is not TaskState.RUNNING:
        return ""
    said = (agent.last_line if agent else "") or lines.get(task.id, "")
    return f"[{agent.tool}] {said}".rstrip() if agent and agent.tool else said


def _time(task: TaskOutcome) -> str:
    worked = worked_seconds(task, now=datetime.now(UTC))
    return "" if worked is None else spell_seconds(worked)
