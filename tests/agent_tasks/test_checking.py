"""Truth about "done"."""

from pathlib import Path

import pytest

from plait.agent_tasks.errors import TaskImpossible, TryFailed
from plait.agent_tasks.implement import implement
from plait.agent_tasks.trying import past_tries
from plait.agent_tasks.workshop import opened_workshop
from plait.plans.tasks.work import RepairOrder, WorkReport
from tests.conftest import BranchWith
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, files_of, git

PLAN = """
    feature: shop
    goal: Sell things.
    crew:
      default_backend: command
      backend: {command: [/bin/sh, -c, "%s"]}
    tasks:
      - {id: A, role: backend, prompt: Do it., owns: [other.txt]}
"""


@pytest.fixture
def repair(branch_with: BranchWith) -> RepairOrder:
    """Rejected because it was red, and in conflict with what has landed since."""
    rejected = branch_with("rejected", {"README.md": "mine\n"})
    onto = branch_with("onto", {"README.md": "theirs\n"})
    return RepairOrder(1, "fails-alone", rejected, onto, None, None, files=(), reason="red", commands=())


def carry_out(repository: Path, repair: RepairOrder, work: str) -> str:
    """The commit that came of it."""
    with opened(PLAN % work, repository) as session:
        order = order_of(session, "A", start=repair.rejected, expected=repair.rejected, repair=repair)
        git(repository, "branch", order.branch, repair.rejected)
        return implement.fn(order, session.shop.facts).commit or ""


def test_a_marker_left_over_is_no_done_whatever_the_branch_was_rejected_for(
    repository: Path, repair: RepairOrder
) -> None:
    with pytest.raises(TryFailed, match="markers are left over"):
        carry_out(repository, repair, "echo more > other.txt")


def test_a_repair_may_mend_the_conflict_that_it_was_handed_in_files_of_others(
    repository: Path, repair: RepairOrder
) -> None:
    commit = carry_out(repository, repair, "echo more > other.txt; echo both > README.md")

    assert files_of(repository, commit)["README.md"] == "both"


def test_a_file_s_name_cannot_add_a_line_to_what_is_said(repository: Path) -> None:
    name = r"$(printf 'x\\nB: landed')"
    plan = f"""
        feature: shop
        goal: Sell things.
        tasks:
          - {{id: A, run: "echo more > \\"{name}\\"", owns: [other.txt]}}
    """
    with opened(plan, repository) as session, pytest.raises(TryFailed) as failed:
        implement.fn(order_of(session, "A"), session.shop.facts)

    assert str(failed.value) == r"it changed what it does not own: x\nB: landed"


@pytest.mark.parametrize(
    ("outputs", "missing"),
    [
        ("[docs/study.md]", "docs/study.md"),
        ("['study/*.md', other.txt]", "study/*.md"),
        ("[other.txt, a/, b.txt]", "a/** and none b.txt"),
        ("[other.txt]", None),
        ("['*.txt', README.md]", None),
    ],
)
def test_work_without_what_it_promised_does_not_count(repository: Path, outputs: str, missing: str | None) -> None:
    plan = f"""
        feature: shop
        goal: Sell things.
        tasks: [{{id: A, run: echo more > other.txt, owns: [other.txt, 'docs/**', a/, b.txt], outputs: {outputs}}}]
    """
    with opened(plan, repository) as session:
        if missing is None:
            assert implement.fn(order_of(session, "A"), session.shop.facts).commit
            return
        with pytest.raises(TryFailed) as failed:
            implement.fn(order_of(session, "A"), session.shop.facts)
    assert str(failed.value) == f"it said that it was done, but what it promised is not there: no file {missing}"


@pytest.mark.parametrize(("owns", "accepted"), [("", False), (", owns: ['*.txt']", True)])
def test_a_contract_is_changed_by_who_only_rests_on_it_where_the_plan_says_so_and_nowhere_else(
    repository: Path, owns: str, accepted: bool
) -> None:
    commit_files(repository, {"api.txt": "cents\n", "mock.txt": "mock\n"})
    plan = f"""
        feature: shop
        goal: Sell things.
        contracts: [{{id: api, status: approved, files: [api.txt], mock: [mock.txt]}}]
        tasks:
          - {{id: A, run: "echo real > mock.txt; echo euros > api.txt", needs: [{{contract: api}}]{owns}}}
    """
    with opened(plan, repository) as session:
        order = order_of(session, "A")
        if accepted:
            assert implement.fn(order, session.shop.facts).commit
            return
        with pytest.raises(TryFailed) as failed:
            implement.fn(order, session.shop.facts)

    assert str(failed.value) == "it changed the contract that it rests on, and has to keep to: api.txt"


