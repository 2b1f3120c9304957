"""What came of a run, told to people: Markdown for the page, plain lines for the terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from plait.advice.forecasts.forecast_record import Forecast
from plait.plans.tasks.base_standing import base_words
from plait.plans.tasks.edition_change import edition_words
from plait.plans.tasks.outcomes import BatchOutcome, ContractOutcome, FeatureOutcome, RunState, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.usage import Usage
from plait.plans.wording import (
    code_block,
    count,
    key_line,
    listed,
    markdown,
    one_line,
    spell_moment,
    spell_seconds,
    spell_share,
)
from plait.show.base_lines import base_lines
from plait.show.batch_story import batch_story, weakened_words
from plait.show.failure_causes import FailureCause, advice_for, cause_of
from plait.show.insight import insights
from plait.show.metrics import Metrics, readings, worked_seconds
from plait.show.next_steps import logs_command, next_commands
from plait.show.settlements import SETTLED_COLUMNS, proposal, settled_rows
from plait.show.unlanded import Incident, UnlandedTask, headline, repaired, unlanded

_STATES = {
    RunState.RUNNING: "is still running",
    RunState.COMPLETED: "has landed completely",
    RunState.PARTIAL: "has landed in part",
    RunState.FAILED: "has not landed",
    RunState.CANCELLED: "was cancelled",
}


def report_markdown(
    outcome: FeatureOutcome,
    *,
    metrics: Metrics,
    gantt_uri: str | None = None,
    logs_hint: str = "",
    forecast: Forecast | None = None,
) -> str:
    """GitHub-flavoured Markdown without HTML; whatever ids, reasons and output say, it stays text.

    `gantt_uri`: a `data:` address of the chart; `logs_hint`: a plain sentence that says where the logs are; `forecast`:
    what was expected of the run.
    """
    sections = [
        _opening(outcome),
        _section("What did not land, and why", [_not_landed(missing) for missing in unlanded(outcome)]),
        _section("Repaired on the way", [_incident(incident) for incident in repaired(outcome)]),
        _section("What persons told agents", [f"- {markdown(words, 500)}" for words in _notes(outcome)]),
        _section("Tests that ask for less than before", [f"- {markdown(words, 500)}" for words in _weakened(outcome)]),
        _section("Tasks", _plain_table(_TASK_COLUMNS, map(_task, outcome.singly().tasks))),
        _section("Batches", _plain_table(_BATCH_COLUMNS, map(_batch, outcome.batches)) if outcome.batches else []),
        _section("Verification", _stage_table(outcome.batches)),
        _section("What the batches did", [line for batch in outcome.batches for line in _story(batch)]),
        _section(
            "Conflicts that were settled without an agent",
            _plain_table(SETTLED_COLUMNS, settled) if (settled := settled_rows(outcome)) else [],
        ),
        _section(
            "Contracts", _plain_table(_CONTRACT_COLUMNS, map(_contract, outcome.contracts)) if outcome.contracts else []
        ),
        _section("Reviews", _plain_table(_REVIEW_COLUMNS, reviews) if (reviews := list(_reviews(outcome))) else []),
        _section("Schedule", [f"![What ran when]({gantt_uri})"] if gantt_uri else []),
        _section(
            "What could be better",
            [
                f"- {markdown(sentence, 500)}"
                for sentence in (*insights(outcome, metrics, forecast), *proposal(outcome))
            ],
        ),
        _section("Figures", _plain_table(("figure", "value", "reading"), figures(metrics))),
        _section("Work that failed tries left behind", [f"- {markdown(branch)}" for branch in outcome.salvage]),
        _section("In the plan, but not carried out by this version", [f"- {markdown(k)}" for k in outcome.unsupported]),
        _section("What next", _what_next(outcome, logs_hint)),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def report_text(
    outcome: FeatureOutcome, metrics: Metrics, forecast: Forecast | None = None, *, repository: str = ""
) -> list[str]:
    """Plain lines without colour, markup or control characters.

    `repository`: its path, where the reader stands somewhere else.
    """
    lines = [f"{one_line(outcome.feature)} {_STATES[outcome.state]}: {headline(outcome)}"]
    lines += _because(outcome.reason or "")
    lines += [f"  {one_line(base, 500)}" for base in filter(None, [base_words(outcome.base)])]
    lines += [f"  {line}" for line in base_lines(outcome.brought)] if outcome.brought else []
    lines += [f"  {one_line(change, 500)}" for change in filter(None, [edition_words(outcome.edition)])]
    settled = settled_rows(outcome)
    for missing in unlanded(outcome):
        told = key_line(missing.reason)
        lines.append("  " + one_line(f"{missing.task} {missing.what}{f': {told}' if told else ''}", 500))
        lines += _evidence_lines(missing.reason)
        for incident in missing.incidents:
            lines += [f"    {_plain(incident)}", *_evidence_lines(incident.reason)]
        lines += _looking_closer(missing, outcome, repository)
    lines += [f"  repaired: {_plain(incident)}" for incident in repaired(outcome)]
    lines += [f"  told: {one_line(words, 500)}" for words in _notes(outcome)]
    lines += [f"  flaky: {one_line(check, 500)} was red and green on the same tree" for check in _flaky(outcome)]
    lines += [f"  tests ask for less: {one_line(words, 500)}" for words in _weakened(outcome)]
    lines += [f"  settled: {one_line(f'{path} ({by}) for {task} in {batch}')}" for batch, task, path, by in settled]
    lines += [f"  left behind by a failed try: {one_line(branch)}" for branch in outcome.salvage]
    lines += [f"  {one_line(sentence)}" for sentence in told_contracts(outcome)]
    lines += [f"  reviewed: {' · '.join(row[:3])}, sent back {row[3]} times" for row in _reviews(outcome)]
    lines += _figures_lines(metrics)
    better = (*insights(outcome, metrics, forecast), *proposal(outcome))
    lines += [f"  {one_line(sentence, 500)}" for sentence in better]
    # Of each task its own line names the log.
    commands = [command for command in next_commands(outcome, repository=repository) if _LOGS not in command]
    return lines + ["next:"] * bool(commands) + [f"  {command}" for command in commands]


def _because(reason: str) -> list[str]:
    """Why a run did not end well: a sentence, and what it quotes below it."""
    first, *quoted = [line for line in reason.splitlines() if line.strip()] or [""]
    return [one_line(first, 500), *(f"  {one_line(line, 200)}" for line in quoted[-_QUOTED:])] if first else []


def _notes(outcome: FeatureOutcome) -> list[str]:
    return [f"{note.task}, by {note.by}: {note.text}" for note in outcome.notes]


_LOGS = "plait logs "
_LAST_LINES = 8
"""Of what a check printed, in the terminal: the page shows more, and `plait logs` all."""


def _evidence_lines(reason: str) -> list[str]:
    """The last lines of what stands below a reason: what a check or an agent printed."""
    first, *printed = [line.rstrip() for line in reason.strip().splitlines() if line.strip()] or [""]
    if not printed or (key_line(reason) == f"{first} {printed[0].strip()}" and len(printed) == 1):
        return []  # the reason itself says it
    return [f"    │ {' ' * _indent(line)}{one_line(line, 300)}" for line in printed[-_LAST_LINES:]]


def _indent(line: str) -> int:
    return min(len(line) - len(line.lstrip(" ")), 16)


def _looking_closer(missing: UnlandedTask, outcome: FeatureOutcome, repository: str) -> list[str]:
    """What helps against it, and the one command that shows all of it; for what has worked or been rejected."""
    task = next(task for task in outcome.tasks if task.id == missing.task)
    if not task.tries or task.state not in (TaskState.FAILED, TaskState.HELD):
        return []
    cause = cause_of(task.reason)
    helps = f"{advice_for(cause)}; " if task.state is TaskState.FAILED and cause is not FailureCause.UNKNOWN else ""
    return [f"    {helps}all of it: {logs_command(task.id, repository)}"]


def _weakened(outcome: FeatureOutcome) -> list[str]:
    """What landed although its tests ask for less: nobody was refused for it, and somebody should look."""
    found = [weakened_words(finding) for batch in outcome.batches for finding in batch.weakened]
    more = len(found) - _STORY_ITEMS
    return [*found[:_STORY_ITEMS], f"and {more} more: see plait batches"] if more > 0 else found


_QUOTED = 14
"""Lines of what a reason quotes."""
_BOUND = "lower bound of actual times"
"""The forecast has one of the times that were expected."""


def figures(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Name, value and reading of each figure worth showing; plain text."""
    verdicts = {reading.figure: f"{reading.verdict}: {reading.sentence}" for reading in readings(metrics)}
    conflicts = (
        f"{metrics.conflicts} ({spell_share(metrics.conflict_rate)} of {count(metrics.branches, 'branch', 'branches')})"
    )
    return [
        ("elapsed", spell_seconds(metrics.elapsed_seconds), ""),
        (_BOUND, _bound(metrics), verdicts.get("bound", "")),
        ("work", spell_seconds(metrics.work_seconds), "what one agent alone would have taken"),
        ("time saved", spell_seconds(metrics.saved_seconds), "work − elapsed"),
        *_waited(metrics),
        ("speed-up", _times(metrics.speed_up), "work / elapsed"),
        ("efficiency", spell_share(metrics.efficiency), f"of {count(metrics.agents, 'agent')}"),
        ("ran beside another", spell_share(metrics.beside_share), verdicts.get("beside", "")),
        ("busiest role", _busiest(metrics), ""),
        ("verifications", str(metrics.verifications), ""),
        ("conflicts", conflicts, verdicts.get("conflicts", "")),
        ("tries", f"{metrics.tries}, {metrics.failed_tries} failed", ""),
        *([("used up", _used_up(metrics.usage), "as its agents told")] if metrics.usage else []),
        *_used_by("role", metrics.usage_by_role),
        *_used_by("model", metrics.usage_by_model),
    ]


