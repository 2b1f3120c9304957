"""Runs a program in a sandbox, supervised as any other: the same limits, the same words on how it ended."""

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from plait.workspace.allowed_hosts import way_home, way_to
from plait.workspace.process import UNLIMITED, Ended, Limits, run_supervised
from plait.workspace.sandbox import HOSTS_PORT, Sandbox, confined, copy_of_git


def run_sandboxed(
    box: Sandbox,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    output: Path,
    stdin: bytes | None = None,
    limits: Limits = UNLIMITED,
    stop: threading.Event | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Ended:
    """Run a program in the checkout of a sandbox to its end; all else as `run_supervised`.

    Whether sandboxes work here is for `sandbox_probe` to tell first: one that does not shows as bwrap's own words in
    the log, and exit status 1.

    Raises:
        CallError, EnvironmentProblem: as `run_supervised` and `confined`.
    """
    box.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if box.writes_git:
        copy = copy_of_git(box)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(box.checkout / ".git", copy, symlinks=True)
    with ExitStack() as open_ways:
        ways = {port: open_ways.enter_context(way_home(port)) for port in box.ports if port not in box.sockets}
        if hosts := open_ways.enter_context(way_to(box.hosts, environment=environment)):
            ways[HOSTS_PORT] = hosts
        words, inside = confined(argv, environment, box, ways=ways)
        return run_supervised(
            words,
            directory=box.checkout,
            environment={},
            output=output,
            stdin=stdin,
            limits=limits,
            stop=stop,
            on_line=on_line,
            inside=inside,
        )
