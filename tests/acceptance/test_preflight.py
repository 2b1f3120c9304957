"""What is tried before anything is paid: set-ups in a clean slot, the programs of checks, the agents of the plan."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files

PLAN = """\
feature: f
crew:
  dev: {{backend: command, command: [{agent}]}}
  setup: [{setup}]
  setup_inputs: [lock]
tasks:
  - {{id: A, role: dev, owns: [a.txt], prompt: Write a into a.txt., verify: ['{check}']}}
integration: {{verify: ['{whole}']}}
"""


def plan(
    *, agent: str = "./agent.sh", setup: str = "echo made > .ready", check: str = "test -s a.txt", whole: str = "true"
) -> str:
    return PLAN.format(agent=agent, setup=setup, check=check, whole=whole)


@pytest.fixture
def shop(repository: Path) -> Path:
    """A repository with an agent in it that says in a file outside that it was started."""
    told = repository.parent / "started"
    agent = f"#!/bin/sh\nprintf x >> {told}\necho a > a.txt\n"
    commit_files(repository, {"lock": "1\n", "agent.sh": agent, ".gitignore": ".ready\n"})
    (repository / "agent.sh").chmod(0o755)
    commit_files(repository, {"lock": "2\n"})
    return repository


def started(shop: Path) -> int:
    """How many agents have begun."""
    told = shop.parent / "started"
    return len(told.read_text()) if told.exists() else 0


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (
            {"setup": "echo is-missing-here; exit 3"},
            "the set-up failed on what the feature starts from: echo is-missing-here; exit 3\nerror: is-missing-here",
        ),
        ({"setup": "no-such-installer ci"}, "no-such-installer: not found"),
        ({"whole": "no-such-checker -q"}, "no-such-checker is not found, also after the set-up"),
        ({"check": "CI=1 no-such-checker -q"}, "`CI=1 no-such-checker -q` of A could never be green"),
    ],
)
def test_what_could_never_work_here_ends_a_run_before_anything_is_paid(
    shop: Path, write_plan: WritePlan, hermetic: Path, parts: dict[str, str], told: str
) -> None:
    ended = plait("run", str(write_plan(plan(**parts))), cwd=shop)

    assert ended.status == 3
    assert told in ended.stderr
    assert "--no-preflight" in ended.stderr
    assert started(shop) == 0
    assert not (hermetic / "prefect").exists()
    assert not list(hermetic.glob("preflight-*"))


def test_every_missing_program_is_told_at_once(shop: Path, write_plan: WritePlan) -> None:
    ended = plait("run", str(write_plan(plan(check="no-such-a x", whole="no-such-b | no-such-c"))), cwd=shop)

    assert [name for name in ("no-such-a", "no-such-b", "no-such-c") if f"{name} is not found" in ended.stderr] == [
        "no-such-a",
        "no-such-b",
        "no-such-c",
    ]


def test_a_check_that_is_red_on_base_is_what_the_plan_is_for(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    text = plan(check="./made-later.sh || test -s a.txt", whole="test -s a.txt")

    ended = plait("run", str(write_plan(text)), "--json", cwd=shop, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert started(shop) == 1


def test_the_set_up_that_was_tried_is_not_made_again_for_the_first_task(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    made = shop.parent / "made"
    text = plan(setup=f"printf x >> {made}; echo made > .ready", check="test -s .ready")

    ended = plait("run", str(write_plan(text)), "--json", cwd=shop, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert made.read_text() == "x"
    assert "trying the set-up once" in ended.stderr


def test_a_set_up_that_worked_with_other_copied_files_is_tried_again(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    text = plan(setup="grep -q fine .env").replace("  setup_inputs: [lock]\n", "  copy: [.env]\n")
    (shop / ".env").write_text("fine\n")
    assert plait("run", str(write_plan(text)), cwd=shop, env=prefect_server).status == 0
    (shop / ".env").write_text("spoilt\n")

    ended = plait("run", str(write_plan(text)), "--fresh", cwd=shop)

    assert ended.status == 3
    assert "the set-up failed on what the feature starts from: grep -q fine .env" in ended.stderr


def test_without_a_preflight_the_run_finds_out_by_itself(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    text = plan(whole="no-such-checker -q")

    ended = plait("run", str(write_plan(text)), "--no-preflight", cwd=shop, env=prefect_server)

    assert ended.status == 1
    assert started(shop) >= 1


def test_the_version_of_a_known_agent_and_a_missing_login_are_told(
    shop: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    claude = programs / "claude"
    claude.write_text("#!/bin/sh\n[ $1 = --version ] && echo '2.1.9 (Claude Code)' || exit 9\n")
    claude.chmod(0o755)
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    ended = plait("run", str(write_plan(plan(agent="claude, -p", setup="exit 3"))), cwd=shop, env=env)

    assert "claude 2.1.9 works as dev" in ended.stderr
    assert "nothing shows that claude is logged in: there is no ~/.claude/.credentials.json" in ended.stderr


def test_a_dry_run_runs_no_set_up(shop: Path, write_plan: WritePlan) -> None:
    made = shop.parent / "made"

    ended = plait("run", str(write_plan(plan(setup=f"printf x >> {made}"))), "--dry-run", cwd=shop)

    assert ended.status == 0, ended.stderr
    assert not made.exists()


@pytest.mark.slow
@pytest.mark.parametrize("first", [(), ("--only", "A")])
def test_a_set_up_that_works_on_what_an_earlier_task_makes_refuses_no_run(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], first: tuple[str, ...]
) -> None:
    text = """\
        feature: f
        crew: {web: {backend: command, command: [./agent.sh], setup: [test -s web/lock]}}
        tasks:
          - {id: A, run: "mkdir web; echo 1 > web/lock", owns: [web/**]}
          - {id: B, role: web, owns: [a.txt], needs: [A], prompt: Write a into a.txt.}
        integration: {verify: ["true"]}
        """
    path = str(write_plan(text))
    if first:
        assert plait("run", path, *first, cwd=shop, env=prefect_server).status == 0

    ended = plait("run", path, cwd=shop, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert ("trying the set-up once" in ended.stderr + ended.stdout) == bool(first)


@pytest.mark.slow
def test_a_set_up_that_worked_beside_another_copied_file_is_tried_again(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    text = plan(setup="grep -q good env.txt", whole="test ! -e a.txt")
    path = str(write_plan(text.replace("setup_inputs: [lock]", "copy: [env.txt]")))
    (shop / "env.txt").write_text("good\n")
    assert plait("run", path, cwd=shop, env=prefect_server).status == 1
    (shop / "env.txt").write_text("bad\n")

    ended = plait("run", path, "--fresh", "--yes", cwd=shop, env=prefect_server)

    assert ended.status == 3
    assert "the set-up failed on what the feature starts from: grep -q good env.txt" in ended.stderr


def test_a_named_server_that_is_not_there_is_refused_before_a_set_up_is_tried(
    shop: Path, write_plan: WritePlan
) -> None:
    made = shop.parent / "made"
    path = str(write_plan(plan(setup=f"printf x >> {made}")))

    ended = plait("run", path, cwd=shop, env={"PREFECT_API_URL": "http://127.0.0.1:9/api"})

    assert ended.status == 3
    assert "cannot be reached" in ended.stderr
    assert not made.exists()


CALL = """
import json, sys
from plait.flows.feature import deliver_feature
options = {"preflight": sys.argv[3] == "preflight", "fresh": True}
state = deliver_feature(sys.argv[1], sys.argv[2], options=options, return_state=True)
print(json.dumps({"type": state.type.value, "message": state.message}))
"""


@pytest.mark.slow
def test_a_run_that_a_page_starts_is_tried_out_before_anything_is_paid_too(
    shop: Path, prefect_server: Mapping[str, str]
) -> None:
    argv = [sys.executable, "-c", CALL, plan(whole="no-such-checker -q"), str(shop)]

    ended, without = (
        subprocess.run([*argv, how], env={**os.environ, **prefect_server}, capture_output=True, text=True, check=True)
        for how in ("preflight", "none")
    )

    refused = json.loads(ended.stdout.splitlines()[-1])
    assert refused["type"] == "FAILED"
    assert "no-such-checker is not found, also after the set-up" in refused["message"]
    assert "0 of 1 task" in json.loads(without.stdout.splitlines()[-1])["message"]
    assert started(shop) == 1


@pytest.mark.slow
def test_what_the_checks_say_of_base_is_told_before_an_agent_is_paid_and_the_second_time_nothing_is_run(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    told = shop.parent / "started"
    text = write_plan(plan(whole=f"printf c >> {told}; test -s a.txt"))

    first = plait("run", str(text), "--json", cwd=shop, env=prefect_server)
    order = told.read_text()
    second = plait("run", str(text), "--json", "--fresh", cwd=shop, env=prefect_server)

    assert (first.status, second.status) == (0, 0), first.stderr + second.stderr
    assert order == "ccxc"  # twice on base, which is red, then the agent, then its branch
    assert told.read_text() == f"{order}x"
    assert first.stderr.index("base is red") < first.stderr.index("A: dev-1 starts")
    assert "(remembered from an earlier run)" in second.stderr


@pytest.mark.slow
def test_where_a_red_base_ends_the_run_it_is_looked_at_again(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """Whoever has mended the machine must not wait for a day."""
    mended = shop.parent / "mended"
    text = write_plan(plan(whole=f"test -e {mended}").replace("integration: {", "integration: {base: green, "))

    refused = plait("run", str(text), "--json", cwd=shop, env=prefect_server)
    paid = started(shop)
    mended.touch()
    again = plait("run", str(text), "--json", cwd=shop, env=prefect_server)

    assert (refused.status, paid) == (1, 0), refused.stderr
    assert again.status == 0, again.stderr
