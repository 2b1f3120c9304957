"""`plait gantt` and `plait graph` as processes: from a plan, from a run, to a terminal, a pipe and files."""

import os
import pty
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from rich.cells import cell_len

from plait.advice.forecasts.forecast_record import forecast_json
from plait.flows.recording.run_files import this_run, write_run_file
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.show.pictures.chart import chart_of
from plait.show.pictures.gantt_svg import draw_gantt
from plait.show.pictures.plan_graph import Node, PlanGraph, graph_json
from plait.show.pictures.svg import Theme
from tests.acceptance.conftest import WritePlan
from tests.support.command import PLAIT, plait
from tests.support.forecasts import CART, a_forecast, a_run, many_jobs, slots_of
from tests.support.repositories import make_repository

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
KEEP = "KEEP_PICTURES"
"""Set by `make pictures`."""

CART_PLAN = """
    feature: cart
    goal: Shoppers fill a cart.
    tasks:
      - {id: MODEL, title: "A \\"model\\"; <b>", role: architect, duration: 2h, prompt: Describe it.}
      - {id: API, role: backend, duration: 6h, needs: [MODEL], prompt: Build it.}
      - {id: PAGE, role: frontend, duration: {optimistic: 3h, likely: 5h, pessimistic: 9h}, needs: [MODEL], prompt: Do.}
      - {id: CHECK, role: qa, duration: 2h, needs: [API, PAGE, MODEL], run: make test}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    return {"PLAIT_HOME": str(home), "COLUMNS": "90"}


def a_run_in(home: Path, *, kept: bool = True) -> FeatureOutcome:
    """The folder that a run of the cart has left."""
    outcome, folder = a_run(), home / "runs" / "run-0001"
    make_repository(home.parent / "shop")
    folder.mkdir(parents=True)
    write_run_file(
        folder,
        this_run(
            "run-0001",
            "shopping-cart",
            str(home.parent / "shop" / ".git"),
            flow_run=None,
            deployed=False,
            plan="p.yaml",
        ),
    )
    (folder / "outcome.json").write_text(outcome.model_dump_json(), encoding="utf-8")
    if kept:
        nodes = tuple(Node(job.id, job.role, job.seconds, job.needs) for job in CART)
        (folder / "forecast.json").write_text(forecast_json(a_forecast()), encoding="utf-8")
        (folder / "graph.json").write_text(graph_json(PlanGraph("shopping-cart", nodes)), encoding="utf-8")
    return outcome


def test_a_plan_is_drawn_in_text_when_piped(write_plan: WritePlan, tmp_path: Path, env: dict[str, str]) -> None:
    ended = plait("gantt", str(write_plan(CART_PLAN)), cwd=tmp_path, env=env)

    assert ended.status == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert "\x1b" not in ended.stdout
    assert max(map(cell_len, lines)) <= 90
    assert lines[1].startswith("forecast 10 h 0")
    assert [line.split()[:2] for line in lines[3:5]] == [["●", "MODEL"], ["PAGE", "frontend"]]
    assert "█" in lines[3]


def test_a_graph_counts_information_as_the_forecast_does(
    write_plan: WritePlan, tmp_path: Path, env: dict[str, str]
) -> None:
    plan = str(
        write_plan(
            """
            feature: x
            goal: Read what others wrote.
            tasks:
              - {id: A, run: a, duration: 2h}
              - {id: B, run: b, duration: 3h}
              - {id: C, role: qa, prompt: Do., duration: 4h, needs: [{task: A, kind: information}]}
            """
        )
    )

    drawn, expected = (
        plait(*arguments, cwd=tmp_path, env=env).data
        for arguments in (("graph", plan, "--json"), ("forecast", plan, "--json"))
    )

    assert drawn["critical_path"] == expected["critical_path"] == ["A", "C"]
    assert [task["level"] for task in drawn["tasks"]] == [1, 1, 2]


def test_where_there_is_only_ascii_the_chart_is_ascii(
    write_plan: WritePlan, tmp_path: Path, env: dict[str, str]
) -> None:
    for command in ("gantt", "graph"):
        ended = plait(command, str(write_plan(CART_PLAN)), cwd=tmp_path, env={**env, "PYTHONIOENCODING": "ascii"})

        assert ended.status == 0, ended.stderr
        assert ended.stdout.isascii()
        assert "* MODEL" in ended.stdout


@pytest.mark.parametrize("columns", [80, 140])
def test_on_a_terminal_it_is_coloured_and_fits(
    columns: int, write_plan: WritePlan, tmp_path: Path, env: dict[str, str]
) -> None:
    ours, theirs = pty.openpty()
    size = {**env, "COLUMNS": str(columns), "TERM": "xterm-256color", "NO_COLOR": ""}
    program = [str(PLAIT), "gantt", str(write_plan(CART_PLAN))]
    with subprocess.Popen(program, stdout=theirs, cwd=tmp_path, env={**os.environ, **size}) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                said += os.read(ours, 65536)
            except OSError:  # Linux's end of a terminal
                break
    os.close(ours)

    assert process.returncode == 0
    text = said.decode()
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert max(map(cell_len, plain)) <= columns
    assert any("● API" in line for line in plain)


def test_a_pipe_gets_colours_when_they_are_forced(write_plan: WritePlan, tmp_path: Path, env: dict[str, str]) -> None:
    plan = str(write_plan(CART_PLAN))

    plain, forced, none = (
        plait("gantt", plan, cwd=tmp_path, env={**env, **more}).stdout
        for more in ({}, {"FORCE_COLOR": "1", "NO_COLOR": ""}, {"FORCE_COLOR": "1", "NO_COLOR": "1"})
    )

    assert "\x1b[" in forced
    assert re.sub(r"\x1b\[[0-9;]*m", "", forced).split() == plain.split()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", none), "bold is no colour"


def test_a_width_that_is_asked_for_is_kept_to(write_plan: WritePlan, tmp_path: Path, env: dict[str, str]) -> None:
    ended = plait("gantt", str(write_plan(CART_PLAN)), "--width", "150", cwd=tmp_path, env=env)

    assert 140 < max(map(cell_len, ended.stdout.splitlines())) <= 150


def test_pictures_go_into_pipes_too(write_plan: WritePlan, tmp_path: Path, env: dict[str, str]) -> None:
    plan = str(write_plan(CART_PLAN))
    for command in ("gantt", "graph"):
        for form, begin in (("svg", b"<svg "), ("png", b"\x89PNG\r\n\x1a\n")):
            program = [str(PLAIT), command, plan, "--format", form]
            said = subprocess.run(program, capture_output=True, check=True, cwd=tmp_path, env={**os.environ, **env})
            assert said.stdout.startswith(begin)
        assert plait(command, plan, "-o", "x.svg", "--format", "png", cwd=tmp_path, env=env).status == 2
    assert not list(tmp_path.glob("x.*"))


def test_a_run_is_drawn_beside_its_forecast(home: Path, tmp_path: Path, env: dict[str, str]) -> None:
    a_run_in(home)

    newest, named = (plait("gantt", *what, cwd=tmp_path, env=env) for what in (("--repo", "shop"), ("run-0",)))

    assert newest.status == 0, newest.stderr
    assert newest.stdout == named.stdout
    assert "▀ actual  ▄ forecast  █ both" in newest.stdout
    assert newest.stdout.splitlines()[1].startswith("took 10 h")


def test_a_run_of_an_older_version_is_drawn_alone(home: Path, tmp_path: Path, env: dict[str, str]) -> None:
    a_run_in(home, kept=False)

    gantt, graph = (plait(command, "run-0001", cwd=tmp_path, env=env) for command in ("gantt", "graph"))

    assert gantt.status == 0, gantt.stderr
    assert "forecast" not in gantt.stdout
    assert graph.status == 2
    assert "has kept no graph" in graph.stderr


def test_the_report_shows_the_chart(home: Path, tmp_path: Path, env: dict[str, str]) -> None:
    a_run_in(home)

    ended = plait("report", "--repo", "shop", cwd=tmp_path, env=env)

    assert ended.status == 0, ended.stderr
    assert "▀ actual  ▄ forecast  █ both" in ended.stdout
    assert max(map(cell_len, ended.stdout.splitlines()[-14:])) <= 90


def test_pictures_are_files_of_their_kind_and_replaced_whole(
    home: Path, write_plan: WritePlan, tmp_path: Path, env: dict[str, str]
) -> None:
    a_run_in(home)
    plan = str(write_plan(CART_PLAN))
    for name in ("a.svg", "b.png", "c.txt"):
        (tmp_path / name).write_text("older", encoding="utf-8")
        ended = plait("gantt", "shopping-cart", "-o", name, "--theme", "dark", "--width", "700", cwd=tmp_path, env=env)
        assert (ended.status, ended.stdout) == (0, ""), ended.stderr
    for name in ("d.svg", "e.png"):
        assert plait("graph", plan, "-o", name, cwd=tmp_path, env=env).status == 0

    root = ElementTree.parse(tmp_path / "a.svg").getroot()  # noqa: S314 - our own text
    assert root.attrib["width"] == "700"
    assert "prefers-color-scheme" not in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(tmp_path / "b.png") as picture:
        assert picture.width == 1400
        assert picture.height == 2 * int(root.attrib["height"])
        assert picture.convert("RGB").getpixel((700, 6)) == (13, 17, 23)
    assert (tmp_path / "c.txt").read_text().startswith("shopping-cart: run run-0001\n")
    assert ElementTree.parse(tmp_path / "d.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own text
    assert Image.open(tmp_path / "e.png").width > 400
    assert not [one.name for one in tmp_path.iterdir() if one.name.endswith(".new")]


def test_what_cannot_be_written_is_said(write_plan: WritePlan, tmp_path: Path, env: dict[str, str]) -> None:
    plan = str(write_plan(CART_PLAN))
    (tmp_path / "folder.svg").mkdir()

    for target, word in (
        ("x.gif", "end it with .png, .svg or .txt"),
        ("no/where.svg", "No such file"),
        ("folder.svg", "cannot write"),
    ):
        ended = plait("gantt", plan, "-o", target, cwd=tmp_path, env=env)
        assert ended.status == 2, target
        assert word in ended.stderr
        assert "Traceback" not in ended.stderr


def test_without_the_library_a_png_says_how_to_get_it(
    write_plan: WritePlan, tmp_path: Path, env: dict[str, str]
) -> None:
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow/sitecustomize.py").write_text("import sys\nsys.modules['resvg_py'] = None\n", encoding="utf-8")
    without = {**env, "PYTHONPATH": str(tmp_path / "shadow")}

    ended = plait("gantt", str(write_plan(CART_PLAN)), "-o", "x.png", cwd=tmp_path, env=without)

    assert ended.status == 3
    assert "pip install resvg-py" in ended.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_graph_leaves_out_what_other_needs_imply(write_plan: WritePlan, tmp_path: Path, env: dict[str, str]) -> None:
    plan = str(write_plan(CART_PLAN))

    reduced, every = (plait("graph", plan, *more, cwd=tmp_path, env=env) for more in ((), ("--all-needs",)))

    assert "← API, PAGE\n" in reduced.stdout
    assert "1 need that others imply not shown" in reduced.stdout
    assert "← API, PAGE, MODEL\n" in every.stdout
    assert reduced.stdout.splitlines()[-1] == "● critical path, 10 h 00 min: MODEL → API → CHECK"


def test_a_graph_of_a_run_says_what_came_of_its_tasks(home: Path, tmp_path: Path, env: dict[str, str]) -> None:
    a_run_in(home)

    ended = plait("graph", "--repo", "shop", cwd=tmp_path, env=env)

    assert ended.status == 0, ended.stderr
    assert ended.stdout.count("landed") == len(CART)


def test_graphs_come_in_the_languages_of_other_tools(
    write_plan: WritePlan, tmp_path: Path, env: dict[str, str]
) -> None:
    plan = str(write_plan(CART_PLAN))

    mermaid, dot, svg = (
        plait("graph", plan, "--format", form, cwd=tmp_path, env=env).stdout for form in ("mermaid", "dot", "svg")
    )

    assert mermaid.startswith("flowchart LR\n")
    assert "A #34;model#34;#59; #60;b#62;" in mermaid
    assert '\\"model\\"' in dot
    assert svg.startswith("<svg ")
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=dot, text=True, check=True, capture_output=True)


def test_a_graph_is_data_for_programs_too(write_plan: WritePlan, tmp_path: Path, env: dict[str, str]) -> None:
    said = plait("graph", str(write_plan(CART_PLAN)), "--json", cwd=tmp_path, env=env).data

    assert (said["feature"], said["critical_path"]) == ("cart", ["MODEL", "API", "CHECK"])
    assert [(task["id"], task["hours"], task["level"], task["critical"]) for task in said["tasks"]] == [
        ("MODEL", 2.0, 1, True),
        ("API", 6.0, 2, True),
        ("PAGE", 5.0, 2, False),
        ("CHECK", 2.0, 3, True),
    ]
    assert said["tasks"][3]["needs"] == [["API"], ["PAGE"]]


def test_a_graph_is_not_written_into_a_file_that_says_nothing_or_something_else(
    write_plan: WritePlan, tmp_path: Path, env: dict[str, str]
) -> None:
    plan = str(write_plan(CART_PLAN))

    for arguments, words in (
        (["-o", "x.jpg"], "does not say what to write"),
        (["-o", "x.svg", "--format", "dot"], "--format dot does not go into 'x.svg'"),
        (["--json", "--format", "dot"], "are two formats"),
    ):
        ended = plait("graph", plan, *arguments, cwd=tmp_path, env=env)
        assert (ended.status, ended.stdout) == (2, ""), arguments
        assert words in ended.stderr
    assert not list(tmp_path.glob("x.*"))


def test_the_help_has_each_example_in_a_line_that_can_be_copied(tmp_path: Path, env: dict[str, str]) -> None:
    for command in ("gantt", "graph"):
        lines = [line.strip() for line in plait(command, "--help", cwd=tmp_path, env=env).stdout.splitlines()]

        assert f"• plait {command} plan.yaml" in lines
        assert any(line.startswith("Exit codes: 0 shown or written") for line in lines)


def test_what_is_neither_plan_nor_run_is_said(tmp_path: Path, env: dict[str, str]) -> None:
    for command in ("gantt", "graph"):
        ended = plait(command, "nothing", cwd=tmp_path, env=env)

        assert ended.status == 2
        assert "there is no plan file and no run 'nothing'" in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="pictures of the page are made on one kind of machine")
@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
@pytest.mark.parametrize("size", ["small", "large"])
def test_the_pictures_of_the_documentation_are_drawn(size: str, theme: Theme, tmp_path: Path) -> None:
    from resvg_py import svg_to_bytes

    jobs = CART if size == "small" else many_jobs(200)
    slots = {"architect": 1, "backend": 2, "frontend": 1, "qa": 1} if size == "small" else slots_of(jobs)
    forecast, outcome = a_forecast(jobs, slots, samples=300 if size == "small" else 60), a_run(jobs, slots)
    svg = draw_gantt(chart_of("shopping-cart", outcome=outcome, forecast=forecast), theme=theme)
    png = svg_to_bytes(svg_string=svg, zoom=2 if size == "small" else 1)

    with Image.open(BytesIO(png)) as picture:
        assert picture.width == (1920 if size == "small" else 960)
    place = PICTURES if os.environ.get(KEEP) else tmp_path
    (place / f"gantt-{size}-{theme}.svg").write_text(svg, encoding="utf-8")
    (place / f"gantt-{size}-{theme}.png").write_bytes(png)
