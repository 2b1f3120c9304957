"""A Prefect project with folders called like ours: it deploys our flow, and calls it in a flow of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.support.repositories import files_of, git
from tests.support.servers import talking_to

pytestmark = pytest.mark.slow

PREFECT = Path(sys.executable).parent / "prefect"
FILES = {
    "flows/__init__.py": "",
    "blocks/__init__.py": "OURS = 'blocks of the project'\n",
    "agent_tasks/__init__.py": "OURS = 'agent_tasks of the project'\n",
    "prefect.yaml": """\
        name: own
        pull: []
        deployments:
          - name: ours
            entrypoint: plait.flows.feature.deliver_feature
            work_pool: {name: own}
        """,
    "flows/nightly.py": """\
        import json
        import sys

        from prefect import flow

        import agent_tasks
        import blocks
        from plait.flows.feature import NotDelivered, deliver_feature


        @flow
        def nightly(plan: str, repository: str) -> None:
            state = deliver_feature(plan, repository, return_state=True)
            ended = state.result(raise_on_failure=False)
            print(json.dumps({
                "type": state.type.value,
                "message": state.message,
                "result": ended.result if isinstance(ended, NotDelivered) else ended,
                "ours": [blocks.OURS, agent_tasks.OURS],
            }))
            if state.is_failed():
                try:
                    deliver_feature(plan, repository)
                except NotDelivered as problem:
                    print(json.dumps({"raised": str(problem), "branch": problem.result["branch"]}))


        if __name__ == "__main__":
            nightly(sys.argv[1], sys.argv[2])
        """,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder


def run(*argv: str | Path, project: Path, server: Mapping[str, str]) -> str:
    """A command in the project; what it printed."""
    done = subprocess.run(argv, cwd=project, env={**os.environ, **server}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def nightly(plan: str, repository: Path, project: Path, server: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the project's own flow tells of ours, a line of JSON each."""
    argv = [sys.executable, "-m", "flows.nightly", plan, str(repository)]
    printed = run(*argv, project=project, server=server)
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def test_a_project_with_folders_called_like_ours_deploys_our_flow(
    project: Path, prefect_server: Mapping[str, str]
) -> None:
    run(
        PREFECT,
        "work-pool",
        "create",
        "own",
        "--type",
        "process",
        "--overwrite",
        project=project,
        server=prefect_server,
    )

    run(PREFECT, "--no-prompt", "deploy", "--all", project=project, server=prefect_server)

    with talking_to(prefect_server) as client:
        deployment = client.read_deployment_by_name("deliver-feature/ours")
    assert deployment.entrypoint == "plait.flows.feature.deliver_feature"
    assert {"plan", "repository", "store"} <= set((deployment.parameter_openapi_schema or {})["properties"])


def test_a_flow_of_the_project_gets_what_landed(
    project: Path, repository: Path, prefect_server: Mapping[str, str]
) -> None:
    plan = "feature: greeting\ngoal: g\ntasks:\n  - {id: HELLO, run: echo hello > hello.txt}\n"

    (told,) = nightly(plan, repository, project, prefect_server)

    assert told["type"] == "COMPLETED", told
    assert told["ours"] == ["blocks of the project", "agent_tasks of the project"]
    result = told["result"]
    assert result["branch"] == "feature/greeting/integration"
    assert result["commit"] == git(repository, "rev-parse", result["branch"])
    assert [(task["id"], task["state"]) for task in result["outcome"]["tasks"]] == [("HELLO", "landed")]
    assert files_of(repository, result["branch"])["hello.txt"] == "hello"


def test_a_flow_of_the_project_learns_what_landed_of_a_run_that_failed(
    project: Path, repository: Path, prefect_server: Mapping[str, str]
) -> None:
    plan = "feature: broken\ngoal: g\ntasks:\n  - {id: WRONG, run: exit 3, retries: 0}\n"

    told, raised = nightly(plan, repository, project, prefect_server)

    assert told["type"] == "FAILED", told
    assert told["message"].startswith("0 of 1 task landed")
    assert told["result"]["commit"] is None
    assert told["result"]["outcome"]["tasks"][0]["state"] == "failed"
    assert raised["raised"].startswith("0 of 1 task landed")
    assert raised["branch"] == "feature/broken/integration"
