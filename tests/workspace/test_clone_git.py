"""What a checkout's own git knows of the user's repository, and what it keeps its user from."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.clone_git import _fitting, _without_password, surroundings_of
from plait.workspace.control import Control, open_control
from plait.workspace.verification_slots import Slot
from tests.conftest import BranchWith
from tests.support.repositories import git


def _checkout(control: Control, place: Path, *, branch: str = "main") -> Checkout:
    _, base = control.base_commit(branch)
    around = surroundings_of(control, base=base, branch=branch)
    return make_checkout(control, place, base, branch="feature/x/agent/dev/A", surroundings=around)


def _theirs(directory: Path, *arguments: str) -> str:
    """What git says to somebody in a checkout, with the configuration of the test's user."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    answer = subprocess.run(
        ["git", *arguments], cwd=directory, env=variables, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_a_checkout_can_tell_its_version_and_what_is_new_since_main(
    repository: Path, control: Control, tmp_path: Path
) -> None:
    git(repository, "tag", "-a", "v1.2.3", "-m", "one")
    git(repository, "tag", "light")
    git(repository, "commit", "--allow-empty", "-m", "two")
    there = _checkout(control, tmp_path / "co").directory
    (there / "app.py").write_text("new = 1\n")
    _theirs(there, "commit", "-qam", "mine")

    assert _theirs(there, "describe").startswith("v1.2.3-2-g")
    assert _theirs(there, "tag").split() == ["light", "v1.2.3"]
    assert _theirs(there, "rev-list", "--count", "HEAD") == str(int(git(repository, "rev-list", "--count", "main")) + 1)
    assert _theirs(there, "diff", "--name-only", "main...") == "app.py"
    assert _theirs(there, "diff", "--name-only", "origin/HEAD...") == "app.py"
    assert _theirs(there, "merge-base", "origin/main", "HEAD") == git(repository, "rev-parse", "main").strip()


def test_a_tree_that_is_verified_stands_on_top_of_base(repository: Path, control: Control, tmp_path: Path) -> None:
    git(repository, "tag", "v1.0")
    _, base = control.base_commit("main")
    around = surroundings_of(control, base=base, branch="main")
    slot = Slot(control, tmp_path / "slot", around)
    git(repository, "rm", "-q", "--cached", "README.md")
    tree = git(repository, "write-tree").strip()

    there = slot.restore(tree)

    assert _theirs(there, "rev-parse", "HEAD^{tree}", "HEAD^").split() == [tree, base]
    assert _theirs(there, "describe", "--tags").startswith("v1.0-1-g")
    assert _theirs(there, "log", "-1", "--format=%ct") == _theirs(there, "log", "-1", "--format=%ct", base)
    assert _theirs(there, "diff", "--name-only", "main...HEAD") == "README.md"


def test_what_a_clone_has_fetched_stays_as_it_was_fetched(
    repository: Path, hermetic: Path, tmp_path: Path, branch_with: BranchWith
) -> None:
    branch_with("develop", {"d.txt": "d\n"})
    branch_with("feature/x/agent/dev/B", {"b.txt": "b\n"})
    git(repository, "checkout", "-q", "main")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    git(clone, "commit", "--allow-empty", "-m", "ahead")
    git(clone, "branch", "topic")
    there = _checkout(open_control(clone, home=hermetic), tmp_path / "co").directory

    names = _theirs(there, "for-each-ref", "--format=%(refname)").split()
    assert names == [
        "refs/heads/feature/x/agent/dev/A",
        "refs/heads/main",
        *(f"refs/remotes/origin/{name}" for name in ("HEAD", "develop", "main", "topic")),
    ]
    assert _theirs(there, "rev-list", "--count", "origin/main..HEAD") == "1"
    assert _theirs(there, "symbolic-ref", "refs/remotes/origin/HEAD") == "refs/remotes/origin/main"
    assert _theirs(there, "config", "remote.origin.url") == str(repository)


