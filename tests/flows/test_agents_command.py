"""`plait agents`: what the history says of agents, as a table and as JSON."""

import json
from pathlib import Path

from plait.plans.usage import Usage
from plait.store.engine import open_store
from plait.store.history import record_run
from plait.store.records import TaskWork
from tests.support.command import plait
from tests.support.outcomes import a_task, an_outcome


def test_agents_are_compared_by_what_they_did(repository: Path, hermetic: Path) -> None:
    used = Usage(input_tokens=1_500_000, output_tokens=500, usd=4.5, model="opus")
    tasks = (a_task("A").model_copy(update={"usage": used}), a_task("B", role="qa", tries=2))
    work = {"A": TaskWork(planned_seconds=60, actual_seconds=90, backend="claude", complexity="simple")}
    hermetic.mkdir()
    with open_store(hermetic / "plait.db") as store:
        record_run(
            store, an_outcome(tasks=tasks, batches=()), repository=str(repository / ".git"), plan_hash="", work=work
        )

    shown = plait("agents", cwd=repository, env={"COLUMNS": "200"})
    by_backend = plait("agents", "--by", "backend", "--json", cwd=repository).data

    assert shown.status == 0, shown.stderr
    title, first, second = shown.stdout.splitlines()
    assert title.split()[:3] == ["role", "tasks", "success"]
    assert first.split() == ["backend", "1", "100", "%", "1.50×", "1.0", "0", "–", "1.5M", "$4.50", "$4.50"]
    assert second.split() == ["qa", "1", "100", "%", "–", "2.0", "0", "–", "–", "–", "–"]
    assert [row["name"] for row in by_backend["agents"]] == ["claude", ""]
    assert by_backend["agents"][0]["usd"] == 4.5
    assert plait("agents", "--since", "2026-12-01", cwd=repository).stderr.startswith("no agent has worked since then")
    wrong = plait("agents", "--by", "rolle", "--since", "soon", cwd=repository)
    assert (wrong.status, "by 'rolle'" in wrong.stderr, "Traceback" in wrong.stderr) == (2, True, False)
    wrong = plait("agents", "--since", "soon", cwd=repository)
    assert (wrong.status, "is no time" in wrong.stderr) == (2, True)
    assert json.loads(plait("agents", "--json", cwd=hermetic.parent).stdout) == {"by": "role", "agents": []}


def test_a_forecast_and_a_dry_run_say_what_agents_may_cost(repository: Path, hermetic: Path, tmp_path: Path) -> None:
    used = Usage(input_tokens=1_500_000, output_tokens=500, usd=4.5, model="opus")
    tasks = tuple(a_task(f"T{number}").model_copy(update={"usage": used}) for number in range(40))
    hermetic.mkdir()
    with open_store(hermetic / "plait.db") as store:
        record_run(store, an_outcome(tasks=tasks, batches=()), repository=str(repository / ".git"), plan_hash="")
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        """
        feature: f
        tasks:
          - {id: A, role: backend, prompt: Do it.}
          - {id: B, role: qa, prompt: Do it.}
          - {id: C, run: make}
        """
    )

    shown = plait("forecast", str(plan), cwd=repository)
    cost = plait("forecast", str(plan), "--json", cwd=repository).data["cost"]
    dry = plait("run", str(plan), "--dry-run", cwd=repository)

    told = "1 of 2 tasks has no history: not counted (B)"
    for text in (shown.stdout, dry.stdout):
        assert told in " ".join(text.split()), text
        assert "(P50 to P90), by what like tasks used up" in " ".join(text.split())
    assert 4.0 < cost["p50_usd"] < 5.0
    assert (cost["agent_tasks"], cost["unknown"], list(cost["by_role"])) == (2, ["B"], ["backend"])
    assert cost["tasks"][0]["sources"] == 40
    assert plait("forecast", str(plan), "--json", cwd=repository).data["cost"] == cost
    (hermetic / "prices.yaml").write_text("models: {opus: {read: cheap}}")
    wrong = plait("forecast", str(plan), cwd=repository)
    assert (wrong.status, "Traceback" in wrong.stderr) == (2, False)
    assert "prices.yaml" in wrong.stderr
