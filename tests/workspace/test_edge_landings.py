"""Edge cases of landing: who else moves the branch, where people stand, what their settings and others left behind."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from plait.plans.errors import CallError
from plait.workspace.control import open_control
from tests.workspace.edge_bench import OF_A_HOOK, TIP, Bench, Case, Cases, not_there, play
from tests.workspace.histories import History

README = {"README": "read me\n"}
CASES = Cases()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.new(tmp_path)


# --- the branch, its neighbours, and others who move it


@CASES.add
def the_branch_moved_on(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    theirs = bench.history.commit({"b": "1\n"}, base)
    tips = {"A": bench.history.commit({"a": "1\n"}, base)}
    files = README | {"f": "1\n", "a": "1\n", "b": "1\n"}
    return Case(base, tips, links=("A",), meanwhile=lambda: bench.tip(theirs), rounds=2, files=files)


@CASES.add
def the_branch_moved_to_a_conflict(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    theirs = bench.history.commit({"f": "theirs\n"}, base)
    tips = {"A": bench.history.commit({"f": "2\n"}, base), "B": bench.history.commit({"b": "1\n"}, base)}
    return Case(base, tips, links=("B",), conflicts={"A": None}, meanwhile=lambda: bench.tip(theirs), rounds=2)


@CASES.add
def the_branch_was_deleted(bench: Bench) -> Case:
    """A person's wish: what had landed on it is not brought back, and the batch lands on base."""
    base = bench.base({"f": "1\n"})
    bench.tip(bench.history.commit({"gone": "1\n"}, base))
    tips = {"A": bench.history.commit({"a": "1\n"}, base)}
    files = README | {"f": "1\n", "a": "1\n"}
    return Case(
        base,
        tips,
        links=("A",),
        meanwhile=lambda: bench.git("branch", "-D", TIP),
        rounds=2,
        files=files,
    )


