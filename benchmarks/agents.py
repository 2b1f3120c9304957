"""What plait adds around one agent call, and what a run with 64 agents at once holds in memory.

Run it with `python -m benchmarks.agents [TURNS]`. The agent is a command that writes one file; what the checkout takes,
and the same command without plait, are measured in turns beside it and taken off. On a disk that is what is measured:
`TMPDIR=/dev/shm` shows what plait takes.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.checkout import make_repository
from benchmarks.measuring import numbers_given, show

AGENTS = 64
COMMAND = ["/bin/sh", "-c", "cat > /dev/null; echo done > made.txt"]
PLAIT = Path(sys.executable).parent / "plait"
GOAL_MS, GOAL_MB = 80, 250


def main() -> int:
    """Measure, print tables, write JSON; 1 where a goal is missed."""
    turns = int(*numbers_given(__doc__, turns=15))
    with tempfile.TemporaryDirectory(prefix="plait-bench-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        os.environ["PLAIT_HOME"] = str(place / "home")
        repository = make_repository(place / "shop")
        around = one_call(repository, place, turns)
        show("agent_call", f"Around one agent call, 2,000 files, ms, median of {turns} in turns", [around])
        held = memory_of_a_run(repository, place)
        show("agent_memory", f"{AGENTS} scripted agents at once, MB (PSS) at the peak of the run itself", [held])
    print(f"added {around['plait adds']:.0f} ms (at most {GOAL_MS}); the run {held['run']:.0f} MB (at most {GOAL_MB})")
    return int(around["plait adds"] > GOAL_MS or held["run"] > GOAL_MB)


def one_call(repository: Path, place: Path, turns: int) -> dict[str, float]:
    """Milliseconds of a whole try, of its checkout alone, and of the command alone."""
    from plait.agent_tasks.implement import implement
    from plait.workspace.checkouts import make_checkout
    from plait.workspace.deleting import delete_tree
    from tests.flows.opened import opened, order_of

    plan = f"""
        feature: bench
        goal: Measure.
        crew: {{backend: {{backend: command, command: {COMMAND!r}, checkpoint: 0s}}}}
        tasks:
        {
        "".join(
            f'''
          - {{id: T{number}, role: backend, prompt: Write a file., owns: [made.txt]}}'''
            for number in range(turns + 1)
        )
    }
    """
    whole, checkouts, commands = list[float](), list[float](), list[float]()
    with opened(plan, repository) as session:
        control, facts = session.shop.control, session.shop.facts
        for number in range(turns + 1):
            order = order_of(session, f"T{number}")
            whole.append(milliseconds(lambda order=order: implement.fn(order, facts)))
            there = place / f"checkout-{number}"
            checkouts.append(
                milliseconds(lambda there=there: make_checkout(control, there, facts.base, branch="bench"))
            )
            work = there / "work"
            commands.append(milliseconds(lambda work=work: subprocess.run(COMMAND, cwd=work, input=b"", check=True)))
            delete_tree(there)
    tries, alone, command = (median(taken[1:]) for taken in (whole, checkouts, commands))  # the first one warms up
    return {"a try": tries, "its checkout": alone, "the command": command, "plait adds": tries - alone - command}


def milliseconds(work) -> float:  # type: ignore[no-untyped-def]  # any call
    """How long it takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def memory_of_a_run(repository: Path, place: Path) -> dict[str, float]:
    """MB that a run holds while all of its agents are at work: itself, its server, its shims, its agents."""
    script, plan = place / "script.yaml", place / "plan.yaml"
    script.write_text("default: [{steps: [{run: [sh, -c, 'echo $PLAIT_TASK > $PLAIT_TASK.txt']}, {sleep: 20s}]}]\n")
    tasks = "".join(f"  - {{id: T{number}, role: many, prompt: Wait., bundle: false}}\n" for number in range(AGENTS))
    crew = f"crew: {{many: {{slots: {AGENTS}, backend: scripted, script: {script}}}}}\n"
    plan.write_text(f"feature: many\ngoal: Measure.\n{crew}tasks:\n{tasks}", encoding="utf-8")
    run = subprocess.Popen(
        [str(PLAIT), "run", str(plan), "--yes"], cwd=repository, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = {"run": 0.0, "server": 0.0, "shims": 0.0, "agents": 0.0}
    while run.poll() is None:
        now = dict.fromkeys(peak, 0.0)
        for pid in (run.pid, *descendants(run.pid)):
            now[kind_of(pid, run.pid)] += pss(pid)
        peak = max(peak, now, key=lambda held: held["run"])
        time.sleep(0.5)
    return peak


def descendants(pid: int) -> Iterator[int]:
    """All processes below one."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from descendants(child)


def kind_of(pid: int, run: int) -> str:
    """What a process of a run is, by its command line."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "agents"
    if pid == run:
        return "run"
    if b"shim" in words:
        return "shims"
    return "server" if b"server" in words or b"uvicorn" in words else "agents"


def pss(pid: int) -> float:
    """MB of memory, what is shared counted in parts."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    sys.exit(main())
