"""What holds for every backend, whatever it is made of: one body, run on each."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from plait.blocks.agents.base import AgentOrder, AgentReport
from plait.blocks.agents.command import CommandAgent, run_script
from plait.blocks.agents.program import ProgramAgent
from plait.blocks.agents.registry import BY_BACKEND
from plait.blocks.agents.scripted import ScriptedAgent
from tests.support.agents import alive, order_for, wait_until

Work = Callable[[AgentOrder], AgentReport]


@dataclass(frozen=True)
class Backend:
    """How one backend is made to do each thing that the contract speaks of."""

    edits: Work
    """Writes `hello` to `src/hello.txt` and says "greeted"."""
    fails: Work
    """Says "cannot" and ends with status 3."""
    hangs: Work
    """Writes `begun` to `begun.txt`, then neither prints nor ends."""
    floods: Work
    """Prints without end."""
    leaves_children: Work
    """Prints `left running: PID …` of processes in sessions of their own that ignore SIGTERM, and ends well."""
    prints_much: Work
    """Prints 3,000,000 bytes."""


def _scripted(steps: str, say: str = "[]") -> Work:
    agent = ScriptedAgent(text=f"default:\n  - say: {say}\n    steps: {steps}\n")
    return agent.work


def _python(program: str) -> Work:
    return CommandAgent(command=(sys.executable, "-I", "-S", "-c", program)).work


def _shell(script: str) -> Work:
    return lambda order: run_script(order, script)


_CHILD = """
import os, signal, time
def leave():
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(writer, b"%d" % os.getpid())
            time.sleep(300)
        os._exit(0)
    os.wait()
    return os.read(reader, 20).decode()
print("left running:", leave(), leave(), flush=True)
"""

BACKENDS = {
    "scripted": Backend(
        edits=_scripted('[{write: {path: src/hello.txt, text: "hello\\n"}}]', say="[looking, greeted]"),
        fails=_scripted("[{fail: {status: 3, say: cannot}}]"),
        hangs=_scripted('[{write: {path: begun.txt, text: "begun"}}, {hang: {}}]'),
        floods=_scripted("[{flood: forever}]"),
        leaves_children=_scripted("[{children: 2}]"),
        prints_much=_scripted("[{flood: 3MB}]"),
    ),
    "command": Backend(
        edits=_python("import os; os.mkdir('src'); print('hello', file=open('src/hello.txt', 'w')); print('greeted')"),
        fails=_python("import sys; sys.exit(print('cannot') or 3)"),
        hangs=_python("import time; open('begun.txt', 'w').write('begun'); time.sleep(300)"),
        floods=_python("while True: print('x' * 10000)"),
        leaves_children=_python(_CHILD),
        prints_much=_python("print(('x' * 999 + chr(10)) * 3000, end='')"),
    ),
    "script of the plan": Backend(
        edits=_shell("mkdir src\necho hello > src/hello.txt\necho greeted"),
        fails=_shell("echo cannot\n(exit 3)\necho greeted"),
        hangs=_shell("printf begun > begun.txt; sleep 300"),
        floods=_shell("yes"),
        leaves_children=_shell(f"exec '{sys.executable}' -I -S -c '{_CHILD}'"),
        prints_much=_shell("yes | head -c 3000000"),
    ),
}


@pytest.fixture(params=list(BACKENDS.values()), ids=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    return chosen


def test_it_edits_its_checkout_and_says_what_it_did(backend: Backend, tmp_path: Path) -> None:
    order = order_for(tmp_path)

    report = backend.edits(order)

    assert (order.directory / "src" / "hello.txt").read_text() == "hello\n"
    assert (report.cause, report.status, report.problem) == ("exited", 0, None)
    assert report.claims_done
    assert report.summary == "greeted"


def test_a_failure_is_told_with_status_and_last_words(backend: Backend, tmp_path: Path) -> None:
    report = backend.fails(order_for(tmp_path))

    assert (report.cause, report.status) == ("exited", 3)
    assert not report.claims_done
    assert report.problem is not None
    assert report.problem.endswith("ended with exit status 3: cannot")


def test_it_stops_when_the_run_is_cancelled(backend: Backend, tmp_path: Path) -> None:
    stop = threading.Event()
    order = order_for(tmp_path, stop=stop, timeout=600)
    reports: list[AgentReport] = []
    worker = threading.Thread(target=lambda: reports.append(backend.hangs(order)))
    worker.start()
    assert wait_until((order.directory / "begun.txt").exists)

    stop.set()
    worker.join(60)

    (report,) = reports
    assert report.cause == "cancelled"
    assert report.problem is not None
    assert "cancelled" in report.problem


def test_it_is_stopped_at_its_timeout(backend: Backend, tmp_path: Path) -> None:
    report = backend.hangs(order_for(tmp_path, timeout=0.5))

    assert report.cause == "timeout"
    assert report.problem is not None
    assert report.problem.endswith("was stopped at its timeout of 0.5s")


def test_it_is_stopped_when_it_says_nothing_for_too_long(backend: Backend, tmp_path: Path) -> None:
    report = backend.hangs(order_for(tmp_path, stall=0.5))

    assert report.cause == "stalled"
    assert report.problem is not None
    assert report.problem.endswith("was stopped after 0.5s without a word")


def test_it_is_stopped_when_it_floods(backend: Backend, tmp_path: Path) -> None:
    report = backend.floods(order_for(tmp_path))

    assert report.cause == "flooded"
    assert not report.claims_done
    assert report.problem is not None
    assert "printed too much" in report.problem


def test_no_process_that_it_started_outlives_it(backend: Backend, tmp_path: Path) -> None:
    report = backend.leaves_children(order_for(tmp_path))

    left = [int(word) for word in report.tail.partition("left running:")[2].split()]
    assert len(left) == 2
    assert not any(alive(pid) for pid in left)
    assert report.claims_done


def test_its_log_is_kept_whole_and_its_report_stays_small(backend: Backend, tmp_path: Path) -> None:
    order = order_for(tmp_path)

    report = backend.prints_much(order)

    assert order.output.stat().st_size == 3_000_000
    assert len(report.tail) <= 8192
    assert len(report.summary) <= 200


def test_who_watches_is_told_what_it_says(backend: Backend, tmp_path: Path) -> None:
    heard: list[str] = []

    backend.edits(order_for(tmp_path, on_line=heard.append))

    assert heard[-1:] == ["greeted"]


def test_it_never_sees_our_environment(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "secret")
    program = "import os; print(os.environ.get('CANARY', 'nothing'))"
    asks = {
        "scripted": _scripted(f'[{{run: [python, -c, "{program}"]}}]'),
        "command": _python(program),
        "script of the plan": _shell("echo ${CANARY:-nothing}"),
    }

    report = asks[next(name for name, known in BACKENDS.items() if known is backend)](order_for(tmp_path))

    assert report.summary == "nothing"


def test_every_backend_of_the_registry_keeps_this_contract() -> None:
    own_contract = {name for name, agent in BY_BACKEND.items() if issubclass(agent, ProgramAgent)}
    assert set(BACKENDS) == {*BY_BACKEND, "script of the plan"} - own_contract
