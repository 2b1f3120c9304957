"""The demo, as a newcomer sees it."""

import json
import os
import re
from pathlib import Path

import pytest
from rich.console import Console

from plait.flows.terminal.sheet import status_table
from plait.plans.tasks.outcomes import FeatureOutcome
from tests.support.command import plait
from tests.support.repositories import git

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
KEEP = "KEEP_PICTURES"
"""Set by `make pictures`."""


@pytest.mark.slow
def test_the_demo_finds_names_and_repairs_what_goes_wrong_and_works_twice(tmp_path: Path) -> None:
    home = tmp_path / "a home with a space"
    env = {"PLAIT_HOME": str(home)}

    first, second = (plait("demo", cwd=tmp_path, env=env) for _ in range(2))

    for ended in (first, second):
        assert ended.status == 0, ended.stderr
        said = ended.stdout
        assert "8 of 8 tasks landed" in said
        assert "rejected CENTS (pair): it passes alone" in said or "rejected DELIVERY (pair)" in said
        assert "(conflict): it changes the same lines as" in said
        assert "try 1 does not count" in ended.stderr
        assert "feature branch: feature/shopping-cart/integration" in said
        assert str(home / "demo" / "shop") in said
        assert "\n* " in said
    shop = home / "demo" / "shop"
    assert git(shop, "status", "--porcelain") == ""
    assert git(shop, "branch", "--show-current") == "main"


@pytest.mark.browser
def test_the_picture_of_the_terminal_is_drawn_from_a_real_run(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ended = plait("demo", cwd=tmp_path, env={"PLAIT_HOME": str(home)})
    assert ended.status == 0, ended.stderr
    (run,) = (home / "runs").iterdir()
    outcome = FeatureOutcome.model_validate(json.loads((run / "outcome.json").read_text()))
    console = Console(record=True, width=118, file=(tmp_path / "screen").open("w"))

    console.print("[dim]$[/] plait run shop.plan.yaml", highlight=False)
    console.print(status_table(outcome))
    picture = without_foreign_fonts(console.export_svg(title="plait run"))

    assert "CHECKOUT" in picture
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", picture)
    place = PICTURES if os.environ.get(KEEP) else tmp_path
    (place / "terminal.svg").write_text(picture, encoding="utf-8")


def without_foreign_fonts(svg: str) -> str:
    """rich's pictures load a font from elsewhere; a system one serves as well, and calls nobody."""
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono")
