"""The private checkout that an agent gets."""

import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.workspace.checkouts import Checkout, make_checkout, show_unmerged
from plait.workspace.conflicts import conflict_checkout
from plait.workspace.control import Control, open_control
from plait.workspace.errors import GitFailed
from plait.workspace.harvest import harvest
from plait.workspace.merging import Conflict, merge
from tests.conftest import BranchWith
from tests.support.repositories import commit_files, git, make_repository
from tests.workspace.histories import DATE, History

BRANCH = "feature/cart/agent/backend/totals"


@pytest.fixture
def base(control: Control) -> str:
    return control.base_commit("main")[1]


@pytest.fixture
def checkout(control: Control, tmp_path: Path, base: str) -> Checkout:
    return make_checkout(control, tmp_path / "place", base, branch=BRANCH)


def test_the_files_are_those_of_the_commit(checkout: Checkout, repository: Path) -> None:
    for name in ("app.py", "tests/test_app.py", "README.md", "docs/guide.md"):
        assert (checkout.directory / name).read_bytes() == (repository / name).read_bytes()
    assert sorted(path.name for path in checkout.place.iterdir()) == ["index", "tmp", "work"]
    assert list(checkout.temporary.iterdir()) == []


def test_git_works_in_it_for_the_agent(checkout: Checkout, base: str) -> None:
    work = checkout.directory
    assert git(work, "status", "--porcelain") == ""
    assert git(work, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    assert git(work, "log", "--format=%H %s") == f"{base} first"
    (work / "app.py").write_text("changed\n")
    assert git(work, "status", "--porcelain") == " M app.py"
    assert "+changed" in git(work, "diff")
    git(work, "commit", "-q", "-a", "-m", "by the agent")
    git(work, "checkout", "-q", "-b", "another")
    git(work, "stash", "list")
    git(work, "gc", "-q", "--prune=now")
    assert git(work, "log", "--format=%s").splitlines() == ["by the agent", "first"]
    git(work, "fsck", "--strict")


def test_what_the_agent_commits_stays_out_of_the_target(checkout: Checkout, control: Control, repository: Path) -> None:
    before = git(repository, "for-each-ref")
    made = commit_files(checkout.directory, {"app.py": "changed\n"})
    assert control.store.resolve(made) is None
    assert git(repository, "for-each-ref") == before


def test_an_agent_that_ruins_its_git_ruins_only_its_own(
    checkout: Checkout, control: Control, repository: Path, tmp_path: Path, base: str
) -> None:
    other = make_checkout(control, tmp_path / "other", base, branch="feature/cart/agent/backend/other")
    git(checkout.directory, "update-ref", "-d", f"refs/heads/{BRANCH}")
    git(checkout.directory, "worktree", "prune", "--expire", "now")
    git(checkout.directory, "gc", "-q", "--prune=now", check=False)
    git(checkout.directory, "stash", "pop", check=False)
    for path in (checkout.directory / ".git").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for place in (repository, other.directory):
        git(place, "fsck", "--strict")
        assert git(place, "status", "--porcelain") == ""


def test_another_try_starts_from_nothing(control: Control, tmp_path: Path, checkout: Checkout, base: str) -> None:
    (checkout.directory / "left.py").write_text("left behind")
    (checkout.temporary / "left").mkdir(mode=0o000)
    (checkout.directory / "docs").chmod(0o500)
    again = make_checkout(control, tmp_path / "place", base, branch=BRANCH)
    assert again == checkout
    assert not (again.directory / "left.py").exists()
    assert list(again.temporary.iterdir()) == []
    assert git(again.directory, "status", "--porcelain") == ""


def test_a_merge_with_markers_can_be_handed_out(control: Control, tmp_path: Path, base: str) -> None:
    blob = control.store.ask("hash-object", "-w", "--stdin", stdin=b"<<<<<<< ours\n").text
    tree = control.store.ask("mktree", "-z", stdin=f"100644 blob {blob}\tapp.py\0".encode()).text
    checkout = make_checkout(control, tmp_path / "place", base, branch=BRANCH, tree=tree)
    assert (checkout.commit, checkout.tree) == (base, tree)
    assert (checkout.directory / "app.py").read_text() == "<<<<<<< ours\n"
    assert not (checkout.directory / "README.md").exists()
    assert git(checkout.directory, "rev-parse", "HEAD") == base
    assert git(checkout.directory, "diff", "--name-only") == ""
    assert git(checkout.directory, "diff", "--cached", "--name-only", "--", "app.py") == "app.py"


def test_links_modes_and_odd_names_come_out_as_they_are(tmp_path: Path) -> None:
    history = History.new(tmp_path / "bare.git")
    names = ["a\nb", "ü", "\udcff", "-x", ":(top)y", "*", "Case", "case", "tab\there", 'quo"te', "back\\slash", " s "]
    files: dict[str, str | tuple[str, str]] = {name: f"this is {name!r}" for name in names}
    files |= {"run.sh": ("100755", "#!/bin/sh\n"), "to/link": ("120000", "../Case")}
    commit = history.branch("main", history.commit(dict(files)))
    control = open_control(tmp_path / "bare.git", home=tmp_path / "home")
    work = make_checkout(control, tmp_path / "place", commit, branch=BRANCH).directory
    for name in names:
        assert (work / name).read_text() == f"this is {name!r}"
    assert (work / "run.sh").stat().st_mode & stat.S_IXUSR
    assert not (work / "Case").stat().st_mode & stat.S_IXUSR
    assert os.readlink(work / "to/link") == "../Case"  # noqa: PTH115
    assert git(work, "status", "--porcelain") == ""


def test_a_missing_object_names_itself(
    control: Control, repository: Path, tmp_path: Path, branch_with: BranchWith
) -> None:
    commit = branch_with("broken", {"app.py": "only here\n"})
    blob = git(repository, "rev-parse", f"{commit}:app.py")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(GitFailed, match=blob[:12]):
        make_checkout(control, tmp_path / "place", commit, branch=BRANCH)
    with pytest.raises(GitFailed, match="1" * 40):
        make_checkout(control, tmp_path / "place", "1" * 40, branch=BRANCH)


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="a small file system needs bubblewrap")
@pytest.mark.parametrize("size", [8_192, 60_000, 400_000])
def test_a_full_disk_is_named(control: Control, repository: Path, hermetic: Path, tmp_path: Path, size: int) -> None:
    commit_files(repository, {f"n{number}": f"{number}" * 20_000 for number in range(20)})
    script = (
        "import sys; from pathlib import Path\n"
        "from plait.workspace.control import open_control; from plait.workspace.checkouts import make_checkout\n"
        "from plait.workspace.errors import DiskFull\n"
        "control = open_control(Path(sys.argv[1]), home=Path(sys.argv[2]))\n"
        "try: make_checkout(control, Path(sys.argv[3]) / 'place', control.base_commit('main')[1], branch='work')\n"
        "except DiskFull as full: print(type(full).__name__)"
    )
    small = tmp_path / "small"
    small.mkdir()
    command = [
        "bwrap",
        "--dev-bind",
        "/",
        "/",
        "--size",
        str(size),
        "--tmpfs",
        str(small),
        sys.executable,
        "-c",
        script,
    ]
    done = subprocess.run(
        [*command, str(repository), str(hermetic), str(small)], capture_output=True, text=True, check=False
    )
    if done.stderr.startswith("bwrap:"):  # namespaces are not allowed here: no small disk can be mounted
        pytest.skip(done.stderr)
    assert done.stdout == "DiskFull\n", done.stderr


