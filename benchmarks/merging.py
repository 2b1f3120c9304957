"""A chain of merges beside a bare loop of the same git commands, in turns; and what it costs to foretell a pair."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from subprocess import PIPE
from typing import NamedTuple

from benchmarks.measuring import show
from plait.workspace.chains import Branch, ChainBuilder
from plait.workspace.git import GitRepository
from plait.workspace.prediction import predicted_conflicts

SIZES, BRANCHES, ROUNDS = (2000, 20000), 48, 7
DATE = "1700000000 +0000"


class Taken(NamedTuple):
    """Seconds of something that was done once."""

    wall: float
    cpu: float
    """Of this process and of those that it started."""


Way = Callable[[GitRepository, str, list[str], str], str]


def main() -> int:
    """Measure, print tables, write JSON."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as name:
        rows = [row(Path(name) / f"{size}.git", size) for size in SIZES]
    show(
        "merging",
        f"{BRANCHES} branches merged, {ROUNDS} rounds in turns: the median; of CPU in brackets the least",
        rows,
    )
    return 0


def row(place: Path, size: int) -> dict[str, object]:
    """One size of repository."""
    repository, base, tips = make_repository(place, size)
    bare, chain, pairs = list[Taken](), list[Taken](), list[Taken]()
    for turn in range(ROUNDS):
        date = f"{1700000000 + turn} +0000"
        trees = [
            timed(times, way, repository, base, tips, date) for times, way in ((bare, bare_loop), (chain, chain_of))
        ]
        assert trees[0] == trees[1], "both ways come to the same tree"
        timed(pairs, predicted, repository, base, tips, date)
    count = BRANCHES * (BRANCHES - 1) // 2
    return {
        "files": size,
        "bare loop, ms a branch": shown(bare, BRANCHES),
        "plait, ms a branch": shown(chain, BRANCHES),
        "ratio": median(ours.wall / theirs.wall for ours, theirs in zip(chain, bare, strict=True)),
        "ratio of CPU": median(ours.cpu / theirs.cpu for ours, theirs in zip(chain, bare, strict=True)),
        "prediction, ms a pair": shown(pairs, count),
    }


def timed(times: list[Taken], way: Way, repository: GitRepository, base: str, tips: list[str], date: str) -> str:
    """Do it with a place of its own for new objects, so that nothing is there already, and note how long it took."""
    with tempfile.TemporaryDirectory(prefix="plait-objects-") as name:
        objects = Path(name)
        (objects / "info").mkdir()
        (objects / "info/alternates").write_text(f"{repository.git_dir / 'objects'}\n", encoding="utf-8")
        begun, used = time.perf_counter(), sum(os.times()[:4])
        result = way(replace(repository, objects=objects), base, tips, date)
        times.append(Taken(time.perf_counter() - begun, sum(os.times()[:4]) - used))
    return result


def shown(times: list[Taken], count: int) -> str:
    """Milliseconds for each: the median, and of CPU the least, which a busy machine changes little."""
    wall, cpu = median(taken.wall for taken in times), min(taken.cpu for taken in times)
    return f"{wall * 1000 / count:.2f} ({cpu * 1000 / count:.2f})"


def enumerate_names(tips: list[str]) -> list[tuple[str, str]]:
    """The branches by name."""
    return [(f"T{number}", tip) for number, tip in enumerate(tips)]


def chain_of(repository: GitRepository, base: str, tips: list[str], date: str) -> str:
    """plait's own way, with all that it looks at before and after; gives the tree."""
    branches = [Branch(name, tip) for name, tip in enumerate_names(tips)]
    return ChainBuilder(repository, base, batch="bench", date=date).build(branches).tree


def predicted(repository: GitRepository, base: str, tips: list[str], _date: str) -> str:
    """All pairs of branches."""
    return str(predicted_conflicts(repository, base, dict(enumerate_names(tips))))


def bare_loop(repository: GitRepository, base: str, tips: list[str], date: str) -> str:
    """`merge-tree` and `commit-tree`, nothing else; gives the tree."""
    people = {f"GIT_{who}_{what}": "plait" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    environment = {"PATH": os.environ["PATH"], **people, **dates}
    environment |= {"GIT_DIR": str(repository.git_dir), "GIT_OBJECT_DIRECTORY": str(repository.objects)}

    # In a session of its own, as plait's git is: the kernel shares a busy machine out among sessions.
    def git(*arguments: str, stdin: bytes = b"") -> bytes:
        command = ["git", *arguments]
        done = subprocess.run(
            command, env=environment, cwd="/", input=stdin, stdout=PIPE, check=True, start_new_session=True
        )
        return done.stdout

    tip, tree = base, ""
    for number, theirs in enumerate(tips):
        tree = git("merge-tree", "--write-tree", "-z", "--messages", tip, theirs).split(b"\0")[0].decode()
        parents = ("-p", tip, "-p", theirs)
        tip = git("commit-tree", tree, *parents, "-F", "-", stdin=f"Merge T{number}\n".encode()).decode().strip()
    return tree


def make_repository(place: Path, size: int) -> tuple[GitRepository, str, list[str]]:
    """So many files on one commit, and branches that each change two of them and add one; packed, as a clone is."""
    repository = GitRepository(place)
    repository.ask("init", "--quiet", "--bare", "--initial-branch=main", str(place))
    head = f"committer plait <plait@localhost> {DATE}\ndata <<E\nfiles\nE\n"
    files = "".join(f"M 644 inline {path(n)}\ndata <<E\n{f'value = {n}' * 60}\nE\n\n" for n in range(size))
    stream = f"commit refs/heads/main\n{head}{files}"
    for branch in range(BRANCHES):
        changes = "".join(
            f"M 644 inline {path(branch + 200 * turn)}\ndata <<E\nchanged {branch}\nE\n\n" for turn in range(2)
        )
        added = f"M 644 inline new/{branch}.py\ndata <<E\nnew {branch}\nE\n\n"
        stream += f"commit refs/heads/b{branch:03}\n{head}from refs/heads/main\n{changes}{added}"
    repository.ask("fast-import", "--quiet", "--done", stdin=f"{stream}done\n".encode())
    repository.ask("repack", "-a", "-d", "-q")
    tips = repository.refs("refs/heads/")
    base = tips.pop("refs/heads/main")
    return repository, base, list(tips.values())


def path(number: int) -> str:
    """Ten or a hundred files a folder, two folders deep."""
    return f"d{number % 20}/s{number % 200}/f{number}.py"


if __name__ == "__main__":
    sys.exit(main())
