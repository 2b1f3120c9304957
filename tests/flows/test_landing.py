"""A finished feature comes onto base: exactly what was verified, by one move, and never under somebody's checkout."""

from pathlib import Path

import pytest

from plait.flows.landing import LandCall, land_feature
from plait.plans.errors import CallError
from tests.flows.finished import BRANCH, PLAN, finish, log, stand_elsewhere
from tests.flows.opened import opened
from tests.support.repositories import commit_files, commit_on_branch, files_of, git


@pytest.mark.parametrize(("way", "parents"), [("merge", 2), ("squash", 1)])
def test_it_lands_as_one_commit_on_base_that_says_what_it_is(repository: Path, way: str, parents: int) -> None:
    tip = finish(repository)
    stand_elsewhere(repository)
    before = git(repository, "rev-parse", "main")

    outcome = land_feature(LandCall("cart", repository, way=way))

    assert (outcome.state, outcome.base, outcome.way, outcome.verified) == ("landed", "main", way, "yes")
    assert git(repository, "rev-parse", "main") == outcome.commit
    assert git(repository, "rev-parse", "main^1") == before
    assert len(git(repository, "log", "-1", "--format=%P", "main").split()) == parents
    assert files_of(repository, "main") == files_of(repository, BRANCH)
    assert f"Plait-Tip: {tip}" in log(repository, "main")
    assert "Verified: yes" in log(repository, "main")
    assert log(repository, "main").startswith("Land cart: A basket.")


def test_a_fast_forward_moves_base_to_the_feature_branch_itself(repository: Path) -> None:
    tip = finish(repository)
    stand_elsewhere(repository)

    outcome = land_feature(LandCall("cart", repository, way="fast-forward", strictly=True))

    assert (outcome.state, outcome.commit) == ("landed", tip)
    assert git(repository, "rev-parse", "main") == tip


def test_the_plan_says_how_it_lands_where_the_call_does_not(repository: Path) -> None:
    finish(repository, f"{PLAN}      land_by: squash\n")
    stand_elsewhere(repository)

    assert land_feature(LandCall("cart", repository)).way == "squash"


def test_a_squash_names_all_tasks_so_that_a_later_run_has_nothing_to_do_although_all_branches_are_gone(
    repository: Path,
) -> None:
    finish(repository)
    stand_elsewhere(repository)
    land_feature(LandCall("cart", repository, way="squash"))
    for ref in git(repository, "for-each-ref", "--format=%(refname)", "refs/heads/feature/").split():
        git(repository, "update-ref", "-d", ref)
    git(repository, "switch", "--quiet", "main")

    message = log(repository, "main")
    assert [line.strip() for line in message.splitlines() if "Plait-Task" in line] == ["Plait-Task: B", "Plait-Task: A"]
    assert "Co-authored-by: command-1 <plait@localhost>" in message
    with opened(PLAN, repository, run_id="run-2") as later:
        assert {task: work.landed for task, work in later.reuse.finished.items()} == {"A": True, "B": True}


def test_base_that_has_moved_is_merged_and_verified_before_it_is_moved_again(repository: Path) -> None:
    finish(repository)
    commit_files(repository, {"other.txt": "meanwhile\n"})
    stand_elsewhere(repository)

    outcome = land_feature(LandCall("cart", repository, way="fast-forward"))

    assert (outcome.state, outcome.way) == ("landed", "merge")
    assert {"a.txt", "b.txt", "other.txt"} < files_of(repository, "main").keys()


def test_what_is_red_with_base_as_it_is_now_does_not_land(repository: Path) -> None:
    finish(repository)
    moved = commit_files(repository, {"bad.txt": "x\n"})
    stand_elsewhere(repository)

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "red"
    assert "`test ! -e bad.txt` failed" in (outcome.reason or "")
    assert Path(outcome.log or "").exists()
    assert git(repository, "rev-parse", "main") == moved


def test_a_conflict_with_base_is_told_with_its_files_and_nothing_is_moved(repository: Path) -> None:
    finish(repository)
    moved = commit_files(repository, {"a.txt": "theirs\n"})
    stand_elsewhere(repository)

    outcome = land_feature(LandCall("cart", repository))

    assert (outcome.state, outcome.files) == ("conflict", ("a.txt",))
    assert git(repository, "rev-parse", "main") == moved


def test_a_fast_forward_alone_is_refused_where_base_has_moved(repository: Path) -> None:
    finish(repository)
    commit_files(repository, {"other.txt": "meanwhile\n"})
    stand_elsewhere(repository)

    outcome = land_feature(LandCall("cart", repository, way="fast-forward", strictly=True))

    assert outcome.state == "held"
    assert "main has 1 commit that the feature branch has not" in (outcome.reason or "")


@pytest.mark.parametrize("linked", [False, True])
def test_a_base_that_somebody_has_checked_out_is_theirs_to_move_and_the_command_does_it(
    repository: Path, tmp_path: Path, linked: bool
) -> None:
    finish(repository)
    place = repository
    if linked:
        place = tmp_path / "linked"
        stand_elsewhere(repository)
        git(repository, "worktree", "add", "--quiet", str(place), "main")
    before = git(repository, "rev-parse", "main")

    outcome = land_feature(LandCall("cart", repository))

    assert (outcome.state, git(repository, "rev-parse", "main")) == ("ready-to-land", before)
    assert git(place, "status", "--porcelain") == ""
    assert outcome.command == f"git -C {place} merge --ff-only {outcome.commit}"
    git(repository, *outcome.command.split()[1:])
    assert git(repository, "rev-parse", "main") == outcome.commit
    assert land_feature(LandCall("cart", repository)).state == "already"


