"""Landing: one ref moves once, or nothing does; and what was cut off is made up for."""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.plans.errors import CallError, PlaitError
from plait.workspace import ref_landing, stale_locks
from plait.workspace.chains import Branch, ChainBuilder, wrap
from plait.workspace.control import Control, open_control
from plait.workspace.errors import GitFailed, RefMoved
from plait.workspace.git import ZERO
from plait.workspace.ref_landing import ReadyToLand, RefLanded, feature_lock, land, landed_batches, reconcile
from tests.workspace.histories import DATE, History

BRANCH = "feature/shop/integration"


@pytest.fixture
def history(tmp_path: Path) -> History:
    """The user's repository, with a checkout of `main`."""
    return History.with_checkout(tmp_path / "shop")


@pytest.fixture
def control(history: History, tmp_path: Path) -> Control:
    return open_control(tmp_path / "shop", home=tmp_path / "home")


def base_of(control: Control) -> str:
    return control.base_commit("main")[1]


def put(control: Control, new: str, *, old: str | None, batch: str = "b1", feature: str = "shop"):
    return land(control, feature=feature, batch=batch, branch=BRANCH, old=old, new=new, base=base_of(control))


def leftovers(control: Control) -> dict[str, str]:
    return control.store.refs("refs/plait/intent/")


def test_the_first_batch_makes_the_branch(control, history) -> None:
    base = base_of(control)
    new = history.commit({"a": "1\n"}, base)
    assert put(control, new, old=None) == RefLanded(new)
    assert control.branch(BRANCH) == new
    assert landed_batches(control, "shop") == {"b1": new}
    assert leftovers(control) == {}


def test_the_next_batch_moves_it_on(control, history) -> None:
    one = history.commit({"a": "1\n"}, base_of(control))
    two = history.commit({"b": "1\n"}, one)
    put(control, one, old=None)
    assert put(control, two, old=one, batch="b2") == RefLanded(two)
    assert control.branch(BRANCH) == two
    assert landed_batches(control, "shop") == {"b1": one, "b2": two}


def test_a_branch_that_somebody_made_is_not_overwritten(control, history) -> None:
    theirs = history.branch(BRANCH, history.commit({"x": "1\n"}, base_of(control)))
    with pytest.raises(RefMoved):
        put(control, history.commit({"a": "1\n"}, base_of(control)), old=None)
    assert control.branch(BRANCH) == theirs
    assert leftovers(control) == {}
    assert landed_batches(control, "shop") == {}


@pytest.mark.parametrize("elsewhere", ["on", "back", "away"])
def test_a_branch_that_somebody_moved_is_left_where_it_is(control, history, elsewhere) -> None:
    one = history.commit({"a": "1\n"}, base_of(control))
    two = history.commit({"b": "1\n"}, one)
    put(control, one, old=None)
    put(control, two, old=one, batch="b2")
    if elsewhere == "away":
        history.repository.delete_ref(f"refs/heads/{BRANCH}")
    else:
        history.branch(BRANCH, history.commit({"c": "1\n"}, two) if elsewhere == "on" else one)
    there = control.branch(BRANCH)
    with pytest.raises(RefMoved):
        put(control, history.commit({"d": "1\n"}, two), old=two, batch="b3")
    assert control.branch(BRANCH) == there
    assert leftovers(control) == {}


def test_landing_again_what_has_landed_is_no_error(control, history) -> None:
    new = history.commit({"a": "1\n"}, base_of(control))
    put(control, new, old=None)
    assert put(control, new, old=None) == RefLanded(new)
    assert put(control, new, old=new, batch="b2") == RefLanded(new)


def test_nothing_lands_that_would_lose_commits(control, history) -> None:
    one = history.commit({"a": "1\n"}, base_of(control))
    put(control, one, old=None)
    with pytest.raises(PlaitError, match="would lose"):
        put(control, history.commit({"b": "1\n"}, base_of(control)), old=one)
    with pytest.raises(PlaitError, match="would lose"):
        put(control, history.commit({"b": "1\n"}), old=None)
    assert control.branch(BRANCH) == one


