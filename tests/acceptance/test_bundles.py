"""`plait run` with small tasks of one kind: what goes to one agent together, lands, is told task by task, and stays."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import Running, plait
from tests.support.repositories import commit_files, files_of, git
from tests.support.servers import task_runs

pytestmark = pytest.mark.slow

AGENT = r"""
mkdir -p ui
prompt=$(cat)
parts=$(printf '%s\n' "$prompt" | sed -n 's/^Write \(ui.w[0-9].txt\)\.$/\1/p')
HOOK
for path in $parts; do echo label > "$path"; done
"""
"""Writes the files that its prompt names, each in a line of its own."""
# A role of its own: the limits of a server are shared by all tests.
HEAD = """
    feature: labels
    goal: Every widget has a label.
    crew:
      default_backend: command
      labeller: {slots: 2, start_up: 10m, command: [sh, label.sh]}
    tasks:
"""
TASK = (
    "      - {{id: L{0}, title: Widget {0}, role: labeller, prompt: Write ui/w{0}.txt., duration: 15m, "
    "owns: [ui/w{0}.txt], verify: [test -f ui/w{0}.txt], retries: 1}}\n"
)
TAIL = """
      - {id: LIST, run: ls ui > list.txt, duration: 1m, changes: required, needs: [L1, L2, L3, L4, L5, L6, L7, L8]}
    integration:
      verify: [test -d ui]