def try_once(repository: Path, plan: str) -> str:
    """Why the one try of task A does not count."""
    with opened(plan, repository) as session:
        with pytest.raises(TryFailed) as failed:
            implement.fn(order_of(session, "A"), session.shop.facts)
        assert not git(repository, "for-each-ref", f"refs/heads/{order_of(session, 'A').branch}")
    return str(failed.value)


def a_task(run: str, **keys: str) -> str:
    """A plan with the task A, and keys as YAML."""
    more = "".join(f", {key}: {value}" for key, value in keys.items())
    return f'feature: shop\ngoal: Sell things.\ntasks:\n  - {{id: A, run: "{run}"{more}}}\n'


def done(repository: Path, plan: str) -> WorkReport:
    with opened(plan, repository) as session:
        return implement.fn(order_of(session, "A"), session.shop.facts)


def test_only_an_exclusive_lock_lets_its_holder_change_what_it_does_not_own(repository: Path) -> None:
    locked = a_task("echo more >> README.md", owns="[a.txt]", locks="[{path: README.md, mode: %s}]")

    assert try_once(repository, locked % "shared") == "it changed what it does not own: README.md"
    assert done(repository, locked % "exclusive").changed == ("README.md",)


def test_nothing_but_the_first_few_of_many_paths_is_named(repository: Path) -> None:
    def told(count: int) -> str:
        return try_once(repository, a_task(f"for n in $(seq {count}); do echo x > $n.txt; done", owns="[a.txt]"))

    assert told(5).endswith(": 1.txt, 2.txt, 3.txt, 4.txt, 5.txt")
    assert told(6).endswith(", 5.txt and 1 more")


@pytest.mark.parametrize("changes", ["optional", "required"])
def test_what_cannot_be_committed_is_no_done_also_where_nothing_need_change(repository: Path, changes: str) -> None:
    told = try_once(repository, a_task("mkfifo pipe; echo x > x.txt", changes=changes))

    assert told == "the checkout cannot be committed: pipe: a named pipe, not a file"


def test_the_first_few_of_many_things_that_cannot_be_committed_are_named(repository: Path) -> None:
    told = try_once(repository, a_task("mkfifo 1 2 3 4 5 6"))

    assert told.count("; ") == 4
    assert "5: a named pipe" in told
    assert "6: a named pipe" not in told


def test_changing_nothing_is_no_done_where_something_has_to_change(repository: Path) -> None:
    assert try_once(repository, a_task("true", changes="required")) == "it said that it was done, but changed nothing"
    assert done(repository, a_task("true", changes="optional")).commit is None


def test_a_task_that_changes_nothing_is_not_verified(repository: Path) -> None:
    assert done(repository, a_task("true", verify='["false"]')).commit is None


def test_a_verification_that_is_red_fails_the_try_with_the_end_of_what_it_printed(repository: Path) -> None:
    told = try_once(repository, a_task("echo x > a.txt", verify='["echo because; false"]'))

    assert told == "it said that it was done, but `echo because; false` failed:\nbecause"


LONG = "printf '%02500d' 0; false"
"""Prints more than is told."""


def test_only_the_end_of_what_a_red_command_printed_is_told(repository: Path) -> None:
    task = try_once(repository, a_task("echo x > a.txt", verify=f'["{LONG}"]'))
    contract = try_once(repository, CONTRACT.replace("grep -q %s api.txt", LONG.replace("%", "%%")) % (SOUND, '"true"'))

    assert task.rpartition("\n")[2] == contract.rpartition("\n")[2] == "0" * 2000


def test_a_verification_that_takes_too_long_fails_the_try(repository: Path) -> None:
    told = try_once(repository, a_task("echo x > a.txt", verify="[sleep 60]", timeout="1s"))

    assert told.startswith("it said that it was done, but `sleep 60` timed out")


