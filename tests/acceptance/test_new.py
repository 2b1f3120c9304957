"""`plait new`: a commented plan that passes `plait check` as written."""

from pathlib import Path

import pytest

from tests.support.command import plait

KINDS = [
    *(("--slice", kind) for kind in ("vertical", "horizontal", "component", "ordered")),
    *(("--workflow", kind) for kind in ("feature", "bugfix", "optimization")),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[1])
def test_every_template_passes_a_strict_check_as_written(kind: tuple[str, str], tmp_path: Path) -> None:
    made = plait("new", "shopping-cart", *kind, cwd=tmp_path)
    checked = plait("check", "--strict", "plan.yaml", cwd=tmp_path)

    assert made.status == 0, made.stderr
    assert checked.status == 0, checked.stdout + checked.stderr
    text = (tmp_path / "plan.yaml").read_text()
    assert "feature: shopping-cart\n" in text
    assert text.startswith("# ")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[1])
def test_every_template_has_a_forecast(kind: tuple[str, str], tmp_path: Path) -> None:
    plait("new", "shopping-cart", *kind, cwd=tmp_path)
    forecast = plait("forecast", "plan.yaml", "--json", cwd=tmp_path).data

    assert 0 < forecast["elapsed_hours"] <= forecast["work_hours"]
    assert forecast["p50_hours"] <= forecast["p95_hours"]
    assert all(task["role"] != "command" for task in forecast["tasks"])


def test_the_help_shows_examples(tmp_path: Path) -> None:
    shown = " ".join(plait("new", "--help", cwd=tmp_path).stdout.split())
    assert "plait new shopping-cart --slice vertical" in shown


def test_a_plan_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("mine")

    refused = plait("new", cwd=tmp_path)

    assert refused.status == 2
    assert "already" in refused.stderr
    assert (tmp_path / "plan.yaml").read_text() == "mine"
    assert plait("new", "--force", cwd=tmp_path).status == 0


def test_a_plan_can_go_to_standard_output(tmp_path: Path) -> None:
    made = plait("new", "-o", "-", cwd=tmp_path)

    assert made.stdout.count("\nfeature: my-feature\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Not A Slug", "-o", "x\ny", "../up", "x" * 200])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    refused = plait("new", "--", name, cwd=tmp_path)

    assert refused.status == 2
    assert "a feature cannot be called so: '" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_kinds_at_once_are_refused(tmp_path: Path) -> None:
    assert plait("new", "--slice", "vertical", "--workflow", "bugfix", cwd=tmp_path).status == 2