@CASES.add
def the_branch_was_rewound(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    kept = bench.history.commit({"kept": "1\n"}, base)
    bench.tip(bench.history.commit({"gone": "1\n"}, kept))
    tips = {"A": bench.history.commit({"a": "1\n"}, base)}
    files = README | {"f": "1\n", "kept": "1\n", "a": "1\n"}
    return Case(base, tips, links=("A",), meanwhile=lambda: bench.tip(kept), rounds=2, files=files)


@CASES.add
def the_branch_was_put_on_another_history(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    bench.tip(bench.history.commit({"gone": "1\n"}, base))
    other = bench.history.commit({"other": "1\n"}, base, message="rebased")
    tips = {"A": bench.history.commit({"a": "1\n"}, base)}
    files = README | {"f": "1\n", "other": "1\n", "a": "1\n"}
    return Case(base, tips, links=("A",), meanwhile=lambda: bench.tip(other), rounds=2, files=files)


@CASES.add
def another_integrator_landed_another_batch(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    tips = {name: bench.history.commit({name: "1\n"}, base) for name in "AB"}
    other = Case(base, {"B": tips["B"]}, links=("B",))
    return Case(
        base,
        {"A": tips["A"]},
        links=("A",),
        meanwhile=lambda: play(bench, other),
        rounds=2,
        files=README | {"f": "1\n", "A": "1\n", "B": "1\n"},
    )


@CASES.add
def another_integrator_landed_the_same_batch(bench: Bench) -> Case:
    """Equal batches are equal commits: it has landed, once."""
    base = bench.base({"f": "1\n"})
    tips = {name: bench.history.commit({name: "1\n"}, base) for name in "AB"}
    same = Case(base, tips, links=("A", "B"))
    return replace(same, meanwhile=lambda: play(bench, same), files=README | {"f": "1\n", "A": "1\n", "B": "1\n"})


@CASES.add
def a_branch_got_a_new_commit(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    first = bench.history.branch("A", bench.history.commit({"a": "1\n"}, base))
    later = bench.history.commit({"a": "2\n"}, first)
    files = README | {"f": "1\n", "a": "1\n"}
    return Case(base, {"A": first}, links=("A",), meanwhile=lambda: bench.history.branch("A", later), files=files)


@CASES.add
def a_branch_was_deleted(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    first = bench.history.branch("A", bench.history.commit({"a": "1\n"}, base))
    return Case(base, {"A": first}, links=("A",), meanwhile=lambda: bench.git("branch", "-D", "A"))


@CASES.add
def a_branch_below_the_name(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    bench.git("branch", "feature/shop/integration/x")
    return Case(base, {"A": bench.history.commit({"a": "1\n"}, base)}, trouble="exists; cannot create")


@CASES.add
def a_branch_above_the_name(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    bench.git("branch", "feature/shop")
    return Case(base, {"A": bench.history.commit({"a": "1\n"}, base)}, trouble="exists; cannot create")


# --- the person's checkout


def in_a_checkout(prepare: Callable[[Bench], object], *, by_hand: bool = False) -> Callable[[Bench], Case]:
    def build(bench: Bench) -> Case:
        base = bench.base({"f": "1\n", "g": "1\n"})
        bench.tip(bench.history.commit({"landed": "1\n"}, base))
        prepare(bench)
        tips = {"A": bench.history.commit({"f": "2\n"}, base)}
        return Case(base, tips, links=("A",), by_hand=by_hand)

    return build


def dirty(bench: Bench) -> None:
    (bench.clone / "f").write_text("mine\n")
    (bench.clone / "untracked").write_text("mine\n")
    (bench.clone / "g").write_text("staged\n")
    bench.git("add", "g")


def merging(bench: Bench) -> None:
    bench.history.branch("other", bench.history.commit({"f": "other\n"}, bench.main))
    (bench.clone / "f").write_text("mine\n")
    bench.git("commit", "--quiet", "--all", "--message", "mine")
    bench.git("merge", "other", check=False)


CHECKOUTS: dict[str, tuple[Callable[[Bench], object], bool]] = {
    "clean": (lambda _bench: None, False),
    "dirty": (dirty, False),
    "in the middle of a merge": (merging, False),
    "with a stash": (lambda bench: (dirty(bench), bench.git("stash", "--include-untracked")), False),
    "detached": (lambda bench: bench.git("checkout", "--quiet", "--detach", TIP), False),
    "on the branch": (lambda bench: bench.git("checkout", "--quiet", TIP), True),
    "on the branch in another checkout": (
        lambda bench: bench.git("worktree", "add", "--quiet", str(bench.folder / "second"), TIP),
        True,
    ),
    "locked by a git that runs": (lambda bench: (bench.clone / ".git" / "index.lock").touch(), False),
    "with locks elsewhere": (lambda bench: (bench.clone / ".git" / "packed-refs.lock").touch(), False),
}
CASES |= {
    f"a checkout: {name}": in_a_checkout(prepare, by_hand=by_hand) for name, (prepare, by_hand) in CHECKOUTS.items()
}


@CASES.add
def a_dirty_checkout_on_the_branch(bench: Bench) -> Case:
    """What the person changed is elsewhere, so that the command that they are given lands beside it."""
    return in_a_checkout(
        lambda bench: (
            bench.git("checkout", "--quiet", TIP),
            (bench.clone / "g").write_text("mine\n"),
        ),
        by_hand=True,
    )(bench)


# --- settings and leftovers of others


@CASES.add
def hooks(bench: Bench) -> Case:
    canary = bench.folder / "canary"
    for name in (
        "pre-commit",
        "commit-msg",
        "post-commit",
        "post-merge",
        "post-checkout",
        "reference-transaction",
        "update",
    ):
        hook = bench.clone / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\necho {name} >> {canary}\nexit 1\n")
    base = bench.control.base_commit("main")[1]
    commits = {name: bench.history.commit({name: "1\n"}, base) for name in "AB"}
    for hook in (bench.clone / ".git" / "hooks").iterdir():
        hook.chmod(0o755)
    return Case(base, commits, links=("A", "B"), after=lambda: not_there(canary))


@CASES.add
def settings_of_the_person(bench: Bench) -> Case:
    base, tips = bench.sides({"f": "1\n"}, {"a": "1\n"}, {"b": "1\n"})
    for setting in (
        "commit.gpgSign=true", "gpg.program=false", "user.name=", "user.useConfigOnly=true", "merge.renames=false",
        "i18n.commitEncoding=latin1", "core.ignoreCase=true", "core.autocrlf=true", "core.logAllRefUpdates=always",
        "merge.conflictStyle=diff3", "transfer.fsckObjects=true", "gc.auto=1", "receive.denyCurrentBranch=refuse",
    ):  # fmt: skip
        bench.git("config", *setting.split("=", 1))
    return Case(base, tips, links=("A", "B"))


@CASES.add
def variables_of_a_hook_that_started_us(bench: Bench) -> Case:
    base, tips = bench.sides({"f": "1\n"}, {"a": "1\n"}, {"b": "1\n"})
    elsewhere = History.with_checkout(bench.folder / "elsewhere")
    places = (
        elsewhere.repository.git_dir,
        bench.folder / "index",
        bench.folder,
        elsewhere.repository.git_dir / "objects",
    )
    os.environ |= dict(zip(OF_A_HOOK, (*map(str, places), "odd", "1"), strict=True))
    os.environ |= {"GIT_CONFIG_KEY_0": "merge.renames", "GIT_CONFIG_VALUE_0": "false"}
    return Case(base, tips, links=("A", "B"), after=lambda: not_there(bench.folder / "index"))


@CASES.add
def a_lock_that_a_killed_git_left(bench: Bench) -> Case:
    base, tips = bench.sides({"f": "1\n"}, {"a": "1\n"}, {"b": "1\n"})
    lock = bench.clone / ".git" / "refs" / "heads" / "feature" / "shop" / "integration.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    os.utime(lock, (1_600_000_000, 1_600_000_000))
    return Case(base, tips, links=("A", "B"), after=lambda: not_there(lock))


@CASES.add
def packed_refs(bench: Bench) -> Case:
    base, tips = bench.sides({"f": "1\n"}, {"a": "1\n"}, {"b": "1\n"})
    bench.tip(bench.history.commit({"landed": "1\n"}, base))
    bench.git("pack-refs", "--all", "--prune")
    return Case(base, tips, links=("A", "B"), meanwhile=lambda: bench.git("pack-refs", "--all", "--prune"))


@pytest.mark.parametrize("build", CASES.parameters())
def test_a_landing_comes_out_as_it_must(bench: Bench, build: Callable[[Bench], Case]) -> None:
    play(bench, build(bench))


def test_a_shallow_clone_is_refused_before_anything_is_merged(bench: Bench) -> None:
    bench.base({"f": "1\n"})
    shallow = bench.folder / "shallow"
    bench.git("clone", "--quiet", "--depth=1", f"file://{bench.clone}", str(shallow), cwd=bench.folder)
    with pytest.raises(CallError, match="shallow"):
        open_control(shallow, home=bench.folder / "home")
