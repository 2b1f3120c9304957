"""The door to git: what gets through it, and what does not."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plait.plans.errors import EnvironmentProblem, ExitCode
from plait.workspace import stale_locks
from plait.workspace.control import Control
from plait.workspace.errors import GitFailed, RefMoved
from plait.workspace.git import ZERO, GitRepository, ask_about, git_date, require_git, version
from tests.support.repositories import git, make_repository

DATE = "1700000000 +0000"


def test_nothing_of_our_environment_reaches_git(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'alias.leak'='!env'")
    monkeypatch.setenv("SECRET_TOKEN", "canary")
    answer = control.target.run("-c", "alias.leak=!env", "leak")
    assert "canary" not in answer.text
    assert f"GIT_DIR={control.common_dir}" in answer.text.splitlines()


def test_output_keeps_odd_bytes(control: Control) -> None:
    blob = control.store.ask("hash-object", "-w", "--stdin", stdin=b"\xff\n\n").text
    assert control.store.ask("cat-file", "blob", blob).stdout == b"\xff\n\n"
    entry = b"100644 blob " + blob.encode() + b"\ta\nb\xfe\0"
    tree = control.store.ask("mktree", "-z", stdin=entry).text
    assert control.store.ask("ls-tree", "-z", "--name-only", tree).records == ["a\nb\udcfe"]


def test_a_failure_carries_what_git_said(control: Control) -> None:
    with pytest.raises(GitFailed, match="Not a valid object name") as failure:
        control.store.ask("cat-file", "commit", "refs/heads/none")
    assert failure.value.status == 128


def test_a_failure_is_one_sentence_of_the_environment_with_what_to_do_and_survives_its_way() -> None:
    failure = GitFailed("read-tree x", 128, "error: unable to read x\nfatal: failed to unpack\n")
    assert str(failure) == "git read-tree x ended with 128: unable to read x; failed to unpack"
    assert (failure.exit_code, failure.may_pass) == (ExitCode.BAD_ENVIRONMENT, False)
    assert "git fsck" in str(failure.hint)
    again = pickle.loads(pickle.dumps(failure))  # noqa: S301
    assert (str(again), again.hint, again.stderr) == (str(failure), failure.hint, failure.stderr)


@pytest.mark.parametrize(
    ("said", "told", "may_pass"),
    [
        ("error: unable to create temporary file: Read-only file system", "writable", False),
        ("error: insufficient permission for adding an object to repository database x", "writable", False),
        ("fatal: Unable to create 'refs/heads/x.lock': File exists.", "run again", True),
        ("", "git fsck", False),
    ],
)
def test_the_hint_fits_what_git_said(said: str, told: str, *, may_pass: bool) -> None:
    failure = GitFailed("update-ref", 128, said)
    assert told in str(failure.hint)
    assert failure.may_pass is may_pass


def test_a_directory_that_is_gone_is_never_replaced_by_our_own(control: Control, tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="cannot enter"):
        control.store.run("status", work_tree=tmp_path / "gone")


def test_a_ref_moves_only_from_where_it_is_expected(control: Control) -> None:
    _, first = control.base_commit("main")
    second = control.store.commit_tree(control.store.tree_of(first), (first,), "second\n", date=DATE)
    control.target.move_ref("refs/heads/x", first, ZERO, reason="make")
    with pytest.raises(RefMoved):
        control.target.move_ref("refs/heads/x", second, ZERO, reason="make again")
    with pytest.raises(RefMoved):
        control.target.move_ref("refs/heads/x", first, second, reason="from elsewhere")
    with pytest.raises(RefMoved):
        control.target.move_ref("refs/heads/missing", second, first, reason="from nowhere")
    control.move_ref("refs/heads/x", second, first, reason="on")
    assert control.branch("x") == second


def test_a_lock_that_a_killed_git_left_is_not_a_moved_ref(control: Control) -> None:
    _, first = control.base_commit("main")
    (control.common_dir / "refs/heads/x.lock").touch()
    with pytest.raises(GitFailed, match="File exists"):
        control.target.move_ref("refs/heads/x", first, ZERO, reason="make")


def test_the_lock_of_a_killed_git_on_a_ref_of_plait_s_own_is_removed(control: Control, monkeypatch) -> None:
    """A git that is killed in between would else keep each later run from writing the ref."""
    monkeypatch.setattr(stale_locks, "STALE_LOCK", 0.2)
    _, first = control.base_commit("main")
    lock = control.store.git_dir / "refs/plait/base/shop.lock"
    lock.parent.mkdir(parents=True)
    for change in (
        lambda: control.store.set_ref("refs/plait/base/shop", first, reason="make"),
        lambda: control.store.delete_ref("refs/plait/base/shop"),
    ):
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
        change()
        assert not lock.exists()
    assert control.store.refs("refs/plait/base/") == {}


def test_equal_arguments_make_the_equal_commit(control: Control) -> None:
    _, base = control.base_commit(None)
    tree = control.store.tree_of(base)
    made = {control.store.commit_tree(tree, (base,), "same\n", date=DATE, author="a") for _ in range(3)}
    assert len(made) == 1
    assert control.store.is_ancestor(base, made.pop())


def test_ancestry_of_a_missing_commit_is_no_answer(control: Control) -> None:
    _, base = control.base_commit(None)
    with pytest.raises(GitFailed):
        control.store.is_ancestor("1" * 40, base)


def test_eight_threads_do_not_disturb_each_other(control: Control) -> None:
    ready = threading.Barrier(8)

    def write(number: int) -> list[str]:
        ready.wait()
        text = [f"{number}-{turn}" for turn in range(10)]
        blobs = [control.store.ask("hash-object", "-w", "--stdin", stdin=one.encode()).text for one in text]
        assert [control.store.ask("cat-file", "blob", blob).text for blob in blobs] == text
        return blobs

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(write, range(8)))
    assert len({blob for blobs in made for blob in blobs}) == 80


def test_hooks_of_the_user_do_not_run_when_plait_moves_a_branch(control: Control, tmp_path: Path) -> None:
    hook = control.common_dir / "hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    hook.chmod(0o755)
    _, base = control.base_commit(None)
    control.target.move_ref("refs/heads/x", base, ZERO, reason="make")
    assert not (tmp_path / "ran").exists()


def test_the_version_is_read_and_an_old_one_refused() -> None:
    assert version() >= (2, 39, 0)
    require_git()
    with pytest.raises(EnvironmentProblem, match="too old"):
        require_git((99, 0))


def test_git_finds_the_repository_of_a_directory(tmp_path: Path) -> None:
    make_repository(tmp_path / "shop")
    answer = ask_about(tmp_path / "shop/docs", "rev-parse", "--show-prefix")
    assert answer.text == "docs/"


@pytest.mark.parametrize("name", ["$HOME", "${HOME} x", "~", "100%s {x} `id`", "-rf"])
def test_a_folder_is_called_what_it_is_called(tmp_path: Path, name: str) -> None:
    repository = make_repository(tmp_path / name)
    assert ask_about(repository, "rev-parse", "--show-toplevel").text == str(repository)


def test_a_broken_configuration_of_the_user_is_told_in_the_words_of_git(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[user\nname = x\n", encoding="utf-8")
    program = "from plait.workspace.git import version; version()"
    variables = {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig")}
    ended = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False)
    assert "git does not run: fatal: bad config line 1 in file" in ended.stderr
    assert "Cmd(" not in ended.stderr.rpartition("EnvironmentProblem")[2]


def test_a_sha256_repository_has_branches_that_must_not_exist_too(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "long", object_format="sha256")
    target = GitRepository(repository / ".git")
    commit = git(repository, "rev-parse", "HEAD")
    target.move_ref("refs/heads/x", commit, ZERO, reason="make")
    with pytest.raises(RefMoved):
        target.move_ref("refs/heads/x", commit, ZERO, reason="make")


def test_the_empty_directory_of_git_stays_empty(control: Control) -> None:
    home = next(
        line.removeprefix("HOME=")
        for line in control.store.run("-c", "alias.env=!env", "env").text.splitlines()
        if line.startswith("HOME=")
    )
    assert os.listdir(home) == []  # noqa: PTH208


@pytest.mark.parametrize("name", ["one\u2028two", "one\x85two"])
def test_a_branch_whose_name_looks_like_two_lines_is_one(control: Control, repository: Path, name: str) -> None:
    git(repository, "branch", name)
    assert set(control.target.refs("refs/heads/")) == {"refs/heads/main", f"refs/heads/{name}"}
    assert control.branch(name) == control.branch("main")
    assert control.branch_clash(f"{name}/x") == name


def test_a_broken_ref_is_trouble_and_not_somebody_else_s_move(control: Control) -> None:
    (control.common_dir / "refs/heads/broken").write_text("")  # as a power failure leaves it
    commit = control.branch("main") or ""
    for old in (ZERO, commit):
        with pytest.raises(GitFailed, match="reference broken"):
            control.target.move_ref("refs/heads/broken", commit, old, reason="make")
    with pytest.raises(RefMoved):
        control.target.move_ref("refs/heads/broken-elsewhere", commit, commit, reason="from nowhere")


def outcome_with_path(directory: Path, path: str, code: str) -> str:
    """What a fresh process says, in which git is looked for on this PATH."""
    script = f"from pathlib import Path; from plait.workspace.git import GitRepository, version\n{code}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [sys.executable, "-c", script]
    return subprocess.run(argv, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True, check=False).stdout


def some_git(path: Path, script: str) -> None:
    """A git that does as a script says; GitPython asks any for its version."""
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\n[ "$1" = version ] && exec {shutil.which("git")} version\n{script}\n')
    path.chmod(0o755)


def test_a_git_of_the_checkout_is_never_run(tmp_path: Path) -> None:
    some_git(tmp_path / "tools/git", "echo the user\\'s")
    some_git(tmp_path / "work/tools/git", "echo an agent\\'s")
    code = "print(GitRepository(Path('.git')).run('status', work_tree=Path('work')).text)"
    assert outcome_with_path(tmp_path, "tools:/usr/bin:/bin", code) == "the user's\n"


def test_a_directory_of_the_name_is_no_git(tmp_path: Path) -> None:
    (tmp_path / "src/git").mkdir(parents=True)
    assert outcome_with_path(tmp_path, f"{tmp_path}/src:{os.environ['PATH']}", "print(version()[0])") == "2\n"


@pytest.mark.parametrize("words", ["No space left on device", "Disk quota exceeded"])
def test_a_disk_or_a_quota_that_is_full_is_told_apart(tmp_path: Path, words: str) -> None:
    some_git(tmp_path / "tools/git", f"echo 'error: unable to write file: {words}' >&2; exit 128")
    code = (
        "from plait.workspace.errors import DiskFull\ntry: GitRepository(Path('.git')).run('gc')\n"
        "except DiskFull: print('full')"
    )
    assert outcome_with_path(tmp_path, f"{tmp_path}/tools:/usr/bin:/bin", code) == "full\n"


def test_a_moment_is_written_as_git_writes_it() -> None:
    assert git_date(datetime(2023, 11, 14, 22, 13, 20, 999_999, tzinfo=UTC)) == "1700000000 +0000"
