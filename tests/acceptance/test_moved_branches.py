"""The feature branch is deleted, set back and pushed to while a run goes on: what it says in the end is so."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow

BRANCH = "feature/moved/integration"
AT_ONCE = "integration: {ready: 0.01, wait: 0s}"


def plan_of(write_plan: WritePlan, tasks: str, rest: str = AT_ONCE) -> Path:
    return write_plan(f"feature: moved\ngoal: Stay.\ntasks:\n{textwrap.indent(textwrap.dedent(tasks), '  ')}\n{rest}\n")


def test_a_feature_branch_that_is_deleted_in_mid_run_is_made_again_with_all_that_had_landed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    deletes = f"while ! git -C {repository} update-ref -d refs/heads/{BRANCH} $(git -C {repository} rev-parse {BRANCH})"
    plan = plan_of(
        write_plan,
        f"""
        - {{id: A, run: echo 1 >> a.txt}}
        - {{id: B, run: "{deletes} 2>&1; do sleep 0.2; done; echo b > b.txt"}}
        """,
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert ended.data["state"] == "completed"
    files = files_of(repository, BRANCH)
    assert (files["a.txt"], files["b.txt"]) == ("1", "b")
    assert "A is not on it any more" in ended.stderr


def test_a_feature_branch_that_was_deleted_since_lands_again_from_what_is_finished(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = plan_of(
        write_plan,
        """
        - {id: A, run: echo a > a.txt}
        """,
        "integration: {ready: 0.01, wait: 0s}",
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert ended.status == 0, ended.stderr
    git(repository, "update-ref", "-d", f"refs/heads/{BRANCH}")
    again = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert again.status == 0, again.stderr
    assert files_of(repository, BRANCH)["a.txt"] == "a"


def test_what_has_landed_is_not_done_again_when_all_agent_branches_were_deleted(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    tasks = "".join(f"- {{id: T{number}, run: echo 1 >> t{number}.txt}}\n" for number in range(6))
    plan = plan_of(write_plan, tasks, "")
    first = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert first.status == 0, first.stderr
    for ref in git(repository, "for-each-ref", "--format=%(refname)", "refs/heads/feature/moved/agent").split():
        git(repository, "update-ref", "-d", ref)

    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert second.status == 0, second.stderr
    assert second.data["batches"] == []
    assert {files_of(repository, BRANCH)[f"t{number}.txt"] for number in range(6)} == {"1"}


def test_a_batch_that_others_overtake_again_and_again_lands_once_they_stop(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """The check itself pushes eight times, each time before the batch can land; it then goes on with a back-off."""
    push = repository.parent / "push.sh"
    push.write_text(
        textwrap.dedent(
            f"""\
            cd {repository}
            n=$(cat ../pushes 2>/dev/null || echo 0)
            test $n -ge 8 && exit 0
            echo $((n + 1)) > ../pushes
            tip=$(git rev-parse --verify --quiet refs/heads/{BRANCH} || git rev-parse main)
            blob=$(echo $n | git hash-object -w --stdin)
            tree=$( (git ls-tree $tip | grep -v pushed; printf "100644 blob $blob\\tpushed.txt\\n") | git mktree)
            made=$(git -c user.name=me -c user.email=me@here commit-tree -p $tip -m "pushed $n" $tree)
            git update-ref refs/heads/{BRANCH} $made
            """
        )
    )
    plan = plan_of(
        write_plan,
        "- {id: A, run: echo a > a.txt}",
        # Each tree is another one, so that none is remembered.
        f"integration: {{verify: ['sh {push}'], timeout: 1m}}",
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert "moved by somebody else 5 times" in ended.data["batches"][0]["reason"]
    pushed = git(repository, "log", "--format=%s", BRANCH)
    assert pushed.count("pushed") == int((repository.parent / "pushes").read_text())
    assert ended.status == 0, ended.stderr
    assert files_of(repository, BRANCH)["a.txt"] == "a"
