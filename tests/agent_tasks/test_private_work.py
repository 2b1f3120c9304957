"""What an agent commits where no harvest looks is kept beside the try, and told where."""

import textwrap
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from plait.agent_tasks.errors import TaskStopped, TryFailed
from plait.agent_tasks.implement import implement
from plait.agent_tasks.prompts import prompt_of
from plait.agent_tasks.trying import past_tries
from plait.flows.running.watching import Watcher
from plait.plans.tasks.work import Try, WorkReport
from plait.workspace import private_git as module
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, commit_on_branch, files_of, git

BRANCH = "git checkout -q -b fix-it && echo precious >> README.md && git commit -qam wip && git checkout -q -"
ELSEWHERE = {
    "another branch": (BRANCH, "the branch fix-it"),
    "a branch that is packed": (f"{BRANCH} && git pack-refs --all && git gc -q", "the branch fix-it"),
    "a stash": ("echo precious >> README.md && git stash -q", "a stash"),
    "a detached commit": (
        "git checkout -q --detach && echo precious >> README.md && git commit -qam wip && git checkout -q -",
        "",
    ),
    "a commit undone by a reset": (
        "echo precious >> README.md && git commit -qam wip && git reset -q --hard HEAD~1",
        "",
    ),
    "a half-done rebase": (
        "echo precious >> README.md && git commit -qam wip && git checkout -q --detach HEAD~1 && "
        "echo other >> README.md && git commit -qam other && git checkout -q - && "
        "(git rebase -q - || git checkout -q HEAD~1 -- README.md)",
        "the branch feature/shop/agent/command/A",
    ),
    "only added": ("echo precious >> README.md && git add . && git checkout -q HEAD -- README.md", ""),
    "another worktree": (
        "git worktree add -q -b fix-it ../beside && cd ../beside && echo precious > x && "
        "git add . && git commit -qm wip",
        "the branch fix-it",
    ),
}


def plan_of(work: str, *, more: str = "") -> str:
    script = textwrap.indent(textwrap.dedent(work).strip(), " " * 6)
    task = f"  - id: A\n    owns: [a.txt, README.md]\n{more}    changes: required\n    run: |\n{script}\n"
    return f"feature: shop\ngoal: Sell.\ntasks:\n{task}"


def holds(kept: str, word: str) -> bool:
    """Whether a kept git has a blob with a word in it."""
    lines = git(Path(kept), "cat-file", "--batch-all-objects", "--batch-check").split("\n")
    blobs = [line.split(" ")[0] for line in lines if " blob " in line]
    return any(word in git(Path(kept), "cat-file", "blob", blob) for blob in blobs)


