"""The linear history of a real repository once more, in batches: each commit a branch on the one before it.

`python -m benchmarks.replay_history GITDIR [--limit N] [--batch N] [--check COMMAND]`; the newest N commits along first
parents (a merge counts as the one change that it brought). Ends with 1 unless each link of each chain has the tree that
people had there. `--check` also runs a command on the tree of each batch, as a run does. Nothing is written into the
repository.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import show
from plait.workspace.chains import Branch, Chain, ChainBuilder, wrap
from plait.workspace.control import Control, open_control
from plait.workspace.verification import Verifier

DATE = "1700000000 +0000"


@dataclass(slots=True)
class Tally:
    """What came of a replay."""

    commits: int = 0
    batches: int = 0
    conflicts: int = 0
    other_trees: int = 0
    green: int = 0
    red: int = 0
    merging: float = 0.0
    """Seconds."""
    checking: float = 0.0


def main() -> int:
    """Replay, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("git_dir", type=Path)
    parser.add_argument("--limit", type=int, default=200, help="commits")
    parser.add_argument("--batch", type=int, default=8, help="commits to a batch")
    parser.add_argument("--check", help="a shell command for the tree of each batch")
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="plait-replay-") as name:
        control = borrowing_control(options.git_dir.absolute(), Path(name))
        verifier = verifier_of(control, Path(name), options.check)
        replay(control, options.limit, options.batch, verifier, tally)
    repository = options.git_dir.absolute().parent.name
    show("replay_history", f"history of {options.git_dir}", [row(repository, tally)])
    return 1 if tally.conflicts or tally.other_trees else 0


def borrowing_control(git_dir: Path, place: Path) -> Control:
    """A repository of its own that borrows the objects, and plait's control repository beside it."""
    place.mkdir(exist_ok=True)
    target = place / "target.git"
    subprocess.run(["git", "init", "-q", "--bare", str(target)], check=True)
    (target / "objects/info/alternates").write_text(f"{git_dir / 'objects'}\n", encoding="utf-8")
    head = subprocess.run(
        ["git", "--git-dir", str(git_dir), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    subprocess.run(["git", "--git-dir", str(target), "update-ref", "refs/heads/history", head], check=True)
    subprocess.run(["git", "--git-dir", str(target), "symbolic-ref", "HEAD", "refs/heads/history"], check=True)
    return open_control(target, home=place / "home")


def verifier_of(control: Control, place: Path, command: str | None) -> Verifier:
    """What verifies the trees; without a command it says yes to each."""
    (place / "home-of-checks").mkdir()
    return Verifier(
        control,
        place=place / "slots",
        commands=[command] if command else [],
        cache=place / "cache",
        environment={"PATH": os.environ["PATH"], "HOME": str(place / "home-of-checks")},
        timeout=1800,
        logs=place / "logs",
    )


def replay(control: Control, limit: int, size: int, verifier: Verifier, tally: Tally) -> None:
    """Build the history again, batch by batch, each on the commit that the one before would have landed."""
    _, newest = control.base_commit("history")
    listing = control.store.ask("rev-list", "--first-parent", f"--max-count={limit + 1}", newest)
    real = listing.lines[::-1]
    trees = {commit: control.store.tree_of(commit) for commit in real}
    tip = parent = control.store.commit_tree(trees[real[0]], (), "Begin\n", date=DATE)
    for number, commits in enumerate(batches(real[1:], size), start=1):
        branches = []
        for commit in commits:
            parent = control.store.commit_tree(trees[commit], (parent,), f"{commit}\n", date=DATE)
            branches.append(Branch(commit, parent))
        started = time.perf_counter()
        chain = ChainBuilder(control.store, tip, batch=f"batch-{number}", date=DATE).build(branches)
        tip = wrap(control.store, chain, branches, batch=f"batch-{number}", date=DATE)
        tally.merging += time.perf_counter() - started
        count(chain, trees, len(commits), tally)
        started = time.perf_counter()
        verification = verifier.verify(chain.tree)
        tally.checking += time.perf_counter() - started
        tally.green += verification.green and not verification.unverified
        tally.red += not verification.green


def batches(commits: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The commits, so many at a time."""
    for start in range(0, len(commits), size):
        yield commits[start : start + size]


def count(chain: Chain, trees: dict[str, str], commits: int, tally: Tally) -> None:
    """What is not as people had it."""
    tally.batches += 1
    tally.commits += commits
    tally.conflicts += len(chain.conflicts) + len(chain.held) + len(chain.skipped)
    tally.other_trees += sum(link.tree != trees[link.task] for link in chain.links)


def row(repository: str, tally: Tally) -> dict[str, object]:
    """The figures as a row of the table."""
    return {
        "repository": repository,
        "commits": tally.commits,
        "batches": tally.batches,
        "left out": tally.conflicts,
        "other trees": tally.other_trees,
        "green": tally.green,
        "red": tally.red,
        "ms a merge": round(tally.merging / max(tally.commits, 1) * 1000, 1),
        "s a check": round(tally.checking / max(tally.batches, 1), 2),
    }


if __name__ == "__main__":
    sys.exit(main())
