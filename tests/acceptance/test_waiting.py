"""A run that waits for a person, as everybody sees it who looks: the table, the records, the report, the figures."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import Running, plait

pytestmark = pytest.mark.slow

PLAN = """
    feature: cart
    goal: Fill a cart.
    contracts: [{id: cart-api, owner: API, files: [contracts/cart.txt], approval: person}]
    tasks:
      - {id: API, duration: 10m, run: "mkdir -p contracts; echo cents > contracts/cart.txt"}
      - {id: WEB, duration: 20m, run: "cp contracts/cart.txt web.txt", needs: [{contract: cart-api}]}
      - {id: ALONE, duration: 5m, run: "echo alone > alone.txt"}
    integration: {verify: ["true"]}
"""
COMMAND = "plait approve cart cart-api"


def test_a_run_that_waits_for_a_person_says_so_wherever_one_looks_and_counts_it_as_nobodys_work(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    running = Running("run", str(write_plan(PLAN)), cwd=repository, env=prefect_server)

    def progress() -> dict[str, Any]:
        records = list((hermetic / "runs").glob("cart-*/progress.json"))
        return json.loads(records[0].read_text()) if records else {"waiting": []}

    running.wait_until(lambda: bool(progress()["waiting"]) and progress()["totals"]["landed"] == 1)
    running.wait_until(lambda: progress()["eta"] is not None)
    record, live = progress(), plait("status", cwd=repository)
    status = plait("status", "--json", cwd=repository).data
    asking = plait("report", cwd=repository)
    plait("approve", "cart", "cart-api", cwd=repository)
    ended = running.end()
    report = plait("report", "--json", cwd=repository).data

    (waiting,) = record["waiting"]
    assert waiting.items() >= {"written_by": "API", "holds": ["WEB"], "command": COMMAND}.items()
    assert record["eta_seconds"] > 60, "WEB is still to come"
    assert status["progress"]["waiting"] == [waiting]
    assert "left, plus the time until cart-api is approved" in live.stdout
    assert f"  {COMMAND}\n" in live.stdout
    assert "WEB starts after that" in live.stdout
    assert f"  {COMMAND}\n" in asking.stdout
    assert f"contract cart-api v1 by API waits for a person, and with it WEB: {COMMAND}" in ended.stderr
    (approval,) = report["approvals"]
    asked, answered = (datetime.fromisoformat(approval[key]) for key in ("asked_at", "answered_at"))
    waited = (answered - asked).total_seconds()
    assert report["metrics"]["work_seconds"] < report["metrics"]["elapsed_seconds"] - waited / 2
    assert 0 < report["metrics"]["approval_seconds"] <= waited


def test_the_report_as_json_holds_what_the_run_printed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    text = "feature: x\ntasks: [{id: A, run: echo a > a.txt}, {id: B, run: echo b > b.txt}]\n"
    run = plait("run", str(write_plan(text)), "--json", cwd=repository, env=prefect_server).data
    report = plait("report", "x", "--json", cwd=repository).data
    words = plait("report", "x", cwd=repository).stdout

    assert report.items() >= run.items()
    assert report["metrics"]["tasks_run"] == 2
    assert report["readings"] == {}, "a run of seconds is neither good nor poor"
    assert "good" not in words
