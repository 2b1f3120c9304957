"""`plait batches`: what a batch did can be told, and done again, by somebody who was not there."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait

pytestmark = pytest.mark.slow

PLAN = """
    feature: shop
    goal: Sell things.
    tasks:
      - {id: A, run: "echo a > x.txt"}
      - {id: B, run: "echo b > x.txt"}
      - {id: BAD, run: "echo x > bad.txt"}
    integration:
      verify: ["echo looked; test ! -f bad.txt"]
      repairs: 0
      wait: 10s
"""


def test_what_a_batch_did_is_told_and_done_again(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    assert plait("run", str(write_plan(PLAN)), cwd=repository, env=prefect_server).status == 1

    told = plait("batches", "1", cwd=repository)
    assert told.status == 0, told.stderr
    assert "conflict in x.txt" in told.stdout
    assert "rejected BAD: it makes the verification fail on its own" in told.stdout
    assert "red by `echo looked; test ! -f bad.txt`" in told.stdout

    data = plait("batches", "batch-1", "--run", "shop", "--json", cwd=repository).data
    (batch,) = data["batches"]
    bad = next(no for no in batch["rejected"] if no["task"] == "BAD")
    again = subprocess.run(
        ["/bin/sh", "-c", " && ".join(bad["repeat"])], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (again.returncode, again.stdout.splitlines()[-1:]) == (1, ["looked"]), again.stderr
    assert "looked" in Path(batch["trees"][0]["log"]).read_text()

    refused = plait("batches", "7", cwd=repository)
    assert refused.status == 2
    assert "the run has no batch '7'" in refused.stderr


URGENT = """
    feature: urgent
    goal: Two that clash, and work that rests on the second.
    tasks:
      - {id: A, run: "echo a > same.txt"}
      - {id: B, run: "echo b > same.txt", owns: ["**"]}
      - {id: C, run: "cp same.txt c.txt", needs: [B]}
    integration: {repairs: 0, ready: 1}
"""


def test_what_others_rest_on_lands_first_and_what_clashes_waits_for_it(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    ended = plait("run", str(write_plan(URGENT)), "--json", cwd=repository, env=prefect_server)
    assert ended.status == 1, ended.stderr
    assert {task["id"]: task["state"] for task in ended.data["tasks"]} == {"A": "held", "B": "landed", "C": "landed"}
    assert "A waits for B: conflict in same.txt" in plait("batches", cwd=repository).stdout
