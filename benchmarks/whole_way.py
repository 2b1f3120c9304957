"""The whole way of a task (checkout, process, harvest): 16 x `run: sleep 1` at 4 slots, first start to last end.

Run it with `python -m benchmarks.whole_way`.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from benchmarks.measuring import show

TASKS, SLOTS, SECONDS = 16, 4, 1
PLAN = f"""
feature: sleepers
goal: Sleep.
crew: {{sleeper: {{slots: {SLOTS}}}}}
tasks:
  - {{id: S, role: sleeper, run: sleep {SECONDS}, count: {TASKS}}}
"""


def main() -> None:
    """Measure on a repository of 10 and of 2,000 files."""
    rows = []
    for files in (10, 2000):
        with tempfile.TemporaryDirectory(prefix="plait-bench-") as folder:
            rows.append(measure(Path(folder), files))
    show(
        "whole_way", f"The whole way: {TASKS} x `run: sleep {SECONDS}` at {SLOTS} slots, first start to last end", rows
    )


def measure(place: Path, files: int) -> dict[str, object]:
    """One run of the command on a repository of `files` files."""
    repository = make_repository(place / "repository", files)
    plan = place / "plan.yaml"
    plan.write_text(PLAN, encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "plait"), "run", str(plan), "--repo", str(repository), "--json"],
        env={**os.environ, "PLAIT_HOME": str(place / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    tasks = json.loads(done.stdout)["tasks"]
    starts = [datetime.fromisoformat(task["started_at"]) for task in tasks]
    ends = [datetime.fromisoformat(task["ended_at"]) for task in tasks]
    took = (max(ends) - min(starts)).total_seconds()
    bound = float(TASKS // SLOTS * SECONDS)
    return {"files in the repository": files, "bound s": bound, "took s": took, "ratio": took / bound}


def make_repository(path: Path, files: int) -> Path:
    """A repository with one commit of `files` small files."""
    for number in range(files):
        file = path / f"d{number % 40}" / f"f{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"file {number}\n" * 20, encoding="utf-8")
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=path, check=True)
    return path


if __name__ == "__main__":
    main()