def _used_by(what: str, used: Mapping[str, Usage]) -> list[tuple[str, str, str]]:
    """A row for each role or model; none where there is but one, as that is the whole."""
    if len(used) < 2:
        return []
    return [(f"used up by {name or f'no named {what}'}", _used_up(usage), "") for name, usage in used.items()]


def _used_up(usage: Usage) -> str:
    """`at least 12,000 input tokens (9,000 cached), 800 output tokens, 7 turns, $0.31`."""
    cached = f" ({usage.cached_input_tokens:,} cached)" if usage.cached_input_tokens else ""
    known = [
        *([f"{usage.input_tokens:,} input tokens{cached}"] if usage.input_tokens is not None else []),
        *([f"{usage.output_tokens:,} output tokens"] if usage.output_tokens is not None else []),
        *([count(usage.turns, "turn")] if usage.turns is not None else []),
        *([f"${usage.usd:,.2f}"] if usage.usd is not None else []),
    ]
    return ("" if usage.exact else "at least ") + (", ".join(known) or "something, nobody says how much")


def _what_next(outcome: FeatureOutcome, logs_hint: str) -> list[str]:
    commands = next_commands(outcome)
    return [code_block(commands)] * bool(commands) + [f"\n{markdown(logs_hint)}"] * bool(logs_hint)


