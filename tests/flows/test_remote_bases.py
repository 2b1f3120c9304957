"""Base at a remote: moved there by lease and no other way; branches pushed where asked; a refusal becomes a request."""

import hashlib
import json
import shutil
import time
from pathlib import Path

import pytest

from plait.flows.landing import LandCall, land_feature, undo_feature
from plait.plans.errors import CallError
from plait.workspace import remotes
from plait.workspace.remotes import RemoteGone
from tests.flows.finished import BRANCH, PLAN, finish
from tests.support.command import processes_with
from tests.support.patience import patience
from tests.support.repositories import commit_files, commit_on_branch, files_of, git


@pytest.fixture
def remote(repository: Path, tmp_path: Path) -> Path:
    """A bare repository that `main` of the clone follows as `origin`."""
    place = tmp_path / "origin.git"
    git(repository, "clone", "--quiet", "--bare", str(repository), str(place))
    git(repository, "remote", "add", "origin", str(place))
    git(repository, "fetch", "--quiet", "origin")
    git(repository, "branch", "--quiet", "--set-upstream-to=origin/main", "main")
    return place


def hook(place: Path, name: str, script: str) -> Path:
    path = place / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def refs(place: Path) -> str:
    return git(place, "for-each-ref", "--format=%(refname) %(objectname)")


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called `gh` that writes down what it is asked; its `state` file says how it answers.

    Like the real one it refuses an option that it does not know (`gh pr create --help` of 2.23).
    """
    place = tmp_path / "bin"
    place.mkdir()
    program = place / "gh"
    program.write_text(
        "#!/bin/sh\n"
        f'test "$1" = auth && exit $(cat {place}/state)\n'
        'for word; do case "$word" in --repo | --base | --head | --title | --body-file) ;;\n'
        '  --*) echo "unknown flag: $word"; exit 1 ;;\nesac; done\n'
        f'for word; do printf "%s\\n" "$word" >> {place}/asked; done\n'
        'while [ $# -gt 1 ]; do test "$1" = --body-file && cat "$2" > ' + str(place) + "/body; shift; done\n"
        "echo https://github.com/ada/shop/pull/7\n"
    )
    program.chmod(0o755)
    (place / "state").write_text("0\n")
    monkeypatch.setenv("PATH", f"{place}:/usr/local/bin:/usr/bin:/bin")
    return place


def test_what_follows_a_remote_lands_there_and_the_users_checkout_and_branch_stay(
    repository: Path, remote: Path
) -> None:
    finish(repository)
    before = git(repository, "rev-parse", "main")

    outcome = land_feature(LandCall("cart", repository))

    assert (outcome.state, outcome.base) == ("landed", "origin/main")
    assert git(remote, "rev-parse", "main") == outcome.commit
    assert {"a.txt", "b.txt"} < files_of(remote, "main").keys()
    assert git(repository, "rev-parse", "main") == before
    assert git(repository, "status", "--porcelain") == ""
    assert refs(remote).count("refs/") == 1, "nothing else was pushed"
    assert land_feature(LandCall("cart", repository)).state == "already"


def test_the_local_branch_is_taken_where_that_is_asked_for(repository: Path, remote: Path) -> None:
    finish(repository)
    git(repository, "switch", "--quiet", "--detach")
    before = refs(remote)

    outcome = land_feature(LandCall("cart", repository, local=True))

    assert (outcome.state, outcome.base) == ("landed", "main")
    assert refs(remote) == before


def test_what_others_pushed_meanwhile_is_merged_and_verified_first(
    repository: Path, remote: Path, tmp_path: Path
) -> None:
    finish(repository)
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(remote), str(other))
    theirs = commit_files(other, {"theirs.txt": "x\n"})
    git(other, "push", "--quiet", "origin", "main")

    outcome = land_feature(LandCall("cart", repository, way="squash"))

    assert (outcome.state, outcome.old) == ("landed", theirs)
    assert {"a.txt", "theirs.txt"} < files_of(remote, "main").keys()


def test_who_pushes_while_it_is_tested_loses_nothing(repository: Path, remote: Path, tmp_path: Path) -> None:
    """The check itself plays them, once."""
    script, done = tmp_path / "somebody.sh", tmp_path / "done"
    script.write_text(
        f"test -e {done} && exit 0; touch {done}; cd {remote}; "
        "made=$(git -c user.name=x -c user.email=x@y commit-tree -p main -m theirs main^{tree}); "
        "git update-ref refs/heads/main $made\n"
    )
    finish(repository, PLAN.replace("test ! -e bad.txt", f"sh {script}"))

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "landed"
    assert git(remote, "log", "-1", "--format=%s", "main^1") == "theirs"


def test_commits_of_the_users_that_nobody_asked_to_push_keep_it_back(repository: Path, remote: Path) -> None:
    commit_files(repository, {"private.txt": "not yet\n"})
    finish(repository)
    before = refs(remote)

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "held"
    assert "1 commit that origin/main does not have" in (outcome.reason or "")
    assert refs(remote) == before


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_remote_that_was_rewritten_is_not_to_be_pushed_over(repository: Path, remote: Path, *, goes_on: bool) -> None:
    """What it lost since would come back with the feature, and nobody is told to push it."""
    commit_files(repository, {"secret.txt": "hunter2\n"})
    git(repository, "push", "--quiet", "origin", "main")
    finish(repository)
    git(remote, "update-ref", "refs/heads/main", "main~1")
    if goes_on:
        other = commit_on_branch(repository, "other", {"other.txt": "x\n"}, start="main~1")
        git(repository, "push", "--quiet", "origin", f"{other}:refs/heads/main")
    before = refs(remote)

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "held"
    assert "origin/main and what it began from have gone apart: 1 commit of that would go there" in str(outcome.reason)
    assert "`plait run PLAN --fresh --base origin/main`" in str(outcome.reason)
    assert "git push" not in str(outcome.reason)
    assert refs(remote) == before


def test_a_refusal_is_told_with_the_words_of_the_remote_and_nothing_is_moved(repository: Path, remote: Path) -> None:
    hook(remote, "pre-receive", "echo 'main is protected: open a pull request'; exit 1")
    finish(repository)
    before = refs(remote)

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "refused"
    assert "pre-receive hook declined" in (outcome.reason or "")
    assert "main is protected: open a pull request" in (outcome.reason or "")
    assert refs(remote) == before


def test_a_remote_that_is_gone_is_the_environment_and_it_lands_when_it_is_back(
    repository: Path, remote: Path, tmp_path: Path
) -> None:
    finish(repository)
    remote.rename(tmp_path / "away")
    with pytest.raises(RemoteGone, match="origin cannot be reached"):
        land_feature(LandCall("cart", repository))
    (tmp_path / "away").rename(remote)

    assert land_feature(LandCall("cart", repository)).state == "landed"


def test_an_undo_of_what_landed_at_a_remote_is_pushed_there(repository: Path, remote: Path) -> None:
    finish(repository)
    land_feature(LandCall("cart", repository))

    outcome = undo_feature("cart", repository)

    assert (outcome.state, outcome.base) == ("undone", "origin/main")
    assert "a.txt" not in files_of(remote, "main")


@pytest.mark.parametrize(("what", "pushed"), [("integration", {BRANCH}), ("all", {BRANCH, "A", "B"})])
def test_branches_are_pushed_where_the_plan_says_so_and_a_second_time_are_there(
    repository: Path, remote: Path, what: str, pushed: set[str]
) -> None:
    finish(repository, f"{PLAN}      push: {what}\n")

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.remote == "origin"
    assert {branch.state for branch in outcome.pushed} == {"pushed"}
    agents = {f"feature/cart/agent/command/{name}" if len(name) == 1 else name for name in pushed}
    assert {line.split()[0].removeprefix("refs/heads/") for line in refs(remote).splitlines()} == {*agents, "main"}
    again = land_feature(LandCall("cart", repository))
    assert {branch.state for branch in again.pushed} == {"there"}


def test_what_somebody_else_has_put_on_the_pushed_branch_is_not_overwritten(
    repository: Path, remote: Path, tmp_path: Path
) -> None:
    finish(repository, f"{PLAN}      push: integration\n")
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(remote), str(other))
    git(other, "switch", "--quiet", "--create", BRANCH)
    theirs = commit_files(other, {"theirs.txt": "x\n"})
    git(other, "push", "--quiet", "origin", BRANCH)

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "landed"
    (branch,) = outcome.pushed
    assert (branch.state, git(remote, "rev-parse", BRANCH)) == ("held", theirs)
    assert "not overwritten" in branch.reason


def test_what_plait_pushed_itself_is_replaced_where_the_feature_was_begun_anew(repository: Path, remote: Path) -> None:
    plan = f"{PLAN}      push: integration\n"
    finish(repository, plan)
    land_feature(LandCall("cart", repository))
    undo_feature("cart", repository)
    git(repository, "pull", "--quiet", "--ff-only")
    tip = finish(repository, plan, run_id="run-2")

    outcome = land_feature(LandCall("cart", repository))

    assert [branch.state for branch in outcome.pushed] == ["pushed"]
    assert git(remote, "rev-parse", BRANCH) == tip


def test_a_refused_landing_becomes_a_pull_request_by_gh(repository: Path, remote: Path, stand_in: Path) -> None:
    hook(remote, "update", 'test "$1" != refs/heads/main')
    finish(repository, f"{PLAN}      push: integration\n")

    outcome = land_feature(LandCall("cart", repository))

    assert (outcome.state, outcome.is_done) == ("refused", True)
    assert outcome.pull_request is not None
    assert outcome.pull_request.url == "https://github.com/ada/shop/pull/7"
    asked = (stand_in / "asked").read_text().splitlines()
    assert asked[:6] == ["pr", "create", "--base", "main", "--head", BRANCH]
    body = (stand_in / "body").read_text()
    assert "**A**" in body
    assert "test ! -e bad.txt" in body
    assert "plait undo cart" in body


def test_nothing_is_pushed_for_a_request_that_nobody_asked_for(repository: Path, remote: Path, stand_in: Path) -> None:
    hook(remote, "pre-receive", "exit 1")
    finish(repository)

    outcome = land_feature(LandCall("cart", repository))

    assert (outcome.state, outcome.pull_request, outcome.pushed) == ("refused", None, ())
    assert not (stand_in / "asked").exists()


@pytest.mark.parametrize("there", [True, False])
def test_without_a_gh_that_is_logged_in_the_text_is_there_for_a_person(
    repository: Path, remote: Path, stand_in: Path, there: bool
) -> None:
    (stand_in / "state").write_text("1\n")
    if not there:
        (stand_in / "gh").unlink()
    finish(repository)

    outcome = land_feature(LandCall("cart", repository, request=True))

    assert outcome.state == "requested"
    request = outcome.pull_request
    assert request is not None
    assert (request.url, request.title) == (None, "cart: A basket.")
    assert "gh" in request.reason
    assert BRANCH in refs(remote)
    assert json.loads(outcome.model_dump_json())["pull_request"]["title"] == "cart: A basket."


def test_a_request_needs_a_remote_that_base_follows(repository: Path) -> None:
    finish(repository)

    with pytest.raises(CallError, match="main follows no branch of a remote"):
        land_feature(LandCall("cart", repository, request=True))


def test_a_pre_push_hook_of_the_users_is_asked_and_may_refuse(repository: Path, remote: Path, tmp_path: Path) -> None:
    hook(repository / ".git", "pre-push", f"cat > {tmp_path}/seen; echo 'not on a Friday'; exit 1")
    finish(repository)
    before = refs(remote)

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "refused"
    assert "your pre-push hook refused it: not on a Friday" in (outcome.reason or "")
    assert "refs/heads/main" in (tmp_path / "seen").read_text()
    assert refs(remote) == before


def test_hooks_that_lie_in_the_checkout_do_not_run_as_branches_can_change_them(
    repository: Path, remote: Path, tmp_path: Path
) -> None:
    script = repository / "githooks" / "pre-push"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    script.chmod(0o755)
    git(repository, "config", "core.hooksPath", "githooks")
    finish(repository, f"{PLAN}      push: integration\n")

    outcome = land_feature(LandCall("cart", repository))

    assert outcome.state == "landed"
    assert not (tmp_path / "ran").exists()
    assert "your hooks in githooks did not run: branches can change them" in outcome.notes


def test_a_remote_of_a_fetched_branch_is_where_a_feature_of_that_lands(repository: Path, remote: Path) -> None:
    git(repository, "branch", "--quiet", "--unset-upstream", "main")
    finish(repository, PLAN.replace("goal:", "base: origin/main\n    goal:"))

    outcome = land_feature(LandCall("cart", repository))

    assert (outcome.state, outcome.base) == ("landed", "origin/main")
    assert git(remote, "rev-parse", "main") == outcome.commit


def test_settings_of_the_users_that_would_push_more_or_otherwise_count_for_nothing(
    repository: Path, remote: Path
) -> None:
    git(repository, "tag", "--annotate", "--message=x", "v1")
    for setting in ("push.followTags=true", "remote.origin.mirror=true", "push.default=matching"):
        git(repository, "config", *setting.split("="))
    git(repository, "config", "--add", "remote.origin.push", "+refs/*:refs/*")
    finish(repository)

    assert land_feature(LandCall("cart", repository)).state == "landed"
    assert refs(remote).count("refs/") == 1


def test_a_remote_that_never_answers_is_given_up_and_nothing_of_it_goes_on(
    repository: Path, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a proxy does, or a question that nobody answers."""
    finish(repository)
    script = tmp_path / "never.sh"
    script.write_text("sleep 1000\n")
    git(repository, "config", "core.sshCommand", f"sh {script}")
    git(repository, "remote", "set-url", "origin", "ssh://nobody@nowhere.invalid/shop.git")
    monkeypatch.setattr(remotes, "NETWORK_SECONDS", 3.0)

    with pytest.raises(RemoteGone, match="took longer than 3 s"):
        land_feature(LandCall("cart", repository))

    with patience():
        while processes_with(str(script)):
            time.sleep(0.05)


