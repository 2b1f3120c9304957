"""What is deleted of runs that are over, and what stays."""

import json
from pathlib import Path

from plait.agent_tasks.trying import TryFolder, begin_try, past_tries
from plait.flows.running.tidying import tidy_killed_runs, tidy_run
from plait.workspace.checkouts import make_checkout
from plait.workspace.control import Control, open_control
from tests.support.repositories import commit_files, files_of, git


def make_run(home: Path, name: str, *, repository: str = "shop") -> Path:
    directory = home / "runs" / name
    for place in (
        "slots/slot-1/work",
        "tasks/A/verify/slot-1",
        "tasks/A/checkout/work",
        "tasks/A/try-1",
        "tasks/A/.plait-trash/x",
    ):
        (directory / place).mkdir(parents=True)
    (directory / "tasks/A/try-1/output.log").write_text("said")
    (directory / "run.json").write_text(json.dumps({"feature": "cart", "repository": repository}))
    return directory


def left(directory: Path) -> set[str]:
    return {
        str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file() or not any(path.iterdir())
    }


def test_checkouts_go_and_logs_stay(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "one")

    tidy_run(directory)

    assert left(directory) == {"run.json", "tasks/A/try-1/output.log"}


def test_only_killed_runs_of_this_feature_in_this_repository_are_tidied(tmp_path: Path, repository: Path) -> None:
    control = open_control(repository, home=tmp_path)
    killed = make_run(tmp_path, "killed", repository=str(control.common_dir))
    other = make_run(tmp_path, "other", repository="elsewhere")

    assert tidy_killed_runs(tmp_path, control, feature="cart") == ()

    assert not (killed / "tasks/A/checkout").exists()
    assert (other / "tasks/A/checkout").exists()


def a_killed_try(home: Path, control: Control) -> tuple[Path, TryFolder]:
    """What a killed run leaves of a task in work."""
    run = home / "runs" / "cart-1"
    folder = begin_try(run / "tasks" / "A", agent="backend-1", dispatch="work")
    commit = control.base_commit(None)[1]
    checkout = make_checkout(control, folder.work, commit, branch="feature/cart/agent/backend/A")
    folder.note_checkout(checkout, role="backend")
    (checkout.directory / "half.py").write_text("half = 1\n")
    (run / "run.json").write_text(json.dumps({"feature": "cart", "repository": str(control.common_dir)}))
    return run, folder


def test_what_an_agent_had_in_work_when_the_run_was_killed_is_on_a_salvage_branch(
    tmp_path: Path, repository: Path
) -> None:
    control = open_control(repository, home=tmp_path)
    run, folder = a_killed_try(tmp_path, control)

    (told,) = tidy_killed_runs(tmp_path, control, feature="cart")

    branch = "feature/cart/salvage/backend/A/1"
    assert branch in told
    assert files_of(repository, branch)["half.py"] == "half = 1"
    assert not folder.work.exists()
    (ended,) = past_tries(run / "tasks" / "A")
    assert (ended.failed, ended.salvage) == ("the run was killed", branch)
    assert tidy_killed_runs(tmp_path, control, feature="cart") == ()


def test_what_an_agent_had_committed_elsewhere_when_the_run_was_killed_is_kept_beside_its_try(
    tmp_path: Path, repository: Path
) -> None:
    control = open_control(repository, home=tmp_path)
    run, folder = a_killed_try(tmp_path, control)
    work = folder.work / "work"
    git(work, "checkout", "-q", "-b", "fix-it")
    commit_files(work, {"precious.py": "1\n"})
    git(work, "checkout", "-q", "-")

    told = tidy_killed_runs(tmp_path, control, feature="cart")

    (ended,) = past_tries(run / "tasks" / "A")
    assert ended.private_git == str(folder.private_git)
    assert ended.failed == f"the run was killed; {told[-1].partition('A: ')[2]}"
    assert "(the branch fix-it) does not count, and is kept in" in told[-1]
    assert git(folder.private_git, "show", "fix-it:precious.py") == "1"
    assert not folder.work.exists()
    tidy_run(run)
    assert folder.private_git.is_dir(), "it goes with the run's folder"


def test_what_cannot_be_put_on_a_branch_stays_where_it_is(tmp_path: Path, repository: Path) -> None:
    control = open_control(repository, home=tmp_path)
    _, folder = a_killed_try(tmp_path, control)
    (folder.work / "index").unlink()

    (told,) = tidy_killed_runs(tmp_path, control, feature="cart")

    assert str(folder.left) in told
    assert (folder.left / "work" / "half.py").read_text() == "half = 1\n"


def test_what_cannot_be_put_on_a_branch_stays_beside_what_was_kept_already(tmp_path: Path, repository: Path) -> None:
    control = open_control(repository, home=tmp_path)
    _, folder = a_killed_try(tmp_path, control)
    (folder.work / "index").unlink()
    folder.unfiltered.mkdir(parents=True)
    (folder.unfiltered / "secret").write_text("s\n")

    (told,) = tidy_killed_runs(tmp_path, control, feature="cart")

    assert str(folder.left / "checkout") in told
    assert (folder.left / "checkout/work/half.py").read_text() == "half = 1\n"
    assert (folder.unfiltered / "secret").read_text() == "s\n"