def test_twenty_four_can_be_made_at_once(control: Control, tmp_path: Path, base: str) -> None:
    with ThreadPoolExecutor(24) as pool:
        made = list(
            pool.map(lambda n: make_checkout(control, tmp_path / "all" / str(n), base, branch=f"b/{n}"), range(24))
        )
    for number, checkout in enumerate(made):
        assert (checkout.directory / "docs/guide.md").exists()
        assert git(checkout.directory, "symbolic-ref", "HEAD") == f"refs/heads/b/{number}"


def test_a_sha256_repository_has_checkouts_too(tmp_path: Path) -> None:
    control = open_control(make_repository(tmp_path / "long", object_format="sha256"), home=tmp_path / "home")
    checkout = make_checkout(control, tmp_path / "place", control.base_commit(None)[1], branch=BRANCH)
    assert git(checkout.directory, "status", "--porcelain") == ""
    commit_files(checkout.directory, {"x": "x"})


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name.strip(". ") and "git" not in name.lower() and len(name.encode()) < 200
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.sets(NAMES, min_size=1, max_size=12))
def test_any_names_come_out_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    place = tmp_path_factory.mktemp("names")
    history = History.new(place / "bare.git")
    commit = history.branch("main", history.commit({f"d/{name}": f"{name}\n" for name in names}))
    control = open_control(place / "bare.git", home=place / "home")
    work = make_checkout(control, place / "out", commit, branch=BRANCH).directory
    assert {path.name for path in (work / "d").iterdir()} == names