def test_a_verification_that_cannot_be_carried_out_is_nobody_s_fault(repository: Path) -> None:
    plan = a_task("echo x > a.txt", verify='["kill -9 $$"]')
    with opened(plan, repository) as session, pytest.raises(TaskImpossible, match="could not be run"):
        implement.fn(order_of(session, "A"), session.shop.facts)


CONTRACT = """
    feature: shop
    goal: Sell things.
    contracts: [{id: api, owner: A, files: [api.txt], mock: [mock.txt], tests: ["grep -q %s api.txt"]}]
    tasks:
      - {id: A, run: "%s", owns: [api.txt, mock.txt], verify: [%s]}
      - {id: B, run: "echo b > b.txt", needs: [{contract: api}]}
"""
SOUND = "echo cents > api.txt; echo mock > mock.txt"


@pytest.mark.parametrize(
    ("work", "verify", "told"),
    [
        (f"{SOUND}; echo more >> README.md", '"true"', "it changed what it does not own: README.md"),
        (SOUND, '"false"', "it said that it was done, but `false` failed:"),
        (
            "echo cents > api.txt",
            '"true"',
            "it said that it was done, but the contract api is not there: no file mock.txt",
        ),
        (
            "echo euros > api.txt; echo mock > mock.txt",
            '"true"',
            "the contract api is not approved: `grep -q cents api.txt` failed on its mock:",
        ),
    ],
)
def test_the_writer_of_a_contract_is_held_to_all_that_any_task_is_and_to_the_contract(
    repository: Path, work: str, verify: str, told: str
) -> None:
    assert try_once(repository, CONTRACT % ("cents", work, verify)).strip() == told


def test_the_writer_of_a_sound_contract_may_change_its_files(repository: Path) -> None:
    assert done(repository, CONTRACT % ("cents", SOUND, '"true"')).changed == ("api.txt", "mock.txt")


def test_the_tests_of_a_contract_are_told_that_they_run_against_the_mock(repository: Path) -> None:
    plan = CONTRACT.replace("grep -q %s api.txt", "test $PLAIT_CONTRACT = mock") % (SOUND, '"true"')

    assert done(repository, plan).commit


def test_a_contract_without_tests_needs_only_its_files(repository: Path) -> None:
    plan = CONTRACT.replace(', tests: ["grep -q %s api.txt"]', "")

    assert done(repository, plan % (SOUND, '"true"')).commit
    git(repository, "branch", "-D", "feature/shop/agent/command/A")
    assert "no file mock.txt" in try_once(repository, plan % ("echo cents > api.txt", '"true"'))


BUNDLE = """
    feature: shop
    goal: Sell things.
    crew:
      default_backend: command
      qa: {slots: 1, start_up: 10m, command: [/bin/sh, -c, "%s"]}
    tasks:
      - {id: L1, role: qa, prompt: One., duration: 15m, owns: [ui/1.txt]}
      - {id: L2, role: qa, prompt: Two., duration: 15m, owns: [ui/2.txt]}
"""


def test_each_task_of_a_bundle_has_to_change_something(repository: Path) -> None:
    with opened(BUNDLE % "mkdir -p ui; echo x > ui/2.txt", repository) as session:
        (bundle,) = session.chosen
        with pytest.raises(TryFailed) as failed:
            implement.fn(order_of(session, bundle), session.shop.facts)
        (attempt,) = past_tries(session.shop.folder_of(bundle))

    assert str(failed.value) == "it said that it was done, but changed nothing for L1"
    assert "\nPlait-Members: L1=" in git(repository, "log", "-1", "--format=%B", attempt.salvage or "")


def test_a_repair_of_a_bundle_may_change_the_files_of_one_task_alone(repository: Path, branch_with: BranchWith) -> None:
    rejected = branch_with("rejected", {"ui/1.txt": "1\n", "ui/2.txt": "2\n"})
    onto = branch_with("onto", {"app.py": "new\n"})
    repair = RepairOrder(1, "fails-alone", rejected, onto, None, None, files=(), reason="red", commands=())
    with opened(BUNDLE % "echo x > ui/2.txt", repository) as session:
        (bundle,) = session.chosen
        order = order_of(session, bundle, start=rejected, expected=rejected, repair=repair)
        git(repository, "branch", order.branch, rejected)

        assert implement.fn(order, session.shop.facts).changed == ("ui/2.txt",)


