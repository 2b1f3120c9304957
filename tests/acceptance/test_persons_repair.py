"""A person repairs what was rejected, before the next run or while one goes on, and no agent does it again."""

import os
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git, make_repository

pytestmark = pytest.mark.slow

PLAN = """
    feature: helped
    goal: Two that clash.
    tasks:
      - {id: A, run: echo a > same.txt, priority: 1}
      - {id: B, run: "echo b > same.txt; echo x >> ../../started"}
      - {id: C, run: cp same.txt c.txt, needs: [B]}
      - {id: ABOVE, run: echo x > above.txt, needs: [A]}
    integration: {repairs: 0, ready: 1}
"""
BRANCH = "feature/helped/integration"
OWN = "feature/helped/agent/command/B"


def repair_by_hand(repository: Path, place: Path) -> None:
    """As a person does it: a worktree of the branch, the feature branch merged, the conflict settled."""
    git(repository, "worktree", "add", "--quiet", str(place), OWN)
    git(place, "merge", "--quiet", BRANCH, check=False)
    (place / "same.txt").write_text("a and b\n")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--no-edit")


@pytest.mark.parametrize("stands_there", [False, True])
def test_a_persons_repair_is_taken_by_the_next_run_and_no_agent_starts(
    repository: Path,
    tmp_path: Path,
    write_plan: WritePlan,
    prefect_server: Mapping[str, str],
    stands_there: bool,
) -> None:
    plan = write_plan(PLAN)
    first = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert first.status == 1, first.stderr
    states = {task["id"]: task["state"] for task in first.data["tasks"]}
    assert states == {"A": "landed", "B": "held", "C": "held", "ABOVE": "landed"}
    place = tmp_path / "there"
    repair_by_hand(repository, place)
    by_hand = git(place, "rev-parse", "HEAD")
    if not stands_there:
        git(repository, "worktree", "remove", str(place))

    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert second.status == 0, second.stderr
    assert "B: the repair by" in second.stderr
    assert files_of(repository, BRANCH)["same.txt"] == "a and b"
    assert files_of(repository, BRANCH)["c.txt"] == "b"
    git(repository, "merge-base", "--is-ancestor", by_hand, BRANCH)
    tries = {task["id"]: task["tries"] for task in second.data["tasks"]}
    assert tries["B"] == 0
    if stands_there:
        assert git(place, "rev-parse", "HEAD") == by_hand
    third = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert (third.status, third.data["batches"]) == (0, [])


