"""Show what needs what in a plan: as a list by level, or as Mermaid, DOT, JSON or an SVG or PNG picture."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun
from plait.show.pictures.svg import Theme

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.show.pictures.plan_graph import PlanGraph

NAME = "graph"
EXAMPLES = (
    "Examples: `plait graph plan.yaml` · `plait graph plan.yaml --format mermaid` · "
    "`plait graph plan.yaml -o graph.svg` · `plait graph shopping-cart` (a run) · "
    "`plait graph plan.yaml --format dot | dot -Tpdf > graph.pdf`\n\n"
    "Exit codes: 0 shown or written · 2 the plan or the call is wrong · 3 the environment is"
)


class GraphFormat(StrEnum):
    """How a graph is written."""

    text = "text"
    mermaid = "mermaid"
    dot = "dot"
    svg = "svg"
    png = "png"
    json = "json"


_ENDINGS = {
    ".svg": GraphFormat.svg,
    ".png": GraphFormat.png,
    ".dot": GraphFormat.dot,
    ".gv": GraphFormat.dot,
    ".mmd": GraphFormat.mermaid,
    ".json": GraphFormat.json,
    ".txt": GraphFormat.text,
}


def command(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="PLAN|RUN",
            help="A plan file, a folder of task specs, or - for standard input; or a run's id (or its beginning) "
            "or feature; the newest run when absent.",
        ),
    ] = None,
    form: Annotated[
        GraphFormat | None,
        typer.Option(
            "--format",
            help="text (when nothing is said), mermaid, dot, svg, png or json; else as the file's name says.",
            metavar="FORMAT",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", help="A file: .svg, .png, .dot, .mmd, .json, .txt; - is standard output.", metavar="FILE"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as `--format json`.")] = False,
    every: Annotated[bool, typer.Option("--all-needs", help="Also those that other needs imply.")] = False,
    theme: Annotated[Theme, typer.Option(help="The page it is for; auto follows the reader's (a PNG is light).")] = (
        Theme.AUTO
    ),
    crew: Annotated[Path | None, typer.Option(help="A crew file; the plan's own crew goes over it.")] = None,
    repo: RepositoryOfRun = None,
) -> None:
    """Show the tasks of a plan and what they need."""
    from plait.flows.picturing import graph_for
    from plait.flows.terminal.picture_files import format_of
    from plait.flows.terminal.printing import show_lines, terminal_width
    from plait.show.pictures.graph_text import graph_lines

    form = format_of(_wanted(form, json=json), output, _ENDINGS, otherwise=GraphFormat.text)
    whole = graph_for(what, crew=crew, repository=repo)
    graph = whole if every else whole.reduced()
    if form is GraphFormat.text and output is None:
        show_lines(graph_lines(graph, width=terminal_width()))
    else:
        _write(graph, form, output or "-", theme)


def _wanted(form: GraphFormat | None, *, json: bool) -> GraphFormat | None:
    from plait.plans.errors import CallError

    if json and form not in (None, GraphFormat.json):
        raise CallError(f"--json and --format {form} are two formats")
    return GraphFormat.json if json else form


def _write(graph: "PlanGraph", form: GraphFormat, output: str, theme: Theme) -> None:
    from plait.flows.terminal.picture_files import write_png, write_text
    from plait.flows.terminal.printing import plain_text
    from plait.show.pictures.graph_svg import draw_graph
    from plait.show.pictures.graph_text import graph_data, graph_dot, graph_lines, graph_mermaid
    from plait.show.pictures.svg import size_of

    if form in (GraphFormat.svg, GraphFormat.png):
        svg = draw_graph(graph, theme=theme)
        write_png(output, svg, size=size_of(svg)) if form is GraphFormat.png else write_text(output, svg)
    elif form is GraphFormat.text:
        write_text(output, plain_text(graph_lines(graph, width=100)))
    else:
        write = {GraphFormat.mermaid: graph_mermaid, GraphFormat.dot: graph_dot, GraphFormat.json: graph_data}[form]
        write_text(output, write(graph))