@pytest.mark.parametrize(("work", "named"), ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_what_a_try_that_changed_nothing_committed_is_kept_and_named(repository: Path, work: str, named: str) -> None:
    with opened(plan_of(work), repository) as session:
        with pytest.raises(TryFailed) as failed:
            implement.fn(order_of(session, "A"), session.shop.facts)
        (attempt,) = past_tries(session.shop.folder_of("A"))
        prompt = prompt_of(order_of(session, "A"), session.shop, tries=(attempt,))

    kept = attempt.private_git
    assert kept is not None
    words = f" ({named})" if named else ""
    told = f"it said that it was done, but changed nothing; what it committed in its own git{words} does not count, and"
    assert str(failed.value) == attempt.failed
    assert str(failed.value).startswith(f"{told} is kept in {kept}")
    assert holds(kept, "precious")
    assert "Only files count" in prompt
    assert kept in prompt


@dataclass
class Hearing(Watcher):
    """Keeps what people are told."""

    lines: list[str]

    def told(self, text: str) -> None:
        self.lines.append(text)


def kept_of(repository: Path, work: str, *, more: str = "", crew: str = "") -> tuple[str, Try]:
    """Why a try does not count, and its record."""
    with opened(crew + plan_of(work, more=more), repository) as session:
        with pytest.raises(TryFailed) as failed:
            implement.fn(order_of(session, "A"), session.shop.facts)
        return str(failed.value), past_tries(session.shop.folder_of("A"))[-1]


def test_a_try_that_fails_or_is_out_of_time_keeps_it_beside_its_salvage(repository: Path) -> None:
    reason, attempt = kept_of(repository, f"{BRANCH}; echo half > a.txt; exit 3")
    assert reason.startswith("the script ended with exit status 3 and said nothing; what it committed in its own git")
    assert holds(attempt.private_git or "", "precious")
    assert files_of(repository, attempt.salvage or "")["a.txt"] == "half"

    reason, attempt = kept_of(repository, f"{BRANCH}; sleep 60", more="    timeout: 3s\n")
    assert "what it committed in its own git (the branch fix-it) does not count" in reason
    assert holds(attempt.private_git or "", "precious")


def test_a_run_that_is_stopped_keeps_it(repository: Path, tmp_path: Path) -> None:
    with opened(plan_of(f"{BRANCH}; touch {tmp_path}/there; sleep 60"), repository) as session:

        def stop() -> None:
            while not (tmp_path / "there").exists():
                time.sleep(0.02)
            session.shop.stop.set()

        threading.Thread(target=stop).start()
        with pytest.raises(TaskStopped):
            implement.fn(order_of(session, "A"), session.shop.facts)
        (attempt,) = past_tries(session.shop.folder_of("A"))

    assert holds(attempt.private_git or "", "precious")


def test_work_that_counts_keeps_only_what_is_elsewhere(repository: Path) -> None:
    told: list[str] = []
    ordinary = "echo more > a.txt && git add . && git commit -qm done"
    with opened(plan_of(ordinary), repository) as session:
        assert implement.fn(order_of(session, "A"), session.shop.facts).commit
        assert past_tries(session.shop.folder_of("A"))[-1].private_git is None

    with opened(plan_of(f"{BRANCH} && {ordinary}"), repository, fresh=True, run_id="run-2") as session:
        session.watchers.add(Hearing(told))
        assert implement.fn(order_of(session, "A"), session.shop.facts).commit
        kept = past_tries(session.shop.folder_of("A"))[-1].private_git
    assert kept
    assert holds(kept, "precious")
    assert [line for line in told if "what it committed in its own git (the branch fix-it) does not count" in line]


def test_what_is_kept_holds_nothing_that_git_would_run(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    planted = f"""
        {BRANCH}
        printf '#!/bin/sh\ntouch {trap}\n' > hook; chmod +x hook; mkdir -p .git/hooks
        for name in post-checkout pre-commit reference-transaction; do cp hook .git/hooks/$name; done
        git config core.editor "touch {trap}"; git config core.pager "touch {trap}"
        git config core.alternateRefsCommand "touch {trap}"; git config extensions.worktreeConfig true
        cp .git/config .git/config.worktree; mkdir -p .git/info; echo '* filter=trap' > .git/info/attributes
        git config filter.trap.smudge "touch {trap}"; git config uploadpack.packObjectsHook "touch {trap}"
        git config core.fsmonitor "touch {trap}"; rm -f hook {trap}
    """
    _, attempt = kept_of(repository, planted)
    kept = Path(attempt.private_git or "")

    git(tmp_path, "clone", "-q", str(kept), "there", check=False)
    git(kept, "log", "-p", "--all", "--reflog")
    git(kept, "branch", "another")
    assert not trap.exists()
    assert not (kept / "hooks").exists()


@pytest.mark.parametrize(
    "work",
    [
        "rm -rf .git",
        "rm -rf .git; ln -s / .git",
        "mv .git ../elsewhere; echo gitdir: ../elsewhere > .git",
        "chmod 000 .git/objects .git/refs; cd .git; ln -sf /etc/passwd HEAD; rm -f packed-refs; mkfifo packed-refs",
    ],
)
def test_a_git_that_was_taken_apart_is_no_trouble(repository: Path, work: str) -> None:
    reason, _ = kept_of(repository, work)

    assert reason.startswith("it said that it was done, but changed nothing")


def test_what_is_too_large_is_not_kept_and_that_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1_000)
    reason, attempt = kept_of(repository, f"seq 5000 > big; git add big; rm big; {BRANCH}")

    assert attempt.private_git is None
    assert "is gone, being more than" in reason


WORKTREES = {
    "beside the checkout": "git worktree add -q --detach ../beside; echo precious > ../beside/x",
    "in the folder for what is temporary": (
        'git worktree add -q --detach "$TMPDIR/beside"; echo precious > "$TMPDIR/beside/x"'
    ),
}


@pytest.mark.parametrize("work", WORKTREES.values(), ids=WORKTREES.keys())
def test_files_of_a_worktree_that_a_failed_try_made_beside_its_checkout_are_kept(repository: Path, work: str) -> None:
    reason, attempt = kept_of(repository, work)

    kept = Path(reason.rpartition(" is kept in ")[2])
    assert reason == f"it said that it was done, but changed nothing; its worktree beside is kept in {kept}"
    assert attempt.failed == reason
    assert (kept / "x").read_text() == "precious\n"
    assert not (kept / ".git").exists(), "a person will run git there"


def test_a_commit_in_a_worktree_that_is_on_no_branch_is_kept_and_told_of_work_that_counts(repository: Path) -> None:
    told: list[str] = []
    work = f"{WORKTREES['beside the checkout']}; (cd ../beside; git add .; git commit -qm wip); echo more > a.txt"
    with opened(plan_of(work), repository) as session:
        session.watchers.add(Hearing(told))
        assert implement.fn(order_of(session, "A"), session.shop.facts).commit
        kept = past_tries(session.shop.folder_of("A"))[-1].private_git
    assert kept
    assert holds(kept, "precious")
    assert [line for line in told if "what it committed in its own git (the worktree beside) does not count" in line]


LEFT_OUT = {
    "sparse": ("git sparse-checkout set --no-cone a.txt && echo more > a.txt", "its checkout is sparse"),
    "main": ("git checkout -q main && echo more > a.txt", "it left main checked out"),
    "a commit of before": ("git checkout -q --detach main && echo more > a.txt", "checked out, so that what it"),
}


def started_from_a_need(repository: Path, work: str) -> WorkReport:
    """What comes of work that starts from a branch above main, which has a file more."""
    start = commit_on_branch(repository, "need", {"need.txt": "need\n"})
    plan = f"feature: shop\ngoal: Sell.\nbase: main\ntasks: [{{id: A, run: '{work}'}}]\n"
    with opened(plan, repository) as session:
        return implement.fn(replace(order_of(session, "A"), start=start), session.shop.facts)


@pytest.mark.parametrize(("work", "told"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_files_that_its_git_has_put_away_are_not_deleted(repository: Path, work: str, told: str) -> None:
    with pytest.raises(TryFailed, match=told) as failed:
        started_from_a_need(repository, work)
    assert "need.txt" in str(failed.value)


@pytest.mark.parametrize(
    "work",
    [
        "rm need.txt && echo more > a.txt",
        "git checkout -q main && git checkout -q - && echo more > a.txt",
        "git checkout -q main && git checkout -q - -- . && echo more > a.txt",
        "git checkout -q -b own && git rm -q need.txt && git commit -qm own && echo more > a.txt",
        "git sparse-checkout set --no-cone a.txt && git sparse-checkout disable && echo more > a.txt && rm need.txt",
        'git sparse-checkout set --no-cone "/*" && echo more > a.txt',
    ],
)
def test_files_that_were_meant_to_go_and_those_that_came_back_count(repository: Path, work: str) -> None:
    assert started_from_a_need(repository, work).commit


@pytest.fixture
def with_library(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a submodule `lib`, which its clone has filled."""
    for name, value in {"COUNT": "1", "KEY_0": "protocol.file.allow", "VALUE_0": "always"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    commit_files(library, {"lib.txt": "lib\n"})
    git(repository, "submodule", "add", "-q", str(library), "lib")
    git(repository, "commit", "-qm", "with a library")
    return repository


WHO = "-c user.name=agent -c user.email=agent@example.com"
IN_LIBRARY = f"cd lib && echo precious >> lib.txt && git {WHO} commit -qam wip && git reset -q --hard HEAD~1"
FILLED = {
    "by plait": ("crew: {submodules: true}", IN_LIBRARY),
    "by the set-up": (
        'crew: {setup: ["git -c protocol.file.allow=always submodule update -q --init --no-fetch --reference '
        '$PLAIT_REPOSITORY/.git/modules/lib"]}',
        IN_LIBRARY,
    ),
}


@pytest.mark.parametrize(("crew", "work"), FILLED.values(), ids=FILLED.keys())
@pytest.mark.parametrize("more", ["", "; cd ..; echo more > a.txt"], ids=["nothing else", "work that counts"])
def test_what_was_committed_in_a_submodule_is_kept_and_named(
    with_library: Path, crew: str, work: str, more: str
) -> None:
    told: list[str] = []
    with opened(f"{crew}\n{plan_of(work + more)}", with_library) as session:
        session.watchers.add(Hearing(told))
        if more:
            implement.fn(order_of(session, "A"), session.shop.facts)
        else:
            with pytest.raises(TryFailed) as failed:
                implement.fn(order_of(session, "A"), session.shop.facts)
            told.append(str(failed.value))

    line = next(line for line in told if "submodule lib does not count" in line)
    kept = line.rpartition(" is kept in ")[2]
    assert "what it committed in the submodule lib does not count, and is kept in" in line
    assert holds(kept, "precious")
    assert git(Path(kept), "log", "--all", "--reflog", "--format=%s", "-1") == "wip"
    assert not (Path(kept) / "hooks").exists()


def test_a_submodule_in_which_nothing_was_committed_is_not_kept(with_library: Path) -> None:
    work = "cd lib && git checkout -q -b mine && git status"
    reason, _ = kept_of(with_library, work, crew="crew: {submodules: true}\n")

    assert reason == "it said that it was done, but changed nothing"