@pytest.fixture
def clash(branch_with: BranchWith) -> RepairOrder:
    """Rejected because of a conflict in a file of somebody else."""
    rejected = branch_with("rejected", {"README.md": "mine\n"})
    onto = branch_with("onto", {"README.md": "theirs\n"})
    return RepairOrder(1, "conflict", rejected, onto, "B", onto, files=("README.md",), reason="both", commands=())


def test_a_repair_may_change_no_file_that_did_not_conflict(repository: Path, clash: RepairOrder) -> None:
    with pytest.raises(TryFailed, match=r"^it changed what it does not own: app.py$"):
        carry_out(repository, clash, "echo both > README.md; echo more > app.py")


def test_a_repair_descends_from_what_was_rejected_and_from_what_it_fits(repository: Path, clash: RepairOrder) -> None:
    commit = carry_out(repository, clash, "echo both > README.md")

    assert git(repository, "rev-parse", f"{commit}^1", f"{commit}^2").split() == [clash.rejected, clash.onto]


def test_a_command_makes_its_files_anew_and_a_rejected_one_may_change_the_files_that_it_was_told(
    repository: Path, clash: RepairOrder
) -> None:
    plan = a_task("! grep -q '<<<<' README.md && echo both > README.md", owns="[a.txt]")
    with opened(plan, repository) as session:
        order = order_of(session, "A", start=clash.onto, expected=clash.rejected, repair=clash)
        git(repository, "branch", order.branch, clash.rejected)
        made = implement.fn(order, session.shop.facts)

    assert files_of(repository, made.commit or "")["README.md"] == "both"


def test_a_contract_on_base_may_be_mended_where_it_conflicts(repository: Path, branch_with: BranchWith) -> None:
    commit_files(repository, {"api.txt": "cents\n"})
    plan = """
        feature: shop
        goal: Sell things.
        crew: {backend: {backend: command, command: [/bin/sh, -c, "echo both > api.txt; echo a > a.txt"]}}
        contracts: [{id: api, status: approved, files: [api.txt]}]
        tasks: [{id: A, role: backend, prompt: Do it., needs: [{contract: api}]}]
    """
    rejected = branch_with("rejected", {"api.txt": "mine\n"})
    onto = branch_with("onto", {"api.txt": "theirs\n"})
    repair = RepairOrder(1, "conflict", rejected, onto, None, None, files=("api.txt",), reason="", commands=())
    with opened(plan, repository) as session:
        order = order_of(session, "A", start=rejected, expected=rejected, repair=repair)
        git(repository, "branch", order.branch, rejected)

        assert implement.fn(order, session.shop.facts).changed == ("a.txt", "api.txt")


SETTLED = """
    feature: shop
    goal: Sell things.
    crew: {backend: {backend: command, command: [/bin/sh, -c, "%s"]}}
    tasks:
      - {id: A, role: backend, prompt: Do it., owns: [other.txt]}
    integration:
      merge:
        - {paths: [docs/], way: union}
        - {paths: [lock], regenerate: "%s"}
"""


def a_settled_repair(repository: Path, branch_with: BranchWith, work: str, command: str) -> dict[str, str]:
    """The files of a repair in whose checkout a guide, a lock and the read-me were in conflict."""
    before = files_of(repository, "main")["docs/guide.md"]
    mine, theirs = (
        branch_with(name, {"docs/guide.md": f"{before}\n{name}\n", "lock": name, "README.md": readme})
        for name, readme in (("mine", "1\n"), ("theirs", "2\n" if "README" in work else "1\n"))
    )
    repair = RepairOrder(1, "conflict", mine, theirs, "B", theirs, ("README.md", "lock"), "both", ())
    with opened(SETTLED % (work, command), repository) as session:
        order = order_of(session, "A", start=mine, expected=mine, repair=repair)
        git(repository, "branch", order.branch, mine)
        made = implement.fn(order, session.shop.facts)
    return files_of(repository, made.commit or "")


def test_a_repair_begins_with_what_rules_settle_and_commands_make_anew(
    repository: Path, branch_with: BranchWith
) -> None:
    files = a_settled_repair(repository, branch_with, "echo more > other.txt", "wc -l < docs/guide.md > lock")
    assert files["docs/guide.md"].endswith("\ntheirs\nmine")
    assert files["lock"].strip().isdecimal()