def test_a_repair_that_a_person_makes_while_the_run_goes_on_lands_in_it_and_frees_what_it_blocked(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """One of the plan's own commands plays the person."""
    script = tmp_path / "person.sh"
    script.write_text(
        textwrap.dedent(
            f"""\
            cd {repository}
            until git rev-parse --verify --quiet {OWN} && git rev-parse --verify --quiet {BRANCH}; do sleep 0.2; done
            sleep 3
            blob=$(echo 'a and b' | git hash-object -w --stdin)
            tree=$( (git ls-tree {BRANCH} | grep -v same.txt; printf "100644 blob $blob\\tsame.txt\\n") | git mktree)
            made=$(git -c user.name=Ann -c user.email=ann@here commit-tree \
              -p {OWN} -p {BRANCH} -m "settled" $tree)
            git update-ref refs/heads/{OWN} $made
            sleep 4
            """
        )
    )
    more = f"""  - {{id: D, run: 'sh {script} && echo d > d.txt'}}
      - {{id: E, run: cp same.txt e.txt, needs: [B, D]}}
    integration: {{repairs: 0, wait: 1s}}
    """
    text = PLAN.replace("integration: {repairs: 0, ready: 1}", more).replace("echo b", "sleep 0.7; echo b")
    # In one batch with C, which rests on B, it would be A that gives way.
    plan = write_plan(text.replace("cp same.txt c.txt", "sleep 4; cp same.txt c.txt"))

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert "B: the repair by Ann is taken" in ended.stderr
    assert "E: blocked" in ended.stderr
    assert files_of(repository, BRANCH)["e.txt"] == "a and b"


def test_a_persons_repair_that_touches_what_nobody_may_land_or_is_red_is_held_with_the_reason_and_stays_theirs(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(PLAN)
    plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    place = tmp_path / "there"
    repair_by_hand(repository, place)
    commit_files(place, {".github/workflows/ci.yml": "on: push\n"})
    by_hand = git(place, "rev-parse", "HEAD")
    git(repository, "worktree", "remove", str(place))

    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert second.status == 1
    reasons = {task["id"]: task["reason"] for task in second.data["tasks"]}
    assert ".github/workflows/ci.yml" in reasons["B"]
    assert git(repository, "rev-parse", OWN) == by_hand


def test_resolve_hands_out_the_conflict_takes_it_back_and_the_next_run_lands_it(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(PLAN)
    plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    handed = plait("resolve", "B", "--json", cwd=repository)
    assert handed.status == 0, handed.stderr
    file = Path(handed.data["directory"]) / "same.txt"
    assert handed.data["files"] == ["same.txt"]
    assert "<<<<<<< " in file.read_text()
    assert git(file.parent, "status", "--porcelain") == "AA same.txt"
    unfinished = plait("resolve", "B", "--done", cwd=repository)
    assert unfinished.status == 2
    assert "conflict markers are left over in same.txt" in unfinished.stderr
    file.write_text("a and b\n")
    assert plait("resolve", "B", cwd=repository).status == 0
    assert file.read_text() == "a and b\n"
    done = plait("resolve", "B", "--done", cwd=repository)
    assert done.status == 0, done.stderr
    assert not file.exists()

    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert second.status == 0, second.stderr
    assert files_of(repository, BRANCH)["same.txt"] == "a and b"
    landed = plait("resolve", "B", cwd=repository)
    assert landed.status == 2
    assert "B has landed" in landed.stderr


def test_what_is_handed_out_to_a_person_has_the_copied_files_and_they_are_not_taken_back(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    (repository / ".env").write_text("PASSWORD=hunter22\n")
    plan = write_plan(PLAN.replace("goal: Two that clash.", "crew: {copy: [.env, gone.env]}"))
    plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    handed = plait("resolve", "B", "--json", cwd=repository)
    directory = Path(handed.data["directory"])
    assert (directory / ".env").read_text() == "PASSWORD=hunter22\n"
    assert any("there is no gone.env" in note for note in handed.data["notes"])
    (directory / "same.txt").write_text("a and b\n")
    assert plait("resolve", "B", "--done", cwd=repository).status == 0

    assert files_of(repository, OWN)["same.txt"] == "a and b"
    assert ".env" not in files_of(repository, OWN)


def test_what_is_handed_out_to_a_person_is_made_ready_as_the_checkouts_of_the_task(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    (repository / ".env").write_text("A=1\n")
    (repository / "own.env").write_text("B=1\n")
    setup = f'"echo $GREETING > deps; cat own.env $PLAIT_REPOSITORY/.env >> deps; ! test -e {tmp_path}/broken"'
    own = f'setup: [{setup}], copy: [own.env], environment: {{GREETING: hello}}, run: "echo b'
    plan = write_plan(PLAN.replace("goal: Two that clash.", "crew: {copy: [.env]}").replace('run: "echo b', own))
    plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    handed = plait("resolve", "B", "--json", cwd=repository)
    directory = Path(handed.data["directory"])
    assert (directory / "deps").read_text() == "hello\nB=1\nA=1\n"
    assert "making it ready: echo $GREETING" in handed.stderr
    assert handed.data["notes"] == []
    plait("resolve", "B", "--abort", cwd=repository)

    without = plait("resolve", "B", "--json", "--no-set-up", cwd=repository)
    assert not (directory / "deps").exists()
    assert without.data["notes"][0].startswith("its set-up was left out: `echo $GREETING")
    plait("resolve", "B", "--abort", cwd=repository)

    (tmp_path / "broken").touch()
    failed = plait("resolve", "B", "--json", cwd=repository)
    assert failed.status == 0
    assert failed.data["notes"][0].startswith("its set-up failed here, maybe for the conflict; run it yourself")
    (directory / "same.txt").write_text("a and b\n")
    assert plait("resolve", "B", "--done", cwd=repository).status == 0
    assert files_of(repository, OWN)["same.txt"] == "a and b"
    assert not {"deps", "own.env", ".env"} & files_of(repository, OWN).keys()


def test_resolve_leaves_to_a_person_only_what_the_plans_rules_do_not_settle(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """The log is for a rule, the lock for a command, which is not run here; a run that kept no rules says so."""
    files = "echo {0} > same.txt; echo {0} >> log.txt; echo {0} > lock.txt"
    plan = write_plan(f"""
        feature: helped
        goal: Two that clash.
        tasks:
          - {{id: A, run: "{files.format("a")}", priority: 1}}
          - {{id: B, run: "{files.format("b")}"}}
        integration:
          repairs: 0
          wait: 10s
          merge: [{{paths: [log.txt], way: union}}, {{paths: [lock.txt], regenerate: echo made anew > lock.txt}}]
    """)
    first = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    plan.unlink()

    handed = plait("resolve", "B", "--json", cwd=repository)
    assert handed.data["files"] == ["lock.txt", "same.txt"]
    assert handed.data["settled"] == ["log.txt (union)"]
    assert handed.data["notes"] == ["lock.txt is to be made anew, which was not done here: echo made anew > lock.txt"]
    assert (Path(handed.data["directory"]) / "log.txt").read_text() == "a\nb\n"
    assert "settled already: log.txt (union)" in plait("resolve", "B", "--no-shell", cwd=repository).stdout
    plait("resolve", "B", "--abort", cwd=repository)

    kept = next(Path(os.environ["PLAIT_HOME"]).glob(f"runs/{first.data['run_id']}/merging.json"))
    kept.unlink()
    told = plait("resolve", "B", "--no-shell", cwd=repository).stdout
    assert "3 files with conflicts" in told
    assert "did not keep the plan's rules" in told


def test_resolve_that_is_given_up_leaves_the_branch_as_it_was(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plait("run", str(write_plan(PLAN)), "--json", cwd=repository, env=prefect_server)
    before = git(repository, "rev-parse", OWN)
    place = Path(plait("resolve", "B", "--json", cwd=repository).data["directory"])

    ended = plait("resolve", "B", "--abort", cwd=repository)

    assert ended.status == 0, ended.stderr
    assert git(repository, "rev-parse", OWN) == before
    assert not place.exists()
    assert plait("resolve", "B", "--done", cwd=repository).status == 2
    assert plait("resolve", "NOBODY", cwd=repository).status == 2


def test_resolve_merges_with_what_the_feature_began_from_while_nothing_has_landed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    git(repository, "branch", "develop")
    commit_files(repository, {"main.txt": "of the user's own branch"})
    plan = write_plan("""
        feature: helped
        goal: One that is red.
        base: develop
        tasks: [{id: A, run: echo x > bad.txt}]
        integration: {repairs: 0, verify: [test ! -e bad.txt]}
    """)
    assert plait("run", str(plan), cwd=repository, env=prefect_server).status == 1

    place = Path(plait("resolve", "A", "--json", cwd=repository).data["directory"])

    assert (place / "bad.txt").exists()
    assert not (place / "main.txt").exists()


def test_resolve_is_given_up_and_told_in_json_whatever_became_of_the_branch_and_names_who_is_waited_for(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plait("run", str(write_plan(PLAN)), "--json", cwd=repository, env=prefect_server)
    waiting = plait("resolve", "C", "--json", cwd=repository)
    assert waiting.data["notes"] == ["C itself was not rejected: mend first what it waits for"]
    place = Path(plait("resolve", "B", "--json", cwd=repository).data["directory"])
    done = plait("resolve", "C", "--done", "--json", cwd=repository)
    assert done.status == 2
    (Path(waiting.data["directory"]) / "same.txt").write_text("a and b\n")
    done = plait("resolve", "C", "--done", "--json", cwd=repository)
    branch = "feature/helped/agent/command/C"
    assert done.data == {"task": "C", "branch": branch, "commit": git(repository, "rev-parse", branch)}

    git(repository, "branch", "-D", OWN)
    ended = plait("resolve", "B", "--abort", "--json", cwd=repository)

    assert ended.data == {"task": "B", "branch": OWN, "commit": None}
    assert not place.exists()
    assert not git(repository, "for-each-ref", "refs/plait/pin")


def test_resolve_of_a_task_that_was_done_in_a_bundle_hands_out_the_bundle(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    a_landed = f"until git -C {repository} rev-parse --quiet --verify {BRANCH}; do sleep 0.2; done"
    commit_files(repository, {"agent.sh": f"{a_landed}\nfor part in w1 w2 same; do echo b > $part.txt; done\n"})
    plan = write_plan("""
        feature: helped
        goal: A bundle that clashes.
        crew:
          default_backend: command
          tagger: {slots: 1, start_up: 10m, command: [sh, agent.sh]}
        tasks:
          - {id: A, run: echo a > same.txt, duration: 1m}
          - {id: L1, role: tagger, prompt: Write w1.txt., duration: 15m, owns: [w1.txt, same.txt]}
          - {id: L2, role: tagger, prompt: Write w2.txt., duration: 15m, owns: [w2.txt, same.txt]}
        integration: {repairs: 0}
    """)
    first = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert {task["id"]: task["state"] for task in first.data["tasks"]} == {"A": "landed", "L1": "held", "L2": "held"}

    handed = plait("resolve", "L2", "--json", cwd=repository)
    assert handed.data["task"] == "L1-and-1-more"
    (Path(handed.data["directory"]) / "same.txt").write_text("both\n")
    done = plait("resolve", "L1", "--done", cwd=repository)
    assert done.status == 0, done.stderr

    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert second.status == 0, second.stderr
    assert {task["id"]: task["tries"] for task in second.data["tasks"]} == {"A": 0, "L1": 0, "L2": 0}
    assert files_of(repository, BRANCH)["same.txt"] == "both"


def test_resolve_means_the_repository_that_a_person_stands_in_and_outside_of_any_asks_which(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """Two have a run with the same task; the checkout that was handed out counts as the repository it is of."""
    plan, other = write_plan(PLAN), make_repository(tmp_path / "other")
    first = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    plait("run", str(plan), "--json", cwd=other, env=prefect_server)

    handed = plait("resolve", "B", "--json", cwd=repository / "docs")
    work = Path(handed.data["directory"])
    assert git(work, "rev-parse", "HEAD") == git(repository, "rev-parse", BRANCH)
    nowhere = plait("resolve", "B", "--json", cwd=tmp_path)
    assert nowhere.status == 2
    assert "no run of plait belongs to where you stand" in nowhere.stderr
    assert "--run" in nowhere.stderr
    named = plait("resolve", "B", "--json", "--run", first.data["run_id"], cwd=tmp_path)
    assert named.data["directory"] == str(work)
    (work / "same.txt").write_text("a and b\n")
    before = git(other, "rev-parse", OWN)

    done = plait("resolve", "B", "--done", cwd=work)

    assert done.status == 0, done.stderr
    assert files_of(repository, OWN)["same.txt"] == "a and b"
    assert git(other, "rev-parse", OWN) == before


def test_resolve_of_a_conflict_without_markers_is_done_by_leaving_it_as_git_made_it(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan("""
        feature: helped
        goal: One removes what the other mends.
        tasks:
          - {id: A, run: rm README.md, priority: 1}
          - {id: B, run: echo more >> README.md}
        integration: {repairs: 0, wait: 10s}
    """)
    first = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    states = {task["id"]: task["state"] for task in first.data["tasks"]}
    assert states == {"A": "landed", "B": "held"}, first.stderr

    told = plait("resolve", "B", "--no-shell", cwd=repository).stdout
    assert "no markers in README.md (modify/delete): as B has it" in told
    assert "what git made of these may stay as it is" in told
    done = plait("resolve", "B", "--done", cwd=repository)
    assert done.status == 0, done.stderr

    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert second.status == 0, second.stderr
    assert files_of(repository, BRANCH)["README.md"].endswith("more")
