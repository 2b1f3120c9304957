"""28 attacks on whoever runs git where an agent worked: none is executed, and the same 28 are shown to be live.

What an agent can do to the integrity of the result (odd files, nested repositories, deep trees, names, encodings) is in
`test_harvest_odd.py`; that it can ruin nobody else's repository in `test_checkouts.py`.
"""

import subprocess
from pathlib import Path

import pytest

from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.control import Control
from plait.workspace.git import ZERO, GitRepository
from plait.workspace.harvest import harvest, salvage
from plait.workspace.verification_slots import Slot
from tests.conftest import BranchWith
from tests.support.repositories import git
from tests.workspace.attacks import ATTACKS, DORMANT, Plant, filters, filters_by_info

DATE = "1700000000 +0000"
COMMANDS = (
    "status|add -A|commit -q -m work --trailer Evil:x|diff HEAD~1|log -p -1|checkout -q -b next|merge --no-edit other|"
    "reset -q --hard HEAD|checkout -q other|fetch -q origin|push -q origin HEAD|cat-file -e " + "1" * 40
)
"""What a person, or a careless integrator, does where an agent worked."""
OURS = {"app.py": "ours\n", "docs/guide.md": "ours too\n"}


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def program(tmp_path: Path, canary: Path) -> str:
    """What must never run; as a filter it lets its input through, so that git goes on."""
    script = tmp_path / "payload"
    script.write_text(f'#!/bin/sh\necho run >> {canary}\n[ "$1" != through ] || cat\n')
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def checkout(control: Control, tmp_path: Path) -> Checkout:
    """An agent's checkout with work done in it."""
    made = make_checkout(control, tmp_path / "place", control.base_commit("main")[1], branch="work")
    (made.directory / "app.py").write_text("theirs\n")
    (made.directory / "new.py").write_text("new\n")
    return made


@pytest.mark.parametrize("plant", ATTACKS, ids=lambda plant: plant.__name__)
def test_nothing_that_an_agent_planted_is_executed(
    control: Control,
    checkout: Checkout,
    tmp_path: Path,
    branch_with: BranchWith,
    program: str,
    canary: Path,
    plant: Plant,
) -> None:
    ours = branch_with("feature/x/integration", OURS)
    slot = Slot(control, tmp_path / "slot")
    plant(slot.restore(ours), program)
    plant(checkout.directory, program)
    canary.unlink(missing_ok=True)

    parents = (checkout.commit,)
    done = harvest(control, checkout, message="work\n", parents=parents, date=DATE, author="agent-1")
    if "the filter evil is for it" in "".join(done.problems):  # named by the files themselves: that is refused
        (checkout.directory / ".gitattributes").unlink()
        done = harvest(control, checkout, message="work\n", parents=parents, date=DATE, author="agent-1")
    assert done.commit is not None, done.problems
    assert {"app.py", "new.py"} <= set(done.changed)
    assert salvage(control, checkout, branch="kept", message="kept\n", date=DATE) == "kept"
    control.move_ref("refs/heads/work", done.commit, ZERO, reason="publish")
    merged = land(control, ours, done.commit)
    slot.restore(merged)
    again = make_checkout(control, tmp_path / "place", merged, branch="work")
    assert git(again.directory, "status", "--porcelain") == ""
    (again.directory / "app.py").write_text("once more\n")
    assert harvest(control, again, message="m\n", parents=(merged,), date=DATE, author="a").changed == ("app.py",)

    assert not canary.exists()


def land(control: Control, ours: str, theirs: str) -> str:
    """Merge in the object database, conflict or not, and move the branch: what an integrator does."""
    answer = control.store.run("merge-tree", "--write-tree", "-z", "--messages", ours, theirs)
    assert answer.status in (0, 1)
    tree = answer.records[0]
    control.store.ask("diff-tree", "-r", "-p", "--text", "--no-ext-diff", "--no-textconv", ours, tree)
    merged = control.store.commit_tree(tree, (ours, theirs), "merge\n", date=DATE)
    control.move_ref("refs/heads/feature/x/integration", merged, ours, reason="land")
    return merged


@pytest.mark.parametrize("plant", ATTACKS, ids=lambda plant: plant.__name__)
def test_the_same_attacks_are_live_under_plain_git(
    checkout: Checkout, program: str, canary: Path, plant: Plant
) -> None:
    """The control: a table of attacks that could not fail would prove nothing."""
    work = checkout.directory
    git(work, "checkout", "-q", "-b", "other")
    git(work, "commit", "-q", "-a", "-m", "other")
    git(work, "checkout", "-q", "work")
    (work / "app.py").write_text("mine\n")
    (work / "new.py").write_text("new\n")
    plant(work, program)
    canary.unlink(missing_ok=True)
    for command in COMMANDS.split("|"):
        subprocess.run(
            ["git", *command.split()], cwd=work, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20
        )
    assert canary.exists() == (plant not in DORMANT)


@pytest.mark.parametrize("plant", [filters, filters_by_info], ids=lambda plant: plant.__name__)
def test_settings_alone_would_not_be_enough(checkout: Checkout, program: str, canary: Path, plant: Plant) -> None:
    """Why plait's git directory is never the agent's: filters have no switch."""
    plant(checkout.directory, program)
    canary.unlink(missing_ok=True)
    GitRepository(checkout.directory / ".git").run("add", "-A", work_tree=checkout.directory)
    assert canary.exists()


def test_there_are_28_attacks_and_23_of_them_live() -> None:
    assert len(set(ATTACKS)) == 28
    assert len(set(ATTACKS) - set(DORMANT)) == 23


def test_a_replaced_commit_shows_nobody_another_history(
    control: Control, checkout: Checkout, repository: Path, tmp_path: Path, branch_with: BranchWith
) -> None:
    other = branch_with("other", {"app.py": "another history\n"})
    git(checkout.directory, "replace", checkout.commit, other)
    git(repository, "replace", checkout.commit, other)
    assert control.store.tree_of(checkout.commit) == checkout.tree
    assert control.target.tree_of(checkout.commit) == checkout.tree
    (checkout.directory / "app.py").write_text("another history\n")
    done = harvest(control, checkout, message="m\n", parents=(checkout.commit,), date=DATE, author="a")
    assert done.changed == ("app.py", "new.py")
    again = make_checkout(control, tmp_path / "again", checkout.commit, branch="work")
    assert "another" not in (again.directory / "app.py").read_text()


def test_an_attribute_hides_no_change(control: Control, checkout: Checkout) -> None:
    (checkout.directory / ".gitattributes").write_text("*.py -diff binary export-ignore\n")
    done = harvest(control, checkout, message="m\n", parents=(checkout.commit,), date=DATE, author="a")
    assert done.changed == (".gitattributes", "app.py", "new.py")


def test_a_hidden_edit_is_found(control: Control, checkout: Checkout) -> None:
    git(checkout.directory, "update-index", "--skip-worktree", "app.py")
    git(checkout.directory, "config", "core.sparseCheckout", "true")
    (checkout.directory / ".git/info/exclude").write_text("*\n")
    done = harvest(control, checkout, message="m\n", parents=(checkout.commit,), date=DATE, author="a")
    assert done.changed == ("app.py", "new.py")
