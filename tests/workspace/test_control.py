"""Finding the user's repository, and the control repository beside it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace.control import Control, open_control
from plait.workspace.errors import GitFailed
from tests.conftest import BranchWith
from tests.support.repositories import commit_files, git, make_repository


def test_any_directory_of_a_clone_leads_to_the_same_control_repository(repository: Path, hermetic: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", "../linked")
    places = (repository, repository / "docs", repository / ".git", repository.parent / "linked")
    opened = [open_control(place, home=hermetic) for place in places]
    assert len({one.directory for one in opened}) == 1
    assert {one.common_dir for one in opened} == {repository / ".git"}
    assert opened[0].directory.name.startswith("shop-")


def test_a_link_to_a_clone_is_the_clone(repository: Path, hermetic: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository)
    assert open_control(tmp_path / "link", home=hermetic).directory == open_control(repository, home=hermetic).directory


def test_a_bare_repository_will_do(repository: Path, hermetic: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare.git")
    control = open_control(tmp_path / "bare.git", home=hermetic)
    assert control.base_commit(None) == ("main", git(repository, "rev-parse", "main"))
    assert control.worktree_of("main") is None
    assert control.directory.name.startswith("bare-")


def test_a_path_with_spaces_and_quotes_will_do(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / 'a "shop" of\'s ü')
    control = open_control(repository, home=tmp_path / "state of plait")
    _, commit = control.base_commit(None)
    assert control.store.resolve(commit) == commit


def test_the_store_reads_the_target_s_objects_and_keeps_new_ones_to_itself(control: Control, repository: Path) -> None:
    _, commit = control.base_commit("main")
    assert control.store.resolve(commit) == commit
    before = sorted((repository / ".git/objects").rglob("*"))
    blob = control.store.ask("hash-object", "-w", "--stdin", stdin=b"from plait").text
    assert control.store.ask("cat-file", "blob", blob).text == "from plait"
    assert sorted((repository / ".git/objects").rglob("*")) == before


def test_nothing_of_the_target_s_configuration_reaches_the_store(control: Control, repository: Path) -> None:
    git(repository, "config", "merge.evil.driver", "touch /tmp/never")
    assert control.store.run("config", "--get", "merge.evil.driver").status == 1


def test_settings_that_somebody_put_into_the_control_repository_are_gone_the_next_time(
    control: Control, repository: Path, hermetic: Path
) -> None:
    control.store.ask("config", "filter.x.clean", "evil")
    open_control(repository, home=hermetic)
    assert control.store.run("config", "--get", "filter.x.clean").status == 1


def test_opening_leaves_the_clone_as_it_was(repository: Path, hermetic: Path) -> None:
    before = sorted(path.relative_to(repository) for path in repository.rglob("*"))
    open_control(repository, home=hermetic)
    assert sorted(path.relative_to(repository) for path in repository.rglob("*")) == before


def test_eight_processes_may_open_it_at_once(repository: Path, hermetic: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from plait.workspace.control import open_control\n"
        "c = open_control(Path(sys.argv[1]), home=Path(sys.argv[2])); print(c.store.resolve(c.base_commit(None)[1]))"
    )
    command = [sys.executable, "-c", script, str(repository), str(hermetic)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    assert {process.communicate()[0].strip() for process in started} == {git(repository, "rev-parse", "main")}
    (directory,) = (hermetic / "repositories").iterdir()
    assert [path.name for path in directory.iterdir()] == ["control.git"]


def test_what_is_no_repository_is_told_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="not in a git repository") as refusal:
        open_control(tmp_path, home=tmp_path / "home")
    assert "git init" in str(refusal.value.hint)
    with pytest.raises(CallError, match="no directory"):
        open_control(tmp_path / "gone", home=tmp_path / "home")


def test_a_shallow_clone_is_refused(repository: Path, tmp_path: Path) -> None:
    commit_files(repository, {"app.py": "changed\n"})
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", "shallow")
    with pytest.raises(CallError, match="shallow") as refusal:
        open_control(tmp_path / "shallow", home=tmp_path / "home")
    assert refusal.value.hint == "git fetch --unshallow"


def test_a_remote_that_promises_nothing_makes_no_partial_clone(repository: Path, tmp_path: Path) -> None:
    git(repository, "config", "remote.up.promisor", "false")
    assert open_control(repository, home=tmp_path / "home")


def test_a_partial_clone_is_refused(repository: Path, tmp_path: Path) -> None:
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{repository}", "partial")
    with pytest.raises(CallError, match="partial"):
        open_control(tmp_path / "partial", home=tmp_path / "home")


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")
    with pytest.raises(CallError, match="no commit"):
        open_control(tmp_path / "empty", home=tmp_path / "home")


def test_a_home_that_cannot_be_written_is_the_environment_s_fault(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match="cannot write"):
        open_control(repository, home=tmp_path / "file")


def test_the_base_is_the_branch_of_the_worktree_that_was_named(repository: Path, hermetic: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", "../linked")
    there = commit_files(repository.parent / "linked", {"n": "new"})
    assert open_control(repository.parent / "linked", home=hermetic).base_commit(None) == ("other", there)
    assert open_control(repository, home=hermetic).base_commit(None)[0] == "main"


def test_a_detached_head_is_a_base(control: Control, repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert control.base_commit(None) == ("HEAD", git(repository, "rev-parse", "main"))


def test_an_unknown_branch_is_told_with_the_nearest(control: Control, branch_with: BranchWith) -> None:
    branch_with("develop", {"x": "x"})
    with pytest.raises(CallError, match="no branch 'devlop'") as refusal:
        control.base_commit("devlop")
    assert refusal.value.hint == "did you mean 'develop'?"


def test_without_a_near_one_the_newest_branches_of_people_are_named(control: Control, branch_with: BranchWith) -> None:
    for number in range(12):
        branch_with(f"feature/cart/agent/backend/T{number}", {"x": "x"})
    branch_with("feature/cart/integration", {"x": "x"})
    branch_with("release", {"x": "x"})
    with pytest.raises(CallError) as refusal:
        control.base_commit("elsewhere")
    assert refusal.value.hint in ("there are: main, release", "there are: release, main")
    with pytest.raises(CallError) as refusal:
        control.base_commit("feature/cart/agent/backend/T77")
    assert "did you mean 'feature/cart/agent/backend/T" in str(refusal.value.hint)


def test_a_file_is_no_directory(repository: Path, hermetic: Path) -> None:
    with pytest.raises(CallError, match=r"app\.py is no directory"):
        open_control(repository / "app.py", home=hermetic)


def test_head_on_a_branch_without_a_commit_names_the_others(control: Control, repository: Path) -> None:
    git(repository, "symbolic-ref", "HEAD", "refs/heads/unborn")
    with pytest.raises(CallError, match="no branch 'unborn'") as refusal:
        control.base_commit(None)
    assert "main" in str(refusal.value.hint)


@pytest.mark.parametrize("packed", [False, True])
def test_a_branch_in_the_way_is_named_in_both_directions(
    control: Control, repository: Path, branch_with: BranchWith, packed: bool
) -> None:
    branch_with("feature/cart", {"x": "x"})
    branch_with("other/one/two", {"x": "x"})
    if packed:
        git(repository, "pack-refs", "--all")
    assert control.branch_clash("feature/cart/integration") == "feature/cart"
    assert control.branch_clash("feature/cart/agent/a/b") == "feature/cart"
    assert control.branch_clash("other/one") == "other/one/two"
    assert control.branch_clash("feature/carts/integration") is None
    assert control.branch_clash("feature/cart") is None
    assert control.branch_clash("feature") == "feature/cart"


def test_where_a_branch_is_checked_out_is_known(control: Control, repository: Path, branch_with: BranchWith) -> None:
    branch_with("away", {"x": "x"})
    git(repository, "worktree", "add", "-q", "-b", "other", "../linked")
    assert control.worktree_of("main") == repository
    assert control.worktree_of("other") == repository.parent / "linked"
    assert control.worktree_of("away") is None
    assert control.worktree_of("missing") is None
    shutil.rmtree(repository.parent / "linked")
    assert control.worktree_of("other") is None


def test_a_submodule_s_checkout_is_known(repository: Path, hermetic: Path, tmp_path: Path) -> None:
    above = make_repository(tmp_path / "above", {"x": "x"})
    git(above, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "part")
    assert open_control(above / "part", home=hermetic).worktree_of("main") == above / "part"


def test_pinned_commits_survive_the_user_s_garbage_collection(control: Control, repository: Path) -> None:
    _, base = control.base_commit(None)
    made = [
        control.store.commit_tree(control.store.tree_of(base), (base,), text, date="1700000000 +0000")
        for text in ("kept", "let go")
    ]
    control.pin("run-1/task", made[0])
    control.pin("run-1/other", made[1])
    control.unpin("run-1/other")
    control.unpin("run-1/never")
    git(repository, "-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now")
    assert [control.target.resolve(commit) for commit in made] == [made[0], None]
    assert [control.store.resolve(commit) for commit in made] == made


def test_a_branch_whose_commit_is_missing_is_not_taken_for_no_branch(control: Control) -> None:
    (control.common_dir / "refs/heads/broken").write_text("1" * 40 + "\n")
    with pytest.raises(GitFailed, match="missing object 1111"):
        control.branch("broken")
    with pytest.raises(GitFailed, match="missing object 1111"):
        control.base_commit("broken")


@pytest.fixture
def read_only(repository: Path) -> Iterator[Path]:
    """`repository` with an object store that cannot be written; for root that takes a mount."""
    objects = repository / ".git/objects"
    if os.geteuid():
        objects.chmod(0o500)
        yield repository
        objects.chmod(0o700)
        return
    for options in (["--bind", str(objects)], ["-o", "remount,ro,bind"]):
        if subprocess.run(["mount", *options, str(objects)], check=False).returncode:
            pytest.skip("needs the right to mount")
    yield repository
    subprocess.run(["umount", "--lazy", str(objects)], check=True)


def test_a_repository_that_cannot_be_written_is_refused_before_anything_runs(read_only: Path, hermetic: Path) -> None:
    control = open_control(read_only, home=hermetic)
    with pytest.raises(EnvironmentProblem, match=r"cannot be written: .*objects is read-only") as refused:
        control.require_writable()
    assert "clone" in str(refused.value.hint)


def test_a_repository_that_can_be_written_is_not_refused(control: Control) -> None:
    control.require_writable()


def test_a_damaged_object_names_itself(control: Control, repository: Path, branch_with: BranchWith) -> None:
    commit = branch_with("damaged", {"x": "x"})
    damaged = repository / ".git/objects" / commit[:2] / commit[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(b"garbage")
    with pytest.raises(GitFailed, match=commit[:12]):
        control.branch("damaged")


def test_a_sha256_repository_is_supported(tmp_path: Path) -> None:
    control = open_control(make_repository(tmp_path / "long", object_format="sha256"), home=tmp_path / "home")
    _, commit = control.base_commit(None)
    assert len(commit) == 64
    assert control.store.resolve(commit) == commit


def test_what_the_user_keeps_out_of_the_clone_is_known_to_the_store(repository: Path, hermetic: Path) -> None:
    (repository / ".git/info/exclude").write_text("notes/\n")
    control = open_control(repository, home=hermetic)
    assert (control.store.git_dir / "info/exclude").read_text().endswith("\nnotes/\n")


def test_a_broken_branch_is_not_taken_for_no_branch(control: Control) -> None:
    (control.common_dir / "refs/heads/broken").write_text("")  # as a power failure leaves it
    with pytest.raises(GitFailed, match="broken ref"):
        control.branch("broken")
    assert control.branch("main") is not None