def test_no_hook_of_the_user_runs(control, history, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for name in ("reference-transaction", "post-merge", "pre-commit", "update"):
        hook = control.common_dir / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {canary}\nexit 1\n")
        hook.chmod(0o755)
    put(control, history.commit({"a": "1\n"}, base_of(control)), old=None)
    assert not canary.exists()


def test_features_of_any_name_keep_apart(control, history) -> None:
    for feature in ("a", "a/b", "x.lock", "..", "ü ~^:"):
        new = history.commit({feature.replace("/", "-").replace("..", "dots"): "1\n"}, base_of(control))
        branch = f"feature/{ref_landing._part(feature)}/integration"
        landed = land(control, feature=feature, batch="b/1", branch=branch, old=None, new=new, base=base_of(control))
        assert landed == RefLanded(new)
        assert list(landed_batches(control, feature).values()) == [new]
        with feature_lock(control, feature, "r1"):
            assert reconcile(control, feature) == ()


# --- the user's checkouts


def user(directory: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=U", "-c", "user.email=u@example.com")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=directory, env=environment, capture_output=True, check=True
    )
    return done.stdout.decode()


def state_of(directory: Path) -> tuple[str, str, str, dict[str, bytes]]:
    files = {
        str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file() and ".git" not in path.parts
    }
    return (
        user(directory, "status", "--porcelain=v2", "--branch"),
        user(directory, "stash", "list"),
        user(directory, "diff", "HEAD"),
        files,
    )


def make_dirty(directory: Path) -> None:
    (directory / "README").write_text("changed\n")
    (directory / "staged").write_text("1\n")
    user(directory, "add", "staged")
    (directory / "untracked").write_text("1\n")


@pytest.mark.parametrize("where", ["on a branch", "detached", "in the middle of a merge"])
def test_a_checkout_of_something_else_is_not_touched(control, history, tmp_path: Path, where) -> None:
    shop = tmp_path / "shop"
    if where == "detached":
        user(shop, "checkout", "--quiet", "--detach")
    if where == "in the middle of a merge":
        history.branch("other", history.commit({"README": "other\n"}, base_of(control)))
        (shop / "README").write_text("mine\n")
        user(shop, "commit", "--quiet", "--all", "--message=mine")
        with pytest.raises(subprocess.CalledProcessError):
            user(shop, "merge", "other")
    else:
        make_dirty(shop)
    before = state_of(shop)
    put(control, history.commit({"README": "landed\n"}, base_of(control)), old=None)
    assert state_of(shop) == before


@pytest.mark.parametrize("where", ["main checkout", "linked worktree"])
def test_under_a_checked_out_branch_nothing_is_moved_and_the_command_lands_it(
    control, history, tmp_path, where
) -> None:
    one = history.commit({"a": "1\n"}, base_of(control))
    two = history.commit({"b": "1\n"}, one)
    put(control, one, old=None)
    place = tmp_path / "shop"
    if where == "linked worktree":
        place = tmp_path / "a linked 'place'"
        user(tmp_path / "shop", "worktree", "add", "--quiet", str(place), BRANCH)
    else:
        user(place, "checkout", "--quiet", BRANCH)
    make_dirty(place)
    before = state_of(place)
    ready = put(control, two, old=one, batch="b2")
    assert isinstance(ready, ReadyToLand)
    assert ready.worktree.samefile(place)
    assert control.branch(BRANCH) == one
    assert state_of(place) == before
    assert leftovers(control) == {}
    assert control.target.refs("refs/plait/pin/ready/") == {"refs/plait/pin/ready/shop/b2": two}
    assert reconcile(control, "shop") == ()

    command = shlex.split(ready.command)
    assert command[0] == "git"
    user(tmp_path, *command[1:])
    assert control.branch(BRANCH) == two
    assert (place / "b").read_text() == "1\n"
    assert (place / "README").read_text() == "changed\n"
    assert reconcile(control, "shop") == ("batch b2 has been landed by its user",)
    assert landed_batches(control, "shop") == {"b1": one, "b2": two}
    assert control.target.refs("refs/plait/pin/") == {}


def test_of_batches_ready_to_land_the_one_that_contains_the_others_is_kept(control, history, tmp_path: Path) -> None:
    one = history.commit({"a": "1\n"}, base_of(control))
    two = history.commit({"b": "1\n"}, one)
    three = history.commit({"c": "1\n"}, two)
    put(control, one, old=None)
    user(tmp_path / "shop", "checkout", "--quiet", BRANCH)
    put(control, two, old=one, batch="b2")
    put(control, three, old=two, batch="b3")
    assert control.target.refs("refs/plait/pin/ready/") == {"refs/plait/pin/ready/shop/b3": three}


def test_a_batch_ready_to_land_that_the_next_does_not_contain_is_kept(control, history, tmp_path: Path) -> None:
    one = history.commit({"a": "1\n"}, base_of(control))
    put(control, one, old=None)
    user(tmp_path / "shop", "checkout", "--quiet", BRANCH)
    for batch in ("b2", "b3"):
        put(control, history.commit({batch: "1\n"}, one), old=one, batch=batch)
    assert len(control.target.refs("refs/plait/pin/ready/")) == 2


def test_a_checked_out_branch_that_went_on_asks_for_a_new_chain(control, history, tmp_path: Path) -> None:
    one = history.commit({"a": "1\n"}, base_of(control))
    put(control, one, old=None)
    shop = tmp_path / "shop"
    user(shop, "checkout", "--quiet", BRANCH)
    user(shop, "commit", "--quiet", "--allow-empty", "--message=mine")
    with pytest.raises(RefMoved):
        put(control, history.commit({"b": "1\n"}, one), old=one, batch="b2")


# --- what a kill cut off


def cut_off(control: Control, history: History, *, moved_to: str | None = None) -> tuple[str, str]:
    """A run that ended between its intent and its mark."""
    one = history.commit({"a": "1\n"}, base_of(control))
    two = history.commit({"b": "1\n"}, one)
    put(control, one, old=None)
    ref_landing._write_intent(control, "shop", ref_landing._Intent("b2", BRANCH, one, two))
    if moved_to:
        history.branch(
            BRANCH, two if moved_to == "new" else history.commit({"c": "1\n"}, one if moved_to == "else" else two)
        )
    return one, two


def test_an_intent_that_was_not_carried_out_is_dropped(control, history) -> None:
    one, two = cut_off(control, history)
    assert reconcile(control, "shop") == ("batch b2 was about to land when the run ended: it is built again",)
    assert (leftovers(control), control.branch(BRANCH)) == ({}, one)
    assert put(control, two, old=one, batch="b2") == RefLanded(two)


@pytest.mark.parametrize("moved_to", ["new", "further"])
def test_an_intent_that_was_carried_out_is_marked(control, history, moved_to) -> None:
    _, two = cut_off(control, history, moved_to=moved_to)
    there = control.branch(BRANCH)
    [sentence] = reconcile(control, "shop")
    assert "had landed" in sentence
    assert landed_batches(control, "shop")["b2"] == two
    assert (leftovers(control), control.branch(BRANCH)) == ({}, there)
    assert reconcile(control, "shop") == ()


def test_an_intent_whose_branch_went_elsewhere_is_dropped_and_told(control, history) -> None:
    cut_off(control, history, moved_to="else")
    there = control.branch(BRANCH)
    [sentence] = reconcile(control, "shop")
    assert "somebody moved it" in sentence
    assert (leftovers(control), control.branch(BRANCH)) == ({}, there)


def test_an_intent_whose_branch_is_gone_is_dropped_and_told(control, history) -> None:
    cut_off(control, history)
    history.repository.delete_ref(f"refs/heads/{BRANCH}")
    assert "is gone" in reconcile(control, "shop")[0]
    assert leftovers(control) == {}


def test_an_intent_of_another_feature_is_left_alone(control, history) -> None:
    cut_off(control, history)
    assert reconcile(control, "other") == ()
    assert len(leftovers(control)) == 1


def test_an_intent_that_cannot_be_read_says_nothing_and_goes(control, history) -> None:
    control.store.set_ref("refs/plait/intent/shop", base_of(control), reason="test")
    assert reconcile(control, "shop") == ("an intent that cannot be read was dropped",)
    assert leftovers(control) == {}


# --- lock files


def lock_of(control: Control, name: str = f"refs/heads/{BRANCH}", *, age: float) -> Path:
    lock = control.common_dir / f"{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    os.utime(lock, (time.time() - age, time.time() - age))
    return lock


def test_the_lock_of_a_killed_git_is_removed(control, history) -> None:
    lock = lock_of(control, age=60)
    new = history.commit({"a": "1\n"}, base_of(control))
    assert put(control, new, old=None) == RefLanded(new)
    assert not lock.exists()


@pytest.mark.parametrize("age", [0.0, -3600.0], ids=["just now", "before the clock was set back"])
def test_a_fresh_lock_is_waited_for(control, history, monkeypatch, age) -> None:
    monkeypatch.setattr(stale_locks, "STALE_LOCK", 600.0)
    lock = lock_of(control, age=age)
    new = history.commit({"a": "1\n"}, base_of(control))
    with ThreadPoolExecutor(1) as pool:
        landed = pool.submit(put, control, new, old=None)
        assert wait((landed,), timeout=0.3).not_done
        lock.unlink()
        assert landed.result() == RefLanded(new)


@pytest.mark.parametrize("age", [0.0, -3600.0], ids=["just now", "before the clock was set back"])
def test_a_lock_that_nobody_touches_for_long_counts_as_stale(control, history, monkeypatch, age) -> None:
    monkeypatch.setattr(stale_locks, "STALE_LOCK", 0.5)
    lock_of(control, age=age)
    new = history.commit({"a": "1\n"}, base_of(control))
    assert put(control, new, old=None) == RefLanded(new)


def test_a_lock_that_others_keep_taking_is_left_alone(control, history, monkeypatch) -> None:
    monkeypatch.setattr(stale_locks, "STALE_LOCK", 0.4)
    lock = lock_of(control, age=0)
    done = threading.Event()

    def others() -> None:
        while not done.wait(0.05):
            os.utime(lock)

    thread = threading.Thread(target=others)
    thread.start()
    try:
        with pytest.raises(GitFailed):
            put(control, history.commit({"a": "1\n"}, base_of(control)), old=None)
    finally:
        done.set()
        thread.join()
    assert lock.exists()
    assert control.branch(BRANCH) is None


def test_locks_in_the_control_repository_are_removed_too(control, history) -> None:
    for name in ("refs/plait/intent/shop", "refs/plait/landed/shop/b1", "packed-refs"):
        lock = control.store.git_dir / f"{name}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
        os.utime(lock, (0, 0))
    new = history.commit({"a": "1\n"}, base_of(control))
    assert put(control, new, old=None) == RefLanded(new)
    assert leftovers(control) == {}


# --- one run at a time


def test_a_second_run_of_a_feature_is_refused_with_the_firsts_name(control) -> None:
    with feature_lock(control, "shop", "run-1"):
        with pytest.raises(CallError, match=f"run-1.*{os.getpid()}"), feature_lock(control, "shop", "run-2"):
            pass
        with feature_lock(control, "other", "run-2"):
            pass
    with feature_lock(control, "shop", "run-2"):
        pass


def test_the_lock_goes_with_a_killed_process(control, tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from plait.workspace.control import open_control; from plait.workspace.ref_landing import feature_lock\n"
        "with feature_lock(open_control(Path(sys.argv[1]), home=Path(sys.argv[2])), 'shop', 'run-1'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path / "shop"), str(tmp_path / "home")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(CallError, match=str(first.pid)), feature_lock(control, "shop", "run-2"):
            pass
        first.kill()
    with feature_lock(control, "shop", "run-2"):
        pass


# --- races and histories


def test_of_two_integrators_one_wins_and_the_other_builds_again(control, history) -> None:
    """Two threads, ten branches each, no lock between them but the compare-and-swap."""
    base = base_of(control)
    put(control, base, old=None, batch="b0")
    work = {who: [Branch(f"{who}{n}", history.commit({f"{who}{n}": "1\n"}, base)) for n in range(10)] for who in "AB"}
    lost: list[str] = []
    barrier = threading.Barrier(2)

    def integrate(who: str) -> None:
        for branch in work[who]:
            barrier.wait()
            while True:
                old = control.branch(BRANCH) or base
                tip = ChainBuilder(control.store, old, batch=branch.task, date=DATE).build([branch]).tip
                try:
                    land(control, feature=who, batch=branch.task, branch=BRANCH, old=old, new=tip, base=base)
                    break
                except RefMoved:
                    lost.append(branch.task)

    threads = [threading.Thread(target=integrate, args=(who,)) for who in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tip = control.branch(BRANCH)
    assert all(control.store.is_ancestor(branch.tip, tip) for who in "AB" for branch in work[who])
    states = control.store.ask("rev-list", "--first-parent", "--count", tip, f"^{base}").text
    assert states == "20"


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_lands_is_the_tree_that_was_verified(control, history, data) -> None:
    """Random branches in random batches: each landing shows the verified tree, and loses nothing."""
    base = base_of(control)
    old = control.branch(BRANCH)
    for number in range(data.draw(st.integers(1, 3))):
        branches = []
        for place in range(data.draw(st.integers(1, 3))):
            name, text = data.draw(st.sampled_from("abcd")), data.draw(st.sampled_from(["1\n", "2\n", "3\n"]))
            branches.append(Branch(f"T{place}", history.commit({name: text}, base, message=f"{number}.{place}")))
        builder = ChainBuilder(control.store, old or base, batch=f"b{number}", date=DATE)
        chain = builder.build(branches)
        verified = chain.tree
        new = wrap(control.store, chain, branches, batch=f"b{number}", date=DATE)
        assert put(control, new, old=old, batch=f"b{number}") == RefLanded(new)
        assert control.store.tree_of(control.branch(BRANCH)) == verified
        assert old is None or control.store.is_ancestor(old, new)
        old = new
    log = control.store.ask("rev-list", "--first-parent", old).text.split()
    assert set(landed_batches(control, "shop").values()) <= {*log, base}


def test_the_intent_says_all_that_is_needed_and_keeps_the_commit(control, history) -> None:
    one, two = cut_off(control, history)
    told = json.loads(control.store.ask("cat-file", "tag", "refs/plait/intent/shop").text.partition("\n\n")[2])
    assert told == {"batch": "b2", "branch": BRANCH, "old": one, "new": two}
    assert control.store.resolve("refs/plait/intent/shop") == two
    assert ZERO not in json.dumps(told)


def test_what_landed_has_landed_though_its_mark_cannot_be_written(control, history) -> None:
    base = base_of(control)
    new = history.commit({"a": "1\n"}, base)
    in_the_way = control.store.git_dir / "refs/plait/landed"
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text(base + "\n")
    assert put(control, new, old=None) == RefLanded(new)
    assert control.branch(BRANCH) == new
    in_the_way.unlink()
    assert "is marked now" in reconcile(control, "shop")[0]
    assert landed_batches(control, "shop") == {"b1": new}
