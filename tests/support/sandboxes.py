"""Sandboxes for tests: one in a temporary folder, and the reason to skip where they do not work."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from plait.workspace.environment import agent_environment
from plait.workspace.process import UNLIMITED, Ended, Limits
from plait.workspace.sandbox import Sandbox
from plait.workspace.sandbox_probe import probe_sandbox
from plait.workspace.sandboxed_runs import run_sandboxed

PROBE = probe_sandbox()

needs_sandbox = pytest.mark.skipif(not PROBE.works, reason=f"no sandbox on this machine: {PROBE.why}")


def make_box(place: Path) -> Sandbox:
    """An empty checkout with a `.git`, a HOME and a TMPDIR."""
    box = Sandbox(place / "box" / "work", place / "box" / "home", place / "box" / "tmp")
    (box.checkout / ".git").mkdir(parents=True)
    (box.checkout / ".git" / "config").write_text("[core]\n\tbare = false\n")
    box.temporary.mkdir()
    return box


def run_inside(
    box: Sandbox, argv: Sequence[str], *, stdin: bytes | None = None, limits: Limits = UNLIMITED, **variables: str
) -> Ended:
    """Run a program with the environment of an agent."""
    environment = agent_environment(extra={"TMPDIR": str(box.temporary), **variables})
    log = box.checkout.parent / "log"
    return run_sandboxed(box, argv, environment=environment, output=log, stdin=stdin, limits=limits)


def shell_inside(box: Sandbox, script: str, **variables: str) -> str:
    """What a shell script prints, without the last line break."""
    return run_inside(box, ["/bin/sh", "-c", script], **variables).tail.removesuffix("\n")