@pytest.mark.parametrize("command", [["fetch"], ["push", "origin", "HEAD:refs/heads/stolen"], ["pull"]])
def test_nothing_is_fetched_or_pushed_out_of_a_checkout(
    command: list[str], repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    there = _checkout(open_control(clone, home=hermetic), tmp_path / "co").directory

    assert subprocess.run(["git", *command], cwd=there, capture_output=True, check=False).returncode != 0

    assert "stolen" not in git(repository, "branch")


def test_linked_worktrees_bare_and_packed_repositories_give_the_same(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    git(repository, "tag", "-a", "v1", "-m", "v1")
    linked, bare = tmp_path / "linked", tmp_path / "bare.git"
    git(repository, "worktree", "add", "-q", "-b", "side", str(linked))
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    git(bare, "pack-refs", "--all")
    for number, place in enumerate((linked, bare)):
        there = _checkout(open_control(place, home=hermetic), tmp_path / f"co{number}").directory
        assert _theirs(there, "describe") == "v1"
        assert _theirs(there, "rev-parse", "origin/main") == git(repository, "rev-parse", "main").strip()


def test_damaged_odd_and_replaced_refs_do_no_harm(repository: Path, control: Control, tmp_path: Path) -> None:
    git(repository, "tag", "whole")
    git(repository, "tag", "of-a-tree", "HEAD^{tree}")
    git(repository, "tag", "größe-§3")
    (repository / ".git/refs/tags/gone").write_text("1" * 40 + "\n")
    (repository / ".git/refs/tags/empty").write_text("")
    git(repository, "commit", "--allow-empty", "-m", "other")
    git(repository, "replace", "HEAD", "HEAD^")
    git(repository, "commit", "--allow-empty", "-m", "next")
    there = _checkout(control, tmp_path / "co").directory

    assert _theirs(there, "-c", "core.quotePath=false", "tag").split() == ["größe-§3", "of-a-tree", "whole"]
    assert _theirs(there, "log", "--format=%s").splitlines()[:2] == ["next", "other"]
    assert _theirs(there, "fsck") == ""


def test_an_agent_commits_without_the_key_hooks_and_editor_of_the_user(
    repository: Path, control: Control, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit", "post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    included = tmp_path / "included"
    included.write_text(f"[core]\n\thooksPath = {hooks}\n")
    Path(os.environ["HOME"], ".gitconfig").write_text(
        "[commit]\n\tgpgSign = true\n[tag]\n\tgpgSign = true\n\tforceSignAnnotated = true\n"
        "[gpg]\n\tprogram = /bin/false\n[merge]\n\tverifySignatures = true\n[log]\n\tshowSignature = true\n"
        f'[core]\n\tfsmonitor = {hooks}/pre-commit\n[includeIf "gitdir:/"]\n\tpath = {included}\n'
    )
    try:
        there = _checkout(control, tmp_path / "co").directory
        (there / "app.py").write_text("new = 1\n")
        _theirs(there, "commit", "-qam", "mine")
        _theirs(there, "tag", "-a", "mine", "-m", "mine")
        _theirs(there, "checkout", "-q", "-b", "side", "HEAD^")
        _theirs(there, "commit", "-q", "--allow-empty", "-m", "side")
        _theirs(there, "merge", "-q", "--no-edit", "mine")
        assert not (tmp_path / "ran").exists()
        assert _theirs(there, "log", "-1", "--format=%ae", "mine") == "plait@localhost"
        (there / ".git/hooks/pre-commit").write_text("#!/bin/sh\necho own >> .git/own\n")
        (there / ".git/hooks/pre-commit").chmod(0o755)
        _theirs(there, "commit", "-q", "--allow-empty", "-m", "own")
        assert (there / ".git/own").exists(), "a hook that a set-up installed runs as in a clone"
    finally:
        Path(os.environ["HOME"], ".gitconfig").unlink()


def test_without_hooks_of_the_user_nothing_is_said_of_hooks(control: Control, tmp_path: Path) -> None:
    """`pre-commit install` refuses where anything is."""
    assert "hookspath" not in (_checkout(control, tmp_path / "co").directory / ".git/config").read_text().casefold()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@example.com/a/b.git", "https://example.com/a/b.git"),
        ("https://ghp_secret@example.com/a/b.git?token=secret", "https://example.com/a/b.git"),
        ("ssh://git@example.com:22/a/b.git", "ssh://git@example.com:22/a/b.git"),
        ("ssh://git:secret@example.com/a", "ssh://example.com/a"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("ext::sh -c 'secret'", ""),
        ("me:secret@example.com:a", ""),
        ('https://example.com/"\n[core]\n', ""),
    ],
)
def test_the_address_of_a_remote_is_shown_without_what_is_secret(url: str, shown: str) -> None:
    assert _without_password(url) == shown


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=60))
def test_no_address_breaks_out_of_its_line(url: str) -> None:
    assert "\n" not in _without_password(f"https://x{url}")
    assert "@" not in _without_password(f"https://me:secret@example.com/{url}").partition("://")[2].partition("/")[0]


@given(st.lists(st.sampled_from(["a", "a/b", "a/b/c", "b", "b/a", "ab"]), unique=True))
def test_of_names_that_clash_git_gets_those_that_it_can_hold(names: list[str]) -> None:
    kept = _fitting(names)
    assert not any(other.startswith(f"{name}/") for name in kept for other in kept)
    assert bool(kept) == bool(names)


def test_a_set_up_gets_submodules_from_where_the_user_has_them(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    """Also by a relative address, which would mean another place for a checkout: this repository has no remote."""
    git(tmp_path, "init", "-q", "library")
    git(tmp_path / "library", "commit", "-q", "--allow-empty", "-m", "one")
    allowed = ("-c", "protocol.file.allow=always")
    relative = os.path.relpath(tmp_path / "library", repository)
    git(repository, *allowed, "submodule", "--quiet", "add", "--name", 'odd "name"', relative, "lib")
    git(repository, "commit", "-qam", "with a library")
    there = _checkout(open_control(repository, home=hermetic), tmp_path / "co").directory

    _theirs(there, *allowed, "submodule", "--quiet", "update", "--init")

    assert _theirs(there / "lib", "log", "-1", "--format=%s") == "one"
