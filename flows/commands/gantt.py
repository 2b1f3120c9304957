"""Draw a plan's forecast or a run as a Gantt chart: in the terminal, or as an SVG or PNG file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from plait.show.pictures.svg import Theme

NAME = "gantt"
EXAMPLES = (
    "Examples: `plait gantt plan.yaml` · `plait gantt` (the newest run) · `plait gantt shopping-cart -o gantt.svg` · "
    "`plait gantt plan.yaml --crew backend=3 -o gantt.png --theme dark` · "
    "`plait gantt plan.yaml --format svg > gantt.svg`\n\n"
    "Exit codes: 0 shown or written · 2 the plan or the call is wrong · 3 the environment is"
)


class ChartFormat(StrEnum):
    """How a chart is written."""

    text = "text"
    svg = "svg"
    png = "png"


_ENDINGS = {".svg": ChartFormat.svg, ".png": ChartFormat.png, ".txt": ChartFormat.text}


def command(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="PLAN|RUN",
            help="A plan file, a folder of task specs, or - for standard input; or a run's id (or its beginning) "
            "or feature; the newest run when absent.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="A .svg, .png or .txt file; - is SVG on standard output.", metavar="FILE"),
    ] = None,
    form: Annotated[
        ChartFormat | None,
        typer.Option("--format", help="text when nothing is said; else as the file's name says."),
    ] = None,
    theme: Annotated[Theme, typer.Option(help="The page it is for; auto follows the reader's (a PNG is light).")] = (
        Theme.AUTO
    ),
    width: Annotated[
        int | None,
        typer.Option(help="Pixels, or columns of the text; 960, or the terminal's.", min=40, max=10_000),
    ] = None,
    by_role: Annotated[bool, typer.Option("--by-role", help="The tasks of each role together.")] = False,
    crew: Annotated[
        list[str] | None,
        typer.Option(help="For a plan: a crew file, or agents by role, such as backend=3.", metavar="FILE|ROLE=N,…"),
    ] = None,
    repo: Annotated[
        Path | None, typer.Option(help="The repository whose run is meant, or whose history corrects the estimates.")
    ] = None,
) -> None:
    """Draw a Gantt chart."""
    from plait.flows.picturing import chart_for
    from plait.flows.terminal.picture_files import format_of, write_png, write_text
    from plait.flows.terminal.printing import plain_text, show_lines, terminal_width
    from plait.show.pictures.cells import without_colour
    from plait.show.pictures.gantt_svg import draw_gantt
    from plait.show.pictures.svg import size_of
    from plait.show.pictures.text_gantt import text_gantt

    form = format_of(form, output, _ENDINGS, otherwise=ChartFormat.svg if output == "-" else ChartFormat.text)
    chart = chart_for(what, crew=crew or (), repository=repo, grouped=by_role)
    if form is ChartFormat.text:
        lines = text_gantt(chart, width=width or terminal_width())
        show_lines(lines) if output is None else write_text(output, plain_text([*map(without_colour, lines)]))
        return
    svg = draw_gantt(chart, width=max(400, width or 960), theme=theme)
    write_png(output or "-", svg, size=size_of(svg)) if form is ChartFormat.png else write_text(output or "-", svg)
