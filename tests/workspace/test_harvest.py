"""What a checkout holds becomes a commit, or a reason why it cannot."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.control import Control, open_control
from plait.workspace.errors import GitFailed
from plait.workspace.harvest import Harvest, checkpoint, harvest, salvage
from plait.workspace.scanning import LIMITS, HarvestLimits
from plait.workspace.trailers import message_with_trailers, trailers_of
from tests.support.repositories import commit_files, files_of, git, make_repository
from tests.workspace.histories import History

DATE = "1700000000 +0000"
MESSAGE = message_with_trailers("cart: totals", "What was done.", {"Plait-Task": "totals"})
SMALL = HarvestLimits(file_bytes=1000, total_bytes=3000, new_files=5, depth=4)


@pytest.fixture
def checkout(control: Control, tmp_path: Path) -> Checkout:
    return make_checkout(control, tmp_path / "place", control.base_commit("main")[1], branch="work")


def reap(control: Control, checkout: Checkout, limits: HarvestLimits = LIMITS) -> Harvest:
    return harvest(
        control, checkout, message=MESSAGE, parents=(checkout.commit,), date=DATE, author="backend-1", limits=limits
    )


def keep(control: Control, checkout: Checkout, limits: HarvestLimits = LIMITS) -> str | None:
    return salvage(control, checkout, branch="kept", message=MESSAGE, date=DATE, limits=limits)


def test_files_become_one_commit(control: Control, checkout: Checkout) -> None:
    (checkout.directory / "app.py").write_text("changed\n")
    (checkout.directory / "new").mkdir()
    (checkout.directory / "new/file.py").write_text("new\n")
    (checkout.directory / "docs/guide.md").unlink()
    done = reap(control, checkout)
    assert done.commit is not None
    assert done.changed == ("app.py", "docs/guide.md", "new/file.py")
    assert done.problems == ()
    made = files_of(control.store.git_dir, done.commit)
    assert sorted(made) == ["README.md", "app.py", "new/file.py", "tests/test_app.py"]
    assert git(control.store.git_dir, "show", "-s", "--format=%P %an %cn %at %s", done.commit) == (
        f"{checkout.commit} backend-1 plait 1700000000 cart: totals"
    )
    assert trailers_of(control, done.commit) == {"Plait-Task": "totals"}


def test_nothing_changed_is_no_commit(control: Control, checkout: Checkout) -> None:
    (checkout.directory / "app.py").touch()
    assert reap(control, checkout) == Harvest(None, checkout.tree, ())


def test_a_merge_is_committed_even_when_nothing_was_changed(control: Control, checkout: Checkout) -> None:
    other = control.store.commit_tree(checkout.tree, (checkout.commit,), "other", date=DATE)
    parents = (checkout.commit, other)
    done = harvest(control, checkout, message=MESSAGE, parents=parents, date=DATE, author="a")
    assert done.commit is not None
    assert done.changed == ()


def test_harvesting_again_gives_the_same_commit(control: Control, checkout: Checkout) -> None:
    (checkout.directory / "app.py").write_text("changed\n")
    assert reap(control, checkout) == reap(control, checkout)


def test_what_the_agent_committed_or_hid_in_its_own_git_does_not_matter(control: Control, checkout: Checkout) -> None:
    work = checkout.directory
    commit_files(work, {"app.py": "committed\n"})
    (work / "README.md").write_text("hidden\n")
    (work / "docs/guide.md").write_text("hidden\n")
    git(work, "update-index", "--skip-worktree", "README.md")
    git(work, "update-index", "--assume-unchanged", "docs/guide.md")
    assert git(work, "status", "--porcelain") == ""
    assert reap(control, checkout).changed == ("README.md", "app.py", "docs/guide.md")


def test_a_change_of_equal_size_and_time_is_harvested(control: Control, checkout: Checkout) -> None:
    path = checkout.directory / "app.py"
    times = path.stat()
    path.write_text(path.read_text().swapcase())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert reap(control, checkout).changed == ("app.py",)


def test_ignored_files_stay_out_whatever_they_are(control: Control, checkout: Checkout) -> None:
    ignored = checkout.directory / "node_modules"
    (ignored / "dep/.git").mkdir(parents=True)
    os.mkfifo(ignored / "dep/.git/HEAD")
    (ignored / "giant").write_bytes(b"x" * 5000)
    (ignored / "a/b/c/d/e").mkdir(parents=True)
    (ignored / "out").symlink_to("/etc")
    (checkout.directory / ".gitignore").write_text("node_modules/\n")
    assert reap(control, checkout, SMALL).changed == (".gitignore",)


def test_a_thousand_ignored_files_and_more_stay_out(control: Control, checkout: Checkout) -> None:
    for number in range(1200):
        path = checkout.directory / f"build/{number % 7}/{number}.o"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (checkout.directory / "docs/draft").mkdir()
    (checkout.directory / "docs/draft/one.md").write_text("kept")
    (checkout.directory / "docs/draft/two.tmp").write_text("left")
    (checkout.directory / ".gitignore").write_text("build/\n*.tmp\n")
    assert reap(control, checkout, SMALL).changed == (".gitignore", "docs/draft/one.md")


def test_what_the_user_keeps_out_of_the_clone_stays_out(repository: Path, hermetic: Path, tmp_path: Path) -> None:
    (repository / ".git/info/exclude").write_text("notes\n")
    control = open_control(repository, home=hermetic)
    checkout = make_checkout(control, tmp_path / "place", control.base_commit(None)[1], branch="work")
    (checkout.directory / "notes").write_text("mine")
    assert git(checkout.directory, "status", "--porcelain") == ""
    assert reap(control, checkout).commit is None


def test_files_directories_and_links_may_take_each_other_s_place(control: Control, checkout: Checkout) -> None:
    work = checkout.directory
    shutil.rmtree(work / "docs")
    (work / "docs").symlink_to("tests")
    shutil.rmtree(work / "tests")
    (work / "tests").write_text("a file now")
    (work / "app.py").unlink()
    (work / "app.py").mkdir()
    (work / "app.py/inner").write_text("a directory now")
    done = reap(control, checkout)
    assert done.commit is not None
    assert done.changed == ("app.py", "app.py/inner", "docs", "docs/guide.md", "tests", "tests/test_app.py")
    listing = control.store.ask("ls-tree", "-r", "--format=%(objectmode) %(path)", done.tree).text
    assert listing.splitlines() == ["100644 README.md", "100644 app.py/inner", "120000 docs", "100644 tests"]


def test_modes_are_harvested(control: Control, checkout: Checkout) -> None:
    (checkout.directory / "app.py").chmod(0o755)
    done = reap(control, checkout)
    assert control.store.ask("ls-tree", done.tree, "app.py").text.startswith("100755")


ODD_NAMES = ["a\nb", "\udcff\udcfe", "-x", ":(top)y", "*", "!z", "#", " lead", "trail ", 'quo"te', "back\\slash", "ü\t"]


def test_names_may_be_odd(control: Control, checkout: Checkout) -> None:
    for name in ODD_NAMES:
        (checkout.directory / name).write_text(name, errors="surrogateescape")
    assert set(reap(control, checkout).changed) == set(ODD_NAMES)


def test_tracked_files_may_be_as_large_as_they_were(control: Control, tmp_path: Path) -> None:
    history = History(control.store)
    _, base = control.base_commit("main")
    commit = history.commit({"large": "x" * 5000, "link": ("120000", "/etc")}, base)
    checkout = make_checkout(control, tmp_path / "place", commit, branch="work")
    (checkout.directory / "app.py").write_text("changed\n")
    assert reap(control, checkout, SMALL).changed == ("app.py",)


def test_a_submodule_stays_what_it_was(control: Control, tmp_path: Path) -> None:
    _, base = control.base_commit("main")
    commit = History(control.store).commit({"part": ("160000", "1" * 40)}, base)
    checkout = make_checkout(control, tmp_path / "place", commit, branch="work")
    (checkout.directory / "app.py").write_text("changed\n")
    assert reap(control, checkout).changed == ("app.py",)
    (checkout.directory / "part/.git").mkdir()
    os.mkfifo(checkout.directory / "part/.git/HEAD")
    (checkout.directory / "part/file").write_text("of another repository\n")
    assert reap(control, checkout).changed == ("app.py",)
    assert keep(control, checkout) == "kept"
    shutil.rmtree(checkout.directory / "part")
    assert reap(control, checkout).changed == ("app.py", "part")


def test_a_store_that_cannot_be_written_is_no_fault_of_the_agent(control: Control, checkout: Checkout) -> None:
    (checkout.directory / "app.py").write_text("changed\n")
    objects = control.store.git_dir / "objects"
    moved = objects.rename(objects.parent / "objects-elsewhere")
    objects.touch()
    try:
        with pytest.raises(GitFailed):
            reap(control, checkout)
    finally:
        objects.unlink()
        moved.rename(objects)


def test_nothing_to_salvage_makes_no_branch(control: Control, checkout: Checkout, repository: Path) -> None:
    assert keep(control, checkout) is None
    assert git(repository, "branch", "--format=%(refname:short)") == "main"


def test_each_salvage_has_a_branch_of_its_own(control: Control, checkout: Checkout) -> None:
    for number in range(3):
        (checkout.directory / "app.py").write_text(f"{number}\n")
        assert keep(control, checkout) == ("kept" if number == 0 else f"kept-{number + 1}")
    assert keep(control, checkout) == "kept-3"


def test_salvage_of_too_much_keeps_the_smallest(control: Control, checkout: Checkout, repository: Path) -> None:
    for number in range(1, 10):
        (checkout.directory / f"n{number}").write_bytes(b"x" * 150 * number)
    assert keep(control, checkout, SMALL) == "kept"
    kept = {name for name in files_of(repository, "kept") if name.startswith("n")}
    assert kept == {"n1", "n2", "n3", "n4", "n5"}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_edit_is_harvested_as_git_would_add_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The oracle is `git add --all` in the agent's own repository: the trees are equal."""
    place = tmp_path_factory.mktemp("edits")
    repository = make_repository(
        place / "shop", {"a": "1", "b/c": "2", "b/d": "3", "e": "4", ".gitignore": "*.o\n/x/\n"}
    )
    control = open_control(repository, home=place / "home")
    checkout = make_checkout(control, place / "out", control.base_commit(None)[1], branch="work")
    for path in data.draw(st.lists(st.sampled_from(["a", "b", "b/c", "e", "f", "f/g", "h.o", "x", "x/y", "é/z"]))):
        edit(checkout.directory / path, data.draw(st.sampled_from(["delete", "write", "link", "directory", "mode"])))
    done = reap(control, checkout)
    git(checkout.directory, "add", "--all")
    assert done.problems == ()
    assert done.tree == git(checkout.directory, "write-tree")


