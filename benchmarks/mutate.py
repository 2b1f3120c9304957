"""Whether the quick tests would notice: small faults are put into a copy of plait, one at a time, and tests are run.

Run it with `python -m benchmarks.mutate [TARGET…] [--count 60] [--seed 1] [--jobs N] [--least 90]`, or `make mutate`.

Own, because neither of the kept tools fits this layout: mutmut 3 copies sources under the names of their folders and
finds by these names what to run, and ours are imported under others; cosmic-ray changes files in place, and has one set
of tests for all of them.
"""

import argparse
import ast
import copy
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.measuring import show

ROOT = Path(__file__).parents[1]
LINKED = ("flows", "agent_tasks", "blocks")
"""Folders that are imported below `plait`: links in the copy."""
SLOWER_THAN_UNCHANGED = 5
"""How many times as long as the unchanged code its tests may take, before a mutant counts as noticed: it hangs."""


@dataclass(frozen=True, slots=True)
class Target:
    """Files, and the quick tests that are there to notice what is wrong in them."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = {
    "landing": Target(
        ("plait/plans/landing/*.py",),
        (
            "tests/plans/test_batching.py",
            "tests/plans/test_bisection.py",
            "tests/plans/test_landing_rules.py",
            "tests/plans/test_landing_choice.py",
            "tests/plans/test_suspicion.py",
            "tests/plans/test_weakened_tests.py",
            "tests/plans/run",
        ),
    ),
    "merging": Target(("plait/plans/merging/*.py",), ("tests/plans/merging",)),
    "quality": Target(("plait/plans/quality/*.py",), ("tests/plans/quality", "tests/flows/test_filled_presets.py")),
    "tasks": Target(
        ("plait/plans/tasks/*.py",),
        (
            "tests/plans/test_expansion.py",
            "tests/plans/test_bundling.py",
            "tests/plans/test_planned_contracts.py",
            "tests/plans/run/test_agreements.py",
            "tests/plans/test_phases.py",
            "tests/plans/test_usage.py",
            "tests/plans/test_work.py",
            "tests/plans/test_parsing.py",
            "tests/agent_tasks/test_quoted_work.py",
            "tests/advice/test_bundle_search.py",
            "tests/show/test_metrics.py",
        ),
    ),
    "run": Target(("plait/plans/run/*.py",), ("tests/plans/run",)),
    "searching": Target(
        ("agent_tasks/integrate.py", "agent_tasks/searching.py", "agent_tasks/whole_phases.py"),
        (
            "tests/agent_tasks/test_integrate.py",
            "tests/agent_tasks/test_searching.py",
            "tests/agent_tasks/test_whole_phases.py",
        ),
    ),
    "turns": Target(
        (
            "agent_tasks/pipeline.py",
            "agent_tasks/scoping.py",
            "agent_tasks/landing_order.py",
            "agent_tasks/known_failures.py",
            "agent_tasks/search_memory.py",
        ),
        (
            "tests/agent_tasks/test_pipeline.py",
            "tests/agent_tasks/test_scoping.py",
            "tests/agent_tasks/test_landing_order.py",
            "tests/agent_tasks/test_known_failures.py",
            "tests/agent_tasks/test_search_memory.py",
        ),
    ),
    "history": Target(
        (
            "plait/workspace/landed_work.py",
            "plait/workspace/own_changes.py",
            "plait/workspace/prediction.py",
            "plait/workspace/remaking.py",
            "plait/workspace/settling.py",
        ),
        (
            "tests/flows/test_reuse.py",
            "tests/workspace/test_own_changes.py",
            "tests/workspace/test_prediction.py",
            "tests/workspace/test_remaking.py",
            "tests/workspace/test_settling.py",
        ),
    ),
    "harvest-checks": Target(
        ("agent_tasks/checking.py", "agent_tasks/implement.py"),
        ("tests/agent_tasks", "tests/flows/test_reuse.py", "tests/flows/test_rejected.py"),
    ),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: where it is, what it changes, and the text of the whole file with it."""

    file: str
    line: int
    change: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tests said of a mutant."""

    mutant: Mutant
    killed: bool
    by: str
    """`tests`, `timeout`, or nothing."""
    seconds: float


# --- mutants

_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


def mutants_of(path: Path, root: Path) -> Iterator[Mutant]:
    """Every mutant of a file's functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for index, node in enumerate(_nodes(tree)):
        for before, after in _changes(node):
            changed = copy.deepcopy(tree)
            _replace(changed, index, after)
            change = f"{_short(before)}  →  {_short(after)}"
            text = ast.unparse(ast.fix_missing_locations(changed))
            yield Mutant(
                str(path.relative_to(root)), getattr(node, "lineno", getattr(before, "lineno", 0)), change, text
            )


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """What is in functions, in a fixed order; without annotations, decorators and defaults."""
    found: list[ast.AST] = []

    def visit(node: ast.AST, *, inside: bool) -> None:
        if inside:
            found.append(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in node.body:
                visit(statement, inside=True)
            return
        for name, value in ast.iter_fields(node):
            if name not in {"annotation", "returns", "decorator_list"}:
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        visit(child, inside=inside)

    visit(tree, inside=False)
    return found


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """What may stand in place of a node."""
    match node:
        case ast.Compare(ops=[operator], left=left, comparators=comparators) if type(operator) in _FLIPPED:
            yield node, ast.Compare(left, [_FLIPPED[type(operator)]()], comparators)
        case ast.BoolOp(op=ast.And(), values=values):
            yield node, ast.BoolOp(ast.Or(), values)
        case ast.BoolOp(op=ast.Or(), values=values):
            yield node, ast.BoolOp(ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, operand
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield node, ast.BinOp(left, ast.Sub(), right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield node, ast.BinOp(left, ast.Add(), right)
        case ast.Constant(value=bool(value)):
            yield node, ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield node, ast.Constant(value + 1)
        case ast.If(test=test, body=body, orelse=orelse):
            yield test, ast.If(_negated(test), body, orelse)
        case ast.IfExp(test=test, body=one, orelse=other):
            yield test, ast.IfExp(_negated(test), one, other)
        case ast.comprehension(target=target, iter=over, ifs=[*ifs], is_async=is_async) if ifs:
            yield ifs[0], ast.comprehension(target, over, [_negated(ifs[0]), *ifs[1:]], is_async)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            for instead in (None, True, False) if isinstance(value, ast.Compare | ast.BoolOp) else (None,):
                yield node, ast.Return(ast.Constant(instead))
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
            yield node, ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, ast.Pass()


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _replace(tree: ast.AST, index: int, after: ast.AST) -> None:
    """Put `after` in place of the node of that number."""
    old = _nodes(tree)[index]
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, after)
            elif isinstance(value, list):
                setattr(parent, name, [after if child is old else child for child in value])


def _short(node: ast.AST) -> str:
    """The first line of a node's code; of what has a condition, the condition."""
    shown = node.test if isinstance(node, ast.If | ast.IfExp) else node
    text = f"if {ast.unparse(shown.ifs[0])}" if isinstance(shown, ast.comprehension) else ast.unparse(shown)
    line = text.splitlines()[0]
    return line if len(line) <= 70 else f"{line[:69]}…"


# --- tests


def copied(place: Path) -> Path:
    """A copy of the project, its packages under the names that they are imported by: nothing else is ever changed."""
    left_out = shutil.ignore_patterns(".git", ".venv*", ".lint", ".*_cache", ".hypothesis", "__pycache__", "results")
    shutil.copytree(ROOT, place, ignore=left_out)
    for name in LINKED:
        (place / "plait" / name).symlink_to(f"../{name}")
    (place / "flows" / "examples").symlink_to("../examples")
    return place


def ended(argv: Sequence[str], place: Path, *, timeout: float) -> int | None:
    """The status of a command in a copy; nothing when it was ended with all that it had started."""
    environment = {**os.environ, "PYTHONPATH": str(place), "CI": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        argv, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None


def tested(target: Target, place: Path, *, timeout: float) -> int | None:
    """The status of pytest: 0 green, 1 red, nothing at the timeout."""
    tests = [name for name in target.tests if (place / name).exists()]
    argv = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow and not browser", *tests]
    return ended([sys.executable, "-m", "pytest", *argv], place, timeout=timeout)


def judged(mutant: Mutant, target: Target, places: "queue.Queue[Path]", *, timeout: float) -> Verdict:
    """What the tests say of one mutant, in a copy that nobody else uses meanwhile."""
    place, began = places.get(), time.monotonic()
    file = place / mutant.file
    sound = file.read_text(encoding="utf-8")
    try:
        file.write_text(mutant.text, encoding="utf-8")
        status = tested(target, place, timeout=timeout)
    finally:
        file.write_text(sound, encoding="utf-8")
        places.put(place)
    by = {None: "timeout", 0: ""}.get(status, "tests")
    return Verdict(mutant, bool(by), by, time.monotonic() - began)


def unchanged(name: str, target: Target, place: Path) -> float:
    """Seconds that the tests of a target take; they have to be green, and to test the copy.

    Raises:
        SystemExit: they are not, or do not.
    """
    folder = "plait.plans.names" if target.sources[0].startswith("plait/") else "plait.agent_tasks.checking"
    own = f"import sys, {folder} as module; sys.exit(not module.__file__.startswith({str(place)!r}))"
    if ended([sys.executable, "-c", own], place, timeout=60) != 0:
        raise SystemExit(f"{name}: the copy is not what would be tested")
    began = time.monotonic()
    if tested(target, place, timeout=1200) != 0:
        raise SystemExit(f"{name}: its tests are red without any change")
    return time.monotonic() - began


def sample(target: Target, *, count: int, seed: int) -> list[Mutant]:
    """So many mutants of a target, the same for the same seed and code."""
    files = sorted(path for pattern in target.sources for path in ROOT.glob(pattern))
    every = [mutant for path in files for mutant in mutants_of(path, ROOT)]
    chosen = Random(seed).sample(every, min(count, len(every)))
    return sorted(chosen, key=lambda mutant: (mutant.file, mutant.line))


def main() -> int:
    """Try the targets one after the other; 1 when too many of any were not noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="all of them when none is named")
    parser.add_argument("--count", type=int, default=60, help="mutants of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--least", type=float, default=90, help="per cent that have to be killed")
    wanted = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="plait-mutants-") as folder:
        places: queue.Queue[Path] = queue.Queue()
        for number in range(wanted.jobs):
            places.put(copied(Path(folder) / str(number)))
        for name in wanted.targets or TARGETS:
            rows += tried(name, TARGETS[name], places, count=wanted.count, seed=wanted.seed, jobs=wanted.jobs)
    shares = {name: [row["killed"] for row in rows if row["target"] == name] for name in wanted.targets or TARGETS}
    show("mutate", "Mutants that the quick tests did not notice", [row for row in rows if not row["killed"]])
    for name, killed in shares.items():
        sys.stdout.write(f"{name}: {sum(map(bool, killed))} of {len(killed)} killed\n")
    return int(any(sum(map(bool, killed)) * 100 < wanted.least * len(killed) for killed in shares.values()))


def tried(
    name: str, target: Target, places: "queue.Queue[Path]", *, count: int, seed: int, jobs: int
) -> list[dict[str, object]]:
    """A row for each mutant of a target; each is told as soon as it is known."""
    place = places.get()
    took = unchanged(name, target, place)
    places.put(place)
    timeout = max(30.0, SLOWER_THAN_UNCHANGED * took)
    rows: list[dict[str, object]] = []
    with ThreadPoolExecutor(jobs) as pool:
        mutants = sample(target, count=count, seed=seed)
        for verdict in pool.map(lambda mutant: judged(mutant, target, places, timeout=timeout), mutants):
            mutant = verdict.mutant
            told = f"killed ({verdict.by})" if verdict.killed else "SURVIVED"
            sys.stdout.write(f"{told:17} {mutant.file}:{mutant.line}  {mutant.change}\n")
            sys.stdout.flush()
            row = {"target": name, "where": f"{mutant.file}:{mutant.line}", "change": mutant.change}
            rows.append({**row, "killed": verdict.killed, "by": verdict.by, "seconds": round(verdict.seconds, 1)})
    return rows


if __name__ == "__main__":
    sys.exit(main())