def _opening(outcome: FeatureOutcome) -> str:
    ended = f"ended {spell_moment(outcome.ended_at)}" if outcome.ended_at else "not ended"
    at = f" at {markdown(outcome.commit[:12])}" if outcome.commit else ""
    flaky = _flaky(outcome)
    unverified = tuple(batch.id for batch in outcome.batches if batch.landed and not batch.verified)
    known = tuple(dict.fromkeys(red for batch in outcome.batches for red in batch.red_on_base))
    lines = [
        f"# {markdown(outcome.feature)} {_STATES[outcome.state]}: {headline(outcome)}",
        f"Branch **{markdown(outcome.branch)}**{at}. Run {markdown(outcome.run_id)}, "
        f"started {spell_moment(outcome.started_at)}, {ended}.",
        *([f"Because: {markdown(outcome.reason, 1000)}"] if outcome.reason else []),
        *([f"**Base**: {markdown(base, 500)}."] if (base := base_words(outcome.base)) else []),
        *([f"**Changed** {markdown(change, 2000)}."] if (change := edition_words(outcome.edition)) else []),
        *([markdown(line.strip(), 1000) for line in base_lines(outcome.brought)] if outcome.brought else []),
        *([f"**Unverified**: {markdown(listed(unverified))} landed without any check."] if unverified else []),
        *([f"**Red on base as well**, so it did not count: {markdown(listed(known))}."] if known else []),
        *([f"**Flaky**: {markdown(listed(flaky))} was red and green on the same tree; see Batches."] if flaky else []),
    ]
    return "\n\n".join(lines)