def test_where_a_conflict_is_left_no_command_runs_and_its_file_is_the_agent_s(
    repository: Path, branch_with: BranchWith
) -> None:
    work = "git merge-tree --write-tree HEAD HEAD > lock && echo both > README.md && ! grep '<<<' docs/guide.md"
    files = a_settled_repair(repository, branch_with, work, "exit 1")
    assert len(files["lock"]) == 40
    assert files["README.md"] == "both"
    assert files["docs/guide.md"].endswith("\ntheirs\nmine")


def test_a_command_that_fails_leaves_its_file_to_the_agent(repository: Path, branch_with: BranchWith) -> None:
    work = "grep -q '<<<<<<<' lock && echo mended > lock"
    assert a_settled_repair(repository, branch_with, work, "exit 1")["lock"] == "mended"


# What is left out, and said.


def test_promised_files_that_git_ignores_are_named_with_the_rule(repository: Path) -> None:
    commit_files(repository, {".gitignore": "*.log\nlib/\n"})
    made = "mkdir -p web/lib web/src; echo x > web/lib/util.ts; echo x > web/lib/more.ts"
    told = try_once(repository, a_task(made, owns="[web/lib/**]", changes="required"))
    left = "left out is web/lib/more.ts and 1 more (.gitignore, line 2: lib/)"
    assert told == f"it said that it was done, but changed nothing; {left}"
    some = f"{made}; echo x > web/src/page.ts"
    told = try_once(repository, a_task(some, owns="[web/**]", outputs="[web/lib/util.ts]"))
    assert told.endswith("no file web/lib/util.ts; left out is web/lib/util.ts (.gitignore, line 2: lib/)")


def test_ignored_files_beside_work_that_counts_are_told_only_where_they_were_to_be_work(repository: Path) -> None:
    commit_files(repository, {".gitignore": "lib/\nnode_modules/\n"})
    made = "mkdir -p web/lib web/src web/node_modules/x; echo x | tee web/lib/u.ts web/node_modules/x/i.js"
    work = f"{made} > web/src/page.ts"
    assert told_of(repository, a_task(work, owns="[web/**]")) == []
    assert told_of(repository, a_task(work, owns="[web/src/**, web/lib/**]")) == [
        "A: left out, although its patterns name it: web/lib/u.ts (.gitignore, line 1: lib/)"
    ]


def test_what_programs_leave_everywhere_is_never_named(repository: Path) -> None:
    made = "mkdir -p web/__pycache__; echo x > web/__pycache__/a.pyc"
    told = try_once(repository, a_task(made, owns="[web/**]", changes="required"))
    assert told == "it said that it was done, but changed nothing"


def test_a_clone_beside_the_work_is_left_out_and_told(repository: Path) -> None:
    clone = "git init -q ref; git -C ref remote add origin x; echo x > ref/file; echo x > a.txt"
    assert told_of(repository, a_task(clone, owns="[a.txt]")) == [
        "A: ref is a repository of its own, and left out with its 1 file"
    ]


def test_what_the_set_up_made_is_not_promised_work(repository: Path) -> None:
    made = a_task("true", outputs="[gen/api.ts]", setup='["mkdir gen; echo x > gen/api.ts"]')
    told = try_once(repository, made)
    assert told.endswith("no file gen/api.ts; left out is gen/api.ts (the set-up made it)")


def test_a_file_of_the_set_up_that_the_agent_changes_outside_of_what_it_owns_fails_the_try(repository: Path) -> None:
    plan = a_task("echo y >> README.md; echo x > a.txt", owns="[a.txt]", setup='["echo x >> README.md"]')
    assert try_once(repository, plan) == "it changed what it does not own: README.md"
    untouched = a_task("echo x > a.txt", owns="[a.txt]", setup='["echo x >> README.md; echo x > made.txt"]')
    assert done(repository, untouched).changed == ("a.txt",)


def told_of(repository: Path, plan: str) -> list[str]:
    """What whoever watches is told of the one try of task A, which counts."""
    told: list[str] = []
    with opened(plan, repository, fresh=True) as session:
        shop = session.shop
        with opened_workshop(shop.facts, control=shop.control, tell=told.append):
            implement.fn(order_of(session, "A"), shop.facts)
    return told
