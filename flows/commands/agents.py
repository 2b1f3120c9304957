"""Show how agents have fared over all runs: success, time, tries, conflicts, reviews, tokens and cost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from plait.plans.tasks.task_records import AgentFigures, By

NAME = "agents"
EXAMPLES = (
    "Examples: `plait agents` · `plait agents --by model` · `plait agents --since 30d` · "
    "`plait agents --all --since 2026-11-01 --json`"
)
_WAYS = ("role", "backend", "model")


def command(
    by: Annotated[str, typer.Option(help="What they are told apart by: role, backend or model.")] = "role",
    since: Annotated[
        str | None,
        typer.Option(
            help="Only runs since then: a date such as 2026-11-01, or how long ago, such as 30d.", show_default=False
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Of all repositories.")] = False,
    repo: Annotated[
        Path | None,
        typer.Option(help="A directory in the repository; here when absent.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Compare agents by what they did."""
    from plait.flows.past_durations import task_records_of
    from plait.plans.errors import CallError
    from plait.plans.tasks.task_records import figures_by
    from plait.plans.wording import near_match, quoted

    if by not in _WAYS:
        hint = near_match(by, _WAYS) or "role, backend or model"
        raise CallError(f"agents cannot be told apart by {quoted(by)}", hint=hint)
    if every and repo:
        raise CallError("--all and --repo say opposite things")
    from_then = _moment(since) if since is not None else 0.0
    way: By = by  # type: ignore[assignment]  # it is one of them
    rows = figures_by(task_records_of(None if every else repo or Path(), since=int(from_then * 1000)), way)
    if json:
        from dataclasses import asdict
        from json import dumps

        typer.echo(dumps({"by": by, "agents": [_rounded(asdict(row)) for row in rows]}, indent=2))
    elif rows:
        _show(rows, by=by)
    else:
        where = "" if every or repo else " where you stand (`plait agents --all`: of all repositories)"
        typer.echo(f"no agent has worked{' since then' if since else ''}{where}", err=True)


def _moment(text: str) -> float:
    """Seconds since the epoch.

    Raises:
        CallError: it is neither a date nor a duration.
    """
    import time
    from datetime import datetime

    from plait.plans.errors import CallError
    from plait.plans.language.durations import parse_duration
    from plait.plans.wording import quoted

    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    try:
        return max(0.0, time.time() - parse_duration(text))
    except ValueError:
        hint = "a date such as 2026-11-01, or how long ago, such as 30d"
        raise CallError(f"--since {quoted(text)} is no time", hint=hint) from None


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in record.items()}


def _show(rows: "tuple[AgentFigures, ...]", *, by: str) -> None:
    from plait.flows.terminal.printing import show_lines, terminal_width
    from plait.flows.terminal.text_layout import Column, table_lines
    from plait.show.pictures.cells import Piece

    columns = [Column(by), Column("tasks", right=True), Column("success", right=True)]
    columns += [Column("time / estimate", right=True, spare=2), Column("tries", right=True, spare=3)]
    columns += [Column("conflicts", right=True, spare=4), Column("review", right=True, spare=5)]
    columns += [
        Column("tokens", right=True, spare=1),
        Column("cost", right=True),
        Column("a task", right=True, spare=1),
    ]
    lines = [tuple((Piece(cell),) for cell in _cells(row)) for row in rows]
    show_lines(table_lines(columns, lines, width=terminal_width()))


def _cells(row: "AgentFigures") -> tuple[str, ...]:
    from plait.plans.wording import one_line, spell_share
    from plait.show.progress import short_number

    about = "" if row.is_exact else "≥ "
    return (
        one_line(row.name, 60) or "(not told)",
        str(row.tasks),
        "–" if row.success is None else spell_share(row.success),
        "–" if row.times_estimate is None else f"{row.times_estimate:.2f}×",
        "–" if row.tries is None else f"{row.tries:.1f}",
        str(row.conflicts),
        "–" if row.score is None else f"{row.score:.1f}",
        "–" if row.tokens is None else about + short_number(row.tokens),
        "–" if row.usd is None else f"{about}${row.usd:,.2f}",
        "–" if row.usd_each is None else f"${row.usd_each:,.2f}",
    )