@pytest.mark.parametrize("way", ["merge", "squash", "fast-forward"])
def test_what_has_landed_lands_once(repository: Path, way: str) -> None:
    finish(repository)
    stand_elsewhere(repository)
    landed = land_feature(LandCall("cart", repository, way=way)).commit
    later = commit_on_branch(repository, "later", {"later.txt": "x"})
    git(repository, "update-ref", "refs/heads/main", later)

    outcome = land_feature(LandCall("cart", repository, way=way))

    assert (outcome.state, outcome.tasks) == ("already", ())
    assert git(repository, "rev-parse", "main") == later != landed


def test_a_squash_of_a_forges_is_known_as_the_feature(repository: Path) -> None:
    finish(repository)
    messages = git(repository, "log", "--reverse", "--format=* %B", f"main..{BRANCH}")
    git(repository, "merge", "--quiet", "--squash", BRANCH)
    git(repository, "commit", "--quiet", "--message", f"The feature (#12)\n\n{messages}")
    commit_files(repository, {"a.txt": "changed since\n"})

    assert land_feature(LandCall("cart", repository)).state == "already"


def test_what_a_feature_got_after_it_had_landed_lands_as_well(repository: Path) -> None:
    finish(repository)
    stand_elsewhere(repository)
    land_feature(LandCall("cart", repository))
    git(repository, "switch", "--quiet", BRANCH)
    commit_files(repository, {"by-hand.txt": "x\n"})
    stand_elsewhere(repository)

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "landed"
    assert "by-hand.txt" in files_of(repository, "main")


def test_a_dry_run_says_what_would_be_and_moves_nothing(repository: Path) -> None:
    finish(repository)
    stand_elsewhere(repository)
    refs = git(repository, "for-each-ref")

    outcome = land_feature(LandCall("cart", repository, dry_run=True))

    assert (outcome.state, outcome.tasks) == ("planned", ("B", "A"))
    assert git(repository, "for-each-ref") == refs


def test_what_is_unknown_is_refused_with_what_to_do(repository: Path) -> None:
    with pytest.raises(CallError, match="no run of nobody is known"):
        land_feature(LandCall("nobody", repository))
    with pytest.raises(CallError, match="is not a name"):
        land_feature(LandCall("../../etc", repository))
    with opened(PLAN, repository):
        pass
    with pytest.raises(CallError, match="nothing of it can land"):
        land_feature(LandCall("cart", repository))
    finish(repository, run_id="run-2")
    with pytest.raises(CallError, match="there is no branch 'nowhere'"):
        land_feature(LandCall("cart", repository, onto="nowhere"))


def test_nothing_lands_while_a_run_of_the_feature_goes_on(repository: Path) -> None:
    finish(repository)
    with opened(PLAN, repository, run_id="run-2"), pytest.raises(CallError, match="already being run here"):
        land_feature(LandCall("cart", repository))


def test_somebody_who_moves_base_meanwhile_has_it_built_again(repository: Path, tmp_path: Path) -> None:
    """The check itself plays them, once."""
    done = tmp_path / "done"
    script = tmp_path / "somebody.sh"
    script.write_text(
        f"test -e {done} && exit 0; touch {done}; cd {repository}; "
        "made=$(git -c user.name=x -c user.email=x@y commit-tree -p main -m theirs main^{tree}); "
        "git update-ref refs/heads/main $made\n"
    )
    finish(repository, PLAN.replace("test ! -e bad.txt", f"sh {script}"))
    stand_elsewhere(repository)

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "landed"
    assert git(repository, "log", "-1", "--format=%s", "main^1") == "theirs"


def test_a_base_that_somebody_is_rebasing_is_theirs_although_no_head_names_it(repository: Path) -> None:
    finish(repository)
    commit_files(repository, {"other.txt": "meanwhile\n"})
    git(repository, "-c", "sequence.editor=sed -i '1i break'", "rebase", "--quiet", "--interactive", "HEAD^")
    before = git(repository, "rev-parse", "main")

    outcome = land_feature(LandCall("cart", repository))

    assert (outcome.state, git(repository, "rev-parse", "main")) == ("ready-to-land", before)
    assert str(repository) in (outcome.reason or "")
    git(repository, "rebase", "--continue")
    assert git(repository, "symbolic-ref", "HEAD") == "refs/heads/main"


@pytest.mark.parametrize("way", ["merge", "squash"])
def test_what_somebody_has_taken_out_of_base_does_not_come_back_with_a_feature_that_rests_on_it(
    repository: Path, way: str
) -> None:
    commit_files(repository, {"secret.txt": "hunter2\n"})
    finish(repository)
    git(repository, "reset", "--quiet", "--hard", "main~1")
    stand_elsewhere(repository)
    before = git(repository, "rev-parse", "main")

    outcome = land_feature(LandCall("cart", repository, way=way))

    assert outcome.state == "held"
    assert "main was rewritten: 1 commit that it rests on is not on main any more" in (outcome.reason or "")
    assert "`plait run PLAN --fresh --base main` does it without it" in (outcome.reason or "")
    assert git(repository, "rev-parse", "main") == before
    assert land_feature(LandCall("cart", repository, way=way, onto="main")).state == "landed"
    assert "secret.txt" in files_of(repository, "main")


def test_a_base_that_is_gone_is_told_with_how_another_is_named(repository: Path) -> None:
    finish(repository)
    git(repository, "branch", "--move", "main", "trunk")

    with pytest.raises(CallError, match="main, on which cart began, is gone") as gone:
        land_feature(LandCall("cart", repository))
    assert "--onto" in gone.value.hint
