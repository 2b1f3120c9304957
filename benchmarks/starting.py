"""How long commands take that a person waits for: whole processes, from the call to the exit.

Run it with `python -m benchmarks.starting [TIMES]`.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.measuring import numbers_given, show

PLAIT = Path(sys.executable).parent / "plait"
LIBRARIES, CHECK = "importing pydantic and yaml", "plait check, 3 tasks"
ROLES = ("architect", "backend", "frontend", "qa")


def main() -> int:
    """Measure, print a table, write JSON; all commands take turns, so that the machine's moods hit them alike."""
    times = int(*numbers_given(__doc__, times=7))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        three, ten, hundred = write_plan(place, 3), write_plan(place, 10), write_plan(place, 100)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            LIBRARIES: [sys.executable, "-c", "from pydantic import BaseModel; import yaml"],
            "plait --version": [str(PLAIT), "--version"],
            CHECK: [str(PLAIT), "check", three],
            "plait check, 100 tasks": [str(PLAIT), "check", hundred],
            "plait forecast, 10 tasks": [str(PLAIT), "forecast", ten],
            "plait forecast --json, 10 tasks": [str(PLAIT), "forecast", ten, "--json"],
            "plait forecast --size, 10 tasks": [str(PLAIT), "forecast", ten, "--size"],
            "plait forecast --size, 100 tasks": [str(PLAIT), "forecast", hundred, "--size"],
            "plait gantt, 10 tasks": [str(PLAIT), "gantt", ten],
            "plait run --dry-run, 10 tasks": [str(PLAIT), "run", ten, "--dry-run"],
        }
        taken: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
        for _ in range(times):
            for what, command in commands.items():
                taken[what].append(measured(command, place))
    cost = {what: min(cpu for _, cpu in one) for what, one in taken.items()}
    print(f"plait check takes {cost[CHECK] / cost[LIBRARIES]:.1f} times the CPU of {LIBRARIES} (at most 3)")
    show("starting", f"Commands as processes, seconds, median of {times}", [row(*one) for one in taken.items()])
    return 0


def row(what: str, taken: list[tuple[float, float]]) -> dict[str, object]:
    """One command."""
    wall, cpu = ([one[part] for one in taken] for part in (0, 1))
    return {"what": what, "wall": median(wall), "CPU": median(cpu), "least CPU": min(cpu)}


def measured(command: list[str], place: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a process and of what it started."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    home = {"PLAIT_HOME": str(place / "home"), "COLUMNS": "100"}
    subprocess.run(command, cwd=place, env={**os.environ, **home}, capture_output=True, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_plan(place: Path, size: int) -> str:
    """Tasks of an hour to three in four roles, each needing one of the four before it; it passes `plait check`."""
    tasks = [
        f"  - {{id: T{turn}, title: Part {turn}, role: {ROLES[turn * 7 % 4]}, duration: {1 + turn % 3}h, "
        f"owns: [src/part{turn}/**], prompt: Build part {turn} as its notes say{needs(turn)}}}\n"
        for turn in range(size)
    ]
    path = place / f"plan{size}.yaml"
    text = f"feature: bench\ngoal: Measure.\nintegration: {{verify: ['true']}}\ntasks:\n{''.join(tasks)}"
    path.write_text(text, encoding="utf-8")
    return str(path)


def needs(turn: int) -> str:
    """The first four need nothing."""
    return f", needs: [T{turn - 1 - turn % 4}]" if turn >= 4 else ""


if __name__ == "__main__":
    sys.exit(main())