def edit(path: Path, how: str) -> None:
    if not path.parent.is_dir() or path.parent.is_symlink():
        return
    if how == "mode" and path.is_file():
        path.chmod(0o755)
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if how == "write":
        path.write_text("written")
    elif how == "link":
        path.symlink_to("e")
    elif how == "directory":
        path.mkdir()
        (path / "in").write_text("in")


def checkpointed(control: Control, checkout: Checkout) -> str | None:
    return checkpoint(control, checkout, message=MESSAGE, date=DATE)


def test_a_checkpoint_commits_what_is_there_and_leaves_the_checkout_as_it_is(
    control: Control, checkout: Checkout
) -> None:
    assert checkpointed(control, checkout) is None
    (checkout.directory / "app.py").write_text("half\n")
    (checkout.directory / "new.py").write_text("new\n")
    commit = checkpointed(control, checkout)
    assert commit is not None
    assert git(control.store.git_dir, "rev-parse", f"{commit}^") == checkout.commit
    made = files_of(control.store.git_dir, commit)
    assert (made["app.py"], made["new.py"]) == ("half", "new")
    assert checkpointed(control, checkout) == commit
    assert reap(control, checkout).changed == ("app.py", "new.py")


def test_no_checkpoint_is_made_where_git_would_read_what_an_agent_wrote(control: Control, checkout: Checkout) -> None:
    (checkout.directory / "sub").mkdir()
    git(checkout.directory / "sub", "init", "-q", "--bare", ".")
    (checkout.directory / "app.py").write_text("half\n")
    commit = checkpointed(control, checkout)
    assert commit is None or "sub/HEAD" not in files_of(control.store.git_dir, commit)


