"""Plans that are small to read and large to carry out: refused, or done with bounded effort."""

import pytest

from plait.plans.errors import CallError, PlanError
from plait.plans.language.parsing import parse_plan
from plait.plans.language.references import MAX_EXPANDED_NEEDS
from plait.plans.specs.spec_folder import SpecFile, read_spec
from plait.plans.specs.spec_history import SpecRecord, with_record
from plait.show.pictures.layering import MOST_STEPS, lay_out
from plait.show.pictures.plan_graph import Node
from tests.support.effort import effort
from tests.support.patience import patience

BLANKS = " " * 120_000
"""As many as a spec may have: whatever goes over them again for each of them takes a minute, the rest milliseconds."""


def counted(*counts: int) -> str:
    """Tasks of which each needs the one before."""
    tasks = [
        f"  - {{id: t{at}, run: echo, count: {count}{f', needs: [t{at - 1}]' if at else ''}}}\n"
        for at, count in enumerate(counts)
    ]
    return "feature: f\ntasks:\n" + "".join(tasks)


def test_counted_tasks_that_need_each_other_are_refused_before_they_are_written_out() -> None:
    assert parse_plan(counted(400, 400)).tasks[1].count == 400
    with effort(most=100_000), pytest.raises(PlanError, match=f"more than {MAX_EXPANDED_NEEDS:,} needs"):
        parse_plan(counted(*[1000] * 10))


def test_phases_of_counted_tasks_are_refused_as_well() -> None:
    phases = "phases: [{id: one, tasks: [a]}, {id: two, tasks: [b]}]\n"
    tasks = "tasks:\n  - {id: a, run: echo, count: 1000}\n  - {id: b, run: echo, count: 1000}\n"
    with pytest.raises(PlanError, match="needs of one task on another"):
        parse_plan(f"feature: f\n{phases}{tasks}")


def test_more_needs_than_a_picture_can_hold_are_refused() -> None:
    chain = [[f"c{level}"] for level in range(1000)]
    chain[0] += [f"s{at}" for at in range(1000)]
    needs = [(f"c{at}", f"c{at + 1}") for at in range(999)] + [(f"s{at}", f"c{at}") for at in range(1, 1000)]
    assert sum(int(target[1:]) - (int(source[1:]) if source[0] == "c" else 0) for source, target in needs) > MOST_STEPS

    with effort(most=100_000), pytest.raises(CallError, match="too many needs for a picture"):
        lay_out(chain, needs, row=40, lane=10)


def test_a_plan_where_all_needs_all_is_laid_out() -> None:
    first, second = [f"a{at}" for at in range(100)], [f"b{at}" for at in range(100)]
    with effort(most=1_000_000):
        placed = lay_out([first, second], [(one, other) for one in first for other in second], row=40, lane=10)
    assert len(placed.ways) == 10_000


@pytest.mark.parametrize("length", [-1e308, 1e308, float("inf"), float("nan"), -1.0])
def test_a_length_that_no_plan_has_is_spelled_as_unknown(length: float) -> None:
    assert Node("A", "qa", length).spelled == "?"


@pytest.mark.parametrize(
    "line", [f"## a{BLANKS}b", f"## a{BLANKS}{'#' * 1000}b", f"- a{BLANKS}b", f"* {BLANKS}*{BLANKS}b"]
)
def test_a_line_of_blanks_in_a_spec_is_read_at_once(line: str) -> None:
    with patience(10):
        assert not read_spec(SpecFile("a.md", f"---\nrole: qa\n---\n## Do\n\nit\n\n{line}\n\nx\n".encode())).problems


@pytest.mark.parametrize("status", [f"a{BLANKS}b", f"{BLANKS}[a]", f"a{BLANKS}# said", f"a{BLANKS}"])
def test_a_status_of_blanks_in_a_spec_is_written_over_at_once(status: str) -> None:
    file = SpecFile("a.md", f"---\nrole: qa\nstatus: {status}\n---\nDo it.\n".encode())
    with patience(10):
        with_record(file, SpecRecord("landed", None, None, None))


def test_a_heading_ends_with_marks_only_where_a_blank_is_before_them() -> None:
    written = {"# A": "A", "# A ##": "A", "# A##": "A##", "# A #b": "A #b", "#  A\t# \t": "A", "# # A": "# A"}
    for line, title in written.items():
        spec = read_spec(SpecFile("a.md", f"---\nrole: qa\n---\n{line}\n\nDo it.\n".encode()))
        assert spec.task["title"] == title
