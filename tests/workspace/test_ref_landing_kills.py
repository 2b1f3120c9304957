"""kill -9 at random times, of plait alone and with its git: nothing is lost, nothing is half done, and it goes on."""

import multiprocessing
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from plait.workspace import stale_locks
from plait.workspace.chains import Branch, ChainBuilder, wrap
from plait.workspace.control import Control, open_control
from plait.workspace.errors import RefMoved
from plait.workspace.ref_landing import RefLanded, feature_lock, land, landed_batches, reconcile
from tests.workspace.histories import DATE, History

FEATURE, BRANCH = "shop", "feature/shop/integration"
BATCH = 3
KILLS, SECONDS = 60, 60.0


def integrate(repository: Path, home: Path, verified: Path, branches: dict[str, str]) -> None:
    """Land all branches in batches, as a run does: lock, reconcile, chain, verify (here: note the tree), land."""
    stale_locks.STALE_LOCK = 0.3
    control = open_control(repository, home=home)
    base = control.base_commit("main")[1]
    with feature_lock(control, FEATURE, f"run-{os.getpid()}"):
        reconcile(control, FEATURE)
        while batch := waiting(control, branches)[:BATCH]:
            old = control.branch(BRANCH)
            name = batch[0].task
            chain = ChainBuilder(control.store, old or base, batch=name, date=DATE).build(batch)
            new = wrap(control.store, chain, batch, batch=name, date=DATE)
            with verified.open("a", encoding="ascii") as file:
                file.write(f"{new}\n")
            # A git that outlived its killed plait may land just now; then the batch is built again, as a run does.
            with suppress(RefMoved):
                land(control, feature=FEATURE, batch=name, branch=BRANCH, old=old, new=new, base=base)


def waiting(control: Control, branches: dict[str, str]) -> list[Branch]:
    """What the feature branch does not contain: git says what has landed, not the marks."""
    tip = control.branch(BRANCH)
    landed = set(control.store.ask("rev-list", tip).text.split()) if tip else set()
    return [Branch(task, commit) for task, commit in branches.items() if commit not in landed]


def kill(process: multiprocessing.process.BaseProcess, *, with_git: bool) -> None:
    """SIGKILL; git runs in sessions of its own, so it outlives plait unless it is killed by name."""
    assert process.pid is not None
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGSTOP)
        for child in children(process.pid) if with_git else ():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(status.parent.name))
    return found


def check(control: Control, branches: dict[str, str], verified: Path, known: set[str]) -> set[str]:
    """Every state that the branch ever had was verified as it is, holds whole batches, and none was lost."""
    tip = control.branch(BRANCH)
    if tip is None:
        assert not known
        return known
    noted = set(verified.read_text(encoding="ascii").split())
    base = control.base_commit("main")[1]
    states = control.store.ask("rev-list", "--first-parent", tip, f"^{base}").text.split()
    assert set(states) <= noted
    assert known <= set(states)
    landed = set(control.store.ask("rev-list", tip).text.split())
    assert sum(commit in landed for commit in branches.values()) == min(BATCH * len(states), len(branches))
    return set(states)


@pytest.mark.slow
def test_kills_lose_nothing_and_the_next_run_goes_on(tmp_path: Path) -> None:
    chance = random.Random(20)  # noqa: S311 (moments, not secrets)
    history = History.with_checkout(tmp_path / "shop")
    control = open_control(tmp_path / "shop", home=tmp_path / "home")
    base = control.base_commit("main")[1]
    branches = {f"T{n}": history.commit({f"dir{n % 5}/f{n}": f"{n}\n"}, base) for n in range(900)}
    verified = tmp_path / "verified"
    arguments = (tmp_path / "shop", tmp_path / "home", verified, branches)
    # Not forked from here: after tests with servers this process has threads, whose locks a fork would take along.
    multiprocessing.set_forkserver_preload([__name__])
    fork = multiprocessing.get_context("forkserver")
    known: set[str] = set()
    deadline = time.monotonic() + SECONDS
    kills = 0
    while kills < KILLS and time.monotonic() < deadline:
        process = fork.Process(target=integrate, args=arguments)
        process.start()
        time.sleep(chance.uniform(0.05, 0.6))
        kill(process, with_git=kills % 2 == 0)
        kills += 1
        known = check(control, branches, verified, known)
    assert 0 < len(known) < len(branches) / BATCH, "the kills came too early or too late to mean something"

    few = dict(list(branches.items())[: BATCH * (len(known) + 2)])
    for _ in range(3):  # a git that outlived the last kill may still be at work: a person would start it again
        last = fork.Process(target=integrate, args=(*arguments[:3], few))
        last.start()
        last.join(60)
        if last.exitcode == 0:
            break
        time.sleep(1)
    assert last.exitcode == 0
    states = check(control, few, verified, known)
    assert waiting(control, few) == []
    assert control.store.refs("refs/plait/intent/") == {}
    assert set(landed_batches(control, FEATURE).values()) <= states
    assert control.target.ask("fsck", "--no-dangling", "--connectivity-only").status == 0
    assert list(control.common_dir.rglob("refs/**/*.lock")) == []
    print(f"{kills} kills, {len(states)} batches of {BATCH} landed")


def test_whatever_step_a_kill_cuts_off_the_next_run_lands_the_same(tmp_path: Path) -> None:
    """One kill after each step of one landing, by stopping at the n-th git command."""
    history = History.with_checkout(tmp_path / "shop")
    control = open_control(tmp_path / "shop", home=tmp_path / "home")
    base = control.base_commit("main")[1]
    whole = ChainBuilder(control.store, base, batch="b1", date=DATE).build(
        [Branch("A", history.commit({"a": "1\n"}, base))]
    )
    fork = multiprocessing.get_context("fork")
    for step in range(20):
        control.target.delete_ref(f"refs/heads/{BRANCH}")
        control.store.delete_ref("refs/plait/landed/shop/b1")
        process = fork.Process(target=land_until, args=(tmp_path / "shop", tmp_path / "home", whole.tip, base, step))
        process.start()
        process.join(30)
        reconcile(control, FEATURE)
        current = control.branch(BRANCH)
        assert current in (None, whole.tip)
        landed = land(control, feature=FEATURE, batch="b1", branch=BRANCH, old=current, new=whole.tip, base=base)
        assert landed == RefLanded(whole.tip)
        assert landed_batches(control, FEATURE) == {"b1": whole.tip}
        assert control.store.refs("refs/plait/intent/") == {}
        if process.exitcode == 0:
            assert step > 4
            return
    pytest.fail("landing never came to its end")


def land_until(repository: Path, home: Path, new: str, base: str, step: int) -> None:
    """Land, but die when the git command of this number has been carried out."""
    control = open_control(repository, home=home)
    honest = type(control.store).run
    done = 0

    def counting(self, *arguments, **options):
        nonlocal done
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        return honest(self, *arguments, **options)

    type(control.store).run = counting
    land(control, feature=FEATURE, batch="b1", branch=BRANCH, old=None, new=new, base=base)
