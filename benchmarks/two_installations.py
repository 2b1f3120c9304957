"""Two installations of plait beside each other, such as before and after a change: pairs of processes, in turn.

    python -m benchmarks.two_installations OLD/.venv/bin/plait NEW/.venv/bin/plait [PAIRS [dispatch|overhead|whole]]

Each figure is a ratio, new by old: of the seconds from the first start of a task to the end of the run, as `--json` has
them, and of the whole process. It is the geometric mean of the pairs, with its 95 % interval (Student's t on the
logarithms). Both should have the same version of Prefect. Which one goes first alternates.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import mean, stdev

from benchmarks.measuring import show
from benchmarks.whole_way import make_repository

PAIRS = 20
T_95 = {5: 2.571, 9: 2.262, 10: 2.228, 14: 2.145, 19: 2.093, 24: 2.064, 29: 2.045}
"""Student's t for a two-sided interval of 95 %, by degrees of freedom; between them the one before, which is wider."""

PLANS = {
    "dispatch: 60 tasks that sleep 0.2 s at 12 slots, in a graph": "\n".join(
        [
            "feature: sleepers",
            "crew: {sleeper: {slots: 12}}",
            "tasks:",
            *(
                f"  - {{id: T{n}, role: sleeper, run: sleep 0.2, changes: optional"
                + (f", needs: [T{n // 3}]" if n >= 12 else "")
                + "}"
                for n in range(60)
            ),
        ]
    ),
    "overhead: 100 tasks that do nothing at 4 slots": "feature: nothing\ncrew: {doer: {slots: 4}}\n"
    "tasks: [{id: N, role: doer, run: 'true', changes: optional, count: 100}]\n",
    "whole way: 16 tasks with a file each, verified and landed": "feature: files\ncrew: {writer: {slots: 4}}\n"
    "tasks: [{id: F, role: writer, run: 'echo $PLAIT_TASK > $PLAIT_TASK.txt', count: 16}]\n"
    "integration: {verify: ['true']}\n",
}


def main() -> None:
    """Measure each plan, pair by pair."""
    old, new = sys.argv[1], sys.argv[2]
    pairs = int(sys.argv[3]) if len(sys.argv) > 3 else PAIRS
    wanted = sys.argv[4] if len(sys.argv) > 4 else ""
    rows = []
    for name, plan in ((name, plan) for name, plan in PLANS.items() if name.startswith(wanted)):
        runs, processes = [], []
        for turn in range(-1, pairs):
            took = {}
            for which, program in (("old", old), ("new", new))[:: 1 if turn % 2 else -1]:
                took[which] = measure(program, plan)
            if turn >= 0:  # the first pair makes the database templates
                runs.append(math.log(took["new"][0] / took["old"][0]))
                processes.append(math.log(took["new"][1] / took["old"][1]))
        rows += [row(name, "run", runs), row(name, "process", processes)]
        show("two_installations", f"{new} by {old}: {pairs} pairs", rows)


def row(name: str, what: str, logs: list[float]) -> dict[str, object]:
    """Mean ratio with its interval."""
    freedom = max(known for known in T_95 if known < len(logs))
    half = T_95[freedom] * stdev(logs) / math.sqrt(len(logs))
    return {
        "plan": name,
        "what": what,
        "ratio": math.exp(mean(logs)),
        "from": math.exp(mean(logs) - half),
        "to": math.exp(mean(logs) + half),
    }


HOMES: dict[str, str] = {}


def measure(program: str, plan: str) -> tuple[float, float]:
    """Seconds from a run's first start to its end, and of its process."""
    home = HOMES.setdefault(program, tempfile.mkdtemp(prefix="plait-bench-home-"))
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as folder:
        repository = make_repository(Path(folder) / "repository", 10)
        file = Path(folder) / "plan.yaml"
        file.write_text(plan, encoding="utf-8")
        began = time.monotonic()
        done = subprocess.run(
            [program, "run", str(file), "--repo", str(repository), "--json"],
            env={**os.environ, "PLAIT_HOME": home},
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.monotonic() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    run = json.loads(done.stdout)
    first = min(datetime.fromisoformat(task["started_at"]) for task in run["tasks"])
    return (datetime.fromisoformat(run["ended_at"]) - first).total_seconds(), took


if __name__ == "__main__":
    main()