"""
PLAN = HEAD + "".join(TASK.format(number) for number in range(1, 9)) + TAIL
NAMES = [*(f"L{number}" for number in range(1, 9)), "LIST"]
BUNDLES = {"L1-and-3-more": NAMES[:4], "L5-and-3-more": NAMES[4:8]}


def put_agent(repository: Path, hook: str = "") -> None:
    commit_files(repository, {"label.sh": AGENT.replace("HOOK", hook)})


def names_of_task_runs(server: Mapping[str, str], feature: str) -> set[str]:
    return {run.name for run in task_runs(server, tag=f"feature:{feature}")}


def test_a_burst_of_small_tasks_goes_to_two_agents_lands_and_is_told_task_by_task(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    # A server may lease the second slot of a role a second after the first: neither agent is done before both began.
    put_agent(repository, f"touch {begun}/$PLAIT_TASK; until [ $(ls {begun} | wc -l) = 2 ]; do sleep 0.1; done")
    plan = str(write_plan(PLAN))

    ended = plait("run", plan, "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    told = {task["id"]: task for task in ended.data["tasks"]}
    assert list(told) == NAMES
    assert {task["state"] for task in told.values()} == {"landed"}
    assert {task["agent"] for task in told.values()} == {"labeller-1", "labeller-2", "command-1"}
    assert "bundle" not in told["LIST"]
    for bundle, members in BUNDLES.items():
        assert {told[member]["bundle"] for member in members} == {bundle}
        assert {told[member]["branch"] for member in members} == {f"feature/labels/agent/labeller/{bundle}"}
        (commit,) = {told[member]["commit"] for member in members}
        assert git(repository, "log", "-1", "--format=%s", commit).startswith(f"{bundle}: {members[0]}, {members[1]}")
    branch = "feature/labels/integration"
    assert files_of(repository, branch)["list.txt"].split() == [f"w{number}.txt" for number in range(1, 9)]
    assert names_of_task_runs(prefect_server, "labels") == {*BUNDLES, "LIST"}
    note = "bundles: L1, L2, L3 and L4 to one agent; L5, L6, L7 and L8 to one agent: saves"
    assert note in ended.stderr

    tip = git(repository, "rev-parse", branch)
    again = plait("run", plan, cwd=repository, env=prefect_server)
    assert again.status == 0, again.stderr
    assert again.stdout.startswith("nothing to do: 9 tasks of labels have landed")
    assert git(repository, "rev-parse", branch) == tip

    report = plait("report", ended.data["run_id"], "--markdown", cwd=repository).stdout
    assert "L6 (in L5-and-3-more)" in report.replace("\\", "")
    logs = plait("logs", "L7", "--prompt", cwd=repository)
    assert "### Part 3, L7: Widget 7" in logs.stdout


def test_the_forecast_and_the_dry_run_say_what_is_bundled(repository: Path, write_plan: WritePlan) -> None:
    plan = str(write_plan(PLAN))

    made = plait("forecast", plan, "--json", cwd=repository).data
    assert {one["id"]: one["tasks"] for one in made["bundles"]} == BUNDLES
    assert [(one["hours"], one["single_hours"]) for one in made["bundles"]] == [(0.5, 1.0)] * 2
    assert 0 < made["bundles_save"]["p50_hours"] < 1
    assert plait("run", plan, "--dry-run", "--json", cwd=repository).data["bundles"] == made["bundles"]
    for command in (["forecast", plan], ["run", plan, "--dry-run"]):
        assert "L1, L2, L3 and L4 to one agent" in plait(*command, cwd=repository).stdout

    alone = plait("forecast", plan, "--json", "--crew", "labeller=8", cwd=repository).data
    assert (alone["bundles"], alone["bundles_save"]) == ([], None)
    assert len(alone["tasks"]) == 9


def test_a_try_that_leaves_out_a_task_of_a_bundle_is_tried_again(repository: Path, write_plan: WritePlan) -> None:
    put_agent(repository, r"""case "$prompt" in *"did not count"*) ;; *) parts=$(echo "$parts" | sed 4d) ;; esac""")

    ended = plait("run", str(write_plan(PLAN)), "--json", cwd=repository)

    assert ended.status == 0, ended.stderr
    assert {task["tries"] for task in ended.data["tasks"] if task["id"] != "LIST"} == {2}
    assert "it said that it was done, but changed nothing for L4" in ended.stderr


def test_when_a_bundle_fails_for_good_so_do_its_tasks_and_the_next_run_does_them_one_by_one(
    repository: Path, write_plan: WritePlan
) -> None:
    put_agent(repository, """case "$parts" in *w2*w3*) echo half > ui/w2.txt; exit 3 ;; esac""")
    plan = str(write_plan(PLAN))

    first = plait("run", plan, "--json", cwd=repository)
    assert first.status == 1, first.stderr
    told = {task["id"]: task for task in first.data["tasks"]}
    assert [told[name]["state"] for name in NAMES] == [*["failed"] * 4, *["landed"] * 4, "blocked"]
    assert len({told[name]["reason"] for name in NAMES[:4]}) == 1

    second = plait("run", plan, "--json", cwd=repository)
    assert second.status == 0, second.stderr
    told = {task["id"]: task for task in second.data["tasks"]}
    assert [told[name].get("bundle") for name in NAMES[:5]] == [*[None] * 4, "L5-and-3-more"]
    assert [told[name]["tries"] for name in NAMES] == [*[1] * 4, *[0] * 4, 1]


def test_after_a_kill_what_was_finished_stays_and_the_rest_is_done(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    put_agent(repository, f"""case "$parts" in *w2*) test -f {tmp_path}/hurry || sleep 60 ;; esac""")
    plan, branch = str(write_plan(PLAN)), "feature/labels/agent/labeller/L5-and-3-more"
    run = Running("run", plan, cwd=repository)
    run.wait_until(lambda: bool(git(repository, "branch", "--list", branch)))
    run.process.kill()
    run.process.communicate()
    commit = git(repository, "rev-parse", branch)

    (tmp_path / "hurry").touch()
    again = plait("run", plan, "--json", cwd=repository)

    assert again.status == 0, again.stderr
    told = {task["id"]: task for task in again.data["tasks"]}
    assert {(told[name]["commit"], told[name]["tries"]) for name in NAMES[4:8]} == {(commit, 1)}, (
        "the try of the run that was killed counts"
    )
    assert {told[name]["state"] for name in NAMES} == {"landed"}
