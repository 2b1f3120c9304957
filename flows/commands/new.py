"""Write a first plan to fill in: a way to cut the work, or a workflow, commented and ready for `plait check`."""

import re
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

NAME = "new"
EXAMPLES = (
    "Examples: `plait new shopping-cart --slice vertical` · `plait new login-bug --workflow bugfix -o bug.yaml` · "
    "`plait new --slice component -o -`\n\n"
    "Exit codes: 0 written · 2 the call is wrong, or there is such a file"
)


class Slice(StrEnum):
    """Ways to cut a feature into tasks."""

    VERTICAL = "vertical"
    HORIZONTAL = "horizontal"
    COMPONENT = "component"
    ORDERED = "ordered"


class Workflow(StrEnum):
    """Ways that work goes."""

    FEATURE = "feature"
    BUGFIX = "bugfix"
    OPTIMIZATION = "optimization"


def command(
    name: Annotated[
        str | None,
        typer.Argument(help="The feature's name, such as shopping-cart.", metavar="NAME"),
    ] = None,
    cut: Annotated[
        Slice | None,
        typer.Option(
            "--slice",
            help="vertical (when nothing is said): thin pieces from top to bottom; horizontal: layers; "
            "component: parts with contracts between them; ordered: what everything rests on first.",
        ),
    ] = None,
    workflow: Annotated[
        Workflow | None,
        typer.Option(help="feature: from analysis to release; bugfix: time boxes; optimization: measured gains."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write; - for standard output.")] = Path(
        "plan.yaml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a plan to fill in."""
    from plait.plans.errors import CallError

    if cut and workflow:
        raise CallError("--slice and --workflow are two kinds of plan", hint="choose one of them")
    text = _filled_template((workflow or cut or Slice.VERTICAL).value, name)
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CallError(
            f"there is a file {output} already", hint="write another with -o FILE, or add --force"
        ) from None
    except OSError as problem:
        raise CallError(f"cannot write {output}: {problem.strerror}") from None
    typer.echo(
        f"wrote {output}: fill it in, then `plait check {output}`, `plait forecast {output}`, `plait run {output}`"
    )


def _filled_template(kind: str, name: str | None) -> str:
    """The text of a template, which passes `plait check` as it is, for a feature of this name.

    Raises:
        CallError: the name is not one for a feature.
    """
    from plait.plans.errors import CallError
    from plait.plans.names import check_slug

    text = files("plait.flows").joinpath("templates", f"{kind}.plan.yaml").read_text(encoding="utf-8")
    if name is None:
        return text
    try:
        return re.sub(r"^feature: .*$", f"feature: {check_slug(name)}", text, count=1, flags=re.MULTILINE)
    except ValueError as problem:
        raise CallError(f"a feature cannot be called so: {problem}", hint="such as shopping-cart") from None
