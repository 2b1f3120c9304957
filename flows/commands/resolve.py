"""Mend a rejected branch yourself: work in a checkout that holds the conflict, and give back what you made."""

import json
import sys
from typing import Annotated

import typer

NAME = "resolve"
EXAMPLES = (
    "Examples: `plait resolve CART` (a shell in the checkout; leave it when you are done) · "
    "`plait resolve CART --no-shell`, work there, then `plait resolve CART --done` · `plait resolve CART --abort`\n\n"
    "Committing on the task's branch with your own git does the same. Exit codes: 0 done · 2 the call is wrong, or "
    "there is nothing to resolve"
)


def command(
    task: Annotated[str, typer.Argument(help="The task's id.", metavar="TASK", show_default=False)],
    run: Annotated[str | None, typer.Option(help="A run's id or feature; the live or newest run when absent.")] = None,
    done: Annotated[bool, typer.Option("--done", help="Take back what is in the checkout.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Delete the checkout; the branch stays as it is.")] = False,
    no_shell: Annotated[bool, typer.Option("--no-shell", help="Only make the checkout, and say where it is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Make the checkout, and say where it is as JSON.")] = False,
) -> None:
    """Put yourself into a checkout with the conflict; what you make of it counts as the task's repair."""
    from plait.flows.resolving import find_rejected, give_up, hand_out, open_shell, take_back, told
    from plait.plans.errors import CallError

    if done and abort:
        raise CallError("--done and --abort say opposite things")
    resolving = find_rejected(run, task, read=not abort)
    if (done or abort) and not resolving.exists:
        raise CallError(f"nothing of {task} has been handed out", hint=f"plait resolve {task}")
    if abort:
        give_up(resolving)
        typer.echo(f"{task}: the checkout is deleted, its branch is as it was")
        return
    if done:
        typer.echo(take_back(resolving))
        return
    resolving = resolving if resolving.exists else hand_out(resolving)
    if as_json:
        typer.echo(json.dumps(resolving.record(), indent=2))
        return
    typer.echo(told(resolving))
    if no_shell or not (sys.stdin.isatty() and sys.stdout.isatty()):
        typer.echo(f"when you are done: plait resolve {task} --done")
        return
    typer.echo("leave the shell when you are done (exit)")
    open_shell(resolving)
    if typer.confirm("Take it back as the repair?", default=True):
        typer.echo(take_back(resolving))
    else:
        typer.echo(f"it stays in {resolving.checkout.directory}: plait resolve {task} --done, or --abort")