def test_no_password_of_an_address_is_told(repository: Path, remote: Path) -> None:
    git(repository, "remote", "set-url", "origin", "https://ada:s3cret@127.0.0.1:1/shop.git")
    finish(repository)

    with pytest.raises(RemoteGone) as gone:
        land_feature(LandCall("cart", repository))

    assert "s3cret" not in f"{gone.value} {gone.value.hint}"


def test_ssh_is_asked_without_questions_as_the_user_has_it(repository: Path, remote: Path, tmp_path: Path) -> None:
    finish(repository)
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/asked\nexit 255\n')
    program.chmod(0o755)
    git(repository, "config", "core.sshCommand", f"{program} -i /keys/mine")
    git(repository, "remote", "set-url", "origin", "git@nowhere.invalid:ada/shop.git")

    with pytest.raises(RemoteGone):
        land_feature(LandCall("cart", repository))

    assert (tmp_path / "asked").read_text().split()[:3] == ["-i", "/keys/mine", "-oBatchMode=yes"]


def test_a_plan_of_many_agents_has_all_of_their_branches_pushed(repository: Path, remote: Path) -> None:
    finish(repository, f"{PLAN}      push: all\n")
    commit = git(repository, "rev-parse", BRANCH)
    made = "".join(f"create refs/heads/feature/cart/agent/backend/{'T' * 50}-{n} {commit}\n" for n in range(350))
    git(repository, "update-ref", "--stdin", stdin=made.encode())

    outcome = land_feature(LandCall("cart", repository))

    assert {branch.state for branch in outcome.pushed} == {"pushed"}
    assert len(outcome.pushed) == 353
    assert {branch.state for branch in land_feature(LandCall("cart", repository)).pushed} == {"there"}