def _flaky(outcome: FeatureOutcome) -> tuple[str, ...]:
    """The checks that were red and green on one tree, each once."""
    return tuple(dict.fromkeys(command for batch in outcome.batches for command in batch.flaky))


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(lines) if lines else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; cells are Markdown already."""
    cells = [columns, ["---"] * len(columns), *([cell or " " for cell in row] for row in rows)]
    return [f"| {' | '.join(row)} |" for row in cells]


def _plain_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The same of cells that may say anything, and stay text."""
    return table(columns, (tuple(map(markdown, row)) for row in rows))


def _not_landed(missing: UnlandedTask) -> str:
    told = key_line(missing.reason)
    reason = f": {markdown(told, 1000)}" if told else ""
    lines = [f"- **{markdown(missing.task)}** {missing.what}{reason}"]
    if "\n" in missing.reason.strip():
        lines.append(_quoted(missing.reason, indent="  "))
    return "\n".join([*lines, *(f"  {_incident(no, indent='    ')}" for no in missing.incidents)])


def _incident(no: Incident, indent: str = "  ") -> str:
    evidence = f"\n{_quoted(no.reason, indent=indent)}" if "\n" in no.reason.strip() else ""
    return f"- {markdown(_plain(no), 2000)}{evidence}"


def _quoted(text: str, *, indent: str) -> str:
    """Evidence as it was printed, below its list item: the end of it, where tests say what failed."""
    lines = text.strip().splitlines()
    shown = ["…", *lines[-_EVIDENCE_LINES:]] if len(lines) > _EVIDENCE_LINES else lines
    return "\n".join(indent + line for line in ["", *code_block(shown).splitlines()])


_EVIDENCE_LINES = 25


def _plain(no: Incident) -> str:
    """One rejection as one line: who, what, where, and what came of it."""
    files = f" in {listed(no.files)}" if no.files else ""
    reason = no.reason.strip()
    because = f" ({reason})" if reason and "\n" not in reason else ""
    return one_line(f"{no.batch} rejected {no.task} ({no.kind}): it {no.what}{files}{because}. {no.next}", 1500)


_TASK_COLUMNS = ("task", "role", "state", "agent", "tries", "time", "commit")


def _task(task: TaskOutcome) -> tuple[str, ...]:
    worked = worked_seconds(task)
    return (
        f"{task.id} (in {task.bundle})" if task.bundle else task.id,
        task.role,
        task.state.value,
        task.agent or "–",
        str(task.tries),
        "–" if worked is None else spell_seconds(worked),
        (task.commit or "–")[:9],
    )


_BATCH_COLUMNS = ("batch", "state", "landed", "rejected", "held", "verifications", "time", "commit")


def _batch(batch: BatchOutcome) -> tuple[str, ...]:
    seconds = (batch.ended_at - batch.started_at).total_seconds() if batch.started_at and batch.ended_at else None
    return (
        batch.id,
        batch.state.value
        + (f": {listed(batch.ready)}" if batch.ready else "")
        + ("" if batch.verified else ", unverified")
        + (", no new failures" if batch.red_on_base else ""),
        "none yet" if batch.ready else listed(batch.landed) or "–",
        listed(tuple(f"{no.task} ({no.kind})" for no in batch.rejected)) or "–",
        listed((*(f"{held.task} (by {held.by})" for held in batch.held), *(f"{a} (flaky)" for a in batch.acquitted)))
        or "–",
        str(batch.verifications),
        "–" if seconds is None else spell_seconds(seconds),
        (batch.commit or "–")[:9],
    )


_STAGE_COLUMNS = ("batch", "stage", "verdict", "time", "failed", "log")


def _stage_table(batches: Sequence[BatchOutcome]) -> list[str]:
    """The stages of each batch, where they have names or something failed; plain commands that passed say nothing."""
    worth = [batch for batch in batches if any(stage.name or stage.verdict != "green" for stage in batch.stages)]
    rows = (
        (
            batch.id,
            stage.name or one_line(stage.command, 60),
            stage.verdict,
            spell_seconds(stage.seconds) if stage.log else "–",
            listed(stage.failing) or "–",
            stage.log or "–",
        )
        for batch in worth
        for stage in batch.stages
    )
    return _plain_table(_STAGE_COLUMNS, rows) if worth else []


_STORY_ITEMS = 40


