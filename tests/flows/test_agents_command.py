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

    shown = plait("agents", cwd=repository)
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