def test_who_goes_on_from_a_checkpoint_is_given_its_files_and_all_of_it_is_their_work(
    control: Control, checkout: Checkout, tmp_path: Path
) -> None:
    (checkout.directory / "new.py").write_text("new\n")
    (checkout.directory / "docs/guide.md").unlink()
    commit = checkpointed(control, checkout)
    assert commit is not None
    tree = control.store.tree_of(commit)
    again = make_checkout(control, tmp_path / "again", checkout.commit, branch="work", tree=tree, before=checkout.tree)
    assert (again.directory / "new.py").read_text() == "new\n"
    assert not (again.directory / "docs/guide.md").exists()
    untouched = reap(control, again)
    assert untouched.changed == ("docs/guide.md", "new.py")
    assert untouched.commit is not None
    (again.directory / "app.py").write_text("more\n")
    assert reap(control, again).changed == ("app.py", "docs/guide.md", "new.py")
    assert keep(control, again) == "kept"
    (again.directory / "app.py").write_text((checkout.directory / "app.py").read_text())
    (again.directory / "new.py").unlink()
    (again.directory / "docs").mkdir(exist_ok=True)
    (again.directory / "docs/guide.md").write_text(
        git(control.store.git_dir, "show", f"{checkout.commit}:docs/guide.md") + "\n"
    )
    assert reap(control, again).commit is None, "all of it was taken back"
