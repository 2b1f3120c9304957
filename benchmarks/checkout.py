"""24 checkouts of 2,000 files made at once: plait's own, linked worktrees, shared clones; failures and time."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from benchmarks.measuring import show
from plait.workspace.checkouts import make_checkout
from plait.workspace.control import Control, open_control
from plait.workspace.deleting import delete_tree
from plait.workspace.git import GitRepository
from plait.workspace.verification_slots import Slot

FILES, AT_ONCE = 2000, 24
BARE_ROUNDS, FULL_ROUNDS = 5, 1
"""A full round writes 48,000 files: on a disk with a limited rate the disk is then all that is measured
(`TMPDIR=/dev/shm` shows what git takes)."""
DATE = "1700000000 +0000"

Make = Callable[[Path], object]


def main() -> int:
    """Measure, print a table, write JSON."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as name:
        place = Path(name)
        repository = make_repository(place / "shop")
        control = open_control(repository, home=place / "home")
        rows = [row(title, bare, full, place) for title, bare, full in ways(control, repository)]
        show("checkout", f"{AT_ONCE} checkouts at once of {FILES:,} files, in {place}", rows)
        show("slots", "a slot between two neighbouring trees", [slots(control, place)])
    return 1 if rows[0]["failures"] else 0


def ways(control: Control, repository: Path) -> list[tuple[str, Make, Make]]:
    """Each way of making a checkout: without its files, and with them."""
    _, commit = control.base_commit("main")
    empty = control.store.ask("mktree").text

    def plait(place: Path) -> None:
        make_checkout(control, place, commit, branch=f"work/{place.name}")

    def plait_bare(place: Path) -> None:
        make_checkout(control, place, commit, branch=f"work/{place.name}", tree=empty)

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True)

    return [
        ("plait", plait_bare, plait),
        (
            "git worktree add",
            lambda place: git("worktree", "add", "--no-checkout", "--detach", str(place), commit),
            lambda place: git("worktree", "add", "--detach", str(place), commit),
        ),
        (
            "git clone --shared",
            lambda place: git("clone", "--quiet", "--shared", "--no-checkout", str(repository), str(place)),
            lambda place: git("clone", "--quiet", "--shared", str(repository), str(place)),
        ),
    ]


def row(title: str, bare: Make, full: Make, place: Path) -> dict[str, object]:
    """One way: milliseconds for each checkout (wall time over their number) and what failed, over all rounds."""
    before, without_files = measure(bare, place, rounds=BARE_ROUNDS)
    whole, with_files = measure(full, place, rounds=FULL_ROUNDS)
    return {
        "way": title,
        "ms each before files": before,
        "ms each with files": whole,
        "ms that files add": whole - before,
        "failures": without_files + with_files,
        "of": AT_ONCE * (BARE_ROUNDS + FULL_ROUNDS),
    }


def measure(make: Make, place: Path, *, rounds: int) -> tuple[float, int]:
    """The median over the rounds in ms for each, and the number that failed."""
    taken, failures = [], 0
    for number in range(rounds):
        target = place / f"round-{number}"
        target.mkdir()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(time.sleep, [0.01] * AT_ONCE))  # the threads are there before the clock starts
            begun = time.perf_counter()
            tried = list(pool.map(lambda one: attempt(make, one), [target / str(n) for n in range(AT_ONCE)]))
            taken.append((time.perf_counter() - begun) * 1000 / AT_ONCE)
        failures += tried.count(False)
        delete_tree(target)
        subprocess.run(["git", "-C", str(place / "shop"), "worktree", "prune", "--expire=now"], check=True)
    return median(taken), failures


def attempt(make: Make, place: Path) -> bool:
    """Whether it worked: the failures are what is counted here."""
    try:
        make(place)
    except Exception:
        return False
    return True


def slots(control: Control, place: Path) -> dict[str, object]:
    """Milliseconds to restore a slot to its neighbour, beside what git takes in a clone that nobody soiled."""
    _, first = control.base_commit("main")
    second = control.base_commit("next")[1]
    clone = place / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(place / "shop"), str(clone)], check=True)
    slot, ours, theirs = Slot(control, place / "slot"), [], []
    slot.restore(first)
    for turn in range(20):
        commit = (second, first)[turn % 2]
        begun = time.perf_counter()
        slot.restore(commit)
        ours.append((time.perf_counter() - begun) * 1000)
        begun = time.perf_counter()
        for command in (["checkout", "--quiet", "--detach", "--force", commit], ["clean", "-ffdxq"]):
            subprocess.run(["git", *command], cwd=clone, check=True)
        theirs.append((time.perf_counter() - begun) * 1000)
    return {"slot ms": median(ours), "git checkout, git clean ms": median(theirs)}


def make_repository(path: Path) -> Path:
    """2,000 files in 200 directories on `main`, one of them changed on `next`; packed, as a clone is."""
    path.mkdir()
    repository = GitRepository(path / ".git")
    repository.ask("init", "--quiet", "--initial-branch=main", work_tree=path)
    files = "".join(
        f"M 644 inline d{n % 20}/s{n % 200}/f{n}.py\ndata <<E\n{f'value = {n}' * 60}\nE\n\n" for n in range(FILES)
    )
    head = f"committer plait <plait@localhost> {DATE}\ndata <<E\nfiles\nE\n"
    change = f"commit refs/heads/next\n{head}from refs/heads/main\nM 644 inline d0/s0/f0.py\ndata <<E\nother\nE\n\n"
    stream = f"feature done\ncommit refs/heads/main\n{head}{files}{change}done\n"
    repository.ask("fast-import", "--quiet", stdin=stream.encode())
    repository.ask("reset", "--quiet", "--hard", work_tree=path)
    return path


if __name__ == "__main__":
    sys.exit(main())
