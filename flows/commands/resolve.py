"""Mend a rejected branch yourself: work in a checkout that holds the conflict, and give back what you made."""

import json
import sys
from typing import Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "resolve"
EXAMPLES = (
    "Examples: `plait resolve CART` (a shell in the checkout; leave it when you are done) · "
    "`plait resolve CART --no-shell`, work there, then `plait resolve CART --done` · `plait resolve CART --abort`\n\n"
    "Committing on the task's branch with your own git does the same. Exit codes: 0 done · 2 the call is wrong, or "
    "there is nothing to resolve"
)


def command(
    task: Annotated[str, typer.Argument(help="The task's id.", metavar="TASK", show_default=False)],
    run: Annotated[
        str | None, typer.Option(help="A run's id or feature; the live or newest run of this repository when absent.")
    ] = None,
    repo: RepositoryOfRun = None,
    done: Annotated[bool, typer.Option("--done", help="Take back what is in the checkout.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Delete the checkout; the branch stays as it is.")] = False,
    no_shell: Annotated[bool, typer.Option("--no-shell", help="Only make the checkout, and say where it is.")] = False,
    no_set_up: Annotated[
        bool, typer.Option("--no-set-up", help="Leave out the set-up commands that the task's own checkouts have.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is, or what became of it, as JSON.")] = False,
) -> None:
    """Put yourself into a checkout with the conflict; what you make of it counts as the task's repair."""
    from plait.flows import resolving as steps
    from plait.plans.errors import CallError

    if done and abort:
        raise CallError("--done and --abort say opposite things")
    find = steps.find_handed_out if abort else steps.find_rejected
    resolving = find(run, task, repository=repo)
    if (done or abort) and not resolving.exists:
        raise CallError(f"nothing of {task} has been handed out", hint=f"plait resolve {task}")
    name, branch = resolving.task.id, resolving.task.branch
    if abort:
        steps.give_up(resolving)
        said = f"{name}: the checkout is deleted, its branch is as it was"
        typer.echo(json.dumps({"task": name, "branch": branch, "commit": None}, indent=2) if as_json else said)
        return
    if done:
        commit = steps.take_back(resolving)
        record = {"task": name, "branch": branch, "commit": commit}
        typer.echo(json.dumps(record, indent=2) if as_json else steps.told_of_repair(resolving, commit))
        return
    resolving = resolving if resolving.exists else steps.hand_out(resolving, set_up=not no_set_up, tell=_tell)
    if as_json:
        typer.echo(json.dumps(resolving.record(), indent=2))
        return
    typer.echo(steps.told(resolving))
    if no_shell or not (sys.stdin.isatty() and sys.stdout.isatty()):
        typer.echo(f"when you are done: plait resolve {name} --done")
        return
    typer.echo("leave the shell when you are done (exit)")
    steps.open_shell(resolving)
    if typer.confirm("Take it back as the repair?", default=True):
        typer.echo(steps.told_of_repair(resolving, steps.take_back(resolving)))
    else:
        typer.echo(f"it stays in {resolving.checkout.directory}: plait resolve {name} --done, or --abort")


def _tell(text: str) -> None:
    typer.echo(text, err=True)