def conflicting(control: Control, tmp_path: Path) -> Checkout:
    """A checkout with a conflict of each sort that a person may have to choose in."""
    history = History(control.store)
    start = history.commit({"both": "0\n", "gone": "0\n", "näme \n": "0\n", "bin": b"\0base"})
    ours = {"both": "1\n", "gone": None, "näme \n": "1\n", "bin": b"\0ours", "dir": "a file\n", "new": "1\n"}
    theirs = {"both": "2\n", "gone": "2\n", "näme \n": "2\n", "bin": b"\0theirs", "dir/f": "2\n", "new": "2\n"}
    onto, other = history.commit(ours, start), history.commit(theirs, start)
    conflict = merge(control.store, onto, other)
    assert isinstance(conflict, Conflict)
    shown = conflict_checkout(control.store, conflict, "the feature branch", "CART")
    checkout = make_checkout(control, tmp_path / "conflict", onto, branch=BRANCH, tree=shown.tree)
    show_unmerged(control, checkout, shown.conflicts)
    return checkout


def test_a_persons_git_knows_of_each_conflict_and_can_choose_a_side(control: Control, tmp_path: Path) -> None:
    checkout = conflicting(control, tmp_path)
    work = checkout.directory

    states = git(work, "status", "--porcelain", "-z", "--untracked-files=no").split("\0")
    unmerged = {line[3:]: line[:2] for line in states if "U" in line[:2] or line[:2] in ("AA", "DD")}
    assert unmerged == {
        "both": "UU",
        "gone": "DU",
        "näme \n": "UU",
        "bin": "UU",
        "new": "AA",
        "dir~the_feature_branch": "AU",
    }
    assert "both modified:   both" in git(work, "status")
    git(work, "checkout", "--theirs", "both", "bin")
    assert (work / "both").read_text() == "2\n"
    assert (work / "bin").read_bytes() == b"\0theirs"
    git(work, "checkout", "--ours", "both")
    assert (work / "both").read_text() == "1\n"
    git(work, "add", "both")
    assert "UU both" not in git(work, "status", "--porcelain")


def test_a_merge_tool_has_all_three_versions_and_leaves_nothing_behind_that_would_be_harvested(
    control: Control, tmp_path: Path
) -> None:
    checkout = conflicting(control, tmp_path)
    tool = 'mergetool.own.cmd=cat "$BASE" "$LOCAL" "$REMOTE" > "$MERGED"'
    own = ("-c", "merge.tool=own", "-c", tool, "-c", "mergetool.own.trustExitCode=true")

    git(checkout.directory, *own, "mergetool", "--no-prompt", "both")

    assert (checkout.directory / "both").read_text() == "0\n1\n2\n"
    made = harvest(control, checkout, message="resolved\n", parents=(checkout.commit,), date=DATE, author="P")
    assert made.problems == ()
    assert control.store.changed_paths(checkout.tree, made.tree) == ("both",)
