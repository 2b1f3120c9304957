"""Tell what the batches of a run did: the chain, each verification with its log, why branches were rejected."""

from typing import TYPE_CHECKING, Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.plans.tasks.outcomes import BatchOutcome

NAME = "batches"
EXAMPLES = (
    "Examples: `plait batches` · `plait batches 2` · `plait batches --run shopping-cart` · `plait batches 2 --json`\n\n"
    "Lines that begin with $ repeat what was seen, in a new folder; nothing of yours is touched."
)


def command(
    number: Annotated[
        str | None,
        typer.Argument(help="The number of a batch, such as 2 or batch-2; all when absent.", metavar="N"),
    ] = None,
    run: Annotated[str | None, typer.Option(help="A run's id or feature; the live or newest run when absent.")] = None,
    repo: RepositoryOfRun = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Tell what the batches of a run did."""
    from plait.flows.runs import KILLED, run_meant
    from plait.show.batch_story import batch_story

    known = run_meant(run, repository=repo)
    outcome = known.shown_outcome()
    batches = _chosen(outcome.batches, number)
    if json:
        from json import dumps

        from plait.show.outcome_json import batch_record

        told = [batch_record(batch) for batch in batches]
        typer.echo(dumps({"run_id": outcome.run_id, "feature": outcome.feature, "batches": told}, indent=2))
        return
    for batch in batches:
        for line in batch_story(batch):
            typer.echo(line)
    if outcome.reason == KILLED:
        typer.echo(f"run {known.run_id}: {KILLED}", err=True)
    if not batches:
        typer.echo(f"run {known.run_id} has made no batch yet", err=True)


def _chosen(batches: "tuple[BatchOutcome, ...]", number: str | None) -> "tuple[BatchOutcome, ...]":
    """All batches, or the one that is asked for.

    Raises:
        CallError: there is none of that number.
    """
    from plait.plans.errors import CallError
    from plait.plans.wording import listed, quoted

    if number is None:
        return batches
    name = f"batch-{number}" if number.isdecimal() else number
    chosen = tuple(batch for batch in batches if batch.id == name)
    if not chosen:
        there = listed([batch.id for batch in batches]) or "none yet"
        raise CallError(f"the run has no batch {quoted(number)}", hint=f"it has {there}")
    return chosen