@pytest.mark.parametrize("pulled", [False, True])
def test_a_run_does_not_begin_anew_on_a_base_that_lacks_the_undo_and_says_what_brings_it(
    repository: Path, remote: Path, pulled: bool
) -> None:
    finish(repository)
    landed = land_feature(LandCall("cart", repository))
    assert landed.notes == ("your main is as it was: git pull brings it",)
    if pulled:
        git(repository, "pull", "--quiet", "--ff-only")
    undo_feature("cart", repository)

    with pytest.raises(CallError, match=r"out of origin/main by .*, which main does not have yet") as refused:
        finish(repository, run_id="run-2")

    assert "git pull" in (refused.value.hint or "")
    git(repository, "pull", "--quiet", "--ff-only")
    finish(repository, run_id="run-3")
    assert land_feature(LandCall("cart", repository)).state == "landed"
    assert "a.txt" in files_of(remote, "main")


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
@pytest.mark.parametrize("way", ["to base", "of branches"])
def test_what_git_lfs_keeps_is_at_the_remote_before_the_commits_are(repository: Path, remote: Path, way: str) -> None:
    """By the real git-lfs, without its hook; a remote that does not take it gets no commits either."""
    commit_files(repository, {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    git(repository, "push", "--quiet", "origin", "main")
    plan = PLAN.replace("echo a > a.txt", "echo big > a.bin; echo a > a.txt")
    finish(repository, plan if way == "to base" else f"{plan}      push: integration\n")
    call = LandCall("cart", repository)
    (remote / "lfs").write_text("no folder")
    before = refs(remote)

    outcome = land_feature(call)

    assert outcome.state == "refused"
    assert "Git LFS could not push the files" in (outcome.reason or "")
    assert refs(remote) == before
    (remote / "lfs").unlink()
    assert land_feature(call).state == "landed"
    oid = hashlib.sha256(b"big\n").hexdigest()
    assert (remote / "lfs/objects" / oid[:2] / oid[2:4] / oid).read_bytes() == b"big\n"