def _story(batch: BatchOutcome) -> Iterator[str]:
    """A batch as a list, commands below the item that they belong to; `plait batches` tells what has no room."""
    if not (batch.trees or batch.chain):
        return
    first, *lines = batch_story(batch)
    yield f"- {markdown(first, 1000)}"
    items = [place for place, line in enumerate(lines) if not line.startswith("    ")]
    for number, (place, end) in enumerate(zip(items, [*items[1:], len(lines)], strict=True)):
        if number == _STORY_ITEMS:
            yield f"  - and {len(items) - number} more: see `plait batches`"
            return
        yield f"  - {markdown(lines[place].strip(), 1000)}"
        if commands := [line[6:] for line in lines[place + 1 : end]]:
            yield "\n".join("    " + row for row in ["", *code_block(commands).splitlines()])


_REVIEW_COLUMNS = ("task", "state", "score", "sent back", "found last")


def _reviews(outcome: FeatureOutcome) -> Iterator[tuple[str, ...]]:
    for task in outcome.tasks:
        review = task.review
        if review is None:
            continue
        by = review.person or review.by if review.state == "approved" else review.reviewer
        state = f"{review.state} by {by}" if review.state in ("approved", "reading") else review.state
        score = "–" if review.score is None else f"{review.score:g} of 10"
        yield task.id, state, score, str(review.sent_back), one_line(review.findings, 200) or "–"


_CONTRACT_COLUMNS = ("contract", "version", "status", "by", "written by", "commit", "done again for it")


def _contract(contract: ContractOutcome) -> tuple[str, ...]:
    owner, commit = contract.owner or "on base", (contract.commit or "–")[:9]
    return (
        contract.id,
        str(contract.version),
        contract.status,
        contract.by or "–",
        owner,
        commit,
        listed(contract.redone) or "–",
    )


def told_contracts(outcome: FeatureOutcome) -> list[str]:
    """A sentence on each contract that a person has to look at, or that made others work again; not escaped."""
    sentences = []
    asked = {approval.contract for approval in outcome.asked}
    """Of these the task and the next commands tell."""
    for contract in outcome.contracts:
        if contract.status == "waiting" and contract.id not in asked:
            sentences.append(
                f"waits for a person: plait approve {outcome.feature} {contract.id} (written by {contract.owner})"
            )
        if contract.redone:
            sentences.append(
                f"{contract.id} became version {contract.version}: {listed(contract.redone)} did their work again"
            )
    return sentences


def _figures_lines(metrics: Metrics) -> list[str]:
    """The figures in a line, and one for each that can be called good or poor."""
    if not metrics.tasks_run:
        return ["no agent had anything to do" if metrics.verifications else "nothing was left to do, or could start"]
    parts = [
        f"{spell_seconds(metrics.elapsed_seconds)} elapsed for {spell_seconds(metrics.work_seconds)} of work by "
        f"{count(metrics.agents, 'agent')}: speed-up {_times(metrics.speed_up)}",
        f"efficiency {spell_share(metrics.efficiency)}",
        *([f"{spell_seconds(metrics.saved_seconds)} saved"] if metrics.saved_seconds > 0 else []),
        count(metrics.verifications, "verification"),
        count(metrics.conflicts, "conflict"),
        *(f"{value} {name}" for name, value, _ in _waited(metrics)),
    ]
    read = {figure: (value, reading) for figure, value, reading in figures(metrics)}
    wanted = (_BOUND, "ran beside another", "conflicts", "used up")
    named = [figure for figure in wanted if figure in read and read[figure][1]]
    return [", ".join(parts), *(f"  {figure} {read[figure][0]}, {read[figure][1]}" for figure in named)]


def _waited(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Nothing where neither a person nor an account was waited for."""
    waits = (("waiting for approval", metrics.approval_seconds), ("waiting for an account", metrics.account_seconds))
    return [(name, spell_seconds(seconds), "nothing else went on") for name, seconds in waits if seconds]


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


def _bound(metrics: Metrics) -> str:
    if metrics.bound_ratio is None:
        return "–"
    return f"{spell_seconds(metrics.bound_seconds)} (it took {metrics.bound_ratio:.2f} times that)"


def _busiest(metrics: Metrics) -> str:
    return f"{metrics.busiest_role} ({spell_share(metrics.busiest_share)})" if metrics.busiest_role else "–"
