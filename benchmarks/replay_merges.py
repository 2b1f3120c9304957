"""Every merge of two commits in a real repository once more: what conflicts, what rules and structure settle of it.

`python -m benchmarks.replay_merges GITDIR [--limit N] [--json] [--why]`; the newest N merges. Nothing is written into
the repository. *Equal* compares with what people committed, who also edit while they merge: exactly; the same syntax
tree (Python) or value (JSON); the same lines in another order.
"""

import argparse
import ast
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.measuring import show
from plait.plans.merging.path_rules import file_rules, proposed_rules, rule_for
from plait.plans.merging.structural import settle_or_say_why
from plait.plans.merging.three_way import GivesUp
from plait.workspace.errors import GitFailed
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, ConflictPath, merge
from plait.workspace.settling import Settler
from plait.workspace.trees import entries_of

EXACT, TREE, ORDER, OTHER = "exact", "same syntax tree", "other order", "differs"
_EQUAL = (EXACT, TREE, ORDER)


@dataclass(slots=True)
class Tally:
    """What was counted in one repository."""

    merges: int = 0
    refused: int = 0
    """Merges that git cannot repeat: missing objects, no common history."""
    conflicted: int = 0
    by_rules: int = 0
    """Conflicted merges of which presets settle each file, those of them that the repository is for."""
    by_structure: int = 0
    by_both: int = 0
    whole: Counter[str] = field(default_factory=Counter)
    """Merges that structure settles, by the file that differs most from what people made."""
    files: Counter[str] = field(default_factory=Counter)
    """Files in conflict, by suffix."""
    settled: Counter[str] = field(default_factory=Counter)
    """Files settled by structure, by way."""
    compared: Counter[str] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def main() -> int:
    """Replay, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("git_dir", type=Path)
    parser.add_argument("--limit", type=int, help="the newest N merges")
    parser.add_argument("--json", action="store_true", help="one JSON object in place of the table")
    parser.add_argument("--why", action="store_true", help="the reasons for giving up, and what differs")
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="plait-replay-") as objects:
        git_dir = options.git_dir.absolute()
        elsewhere = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(git_dir / "objects")}
        repository = GitRepository(git_dir, Path(objects), elsewhere)
        for commit, ours, theirs in merges(repository, options.limit):
            replay(repository, commit, ours, theirs, tally)
    figures = row(options.git_dir, tally)
    if options.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        show("replay_merges", f"merges of {options.git_dir}", [figures])
    if options.why:
        reasons = [f"{count:5} {reason}" for reason, count in tally.why.most_common(40)]
        sys.stdout.write("\n".join([*reasons, *tally.differing]) + "\n")
    return 0


def merges(repository: GitRepository, limit: int | None) -> Iterator[tuple[str, str, str]]:
    """Merges with two parents, newest first: commit, first and second parent."""
    newest = [f"--max-count={limit}"] if limit else []
    answer = repository.ask("rev-list", "HEAD", "--min-parents=2", "--max-parents=2", "--parents", *newest)
    for line in answer.lines:
        commit, ours, theirs = line.split(" ")
        yield commit, ours, theirs


def replay(repository: GitRepository, commit: str, ours: str, theirs: str, tally: Tally) -> None:
    """Merge once more; where it conflicts, let rules and structure try."""
    tally.merges += 1
    try:
        merged = merge(repository, ours, theirs, attributes=b"")
    except GitFailed:
        tally.refused += 1
        return
    if not isinstance(merged, Conflict):
        return
    tally.conflicted += 1
    ruled = settled_by_rules(repository, merged)
    made = [settle(repository, commit, path, tally) for path in merged.paths]
    tally.by_rules += len(ruled) == len(merged.paths)
    tally.by_both += all(path.path in ruled or verdict for path, verdict in zip(merged.paths, made, strict=True))
    if all(made):
        tally.by_structure += 1
        tally.whole[max((verdict for verdict in made if verdict), key=(*_EQUAL, OTHER).index)] += 1


def settled_by_rules(repository: GitRepository, conflict: Conflict) -> frozenset[str]:
    """The files that the presets settle which go with what the repository has; what a command would is not run."""
    names = entries_of(repository, conflict.tree)
    rules = file_rules(proposed_rules(conflict.files, names))
    left = Settler(rules, structure=False).settle(repository, conflict, b"")
    if not isinstance(left, Conflict):
        return frozenset(conflict.files)
    waiting = {path for path in left.files if (rule := rule_for(path, rules)) and rule.way == "regenerate"}
    alone = {path.path for path in left.paths if path.path in waiting and set(path.kinds) <= {"contents", "binary"}}
    return frozenset(conflict.files) - set(left.files) | alone


def settle(repository: GitRepository, commit: str, path: ConflictPath, tally: Tally) -> str | None:
    """How a file that structure settles compares with the one that people made; nothing where it gives up."""
    suffix = Path(path.path).suffix or "none"
    tally.files[suffix] += 1
    stages = {stage.number: stage for stage in path.stages}
    versions = {
        number: repository.ask("cat-file", "blob", stage.oid).stdout
        for number, stage in stages.items()
        if stage.mode.startswith("100")
    }
    if not {2, 3} <= versions.keys() or len(versions) < len(stages):
        tally.why[f"{suffix}: {', '.join(path.kinds)}"] += 1
        return None
    started = time.perf_counter()
    try:
        settled = settle_or_say_why(path.path, versions.get(1), versions[2], versions[3])
    except GivesUp as reason:
        tally.why[f"{suffix}: {str(reason)[:60]}"] += 1
        return None
    finally:
        tally.seconds.append(time.perf_counter() - started)
    tally.settled[settled.way] += 1
    answer = repository.run("cat-file", "blob", f"{commit}:{path.path}")
    verdict = compare(settled.content, answer.stdout, settled.way) if answer.status == 0 else OTHER
    tally.compared[verdict] += 1
    if verdict == OTHER:
        tally.differing.append(f"differs: {commit[:12]} {path.path}")
    return verdict


def compare(made: bytes, wanted: bytes, way: str) -> str:
    """How alike two versions of a file are."""
    if made == wanted:
        return EXACT
    if _meaning(made, way) == _meaning(wanted, way) is not None:
        return TREE
    return ORDER if _lines(made) == _lines(wanted) else OTHER


def _meaning(content: bytes, way: str) -> str | None:
    try:
        return ast.dump(ast.parse(content)) if way == "python" else json.dumps(json.loads(content), sort_keys=True)
    except (ValueError, SyntaxError):
        return None


def _lines(content: bytes) -> Counter[bytes]:
    return Counter(line for line in map(bytes.strip, content.splitlines()) if line)


def row(git_dir: Path, tally: Tally) -> dict[str, object]:
    """The figures as a row of the table."""
    times = sorted(tally.seconds) or [0.0]
    name = git_dir.absolute().parent.name if git_dir.name in ("repo", ".git") else git_dir.name
    return {
        "repository": name,
        "merges": tally.merges,
        "conflicted": tally.conflicted,
        "settled by rules": tally.by_rules,
        "by structure": tally.by_structure,
        "by either": tally.by_both,
        "of these equal": equal(tally.whole),
        ".py in conflict": tally.files[".py"],
        ".py settled": tally.settled["python"],
        "others settled": sum(tally.settled.values()) - tally.settled["python"],
        "files equal": equal(tally.compared),
        "as": ", ".join(f"{tally.compared[kind]} {kind}" for kind in (*_EQUAL, OTHER) if tally.compared[kind]),
        "ms a file, median": round(median(times) * 1000, 1),
        "p95": round(times[int(len(times) * 0.95)] * 1000, 1),
    }


def equal(verdicts: Counter[str]) -> int:
    """How many are equal in one of the three ways."""
    return sum(verdicts[kind] for kind in _EQUAL)


if __name__ == "__main__":
    sys.exit(main())
