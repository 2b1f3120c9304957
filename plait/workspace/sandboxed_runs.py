"""Runs a program in a sandbox, supervised as any other: the same limits, the same words on how it ended."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from plait.workspace.allowed_hosts import way_to
from plait.workspace.process import UNLIMITED, Ended, Limits, run_supervised
from plait.workspace.sandbox import Sandbox, confined


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
    with way_to(box.hosts, environment=environment) as hosts:
        words, inside = confined(argv, environment, box, hosts=hosts)
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
